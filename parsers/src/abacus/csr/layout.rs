//! A csr file without its numbers, and how to make one for another version of ABACUS.

use super::{Blocks, Csr, DIMENSION_TITLE, Header, N_BLOCKS_TITLE};
use crate::structure::Structure;
use crate::units::BOHR_IN_ANGSTROM;

/// What it takes to write another matrix in the same layout.
#[derive(Debug, Clone, PartialEq)]
pub struct CsrLayout {
    /// Layout and words.
    pub header: Header,
    /// Digits after the point.
    pub digits: usize,
    /// Complex numbers with interleaved spin (nspin 4)?
    pub is_complex: bool,
    /// Lattice vectors in the file's order, also those without elements.
    pub lattice_vectors: Vec<[i32; 3]>,
    /// Elements are left out up to here, in the file's unit: [`THRESHOLD`] in the files of ABACUS.
    pub threshold: f64,
}

/// ABACUS stores no element at or below this, in its own unit (`sparse_threshold` in `write_HS_R.h`).
pub const THRESHOLD: f64 = 1e-10;

/// Which layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `data-HR-sparse_SPIN0.csr`, up to 3.9.0.24 (and `sr_nao.csr` of `calculation get_s`).
    Old,
    /// `hrs1_nao.csr`, 3.9.0.25 and later: what `init_chg hr` reads.
    New,
}

/// What a csr file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// H(R).
    Hamiltonian,
    /// S(R).
    Overlap,
    /// DM(R).
    DensityMatrix,
}

impl Csr {
    /// Layout of this file.
    pub fn layout(&self) -> CsrLayout {
        CsrLayout {
            header: self.header.clone(),
            digits: self.digits,
            is_complex: matches!(self.blocks, Blocks::Complex(_)),
            lattice_vectors: self.blocks.lattice_vectors(),
            threshold: THRESHOLD,
        }
    }

    /// The same matrices in the layout of another version; `structure` as [`structure_lines`] makes it (the old layout has
    /// no place for it), `nspin` and `spin` (0 up, 1 down) as in [`Header::new_layout`].
    pub fn converted(&self, version: Version, nspin: usize, spin: usize, structure: &[String]) -> Csr {
        let quantity = self.header.quantity();
        let header = match (version, &self.header) {
            (Version::Old, Header::Old { .. }) | (Version::New, Header::New { .. }) => self.header.clone(),
            (Version::Old, Header::New { step, .. }) => Header::old_layout(quantity, step.saturating_sub(1)),
            (Version::New, Header::Old { step, .. }) => {
                Header::new_layout(quantity, step.unwrap_or(0) + 1, nspin, spin, structure)
            }
        };
        Csr { header, ..self.clone() }
    }
}

impl Header {
    /// The head of the old layout; ionic steps count from 0.
    pub fn old_layout(quantity: Quantity, step: u64) -> Header {
        Header::Old { step: Some(step), label: quantity.label().into() }
    }

    /// The head of the new layout as ABACUS 3.11 writes it; ionic steps count from 1. `nspin` is that of INPUT; the file
    /// says 2 spin directions for nspin 2 and 1 otherwise.
    pub fn new_layout(quantity: Quantity, step: u64, nspin: usize, spin: usize, structure: &[String]) -> Header {
        let directions = if nspin == 2 { 2 } else { 1 };
        let mut lines = vec![
            format!(" --- Ionic Step {step} ---"),
            format!(" # print {} in real space {}", quantity.title(), quantity.label()),
            format!(" {directions} # number of spin directions"),
            format!(" {} # spin index", spin + 1),
            format!(" 0 {DIMENSION_TITLE}"),
            format!(" 0 {N_BLOCKS_TITLE}"),
            String::new(),
        ];
        lines.extend_from_slice(structure);
        lines.extend(EXPLANATION.map(String::from));
        Header::New { step, lines }
    }

    /// What the file says that it holds.
    pub fn quantity(&self) -> Quantity {
        let is_labelled = |label: &str| match self {
            Header::Old { label: found, .. } => found == label,
            Header::New { lines, .. } => lines.iter().any(|line| line.contains("print") && line.contains(label)),
        };
        [Quantity::DensityMatrix, Quantity::Overlap]
            .into_iter()
            .find(|quantity| is_labelled(quantity.label()))
            .unwrap_or(Quantity::Hamiltonian)
    }

    /// Says that the file holds S: NextHAM's scripts label every matrix H(R).
    pub(super) fn set_overlap(&mut self) {
        if let Header::Old { label, .. } = self {
            *label = Quantity::Overlap.label().to_owned();
        }
    }

    /// Layout of the file.
    pub fn version(&self) -> Version {
        match self {
            Header::Old { .. } => Version::Old,
            Header::New { .. } => Version::New,
        }
    }
}

impl Quantity {
    /// `H(R)`.
    pub fn label(self) -> &'static str {
        match self {
            Quantity::Hamiltonian => "H(R)",
            Quantity::Overlap => "S(R)",
            Quantity::DensityMatrix => "DM(R)",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Quantity::Hamiltonian => "H matrix",
            Quantity::Overlap => "S matrix",
            Quantity::DensityMatrix => "density matrix",
        }
    }

    /// The name under which ABACUS writes and reads it; `spin` 0 is up, 1 down.
    pub fn file_name(self, version: Version, spin: usize) -> String {
        let (old, new) = match self {
            Quantity::Hamiltonian => ("HR", "hrs"),
            Quantity::Overlap => ("SR", "srs"),
            Quantity::DensityMatrix => ("DMR", "dmrs"),
        };
        match version {
            Version::Old => format!("data-{old}-sparse_SPIN{spin}.csr"),
            Version::New => format!("{new}{}_nao.csr", spin + 1),
        }
    }
}

/// The structure block of the new layout: lattice constant of 1 Å, vectors in Å, reduced positions. (ABACUS itself writes
/// six digits of the lattice and, on `init_chg hr`, reads none of it.) `labels`: species of each atom.
pub fn structure_lines(structure: &Structure, labels: &[&str]) -> Vec<String> {
    let mut lines = vec![" user_defined_lattice".to_owned(), " 1".to_owned()];
    for row in structure.lattice.row_iter() {
        let [x, y, z] = [row[0], row[1], row[2]].map(|x| rounded(x * BOHR_IN_ANGSTROM));
        lines.push(format!(" {x} {y} {z}"));
    }
    let groups: Vec<&[&str]> = labels.chunk_by(|a, b| a == b).collect();
    lines.push(groups.iter().map(|group| format!(" {}", group[0])).collect());
    lines.push(groups.iter().map(|group| format!(" {}", group.len())).collect());
    lines.push(" Direct".to_owned());
    for position in &structure.positions {
        let reduced = structure.to_reduced(position).unwrap_or_default().map(rounded);
        lines.push(format!(" {} {} {}", reduced[0], reduced[1], reduced[2]));
    }
    lines
}

/// Twelve digits after the point, so that a third of a lattice vector does not show its last bit; no negative zero.
fn rounded(x: f64) -> f64 {
    (x * 1e12).round() / 1e12 + 0.0
}

/// The words that ABACUS 3.11 puts before the matrices.
const EXPLANATION: [&str; 10] = [
    "",
    " #----------------------------------------------------------------------#",
    " #                               CSR Format                             #",
    " # The outer loop corresponds to the number of Bravais lattice vectors. #",
    " # The first line contains the index of the Bravais lattice vector      #",
    " # (Rx, Ry, Rz), followed by the number of non-zero elements.           #",
    " # The subsequent lines consist of three blocks of data, which are      #",
    " # values, column indices, row pointers.                                #",
    " #----------------------------------------------------------------------#",
    "",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_versions() {
        assert_eq!(Quantity::Hamiltonian.file_name(Version::Old, 1), "data-HR-sparse_SPIN1.csr");
        assert_eq!(Quantity::DensityMatrix.file_name(Version::New, 1), "dmrs2_nao.csr");
    }
}
