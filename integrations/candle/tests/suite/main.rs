//! One program of several files: kernels are compiled where they are used, and so once.

mod bits;
mod candle;
mod common;
mod errors;
mod in_place;
