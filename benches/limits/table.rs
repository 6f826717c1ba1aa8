//! Tables of speed over size: what is printed, and what goes to a file.

use std::error::Error;
use std::path::Path;

use bytemuck::Pod;
use comfy_table::{CellAlignment, Table as Grid, presets};
use rectify::{Activation, Element, Gradient, Thresholds, Tier};

use crate::common::operation::Operation;
use crate::common::threads::cores;
use crate::common::turns::Time;
use crate::common::{caches, cpu};
use crate::measure::{INSIDE, Measured, OUTSIDE, measure};

/// One operation of one activation at all sizes.
pub(crate) struct Table {
    title: String,
    results: Vec<Measured>,
}

impl Table {
    /// The best of the copies.
    pub(crate) fn copy(&self, elements: usize, threads: usize) -> Option<&Measured> {
        self.results
            .iter()
            .filter(|m| m.is_copy && (m.elements, m.threads) == (elements, threads))
            .min_by(|a, b| a.time.seconds.total_cmp(&b.time.seconds))
    }

    pub(crate) fn find(&self, elements: usize, threads: usize, who: &str) -> Option<&Measured> {
        self.results
            .iter()
            .find(|m| (m.elements, m.threads) == (elements, threads) && m.who == who)
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
        results: vec![],
    };
    println!("\n{}", table.title);
    let tiers: Vec<_> = Tier::available().map(|tier| tier.to_string()).collect();
    let mut columns = vec![(1, "scalar"), (1, "loop")];
    columns.extend(tiers.iter().map(|tier| (1, tier.as_str())));
    let all = cores();
    if all > 1 {
        columns.extend([(all, INSIDE), (all, OUTSIDE)]);
    }
    let mut grid = Grid::new();
    grid.load_style(presets::NOTHING);
    let mut header = vec!["elements".to_owned(), "copy".to_owned()];
    for (threads, who) in &columns {
        if (*threads, *who) == (all, INSIDE) {
            header.push(format!("copy x{threads}"));
        }
        // Which instructions the portable tier has, the first line says.
        header.push(who.split(' ').next().unwrap_or(who).to_owned());
    }
    grid.set_header(header);
    for &elements in sizes {
        table
            .results
            .extend(measure::<T, O>(activation, operation, elements));
        let mut cells = vec![elements.to_string(), copy_cell(table.copy(elements, 1))];
        for &(threads, who) in &columns {
            let copy = table.copy(elements, threads);
            if who == INSIDE {
                cells.push(copy_cell(copy));
            }
            cells.push(cell(table.find(elements, threads, who), copy));
        }
        grid.add_row(cells);
    }
    for column in grid.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{grid}");
    table
}

/// Gelem/s, and a mark where it is not steady.
fn speed(measured: &Measured) -> String {
    let mark = if measured.time.is_steady() {
        ""
    } else {
        Time::NOT_STEADY
    };
    format!("{:.1}{mark}", measured.gelems())
}

fn copy_cell(copy: Option<&Measured>) -> String {
    copy.map_or(String::new(), speed)
}

/// With the share of the copy. Nothing where nothing was measured.
fn cell(measured: Option<&Measured>, copy: Option<&Measured>) -> String {
    let (Some(measured), Some(copy)) = (measured, copy) else {
        return String::new();
    };
    let share = copy.time.seconds / measured.time.seconds * 100.0;
    format!("{} ({share:.0}%)", speed(measured))
}

/// All numbers, a line each.
pub(crate) fn write_csv(path: &Path, tables: &[Table]) -> Result<(), Box<dyn Error>> {
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record([
        "cpu",
        "case",
        "elements",
        "threads",
        "who",
        "gelem_per_s",
        "share_of_copy",
        "spread",
    ])?;
    for table in tables {
        for m in &table.results {
            let copy = table.copy(m.elements, m.threads);
            let share = copy.map_or(0.0, |copy| copy.time.seconds / m.time.seconds);
            csv.write_record([
                &cpu(),
                &table.title,
                &m.elements.to_string(),
                &m.threads.to_string(),
                &m.who,
                &format!("{:.3}", m.gelems()),
                &format!("{share:.3}"),
                &format!("{:.3}", m.time.spread),
            ])?;
        }
    }
    csv.flush()?;
    Ok(())
}

/// The sizes that matter: of the caches, and from where on calls are split and streamed.
pub(crate) fn write_machine(path: &Path) -> Result<(), Box<dyn Error>> {
    let Thresholds {
        stream_bytes,
        split_bytes,
        split_outside_bytes,
        ..
    } = Thresholds::current();
    let caches = caches().into_iter();
    let mut sizes: Vec<_> = caches
        .map(|(level, bytes)| (format!("L{level}"), bytes))
        .collect();
    sizes.push(("splits inside".to_owned(), split_bytes));
    sizes.push(("splits outside".to_owned(), split_outside_bytes));
    sizes.push(("streams".to_owned(), stream_bytes));
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record(["cpu", "what", "bytes"])?;
    for (what, bytes) in sizes {
        csv.write_record([cpu(), what, bytes.to_string()])?;
    }
    csv.flush()?;
    Ok(())
}
