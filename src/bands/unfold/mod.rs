//! Band unfolding: how much of a supercell's state is a wave with k of a smaller cell.
//!
//! Copies of an orbital in the small cells are told apart by their cell r alone, so a translation by a small lattice vector
//! permutes orbitals, and P_k = (1/n) Σ_r exp(−2πi k·r) T_r projects on waves with k. The spectral weight of a state c with
//! c†Sc = 1 is Re c† S P_k c: that of Lee, Yamamoto-Kusunoki and Ozaki, J. Phys.: Condens. Matter 25, 345501 (2013),
//! W = (1/n) Re Σ_m (Σ_r e^(−2πik·r) c_rm) (Σ_r' e^(−2πik·r') (Sc)_r'm)*, m the orbitals of the small cell. In an undistorted
//! supercell W is 0 or 1. For any structure it sums to 1 over the n wave vectors k that fold to the K of the supercell. As every
//! population of orbitals that overlap, a weight in a distorted cell may leave 0 … 1 a little.

mod sites;

use faer::{Mat, MatRef, Par};
use rayon::prelude::*;

pub use sites::{Sites, small_lattice};

use super::bloch::phase;
use super::bravais::Bravais;
use super::eigen::{States, hermitian_eigenvalues};
use super::kpath::KPath;
use super::mesh::periodic_directions;
use super::projection::{StatesAt, Weighing};
use super::spectrum::{EigenProblem, Spectrum, SpectrumOptions, by_spin, energies};
use super::structure::{Align, BandStructure, Source, compute_by, compute_with, overlap};
use crate::parsers::{Calculation, Error, Operator, Result, SpinOperator, Structure, Sublattice, c64};

/// Name of the only group of unfolded bands.
pub const GROUP: &str = "spectral weight";
/// States nearer to each other than this (27 µeV) are one level, hartree.
const DEGENERATE: f64 = 1e-6;
/// Points on a path unless the user says.
const DEFAULT_POINTS: usize = 200;

/// A supercell seen as small cells.
pub struct Unfolding<'a> {
    run: &'a Calculation,
    overlap: &'a Operator<f64>,
    cells: &'a Sublattice,
    sites: &'a Sites,
    /// Orbital of the small cell that each orbital of the supercell is a copy of.
    copies: Vec<usize>,
    /// Atom of each orbital.
    atoms: Vec<usize>,
    n_small: usize,
}

impl<'a> Unfolding<'a> {
    /// Of a run whose atoms stand on `sites`.
    ///
    /// # Errors
    /// `Inconsistent` where the run has no S.
    pub fn new(run: &'a Calculation, cells: &'a Sublattice, sites: &'a Sites) -> Result<Self> {
        let mut first = vec![None; sites.occupation.len()];
        let (mut copies, mut atoms, mut n_small) = (Vec::new(), Vec::new(), 0);
        for (atom, &site) in sites.site.iter().enumerate() {
            let n = run.basis.orbitals_of(atom).len();
            let start = *first[site].get_or_insert_with(|| {
                n_small += n;
                n_small - n
            });
            copies.extend(start..start + n);
            atoms.extend(std::iter::repeat_n(atom, n));
        }
        Ok(Unfolding { run, overlap: overlap(run)?, cells, sites, copies, atoms, n_small })
    }

    /// Spectral weight at `k` of each of these states (columns, ascending energies in hartree) of K = M k. Degenerate states may be
    /// combined at will: those combinations are taken whose weights are the eigenvalues of P among them.
    pub fn weights(&self, k: [f64; 3], energies: &[f64], states: MatRef<'_, c64>) -> Vec<f64> {
        let phases = self.phases(k);
        let with_overlap = self.folded_overlap(&phases, self.cells.k_point(k));
        let waves: Vec<_> = self.components(states).map(|c| [self.folded(&phases, c), &with_overlap * c]).collect();
        self.weights_of_waves(energies, &waves)
    }

    /// Of a spinor the two components one after the other.
    fn components<'b>(&self, states: MatRef<'b, c64>) -> impl Iterator<Item = MatRef<'b, c64>> + use<'b> {
        let n = self.copies.len();
        (0..states.nrows() / n.max(1)).map(move |component| states.subrows(component * n, n))
    }

    /// Of states c and of S c, both folded, component after component.
    fn weights_of_waves(&self, energies: &[f64], waves: &[[Mat<c64>; 2]]) -> Vec<f64> {
        let element = |i: usize, j: usize| -> c64 {
            let product = |[a, b]: &[Mat<c64>; 2]| b.col(i).adjoint() * a.col(j);
            waves.iter().map(product).sum::<c64>() / self.cells.n_cells() as f64
        };
        let mut first = 0;
        let degenerate = energies.chunk_by(|a, b| b - a < DEGENERATE).flat_map(|group| {
            let start = first;
            first += group.len();
            let projector = Mat::from_fn(group.len(), group.len(), |i, j| {
                (element(start + i, start + j) + element(start + j, start + i).conj()) / 2.0
            });
            hermitian_eigenvalues(projector.as_ref(), Par::Seq).unwrap_or_else(|| vec![f64::NAN; group.len()])
        });
        degenerate.collect()
    }

    /// exp(−2πi k·r) of each orbital.
    fn phases(&self, k: [f64; 3]) -> Vec<c64> {
        let of_cell = |&r: &[i32; 3]| phase(k, r).conj();
        let of_atom: Vec<c64> = self.sites.cell.iter().map(of_cell).collect();
        self.atoms.iter().map(|&atom| of_atom[atom]).collect()
    }

    /// Rows of the copies of each orbital summed up with their phases.
    fn folded(&self, phases: &[c64], rows: MatRef<'_, c64>) -> Mat<c64> {
        let mut sum = Mat::zeros(self.n_small, rows.ncols());
        for column in 0..rows.ncols() {
            for (row, (&copy, phase)) in self.copies.iter().zip(phases).enumerate() {
                sum[(copy, column)] += phase * rows[(row, column)];
            }
        }
        sum
    }

    /// Rows of S(K) summed up as [`Unfolding::folded`] does. Of S the upper triangle counts, as where states are computed.
    fn folded_overlap(&self, phases: &[c64], large: [f64; 3]) -> Mat<c64> {
        let mut sum = Mat::zeros(self.n_small, phases.len());
        let basis = &self.run.basis;
        for (pair, block) in self.overlap.blocks().filter(|(pair, _)| pair.i <= pair.j) {
            let bloch = phase(large, pair.r);
            let columns = basis.orbitals_of(pair.j as usize);
            for (row, values) in basis.orbitals_of(pair.i as usize).zip(block.chunks_exact(columns.len().max(1))) {
                for (column, &value) in columns.clone().zip(values) {
                    if row < column {
                        sum[(self.copies[row], column)] += phases[row] * bloch * value;
                        sum[(self.copies[column], row)] += phases[column] * (bloch * value).conj();
                    } else if row == column {
                        sum[(self.copies[row], column)] += phases[row] * bloch.re * value;
                    }
                }
            }
        }
        sum
    }

    /// All states at k points of the small cell, with their spectral weight there as the only group.
    ///
    /// # Errors
    /// `Inconsistent` where an eigenproblem has no solution.
    pub fn spectrum(&self, h: &SpinOperator, kpoints: &[[f64; 3]], options: SpectrumOptions) -> Result<Spectrum> {
        let problem = EigenProblem::new(h, self.overlap, &self.run.basis, kpoints.len(), options);
        let at = |k: &[f64; 3]| -> Result<(Vec<Vec<f64>>, Vec<Vec<f64>>)> {
            let with_weights = |States { energies, vectors }: States| {
                let weights = self.weights(*k, &energies, vectors.as_ref());
                (energies, weights)
            };
            Ok(problem.states(self.cells.k_point(*k))?.into_iter().map(with_weights).unzip())
        };
        let by_k = kpoints.par_iter().map(at).collect::<Result<Vec<_>>>()?;
        let (energies, weights): (Vec<_>, Vec<_>) = by_k.into_iter().unzip();
        let weights = by_spin(weights, h.n_channels()).into_iter();
        let weights = weights.map(|by_k| by_k.into_iter().map(one_group).collect()).collect();
        Ok(Spectrum { weights: Some(weights), ..by_spin(energies, h.n_channels()).into() })
    }
}

/// States of K, a wave vector of the supercell, by their spectral weight at k = M⁻¹ K as the only group.
impl Weighing for Unfolding<'_> {
    fn weigh(&self, StatesAt { k, energies, vectors, with_overlap }: StatesAt<'_>) -> Vec<Vec<f64>> {
        let phases = self.phases(self.cells.small_k_point(k));
        let folded = |rows| self.folded(&phases, rows);
        let both = self.components(vectors).zip(self.components(with_overlap));
        let waves: Vec<_> = both.map(|(c, s_c)| [folded(c), folded(s_c)]).collect();
        one_group(self.weights_of_waves(energies, &waves))
    }
}

fn one_group(weights: Vec<f64>) -> Vec<Vec<f64>> {
    weights.into_iter().map(|weight| vec![weight]).collect()
}

/// The lattice of the small cell, named as without the strain that a distorted supercell may have; its directions are periodic as
/// those of the supercell that they belong to.
///
/// # Errors
/// `Inconsistent` where the lattice vectors are linearly dependent.
pub fn lattice(run: &Calculation, cells: &Sublattice) -> Result<Bravais> {
    let periodic = periodic_directions(run);
    let small = [0, 1, 2].map(|axis| (0..3).any(|row| periodic[row] && cells.matrix()[row][axis] != 0));
    let lattice = small_lattice(&run.structure, cells)?;
    Bravais::of_strained(&Structure { lattice, positions: Vec::new(), species: Vec::new() }, small)
        .ok_or_else(|| Error::inconsistent("the lattice vectors are linearly dependent"))
}

/// The path: `text` (such as `G-M-K-G`) or the usual one of the small cell's lattice, with about `points` points.
///
/// # Errors
/// Those of [`lattice`] and [`KPath::parse`].
pub fn path(run: &Calculation, cells: &Sublattice, text: Option<&str>, points: Option<usize>) -> Result<KPath> {
    let lattice = lattice(run, cells)?;
    let nodes = KPath::parse(text.unwrap_or(lattice.path()), &lattice)?;
    KPath::new(&nodes, &lattice, points.unwrap_or(DEFAULT_POINTS))
}

/// The states of `source`, a Hamiltonian of the supercell, along a path of the small cell.
///
/// # Errors
/// `Inconsistent` where an eigenproblem has no solution.
pub fn compute(unfolding: &Unfolding, source: &Source, path: KPath, options: SpectrumOptions) -> Result<BandStructure> {
    let Unfolding { run, overlap, .. } = unfolding;
    let energies_at = |h: &SpinOperator, k: &[[f64; 3]]| energies(h, overlap, &run.basis, k, options);
    let spectrum_at = |h: &SpinOperator, k: &[[f64; 3]]| unfolding.spectrum(h, k, options);
    let sources = std::slice::from_ref(source);
    Ok(unfolded(compute_by(run, sources, path, Align::Fermi, &energies_at, &spectrum_at)?))
}

/// As [`compute`], around the Fermi level `level` with the states that `spectrum_at` finds at k points of the supercell, weighed by
/// `unfolding`.
///
/// # Errors
/// Those of `spectrum_at`.
pub fn compute_by_windows(
    unfolding: &Unfolding,
    source: &Source,
    path: KPath,
    level: Option<f64>,
    spectrum_at: &dyn Fn(&[[f64; 3]]) -> Result<Spectrum>,
) -> Result<BandStructure> {
    let spectrum_of = |_, k: &[[f64; 3]]| {
        let large: Vec<[f64; 3]> = k.iter().map(|&k| unfolding.cells.k_point(k)).collect();
        spectrum_at(&large)
    };
    let sources = std::slice::from_ref(source);
    Ok(unfolded(compute_with(unfolding.run, sources, path, Align::Fermi, &[level], &spectrum_of)?))
}

fn unfolded(bands: BandStructure) -> BandStructure {
    BandStructure { groups: vec![GROUP.to_owned()], unfolded: true, ..bands }
}
