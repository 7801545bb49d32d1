//! How far a predicted H is from the converged one: raw, and after one rigid shift (H and H + μS are the same physics).

use std::collections::BTreeMap;

use serde::Serialize;

use super::target;
use crate::parsers::basis::l_letter;
use crate::parsers::{Calculation, Error, Operator, Pair, Result, Shell, SpinOperator, c64};

/// Errors over some matrix elements, in hartree. Elements count where H or H⁽⁰⁾ is not zero, as in the files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Errors {
    /// Number of elements.
    pub n: usize,
    /// Mean |H_predicted − H|.
    pub mae: f64,
    /// Mean |H⁽⁰⁾ − H|: what is there without a prediction. `None` where the run has no H⁽⁰⁾.
    pub mae_h0: Option<f64>,
    /// Mean |H_predicted − H − μS| with the whole operator's own μ.
    pub mae_aligned: f64,
    /// Mean |H⁽⁰⁾ − H − μ₀S| with its own μ₀.
    pub mae_h0_aligned: Option<f64>,
    /// Root mean square of H_predicted − H.
    pub rms: f64,
    /// Largest |H_predicted − H|.
    pub max: f64,
}

impl Errors {
    /// In another unit.
    pub fn scaled(self, factor: f64) -> Self {
        Errors {
            n: self.n,
            mae: self.mae * factor,
            mae_h0: self.mae_h0.map(|mae| mae * factor),
            mae_aligned: self.mae_aligned * factor,
            mae_h0_aligned: self.mae_h0_aligned.map(|mae| mae * factor),
            rms: self.rms * factor,
            max: self.max * factor,
        }
    }
}

/// Errors of a part, by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Which part.
    pub name: String,
    /// Its errors.
    pub errors: Errors,
}

/// A block that is predicted badly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlier {
    /// Which block.
    pub pair: Pair,
    /// Distance of its atoms in bohr.
    pub distance: f64,
    /// Its errors.
    pub errors: Errors,
}

/// All errors of one prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Over all elements.
    pub total: Errors,
    /// Rigid shift μ of H_predicted − H = μS + rest, hartree.
    pub shift: f64,
    /// By kinds of atoms, on-site apart.
    pub by_species: Vec<Part>,
    /// By pairs of shells.
    pub by_shells: Vec<Part>,
    /// By distance in steps of [`DISTANCE_STEP`]; the first is on-site.
    pub by_distance: Vec<Part>,
    /// The blocks with the largest errors, worst first.
    pub outliers: Vec<Outlier>,
}

/// Bohr.
pub const DISTANCE_STEP: f64 = 2.0;
const N_OUTLIERS: usize = 10;

/// Compares a predicted H with the run's own, and H⁽⁰⁾ too where the run has it.
///
/// # Errors
/// `Unsupported` where S or H is missing; `Inconsistent` where spins differ.
pub fn evaluate(run: &Calculation, predicted: &SpinOperator) -> Result<Evaluation> {
    let missing = |name: &str| Error::unsupported(format!("the run has no {name} to compare with"));
    let h = run.hamiltonian.as_ref().ok_or_else(|| missing("converged H"))?;
    let overlap = target::overlap(run)?;
    for (name, other) in [("H0", run.hamiltonian0.as_ref()), ("the prediction", Some(predicted))] {
        if let Some(other) = other.filter(|other| other.nspin() != h.nspin()) {
            let message = format!("H has nspin {}, {name} {}", h.nspin(), other.nspin());
            return Err(Error::inconsistent(message));
        }
    }
    let has_h0 = run.hamiltonian0.is_some();
    // Without H0 errors are counted as if it were H, and not told.
    let operators = [h, run.hamiltonian0.as_ref().unwrap_or(h), predicted].map(components);
    let mut comparison = Comparison { run, operators, has_h0, overlap, shift: 0.0, shift_h0: 0.0 };
    comparison.align();
    Ok(comparison.evaluate())
}

/// One spin component, real or complex.
#[derive(Clone, Copy)]
enum Component<'a> {
    Real(&'a Operator<f64>),
    /// With "does S enter it" (uu and dd).
    Complex(&'a Operator<c64>, bool),
}

/// One block of a component; empty where it is not stored.
#[derive(Clone, Copy)]
enum Block<'a> {
    Real(&'a [f64]),
    Complex(&'a [c64]),
}

impl Block<'_> {
    fn value(self, element: usize) -> c64 {
        match self {
            Block::Real(values) => values.get(element).copied().unwrap_or_default().into(),
            Block::Complex(values) => values.get(element).copied().unwrap_or_default(),
        }
    }
}

impl<'a> Component<'a> {
    fn block(&self, pair: &Pair) -> Block<'a> {
        match *self {
            Component::Real(o) => Block::Real(o.get(pair).unwrap_or_default()),
            Component::Complex(o, _) => Block::Complex(o.get(pair).unwrap_or_default()),
        }
    }

    fn is_diagonal(&self) -> bool {
        matches!(self, Component::Real(_) | Component::Complex(_, true))
    }
}

fn components(operator: &SpinOperator) -> Vec<Component<'_>> {
    match operator {
        SpinOperator::Unpolarized(o) => vec![Component::Real(o)],
        SpinOperator::Collinear([up, down]) => vec![Component::Real(up), Component::Real(down)],
        SpinOperator::Spinor([uu, ud, du, dd]) => {
            vec![
                Component::Complex(uu, true),
                Component::Complex(ud, false),
                Component::Complex(du, false),
                Component::Complex(dd, true),
            ]
        }
    }
}

struct Comparison<'a> {
    run: &'a Calculation,
    /// H, H⁽⁰⁾, predicted.
    operators: [Vec<Component<'a>>; 3],
    has_h0: bool,
    overlap: &'a Operator<f64>,
    shift: f64,
    shift_h0: f64,
}

/// Differences of one element.
struct Element {
    row: usize,
    column: usize,
    /// Predicted − H.
    error: c64,
    /// H⁽⁰⁾ − H.
    error_h0: c64,
    /// S, or zero in ud and du.
    overlap: f64,
    stored: bool,
}

impl Comparison<'_> {
    /// Elements of one block, all spin components.
    fn elements(&self, pair: &Pair) -> impl Iterator<Item = Element> + '_ {
        let pair = *pair;
        let n_columns = self.run.basis.orbitals_of(pair.j as usize).len();
        let n = self.run.basis.orbitals_of(pair.i as usize).len() * n_columns;
        let s = self.overlap.get(&pair);
        (0..self.operators[0].len()).flat_map(move |component| {
            let blocks = self.operators.each_ref().map(|o| o[component].block(&pair));
            let diagonal = self.operators[0][component].is_diagonal();
            (0..n).map(move |k| {
                let [h, h0, p] = blocks.map(|block| block.value(k));
                let overlap = s.filter(|_| diagonal).map_or(0.0, |s| s[k]);
                let stored = h != c64::default() || h0 != c64::default();
                Element { row: k / n_columns, column: k % n_columns, error: p - h, error_h0: h0 - h, overlap, stored }
            })
        })
    }

    fn pairs(&self) -> Vec<Pair> {
        let of = |component: &Component| match component {
            Component::Real(o) => o.pairs().as_slice().to_vec(),
            Component::Complex(o, _) => o.pairs().as_slice().to_vec(),
        };
        let mut pairs: Vec<Pair> = self.operators.iter().flat_map(|components| of(&components[0])).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    fn align(&mut self) {
        let (mut product, mut product_h0, mut norm) = (0.0, 0.0, 0.0);
        for element in self.pairs().iter().flat_map(|pair| self.elements(pair)) {
            product += element.error.re * element.overlap;
            product_h0 += element.error_h0.re * element.overlap;
            norm += element.overlap * element.overlap;
        }
        if norm > 0.0 {
            (self.shift, self.shift_h0) = (product / norm, product_h0 / norm);
        }
    }

    fn evaluate(&self) -> Evaluation {
        let mut total = Sums::default();
        let (mut by_species, mut by_shells, mut by_distance) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut outliers = Vec::new();
        for pair in self.pairs() {
            let distance = self.run.structure.displacement(&pair).norm();
            let mut block = Sums::default();
            for (shells, sums) in self.shells(&pair) {
                block.add(&sums);
                by_shells.entry(shells).or_insert_with(Sums::default).add(&sums);
            }
            total.add(&block);
            by_species.entry(self.species(&pair)).or_insert_with(Sums::default).add(&block);
            by_distance.entry(step(&pair, distance)).or_insert_with(Sums::default).add(&block);
            outliers.push(Outlier { pair, distance, errors: block.errors(self.has_h0) });
        }
        outliers.sort_by(|a, b| b.errors.max.total_cmp(&a.errors.max));
        outliers.truncate(N_OUTLIERS);
        Evaluation {
            total: total.errors(self.has_h0),
            shift: self.shift,
            by_species: self.parts(by_species, |name| name),
            by_shells: self.parts(by_shells, |shells| shells.map(shell_name).join("-")),
            by_distance: self.parts(by_distance, step_name),
            outliers,
        }
    }

    fn errors(&self, element: &Element) -> Sums {
        let raw = element.error.norm();
        Sums {
            n: usize::from(element.stored),
            absolute: raw,
            absolute_h0: element.error_h0.norm(),
            aligned: (element.error - self.shift * element.overlap).norm(),
            aligned_h0: (element.error_h0 - self.shift_h0 * element.overlap).norm(),
            squared: raw * raw,
            max: raw,
        }
    }

    fn parts<K>(&self, sums: BTreeMap<K, Sums>, name: impl Fn(K) -> String) -> Vec<Part> {
        sums.into_iter().map(|(key, sums)| Part { name: name(key), errors: sums.errors(self.has_h0) }).collect()
    }

    fn species(&self, pair: &Pair) -> String {
        let [a, b] = [pair.i, pair.j].map(|atom| self.run.basis.species_of(atom as usize).label.as_str());
        if pair.is_onsite() { format!("{a} on-site") } else { format!("{}-{}", a.min(b), a.max(b)) }
    }

    /// Sums of one block by its pairs of shells.
    fn shells(&self, pair: &Pair) -> impl Iterator<Item = ([Rank; 2], Sums)> {
        let [rows, columns] = [pair.i, pair.j].map(|atom| &self.run.basis.species_of(atom as usize).shells);
        let [of_row, of_column] = [rows, columns].map(|shells| shells_of_orbitals(shells));
        let mut sums = vec![Sums::default(); rows.len() * columns.len()];
        for element in self.elements(pair) {
            sums[of_row[element.row] * columns.len() + of_column[element.column]].add(&self.errors(&element));
        }
        let pairs = rows.iter().flat_map(move |a| columns.iter().map(move |b| [rank(a), rank(b)]));
        pairs.map(|[a, b]| [a.min(b), a.max(b)]).zip(sums)
    }
}

/// Angular momentum, principal quantum number and zeta of a shell: their order in tables.
type Rank = (u8, Option<u8>, u8);

fn rank(shell: &Shell) -> Rank {
    (shell.l, shell.n, shell.zeta)
}

/// `p2`, or `5p2` where n is known.
fn shell_name((l, n, zeta): Rank) -> String {
    let n = n.map_or(String::new(), |n| n.to_string());
    format!("{n}{}{zeta}", l_letter(l))
}

/// The number of each orbital's shell.
fn shells_of_orbitals(shells: &[Shell]) -> Vec<usize> {
    shells.iter().enumerate().flat_map(|(k, shell)| vec![k; shell.n_orbitals()]).collect()
}

/// 0: on-site.
fn step(pair: &Pair, distance: f64) -> usize {
    if pair.is_onsite() { 0 } else { 1 + (distance / DISTANCE_STEP) as usize }
}

fn step_name(step: usize) -> String {
    match step {
        0 => "on-site".to_owned(),
        n => format!("{}-{} bohr", (n - 1) as f64 * DISTANCE_STEP, n as f64 * DISTANCE_STEP),
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: usize,
    absolute: f64,
    absolute_h0: f64,
    aligned: f64,
    aligned_h0: f64,
    squared: f64,
    max: f64,
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.n += other.n;
        self.absolute += other.absolute;
        self.absolute_h0 += other.absolute_h0;
        self.aligned += other.aligned;
        self.aligned_h0 += other.aligned_h0;
        self.squared += other.squared;
        self.max = self.max.max(other.max);
    }

    fn errors(&self, has_h0: bool) -> Errors {
        let n = self.n.max(1) as f64;
        Errors {
            n: self.n,
            mae: self.absolute / n,
            mae_h0: has_h0.then_some(self.absolute_h0 / n),
            mae_aligned: self.aligned / n,
            mae_h0_aligned: has_h0.then_some(self.aligned_h0 / n),
            rms: (self.squared / n).sqrt(),
            max: self.max,
        }
    }
}
