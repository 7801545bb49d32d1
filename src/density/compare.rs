//! The density of a run's converged H against the density matrix that the code itself left behind.

use serde::Serialize;

use super::{Options, of, trace_with_overlap};
use crate::bands::structure::overlap;
use crate::parsers::density::Density;
use crate::parsers::{Calculation, Error, Operator, Pair, SpinOperator, c64};

/// With so large a |TS|, hartree, partly filled states say where the Fermi level is.
const DEFINED_BY: f64 = 1e-6;

/// Differences between a density and the code's own.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Largest difference of an element of DM(R); of complex ones the modulus.
    pub max_error: f64,
    /// Where it is.
    pub place: Place,
    /// Largest element of the code's own DM(R).
    pub largest_element: f64,
    /// Electrons of the computed density, tr(DM S).
    pub electrons: f64,
    /// Electrons of the code's own.
    pub native_electrons: f64,
    /// Fermi level less the code's own, hartree; `None` where no state is partly filled, so that it is arbitrary, and where the code
    /// states none.
    #[serde(skip)]
    pub fermi_level_error: Option<f64>,
}

/// An element of DM(R).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// `up`, `down`; `uu`, `ud`, `du`, `dd`; empty without spin.
    pub spin: &'static str,
    /// Atoms, counted from 1.
    pub atoms: [u32; 2],
    /// Lattice vector of the second atom's cell.
    pub cell: [i32; 3],
    /// Orbitals within their atoms, counted from 1.
    pub orbitals: [usize; 2],
}

/// Computes the density of the converged H on the blocks of the code's own DM(R), and compares what the code's files keep.
///
/// # Errors
/// As [`of`]; `Inconsistent` where the run has no converged H or no DM, or that H was predicted.
pub fn with_native(run: &Calculation, options: &Options) -> Result<(Density, Comparison), Error> {
    let missing = |what: &str| Error::inconsistent(format!("the run has no {what} to compare with"));
    let hamiltonian = run.hamiltonian.as_ref().ok_or_else(|| missing("converged Hamiltonian"))?;
    let native = run.density_matrix.as_ref().ok_or_else(|| missing("density matrix of its own"))?;
    if run.origin.is_predicted {
        return Err(missing("converged Hamiltonian (this one was predicted)"));
    }
    let mut density = of(run, hamiltonian, &Options { pairs: Some(native.pairs().clone()), ..options.clone() })?;
    if let Some(layout) = &run.native {
        layout.restrict_density(&run.basis, &mut density.matrix)?;
    }
    let comparison = compare(run, &density, native)?;
    Ok((density, comparison))
}

fn compare(run: &Calculation, density: &Density, native: &SpinOperator) -> Result<Comparison, Error> {
    let largest = largest_difference(run, &density.matrix, native);
    let (max_error, place) = largest.ok_or_else(|| {
        let (own, other) = (density.matrix.nspin(), native.nspin());
        Error::inconsistent(format!("H has nspin {own}, but the code's DM {other}, or no element"))
    })?;
    let is_defined = density.entropy_energy.abs() > DEFINED_BY;
    Ok(Comparison {
        max_error,
        place,
        largest_element: largest_element(native),
        electrons: density.electrons,
        native_electrons: trace_with_overlap(native, overlap(run)?),
        fermi_level_error: run.fermi_level.filter(|_| is_defined).map(|own| density.fermi_level - own),
    })
}

fn largest_difference(run: &Calculation, a: &SpinOperator, b: &SpinOperator) -> Option<(f64, Place)> {
    let real = |spin, a: &Operator<f64>, b: &Operator<f64>| largest(run, spin, a, b, |a, b| (a - b).abs());
    let complex = |spin, a: &Operator<c64>, b: &Operator<c64>| largest(run, spin, a, b, |a, b| (a - b).norm());
    let found: Vec<_> = match (a, b) {
        (SpinOperator::Unpolarized(a), SpinOperator::Unpolarized(b)) => vec![real("", a, b)],
        (SpinOperator::Collinear([up, down]), SpinOperator::Collinear([own_up, own_down])) => {
            vec![real("up", up, own_up), real("down", down, own_down)]
        }
        (SpinOperator::Spinor(a), SpinOperator::Spinor(b)) => ["uu", "ud", "du", "dd"]
            .into_iter()
            .zip(a.iter().zip(b))
            .map(|(spin, (a, b))| complex(spin, a, b))
            .collect(),
        _ => Vec::new(),
    };
    found.into_iter().flatten().max_by(|a, b| a.0.total_cmp(&b.0))
}

fn largest<T: Copy>(
    run: &Calculation,
    spin: &'static str,
    a: &Operator<T>,
    b: &Operator<T>,
    difference: impl Fn(T, T) -> f64,
) -> Option<(f64, Place)> {
    let differences = a.values().iter().zip(b.values()).map(|(&a, &b)| difference(a, b)).enumerate();
    let (index, error) = differences.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let block = (0..a.pairs().len()).find(|&block| a.pairs().range(block).contains(&index))?;
    let Pair { i, j, r } = a.pairs().as_slice()[block];
    let (within, columns) = (index - a.pairs().range(block).start, run.basis.orbitals_of(j as usize).len());
    let orbitals = [within / columns + 1, within % columns + 1];
    Some((error, Place { spin, atoms: [i + 1, j + 1], cell: r, orbitals }))
}

fn largest_element(operator: &SpinOperator) -> f64 {
    let real = |o: &Operator<f64>| o.values().iter().map(|x| x.abs()).fold(0.0, f64::max);
    match operator {
        SpinOperator::Unpolarized(both) => real(both),
        SpinOperator::Collinear(spins) => spins.iter().map(real).fold(0.0, f64::max),
        SpinOperator::Spinor(spin) => spin.iter().flat_map(|o| o.values()).map(|x| x.norm()).fold(0.0, f64::max),
    }
}
