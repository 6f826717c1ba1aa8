//! Memory between pages that cannot be touched.
#![allow(unsafe_code)]

use std::ops::{Deref, DerefMut};
use std::slice;

use rectify::Element;
use region::{Allocation, Protection};

/// Elements on whole pages, with a page in front of the first and one behind the last that nobody may read or
/// write: who does is killed. A slice that begins with the first element, or ends with the last, is guarded on
/// that side to the byte.
pub struct Pages<T> {
    first: *mut T,
    len: usize,
    writable: bool,
    /// Freed when this is dropped.
    _memory: Allocation,
}

// SAFETY: it owns its memory, as a `Vec` does.
unsafe impl<T: Send> Send for Pages<T> {}

impl<T: Element> Pages<T> {
    /// At least `len` elements, all 0.
    pub fn new(len: usize) -> Self {
        let page = region::page::size();
        let bytes = (len * size_of::<T>()).next_multiple_of(page).max(page);
        let mut memory = region::alloc(bytes + 2 * page, Protection::READ_WRITE).expect("memory");
        let first: *mut u8 = memory.as_mut_ptr();
        for guard in [first, first.wrapping_add(page + bytes)] {
            // SAFETY: nothing is on the pages in front and behind.
            unsafe { region::protect(guard, page, Protection::NONE) }.expect("a page of ours");
        }
        Self {
            first: first.wrapping_add(page).cast(),
            len: bytes / size_of::<T>(),
            writable: true,
            _memory: memory,
        }
    }

    /// `values` at the front and once more at the back, never to be written again.
    pub fn read_only(values: &[T]) -> Self {
        let mut pages = Self::new(2 * values.len());
        let back = pages.len() - values.len();
        pages[..values.len()].copy_from_slice(values);
        pages[back..].copy_from_slice(values);
        // SAFETY: these pages are ours, and no reference to them is alive.
        unsafe { region::protect(pages.first, size_of_val(&*pages), Protection::READ) }
            .expect("pages of ours");
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
