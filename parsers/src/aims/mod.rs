//! FHI-aims: the folder of a run with `output_rs_matrices plain` (or `hdf5`).
//!
//! ```text
//! rs_indices.out                the elements that are stored: cell and number of the row orbital, number of the column orbital
//! rs_overlap.out                their values in S, one a line (rs_overlap.h5: the data set `sparse_matrix`)
//! rs_hamiltonian.out            their values in the converged H, hartree; rs_hamiltonian_up, _dn (.h5: _down) for `spin collinear`
//! basis-indices.out             type, atom, n, l, m of each orbital
//! geometry.in, control.in       structure; smearing, k mesh, nuclei
//! aims.out                      where it was kept: Fermi level, electrons, version
//! ```
//!
//! - Of O(R) and its Hermitian partner one is stored: each row lists columns up to itself, in every cell.
//! - The **row** orbital sits in cell R, the column orbital in the home cell: the block (i, j, −R).
//! - R counts from the atoms moved into the cell around the origin ([`geometry`]), not from those of `geometry.in`.
//! - m runs with the listing of `basis-indices.out`, where n and l do not tell radial functions apart ([`orbitals`]).
//! - Harmonics: [`crate::harmonics::aims`].
//! - Files end with an element 0, tables with a cell 999999999, that stand for nothing.
//!
//! Found out on Si and MoS₂ of FHI-aims 240920 (the examples of DeepH-dock): only so is ⟨s|S|lm⟩ ∝ Y_lm(d). Eigenvalues do not
//! show the second to fourth. Spin–orbit coupling, which FHI-aims adds to the eigenvalues afterwards, is in no file.

pub mod control;
mod files;
pub mod geometry;
pub mod indices;
pub mod log;
mod matrix;
pub mod orbitals;

use std::path::Path;

pub use files::is_own;

use crate::basis::{Basis, Shell, Species};
use crate::calculation::{Calculation, Origin};
use crate::elements::{SYMBOLS, atomic_number};
use crate::error::{Context, Error, Result};
use crate::input;
use crate::operator::SpinOperator;
use crate::read::ReadOptions;
use control::Control;
use files::Files;
use geometry::Geometry;
use indices::Indices;
use log::Log;
use matrix::Targets;

/// As messages and tables call it.
pub const CODE: &str = "FHI-aims";
/// One hartree in the code's eV (`constants.f90`).
pub const EV_PER_HARTREE: f64 = 27.2113845;
/// One bohr in the code's ångström (`constants.f90`).
pub const ANGSTROM_PER_BOHR: f64 = 0.529_177_21;

/// Reads the run in the folder `path`, or of the file `path`.
///
/// # Errors
/// `Unsupported` where a file is missing; those of the files, with their names.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    let files = Files::find(path, options)?;
    let geometry = parse(&files.geometry, Geometry::parse)?;
    let indices = parse(&files.indices, Indices::parse)?;
    let orbitals = parse(&files.orbitals, orbitals::parse)?;
    let control = files.control.as_deref().map_or(Ok(Control::default()), |path| parse(path, Control::parse))?;
    let log = files.log.as_deref().map_or(Ok(Log::default()), |path| parse(path, |file| Ok(Log::parse(file))))?;
    if orbitals.len() != indices.n_orbitals {
        let message = format!("lists {} orbitals, but the matrices have {}", orbitals.len(), indices.n_orbitals);
        return Err(Error::inconsistent(message).in_file(&files.orbitals));
    }
    let (shells, places) = orbitals::arrange(&orbitals, geometry.structure.n_atoms()).in_file(&files.orbitals)?;
    let species = species(&geometry, &shells, &control).in_file(&files.orbitals)?;
    let basis = Basis::new(species, &geometry.structure.species)?;
    let targets = Targets::new(&indices, &places, &basis)?;
    let operator = |path: &Path| targets.operator(&matrix::values(path, indices.n_values)?).in_file(path);
    let hamiltonian = match &files.hamiltonian[..] {
        [up, down] => Some(SpinOperator::Collinear([operator(up)?, operator(down)?])),
        [only] => Some(SpinOperator::Unpolarized(operator(only)?)),
        _ => None,
    };
    Ok(Calculation {
        overlap: files.overlap.as_deref().map(operator).transpose()?,
        hamiltonian,
        hamiltonian0: None,
        density_matrix: None,
        fermi_level: log.fermi_level,
        n_electrons: options.electrons.or(log.n_electrons).or_else(|| n_electrons(&geometry, &control)),
        valence_charges: geometry.labels.iter().map(|label| control.nucleus(label)).collect(),
        smearing: control.smearing,
        fixed_moment: control.fixed_moment,
        k_grid: control.k_grid,
        k_list: None,
        k_path: None,
        printed: Vec::new(),
        native: None,
        origin: Origin {
            code: CODE,
            version: log.version,
            files: files.all(),
            ev_per_hartree: EV_PER_HARTREE,
            angstrom_per_bohr: ANGSTROM_PER_BOHR,
            is_predicted: false,
        },
        structure: geometry.structure,
        basis,
    })
}

/// Opens, reads and names the file in errors.
fn parse<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    parse(&input::open(path)?).in_file(path)
}

/// Species with the shells of their first atom, which all others must have too.
fn species(geometry: &Geometry, shells: &[Vec<Shell>], control: &Control) -> Result<Vec<Species>> {
    let kinds = &geometry.structure.species;
    let of_label = |(kind, label): (usize, &String)| {
        let first = kinds.iter().position(|&k| k == kind).unwrap_or(0);
        if let Some(other) = (first..kinds.len()).find(|&atom| kinds[atom] == kind && shells[atom] != shells[first]) {
            let message = format!("atoms {} and {} are both {label}, but have other shells", first + 1, other + 1);
            return Err(Error::inconsistent(message));
        }
        let z = control.nucleus(label).and_then(whole).or_else(|| atomic_number(label));
        Ok(Species { label: label.clone(), z, shells: shells[first].clone(), cutoff: None })
    };
    geometry.labels.iter().enumerate().map(of_label).collect()
}

/// Z of a nucleus of this charge; fractional ones (virtual crystals) are no element's.
fn whole(charge: f64) -> Option<u8> {
    (1..=SYMBOLS.len() as u8).find(|&z| f64::from(z) == charge)
}

/// All nuclei less the charge of the cell.
fn n_electrons(geometry: &Geometry, control: &Control) -> Option<f64> {
    let nucleus = |&kind: &usize| control.nucleus(&geometry.labels[kind]);
    let nuclei: Option<f64> = geometry.structure.species.iter().map(nucleus).sum();
    Some(nuclei? - control.charge)
}
