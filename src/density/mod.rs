//! From H(R) to what fills it: occupations on the run's k mesh, DM(R) and EDM(R), and what people read off them.
//!
//! Energies in hartree on the code's own zero. The meaning of DM(R) is that of [`crate::parsers::density::Density`].

mod accumulate;
pub mod compare;
pub mod filling;
pub mod population;
pub mod wavefunctions;

use std::sync::Arc;

use faer::Mat;
use rayon::prelude::*;

use crate::bands::eigen::States;
use crate::bands::mesh::KMesh;
use crate::bands::spectrum::{EigenProblem, Energies, SpectrumOptions, by_spin};
use crate::bands::structure::overlap;
use crate::parsers::density::Density;
use crate::parsers::{Calculation, Error, Operator, Pairs, SpinOperator, c64};

use accumulate::{Matrices, Occupied};
use filling::Filling;

/// How a density is computed.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the eigenproblems are solved.
    pub spectrum: SpectrumOptions,
    /// The blocks of DM(R) and EDM(R) [default: those of H(R), which are what the codes store].
    pub pairs: Option<Arc<Pairs>>,
    /// Eigenvectors of the whole mesh are kept until the Fermi level is known, up to so many bytes; else they are computed
    /// once for the level and again for the matrices.
    pub most_kept_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { spectrum: SpectrumOptions::default(), pairs: None, most_kept_bytes: 1 << 30 }
    }
}

/// tr(DM S) and tr(DM H) may miss the sums over states by so much of them.
const SUM_TOLERANCE: f64 = 1e-6;

/// The density of `hamiltonian` with the run's overlap, electrons, smearing, moment (where fixed) and k mesh. The same bits
/// come out whatever the number of threads.
///
/// # Errors
/// `Inconsistent` where the run lacks overlap or electrons, an eigenproblem has no solution, the basis cannot hold the
/// electrons, or blocks of DM(R) are missing where orbitals overlap.
pub fn of(run: &Calculation, hamiltonian: &SpinOperator, options: &Options) -> Result<Density, Error> {
    let overlap = overlap(run)?;
    let mesh = KMesh::of_run(run, hamiltonian);
    let problem = EigenProblem::new(hamiltonian, overlap, &run.basis, mesh.points.len(), options.spectrum);
    let solved = Solved::new(&problem, &mesh, hamiltonian, run.basis.n_orbitals(), options.most_kept_bytes)?;
    let filling = Filling::new(run, hamiltonian, &solved.energies, &mesh.weights)?;
    let pairs = options.pairs.as_ref().unwrap_or(hamiltonian.pairs());
    let mut matrices = Matrices::zeros(hamiltonian, pairs, &run.basis);
    sum(&problem, &mesh, solved.vectors.as_deref(), &filling, &mut matrices)?;
    let electrons = trace_with_overlap(&matrices.density, overlap);
    check(electrons, filling.electrons, "tr(DM S)", "electrons")?;
    check(trace(&matrices.density, hamiltonian), filling.band_energy, "tr(DM H)", "hartree in the states")?;
    Ok(Density {
        matrix: matrices.density,
        energy_weighted: matrices.energy_weighted,
        electrons,
        fermi_level: filling.fermi_level(),
        spin_fermi_levels: filling.spin_fermi_levels(),
        band_energy: filling.band_energy,
        entropy_energy: filling.entropy_energy,
        band_edges: filling.band_edges,
    })
}

/// `[k][channel]`.
type ByChannel<T> = Vec<Vec<T>>;

/// Eigenvalues of the whole mesh, and eigenvectors where they fit into memory.
struct Solved {
    energies: Energies,
    vectors: Option<Vec<Vec<Mat<c64>>>>,
}

impl Solved {
    fn new(
        problem: &EigenProblem<'_>,
        mesh: &KMesh,
        hamiltonian: &SpinOperator,
        n_orbitals: usize,
        most_kept_bytes: usize,
    ) -> Result<Self, Error> {
        let n_channels = hamiltonian.n_channels();
        let n = if matches!(hamiltonian, SpinOperator::Spinor(_)) { 2 * n_orbitals } else { n_orbitals };
        let bytes = n * n * n_channels * mesh.points.len() * size_of::<c64>();
        if bytes > most_kept_bytes {
            let by_k = mesh.points.par_iter().map(|&k| problem.energies(k)).collect::<Result<Vec<_>, _>>()?;
            return Ok(Solved { energies: by_spin(by_k, n_channels), vectors: None });
        }
        let split = |states: Vec<States>| states.into_iter().map(|s| (s.energies, s.vectors)).unzip();
        let (by_k, vectors): (ByChannel<Vec<f64>>, ByChannel<Mat<c64>>) = mesh
            .points
            .par_iter()
            .map(|&k| problem.states(k).map(split))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .unzip();
        Ok(Solved { energies: by_spin(by_k, n_channels), vectors: Some(vectors) })
    }
}

/// Adds up the mesh, so many k points at a time as there are threads; every element is summed in the order of the mesh.
/// `vectors` that were not kept are computed again.
fn sum(
    problem: &EigenProblem<'_>,
    mesh: &KMesh,
    vectors: Option<&[Vec<Mat<c64>>]>,
    filling: &Filling<'_>,
    matrices: &mut Matrices<'_>,
) -> Result<(), Error> {
    let occupied = |index: usize| -> Result<Occupied, Error> {
        let k = mesh.points[index];
        let weights = filling.at(index, mesh.weights[index]);
        if let Some(vectors) = vectors {
            return Ok(Occupied::new(k, &vectors[index], &weights, problem.par()));
        }
        let vectors: Vec<_> = problem.states(k)?.into_iter().map(|states| states.vectors).collect();
        Ok(Occupied::new(k, &vectors, &weights, problem.par()))
    };
    let n_k = mesh.points.len();
    let at_once = rayon::current_num_threads();
    for first in (0..n_k).step_by(at_once) {
        let some = (first..n_k.min(first + at_once)).into_par_iter().map(occupied).collect::<Result<Vec<_>, _>>()?;
        matrices.add(&some);
    }
    Ok(())
}

/// `Σ DM_ss'[ijR] · O_ss'[ijR]*`, over the blocks of `operator` that the density has.
pub fn trace(density: &SpinOperator, operator: &SpinOperator) -> f64 {
    use SpinOperator::{Collinear, Spinor, Unpolarized};
    match (density, operator) {
        (Unpolarized(dm), Unpolarized(o)) => inner(dm, o, |dm, o| dm * o),
        (Collinear(dm), Collinear(o)) => dm.iter().zip(o).map(|(dm, o)| inner(dm, o, |dm, o| dm * o)).sum(),
        (Spinor(dm), Spinor(o)) => dm.iter().zip(o).map(|(dm, o)| inner(dm, o, |dm, o| (dm * o.conj()).re)).sum(),
        _ => f64::NAN,
    }
}

/// tr(DM S): electrons.
pub fn trace_with_overlap(density: &SpinOperator, overlap: &Operator<f64>) -> f64 {
    match density {
        SpinOperator::Unpolarized(dm) => inner(dm, overlap, |dm, s| dm * s),
        SpinOperator::Collinear(dm) => dm.iter().map(|dm| inner(dm, overlap, |dm, s| dm * s)).sum(),
        SpinOperator::Spinor([uu, _, _, dd]) => [uu, dd].iter().map(|dm| inner(dm, overlap, |dm, s| dm.re * s)).sum(),
    }
}

/// The same density with as many electrons as the run has.
///
/// # Errors
/// `Inconsistent` where S is missing, or the density holds no electrons; `Unsupported` where their number is not known.
pub fn with_electrons(run: &Calculation, density: &SpinOperator) -> Result<SpinOperator, Error> {
    let unknown = "the number of electrons is not known; give --electrons";
    let wanted = run.n_electrons.ok_or_else(|| Error::unsupported(unknown))?;
    let found = trace_with_overlap(density, overlap(run)?);
    if found <= 0.0 {
        return Err(Error::inconsistent(format!("a density of {found} electrons, where {wanted} belong")));
    }
    Ok(scaled(density, wanted / found))
}

/// The same density times `factor`.
pub fn scaled(density: &SpinOperator, factor: f64) -> SpinOperator {
    fn each<T: Copy + std::ops::MulAssign<f64>>(one: &Operator<T>, factor: f64) -> Operator<T> {
        let mut one = one.clone();
        one.values_mut().iter_mut().for_each(|value| *value *= factor);
        one
    }
    match density {
        SpinOperator::Unpolarized(both) => SpinOperator::Unpolarized(each(both, factor)),
        SpinOperator::Collinear(spins) => SpinOperator::Collinear(spins.each_ref().map(|spin| each(spin, factor))),
        SpinOperator::Spinor(spin) => SpinOperator::Spinor(spin.each_ref().map(|one| each(one, factor))),
    }
}

fn inner<A: Copy, B: Copy>(density: &Operator<A>, operator: &Operator<B>, product: impl Fn(A, B) -> f64) -> f64 {
    let of_block = |(pair, block): (_, &[B])| {
        let own = density.get(pair)?;
        Some(own.iter().zip(block).map(|(&a, &b)| product(a, b)).sum::<f64>())
    };
    operator.blocks().filter_map(of_block).sum()
}

fn check(found: f64, expected: f64, what: &str, of: &str) -> Result<(), Error> {
    if (found - expected).abs() <= SUM_TOLERANCE * expected.abs().max(1.0) {
        return Ok(());
    }
    let message = format!(
        "{what} is {found}, but there are {expected} {of}: does the density matrix have all blocks of S and H?"
    );
    Err(Error::inconsistent(message))
}
