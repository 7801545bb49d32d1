//! What the page's script reads.

use serde::Serialize;

use super::Page;
use crate::bands::dos::{Dos, DosCurve};
use crate::bands::plot::same_groups;
use crate::bands::structure::{BandStructure, Curve, Role};
use crate::parsers::Error;

#[derive(Serialize)]
pub(super) struct Data<'a> {
    stem: &'a str,
    subtitle: String,
    /// Is zero a Fermi level?
    relative: bool,
    /// eV.
    window: [f64; 2],
    bands: Option<Bands<'a>>,
    dos: Option<Densities<'a>>,
}

#[derive(Serialize)]
struct Bands<'a> {
    /// Along the path, 1/Å with 2π.
    distances: Vec<f64>,
    /// Reduced coordinates.
    kpoints: Vec<[f64; 3]>,
    /// Distance and label of the corners.
    ticks: Vec<(f64, String)>,
    /// First point and end of the parts between jumps.
    stretches: Vec<[usize; 2]>,
    groups: &'a [String],
    unfolded: bool,
    series: Vec<BandSeries<'a>>,
}

/// What series of bands and of densities have in common: equal names and spins belong together.
#[derive(Serialize)]
struct Series<'a> {
    name: &'a str,
    /// `up`, `down`, or empty.
    spin: &'static str,
    role: Role,
    /// Fermi level, eV.
    level: Option<f64>,
}

#[derive(Serialize)]
struct BandSeries<'a> {
    #[serde(flatten)]
    series: Series<'a>,
    /// Number of states below the first one of each k, where only a window was computed.
    first: Option<&'a [usize]>,
    /// `[k][band]`, eV relative to zero.
    energies: Vec<Vec<f64>>,
    /// `[k][band][group]`, 1/1000.
    weights: Option<Vec<Vec<Vec<i32>>>>,
}

#[derive(Serialize)]
struct Densities<'a> {
    /// eV relative to zero.
    energies: Vec<f64>,
    groups: &'a [String],
    series: Vec<DosSeries<'a>>,
}

#[derive(Serialize)]
struct DosSeries<'a> {
    #[serde(flatten)]
    series: Series<'a>,
    /// States per eV.
    total: Vec<f64>,
    /// States below.
    integrated: Vec<f64>,
    /// `[group][energy]`, states per eV.
    projected: Option<Vec<Vec<f64>>>,
}

impl<'a> Data<'a> {
    pub fn new(page: &Page<'a>) -> Result<Self, Error> {
        let Page { bands, dos, .. } = *page;
        if let (Some(bands), Some(dos)) = (bands, dos) {
            same_groups(bands, dos)?;
        }
        let relative = match (bands, dos) {
            (None, None) => return Err(Error::inconsistent("a page needs bands or densities of states")),
            (Some(bands), _) => bands.relative,
            (None, Some(dos)) => dos.relative,
        };
        Ok(Data {
            stem: page.stem,
            subtitle: subtitle(bands, dos, relative),
            relative,
            window: page.window,
            bands: bands.map(Bands::new),
            dos: dos.map(Densities::new),
        })
    }
}

fn subtitle(bands: Option<&BandStructure>, dos: Option<&Dos>, relative: bool) -> String {
    let what = match (bands, dos) {
        (Some(bands), _) if bands.unfolded => "Unfolded band structure",
        (Some(_), None) => "Band structure",
        (Some(_), Some(_)) => "Band structure and density of states",
        (None, _) => "Density of states",
    };
    let zero =
        if relative { "energies in eV relative to the Fermi level" } else { "energies in eV as the code counts them" };
    format!("{what}, {zero}")
}

impl<'a> Bands<'a> {
    fn new(bands: &'a BandStructure) -> Self {
        let ticks = bands.path.ticks().into_iter();
        Bands {
            distances: rounded(bands.distances_per_angstrom(), 6),
            kpoints: bands.path.points.iter().map(|k| k.map(|x| round(x, 6))).collect(),
            ticks: ticks.map(|(distance, label)| (round(distance / bands.angstrom_per_bohr, 6), label)).collect(),
            stretches: bands.path.stretches().into_iter().map(|stretch| [stretch.start, stretch.end]).collect(),
            groups: &bands.groups,
            unfolded: bands.unfolded,
            series: bands.curves.iter().flat_map(|curve| series_of(bands, curve)).collect(),
        }
    }
}

fn series_of<'a>(bands: &'a BandStructure, curve: &'a Curve) -> impl Iterator<Item = BandSeries<'a>> {
    let n_spins = curve.energies.len();
    (0..n_spins).map(move |spin| BandSeries {
        series: Series {
            name: &curve.name,
            spin: spin_name(spin, n_spins),
            role: curve.role,
            level: curve.fermi_level.map(|level| round(level * bands.ev_per_hartree, 6)),
        },
        first: curve.first_band.as_ref().map(|first| first[spin].as_slice()),
        energies: curve.energies[spin]
            .iter()
            .map(|energies| energies.iter().map(|&e| round(bands.relative_ev(curve, e), 5)).collect())
            .collect(),
        weights: curve.weights.as_ref().map(|weights| weights[spin].iter().map(|k| per_mille(k)).collect()),
    })
}

/// `[band][group]`.
fn per_mille(weights: &[Vec<f64>]) -> Vec<Vec<i32>> {
    weights.iter().map(|groups| groups.iter().map(|weight| (weight * 1000.0).round() as i32).collect()).collect()
}

impl<'a> Densities<'a> {
    fn new(dos: &'a Dos) -> Self {
        Densities {
            energies: rounded(dos.energies_ev(), 5),
            groups: &dos.groups,
            series: dos.curves.iter().flat_map(|curve| densities_of(dos, curve)).collect(),
        }
    }
}

fn densities_of<'a>(dos: &'a Dos, curve: &'a DosCurve) -> impl Iterator<Item = DosSeries<'a>> {
    let n_spins = curve.total.len();
    let per_ev = |density: &Vec<f64>| rounded(dos.per_ev(density), 5);
    (0..n_spins).map(move |spin| DosSeries {
        series: Series {
            name: &curve.name,
            spin: spin_name(spin, n_spins),
            role: curve.role,
            level: curve.fermi_level.map(|level| round(level * dos.ev_per_hartree, 6)),
        },
        total: per_ev(&curve.total[spin]),
        integrated: rounded(curve.integrated[spin].clone(), 5),
        projected: curve.projected.as_ref().map(|projected| projected[spin].iter().map(per_ev).collect()),
    })
}

fn spin_name(spin: usize, n_spins: usize) -> &'static str {
    if n_spins == 2 { ["up", "down"][spin] } else { "" }
}

fn rounded(values: Vec<f64>, decimals: i32) -> Vec<f64> {
    values.into_iter().map(|value| round(value, decimals)).collect()
}

/// So many decimals, which keeps the file small.
fn round(value: f64, decimals: i32) -> f64 {
    let unit = 10f64.powi(decimals);
    (value * unit).round() / unit + 0.0
}
