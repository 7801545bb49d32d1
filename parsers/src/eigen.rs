//! H c = ε S c for dense Hermitian H and S: factorise S, diagonalise the reduced H (faer).

use std::cmp::Ordering;

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place as solve_lower, solve_upper_triangular_in_place as solve_upper,
};
use faer::{Mat, MatRef, Par, Spec};

use crate::error::{Error, Result};
use crate::operator::c64;

/// Eigenvalues ascending, and eigenvectors as columns with c†Sc = 1.
pub struct States {
    /// ε, hartree.
    pub energies: Vec<f64>,
    /// C, n × number of states.
    pub vectors: Mat<c64>,
}

/// S(k), factorised once for all Hamiltonians at that k.
pub struct OverlapFactor {
    k: [f64; 3],
    factor: Factor,
    par: Par,
}

enum Factor {
    /// L of S = L L†.
    Cholesky(Mat<c64>),
    /// X with X† S X = 1 on the space of sufficiently independent functions: X = U s^(-1/2).
    Canonical(Mat<c64>),
}

impl OverlapFactor {
    /// Factorises `s` = S(k). With `null_space` = t, combinations of orbitals whose eigenvalue of S(k) is at most t are
    /// left out (canonical orthogonalisation), so that fewer states than orbitals come out.
    ///
    /// # Errors
    /// `Inconsistent` where S(k) is not positive definite and `null_space` is `None`; names k and the smallest eigenvalue.
    pub fn new(s: MatRef<'_, c64>, k: [f64; 3], null_space: Option<f64>, par: Par) -> Result<Self> {
        let s = hermitian(s);
        let s = s.as_ref();
        let factor = match null_space {
            Some(threshold) => Factor::Canonical(canonical(s, threshold, k, par)?),
            None => Factor::Cholesky(cholesky(s, par).ok_or_else(|| not_positive(s, k, par))?),
        };
        Ok(OverlapFactor { k, factor, par })
    }

    /// Eigenvalues of `h` = H(k), ascending.
    ///
    /// # Errors
    /// `Inconsistent` where no eigenvalues are found (numbers that are not finite).
    pub fn energies(&self, h: MatRef<'_, c64>) -> Result<Vec<f64>> {
        hermitian_eigenvalues(self.reduced(h).as_ref(), self.par).ok_or_else(|| self.no_convergence())
    }

    /// Eigenvalues and eigenvectors of `h` = H(k).
    ///
    /// # Errors
    /// As [`OverlapFactor::energies`].
    pub fn states(&self, h: MatRef<'_, c64>) -> Result<States> {
        let reduced = self.reduced(h);
        let (energies, mut vectors) =
            hermitian_eigenvectors(reduced.as_ref(), self.par).ok_or_else(|| self.no_convergence())?;
        match &self.factor {
            Factor::Cholesky(l) => solve_upper(l.adjoint(), vectors.as_mut(), self.par),
            Factor::Canonical(x) => vectors = x * vectors,
        }
        Ok(States { energies, vectors })
    }

    /// L⁻¹ H L⁻†, or X† H X.
    fn reduced(&self, h: MatRef<'_, c64>) -> Mat<c64> {
        match &self.factor {
            Factor::Cholesky(l) => {
                let mut half = hermitian(h);
                solve_lower(l.as_ref(), half.as_mut(), self.par);
                let mut whole = half.adjoint().to_owned();
                solve_lower(l.as_ref(), whole.as_mut(), self.par);
                whole
            }
            Factor::Canonical(x) => x.adjoint() * hermitian(h) * x,
        }
    }

    fn no_convergence(&self) -> Error {
        let k = self.k;
        Error::inconsistent(format!("no eigenvalues of H(k) at k = {k:?}: are all numbers in H and S finite?"))
    }
}

/// The Hermitian matrix with the upper triangle of `a`. The numbers of a file make H(k) and S(k) Hermitian to their own
/// precision only, which a small eigenvalue of S(k) amplifies; LAPACK reads one triangle, and SIESTA's choice of it is this one
/// (its matrix is the transposed one, of which it takes the lower triangle).
pub fn hermitian(a: MatRef<'_, c64>) -> Mat<c64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| match i.cmp(&j) {
        Ordering::Less => a[(i, j)],
        Ordering::Equal => a[(i, j)].re.into(),
        Ordering::Greater => a[(j, i)].conj(),
    })
}

fn cholesky(s: MatRef<'_, c64>, par: Par) -> Option<Mat<c64>> {
    let n = s.nrows();
    let mut l = s.to_owned();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<c64>(n, par, Spec::default()));
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(l.as_mut(), Default::default(), par, stack, Spec::default()).ok()?;
    Some(l)
}

fn not_positive(s: MatRef<'_, c64>, k: [f64; 3], par: Par) -> Error {
    match hermitian_eigenvalues(s, par).and_then(|values| values.first().copied()) {
        Some(smallest) => Error::inconsistent(format!(
            "the overlap is not positive definite: the smallest eigenvalue of S(k) is {smallest:.3e} at k = {k:?}"
        )),
        None => Error::inconsistent(format!("the overlap S(k) at k = {k:?} has numbers that are not finite")),
    }
}

/// S^(−1/2) of `s` = S(k), the Hermitian one.
///
/// # Errors
/// As [`OverlapFactor::new`] without `null_space`.
pub fn inverse_root(s: MatRef<'_, c64>, k: [f64; 3], par: Par) -> Result<Mat<c64>> {
    let s = hermitian(s);
    let (values, vectors) = hermitian_eigenvectors(s.as_ref(), par).ok_or_else(|| not_positive(s.as_ref(), k, par))?;
    if values.first().is_some_and(|&smallest| smallest <= 0.0) {
        return Err(not_positive(s.as_ref(), k, par));
    }
    let scaled = Mat::from_fn(vectors.nrows(), vectors.ncols(), |i, j| vectors[(i, j)] / values[j].sqrt());
    Ok(scaled * vectors.adjoint())
}

fn canonical(s: MatRef<'_, c64>, threshold: f64, k: [f64; 3], par: Par) -> Result<Mat<c64>> {
    let (values, vectors) = hermitian_eigenvectors(s, par).ok_or_else(|| not_positive(s, k, par))?;
    let dropped = values.iter().take_while(|&&value| value <= threshold.max(0.0)).count();
    if dropped == values.len() {
        return Err(Error::inconsistent(format!("no eigenvalue of S(k) at k = {k:?} exceeds {threshold:e}")));
    }
    let kept = vectors.subcols(dropped, values.len() - dropped);
    Ok(Mat::from_fn(kept.nrows(), kept.ncols(), |i, j| kept[(i, j)] / values[dropped + j].sqrt()))
}

/// Eigenvalues of a Hermitian matrix (its lower triangle is read), ascending; `None` where a number is not finite.
pub fn hermitian_eigenvalues(a: MatRef<'_, c64>, par: Par) -> Option<Vec<f64>> {
    let mut values = Diag::<c64>::zeros(a.nrows());
    let scratch = self_adjoint_evd_scratch::<c64>(a.nrows(), ComputeEigenvectors::No, par, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    self_adjoint_evd(a, values.as_mut(), None, par, MemStack::new(&mut memory), Spec::default()).ok()?;
    finite(&values)
}

/// Eigenvalues and eigenvectors (columns) of a Hermitian matrix (its lower triangle is read).
fn hermitian_eigenvectors(a: MatRef<'_, c64>, par: Par) -> Option<(Vec<f64>, Mat<c64>)> {
    let n = a.nrows();
    let (mut values, mut vectors) = (Diag::<c64>::zeros(n), Mat::zeros(n, n));
    let scratch = self_adjoint_evd_scratch::<c64>(n, ComputeEigenvectors::Yes, par, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(a, values.as_mut(), Some(vectors.as_mut()), par, stack, Spec::default()).ok()?;
    Some((finite(&values)?, vectors))
}

fn finite(values: &Diag<c64>) -> Option<Vec<f64>> {
    let values: Vec<f64> = values.column_vector().iter().map(|value| value.re).collect();
    values.iter().all(|value| value.is_finite()).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic numbers in −1 … 1 (a linear congruential generator).
    fn noise(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn random_hermitian(n: usize, seed: &mut u64) -> Mat<c64> {
        let a: Mat<c64> = Mat::from_fn(n, n, |_, _| c64::new(noise(seed), noise(seed)));
        Mat::from_fn(n, n, |i, j| (a[(i, j)] + a[(j, i)].conj()) * 0.5)
    }

    fn random_positive(n: usize, seed: &mut u64) -> Mat<c64> {
        let a = random_hermitian(n, seed);
        let square = &a * a.adjoint();
        Mat::from_fn(n, n, |i, j| square[(i, j)] / n as f64 + if i == j { c64::new(0.1, 0.0) } else { c64::ZERO })
    }

    fn largest(a: &Mat<c64>) -> f64 {
        a.col_iter().flat_map(|column| column.iter().map(|x| x.norm()).collect::<Vec<_>>()).fold(0.0, f64::max)
    }

    fn residual(h: &Mat<c64>, s: &Mat<c64>, states: &States) -> f64 {
        let c = &states.vectors;
        let scaled = Mat::from_fn(c.nrows(), c.ncols(), |i, j| c[(i, j)] * states.energies[j]);
        largest(&(h * c - s * scaled))
    }

    #[test]
    fn random_pencil_is_solved() {
        let mut seed = 1;
        let (h, s) = (random_hermitian(60, &mut seed), random_positive(60, &mut seed));
        for null_space in [None, Some(1e-8)] {
            let factor = OverlapFactor::new(s.as_ref(), [0.0; 3], null_space, Par::Seq).unwrap();
            let states = factor.states(h.as_ref()).unwrap();
            assert_eq!(states.energies.len(), 60);
            assert!(residual(&h, &s, &states) < 1e-11);
            let metric = states.vectors.adjoint() * &s * &states.vectors - Mat::<c64>::identity(60, 60);
            assert!(largest(&metric) < 1e-11);
            let energies = factor.energies(h.as_ref()).unwrap();
            assert!(energies.iter().zip(&states.energies).all(|(a, b)| (a - b).abs() < 1e-11));
        }
    }

    #[test]
    fn dependent_orbitals_are_reported_or_left_out() {
        let s = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { 1.0 } else { 1.5 }, 0.0));
        let h = Mat::from_fn(2, 2, |_, _| c64::new(-1.0, 0.0));
        let error = OverlapFactor::new(s.as_ref(), [0.5, 0.0, 0.25], None, Par::Seq).err().unwrap().to_string();
        assert!(error.contains("-5.000e-1") && error.contains("[0.5, 0.0, 0.25]"), "{error}");
        let factor = OverlapFactor::new(s.as_ref(), [0.0; 3], Some(1e-6), Par::Seq).unwrap();
        let energies = factor.energies(h.as_ref()).unwrap();
        assert_eq!(energies.len(), 1);
        assert!((energies[0] + 2.0 / 2.5).abs() < 1e-14);
    }

    #[test]
    fn numbers_that_are_not_finite_are_an_error() {
        let s: Mat<c64> = Mat::identity(2, 2);
        let h = Mat::from_fn(2, 2, |_, _| c64::new(f64::NAN, 0.0));
        let factor = OverlapFactor::new(s.as_ref(), [0.0; 3], None, Par::Seq).unwrap();
        assert!(factor.energies(h.as_ref()).is_err());
        assert!(OverlapFactor::new(h.as_ref(), [0.0; 3], None, Par::Seq).is_err());
    }
}
