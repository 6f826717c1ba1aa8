//! The curves of both networks as an SVG picture.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

/// One network in one panel: values in percent, the first one before training.
pub(crate) struct Curve {
    pub(crate) label: String,
    pub(crate) color: RGBColor,
    pub(crate) percent: Vec<f64>,
}

/// A panel of curves over the epochs. Values outside `range` are drawn at its edge.
pub(crate) struct Panel<'a> {
    pub(crate) title: &'a str,
    pub(crate) y_label: &'a str,
    pub(crate) range: Range<f64>,
    pub(crate) legend: SeriesLabelPosition,
    pub(crate) curves: Vec<Curve>,
}

pub(crate) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const SKY: RGBColor = RGBColor(120, 190, 230);

const SIZE: (u32, u32) = (880, 860);
const TITLE_PIXELS: i32 = 24;
const PANEL_TITLE_PIXELS: i32 = 18;
const TEXT_PIXELS: i32 = 15;

/// Draws the panels below each other.
pub(crate) fn draw(path: &Path, title: &str, panels: &[Panel<'_>]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let area = root
        .margin(14, 8, 8, 8)
        .titled(title, ("sans-serif", TITLE_PIXELS))?;
    for (panel, area) in panels.iter().zip(area.split_evenly((panels.len(), 1))) {
        draw_panel(&area, panel)?;
    }
    root.present()
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

fn draw_panel<D: DrawingBackend>(
    area: &DrawingArea<D, Shift>,
    panel: &Panel<'_>,
) -> Result<(), Box<dyn Error>>
where
    D::ErrorType: 'static,
{
    let epochs = panel.curves.iter().map(|curve| curve.percent.len());
    let last = epochs.max().unwrap_or(1) - 1;
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, ("sans-serif", PANEL_TITLE_PIXELS))
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0..last, panel.range.clone())?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc(panel.y_label)
        .x_labels(last / 5 + 1)
        .y_label_formatter(&|percent| format!("{percent:.0} %"))
        .label_style(("sans-serif", TEXT_PIXELS))
        .axis_desc_style(("sans-serif", TEXT_PIXELS))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for curve in &panel.curves {
        let style = curve.color.stroke_width(3);
        let seen = |percent: &f64| percent.clamp(panel.range.start, panel.range.end);
        let points = curve.percent.iter().map(seen).enumerate();
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(&curve.label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
    }
    chart
        .configure_series_labels()
        .position(panel.legend.clone())
        .legend_area_size(34)
        .margin(14)
        .label_font(("sans-serif", TEXT_PIXELS))
        .background_style(WHITE)
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}
