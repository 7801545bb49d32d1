//! Band structures as figures: SVG, and PNG drawn large and averaged down (smooth lines without a font or graphics library
//! of the system).

mod canvas;
mod clip;
pub(crate) mod raster;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use self::canvas::{Canvas, Scale};
use self::raster::{OVERSAMPLING, averaged, encode};
use super::dos::Dos;
use super::structure::{BandStructure, Curve, Role};
use crate::parsers::Error;

const FONT: &[u8] = include_bytes!("../font/DejaVuSans-subset.ttf");
/// Drawing units per point in the SVG: coordinates are integers, so this is its resolution.
const SVG_UNITS: u32 = 20;
/// Pixels per point of the PNG.
const PNG_PIXELS: u32 = 4;

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

/// What is drawn unless the user says, eV relative to zero: of bands from 25 eV below zero, or below the lowest state above
/// that, to 10 eV, and all states where zero is no Fermi level; of densities of states alone their axis.
pub fn default_window(bands: Option<&BandStructure>, dos: Option<&Dos>) -> [f64; 2] {
    let ends = |dos: &Dos| {
        [0, dos.energies.len().saturating_sub(1)].map(|i| dos.energies.get(i).map(|e| e * dos.ev_per_hartree))
    };
    match (bands, dos.map(ends)) {
        (Some(bands), _) => window_of(bands),
        (None, Some([Some(low), Some(high)])) => [low, high],
        (None, _) => [-10.0, 10.0],
    }
}

fn window_of(bands: &BandStructure) -> [f64; 2] {
    let energies = || {
        let of_curve = |curve| move |energy: &f64| bands.relative_ev(curve, *energy);
        bands.curves.iter().flat_map(move |curve| curve.energies.iter().flatten().flatten().map(of_curve(curve)))
    };
    let low = |bottom: f64| energies().filter(|e| *e >= bottom).fold(0.0, f64::min);
    match bands.relative {
        true => [(low(-24.0) - 1.0).floor(), 10.0],
        false => [(low(f64::NEG_INFINITY) - 1.0).floor(), (energies().fold(0.0, f64::max) + 1.0).ceil()],
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

/// Makes the embedded font known to plotters, once.
pub(crate) fn register_font() -> Drawn {
    use std::sync::OnceLock;
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let done = REGISTERED.get_or_init(|| plotters::style::register_font("sans-serif", FontStyle::Normal, FONT).is_ok());
    if *done { Ok(()) } else { Err(failed("the embedded font is broken")) }
}

fn failed(error: impl std::fmt::Display) -> Error {
    std::io::Error::other(format!("the figure cannot be drawn: {error}")).into()
}
