//! What one run of a DFT code left behind.

use std::path::PathBuf;
use std::sync::Arc;

use crate::basis::Basis;
use crate::error::Result;
use crate::operator::{Operator, Pairs, SpinOperator};
use crate::structure::Structure;
use crate::units::{BOHR_IN_ANGSTROM, HARTREE_IN_EV};
use crate::{abacus, openmx, siesta};

/// One run: structure, basis and operators, each operator with its own blocks. Energies in hartree with the code's own
/// absolute zero, lengths in bohr.
#[derive(Debug, Clone)]
pub struct Calculation {
    /// Lattice and atoms.
    pub structure: Structure,
    /// Orbitals.
    pub basis: Basis,
    /// S(R), without spin.
    pub overlap: Option<Operator<f64>>,
    /// Converged H(R).
    pub hamiltonian: Option<SpinOperator>,
    /// H⁽⁰⁾(R): built from the superposition of atomic densities, before any self-consistency.
    pub hamiltonian0: Option<SpinOperator>,
    /// DM(R).
    pub density_matrix: Option<SpinOperator>,
    /// Fermi level of the converged run, hartree.
    pub fermi_level: Option<f64>,
    /// Number of valence electrons in the cell.
    pub n_electrons: Option<f64>,
    /// Electrons that the neutral atom of each species brings (the charge of its pseudopotential's core), where files state it.
    pub valence_charges: Option<Vec<f64>>,
    /// How the code smeared the occupations.
    pub smearing: Option<Smearing>,
    /// Electrons up less electrons down, where the run fixes it (nspin 2: ABACUS `nupdown`, SIESTA `Spin.Fix`).
    pub fixed_moment: Option<f64>,
    /// The code's k mesh.
    pub k_grid: Option<KGrid>,
    /// The code's k points in reduced coordinates with their weights, where they are no [`KGrid`].
    pub k_list: Option<Vec<([f64; 3], f64)>>,
    /// The code's band path.
    pub k_path: Option<Vec<PathNode>>,
    /// Eigenvalues that the code itself printed.
    pub printed: Vec<PrintedSpectrum>,
    /// What a native writer needs and dense blocks cannot say.
    pub native: Option<NativeLayout>,
    /// Where it came from.
    pub origin: Origin,
}

/// Code, version and files, and the code's own constants.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// `ABACUS`, `SIESTA`, `OpenMX`; of a neutral format its own name (`DeepH`, `dftio`, …) unless it tells the code.
    pub code: &'static str,
    /// Version as printed, where known.
    pub version: Option<String>,
    /// Files that were read, in the order of reading.
    pub files: Vec<PathBuf>,
    /// One hartree in the code's own eV. Energies printed for a run use it, so that they equal the code's to the last digit.
    pub ev_per_hartree: f64,
    /// One bohr in the code's own ångström.
    pub angstrom_per_bohr: f64,
    /// Is [`Calculation::hamiltonian`] what `hzero predict` wrote, rather than converged?
    pub is_predicted: bool,
}

impl Default for Origin {
    fn default() -> Self {
        Origin {
            code: "unknown",
            version: None,
            files: Vec::new(),
            ev_per_hartree: HARTREE_IN_EV,
            angstrom_per_bohr: BOHR_IN_ANGSTROM,
            is_predicted: false,
        }
    }
}

/// How occupations are smeared; widths in hartree.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smearing {
    /// Integer occupations.
    Fixed,
    /// Gaussian, `f = erfc((ε − μ)/σ)/2`.
    Gaussian(f64),
    /// Fermi–Dirac with k_B T.
    FermiDirac(f64),
    /// Methfessel–Paxton.
    MethfesselPaxton {
        /// Width.
        width: f64,
        /// Order: 1 for the first correction to Gaussian smearing.
        order: u8,
    },
    /// Marzari–Vanderbilt cold smearing.
    Cold(f64),
}

impl Smearing {
    /// Width; 0 for integer occupations.
    pub fn width(self) -> f64 {
        match self {
            Smearing::Fixed => 0.0,
            Smearing::Gaussian(width) | Smearing::FermiDirac(width) | Smearing::Cold(width) => width,
            Smearing::MethfesselPaxton { width, .. } => width,
        }
    }
}

/// A regular mesh of k points, reduced coordinates.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct KGrid {
    /// Divisions.
    pub divisions: [u32; 3],
    /// Shift in units of one division: k_a = (n_a + shift_a)/N_a for a Γ-centred mesh.
    pub shift: [f64; 3],
    /// Γ-centred, or Monkhorst–Pack: k_a = (2 n_a − N_a + 1)/(2 N_a) + shift_a/N_a.
    pub gamma_centred: bool,
    /// Added to all points once k and −k have been paired (OpenMX keeps its eigensolver from degenerate points so).
    pub nudge: [f64; 3],
}

impl KGrid {
    /// All points, the last axis fastest, without the nudge.
    pub fn points(&self) -> Vec<[f64; 3]> {
        let [x, y, z] = [0, 1, 2].map(|axis| self.axis_points(axis));
        let mut points = Vec::with_capacity(x.len() * y.len() * z.len());
        for &a in &x {
            for &b in &y {
                points.extend(z.iter().map(|&c| [a, b, c]));
            }
        }
        points
    }

    fn axis_points(&self, axis: usize) -> Vec<f64> {
        let n = self.divisions[axis].max(1);
        let first = if self.gamma_centred { 0.0 } else { (1.0 - n as f64) / 2.0 };
        (0..n).map(|i| (i as f64 + first + self.shift[axis]) / n as f64).collect()
    }

    /// The point of the mesh next to `k`, in the cell of `k`.
    pub fn nearest(&self, k: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|a| {
            let n = f64::from(self.divisions[a]);
            let offset = self.shift[a] + if self.gamma_centred { 0.0 } else { (1.0 - n) / 2.0 };
            ((k[a] * n - offset).round() + offset) / n
        })
    }
}

/// A corner of a band path.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PathNode {
    /// Reduced coordinates.
    pub k: [f64; 3],
    /// Number of points from here towards the next corner, this one included (1: the path ends or jumps here).
    pub points: usize,
    /// Label where known (`G` for Γ).
    pub label: Option<String>,
}

/// All points of a path: from every corner `points` steps towards the next one, the corner itself included.
pub fn path_points(nodes: &[PathNode]) -> Vec<[f64; 3]> {
    let mut points = Vec::new();
    for (n, node) in nodes.iter().enumerate() {
        let next = nodes.get(n + 1).map_or(node.k, |next| next.k);
        let steps = if n + 1 == nodes.len() { 1 } else { node.points };
        points.extend((0..steps).map(|step| {
            let t = step as f64 / steps as f64;
            std::array::from_fn(|a| node.k[a] + (next[a] - node.k[a]) * t)
        }));
    }
    points
}

/// Which Hamiltonian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// H⁽⁰⁾.
    H0,
    /// The converged one.
    Scf,
}

/// Eigenvalues that the code printed.
#[derive(Debug, Clone, PartialEq)]
pub struct PrintedSpectrum {
    /// The Hamiltonian that they belong to.
    pub of: Of,
    /// Reduced k points.
    pub kpoints: Vec<[f64; 3]>,
    /// `energies[spin][k][band]`, hartree (converted with the code's own constant), ascending; spin has length 2 for nspin 2, else 1.
    pub energies: Vec<Vec<Vec<f64>>>,
    /// Half a unit of the last printed digit, hartree.
    pub precision: f64,
    /// The file.
    pub file: PathBuf,
}

/// What a writer of the native format needs beyond dense blocks, one variant per code.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum NativeLayout {
    /// ABACUS csr files.
    Abacus(abacus::Layout),
    /// HSX and its relatives.
    Siesta(siesta::Layout),
    /// scfout.
    OpenMx(openmx::Layout),
}

impl NativeLayout {
    /// Sets those elements of `operator` to 0 that the run's files have no place for, so that it is what its files will say.
    ///
    /// # Errors
    /// `Inconsistent` where the basis is not that of the run.
    pub fn restrict(&self, basis: &Basis, operator: &mut Operator<f64>) -> Result<()> {
        match self {
            NativeLayout::Siesta(layout) => layout.restrict(basis, operator),
            // Any element of a block can be in the files.
            NativeLayout::Abacus(_) | NativeLayout::OpenMx(_) => Ok(()),
        }
    }

    /// The blocks that the run's files hold, where these may be more than those of S: SIESTA's pattern.
    ///
    /// # Errors
    /// `Inconsistent` where the basis is not that of the run.
    pub fn pairs(&self, basis: &Basis) -> Result<Option<Arc<Pairs>>> {
        match self {
            NativeLayout::Siesta(layout) => layout.pairs(basis).map(Some),
            NativeLayout::Abacus(_) | NativeLayout::OpenMx(_) => Ok(None),
        }
    }

    /// 1, 2 or 4, as the run's files or inputs state it.
    fn nspin(&self) -> Option<usize> {
        match self {
            NativeLayout::Abacus(layout) => layout.nspin,
            NativeLayout::Siesta(layout) => Some(layout.head.nspin.min(4)),
            NativeLayout::OpenMx(layout) => layout.nspin(),
        }
    }
}

impl Calculation {
    /// A run of which nothing is known but its atoms and their orbitals.
    pub fn new(structure: Structure, basis: Basis, origin: Origin) -> Self {
        Calculation {
            structure,
            basis,
            overlap: None,
            hamiltonian: None,
            hamiltonian0: None,
            density_matrix: None,
            fermi_level: None,
            n_electrons: None,
            valence_charges: None,
            smearing: None,
            fixed_moment: None,
            k_grid: None,
            k_list: None,
            k_path: None,
            printed: Vec::new(),
            native: None,
            origin,
        }
    }

    /// Everything but the operators and what only the run's own files say.
    pub fn without_operators(&self) -> Self {
        Calculation {
            fermi_level: self.fermi_level,
            n_electrons: self.n_electrons,
            valence_charges: self.valence_charges.clone(),
            smearing: self.smearing,
            fixed_moment: self.fixed_moment,
            k_grid: self.k_grid,
            k_list: self.k_list.clone(),
            k_path: self.k_path.clone(),
            printed: self.printed.clone(),
            ..Calculation::new(self.structure.clone(), self.basis.clone(), self.origin.clone())
        }
    }

    /// H⁽⁰⁾ or the converged H.
    pub fn operator(&self, of: Of) -> Option<&SpinOperator> {
        match of {
            Of::H0 => self.hamiltonian0.as_ref(),
            Of::Scf => self.hamiltonian.as_ref(),
        }
    }

    /// 1, 2 or 4: that of H⁽⁰⁾, H or DM, else what the run states where it has none.
    pub fn nspin(&self) -> Option<usize> {
        let operators = [&self.hamiltonian0, &self.hamiltonian, &self.density_matrix];
        operators.into_iter().flatten().next().map(SpinOperator::nspin).or_else(|| self.native.as_ref()?.nspin())
    }
}
