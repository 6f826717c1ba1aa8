//! Tables of speed over size: what is printed, and what goes to a file.

use std::error::Error;
use std::path::Path;

use bytemuck::Pod;
use rectify::{Activation, Element, Gradient};

use crate::common::operation::Operation;
use crate::measure::{Measured, measure};

/// One operation of one activation at all sizes.
pub(crate) struct Table {
    pub(crate) title: String,
    /// What the operation moves for an element.
    pub(crate) bytes_per_element: usize,
    results: Vec<Measured>,
}

impl Table {
    /// The best of the ceilings.
    pub(crate) fn ceiling(&self, elements: usize, threads: usize) -> Option<&Measured> {
        self.results
            .iter()
            .filter(|m| m.is_ceiling && (m.elements, m.threads) == (elements, threads))
            .min_by(|a, b| a.seconds.total_cmp(&b.seconds))
    }

    pub(crate) fn find(&self, elements: usize, threads: usize, who: &str) -> Option<&Measured> {
        self.results
            .iter()
            .find(|m| (m.elements, m.threads) == (elements, threads) && m.who == who)
    }

    /// Gelem/s over elements.
    pub(crate) fn curve(&self, of: impl Fn(usize) -> Option<f64>) -> Vec<(f64, f64)> {
        let mut elements: Vec<_> = self.results.iter().map(|m| m.elements).collect();
        elements.dedup();
        elements
            .into_iter()
            .filter_map(|n| Some((n as f64, of(n)?)))
            .collect()
    }
}

/// Measures and prints a row for each size.
pub(crate) fn table<T: Element + Pod, O: Operation>(
    name: &str,
    activation: impl Activation<Formula: Gradient>,
    operation: O,
    sizes: &[usize],
) -> Table {
    let element = std::any::type_name::<T>();
    let mut table = Table {
        title: format!("{name}/{}/{element}", O::NAME),
        bytes_per_element: O::TRAFFIC.buffers() * size_of::<T>(),
        results: vec![],
    };
    println!("\n{}", table.title);
    for &elements in sizes {
        let measured = measure::<T, O>(activation, operation, elements);
        table.results.extend(measured.iter().cloned());
        print!("{elements:>12}");
        let mut threads = 0;
        for m in &measured {
            let ceiling = table.ceiling(elements, m.threads);
            let Some(ceiling) = ceiling else { continue };
            if m.threads != threads {
                threads = m.threads;
                print!(" | {threads}: {} {:.1}", ceiling.who, ceiling.gelems());
            }
            if !m.is_ceiling {
                let share = ceiling.seconds / m.seconds * 100.0;
                let times = table
                    .find(elements, 1, "scalar")
                    .map_or(0.0, |scalar| scalar.seconds / m.seconds);
                print!(" | {} {:.1} {times:.1}x {share:.0}%", m.who, m.gelems());
            }
        }
        println!();
    }
    table
}

/// All numbers, a line each.
pub(crate) fn write_csv(path: &Path, tables: &[Table]) -> Result<(), Box<dyn Error>> {
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record([
        "case",
        "elements",
        "threads",
        "who",
        "gelem_per_s",
        "share_of_ceiling",
    ])?;
    for table in tables {
        for m in &table.results {
            let ceiling = table.ceiling(m.elements, m.threads);
            let share = ceiling.map_or(0.0, |ceiling| ceiling.seconds / m.seconds);
            csv.write_record([
                &table.title,
                &m.elements.to_string(),
                &m.threads.to_string(),
                &m.who,
                &format!("{:.3}", m.gelems()),
                &format!("{share:.3}"),
            ])?;
        }
    }
    csv.flush()?;
    Ok(())
}
