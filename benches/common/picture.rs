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

/// For curves that are not known beforehand; vermilion is left out, which is ours.
pub const MANY: [RGBColor; 11] = [
    BLUE,
    GREEN,
    ORANGE,
    SKY,
    PURPLE,
    GREY,
    YELLOW,
    RGBColor(120, 80, 40),
    RGBColor(90, 60, 160),
    RGBColor(60, 60, 60),
    RGBColor(140, 200, 110),
];

const PANEL_SIZE: (u32, u32) = (620, 430);
const TITLE_PIXELS: i32 = 22;
const TEXT_PIXELS: i32 = 14;

/// Of the legend, below the axes: two columns.
const LEGEND_ROW_PIXELS: i32 = 18;
const LEGEND_COLUMN_PIXELS: i32 = 300;

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
    /// Vertical lines: at how many elements, and what is there.
    pub marks: Vec<(f64, String)>,
    pub curves: Vec<Curve>,
}

/// Draws the panels. The legend stands below each, as not all need to have the same curves.
pub fn draw(path: &Path, title: &str, panels: &[Panel]) -> Result<(), Box<dyn Error>> {
    let rows = panels.len().div_ceil(2);
    let legend = panels.iter().map(legend_pixels).max().unwrap_or(0) as u32;
    let size = (2 * PANEL_SIZE.0, rows as u32 * (PANEL_SIZE.1 + legend) + 40);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    let area = root.titled(title, ("sans-serif", TITLE_PIXELS))?;
    for (panel, area) in panels.iter().zip(area.split_evenly((rows, 2))) {
        draw_panel(&area, panel)?;
    }
    root.present()
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

fn legend_pixels(panel: &Panel) -> i32 {
    panel.curves.len().div_ceil(2) as i32 * LEGEND_ROW_PIXELS
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
    let (bottom, top) = (low / 1.3, high * 2.2);
    let height = area.dim_in_pixel().1 as i32;
    let (plot, legend) = area.split_vertically(height - legend_pixels(panel));
    let mut chart = ChartBuilder::on(&plot)
        .caption(&panel.title, ("sans-serif", TEXT_PIXELS + 3))
        .margin(10)
        .margin_right(30)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(
            (left..right).log_scale().base(2.0),
            (bottom..top)
                .log_scale()
                .with_key_points(round_numbers(bottom, top)),
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
        if curve.dashed {
            chart.draw_series(DashedLineSeries::new(points, 6, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    for (i, curve) in panel.curves.iter().enumerate() {
        let at = (
            60 + i as i32 % 2 * LEGEND_COLUMN_PIXELS,
            i as i32 / 2 * LEGEND_ROW_PIXELS + 8,
        );
        let style = curve.color.stroke_width(2);
        for (from, to) in if curve.dashed {
            vec![(0, 7), (10, 17), (20, 26)]
        } else {
            vec![(0, 26)]
        } {
            legend.draw(&PathElement::new(
                [(at.0 + from, at.1), (at.0 + to, at.1)],
                style,
            ))?;
        }
        let text = ("sans-serif", TEXT_PIXELS - 1).into_font();
        legend.draw(&Text::new(curve.label.clone(), (at.0 + 32, at.1 - 6), text))?;
    }
    Ok(())
}

/// 1, 2 and 5 times the powers of ten between these, for an axis.
fn round_numbers(least: f64, most: f64) -> Vec<f64> {
    let tens = least.log10().floor() as i32..=most.log10().ceil() as i32;
    let all = tens.flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(exponent)));
    all.filter(|number| (least..most).contains(number))
        .collect()
}
