//! csr files → operators, with the checks that need the run: basis, nspin, both spins.

use std::path::{Path, PathBuf};

use super::csr::{Blocks, Csr, CsrLayout, Quantity};
use super::matrix;
use crate::basis::Basis;
use crate::error::{Context, Error, Result};
use crate::operator::{Operator, SpinOperator};
use crate::read::Step;

/// The basis, and in words where its shells came from.
pub struct Shells<'a> {
    /// The orbitals.
    pub basis: &'a Basis,
    /// One part per species.
    pub sources: &'a [String],
}

/// A matrix and the files it came from.
pub struct Matrix<T> {
    /// H, S or DM.
    pub operator: T,
    /// Words and layout of each file.
    pub layouts: Vec<CsrLayout>,
    /// The files.
    pub files: Vec<PathBuf>,
}

impl<T> Matrix<T> {
    /// The operator with its (first) file.
    pub fn named(&self) -> (&Path, &T) {
        (self.files.first().map_or(Path::new(""), PathBuf::as_path), &self.operator)
    }
}

/// H of one or two files; `None` where there is none.
///
/// # Errors
/// `Inconsistent` where dimension, nspin and number of files do not fit; those of the csr files.
pub fn hamiltonian(
    files: &[PathBuf],
    nspin: Option<usize>,
    step: Option<Step>,
    shells: &Shells,
) -> Result<Option<Matrix<SpinOperator>>> {
    let read = |file: &PathBuf| read(file, Quantity::Hamiltonian, step, shells);
    spin_operator(files, nspin, read, |csrs| matrix::hamiltonian(csrs, shells.basis))
}

/// DM of one or two files; `None` where there is none.
///
/// # Errors
/// As [`hamiltonian`].
pub fn density_matrix(
    files: &[PathBuf],
    nspin: Option<usize>,
    step: Option<Step>,
    shells: &Shells,
) -> Result<Option<Matrix<SpinOperator>>> {
    let read = |file: &PathBuf| read(file, Quantity::DensityMatrix, step, shells);
    spin_operator(files, nspin, read, |csrs| matrix::density_matrix(csrs, shells.basis))
}

/// S.
///
/// # Errors
/// As [`hamiltonian`].
pub fn overlap(file: &Path, step: Option<Step>, shells: &Shells) -> Result<Matrix<Operator<f64>>> {
    let csr = read(file, Quantity::Overlap, step, shells)?;
    let operator = matrix::overlap(&csr, shells.basis).in_file(file)?;
    Ok(Matrix { operator, layouts: vec![csr.layout()], files: vec![file.to_owned()] })
}

fn spin_operator(
    files: &[PathBuf],
    nspin: Option<usize>,
    read: impl Fn(&PathBuf) -> Result<Csr>,
    convert: impl Fn(&[Csr]) -> Result<SpinOperator>,
) -> Result<Option<Matrix<SpinOperator>>> {
    let Some(first) = files.first() else { return Ok(None) };
    let files = if nspin.is_some_and(|nspin| nspin != 2) { &files[..1] } else { files };
    if nspin == Some(2) && files.len() == 1 {
        return Err(Error::inconsistent("nspin is 2, but the file of spin down is not beside this one").in_file(first));
    }
    let csrs = files.iter().map(read).collect::<Result<Vec<_>>>()?;
    let operator = convert(&csrs).in_file(first)?;
    Ok(Some(Matrix { operator, layouts: csrs.iter().map(Csr::layout).collect(), files: files.to_vec() }))
}

fn read(file: &Path, quantity: Quantity, step: Option<Step>, shells: &Shells) -> Result<Csr> {
    let csr = Csr::read(file, step)?;
    let stated = csr.header.quantity();
    if stated != quantity {
        let message = format!("holds {}, where {} is needed", stated.label(), quantity.label());
        return Err(Error::inconsistent(message).in_file(file));
    }
    let n_orbitals = shells.basis.n_orbitals();
    let fits = csr.dimension == n_orbitals || csr.dimension == 2 * n_orbitals;
    let complex_fits = matches!(csr.blocks, Blocks::Real(_)) || csr.dimension == 2 * n_orbitals;
    if fits && complex_fits {
        return Ok(csr);
    }
    let kind = if complex_fits { "" } else { " complex" };
    let (dimension, sources) = (csr.dimension, shells.sources.join("; "));
    let message =
        format!("the{kind} matrix has dimension {dimension}, but the basis has {n_orbitals} orbitals: {sources}");
    Err(Error::inconsistent(message).in_file(file))
}
