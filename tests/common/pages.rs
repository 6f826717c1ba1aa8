//! Memory between pages that cannot be touched.
#![allow(unsafe_code)]

use std::ops::{Deref, DerefMut};
use std::slice;

use rectify::Element;

use memory::Memory;

/// Elements on whole pages, with a page in front of the first and one behind the last that nobody may read or
/// write: who does is killed. A slice that begins with the first element, or ends with the last, is guarded on
/// that side to the byte.
pub struct Pages<T> {
    first: *mut T,
    len: usize,
    writable: bool,
    /// Freed when this is dropped.
    memory: Memory,
}

// SAFETY: it owns its memory, as a `Vec` does.
unsafe impl<T: Send> Send for Pages<T> {}

impl<T: Element> Pages<T> {
    /// At least `len` elements, all 0.
    pub fn new(len: usize) -> Self {
        let mut memory = Memory::new(len * size_of::<T>());
        let pages = memory.between_guards();
        Self {
            first: pages.cast(),
            len: pages.len() / size_of::<T>(),
            writable: true,
            memory,
        }
    }

    /// `values` at the front and once more at the back, never to be written again.
    pub fn read_only(values: &[T]) -> Self {
        let mut pages = Self::new(2 * values.len());
        let back = pages.len() - values.len();
        pages[..values.len()].copy_from_slice(values);
        pages[back..].copy_from_slice(values);
        // No reference to them is alive.
        pages.memory.make_read_only();
        pages.writable = false;
        pages
    }
}

impl<T> Deref for Pages<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: so many elements are between the guards; new memory is all zeros, which is a `T`.
        unsafe { slice::from_raw_parts(self.first, self.len) }
    }
}

impl<T> DerefMut for Pages<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        assert!(self.writable, "these pages are read-only");
        // SAFETY: as above, and borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.first, self.len) }
    }
}

#[cfg(not(target_family = "wasm"))]
mod memory {
    use std::ptr;

    use region::{Allocation, Protection};

    /// Zeros on whole pages, and a page on either side that nobody may touch.
    pub(super) struct Memory(Allocation);

    impl Memory {
        pub(super) fn new(bytes: usize) -> Self {
            let page = region::page::size();
            let bytes = bytes.next_multiple_of(page).max(page) + 2 * page;
            let mut memory = region::alloc(bytes, Protection::READ_WRITE).expect("memory");
            let first: *mut u8 = memory.as_mut_ptr();
            for guard in [first, first.wrapping_add(bytes - page)] {
                // SAFETY: nothing is on the pages in front and behind.
                unsafe { region::protect(guard, page, Protection::NONE) }.expect("a page of ours");
            }
            Self(memory)
        }

        pub(super) fn between_guards(&mut self) -> *mut [u8] {
            let page = region::page::size();
            let first: *mut u8 = self.0.as_mut_ptr();
            ptr::slice_from_raw_parts_mut(first.wrapping_add(page), self.0.len() - 2 * page)
        }

        /// What is between the guards, to which there must be no reference.
        pub(super) fn make_read_only(&mut self) {
            let pages = self.between_guards();
            // SAFETY: these pages are ours, and no reference to them is alive.
            unsafe { region::protect(pages.cast::<u8>(), pages.len(), Protection::READ) }
                .expect("pages of ours");
        }
    }
}

/// WebAssembly has no pages to protect. Here what was written where it must not be is found in the end, when the memory is
/// given back; what was read is not.
#[cfg(target_family = "wasm")]
mod memory {
    use std::ptr;

    const PAGE: usize = 4096;
    const GUARD: u8 = 0xa5;

    #[derive(Clone)]
    #[repr(align(4096))]
    struct Page([u8; PAGE]);

    pub(super) struct Memory {
        /// The first and the last are guards.
        pages: Vec<Page>,
        read_only: Option<Vec<Page>>,
    }

    impl Memory {
        pub(super) fn new(bytes: usize) -> Self {
            let mut pages = vec![Page([0; PAGE]); bytes.div_ceil(PAGE).max(1) + 2];
            for guard in [0, pages.len() - 1] {
                pages[guard].0.fill(GUARD);
            }
            let read_only = None;
            Self { pages, read_only }
        }

        pub(super) fn between_guards(&mut self) -> *mut [u8] {
            let first: *mut u8 = self.pages.as_mut_ptr().cast();
            let bytes = (self.pages.len() - 2) * PAGE;
            ptr::slice_from_raw_parts_mut(first.wrapping_add(PAGE), bytes)
        }

        pub(super) fn make_read_only(&mut self) {
            self.read_only = Some(self.pages.clone());
        }
    }

    impl Drop for Memory {
        fn drop(&mut self) {
            let is_guard = |page: &Page| page.0.iter().all(|&byte| byte == GUARD);
            let [first, .., last] = &self.pages[..] else {
                panic!("there are two guards")
            };
            assert!(is_guard(first), "written in front of the first element");
            assert!(is_guard(last), "written behind the last element");
            if let Some(expected) = &self.read_only {
                let mut both = self.pages.iter().zip(expected);
                assert!(
                    both.all(|(page, expected)| page.0 == expected.0),
                    "inputs were written"
                );
            }
        }
    }
}
