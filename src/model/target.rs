//! ΔH = H − H⁽⁰⁾: what the model learns, and back to H.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::parsers::{Basis, Calculation, Error, Operator, Pair, Pairs, Result, SpinOperator, c64};

/// An operator that a model predicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// H, hartree.
    #[default]
    Hamiltonian,
    /// DM, electrons.
    DensityMatrix,
    /// S.
    Overlap,
}

/// The part of an operator that acts alike on both spins: itself without spin, (uu + dd)/2 for spinors.
///
/// # Errors
/// `Unsupported` for collinear spin.
pub fn spinless(operator: &SpinOperator) -> Result<Cow<'_, Operator<f64>>> {
    match operator {
        SpinOperator::Unpolarized(o) => Ok(Cow::Borrowed(o)),
        SpinOperator::Collinear(_) => Err(collinear()),
        SpinOperator::Spinor([uu, _, _, dd]) => {
            let mean = uu.values().iter().zip(dd.values()).map(|(u, d)| (u.re + d.re) / 2.0).collect();
            Operator::new(uu.pairs().clone(), mean).map(Cow::Owned)
        }
    }
}

fn collinear() -> Error {
    Error::unsupported(
        "collinear spin (nspin 2): the model learns one ΔH for both spins, so only nspin 1 and 4 are possible",
    )
}

/// ΔH = H − H⁽⁰⁾ without spin, on the blocks of S, in hartree.
///
/// # Errors
/// `Unsupported` for collinear spin or where H, H⁽⁰⁾ or S is missing.
pub fn delta(run: &Calculation) -> Result<Operator<f64>> {
    let pairs = overlap(run)?.pairs();
    let h = spinless(required(&run.hamiltonian, "converged H")?)?;
    let h0 = spinless(required(&run.hamiltonian0, "H0")?)?;
    let mut delta = on_pairs(&h, pairs);
    for (k, pair) in pairs.as_slice().iter().enumerate() {
        for (value, h0) in delta.block_mut(k).iter_mut().zip(h0.get(pair).unwrap_or_default()) {
            *value -= h0;
        }
    }
    Ok(delta)
}

/// S of a run.
///
/// # Errors
/// `Unsupported` where it is missing.
pub fn overlap(run: &Calculation) -> Result<&Operator<f64>> {
    required(&run.overlap, "S")
}

/// H⁽⁰⁾ of a run without spin, on the blocks of S.
///
/// # Errors
/// As [`delta`].
pub fn h0_on_overlap(run: &Calculation) -> Result<Operator<f64>> {
    let h0 = spinless(required(&run.hamiltonian0, "H0")?)?;
    Ok(on_pairs(&h0, overlap(run)?.pairs()))
}

fn required<'a, T>(operator: &'a Option<T>, name: &str) -> Result<&'a T> {
    operator.as_ref().ok_or_else(|| Error::unsupported(format!("the run has no {name}")))
}

/// The blocks of `operator` at `pairs`, zero where it has none.
fn on_pairs<T: Copy + Default>(operator: &Operator<T>, pairs: &Arc<Pairs>) -> Operator<T> {
    let mut moved = Operator::zeros(pairs.clone());
    for (k, pair) in pairs.as_slice().iter().enumerate() {
        if let Some(block) = operator.get(pair) {
            moved.block_mut(k).copy_from_slice(block);
        }
    }
    moved
}

/// μ of ΔH = μ S + rest by least squares, Σ ΔH∘S / Σ S∘S: a shift of the zero of energy.
pub fn gauge_shift(delta: &Operator<f64>, overlap: &Operator<f64>) -> f64 {
    let (mut product, mut norm) = (0.0, 0.0);
    for (pair, s) in overlap.blocks() {
        norm += s.iter().map(|s| s * s).sum::<f64>();
        product += delta.get(pair).unwrap_or_default().iter().zip(s).map(|(d, s)| d * s).sum::<f64>();
    }
    if norm > 0.0 { product / norm } else { 0.0 }
}

/// H = H⁽⁰⁾ + ΔH, on the blocks of both; for spinors ΔH goes to uu and dd alike.
///
/// # Errors
/// `Unsupported` for collinear spin.
pub fn apply(basis: &Basis, h0: &SpinOperator, delta: &Operator<f64>) -> Result<SpinOperator> {
    let pairs = united(basis, h0.pairs(), delta.pairs())?;
    Ok(match h0 {
        SpinOperator::Unpolarized(h0) => SpinOperator::Unpolarized(sum(h0, delta, &pairs)),
        SpinOperator::Collinear(_) => return Err(collinear()),
        SpinOperator::Spinor([uu, ud, du, dd]) => {
            let [ud, du] = [ud, du].map(|o| on_pairs::<c64>(o, &pairs));
            SpinOperator::Spinor([sum(uu, delta, &pairs), ud, du, sum(dd, delta, &pairs)])
        }
    })
}

fn united(basis: &Basis, a: &Arc<Pairs>, b: &Arc<Pairs>) -> Result<Arc<Pairs>> {
    if b.as_slice().iter().all(|pair| a.find(pair).is_some()) {
        return Ok(a.clone());
    }
    let all: Vec<Pair> = a.as_slice().iter().chain(b.as_slice()).copied().collect();
    Ok(Arc::new(Pairs::new(all, basis)?))
}

fn sum<T>(h0: &Operator<T>, delta: &Operator<f64>, pairs: &Arc<Pairs>) -> Operator<T>
where
    T: Copy + Default + std::ops::AddAssign<f64>,
{
    let mut h = on_pairs(h0, pairs);
    for (pair, block) in delta.blocks() {
        if let Some(k) = pairs.find(pair) {
            h.block_mut(k).iter_mut().zip(block).for_each(|(h, d)| *h += *d);
        }
    }
    h
}
