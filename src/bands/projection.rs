//! How much of a state sits on which orbitals (Mulliken): fat bands and projected densities of states.

use std::collections::BTreeMap;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use super::eigen::hermitian;
use crate::parsers::basis::l_letter;
use crate::parsers::{Basis, Shell, Species, c64};

/// `weights[spin][k][band][group]`, Mulliken: Re Σ_{μ in group} c*_μ (S c)_μ. They sum to 1 over the groups, but are not
/// bounded by 0 and 1.
pub type Weights = Vec<Vec<Vec<Vec<f64>>>>;

/// Which orbitals are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// All orbitals of a species: `Mo`
    Species,
    /// All orbitals of an atom: `Mo(1)`
    Atom,
    /// One shell with all its zetas: `Mo 4d` (codes that state no n: `Mo d`)
    Shell,
    /// One radial function: `Mo 4d zeta 2`
    Zeta,
    /// One angular momentum: `Mo d`
    L,
    /// One orbital: `Mo 4d zeta 2 xy`
    Orbital,
}

/// Orbitals put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Name of each group.
    pub names: Vec<String>,
    /// The group of each orbital of the basis (without spin: both components of a spinor belong to it).
    pub of_orbital: Vec<usize>,
}

/// The group of all atoms that were not asked for.
const OTHERS: &str = "other atoms";

impl Groups {
    /// Groups of the species' orbitals, or of every atom on its own where `atoms` (from 0) names some; the remaining atoms
    /// are one group then, so that weights sum to 1. In the order of the basis.
    pub fn new(basis: &Basis, by: By, atoms: Option<&[usize]>) -> Self {
        let mut groups = Groups { names: Vec::new(), of_orbital: Vec::with_capacity(basis.n_orbitals()) };
        let mut places = BTreeMap::new();
        for atom in 0..basis.n_atoms() {
            let species = basis.species_of(atom);
            let is_wanted = atoms.is_none_or(|atoms| atoms.contains(&atom));
            let site = match by {
                By::Atom => format!("{}({})", species.label, atom + 1),
                _ if atoms.is_some() => format!("{}({})", species.label, atom + 1),
                _ => species.label.clone(),
            };
            for orbital in orbital_names(species, by) {
                let name = if is_wanted { format!("{site}{orbital}") } else { OTHERS.to_owned() };
                groups.add(name, &mut places);
            }
        }
        groups
    }

    /// The group of all atoms that were not asked for.
    pub fn others(&self) -> Option<usize> {
        self.names.iter().position(|name| name == OTHERS)
    }

    fn add(&mut self, name: String, places: &mut BTreeMap<String, usize>) {
        let place = *places.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            self.names.len() - 1
        });
        self.of_orbital.push(place);
    }
}

/// S c of states c (columns of `vectors`) with S(k) = `overlap`, of which the upper triangle counts, as in the eigenproblem.
/// Spinors have twice as many rows as `overlap`, all up components first.
pub fn times_overlap(vectors: MatRef<'_, c64>, overlap: MatRef<'_, c64>, par: Par) -> Mat<c64> {
    let (overlap, n) = (hermitian(overlap), overlap.nrows());
    let mut product = Mat::zeros(vectors.nrows(), vectors.ncols());
    for first in (0..vectors.nrows()).step_by(n.max(1)) {
        let (rows, part) = (vectors.subrows(first, n), product.as_mut().subrows_mut(first, n));
        matmul(part, Accum::Replace, overlap.as_ref(), rows, c64::ONE, par);
    }
    product
}

/// States of one k, all or some of them.
#[derive(Debug, Clone, Copy)]
pub struct StatesAt<'a> {
    /// Reduced coordinates.
    pub k: [f64; 3],
    /// Hartree, ascending.
    pub energies: &'a [f64],
    /// States c as columns, c†Sc = 1.
    pub vectors: MatRef<'a, c64>,
    /// S c.
    pub with_overlap: MatRef<'a, c64>,
}

/// What tells how much of a state is of which kind.
pub trait Weighing: Sync {
    /// `weights[state][group]`.
    fn weigh(&self, states: StatesAt<'_>) -> Vec<Vec<f64>>;
}

impl Weighing for Groups {
    fn weigh(&self, StatesAt { vectors, with_overlap, .. }: StatesAt<'_>) -> Vec<Vec<f64>> {
        let n = self.of_orbital.len().max(1);
        let of_state = |state: usize| {
            let mut sums = vec![0.0; self.names.len()];
            for row in 0..vectors.nrows() {
                let (c, s_c) = (vectors[(row, state)], with_overlap[(row, state)]);
                sums[self.of_orbital[row % n]] += c.re * s_c.re + c.im * s_c.im;
            }
            sums
        };
        (0..vectors.ncols()).map(of_state).collect()
    }
}

/// What follows the site in the name of each orbital's group.
fn orbital_names(species: &Species, by: By) -> Vec<String> {
    let of_shell = |shell: &Shell| -> Vec<String> {
        let name = shell_name(species, shell);
        let of_m = |index: usize| match by {
            By::Species | By::Atom => String::new(),
            By::L => format!(" {}", l_letter(shell.l)),
            By::Shell => format!(" {}{}", shell.n.map_or(String::new(), |n| n.to_string()), l_letter(shell.l)),
            By::Zeta => format!(" {name}"),
            By::Orbital => format!(" {name} {}", m_name(shell.l, index)),
        };
        (0..shell.n_orbitals()).map(of_m).collect()
    };
    species.shells.iter().flat_map(of_shell).collect()
}

/// `4d`, or `4d zeta 2` where the species has several of them; without n where the code states none.
fn shell_name(species: &Species, shell: &Shell) -> String {
    let n = shell.n.map(|n| n.to_string()).unwrap_or_default();
    let alike = species.shells.iter().filter(|other| (other.l, other.n) == (shell.l, shell.n)).count();
    let zeta = if alike > 1 { format!(" zeta {}", shell.zeta) } else { String::new() };
    format!("{n}{}{zeta}", l_letter(shell.l))
}

/// Real harmonics in the order m = −l … l.
fn m_name(l: u8, index: usize) -> String {
    const NAMES: [&[&str]; 3] = [&["s"], &["y", "z", "x"], &["xy", "yz", "z2", "xz", "x2-y2"]];
    let known = NAMES.get(l as usize).and_then(|names| names.get(index));
    known.map_or_else(|| format!("m={}", index as i64 - i64::from(l)), |name| (*name).to_owned())
}
