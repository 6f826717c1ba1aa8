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

const DARKEST: u8 = 16;

/// Images, one a row, with pixels from 0 to 1, and the digit that each one shows.
pub(crate) struct Digits {
    pub(crate) images: Array2<f32>,
    pub(crate) classes: Vec<usize>,
}

impl Digits {
    /// Reads lines of 64 pixels from 0 to 16, then the class.
    ///
    /// # Errors
    /// If the file cannot be read or is malformed; the message names the file and the line.
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let file = path.display();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_path(path)
            .map_err(|error| format!("{file}: {error}"))?;
        let mut pixels = Vec::new();
        let mut classes = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| format!("{file}: {error}"))?;
            let line = record.position().map_or(0, csv::Position::line);
            let class = parse(&record, &mut pixels)
                .map_err(|problem| format!("{file}, line {line}: {problem}"))?;
            classes.push(class);
        }
        let images = Array2::from_shape_vec((classes.len(), PIXELS), pixels)?;
        Ok(Self { images, classes })
    }

    /// Draws `held_out` images at random; returns the others, then these.
    ///
    /// # Errors
    /// If no image would be left to train on.
    pub(crate) fn split(
        self,
        held_out: usize,
        rng: &mut impl Rng,
    ) -> Result<(Self, Self), Box<dyn Error>> {
        let count = self.classes.len();
        if held_out >= count {
            return Err(format!("{count} images are too few to hold {held_out} out").into());
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(rng);
        let (train, test) = order.split_at(count - held_out);
        let pick = |indices: &[usize]| {
            let mut picked = Self::batch(indices.len());
            picked.gather(&self, indices);
            picked
        };
        Ok((pick(train), pick(test)))
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
        let right = logits
            .rows()
            .into_iter()
            .zip(&self.classes)
            .filter(|(logits, class)| {
                let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                best.is_some_and(|(index, _)| index == **class)
            })
            .count();
        right as f64 / self.classes.len() as f64
    }
}

/// Appends a record's pixels and returns its class.
fn parse(record: &csv::StringRecord, pixels: &mut Vec<f32>) -> Result<usize, String> {
    if record.len() != PIXELS + 1 {
        return Err(format!(
            "{} fields where {PIXELS} pixels and a class should be",
            record.len()
        ));
    }
    for field in 0..PIXELS {
        let pixel = integer(record, field, DARKEST)?;
        pixels.push(
            (f32::from(pixel) / f32::from(DARKEST)
                - std::env::var("C").map_or(0.0, |b| b.parse::<f32>().unwrap()))
                * std::env::var("S").map_or(1.0, |b| b.parse::<f32>().unwrap()),
        );
    }
    integer(record, PIXELS, CLASSES as u8 - 1).map(usize::from)
}

fn integer(record: &csv::StringRecord, field: usize, largest: u8) -> Result<u8, String> {
    let text = &record[field];
    text.trim()
        .parse()
        .ok()
        .filter(|&value| value <= largest)
        .ok_or_else(|| {
            format!(
                "field {} is {text:?}, not an integer from 0 to {largest}",
                field + 1
            )
        })
}
