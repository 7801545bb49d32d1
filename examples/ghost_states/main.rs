//! Does another basis remove ghost states? `cargo run --release --example ghost_states -- N RUN...` fits a linear model to the first N
//! runs (which have no spin) and predicts the others in three ways, at known error of H:
//!
//! - as it is: ΔH in the basis of the orbitals;
//! - projected: μS + P(ΔH − μS)P, P the projector on eigenvectors of S(k) whose eigenvalue exceeds t;
//! - Löwdin: learning S^(−½) ΔH S^(−½) and multiplying by S^(½) from both sides, so that errors of bands are at most those of the matrix.
//!
//! The table is discussed in docs/certify.md.

use std::error::Error;
use std::path::PathBuf;

use faer::{Mat, Par, Side};
use hzero::bands::bloch::BlochSum;
use hzero::bands::eigen::OverlapFactor;
use hzero::bands::fermi;
use hzero::bands::mesh::{KMesh, default_grid, periodic_directions};
use hzero::bands::spectrum::SpectrumOptions;
use hzero::model::band_error::band_errors;
use hzero::model::linear::{FitSettings, LinearStage, fit};
use hzero::model::{Sample, Slots, target};
use hzero::parsers::{Calculation, KGrid, Of, Operator, ReadOptions, c64, read};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Divisions of the mesh on which operators are transformed: more cells than S reaches.
const DIVISIONS: u32 = 7;
const THRESHOLDS: [f64; 3] = [1e-3, 3e-3, 1e-2];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let n: usize = arguments.next().ok_or("usage: ghost_states N RUN...")?.parse()?;
    let runs = arguments.map(|path| Ok(read(&PathBuf::from(path), &ReadOptions::default())?));
    let runs = runs.collect::<Result<Vec<Calculation>>>()?;
    let (training, unseen) = runs.split_at(n.min(runs.len()));
    let slots = Slots::of_runs(training)?;
    let plain = learned(training, &slots)?;
    let in_lowdin = training.iter().map(lowdin_target).collect::<Result<Vec<_>>>()?;
    let lowdin = learned(&in_lowdin, &slots)?;
    println!(
        "{:<22} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "meV, means", "rms of H", "occupied", "to 5 eV", "all", "ghosts"
    );
    row("as it is", unseen, |run, d, _| predicted(&plain, run, &slots).map(|delta| d.at(&delta)))?;
    for t in THRESHOLDS {
        row(&format!("projected, t = {t:.0e}"), unseen, |run, d, s| {
            let delta = predicted(&plain, run, &slots)?;
            let shift = target::gauge_shift(&delta, target::overlap(run)?);
            projected(&d.at(&delta), s, shift, t)
        })?;
        row("  exact dH, projected", unseen, |run, d, s| {
            let delta = target::delta(run)?;
            let shift = target::gauge_shift(&delta, target::overlap(run)?);
            projected(&d.at(&delta), s, shift, t)
        })?;
        row("  cut to blocks of S", unseen, |run, d, _| {
            let delta = predicted(&plain, run, &slots)?;
            let shift = target::gauge_shift(&delta, target::overlap(run)?);
            Ok(d.at(&transformed(run, &delta, |delta, s| projected(delta, s, shift, t))?))
        })?;
    }
    row("Löwdin", unseen, |run, d, s| Ok(power(s, 0.5)?.both_sides(&d.at(&predicted(&lowdin, run, &slots)?))))?;
    row("Löwdin, cut, exact", unseen, |run, d, s| {
        Ok(power(s, 0.5)?.both_sides(&d.at(&target::delta(&lowdin_target(run)?)?)))
    })
}

fn learned(runs: &[Calculation], slots: &Slots) -> Result<LinearStage> {
    let samples = runs.iter().map(|run| Ok(Sample::new(run, slots)?)).collect::<Result<Vec<_>>>()?;
    Ok(fit(&samples, &[], slots, &FitSettings::default())?.0)
}

fn predicted(stage: &LinearStage, run: &Calculation, slots: &Slots) -> Result<Operator<f64>> {
    let sample = Sample::new(run, slots)?;
    Ok(sample.operator(&stage.predict(&sample, slots)?.delta, slots)?)
}

/// An operator at one k point.
struct AtK<'a> {
    sum: &'a BlochSum<'a>,
    k: [f64; 3],
}

impl AtK<'_> {
    fn at(&self, operator: &Operator<f64>) -> Mat<c64> {
        self.sum.at(operator, self.k)
    }
}

/// A Hermitian matrix X, for X O X.
struct Factor(Mat<c64>);

impl Factor {
    fn both_sides(&self, operator: &Mat<c64>) -> Mat<c64> {
        &self.0 * operator * &self.0
    }
}

/// U f(s) U† of S(k) = U s U†.
fn function(s: &Mat<c64>, f: impl Fn(f64) -> f64) -> Result<Mat<c64>> {
    let eigen = s.self_adjoint_eigen(Side::Lower).map_err(|_| "S(k) has no eigenvalues")?;
    let (u, values) = (eigen.U(), eigen.S().column_vector());
    let scaled = Mat::from_fn(u.nrows(), u.ncols(), |i, j| u[(i, j)] * f(values[j].re));
    Ok(scaled * u.adjoint())
}

fn power(s: &Mat<c64>, exponent: f64) -> Result<Factor> {
    Ok(Factor(function(s, |s| s.powf(exponent))?))
}

fn projected(delta: &Mat<c64>, s: &Mat<c64>, shift: f64, threshold: f64) -> Result<Mat<c64>> {
    let p = Factor(function(s, |s| if s > threshold { 1.0 } else { 0.0 })?);
    let rigid = Mat::from_fn(s.nrows(), s.ncols(), |i, j| s[(i, j)] * shift);
    Ok(&rigid + p.both_sides(&(delta - &rigid)))
}

/// The run with H⁽⁰⁾ + S^(−½) ΔH S^(−½), cut to the blocks of S, for its H.
fn lowdin_target(run: &Calculation) -> Result<Calculation> {
    let target = transformed(run, &target::delta(run)?, |delta, s| Ok(power(s, -0.5)?.both_sides(delta)))?;
    let h0 = run.hamiltonian0.as_ref().ok_or("a run has no H0")?;
    Ok(Calculation { hamiltonian: Some(target::apply(&run.basis, h0, &[target])?), ..run.clone() })
}

/// f(O(k), S(k)) back in real space, cut to the blocks of S.
fn transformed(
    run: &Calculation,
    operator: &Operator<f64>,
    f: impl Fn(&Mat<c64>, &Mat<c64>) -> Result<Mat<c64>>,
) -> Result<Operator<f64>> {
    let overlap = target::overlap(run)?;
    let divisions = periodic_directions(run).map(|periodic| if periodic { DIVISIONS } else { 1 });
    let mesh = KMesh::new(&KGrid { divisions, ..default_grid([true; 3]) }, true);
    let sum = BlochSum::new(overlap.pairs(), &run.basis);
    let mut cut = Operator::zeros(overlap.pairs().clone());
    for (&k, weight) in mesh.points.iter().zip(&mesh.weights) {
        add_back(&f(&sum.at(operator, k), &sum.at(overlap, k))?, k, *weight, run, &mut cut);
    }
    Ok(cut)
}

/// O(R) += w Re O(k) exp(−2πi k·R).
fn add_back(at_k: &Mat<c64>, k: [f64; 3], weight: f64, run: &Calculation, sum: &mut Operator<f64>) {
    let pairs = sum.pairs().clone();
    for (index, pair) in pairs.as_slice().iter().enumerate() {
        let angle: f64 = (0..3).map(|a| k[a] * f64::from(pair.r[a])).sum();
        let phase = c64::cis(-std::f64::consts::TAU * angle) * weight;
        let (rows, columns) = (run.basis.orbitals_of(pair.i as usize), run.basis.orbitals_of(pair.j as usize));
        let elements = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        sum.block_mut(index).iter_mut().zip(elements).for_each(|(o, (i, j))| *o += (at_k[(i, j)] * phase).re);
    }
}

/// Errors of one kind of prediction, means over the runs: `correction` is ΔH(k) of (run, k, S(k)).
fn row(
    name: &str,
    runs: &[Calculation],
    correction: impl Fn(&Calculation, &AtK, &Mat<c64>) -> Result<Mat<c64>>,
) -> Result<()> {
    let (mut sums, mut ghosts) = ([0.0; 4], 0);
    for run in runs {
        let mev = 1000.0 * run.origin.ev_per_hartree;
        let overlap = target::overlap(run)?;
        let (h0, h) = (run.hamiltonian0.as_ref().ok_or("no H0")?, run.hamiltonian.as_ref().ok_or("no H")?);
        let [of_s, of_h0, of_h] =
            [overlap.pairs(), h0.pairs(), h.pairs()].map(|pairs| BlochSum::new(pairs, &run.basis));
        let mesh = KMesh::of_run(run, h);
        let (mut reference, mut found, mut square) = (Vec::new(), Vec::new(), 0.0);
        for (&k, weight) in mesh.points.iter().zip(&mesh.weights) {
            let (s, h) = (of_s.at(overlap, k), of_h.channels_at(h, k).remove(0));
            let guess = of_h0.channels_at(h0, k).remove(0) + correction(run, &AtK { sum: &of_s, k }, &s)?;
            square += weight * aligned_square(&(&guess - &h), &s) / s.nrows() as f64;
            let factor = OverlapFactor::new(s.as_ref(), k, None, Par::Seq)?;
            reference.push(factor.energies(h.as_ref())?);
            found.push(factor.energies(guess.as_ref())?);
        }
        let level = fermi::level_of(run, Of::Scf, SpectrumOptions::default())?.ok_or("no Fermi level")?;
        let errors = band_errors(&[reference], &[found], &mesh.weights, level, run.origin.ev_per_hartree);
        let figures = [square.sqrt(), errors.occupied_mae, errors.to_5ev_mae.unwrap_or(0.0), errors.all_mae];
        sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure * mev / runs.len() as f64);
        ghosts += errors.ghost_states;
    }
    let [h, occupied, above, all] = sums;
    println!("{name:<22} {h:>10.3} {occupied:>10.2} {above:>10.2} {all:>10.1} {ghosts:>8}");
    Ok(())
}

/// Σ|E − μS|² with its own μ.
fn aligned_square(error: &Mat<c64>, s: &Mat<c64>) -> f64 {
    let elements = || (0..s.ncols()).flat_map(|j| (0..s.nrows()).map(move |i| (i, j)));
    let product: f64 = elements().map(|at| (error[at] * s[at].conj()).re).sum();
    let shift = product / elements().map(|at| s[at].norm_sqr()).sum::<f64>();
    elements().map(|at| (error[at] - s[at] * shift).norm_sqr()).sum()
}
