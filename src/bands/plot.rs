//! Band structures as figures: SVG, and PNG drawn large and averaged down (smooth lines without a font or graphics library
//! of the system).

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::structure::{BandStructure, Curve, Role};
use crate::parsers::Error;

const FONT: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");
/// Drawing units per point in the SVG: coordinates are integers, so this is its resolution.
const SVG_UNITS: u32 = 20;
/// Pixels per point of the PNG.
const PNG_PIXELS: u32 = 4;
/// The PNG is drawn this many times larger in each direction, then averaged.
const OVERSAMPLING: u32 = 3;

// The layout, in points.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 26.0;
const PANEL_WIDTH: f64 = 310.0;
const PANEL_GAP: f64 = 14.0;
const PANEL_HEIGHT: f64 = 280.0;
const FONT_SIZE: f64 = 11.0;
const TICK: f64 = 4.0;

const INK: RGBColor = RGBColor(0, 0, 0);
const GUIDE: RGBColor = RGBColor(176, 176, 176);
const H0_GREY: RGBColor = RGBColor(160, 160, 160);
/// Colours that stay apart for colour-blind readers (Okabe and Ito).
const COLOURS: [RGBColor; 5] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

/// What is drawn.
pub struct Figure<'a> {
    bands: &'a BandStructure,
    /// Lowest and highest energy, eV relative to zero.
    window: [f64; 2],
    panels: Vec<Panel<'a>>,
}

/// One frame with its lines.
struct Panel<'a> {
    title: &'static str,
    lines: Vec<Line<'a>>,
}

/// All bands of one Hamiltonian and spin.
struct Line<'a> {
    curve: &'a Curve,
    spin: usize,
    name: String,
    colour: RGBColor,
    width: f64,
}

/// Turns points of the layout into drawing units.
#[derive(Clone, Copy)]
struct Scale(f64);

impl Scale {
    fn at(self, x: f64, y: f64) -> (i32, i32) {
        ((x * self.0).round() as i32, (y * self.0).round() as i32)
    }

    fn stroke(self, colour: RGBColor, width: f64) -> ShapeStyle {
        ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: (width * self.0).round().max(1.0) as u32 }
    }
}

type Drawn = Result<(), Error>;

impl<'a> Figure<'a> {
    /// A figure of `bands` between two energies (eV relative to zero). Spins share a frame where there is one Hamiltonian,
    /// and have a frame each where several are compared.
    ///
    /// # Errors
    /// `Inconsistent` where the window is empty or there is nothing to draw.
    pub fn new(bands: &'a BandStructure, window: [f64; 2]) -> Result<Self, Error> {
        if !(window[0].is_finite() && window[1].is_finite() && window[0] < window[1]) {
            let message = format!("the energy window from {} to {} eV is empty", window[0], window[1]);
            return Err(Error::inconsistent(message));
        }
        let spins = bands.curves.iter().map(|curve| curve.energies.len()).max().unwrap_or(0);
        let panels = match (spins, bands.curves.len()) {
            (0, _) => return Err(Error::inconsistent("no bands to draw")),
            (2, 1) => vec![Panel { title: "", lines: spin_lines(&bands.curves[0]) }],
            (2, _) => vec![
                Panel { title: "spin up", lines: lines(bands, 0) },
                Panel { title: "spin down", lines: lines(bands, 1) },
            ],
            _ => vec![Panel { title: "", lines: lines(bands, 0) }],
        };
        Ok(Figure { bands, window, panels })
    }

    /// Width and height in points.
    fn size(&self) -> (f64, f64) {
        let n = self.panels.len() as f64;
        (LEFT + n * PANEL_WIDTH + (n - 1.0) * PANEL_GAP + RIGHT, TOP + PANEL_HEIGHT + BOTTOM)
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// `Io` where drawing fails.
    pub fn svg(&self) -> Result<String, Error> {
        register_font()?;
        let (width, height) = self.size();
        let units = |points: f64| (points * SVG_UNITS as f64).round() as u32;
        let mut document = String::new();
        {
            let area = SVGBackend::with_string(&mut document, (units(width), units(height))).into_drawing_area();
            self.draw(&area, Scale(SVG_UNITS as f64))?;
        }
        let drawn = format!("<svg width=\"{}\" height=\"{}\"", units(width), units(height));
        Ok(document.replacen(&drawn, &format!("<svg width=\"{width}pt\" height=\"{height}pt\""), 1))
    }

    /// The figure as a PNG file.
    ///
    /// # Errors
    /// `Io` where drawing or encoding fails.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        register_font()?;
        let (width, height) = self.size();
        let scale = PNG_PIXELS * OVERSAMPLING;
        let pixels = |points: f64| (points.round() as u32) * scale;
        let (width, height) = (pixels(width), pixels(height));
        let mut large = vec![255; 3 * width as usize * height as usize];
        {
            let area = BitMapBackend::with_buffer(&mut large, (width, height)).into_drawing_area();
            self.draw(&area, Scale(scale as f64))?;
        }
        encode(&averaged(&large, width as usize), width / OVERSAMPLING, height / OVERSAMPLING)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: Scale) -> Drawn {
        area.fill(&WHITE).map_err(failed)?;
        for (i, panel) in self.panels.iter().enumerate() {
            let canvas = Canvas { area, scale, left: LEFT + i as f64 * (PANEL_WIDTH + PANEL_GAP), figure: self };
            canvas.guides()?;
            panel.lines.iter().try_for_each(|line| canvas.line(line))?;
            canvas.frame(i == 0)?;
            canvas.corner_labels()?;
            let legend = if i == 0 { canvas.legend(&panel.lines)? } else { canvas.left };
            canvas.text(panel.title, (canvas.left + PANEL_WIDTH).max(legend), TOP - 6.0, HPos::Right)?;
        }
        Ok(())
    }
}

/// One panel while it is drawn.
struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    scale: Scale,
    left: f64,
    figure: &'a Figure<'a>,
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    fn x(&self, distance: f64) -> f64 {
        let length = self.figure.bands.path.distances.last().copied().unwrap_or(0.0);
        self.left + if length > 0.0 { PANEL_WIDTH * distance / length } else { 0.0 }
    }

    fn y(&self, energy: f64) -> f64 {
        let [low, high] = self.figure.window;
        TOP + PANEL_HEIGHT * (high - energy) / (high - low)
    }

    fn path(&self, points: &[(f64, f64)], style: ShapeStyle) -> Drawn {
        let points: Vec<_> = points.iter().map(|&(x, y)| self.scale.at(x, y)).collect();
        self.area.draw(&PathElement::new(points, style)).map_err(failed)
    }

    fn text(&self, text: &str, x: f64, y: f64, anchor: HPos) -> Drawn {
        let style = self.font(FONT_SIZE).pos(Pos::new(anchor, VPos::Bottom));
        self.area.draw_text(text, &style, self.scale.at(x, y)).map_err(failed)
    }

    fn font(&self, size: f64) -> TextStyle<'static> {
        ("sans-serif", size * self.scale.0).into_font().color(&INK)
    }

    /// Width of a text in points.
    fn width(&self, text: &str, size: f64) -> Result<f64, Error> {
        let (width, _) = self.area.estimate_text_size(text, &self.font(size)).map_err(failed)?;
        Ok(width as f64 / self.scale.0)
    }

    /// Vertical lines at the corners, and the Fermi level.
    fn guides(&self) -> Drawn {
        let style = self.scale.stroke(GUIDE, 0.6);
        for (distance, _) in self.figure.bands.path.ticks() {
            let x = self.x(distance);
            self.path(&[(x, TOP), (x, TOP + PANEL_HEIGHT)], style)?;
        }
        let [low, high] = self.figure.window;
        if !self.figure.bands.relative || !(low..=high).contains(&0.0) {
            return Ok(());
        }
        let (dash, gap, y) = (4.0, 3.0, self.y(0.0));
        let dashes = (0..).map(|i| i as f64 * (dash + gap)).take_while(|x| *x < PANEL_WIDTH);
        dashes
            .map(|x| (self.left + x, self.left + (x + dash).min(PANEL_WIDTH)))
            .try_for_each(|(from, to)| self.path(&[(from, y), (to, y)], self.scale.stroke(INK, 0.6)))
    }

    /// All bands of a line, cut at the window.
    fn line(&self, line: &Line<'_>) -> Drawn {
        let style = self.scale.stroke(line.colour, line.width);
        let bands = line.curve.energies[line.spin].iter().map(Vec::len).max().unwrap_or(0);
        for stretch in self.figure.bands.path.stretches() {
            for band in 0..bands {
                for piece in inside(&self.band(line, band, stretch.clone()), self.figure.window) {
                    let points: Vec<_> = piece.into_iter().map(|(x, energy)| (x, self.y(energy))).collect();
                    self.path(&points, style)?;
                }
            }
        }
        Ok(())
    }

    /// One band between two jumps: position and energy (eV). A single k point becomes a level across the frame.
    fn band(&self, line: &Line<'_>, band: usize, stretch: std::ops::Range<usize>) -> Vec<(f64, f64)> {
        let bands = self.figure.bands;
        let energy = |k: usize| line.curve.energies[line.spin][k].get(band).map(|&e| bands.relative_ev(line.curve, e));
        if bands.path.points.len() == 1 {
            let level = energy(0).into_iter();
            return level.flat_map(|e| [(self.left, e), (self.left + PANEL_WIDTH, e)]).collect();
        }
        stretch.filter_map(|k| Some((self.x(bands.path.distances[k]), energy(k)?))).collect()
    }

    /// The frame, ticks of the energy, and with `labelled` their numbers and the axis' name.
    fn frame(&self, labelled: bool) -> Drawn {
        let style = self.scale.stroke(INK, 0.8);
        let [low, high] = self.figure.window;
        for energy in ticks(low, high) {
            let y = self.y(energy);
            let right = self.left + PANEL_WIDTH;
            self.path(&[(self.left, y), (self.left + TICK, y)], style)?;
            self.path(&[(right - TICK, y), (right, y)], style)?;
            if labelled {
                let style = self.font(FONT_SIZE).pos(Pos::new(HPos::Right, VPos::Center));
                let at = self.scale.at(self.left - 5.0, y);
                self.area.draw_text(&number(energy), &style, at).map_err(failed)?;
            }
        }
        let corners = [self.scale.at(self.left, TOP), self.scale.at(self.left + PANEL_WIDTH, TOP + PANEL_HEIGHT)];
        self.area.draw(&Rectangle::new(corners, style)).map_err(failed)?;
        if labelled { self.axis_name() } else { Ok(()) }
    }

    /// `E − E_F (eV)` along the axis, the F as a subscript.
    fn axis_name(&self) -> Drawn {
        let parts: &[(&str, f64, f64)] = match self.figure.bands.relative {
            true => &[("E − E", FONT_SIZE, 0.0), ("F", 0.7 * FONT_SIZE, 2.5), (" (eV)", FONT_SIZE, 0.0)],
            false => &[("E (eV)", FONT_SIZE, 0.0)],
        };
        let widths = parts.iter().map(|(text, size, _)| self.width(text, *size)).collect::<Result<Vec<_>, _>>()?;
        let mut y = TOP + 0.5 * (PANEL_HEIGHT + widths.iter().sum::<f64>());
        for ((text, size, drop), width) in parts.iter().zip(widths) {
            let font = self.font(*size).transform(FontTransform::Rotate270).pos(Pos::new(HPos::Left, VPos::Bottom));
            self.area.draw_text(text, &font, self.scale.at(self.left - 33.0 + drop, y)).map_err(failed)?;
            y -= width;
        }
        Ok(())
    }

    fn corner_labels(&self) -> Drawn {
        let style = self.font(FONT_SIZE).pos(Pos::new(HPos::Center, VPos::Top));
        for (distance, label) in self.figure.bands.path.ticks() {
            let single = self.figure.bands.path.points.len() == 1;
            let x = if single { self.left + 0.5 * PANEL_WIDTH } else { self.x(distance) };
            let at = self.scale.at(x, TOP + PANEL_HEIGHT + 6.0);
            self.area.draw_text(&label, &style, at).map_err(failed)?;
        }
        Ok(())
    }

    /// Names of the lines above the frame, where there are several; returns where they end.
    fn legend(&self, lines: &[Line<'_>]) -> Result<f64, Error> {
        let (mut x, y, sample) = (self.left, TOP - 11.0, 18.0);
        for line in lines.iter().filter(|_| lines.len() > 1) {
            self.path(&[(x, y), (x + sample, y)], self.scale.stroke(line.colour, line.width))?;
            self.text(&line.name, x + sample + 4.0, TOP - 6.0, HPos::Left)?;
            x += sample + 4.0 + self.width(&line.name, FONT_SIZE)? + 16.0;
        }
        Ok(x)
    }
}

/// Both spins of one Hamiltonian in one frame.
fn spin_lines(curve: &Curve) -> Vec<Line<'_>> {
    let styles = [("spin up", COLOURS[0]), ("spin down", COLOURS[1])];
    let line =
        |(spin, (name, colour)): (usize, (&str, RGBColor))| Line { curve, spin, name: name.into(), colour, width: 1.1 };
    styles.into_iter().enumerate().map(line).collect()
}

/// One spin of all Hamiltonians: H⁽⁰⁾ thin and grey, predictions broad and coloured, the converged one thin and black on top.
fn lines<'a>(bands: &'a BandStructure, spin: usize) -> Vec<Line<'a>> {
    let mut colours = COLOURS.iter().copied().cycle();
    let alone = bands.curves.len() == 1;
    let with_spin = bands.curves.iter().filter(|curve| spin < curve.energies.len());
    let line = |curve: &'a Curve| {
        let (colour, width) = match curve.role {
            _ if alone => (COLOURS[1], 1.1),
            Role::H0 => (H0_GREY, 0.8),
            Role::Predicted => (colours.next().unwrap_or(INK), 2.2),
            Role::Scf => (INK, 0.8),
        };
        Line { curve, spin, name: legend_name(curve), colour, width }
    };
    with_spin.map(line).collect()
}

fn legend_name(curve: &Curve) -> String {
    match curve.role {
        Role::H0 => "H⁽⁰⁾".to_owned(),
        Role::Scf => "converged".to_owned(),
        Role::Predicted => curve.name.clone(),
    }
}

/// Pieces of a polyline (x, energy) inside the window; the cuts lie on the border.
fn inside(points: &[(f64, f64)], [low, high]: [f64; 2]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut connected = false;
    for pair in points.windows(2) {
        let Some((from, to, whole)) = clipped(pair[0], pair[1], low, high) else {
            connected = false;
            continue;
        };
        match pieces.last_mut().filter(|_| connected) {
            Some(piece) => piece.push(to),
            None => pieces.push(vec![from, to]),
        }
        connected = whole;
    }
    pieces
}

/// The part of a segment between two energies, and whether it reaches its end.
#[allow(clippy::type_complexity)]
fn clipped(a: (f64, f64), b: (f64, f64), low: f64, high: f64) -> Option<((f64, f64), (f64, f64), bool)> {
    let slope = b.1 - a.1;
    let crossing = |energy: f64| if slope == 0.0 { f64::NAN } else { (energy - a.1) / slope };
    let (enter, leave) = if slope >= 0.0 { (crossing(low), crossing(high)) } else { (crossing(high), crossing(low)) };
    if slope == 0.0 && !(low..=high).contains(&a.1) {
        return None;
    }
    let (from, to) = (enter.max(0.0), leave.min(1.0));
    let at = |t: f64| (a.0 + t * (b.0 - a.0), a.1 + t * slope);
    (from < to).then(|| (at(from), if to == 1.0 { b } else { at(to) }, to == 1.0))
}

/// Round numbers between two energies, at most eight intervals.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 8.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A number of the axis, with a real minus sign.
fn number(energy: f64) -> String {
    let rounded = (energy * 1e6).round() / 1e6 + 0.0;
    format!("{rounded}").replace('-', "−")
}

/// Mean of each square of pixels.
fn averaged(large: &[u8], width: usize) -> Vec<u8> {
    let n = OVERSAMPLING as usize;
    let row = |y: usize, x: usize| &large[3 * (y * width + x)..3 * (y * width + x + n)];
    let height = large.len() / (3 * width);
    let mut small = Vec::with_capacity(large.len() / (n * n));
    for (y, x) in (0..height / n).flat_map(|y| (0..width / n).map(move |x| (y * n, x * n))) {
        for colour in 0..3 {
            let sum: usize =
                (y..y + n).flat_map(|y| row(y, x).iter().skip(colour).step_by(3)).map(|&v| v as usize).sum();
            small.push(((sum + n * n / 2) / (n * n)) as u8);
        }
    }
    small
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Error> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (PNG_PIXELS as f64 * 72.0 / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels)).map_err(failed)?;
    Ok(file)
}

/// Makes the embedded font known to plotters, once.
fn register_font() -> Drawn {
    use std::sync::OnceLock;
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let done = REGISTERED.get_or_init(|| plotters::style::register_font("sans-serif", FontStyle::Normal, FONT).is_ok());
    if *done { Ok(()) } else { Err(failed("the embedded font is broken")) }
}

fn failed(error: impl std::fmt::Display) -> Error {
    std::io::Error::other(format!("the figure cannot be drawn: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_window() {
        let points = [(0.0, -2.0), (1.0, 0.0), (2.0, 2.0), (3.0, 0.5), (4.0, 0.5)];
        let pieces = inside(&points, [-1.0, 1.0]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [(0.5, -1.0), (1.0, 0.0), (1.5, 1.0)]);
        assert_eq!(pieces[1][1..], [(3.0, 0.5), (4.0, 0.5)]);
        assert!((pieces[1][0].0 - (2.0 + 2.0 / 3.0)).abs() < 1e-12);
        assert!(inside(&[(0.0, 2.0), (1.0, 2.0)], [-1.0, 1.0]).is_empty());
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks(-20.0, 10.0), [-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0]);
        assert_eq!(ticks(-0.3, 0.35).len(), 7);
        assert_eq!(number(-0.30000000000000004), "−0.3");
        assert_eq!(number(-0.0), "0");
    }

    #[test]
    fn averaging_keeps_the_mean_of_each_square() {
        let mut large = vec![0; 3 * 6 * 3];
        large[3] = 90;
        large[3 * 7] = 9;
        large[3 * 4 + 2] = 45;
        assert_eq!(averaged(&large, 6), [11, 0, 0, 0, 0, 5]);
    }
}
