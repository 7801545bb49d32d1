//! Band structures: one or several Hamiltonians along a path.

use super::bravais::Bravais;
use super::fermi::{computed_level_by, level_of_by};
use super::kpath::KPath;
use super::mesh::periodic_directions;
use super::occupation::BandEdges;
use super::projection::{Groups, Weights};
use super::spectrum::{Energies, EnergiesAt, Spectrum, SpectrumAt, SpectrumOptions, energies, projected};
use crate::parsers::{Calculation, Error, Of, Operator, SpinOperator};

/// Points on a path, unless the user says or the run has more.
const DEFAULT_POINTS: usize = 200;

/// What a Hamiltonian is, which decides how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// H⁽⁰⁾.
    H0,
    /// Predicted.
    Predicted,
    /// Converged.
    Scf,
}

impl From<Of> for Role {
    fn from(of: Of) -> Self {
        match of {
            Of::H0 => Role::H0,
            Of::Scf => Role::Scf,
        }
    }
}

/// A Hamiltonian to be drawn, in the basis and with the overlap of the run.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// Name in outputs and in the legend.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// H(R).
    pub hamiltonian: &'a SpinOperator,
}

/// Where zero is on the axis of energies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Align {
    /// Each Hamiltonian relative to its own Fermi level.
    Fermi,
    /// All relative to one level: that of the last Hamiltonian (the converged one where it is drawn).
    None,
}

/// Bands of one Hamiltonian.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// `energies[spin][k][band]`, hartree.
    pub energies: Energies,
    /// How much of each state sits on each of [`BandStructure::groups`].
    pub weights: Option<Weights>,
    /// `first_band[spin][k]`: number of states below the first energy of that k, where only a window of states was computed;
    /// lines join states of equal absolute index.
    pub first_band: Option<Vec<Vec<usize>>>,
    /// Fermi level, hartree.
    pub fermi_level: Option<f64>,
    /// Energy at zero of the axis, hartree.
    pub zero: f64,
}

/// Bands along a path.
#[derive(Debug, Clone, PartialEq)]
pub struct BandStructure {
    /// The path.
    pub path: KPath,
    /// One per Hamiltonian; later ones are drawn over earlier ones.
    pub curves: Vec<Curve>,
    /// Names of the groups of orbitals of [`Curve::weights`]; empty without weights.
    pub groups: Vec<String>,
    /// Are these the states of a supercell on the path of a smaller cell? The only group is then their spectral weight there.
    pub unfolded: bool,
    /// Are states spinors, each with room for one electron?
    pub spinor: bool,
    /// Is zero a Fermi level (else the code's own zero)?
    pub relative: bool,
    /// One hartree in the code's eV.
    pub ev_per_hartree: f64,
    /// One bohr in the code's ångström.
    pub angstrom_per_bohr: f64,
}

/// The lattice of a run; directions that no block reaches count as not periodic.
///
/// # Errors
/// `Inconsistent` where the lattice vectors are linearly dependent.
pub fn lattice(run: &Calculation) -> Result<Bravais, Error> {
    Bravais::new(&run.structure, periodic_directions(run))
        .ok_or_else(|| Error::inconsistent("the lattice vectors are linearly dependent"))
}

/// The path: `text` (such as `G-M-K-G`), else the run's own, else the usual one of its lattice, with about `points` points.
///
/// # Errors
/// As [`KPath::parse`].
pub fn path(run: &Calculation, text: Option<&str>, points: Option<usize>) -> Result<KPath, Error> {
    let lattice = lattice(run)?;
    let own = run.k_path.as_ref().filter(|nodes| text.is_none() && !nodes.is_empty());
    let nodes = match own {
        Some(nodes) => nodes.clone(),
        None => KPath::parse(text.unwrap_or(lattice.path()), &lattice)?,
    };
    let asked: usize = nodes.iter().map(|node| node.points).sum();
    KPath::new(&nodes, &lattice, points.unwrap_or(asked.max(DEFAULT_POINTS)))
}

/// The Hamiltonians that `run` holds, the converged one last; only `of` where given.
///
/// # Errors
/// `Inconsistent` where there is none.
pub fn own_sources(run: &Calculation, of: Option<Of>) -> Result<Vec<Source<'_>>, Error> {
    let wanted = [Of::H0, Of::Scf].into_iter().filter(|one| of.is_none_or(|of| of == *one));
    let source = |of| {
        let (name, role) = match of {
            Of::Scf if run.origin.is_predicted => ("predicted", Role::Predicted),
            of => (super::name(of), Role::from(of)),
        };
        run.operator(of).map(|h| Source { name: name.to_owned(), role, hamiltonian: h })
    };
    let sources: Vec<_> = wanted.filter_map(source).collect();
    if sources.is_empty() {
        let what = of.map_or("Hamiltonian".into(), |of| format!("{} Hamiltonian", super::name(of)));
        return Err(Error::inconsistent(format!("the run has no {what}")));
    }
    Ok(sources)
}

/// The Hamiltonian `of` the run where given, else the converged one, else H0.
///
/// # Errors
/// `Inconsistent` where there is none.
pub fn own_source(run: &Calculation, of: Option<Of>) -> Result<(Of, Source<'_>), Error> {
    let of = of.unwrap_or(if run.hamiltonian.is_some() { Of::Scf } else { Of::H0 });
    own_sources(run, Some(of)).map(|mut sources| (of, sources.remove(0)))
}

/// S of the run.
///
/// # Errors
/// `Inconsistent` where the run has none.
pub fn overlap(run: &Calculation) -> Result<&Operator<f64>, Error> {
    run.overlap.as_ref().ok_or_else(|| Error::inconsistent("the run has no overlap matrix S"))
}

/// Computes the bands of all sources along `path`.
///
/// A single converged Hamiltonian is drawn relative to the Fermi level that the run states. Several Hamiltonians must be
/// treated alike (in a gap a Fermi level is arbitrary): all levels are then computed, on the same k mesh.
///
/// # Errors
/// `Inconsistent` where an eigenproblem has no solution, or a Fermi level is needed but electrons are unknown.
pub fn compute(
    run: &Calculation,
    sources: &[Source<'_>],
    path: KPath,
    align: Align,
    options: SpectrumOptions,
) -> Result<BandStructure, Error> {
    let s = overlap(run)?;
    let energies_at = |h: &SpinOperator, k: &[[f64; 3]]| energies(h, s, &run.basis, k, options);
    compute_by(run, sources, path, align, &energies_at, &|h, k| Ok(energies_at(h, k)?.into()))
}

/// As [`compute`], with weights on groups of orbitals.
///
/// # Errors
/// As [`compute`].
pub fn compute_fat(
    run: &Calculation,
    sources: &[Source<'_>],
    path: KPath,
    align: Align,
    options: SpectrumOptions,
    groups: &Groups,
) -> Result<BandStructure, Error> {
    let s = overlap(run)?;
    let energies_at = |h: &SpinOperator, k: &[[f64; 3]]| energies(h, s, &run.basis, k, options);
    let spectrum_at = |h: &SpinOperator, k: &[[f64; 3]]| projected(h, s, &run.basis, k, options, groups);
    let bands = compute_by(run, sources, path, align, &energies_at, &spectrum_at)?;
    Ok(BandStructure { groups: groups.names.clone(), ..bands })
}

/// As [`compute`], with the energies for Fermi levels by `energies_at` and what is drawn by `spectrum_at`.
///
/// # Errors
/// As [`compute`].
pub fn compute_by(
    run: &Calculation,
    sources: &[Source<'_>],
    path: KPath,
    align: Align,
    energies_at: EnergiesAt<'_>,
    spectrum_at: SpectrumAt<'_>,
) -> Result<BandStructure, Error> {
    let levels = levels(run, sources, energies_at)?;
    compute_with(run, sources, path, align, &levels, &|source, k| spectrum_at(sources[source].hamiltonian, k))
}

/// As [`compute`], with the sources' Fermi levels, and what is drawn of source number n at k points by `spectrum_of`(n, k points).
///
/// # Errors
/// As [`compute`].
pub fn compute_with(
    run: &Calculation,
    sources: &[Source<'_>],
    path: KPath,
    align: Align,
    levels: &[Option<f64>],
    spectrum_of: &dyn Fn(usize, &[[f64; 3]]) -> Result<Spectrum, Error>,
) -> Result<BandStructure, Error> {
    let zeros = zeros(levels, align)?;
    let curve = |(number, source): (usize, &Source<'_>)| {
        let Spectrum { energies, weights, first_band } = spectrum_of(number, &path.points)?;
        let (name, role) = (source.name.clone(), source.role);
        let (fermi_level, zero) = (levels[number], zeros[number].unwrap_or(0.0));
        Ok(Curve { name, role, energies, weights, first_band, fermi_level, zero })
    };
    let curves = sources.iter().enumerate().map(curve).collect::<Result<_, Error>>()?;
    Ok(BandStructure {
        path,
        curves,
        groups: Vec::new(),
        unfolded: false,
        spinor: sources.iter().any(|source| matches!(source.hamiltonian, SpinOperator::Spinor(_))),
        relative: zeros.iter().all(Option::is_some),
        ev_per_hartree: run.origin.ev_per_hartree,
        angstrom_per_bohr: run.origin.angstrom_per_bohr,
    })
}

/// The Fermi level of each source, as [`compute`] has it.
///
/// # Errors
/// As [`computed_level_by`].
pub fn levels(
    run: &Calculation,
    sources: &[Source<'_>],
    energies_at: EnergiesAt<'_>,
) -> Result<Vec<Option<f64>>, Error> {
    match sources {
        [only] if only.role == Role::Scf => Ok(vec![level_of_by(run, Of::Scf, energies_at)?]),
        _ => sources.iter().map(|source| computed_level_by(run, source.hamiltonian, energies_at)).collect(),
    }
}

/// The energy at zero of each source's axis; `None`: the code's own.
pub(super) fn zeros(levels: &[Option<f64>], align: Align) -> Result<Vec<Option<f64>>, Error> {
    let unknown = levels.iter().any(Option::is_none);
    match align {
        Align::Fermi if unknown && levels.len() > 1 => Err(Error::inconsistent(
            "Fermi levels are unknown because the number of electrons is: give --electrons N, or --align none",
        )),
        Align::Fermi => Ok(levels.to_vec()),
        Align::None => Ok(vec![levels.last().copied().flatten(); levels.len()]),
    }
}

impl Curve {
    /// Edges of the gap around the Fermi level along the path; as [`BandEdges::of_windows`].
    pub fn edges(&self) -> Option<BandEdges> {
        BandEdges::of_windows(&self.energies, self.first_band.as_deref(), self.fermi_level?)
    }

    /// Number of states below the first energy of a k point.
    fn first_band(&self, spin: usize, k: usize) -> usize {
        self.first_band.as_ref().map_or(0, |first| first[spin][k])
    }

    /// Absolute indices of the bands that have a state at some k point.
    pub fn band_range(&self, spin: usize) -> std::ops::Range<usize> {
        let n_k = self.energies[spin].len();
        let start = (0..n_k).map(|k| self.first_band(spin, k)).min().unwrap_or(0);
        let end = (0..n_k).map(|k| self.first_band(spin, k) + self.energies[spin][k].len()).max().unwrap_or(0);
        start..end
    }

    /// K points at which a band of that absolute index was computed: parts of the path without a jump or a gap.
    pub fn parts(&self, path: &KPath, spin: usize, band: usize) -> Vec<Vec<usize>> {
        let has_state = |k: &usize| self.energy(spin, *k, band).is_some();
        let parts_of = |stretch: std::ops::Range<usize>| {
            let kpoints: Vec<usize> = stretch.collect();
            let parts = kpoints.chunk_by(|a, b| has_state(a) == has_state(b)).filter(|part| has_state(&part[0]));
            parts.map(<[usize]>::to_vec).collect::<Vec<_>>()
        };
        path.stretches().into_iter().flat_map(parts_of).collect()
    }

    /// Energy of the state of an absolute band index, hartree; `None` where it was not computed.
    pub fn energy(&self, spin: usize, k: usize, band: usize) -> Option<f64> {
        let index = band.checked_sub(self.first_band(spin, k))?;
        self.energies[spin][k].get(index).copied()
    }

    /// Weights of that state on the groups.
    pub fn weights(&self, spin: usize, k: usize, band: usize) -> Option<&[f64]> {
        let index = band.checked_sub(self.first_band(spin, k))?;
        self.weights.as_ref()?[spin][k].get(index).map(Vec::as_slice)
    }
}

impl BandStructure {
    /// Energy in eV relative to the curve's zero.
    pub fn relative_ev(&self, curve: &Curve, energy: f64) -> f64 {
        (energy - curve.zero) * self.ev_per_hartree
    }

    /// Distances along the path in 1/Å (with 2π).
    pub fn distances_per_angstrom(&self) -> Vec<f64> {
        self.path.distances.iter().map(|d| d / self.angstrom_per_bohr).collect()
    }
}
