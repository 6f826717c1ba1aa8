//! A way to do an operation: how a peer is written down.

use std::hint::black_box;

use crate::common::Slices;

pub struct Way {
    pub name: &'static str,
    pub threads: Threads,
    pub work: Work,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// The caller's.
    One,
    /// Those of the current Rayon pool.
    Rayon,
    /// The caller's, and those of the library's own pool from so many elements on.
    OwnFrom(usize),
}

pub enum Work {
    /// On the caller's slices.
    Slices(fn(&mut Slices<'_, f32>)),
    /// On tensors that are made of the slices first.
    Tensors(fn(&Slices<'_, f32>) -> Box<dyn Tensors>),
}

/// The tensors of a library that owns them, with work to do on them.
pub trait Tensors {
    /// Does the work.
    fn run(&mut self);
    /// Does the work, and says what came out.
    fn result(&mut self) -> Vec<f32>;
}

impl Way {
    pub fn serial(name: &'static str, work: fn(&mut Slices<'_, f32>)) -> Self {
        let (threads, work) = (Threads::One, Work::Slices(work));
        Self {
            name,
            threads,
            work,
        }
    }

    pub fn rayon(name: &'static str, work: fn(&mut Slices<'_, f32>)) -> Self {
        let (threads, work) = (Threads::Rayon, Work::Slices(work));
        Self {
            name,
            threads,
            work,
        }
    }

    pub fn tensors(
        name: &'static str,
        threads: Threads,
        make: fn(&Slices<'_, f32>) -> Box<dyn Tensors>,
    ) -> Self {
        let work = Work::Tensors(make);
        Self {
            name,
            threads,
            work,
        }
    }

    /// What comes out for `slices`.
    pub fn result(&self, slices: &mut Slices<'_, f32>) -> Vec<f32> {
        match self.work {
            Work::Slices(work) => {
                work(slices);
                slices.output.to_vec()
            }
            Work::Tensors(make) => make(slices).result(),
        }
    }
}

/// Work that makes a new tensor each time.
pub struct Fresh<R, W> {
    pub work: W,
    pub read: fn(R) -> Vec<f32>,
}

impl<R, W: FnMut() -> R> Tensors for Fresh<R, W> {
    fn run(&mut self) {
        drop(black_box((self.work)()));
    }

    fn result(&mut self) -> Vec<f32> {
        (self.read)((self.work)())
    }
}

/// Work that changes a tensor.
pub struct InPlace<T, W> {
    pub tensor: T,
    pub work: W,
    pub read: fn(&T) -> Vec<f32>,
}

impl<T, W: FnMut(&mut T)> Tensors for InPlace<T, W> {
    fn run(&mut self) {
        (self.work)(black_box(&mut self.tensor));
    }

    fn result(&mut self) -> Vec<f32> {
        self.run();
        (self.read)(&self.tensor)
    }
}
