//! The handwritten digits: reading, checking, splitting.

use std::error::Error;
use std::path::Path;

use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rand::seq::SliceRandom;

/// Pixels of an image, 8 rows of 8.
pub(crate) const PIXELS: usize = 64;
/// The digits 0 to 9.
pub(crate) const CLASSES: usize = 10;

const DARKEST: usize = 16;

/// Images, one a row, with pixels from 0 to 1, and the digit that each one shows.
pub(crate) struct Digits {
    pub(crate) images: Array2<f32>,
    pub(crate) classes: Vec<usize>,
}

impl Digits {
    /// Reads lines of 64 pixels from 0 to 16, then the class.
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let file = path.display();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_path(path)
            .map_err(|error| format!("{file}: {error}"))?;
        let (mut pixels, mut classes) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|error| format!("{file}: {error}"))?;
            let line = record.position().map_or(0, csv::Position::line);
            let (image, class) =
                parse(&record).map_err(|problem| format!("{file}, line {line}: {problem}"))?;
            pixels.extend(image);
            classes.push(class);
        }
        let images = Array2::from_shape_vec((classes.len(), PIXELS), pixels)?;
        Ok(Self { images, classes })
    }

    /// Draws `held_out` images at random; returns the others, then these.
    pub(crate) fn split(&self, held_out: usize, rng: &mut impl Rng) -> Result<[Self; 2], String> {
        let count = self.classes.len();
        if held_out >= count {
            return Err(format!("{count} images are too few to hold {held_out} out"));
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(rng);
        let (train, test) = order.split_at(count - held_out);
        Ok([train, test].map(|indices| {
            let mut picked = Self::batch(indices.len());
            picked.gather(self, indices);
            picked
        }))
    }

    /// Buffers for `count` images, to be filled by [`gather`](Self::gather).
    pub(crate) fn batch(count: usize) -> Self {
        Self {
            images: Array2::zeros((count, PIXELS)),
            classes: vec![0; count],
        }
    }

    /// Overwrites this batch with the images of `source` at `indices`.
    pub(crate) fn gather(&mut self, source: &Self, indices: &[usize]) {
        let rows = self.images.rows_mut().into_iter().zip(&mut self.classes);
        for ((mut image, class), &index) in rows.zip(indices) {
            image.assign(&source.images.row(index));
            *class = source.classes[index];
        }
    }

    /// The share of images for which the largest logit is that of their class.
    pub(crate) fn accuracy(&self, logits: ArrayView2<'_, f32>) -> f64 {
        let told = logits.rows().into_iter().map(|logits| {
            let largest = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            largest.map(|(index, _)| index)
        });
        let right = told.zip(&self.classes).filter(|(a, b)| *a == Some(**b));
        right.count() as f64 / self.classes.len() as f64
    }
}

fn parse(record: &csv::StringRecord) -> Result<([f32; PIXELS], usize), String> {
    if record.len() != PIXELS + 1 {
        let count = record.len();
        return Err(format!("{count} fields, not {PIXELS} pixels and a class"));
    }
    let integer = |field: usize, largest: usize| {
        let text = record[field].trim();
        let value = text.parse().ok().filter(|&value| value <= largest);
        value.ok_or_else(|| format!("{text:?} is not an integer from 0 to {largest}"))
    };
    let mut image = [0.0; PIXELS];
    for (field, pixel) in image.iter_mut().enumerate() {
        *pixel = integer(field, DARKEST)? as f32 / DARKEST as f32;
    }
    Ok((image, integer(PIXELS, CLASSES - 1)?))
}
