//! Draws every activation of the family and its gradient, as the kernels compute them, to `docs/curves`:
//!
//! ```sh
//! cargo run --release --example curves
//! ```
//!
//! Where a curve jumps it is interrupted: a dot is the value that the kernel gives there, a circle the one
//! that it only comes near to.

use std::error::Error;
use std::fs;
use std::iter;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use rectify::*;

/// Colours that people who see few of them can tell apart (Okabe and Ito).
const FORWARD: RGBColor = RGBColor(0, 114, 178);
const GRADIENT: RGBColor = RGBColor(213, 94, 0);

/// Pixels of a picture with one panel.
const SIZE: (u32, u32) = (340, 260);

/// Plotters rounds to whole pixels, so pictures are drawn this many times as large as they are shown.
const SCALE: u32 = 4;

/// Between points of the grid. A power of two, so that the grid meets every kink exactly.
const STEP: f32 = 1.0 / 16.0;

/// A point this far to each side of a kink: much less than a pixel.
const NEAR: f32 = 1.0 / 1024.0;

/// A curve that changes by more than this within `NEAR` jumps there; the steepest one rises by 0.004.
const JUMP: f32 = 0.05;

/// A point that is no further from the line between its neighbours need not be drawn: where the curve is a
/// line, points rounded to pixels would make it uneven.
const STRAIGHT: f32 = 1e-5;

fn main() -> Result<(), Box<dyn Error>> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/curves");
    fs::create_dir_all(&docs)?;
    for picture in pictures() {
        let file = docs.join(picture.file).with_extension("svg");
        fs::write(&file, picture.svg()?)?;
        println!("{}", file.display());
    }
    Ok(())
}

/// All pictures: those of both pages.
fn pictures() -> Vec<Picture> {
    let mut pictures = rectifiers();
    pictures.extend(smooth());
    pictures
}

/// Each shows what is on both sides of its kinks, and little more.
fn rectifiers() -> Vec<Picture> {
    vec![
        Picture::of("relu", "Relu", Relu, window(4.0, (-1.0, 4.0), &[0.0])),
        // A slope of 0.01, the usual default, would look like ReLU.
        Picture::of(
            "leaky_relu",
            "LeakyRelu, negative_slope 0.2",
            LeakyRelu::new(0.2),
            window(4.0, (-1.0, 4.0), &[0.0]),
        ),
        prelu(&[0.25, 0.75, -0.5], window(4.0, (-3.0, 4.0), &[0.0])),
        Picture::of(
            "clip",
            "Clip, min -2, max 3",
            Clip::new(-2.0, 3.0),
            window(5.0, (-3.0, 4.0), &[-2.0, 3.0]),
        ),
        Picture::of(
            "relu6",
            "Relu6",
            Relu6,
            window(8.0, (-1.0, 7.0), &[0.0, 6.0]),
        ),
        Picture::of(
            "hard_tanh",
            "HardTanh, min -1, max 1",
            HardTanh::default(),
            window(3.0, (-1.5, 1.5), &[-1.0, 1.0]),
        ),
        Picture::of(
            "thresholded_relu",
            "ThresholdedRelu, theta 1",
            ThresholdedRelu::default(),
            window(3.0, (-1.0, 3.0), &[1.0]),
        ),
        Picture::of(
            "squared_relu",
            "SquaredRelu",
            SquaredRelu,
            window(2.0, (-1.0, 4.0), &[0.0]),
        ),
        Picture {
            file: "hard_sigmoid",
            panels: vec![
                Panel::of(
                    "HardSigmoid::PYTORCH, alpha 1/6",
                    HardSigmoid::PYTORCH,
                    &window(5.0, (-0.2, 1.2), &[-3.0, 3.0]),
                ),
                Panel::of(
                    "HardSigmoid::ONNX, alpha 0.2",
                    HardSigmoid::ONNX,
                    &window(5.0, (-0.2, 1.2), &[-2.5, 2.5]),
                ),
            ],
        },
        Picture::of(
            "hard_swish",
            "HardSwish",
            HardSwish,
            window(5.0, (-1.0, 5.0), &[-3.0, 3.0]),
        ),
        Picture::of(
            "hard_shrink",
            "HardShrink, lambda 0.5",
            HardShrink::default(),
            window(2.0, (-2.0, 2.0), &[-0.5, 0.5]),
        ),
        Picture::of(
            "soft_shrink",
            "SoftShrink, lambda 0.5",
            SoftShrink::default(),
            window(2.0, (-2.0, 2.0), &[-0.5, 0.5]),
        ),
    ]
}

/// Each shows where the function bends, and how it comes near to its limits.
fn smooth() -> Vec<Picture> {
    vec![
        Picture::of("sigmoid", "Sigmoid", Sigmoid, window(6.0, (-0.2, 1.2), &[])),
        Picture::of("tanh", "Tanh", Tanh, window(4.0, (-1.5, 1.5), &[])),
        Picture::of("silu", "Silu", Silu, window(5.0, (-1.0, 5.0), &[])),
        Picture {
            file: "swish",
            panels: vec![
                Panel::of(
                    "Swish::QUICK_GELU, beta 1.702",
                    Swish::QUICK_GELU,
                    &window(5.0, (-1.0, 5.0), &[]),
                ),
                Panel::of(
                    "Swish, beta 0.3",
                    Swish::new(0.3),
                    &window(5.0, (-1.0, 5.0), &[]),
                ),
            ],
        },
        Picture::of("gelu", "Gelu", Gelu, window(4.0, (-1.0, 4.0), &[])),
        Picture::of(
            "gelu_tanh",
            "GeluTanh",
            GeluTanh,
            window(4.0, (-1.0, 4.0), &[]),
        ),
        Picture::of(
            "elu",
            "Elu, alpha 1",
            Elu::default(),
            window(4.0, (-2.0, 4.0), &[0.0]),
        ),
        Picture::of("selu", "Selu", Selu, window(4.0, (-2.0, 4.5), &[0.0])),
        // An alpha of 1 would be ELU.
        Picture::of(
            "celu",
            "Celu, alpha 2",
            Celu::new(2.0),
            window(4.0, (-2.0, 4.0), &[0.0]),
        ),
        Picture {
            file: "softplus",
            panels: vec![
                Panel::of(
                    "Softplus, beta 1",
                    Softplus::default(),
                    &window(4.0, (-1.0, 4.5), &[]),
                ),
                Panel::of(
                    "Softplus, beta 3",
                    Softplus::new(3.0),
                    &window(4.0, (-1.0, 4.5), &[]),
                ),
            ],
        },
        Picture::of("mish", "Mish", Mish, window(5.0, (-1.0, 5.0), &[])),
        Picture::of(
            "log_sigmoid",
            "LogSigmoid",
            LogSigmoid,
            window(4.0, (-4.5, 3.0), &[]),
        ),
        Picture::of(
            "softsign",
            "Softsign",
            Softsign,
            window(6.0, (-1.5, 1.5), &[]),
        ),
        Picture::of(
            "tanh_shrink",
            "TanhShrink",
            TanhShrink,
            window(3.0, (-2.5, 2.5), &[]),
        ),
    ]
}

/// A panel for each channel. One call computes them all: a plane of `inner` elements a channel.
fn prelu(slopes: &[f32], window: Window) -> Picture {
    let plane = window.grid();
    let x = plane.repeat(slopes.len());
    let prelu = PRelu::new(Channels::new(slopes, plane.len()));
    let y = prelu.forward_to_vec(&x);
    let dx = prelu.backward_to_vec(&x, &vec![1.0; x.len()]);
    let channels = y.chunks(plane.len()).zip(dx.chunks(plane.len()));
    let panels = slopes.iter().zip(channels).enumerate();
    Picture {
        file: "prelu",
        panels: panels
            .map(|(c, (slope, (y, dx)))| {
                let title = format!("PRelu, channel {c}: slope {slope}");
                Panel::new(&title, &window, &plane, y, dx)
            })
            .collect(),
    }
}

/// What is shown of a curve.
struct Window {
    /// From `-x` to `x`.
    x: f32,
    y: (f32, f32),
    /// Where the curves bend or jump.
    kinks: &'static [f32],
}

fn window(x: f32, y: (f32, f32), kinks: &'static [f32]) -> Window {
    Window { x, y, kinks }
}

impl Window {
    /// Inputs: evenly spaced ones, and a close neighbour on each side of every kink.
    fn grid(&self) -> Vec<f32> {
        let steps = (self.x / STEP) as i32;
        let even = (-steps..=steps).map(|i| i as f32 * STEP);
        let beside = self
            .kinks
            .iter()
            .flat_map(|kink| [kink - NEAR, kink + NEAR]);
        let mut grid: Vec<f32> = even.chain(beside).collect();
        grid.sort_by(f32::total_cmp);
        grid
    }
}

/// A file of panels side by side.
struct Picture {
    /// Without its extension.
    file: &'static str,
    panels: Vec<Panel>,
}

impl Picture {
    fn of(
        file: &'static str,
        title: &str,
        activation: impl Activation<Formula: Gradient>,
        window: Window,
    ) -> Self {
        Self {
            file,
            panels: vec![Panel::of(title, activation, &window)],
        }
    }

    fn svg(&self) -> Result<String, Box<dyn Error>> {
        let (width, height) = (SIZE.0 * self.panels.len() as u32, SIZE.1);
        let drawn = (width * SCALE, height * SCALE);
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, drawn).into_drawing_area();
            root.fill(&WHITE)?;
            for (area, panel) in root
                .split_evenly((1, self.panels.len()))
                .iter()
                .zip(&self.panels)
            {
                panel.draw(area)?;
            }
            root.present()?;
        }
        // The first `width` and `height` are those of the whole picture, whose `viewBox` stays as it is.
        let size = |(width, height)| format!("width=\"{width}\" height=\"{height}\"");
        Ok(svg.replacen(&size(drawn), &size((width, height)), 1))
    }
}

struct Panel {
    title: String,
    x: f32,
    y: (f32, f32),
    forward: Curve,
    gradient: Curve,
}

impl Panel {
    fn of(title: &str, activation: impl Activation<Formula: Gradient>, window: &Window) -> Self {
        let x = window.grid();
        let y = activation.forward_to_vec(&x);
        // With a gradient of 1 coming in, what comes out is the derivative.
        let dx = activation.backward_to_vec(&x, &vec![1.0; x.len()]);
        Self::new(title, window, &x, &y, &dx)
    }

    fn new(title: &str, window: &Window, x: &[f32], y: &[f32], dx: &[f32]) -> Self {
        Self {
            title: title.to_owned(),
            x: window.x,
            y: window.y,
            forward: Curve::new(x, y, window.kinks),
            gradient: Curve::new(x, dx, window.kinks),
        }
    }

    fn draw<D: DrawingBackend>(&self, area: &DrawingArea<D, Shift>) -> Result<(), Box<dyn Error>>
    where
        D::ErrorType: 'static,
    {
        let text = |pixels: u32| ("sans-serif", pixels * SCALE).into_font();
        // Room for half a dot at the edges.
        let margin = 0.04 * (self.y.1 - self.y.0);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, text(15))
            .margin(8 * SCALE)
            .margin_right(14 * SCALE)
            .x_label_area_size(34 * SCALE)
            .y_label_area_size(34 * SCALE)
            .build_cartesian_2d(-self.x..self.x, self.y.0 - margin..self.y.1 + margin)?;
        chart
            .configure_mesh()
            .x_desc("x")
            .x_labels(9)
            .y_labels(7)
            .x_label_formatter(&|x| label(*x))
            .y_label_formatter(&|y| label(*y))
            .label_style(text(12))
            .axis_desc_style(text(13))
            .axis_style(BLACK.stroke_width(SCALE))
            .bold_line_style(BLACK.mix(0.12).stroke_width(SCALE))
            .light_line_style(TRANSPARENT)
            .set_all_tick_mark_size(4 * SCALE)
            .draw()?;
        let axis = BLACK.mix(0.35).stroke_width(SCALE);
        chart.draw_series([
            PathElement::new([(-self.x, 0.0), (self.x, 0.0)], axis),
            PathElement::new([(0.0, self.y.0 - margin), (0.0, self.y.1 + margin)], axis),
        ])?;
        // The thinner one on the thicker one, so that both are seen where they coincide.
        for (curve, name, color, pixels) in [
            (&self.forward, "f(x)", FORWARD, 4),
            (&self.gradient, "f'(x)", GRADIENT, 2),
        ] {
            let style = color.stroke_width(pixels * SCALE);
            for piece in &curve.pieces {
                chart.draw_series(LineSeries::new(piece.iter().copied(), style))?;
            }
            let radius = 3 * SCALE;
            let filled = |at: &(f32, f32)| Circle::new(*at, radius, color.filled());
            chart.draw_series(curve.taken.iter().map(filled))?;
            let inside = |at: &(f32, f32)| Circle::new(*at, radius, WHITE.filled());
            chart.draw_series(curve.open.iter().map(inside))?;
            let ring = color.stroke_width(SCALE * 3 / 2);
            let outline = |at: &(f32, f32)| Circle::new(*at, radius, ring);
            chart.draw_series(curve.open.iter().map(outline))?;
            // For the legend alone.
            let length = 22 * SCALE as i32;
            chart
                .draw_series(LineSeries::new([], style))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + length, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .legend_area_size(30 * SCALE)
            .margin(6 * SCALE)
            .label_font(text(13))
            .background_style(WHITE.mix(0.85))
            .draw()?;
        Ok(())
    }
}

/// A number without the noise of its sum, such as `-0`.
fn label(value: f32) -> String {
    let value = (value * 100.0).round() / 100.0;
    format!("{}", if value == 0.0 { 0.0 } else { value })
}

/// A curve in pieces, between which it jumps.
struct Curve {
    pieces: Vec<Vec<(f32, f32)>>,
    /// At the jumps: the values at the kinks.
    taken: Vec<(f32, f32)>,
    /// At the jumps: the values on the other side.
    open: Vec<(f32, f32)>,
}

impl Curve {
    fn new(x: &[f32], y: &[f32], kinks: &[f32]) -> Self {
        let points: Vec<_> = x.iter().copied().zip(y.iter().copied()).collect();
        let jumps = |a: &(f32, f32), b: &(f32, f32)| b.0 - a.0 <= NEAR && (b.1 - a.1).abs() > JUMP;
        let pieces = points.chunk_by(|a, b| !jumps(a, b));
        let at_jumps = points.windows(2).filter(|pair| jumps(&pair[0], &pair[1]));
        let (taken, open) = at_jumps.flatten().partition(|end| kinks.contains(&end.0));
        Self {
            pieces: pieces.map(bends).collect(),
            taken,
            open,
        }
    }
}

/// The ends of a piece, and the points between them where it is not straight.
fn bends(piece: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let bent = |around: &&[(f32, f32)]| {
        let [a, point, b] = [around[0], around[1], around[2]];
        let line = a.1 + (b.1 - a.1) * (point.0 - a.0) / (b.0 - a.0);
        (point.1 - line).abs() > STRAIGHT
    };
    let inner = piece.windows(3).filter(bent).map(|around| around[1]);
    let ends = (piece[0], piece[piece.len() - 1]);
    iter::once(ends.0)
        .chain(inner)
        .chain(iter::once(ends.1))
        .collect()
}
