//! What differs between two runs that should be the same.

use std::collections::BTreeMap;
use std::fmt;

use hzero_parsers::bloch::BlochSum;
use hzero_parsers::eigen::OverlapFactor;
use hzero_parsers::operator::{Operator, Pair};
use hzero_parsers::{Calculation, SpinOperator, c64};

/// Reduced; no symmetry holds there.
const GENERIC: [[f64; 3]; 2] = [[0.1, 0.23, -0.37], [-0.31, 0.42, 0.17]];
/// Points of the mesh of Wannier90's files.
const ON_MESH: [[f64; 3]; 2] = [[1.0 / 3.0, -1.0 / 3.0, 0.0], [0.0, 1.0 / 3.0, 1.0 / 3.0]];

/// How exactly matrices come back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exactness {
    /// To the last bit; eigenvalues to 1e-12 hartree.
    Bits,
    /// Relative to the largest element.
    Within(f64),
    /// In another basis: eigenvalues at points of a mesh, hartree.
    OnMesh(f64),
}

impl Exactness {
    /// That of two ways one after the other.
    pub fn then(self, other: Self) -> Self {
        match (self, other) {
            (Exactness::OnMesh(_), _) | (_, Exactness::OnMesh(_)) => {
                Exactness::OnMesh(self.of_energies().max(other.of_energies()))
            }
            _ if self.of_energies() >= other.of_energies() => self,
            _ => other,
        }
    }

    fn kpoints(self) -> [[f64; 3]; 2] {
        if matches!(self, Exactness::OnMesh(_)) { ON_MESH } else { GENERIC }
    }

    /// Hartree. Where S(k) is nearly singular, eigenvalues differ by more than elements do.
    fn of_energies(self) -> f64 {
        match self {
            Exactness::Bits => 1e-12,
            Exactness::Within(tolerance) => 2e3 * tolerance,
            Exactness::OnMesh(tolerance) => tolerance,
        }
    }
}

impl fmt::Display for Exactness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exactness::Bits => write!(f, "bits"),
            Exactness::Within(tolerance) => write!(f, "{tolerance:.0e}"),
            Exactness::OnMesh(_) => write!(f, "mesh"),
        }
    }
}

/// What may differ.
pub struct Allowed {
    /// S, H and DM without spin or collinear.
    pub matrices: Exactness,
    /// H and DM of spinors.
    pub spinors: Exactness,
    /// Is DM of spinors compared?
    pub spinor_dm: bool,
    /// Is everything else compared?
    pub facts: bool,
}

impl Allowed {
    fn of(&self, operator: &SpinOperator) -> Exactness {
        if matches!(operator, SpinOperator::Spinor(_)) { self.spinors } else { self.matrices }
    }
}

/// How exact the matrices of `found` may be called, or what is wrong.
pub fn compare(expected: &Calculation, found: &Calculation, allowed: &Allowed) -> Result<Exactness, String> {
    let mut wrong = if allowed.facts { facts(expected, found) } else { Vec::new() };
    let exactness = expected.hamiltonian.as_ref().or(expected.hamiltonian0.as_ref()).map(|h| allowed.of(h));
    let of_s = exactness.unwrap_or(allowed.matrices);
    let overlaps = expected.overlap.as_ref().zip(found.overlap.as_ref());
    if !overlaps.is_some_and(|(a, b)| agree(&real(a), &real(b), allowed.matrices)) {
        wrong.push("S".to_owned());
    }
    let operators = [
        ("H", &expected.hamiltonian, &found.hamiltonian),
        ("H0", &expected.hamiltonian0, &found.hamiltonian0),
        ("DM", &expected.density_matrix, &found.density_matrix),
    ];
    for (name, expected, found) in operators {
        let Some(expected) = expected else { continue };
        let is_left_out = name == "DM" && matches!(expected, SpinOperator::Spinor(_)) && !allowed.spinor_dm;
        let same = |found: &SpinOperator| is_left_out || is_same(expected, found, allowed.of(expected));
        if !found.as_ref().is_some_and(same) {
            wrong.push(name.to_owned());
        }
    }
    if exactness.is_some() && wrong.is_empty() {
        let differ = spectra_differ(expected, found, of_s.kpoints());
        if differ.is_nan() || differ > of_s.of_energies() {
            wrong.push(format!("eigenvalues by {differ:.1e} hartree"));
        }
    }
    if wrong.is_empty() { Ok(of_s) } else { Err(format!("other {}", wrong.join(", "))) }
}

/// Everything but matrices that a run holds and `found` does not hold as it was. Valence charges may come in: some formats
/// cannot do without.
fn facts(expected: &Calculation, found: &Calculation) -> Vec<String> {
    let facts = [
        ("structure", expected.structure == found.structure),
        ("shells or labels", expected.basis == found.basis),
        ("Fermi level", expected.fermi_level == found.fermi_level),
        ("electrons", expected.n_electrons == found.n_electrons),
        ("valence charges", expected.valence_charges.is_none() || expected.valence_charges == found.valence_charges),
        ("temperature", expected.smearing == found.smearing),
        ("fixed moment", expected.fixed_moment == found.fixed_moment),
        ("k mesh", expected.k_grid == found.k_grid),
    ];
    facts.iter().filter(|(_, is_same)| !is_same).map(|(name, _)| (*name).to_owned()).collect()
}

fn is_same(expected: &SpinOperator, found: &SpinOperator, exactness: Exactness) -> bool {
    let (expected, found) = (components(expected), components(found));
    expected.len() == found.len() && expected.iter().zip(&found).all(|(a, b)| agree(a, b, exactness))
}

type Blocks = BTreeMap<Pair, Vec<f64>>;

/// Blocks that are absent are zeros.
fn agree(expected: &Blocks, found: &Blocks, exactness: Exactness) -> bool {
    match exactness {
        Exactness::Bits => expected == found,
        Exactness::OnMesh(_) => true,
        Exactness::Within(tolerance) => {
            let largest = expected.values().flatten().fold(0.0, |largest: f64, x| largest.max(x.abs()));
            let element = |blocks: &Blocks, pair: &Pair, n: usize| blocks.get(pair).map_or(0.0, |block| block[n]);
            let close = |pair: &Pair, n: usize| {
                (element(expected, pair, n) - element(found, pair, n)).abs() <= tolerance * largest
            };
            let all = expected.iter().chain(found);
            all.into_iter().all(|(pair, block)| (0..block.len()).all(|n| close(pair, n)))
        }
    }
}

fn components(operator: &SpinOperator) -> Vec<Blocks> {
    match operator {
        SpinOperator::Unpolarized(o) => vec![real(o)],
        SpinOperator::Collinear(o) => o.iter().map(real).collect(),
        SpinOperator::Spinor(o) => o.iter().map(complex).collect(),
    }
}

/// Blocks that are not all zero.
fn real(operator: &Operator<f64>) -> Blocks {
    let blocks = operator.blocks().filter(|(_, block)| block.iter().any(|x| *x != 0.0));
    blocks.map(|(pair, block)| (*pair, block.to_vec())).collect()
}

fn complex(operator: &Operator<c64>) -> Blocks {
    let blocks = operator.blocks().filter(|(_, block)| block.iter().any(|x| *x != c64::ZERO));
    blocks.map(|(pair, block)| (*pair, block.iter().flat_map(|x| [x.re, x.im]).collect())).collect()
}

/// Largest difference of an eigenvalue of H, hartree; infinite where one run has other states.
fn spectra_differ(expected: &Calculation, found: &Calculation, kpoints: [[f64; 3]; 2]) -> f64 {
    let differ = |k: [f64; 3]| {
        let (a, b) = (energies(expected, k), energies(found, k));
        let largest = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if a.len() == b.len() { largest } else { f64::INFINITY }
    };
    kpoints.into_iter().map(differ).fold(0.0, f64::max)
}

/// Of all channels together, ascending.
fn energies(run: &Calculation, k: [f64; 3]) -> Vec<f64> {
    let h = run.hamiltonian.as_ref().or(run.hamiltonian0.as_ref()).expect("a run with H");
    let s = run.overlap.as_ref().expect("a run with S");
    let spinor = matches!(h, SpinOperator::Spinor(_));
    let s = BlochSum::new(s.pairs(), &run.basis).overlap_at(s, spinor, k);
    let factor = OverlapFactor::new(s.as_ref(), k, None, faer::Par::Seq).expect("S(k) is positive");
    let channels = BlochSum::new(h.pairs(), &run.basis).channels_at(h, k);
    let of_channel = |h: &faer::Mat<c64>| factor.energies(h.as_ref()).expect("eigenvalues converge");
    let mut energies: Vec<f64> = channels.iter().flat_map(of_channel).collect();
    energies.sort_by(f64::total_cmp);
    energies
}
