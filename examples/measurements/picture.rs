//! SVG pictures: curves over size, two panels a row, and points of speed against error, four. All axes are logarithmic.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

/// Colours that people who see few of them can tell apart (Okabe and Ito).
pub(crate) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(crate) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(crate) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(crate) const YELLOW: RGBColor = RGBColor(200, 180, 0);
pub(crate) const GREY: RGBColor = RGBColor(150, 150, 150);

pub(crate) const BROWN: RGBColor = RGBColor(120, 80, 40);
pub(crate) const VIOLET: RGBColor = RGBColor(90, 60, 160);
pub(crate) const DARK: RGBColor = RGBColor(60, 60, 60);
pub(crate) const LIME: RGBColor = RGBColor(140, 200, 110);

const PANEL_SIZE: (u32, u32) = (620, 430);
const TITLE_PIXELS: i32 = 22;
const TEXT_PIXELS: i32 = 14;

/// Of the legend, below the axes: two columns.
const LEGEND_ROW_PIXELS: i32 = 18;
const LEGEND_COLUMN_PIXELS: i32 = 300;

pub(crate) struct Curve {
    label: String,
    pub(crate) color: RGBColor,
    dashed: bool,
    /// Value over elements.
    points: Vec<(f64, f64)>,
}

impl Curve {
    pub(crate) fn solid(label: &str, color: RGBColor, points: Vec<(f64, f64)>) -> Self {
        Self {
            label: label.to_owned(),
            color,
            dashed: false,
            points,
        }
    }

    pub(crate) fn dashed(label: &str, color: RGBColor, points: Vec<(f64, f64)>) -> Self {
        Self {
            dashed: true,
            ..Self::solid(label, color, points)
        }
    }
}

pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) y_label: &'static str,
    /// Vertical lines: at how many elements, and what is there.
    pub(crate) marks: Vec<(f64, String)>,
    pub(crate) curves: Vec<Curve>,
}

impl Panel {
    /// The curves that have points.
    fn drawn(&self) -> impl Iterator<Item = &Curve> {
        self.curves.iter().filter(|curve| !curve.points.is_empty())
    }
}

/// Draws the panels. The legend stands below each, as not all need to have the same curves.
pub(crate) fn draw(path: &Path, title: &str, panels: &[Panel]) -> Result<(), Box<dyn Error>> {
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
    panel.drawn().count().div_ceil(2) as i32 * LEGEND_ROW_PIXELS
}

fn draw_panel<D: DrawingBackend>(
    area: &DrawingArea<D, Shift>,
    panel: &Panel,
) -> Result<(), Box<dyn Error>>
where
    D::ErrorType: 'static,
{
    let points = || panel.drawn().flat_map(|curve| &curve.points);
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
    for curve in panel.drawn() {
        let style = curve.color.stroke_width(2);
        let points = curve.points.iter().copied();
        if curve.dashed {
            chart.draw_series(DashedLineSeries::new(points, 6, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    for (i, curve) in panel.drawn().enumerate() {
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

/// Somebody's speed and error.
pub(crate) struct Dot {
    pub(crate) label: String,
    pub(crate) color: RGBColor,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

pub(crate) struct Points {
    pub(crate) title: String,
    pub(crate) dots: Vec<Dot>,
}

const POINTS_SIZE: (u32, u32) = (310, 270);
const POINTS_A_ROW: usize = 4;

/// The axis of errors in ulp: what is beyond its ends is drawn there.
const ERRORS: (f64, f64) = (0.4, 3e9);

/// Draws the panels, all over the same ranges, with one legend for all at the bottom.
pub(crate) fn draw_points(
    path: &Path,
    title: &str,
    panels: &[Points],
) -> Result<(), Box<dyn Error>> {
    let dots = || panels.iter().flat_map(|panel| &panel.dots);
    let mut known: Vec<(&str, RGBColor)> = vec![];
    for dot in dots() {
        if !known.iter().any(|(label, _)| *label == dot.label) {
            known.push((&dot.label, dot.color));
        }
    }
    known.sort_by_key(|(label, color)| (*color != VERMILION, *label));
    let speeds = dots().fold((f64::MAX, f64::MIN), |(low, high), dot| {
        (low.min(dot.y), high.max(dot.y))
    });
    let speeds = (speeds.0 / 1.4, speeds.1 * 1.4);

    const LEGEND_A_ROW: usize = 8;
    let rows = panels.len().div_ceil(POINTS_A_ROW);
    let legend = known.len().div_ceil(LEGEND_A_ROW) as u32 * LEGEND_ROW_PIXELS as u32 + 12;
    let size = (
        POINTS_A_ROW as u32 * POINTS_SIZE.0,
        rows as u32 * POINTS_SIZE.1 + legend + 40,
    );
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    let area = root.titled(title, ("sans-serif", TITLE_PIXELS))?;
    let (plots, legend) = area.split_vertically(rows as u32 * POINTS_SIZE.1);
    for (panel, area) in panels.iter().zip(plots.split_evenly((rows, POINTS_A_ROW))) {
        let mut chart = ChartBuilder::on(&area)
            .caption(&panel.title, ("sans-serif", TEXT_PIXELS + 2))
            .margin(8)
            .x_label_area_size(36)
            .y_label_area_size(46)
            .build_cartesian_2d(
                (ERRORS.0..ERRORS.1)
                    .log_scale()
                    .with_key_points(vec![1.0, 1e3, 1e6, 1e9]),
                (speeds.0..speeds.1)
                    .log_scale()
                    .with_key_points(round_numbers(speeds.0, speeds.1)),
            )?;
        chart
            .configure_mesh()
            .x_desc("largest error, ulp")
            .y_desc("Gelem/s")
            .x_label_formatter(&|ulp| match ulp.log10().round() {
                0.0 => "1".to_owned(),
                tens => format!("10^{tens}"),
            })
            .y_label_formatter(&|speed| format!("{speed}"))
            .label_style(("sans-serif", TEXT_PIXELS - 2))
            .axis_desc_style(("sans-serif", TEXT_PIXELS - 2))
            .light_line_style(TRANSPARENT)
            .draw()?;
        chart.draw_series(panel.dots.iter().map(|dot| {
            let radius = if dot.color == VERMILION { 7 } else { 5 };
            Circle::new(
                (dot.x.clamp(ERRORS.0, ERRORS.1), dot.y),
                radius,
                dot.color.filled(),
            )
        }))?;
    }
    for (i, (label, color)) in known.into_iter().enumerate() {
        let column = POINTS_A_ROW as i32 * POINTS_SIZE.0 as i32 / LEGEND_A_ROW as i32;
        let at = (
            30 + (i % LEGEND_A_ROW) as i32 * column,
            (i / LEGEND_A_ROW) as i32 * LEGEND_ROW_PIXELS + 10,
        );
        legend.draw(&Circle::new(at, 5, color.filled()))?;
        let text = ("sans-serif", TEXT_PIXELS - 1).into_font();
        legend.draw(&Text::new(label.to_owned(), (at.0 + 12, at.1 - 6), text))?;
    }
    root.present()
        .map_err(|error| format!("{}: {error}", path.display()).into())
}
