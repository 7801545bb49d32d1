//! The binary files of one calculation → H, S, DM, basis and structure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dm::Dm;
use super::files::Folder;
use super::geometry::Geometry;
use super::hsx::{Hsx, KMesh};
use super::matrix::{self, Places};
use super::nc::{self, Nc};
use super::supercell::Supercell;
use super::{HIn, Tshs, heads};
use crate::basis::Basis;
use crate::error::{Context, Error, Result};
use crate::format::Format;
use crate::input;
use crate::operator::{Operator, SpinOperator};
use crate::same_run;
use crate::structure::Structure;

/// Numbers of a TSHS and of a single-precision HSX beside it differ by rounding only: so much of the larger one, or Ry.
const SINGLE_PRECISION: f64 = 1e-6;

/// H and S of one calculation as the files have them, and what is needed to understand them.
pub struct Matrices {
    /// The file of H, for messages.
    pub file: PathBuf,
    /// Further files that were read.
    pub others: Vec<PathBuf>,
    /// H (without components where the file holds S alone) and S; where they come from a TSHS, with the head that an HSX would
    /// have.
    pub hsx: Hsx,
    /// Cell and atoms.
    pub structure: Structure,
    /// Orbitals.
    pub basis: Basis,
    /// The lattice vectors of the columns.
    pub supercell: Arc<Supercell>,
    /// Ry; `None` where the file does not know it.
    pub fermi_level: Option<f64>,
    /// k mesh; `None` where the file does not know it.
    pub mesh: Option<KMesh>,
    /// DM on the same pattern, where the file is a `.nc` that has it.
    density_matrix: Option<Vec<Vec<f64>>>,
}

impl Matrices {
    /// Reads an HSX, TSHS or `.nc` file of `folder`. HSX version 0 has neither structure nor Fermi level and single precision only: it
    /// takes all three from the TSHS beside it, else the structure from the file `geometry` (`.XV`, `.STRUCT_OUT`).
    ///
    /// # Errors
    /// Those of the files; `Inconsistent` where they do not belong together.
    pub fn read(file: &Path, folder: &Folder, geometry: Option<&Path>) -> Result<Matrices> {
        if nc::is_name(file) {
            let nc = Nc::read(file)?;
            let structure = nc.hsx.structure().ok_or_else(|| Error::inconsistent("no structure").in_file(file))?;
            let (basis, density_matrix) = (nc.basis().in_file(file)?, nc.density_matrix);
            return Ok(Matrices { basis, density_matrix, ..Matrices::new(file, nc.hsx, structure)? });
        }
        match Format::guess_file(file)? {
            Some(Format::SiestaTshs) => Matrices::of_tshs(file, folder, geometry),
            Some(Format::SiestaHsx) => {
                let hsx = Hsx::parse(&input::open(file)?).in_file(file)?;
                match (hsx.structure(), &folder.tshs) {
                    (Some(structure), _) => Matrices::new(file, hsx, structure),
                    (None, Some(tshs)) => Matrices::in_double_precision(file, hsx, tshs),
                    (None, None) => {
                        let (used, structure) = structure_of_version_0(&hsx, file, geometry)?;
                        let others = vec![used.to_owned()];
                        Ok(Matrices { others, ..Matrices::new(file, hsx, structure)? })
                    }
                }
            }
            _ => Err(Error::unsupported("is no HSX, TSHS or .nc file of SIESTA").in_file(file)),
        }
    }

    fn new(file: &Path, hsx: Hsx, structure: Structure) -> Result<Matrices> {
        let basis = hsx.basis().in_file(file)?;
        let supercell = hsx.supercell(&structure).in_file(file)?;
        let (fermi_level, mesh) = (hsx.head.fermi_level(), hsx.head.k_mesh().cloned());
        let (file, others) = (file.to_owned(), Vec::new());
        Ok(Matrices { file, others, hsx, structure, basis, supercell, fermi_level, mesh, density_matrix: None })
    }

    /// Species and shells of a TSHS stand in the texts beside it.
    fn of_tshs(file: &Path, folder: &Folder, geometry: Option<&Path>) -> Result<Matrices> {
        let tshs = Tshs::parse(&input::open(file)?).in_file(file)?;
        let (head, others) = heads::of_tshs(&tshs, folder, geometry).in_file(file)?;
        let Tshs { sparsity, hamiltonian, overlap, .. } = tshs;
        let hsx = Hsx { head: Arc::new(head), sparsity, hamiltonian, overlap };
        let structure = hsx.structure().ok_or_else(|| Error::inconsistent("no structure").in_file(file))?;
        Ok(Matrices { others, ..Matrices::new(file, hsx, structure)? })
    }

    /// An HSX of version 0 with the numbers of the TSHS of the same run.
    fn in_double_precision(file: &Path, mut hsx: Hsx, tshs_file: &Path) -> Result<Matrices> {
        let tshs = read_tshs(tshs_file)?;
        if tshs.sparsity != hsx.sparsity || !same_but_rounded(&hsx, &tshs) {
            let message = format!(
                "does not hold the numbers of {}: they belong to different runs (move one of them away)",
                file.display()
            );
            return Err(Error::inconsistent(message).in_file(tshs_file));
        }
        let structure = tshs.structure(hsx.head.species_indices());
        let (fermi_level, mesh) = (Some(tshs.fermi_level), Some(tshs.mesh));
        (hsx.hamiltonian, hsx.overlap) = (tshs.hamiltonian, tshs.overlap);
        let matrices = Matrices::new(file, hsx, structure)?;
        Ok(Matrices { others: vec![tshs_file.to_owned()], fermi_level, mesh, supercell: tshs.supercell, ..matrices })
    }

    /// The H of `H_DMGEN` or the like, with everything else of these matrices.
    ///
    /// # Errors
    /// Those of the file; `Inconsistent` where it has other elements.
    pub fn with_hamiltonian(&self, file: &Path) -> Result<Matrices> {
        let h_in = HIn::parse(&input::open(file)?).in_file(file)?;
        if h_in.sparsity != self.hsx.sparsity || h_in.hamiltonian.len() != self.hsx.head.nspin {
            let message = format!("its elements are not those of {}", self.file.display());
            return Err(Error::inconsistent(message).in_file(file));
        }
        Ok(Matrices {
            file: file.to_owned(),
            others: Vec::new(),
            hsx: Hsx { hamiltonian: h_in.hamiltonian, ..self.hsx.clone() },
            structure: self.structure.clone(),
            basis: self.basis.clone(),
            supercell: self.supercell.clone(),
            fermi_level: None,
            mesh: self.mesh.clone(),
            density_matrix: None,
        })
    }

    /// H(R), hartree; `None` where the file holds S alone.
    ///
    /// # Errors
    /// `Inconsistent` where the parts of the file do not fit together.
    pub fn hamiltonian(&self) -> Result<Option<SpinOperator>> {
        if self.hsx.hamiltonian.is_empty() {
            return Ok(None);
        }
        let hamiltonian = self.places().and_then(|places| matrix::hamiltonian(&self.hsx.hamiltonian, &places));
        hamiltonian.map(Some).in_file(&self.file)
    }

    /// S(R).
    ///
    /// # Errors
    /// As [`Matrices::hamiltonian`]; `Unsupported` where several images of a pair are added up.
    pub fn overlap(&self) -> Result<Operator<f64>> {
        let overlap = || {
            let overlap = matrix::overlap(&self.hsx.overlap, &self.places()?)?;
            matrix::refuse_folded(&overlap, &self.supercell, &self.structure)?;
            self.refuse_folded_h()?;
            Ok(overlap)
        };
        overlap().in_file(&self.file)
    }

    /// H alone joins some pairs, in a file that has H too.
    fn refuse_folded_h(&self) -> Result<()> {
        match self.hsx.hamiltonian.is_empty() || !self.supercell.is_home_only() {
            true => Ok(()),
            false => matrix::refuse_folded_pairs(
                &*matrix::pairs(&self.places()?)?,
                "are joined by H",
                &self.supercell,
                &self.structure,
            ),
        }
    }

    /// S(R) out of another file of the same run. A TSHS, also one that holds S alone (onlyS), does not know its orbitals: they
    /// are those of these matrices. The structure of version 0 of HSX is that of `geometry`.
    ///
    /// # Errors
    /// Those of the file; `Inconsistent` where it belongs to another structure.
    pub fn overlap_of(&self, file: &Path, geometry: Option<&Path>) -> Result<Operator<f64>> {
        if Format::guess_file(file)? != Some(Format::SiestaTshs) {
            return Matrices::read(file, &Folder::default(), geometry)?.overlap();
        }
        let tshs = Tshs::parse(&input::open(file)?).in_file(file)?;
        let structure = tshs.structure(self.structure.species.clone());
        same_run::same_structure((&self.file, &self.structure), (file, &structure))?;
        let overlap = || {
            let places = Places::new(&tshs.sparsity, &tshs.supercell, &self.basis)?;
            let overlap = matrix::overlap(&tshs.overlap, &places)?;
            matrix::refuse_folded(&overlap, &tshs.supercell, &structure)?;
            Ok(overlap)
        };
        overlap().in_file(file)
    }

    /// DM(R) out of a `.DM` file of the same run.
    ///
    /// # Errors
    /// Those of the file; `Inconsistent` where it belongs to another structure.
    pub fn density_matrix(&self, file: &Path) -> Result<SpinOperator> {
        let density_matrix = || {
            let dm = Dm::parse(&input::open(file)?)?;
            dm.check_supercell(&self.supercell)?;
            matrix::density_matrix(&dm.density_matrix, &Places::new(&dm.sparsity, &self.supercell, &self.basis)?)
        };
        density_matrix().in_file(file)
    }

    /// DM(R) of the file that H came from, where that has one.
    ///
    /// # Errors
    /// As [`Matrices::hamiltonian`].
    pub fn own_density_matrix(&self) -> Result<Option<SpinOperator>> {
        let components = self.density_matrix.as_ref();
        components.map(|dm| matrix::density_matrix(dm, &self.places()?).in_file(&self.file)).transpose()
    }

    /// Do both hold the same numbers of S, bit for bit?
    pub fn has_same_overlap(&self, other: &Matrices) -> bool {
        self.hsx.overlap == other.hsx.overlap && self.hsx.sparsity == other.hsx.sparsity
    }

    /// Does the file say that its H was never diagonalised (`HSetupOnly` of SIESTA 5)?
    pub fn is_step_zero(&self) -> bool {
        self.hsx.head.cell().is_some() && self.hsx.head.fermi_level().is_none()
    }

    /// Structure and orbitals must be those of `other`.
    ///
    /// # Errors
    /// `Inconsistent` with both files and what differs.
    pub fn check_system(&self, other: &Matrices) -> Result<()> {
        same_run::same_structure((&self.file, &self.structure), (&other.file, &other.structure))?;
        let (own, found) = (self.hsx.head.nspin, other.hsx.head.nspin);
        let message = if self.basis != other.basis {
            let (own, found) = (self.basis.n_orbitals(), other.basis.n_orbitals());
            format!("{found} orbitals, but {} has {own} (or other shells)", self.file.display())
        } else if own != found {
            format!("{found} spin components, but {} has {own}", self.file.display())
        } else {
            return Ok(());
        };
        Err(Error::inconsistent(message).in_file(&other.file))
    }

    fn places(&self) -> Result<Places<'_>> {
        Places::new(&self.hsx.sparsity, &self.supercell, &self.basis)
    }
}

fn read_tshs(file: &Path) -> Result<Tshs> {
    let tshs = Tshs::parse(&input::open(file)?).in_file(file)?;
    match tshs.hamiltonian.is_empty() {
        true => Err(Error::unsupported("holds S alone (onlyS), where H is needed").in_file(file)),
        false => Ok(tshs),
    }
}

fn same_but_rounded(hsx: &Hsx, tshs: &Tshs) -> bool {
    let is_near = |(a, b): (&f64, &f64)| (a - b).abs() <= SINGLE_PRECISION * a.abs().max(1.0);
    let same = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(is_near);
    let pairs = hsx.hamiltonian.iter().zip(&tshs.hamiltonian);
    hsx.hamiltonian.len() == tshs.hamiltonian.len()
        && pairs.chain([(&hsx.overlap, &tshs.overlap)]).all(|(a, b)| same(a, b))
}

/// Version 0 has species, but neither cell nor positions.
fn structure_of_version_0<'a>(hsx: &Hsx, file: &Path, geometry: Option<&'a Path>) -> Result<(&'a Path, Structure)> {
    let Some(path) = geometry else {
        let message = "version 0 (of SIESTA 4.1) holds no structure, and there is no .XV beside it (--structure)";
        return Err(Error::unsupported(message).in_file(file));
    };
    let geometry = Geometry::read(path)?;
    let species: Vec<usize> = geometry.atoms.iter().map(|atom| atom.species - 1).collect();
    if species != hsx.head.species_indices() {
        let (found, expected) = (species.len(), hsx.head.species_of.len());
        let message = format!("{found} atoms, but {} has {expected} (or other species)", file.display());
        return Err(Error::inconsistent(message).in_file(path));
    }
    let positions = geometry.atoms.iter().map(|atom| atom.position).collect();
    Ok((path, Structure { lattice: geometry.lattice, positions, species }))
}
