//! Band structures and densities of states as figures, SVG or PNG.

mod bands;
mod canvas;
mod clip;
mod document;
mod dos;
mod figure;
mod frame;
mod legend;
pub(crate) mod raster;
mod style;

use plotters::style::FontStyle;

pub use self::figure::{DosFigure, Figure};
pub(crate) use self::style::COLOURS;
use super::dos::Dos;
use super::structure::BandStructure;
use crate::parsers::Error;

const FONT: &[u8] = include_bytes!("../font/DejaVuSans-subset.ttf");
/// Pixels per point of the PNG.
const PNG_PIXELS: u32 = 4;

type Drawn = Result<(), Error>;

/// What is drawn unless the user says, eV relative to zero: of bands from 25 eV below zero, or below the lowest state above
/// that, to 10 eV, and all states where zero is no Fermi level; of densities of states alone their axis.
pub fn default_window(bands: Option<&BandStructure>, dos: Option<&Dos>) -> [f64; 2] {
    match (bands, dos.map(Dos::energies_ev).as_deref()) {
        (Some(bands), _) => window_of(bands),
        (None, Some([low, .., high])) => [*low, *high],
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

/// Bands and densities of states that are shown together must know the same groups of orbitals, if both have some.
pub(crate) fn same_groups(bands: &BandStructure, dos: &Dos) -> Result<(), Error> {
    if bands.unfolded || bands.groups.is_empty() || dos.groups.is_empty() || bands.groups == dos.groups {
        return Ok(());
    }
    let message = format!("bands have the groups {:?}, densities of states {:?}", bands.groups, dos.groups);
    Err(Error::inconsistent(message))
}

/// Makes the embedded font known to plotters, once.
pub(crate) fn register_font() -> Drawn {
    use std::sync::OnceLock;
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let done = REGISTERED.get_or_init(|| plotters::style::register_font("sans-serif", FontStyle::Normal, FONT).is_ok());
    if *done { Ok(()) } else { Err(failed("the embedded font is broken")) }
}

/// Drawing failed, for a reason that the library has in words.
pub(crate) fn failed(error: impl std::fmt::Display) -> Error {
    std::io::Error::other(format!("the figure cannot be drawn: {error}")).into()
}
