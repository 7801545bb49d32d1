//! Eigenvalues at many k points, threaded over k.

use faer::Par;
use rayon::prelude::*;

use super::bloch::BlochSum;
use super::eigen::{OverlapFactor, States};
use super::projection::{Groups, StatesAt, Weighing, Weights, times_overlap};
use super::sparse::nearest::Window;
use super::sparse::problem::Windows;
use crate::parsers::{Basis, Error, Operator, SpinOperator};

/// `energies[spin][k][band]`, hartree, ascending; two spins for collinear Hamiltonians, else one.
pub type Energies = Vec<Vec<Vec<f64>>>;

/// Who computes energies of a Hamiltonian at k points: threads of this process ([`energies`]), or many processes.
pub type EnergiesAt<'a> = &'a dyn Fn(&SpinOperator, &[[f64; 3]]) -> Result<Energies, Error>;

/// States at k points, as far as they were computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// `energies[spin][k][band]`, hartree.
    pub energies: Energies,
    /// How much of each state sits on groups of orbitals.
    pub weights: Option<Weights>,
    /// `first_band[spin][k]`: number of states below the first one, where only a window of states was computed.
    pub first_band: Option<Vec<Vec<usize>>>,
}

impl Spectrum {
    /// The states of windows, `windows[spin][k]`.
    pub fn of_windows(windows: Windows) -> Self {
        let first_band = windows.iter().map(|spin| spin.iter().map(|window| window.count_below).collect()).collect();
        let part = |window: Window| (window.energies, window.weights);
        let (energies, weights): (Vec<_>, Vec<_>) =
            windows.into_iter().map(|spin| spin.into_iter().map(part).unzip::<_, _, Vec<_>, Vec<_>>()).unzip();
        let weights = weights.into_iter().map(|spin| spin.into_iter().collect()).collect();
        Spectrum { energies, weights, first_band: Some(first_band) }
    }
}

impl From<Energies> for Spectrum {
    fn from(energies: Energies) -> Self {
        Spectrum { energies, weights: None, first_band: None }
    }
}

/// Who computes the states that are drawn.
pub type SpectrumAt<'a> = &'a dyn Fn(&SpinOperator, &[[f64; 3]]) -> Result<Spectrum, Error>;

/// How eigenvalues are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SpectrumOptions {
    /// Leave out combinations of orbitals whose eigenvalue of S(k) is at most this; `None`: S(k) must be positive definite.
    pub null_space: Option<f64>,
}

/// Eigenvalues of H(k) c = ε S(k) c at `kpoints` (reduced coordinates).
///
/// # Errors
/// `Inconsistent` where S(k) is not positive definite at some k, or numbers are not finite.
pub fn energies(
    hamiltonian: &SpinOperator,
    overlap: &Operator<f64>,
    basis: &Basis,
    kpoints: &[[f64; 3]],
    options: SpectrumOptions,
) -> Result<Energies, Error> {
    let problem = EigenProblem::new(hamiltonian, overlap, basis, kpoints.len(), options);
    let by_k = kpoints.par_iter().map(|&k| problem.energies(k)).collect::<Result<Vec<_>, Error>>()?;
    Ok(by_spin(by_k, hamiltonian.n_channels()))
}

/// Eigenvalues, and how much of each state sits on `groups`. Eigenvectors are given up point by point.
///
/// # Errors
/// As [`energies`].
pub fn projected(
    hamiltonian: &SpinOperator,
    overlap: &Operator<f64>,
    basis: &Basis,
    kpoints: &[[f64; 3]],
    options: SpectrumOptions,
    groups: &Groups,
) -> Result<Spectrum, Error> {
    let problem = EigenProblem::new(hamiltonian, overlap, basis, kpoints.len(), options);
    let by_k = kpoints.par_iter().map(|&k| problem.weighed(k, groups)).collect::<Result<Vec<_>, Error>>()?;
    let (energies, weights) = by_k.into_iter().unzip();
    let n_spins = hamiltonian.n_channels();
    Ok(Spectrum { weights: Some(by_spin(weights, n_spins)), ..by_spin(energies, n_spins).into() })
}

/// H(k) c = ε S(k) c of one Hamiltonian, at any k.
pub struct EigenProblem<'a> {
    hamiltonian: &'a SpinOperator,
    overlap: &'a Operator<f64>,
    h: BlochSum<'a>,
    s: BlochSum<'a>,
    null_space: Option<f64>,
    par: Par,
}

impl<'a> EigenProblem<'a> {
    /// Prepares to solve it at `n_k` points, by several threads at a time.
    pub fn new(
        hamiltonian: &'a SpinOperator,
        overlap: &'a Operator<f64>,
        basis: &'a Basis,
        n_k: usize,
        options: SpectrumOptions,
    ) -> Self {
        let (h, s) = (BlochSum::new(hamiltonian.pairs(), basis), BlochSum::new(overlap.pairs(), basis));
        EigenProblem { hamiltonian, overlap, h, s, null_space: options.null_space, par: threads_inside(n_k) }
    }

    /// Eigenvalues of every spin channel.
    ///
    /// # Errors
    /// As [`energies`].
    pub fn energies(&self, k: [f64; 3]) -> Result<Vec<Vec<f64>>, Error> {
        let factor = self.factor(k)?;
        self.h.channels_at(self.hamiltonian, k).iter().map(|h_k| factor.energies(h_k.as_ref())).collect()
    }

    /// Eigenvalues and eigenvectors of every spin channel.
    ///
    /// # Errors
    /// As [`energies`].
    pub fn states(&self, k: [f64; 3]) -> Result<Vec<States>, Error> {
        let factor = self.factor(k)?;
        self.h.channels_at(self.hamiltonian, k).iter().map(|h_k| factor.states(h_k.as_ref())).collect()
    }

    /// Eigenvalues of every spin channel, and how much of each state is of which group, `weights[channel][band][group]`.
    ///
    /// # Errors
    /// As [`energies`].
    pub fn weighed(&self, k: [f64; 3], weighing: &dyn Weighing) -> Result<(Vec<Vec<f64>>, Vec<Vec<Vec<f64>>>), Error> {
        let s = self.s.at(self.overlap, k);
        let weighed = |States { energies, vectors }: States| {
            let with_overlap = times_overlap(vectors.as_ref(), s.as_ref(), self.par);
            let (vectors, with_overlap) = (vectors.as_ref(), with_overlap.as_ref());
            let weights = weighing.weigh(StatesAt { k, energies: &energies, vectors, with_overlap });
            (energies, weights)
        };
        Ok(self.states(k)?.into_iter().map(weighed).unzip())
    }

    /// How many threads one problem gets.
    pub fn par(&self) -> Par {
        self.par
    }

    fn factor(&self, k: [f64; 3]) -> Result<OverlapFactor, Error> {
        let spinor = matches!(self.hamiltonian, SpinOperator::Spinor(_));
        OverlapFactor::new(self.s.overlap_at(self.overlap, spinor, k).as_ref(), k, self.null_space, self.par)
    }
}

/// k points first; threads inside one eigenproblem only where there are fewer k points than cores.
fn threads_inside(n_k: usize) -> Par {
    if n_k >= rayon::current_num_threads() { Par::Seq } else { Par::rayon(0) }
}

/// From `[k][spin]` to `[spin][k]`.
pub fn by_spin<T>(by_k: Vec<Vec<T>>, n_spins: usize) -> Vec<Vec<T>> {
    let mut energies: Vec<Vec<T>> = (0..n_spins).map(|_| Vec::with_capacity(by_k.len())).collect();
    for spins in by_k {
        energies.iter_mut().zip(spins).for_each(|(spin, bands)| spin.push(bands));
    }
    energies
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::parsers::{Pair, Pairs, Shell, Species, c64};

    fn chain_basis() -> Basis {
        let shells = vec![Shell { l: 0, zeta: 1, n: None }];
        Basis::new(vec![Species { label: "H".into(), z: Some(1), shells, cutoff: None }], &[0]).unwrap()
    }

    /// One s orbital per cell; neighbours along the first lattice vector.
    fn chain(basis: &Basis, onsite: f64, hopping: f64) -> Operator<f64> {
        let pairs = [-1, 0, 1].map(|x| Pair { i: 0, j: 0, r: [x, 0, 0] });
        let pairs = Arc::new(Pairs::new(pairs.to_vec(), basis).unwrap());
        Operator::new(pairs, vec![hopping, onsite, hopping]).unwrap()
    }

    /// ε(k) = (e + 2 t cos 2πk) / (1 + 2 s cos 2πk).
    fn chain_energy(k: f64, onsite: f64, hopping: f64, overlap: f64) -> f64 {
        let c = 2.0 * (std::f64::consts::TAU * k).cos();
        (onsite + hopping * c) / (1.0 + overlap * c)
    }

    const K: [[f64; 3]; 4] = [[0.0; 3], [0.1, 0.0, 0.0], [0.37, 0.2, -0.9], [0.5, 0.5, 0.5]];

    #[test]
    fn chain_with_overlap_has_its_closed_form() {
        let basis = chain_basis();
        let (s, up, down) = (chain(&basis, 1.0, 0.2), chain(&basis, -0.3, -0.1), chain(&basis, 0.1, 0.05));
        let h = SpinOperator::Collinear([up, down]);
        let energies = energies(&h, &s, &basis, &K, SpectrumOptions::default()).unwrap();
        for (k, point) in K.iter().enumerate() {
            assert!((energies[0][k][0] - chain_energy(point[0], -0.3, -0.1, 0.2)).abs() < 1e-14);
            assert!((energies[1][k][0] - chain_energy(point[0], 0.1, 0.05, 0.2)).abs() < 1e-14);
        }
    }

    /// A direction-dependent phase in `ud` (hopping i·λ to the right, −i·λ to the left): the sign of the Bloch phase matters.
    #[test]
    fn spinor_chain_has_its_closed_form() {
        let basis = chain_basis();
        let s = chain(&basis, 1.0, 0.2);
        let (e, t, lambda) = (0.2, -0.1, 0.03);
        let complex = |values: [c64; 3]| Operator::new(s.pairs().clone(), values.to_vec()).unwrap();
        let diagonal = || complex([t.into(), e.into(), t.into()]);
        let right = c64::new(0.0, lambda);
        let h = SpinOperator::Spinor([
            complex([-right + t, e.into(), right + t]),
            complex([0.0.into(); 3]),
            complex([0.0.into(); 3]),
            diagonal(),
        ]);
        let energies = energies(&h, &s, &basis, &K, SpectrumOptions::default()).unwrap();
        for (k, point) in K.iter().enumerate() {
            let phase = std::f64::consts::TAU * point[0];
            let norm = 1.0 + 0.4 * phase.cos();
            let mut expected = [e + 2.0 * t * phase.cos() - 2.0 * lambda * phase.sin(), e + 2.0 * t * phase.cos()];
            expected.sort_by(f64::total_cmp);
            assert_eq!(energies[0][k].len(), 2);
            assert!((0..2).all(|b| (energies[0][k][b] - expected[b] / norm).abs() < 1e-14));
        }
    }

    #[test]
    fn error_names_the_k_point() {
        let basis = chain_basis();
        let h = SpinOperator::Unpolarized(chain(&basis, 0.0, 1.0));
        let s = chain(&basis, 1.0, 0.6);
        let error = energies(&h, &s, &basis, &K, SpectrumOptions::default()).unwrap_err().to_string();
        assert!(error.contains("-2.000e-1") && error.contains("[0.5, 0.5, 0.5]"), "{error}");
    }
}
