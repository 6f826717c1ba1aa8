//! Curves over size, as an SVG picture: both axes logarithmic, two panels a row.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

/// Colours that people who see few of them can tell apart (Okabe and Ito).
pub const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
pub const SKY: RGBColor = RGBColor(86, 180, 233);
pub const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub const YELLOW: RGBColor = RGBColor(200, 180, 0);
pub const GREY: RGBColor = RGBColor(150, 150, 150);

const PANEL_SIZE: (u32, u32) = (620, 430);
const TITLE_PIXELS: i32 = 22;
const TEXT_PIXELS: i32 = 14;

pub struct Curve {
    label: String,
    color: RGBColor,
    dashed: bool,
    /// Value over elements.
    points: Vec<(f64, f64)>,
}

impl Curve {
    pub fn solid(label: &str, color: RGBColor, points: Vec<(f64, f64)>) -> Self {
        Self {
            label: label.to_owned(),
            color,
            dashed: false,
            points,
        }
    }

    pub fn dashed(label: &str, color: RGBColor, points: Vec<(f64, f64)>) -> Self {
        Self {
            dashed: true,
            ..Self::solid(label, color, points)
        }
    }
}

pub struct Panel {
    pub title: String,
    pub y_label: &'static str,
    /// How far the axis reaches below the lowest point, as a factor: room for the legend.
    pub room_below: f64,
    /// Vertical lines: at how many elements, and what is there.
    pub marks: Vec<(f64, String)>,
    pub curves: Vec<Curve>,
}

/// Draws the panels. The legend stands in each, as not all need to have the same curves.
pub fn draw(path: &Path, title: &str, panels: &[Panel]) -> Result<(), Box<dyn Error>> {
    let rows = panels.len().div_ceil(2);
    let size = (2 * PANEL_SIZE.0, rows as u32 * PANEL_SIZE.1 + 40);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    let area = root.titled(title, ("sans-serif", TITLE_PIXELS))?;
    for (panel, area) in panels.iter().zip(area.split_evenly((rows, 2))) {
        draw_panel(&area, panel)?;
    }
    root.present()
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

fn draw_panel<D: DrawingBackend>(
    area: &DrawingArea<D, Shift>,
    panel: &Panel,
) -> Result<(), Box<dyn Error>>
where
    D::ErrorType: 'static,
{
    let points = || panel.curves.iter().flat_map(|curve| &curve.points);
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, f64::MIN), |(low, high), v| {
            (low.min(v), high.max(v))
        })
    };
    let (left, right) = range(&mut points().map(|p| p.0));
    let (low, high) = range(&mut points().map(|p| p.1));
    // Room above the curves for the names of the marks.
    let (bottom, top) = (low / panel.room_below, high * 2.2);
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", TEXT_PIXELS + 3))
        .margin(10)
        .margin_right(30)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(
            (left..right).log_scale().base(2.0),
            (bottom..top).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("elements")
        .y_desc(panel.y_label)
        .x_label_formatter(&|n| format!("2^{:.0}", n.log2()))
        .y_label_formatter(&|v| format!("{v}"))
        .label_style(("sans-serif", TEXT_PIXELS))
        .axis_desc_style(("sans-serif", TEXT_PIXELS))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (i, (at, name)) in panel.marks.iter().enumerate() {
        if !(left..right).contains(at) {
            continue;
        }
        let line = [(*at, bottom), (*at, top)];
        chart.draw_series(DashedLineSeries::new(line, 2, 4, BLACK.mix(0.5).into()))?;
        // Names of neighbours on different heights.
        let height = top / 1.05 / 1.25_f64.powi(i as i32 % 3);
        let style = ("sans-serif", TEXT_PIXELS - 1).into_font();
        chart.draw_series([Text::new(format!(" {name}"), (*at, height), style)])?;
    }
    for curve in &panel.curves {
        let style = curve.color.stroke_width(2);
        let points = curve.points.iter().copied();
        let drawn = if curve.dashed {
            chart.draw_series(DashedLineSeries::new(points, 6, 4, style))?
        } else {
            chart.draw_series(LineSeries::new(points, style))?
        };
        let dash = if curve.dashed { 10 } else { 26 };
        drawn
            .label(&curve.label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + dash, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerMiddle)
        .legend_area_size(32)
        .margin(8)
        .label_font(("sans-serif", TEXT_PIXELS - 1))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}
