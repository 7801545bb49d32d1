//! What the model learns, most often ΔH = H − H⁽⁰⁾, and back to the operator.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::exchange_field;
use crate::parsers::{Basis, Calculation, Error, Operator, Pair, Pairs, Result, SpinOperator, c64};

/// What a model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Which operator.
    pub quantity: Quantity,
    /// Is its difference to H⁽⁰⁾ learned, or the operator itself?
    pub from_h0: bool,
    /// Are the exchange fields of spinors learned too ([`exchange_field`])? Then spinless part and field are one sample.
    #[serde(default)]
    pub magnetic: bool,
}

impl Default for Target {
    fn default() -> Self {
        Target { quantity: Quantity::Hamiltonian, from_h0: true, magnetic: false }
    }
}

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

impl Target {
    /// The real operators of which a model learns: [`channels`], or the four of [`exchange_field::parts`].
    pub(super) fn operators<'a>(&self, operator: &'a SpinOperator) -> Vec<Cow<'a, Operator<f64>>> {
        if self.magnetic {
            return exchange_field::parts(operator).map(Cow::Owned).into();
        }
        channels(operator)
    }
}

/// The real operators that are learned apart: one without spin; up and down of collinear spin; of spinors the part (uu + dd)/2 that
/// acts alike on both spins, since the rest is spin–orbit coupling, which H⁽⁰⁾ has already.
pub fn channels(operator: &SpinOperator) -> Vec<Cow<'_, Operator<f64>>> {
    match operator {
        SpinOperator::Unpolarized(o) => vec![Cow::Borrowed(o)],
        SpinOperator::Collinear(spins) => spins.iter().map(Cow::Borrowed).collect(),
        SpinOperator::Spinor([uu, _, _, dd]) => {
            let mut mean = Operator::zeros(uu.pairs().clone());
            let both = uu.values().iter().zip(dd.values());
            mean.values_mut().iter_mut().zip(both).for_each(|(mean, (u, d))| *mean = (u.re + d.re) / 2.0);
            vec![Cow::Owned(mean)]
        }
    }
}

/// What a model with this target learns of a run, one operator per channel, on the blocks of S, in hartree; `None` where the run lacks
/// the operator.
///
/// # Errors
/// `Unsupported` where S, or the H⁽⁰⁾ to start from, is missing; `Inconsistent` where their spins differ.
pub fn learned(run: &Calculation, target: Target) -> Result<Option<Vec<Operator<f64>>>> {
    let pairs = overlap(run)?.pairs();
    let operator = match target.quantity {
        Quantity::Hamiltonian => &run.hamiltonian,
        Quantity::DensityMatrix => &run.density_matrix,
        Quantity::Overlap => return Ok(Some(vec![overlap(run)?.clone()])),
    };
    let Some(operator) = operator else { return Ok(None) };
    let mut learned: Vec<Operator<f64>> = target.operators(operator).iter().map(|o| on_pairs(o, pairs)).collect();
    if target.from_h0 {
        let h0 = required(&run.hamiltonian0, "H0")?;
        require_equal_spins(operator, h0)?;
        learned.iter_mut().zip(target.operators(h0)).for_each(|(learned, h0)| subtract(learned, &h0));
    }
    Ok(Some(learned))
}

/// ΔH = H − H⁽⁰⁾ of a run without collinear spin, on the blocks of S, in hartree.
///
/// # Errors
/// As [`learned`]; `Unsupported` for collinear spin and where H is missing.
pub fn delta(run: &Calculation) -> Result<Operator<f64>> {
    match learned(run, Target::default())?.map(<[Operator<f64>; 1]>::try_from) {
        Some(Ok([delta])) => Ok(delta),
        Some(Err(_)) => Err(Error::unsupported("collinear spin (nspin 2) has a ΔH for each of both spins")),
        None => Err(Error::unsupported("the run has no converged H")),
    }
}

fn require_equal_spins(h: &SpinOperator, h0: &SpinOperator) -> Result<()> {
    match [h.nspin(), h0.nspin()] {
        [a, b] if a == b => Ok(()),
        [a, b] => Err(Error::inconsistent(format!("the converged operator has nspin {a}, but H0 has nspin {b}"))),
    }
}

/// Subtracts another operator on the blocks of the first.
pub(super) fn subtract(operator: &mut Operator<f64>, other: &Operator<f64>) {
    let pairs = operator.pairs().clone();
    for (k, pair) in pairs.as_slice().iter().enumerate() {
        let other = other.get(pair).unwrap_or_default();
        operator.block_mut(k).iter_mut().zip(other).for_each(|(value, other)| *value -= other);
    }
}

/// S of a run.
///
/// # Errors
/// `Unsupported` where it is missing.
pub fn overlap(run: &Calculation) -> Result<&Operator<f64>> {
    required(&run.overlap, "S")
}

/// H⁽⁰⁾ of a run on the blocks of S, one operator for each of [`learned`]; `None` where the run has none.
///
/// # Errors
/// `Unsupported` where S is missing.
pub fn h0_on_overlap(run: &Calculation, target: Target) -> Result<Option<Vec<Operator<f64>>>> {
    let pairs = overlap(run)?.pairs();
    Ok(run.hamiltonian0.as_ref().map(|h0| target.operators(h0).iter().map(|o| on_pairs(o, pairs)).collect()))
}

fn required<'a, T>(operator: &'a Option<T>, name: &str) -> Result<&'a T> {
    operator.as_ref().ok_or_else(|| Error::unsupported(format!("the run has no {name}")))
}

/// The blocks of `operator` at `pairs`, zero where it has none.
pub(super) fn on_pairs<T: Copy + Default>(operator: &Operator<T>, pairs: &Arc<Pairs>) -> Operator<T> {
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

/// H = H⁽⁰⁾ + ΔH, on the blocks of both, with one ΔH per channel: for spinors it goes to uu and dd alike, or there are the four of
/// [`exchange_field`].
///
/// # Errors
/// `Inconsistent` where there are not as many ΔH as channels.
pub fn apply(basis: &Basis, h0: &SpinOperator, deltas: &[Operator<f64>]) -> Result<SpinOperator> {
    match (h0, deltas) {
        (SpinOperator::Unpolarized(h0), [delta]) => {
            let pairs = united(basis, h0.pairs(), delta.pairs())?;
            Ok(SpinOperator::Unpolarized(sum(h0, delta, &pairs)))
        }
        (SpinOperator::Collinear([up, down]), [delta_up, delta_down]) => {
            let pairs = united(basis, up.pairs(), delta_up.pairs())?;
            Ok(SpinOperator::Collinear([sum(up, delta_up, &pairs), sum(down, delta_down, &pairs)]))
        }
        (SpinOperator::Spinor([uu, ud, du, dd]), [delta]) => {
            let pairs = united(basis, uu.pairs(), delta.pairs())?;
            let [ud, du] = [ud, du].map(|o| on_pairs::<c64>(o, &pairs));
            Ok(SpinOperator::Spinor([sum(uu, delta, &pairs), ud, du, sum(dd, delta, &pairs)]))
        }
        (_, [a, x, y, z]) => {
            let pairs = united(basis, h0.pairs(), a.pairs())?;
            let mut h = match h0 {
                SpinOperator::Unpolarized(o) => SpinOperator::Unpolarized(on_pairs(o, &pairs)),
                SpinOperator::Collinear(spins) => {
                    SpinOperator::Collinear(spins.each_ref().map(|o| on_pairs(o, &pairs)))
                }
                SpinOperator::Spinor(spins) => SpinOperator::Spinor(spins.each_ref().map(|o| on_pairs(o, &pairs))),
            };
            exchange_field::add(&mut h, &[a, x, y, z].map(|o| on_pairs(o, &pairs)));
            Ok(h)
        }
        _ => Err(Error::inconsistent(format!("nspin {} with {} channels", h0.nspin(), deltas.len()))),
    }
}

/// The operator of a prediction that does not start from H⁽⁰⁾: without spin, or up and down.
///
/// # Errors
/// `Inconsistent` for another number of channels.
pub fn joined(channels: Vec<Operator<f64>>) -> Result<SpinOperator> {
    match <[Operator<f64>; 2]>::try_from(channels) {
        Ok(spins) => Ok(SpinOperator::Collinear(spins)),
        Err(channels) => match <[Operator<f64>; 1]>::try_from(channels) {
            Ok([operator]) => Ok(SpinOperator::Unpolarized(operator)),
            Err(channels) => Err(Error::inconsistent(format!("an operator of {} channels", channels.len()))),
        },
    }
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
