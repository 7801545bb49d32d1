//! A run as a member of a training set: what is kept of it once its matrices are gone.

use std::path::{Path, PathBuf};

use super::fingerprint::Fingerprint;
use super::lattice::characteristic_lengths;
use super::shape::Shape;
use crate::model::gauge_shift;
use crate::model::graph::overlaps;
use crate::parsers::{Calculation, KGrid, Operator, Pair, Species, SpinOperator, Structure};

/// A run without its matrices. Energies in hartree, lengths in bohr.
#[derive(Debug, Clone)]
pub struct Member {
    /// Where it lies, as the user named it.
    pub path: PathBuf,
    /// `ABACUS`, `SIESTA`, `OpenMX`.
    pub code: &'static str,
    /// Version of the code, where known.
    pub version: Option<String>,
    /// Lattice and atoms.
    pub structure: Structure,
    /// Species with their shells.
    pub species: Vec<Species>,
    /// k mesh.
    pub k_grid: Option<KGrid>,
    /// All pairs of atoms whose orbitals overlap, both directions, with their distances.
    pub bonds: Vec<(Pair, f64)>,
    /// ΔH in figures; `None` without H, H⁽⁰⁾ or S.
    pub change: Option<Change>,
    /// Tells whether two structures are the same.
    pub fingerprint: Fingerprint,
    /// Its kind of cell.
    pub shape: Shape,
}

/// ΔH = H − H⁽⁰⁾ of a run, without spin (the mean of both for nspin 2), on the blocks of S.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// μ of ΔH = μS + rest.
    pub gauge: f64,
    /// Mean |ΔH|.
    pub mean: f64,
    /// Largest |ΔH|.
    pub max: f64,
    /// Mean |ΔH − μS|.
    pub mean_rest: f64,
}

impl Member {
    /// Takes down a run.
    pub fn new(path: &Path, run: &Calculation) -> Self {
        let label = |atom: usize| run.basis.species_of(atom).label.clone();
        let bonds: Vec<(Pair, f64)> = run.overlap.iter().flat_map(|s| bonds(s, &run.structure)).collect();
        let reach = bonds.iter().map(|(_, distance)| *distance).fold(0.0, f64::max);
        Member {
            path: path.to_owned(),
            code: run.origin.code,
            version: run.origin.version.clone(),
            species: run.basis.species().to_vec(),
            k_grid: run.k_grid,
            change: Change::of(run),
            fingerprint: Fingerprint::new(&run.structure, label),
            shape: Shape::new(
                (0..run.structure.n_atoms()).map(label),
                characteristic_lengths(&run.structure.lattice),
                if reach > 0.0 { reach } else { f64::INFINITY },
            ),
            structure: run.structure.clone(),
            bonds,
        }
    }

    /// Label of the species of an atom.
    pub fn label(&self, atom: usize) -> &str {
        &self.species[self.structure.species[atom]].label
    }
}

fn bonds<'a>(overlap: &'a Operator<f64>, structure: &'a Structure) -> impl Iterator<Item = (Pair, f64)> + 'a {
    let bonded = overlap.blocks().filter(|(pair, block)| !pair.is_onsite() && overlaps(block));
    bonded.map(|(pair, _)| (*pair, structure.displacement(pair).norm()))
}

impl Change {
    fn of(run: &Calculation) -> Option<Change> {
        let (h, h0, s) = (run.hamiltonian.as_ref()?, run.hamiltonian0.as_ref()?, run.overlap.as_ref()?);
        if h.nspin() != h0.nspin() {
            return None;
        }
        let mut delta = spin_mean(h, s);
        let h0 = spin_mean(h0, s);
        delta.values_mut().iter_mut().zip(h0.values()).for_each(|(h, h0)| *h -= h0);
        let gauge = gauge_shift(&delta, s);
        let n = delta.values().len().max(1) as f64;
        let rest = delta.values().iter().zip(s.values()).map(|(d, s)| (d - gauge * s).abs());
        Some(Change {
            gauge,
            mean: delta.values().iter().map(|d| d.abs()).sum::<f64>() / n,
            max: delta.values().iter().fold(0.0, |max, d| d.abs().max(max)),
            mean_rest: rest.sum::<f64>() / n,
        })
    }
}

/// What acts alike on both spins, on the blocks of S.
fn spin_mean(operator: &SpinOperator, overlap: &Operator<f64>) -> Operator<f64> {
    let mut mean = Operator::zeros(overlap.pairs().clone());
    let mut add = |o: &dyn Fn(&Pair) -> Vec<f64>| {
        for (k, pair) in overlap.pairs().as_slice().iter().enumerate() {
            mean.block_mut(k).iter_mut().zip(o(pair)).for_each(|(sum, x)| *sum += x);
        }
    };
    match operator {
        SpinOperator::Unpolarized(o) => add(&|pair| o.get(pair).unwrap_or_default().to_vec()),
        SpinOperator::Collinear(spins) => {
            spins.iter().for_each(|o| add(&|pair| o.get(pair).unwrap_or_default().iter().map(|x| x / 2.0).collect()));
        }
        SpinOperator::Spinor([uu, _, _, dd]) => {
            [uu, dd].iter().for_each(|o| {
                add(&|pair| o.get(pair).unwrap_or_default().iter().map(|x| x.re / 2.0).collect());
            });
        }
    }
    mean
}
