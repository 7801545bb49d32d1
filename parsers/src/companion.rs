//! `hzero.json`, which lies in every folder that a conversion wrote: what the folder's own files cannot say of the run.
//!
//! With it the folder is read as the run that it came from: atoms and shells in their order, structure in the bohr of the
//! source, the kind of spin, Fermi level, electrons, temperature, k mesh. Other programs do not look at it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

use crate::basis::{Basis, Shell, Species};
use crate::calculation::{Calculation, KGrid, Of, Origin, PathNode, Smearing};
use crate::cells::Moves;
use crate::code::Code;
use crate::error::{Context, Error, Result};
use crate::format::Format;
use crate::operator::{Operator, SpinOperator, c64};
use crate::output::{files_below, write_file};
use crate::read::ReadOptions;
use crate::reorder::Reordering;
use crate::structure::Structure;
use crate::{aims, nextham};

/// Its name.
pub const FILE_NAME: &str = "hzero.json";
const SCHEMA_VERSION: u32 = 1;
/// A file's own ångström, printed with so few digits as eight, differ by no more, bohr.
const SAME_POSITION: f64 = 1e-5;
/// A Fermi level printed in eV with so few digits as six differs by no more, hartree.
const SAME_LEVEL: f64 = 1e-7;

/// What stands in `hzero.json`. Everything is that of the source, but for `reordering`, which leads from it to the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Companion {
    /// Version of this layout.
    pub schema_version: u32,
    /// Name of the folder's format.
    pub format: String,
    /// The code whose run it was.
    pub code: String,
    /// Its version, where known.
    pub code_version: Option<String>,
    /// Which H the folder holds: `h0`, `scf` or `predicted`; `None` where it holds none.
    pub hamiltonian: Option<Kind>,
    /// 1, 2 or 4.
    pub nspin: Option<usize>,
    /// The constant by which energies became eV.
    pub ev_per_hartree: f64,
    /// The constant by which lengths became ångström.
    pub angstrom_per_bohr: f64,
    /// Lattice vectors as rows.
    pub lattice_bohr: [[f64; 3]; 3],
    /// Cartesian positions.
    pub positions_bohr: Vec<[f64; 3]>,
    /// Species with their shells.
    pub species: Vec<Species>,
    /// Species of each atom, from 0.
    pub species_of: Vec<usize>,
    /// From the source's order of atoms and shells to the folder's.
    pub reordering: Reordering,
    /// Fermi level that belongs to the folder's H.
    pub fermi_level_hartree: Option<f64>,
    /// Electrons in the cell.
    pub n_electrons: Option<f64>,
    /// Electrons that the neutral atom of each species brings.
    pub valence_charges: Option<Vec<f64>>,
    /// Widths in hartree.
    pub smearing: Option<Smearing>,
    /// Electrons up less electrons down, where fixed.
    pub fixed_moment: Option<f64>,
    /// k mesh.
    pub k_grid: Option<KGrid>,
    /// k points with their weights, where they are no mesh.
    #[serde(default)]
    pub k_list: Option<Vec<([f64; 3], f64)>>,
    /// Band path.
    #[serde(default)]
    pub k_path: Option<Vec<PathNode>>,
    /// Files that the conversion wrote, relative to the folder; all others are not its own.
    #[serde(default)]
    pub files: Vec<PathBuf>,
}

/// Which H.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// H⁽⁰⁾.
    H0,
    /// The converged one.
    Scf,
    /// What hzero predicted.
    Predicted,
}

impl Companion {
    /// What a folder of `format` in the order of `reordering` needs beside it. `run` is the source.
    pub fn new(format: &str, run: &Calculation, of: Option<Of>, reordering: &Reordering) -> Self {
        let kind = |of| match of {
            Of::H0 => Kind::H0,
            Of::Scf if run.origin.is_predicted => Kind::Predicted,
            Of::Scf => Kind::Scf,
        };
        let lattice = &run.structure.lattice;
        Companion {
            schema_version: SCHEMA_VERSION,
            format: format.to_owned(),
            code: run.origin.code.to_owned(),
            code_version: run.origin.version.clone(),
            hamiltonian: of.map(kind),
            nspin: run.nspin(),
            ev_per_hartree: run.origin.ev_per_hartree,
            angstrom_per_bohr: run.origin.angstrom_per_bohr,
            lattice_bohr: [0, 1, 2].map(|row| [0, 1, 2].map(|column| lattice[(row, column)])),
            positions_bohr: run.structure.positions.iter().map(|&position| position.into()).collect(),
            species: run.basis.species().to_vec(),
            species_of: run.structure.species.clone(),
            reordering: reordering.clone(),
            fermi_level_hartree: run.fermi_level.filter(|level| level.is_finite() && of != Some(Of::H0)),
            n_electrons: run.n_electrons,
            valence_charges: run.valence_charges.clone(),
            smearing: run.smearing,
            fixed_moment: run.fixed_moment,
            k_grid: run.k_grid,
            k_list: run.k_list.clone(),
            k_path: run.k_path.clone(),
            files: Vec::new(),
        }
    }

    /// The one of a folder, or of the folder of a file; `None` where there is none.
    ///
    /// # Errors
    /// `Io`; `Syntax` where it is no companion.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let folder = if path.is_dir() { path } else { crate::folder::folder_of(path) };
        let file = folder.join(FILE_NAME);
        if !file.is_file() {
            return Ok(None);
        }
        let text = std::fs::read(&file).map_err(Error::from).in_file(&file)?;
        let companion: Companion = serde_json::from_slice(&text)
            .map_err(|e| Error::syntax("the JSON of a conversion", e.to_string()))
            .in_file(&file)?;
        if companion.schema_version != SCHEMA_VERSION {
            let message = format!("schema version {}, known is {SCHEMA_VERSION}", companion.schema_version);
            return Err(Error::unsupported(message).in_file(&file));
        }
        companion.validated().in_file(&file).map(Some)
    }

    /// The one of the folder of `path`, if it was written for what lies there: the neutral format `found`, or files of `code`.
    ///
    /// # Errors
    /// As [`Companion::read`].
    pub fn of(path: &Path, found: Option<Format>, code: Option<Code>) -> Result<Option<Self>> {
        let fits = |companion: &Companion| match (Format::from_name(&companion.format), found) {
            (Some(format), Some(found)) => format == found,
            (Some(format), None) => code.is_some() && format.capabilities().code == code,
            (None, _) => false,
        };
        Ok(Companion::read(path)?.filter(fits))
    }

    /// Every number of an atom, shell or species names one that is there.
    fn validated(self) -> Result<Self> {
        let n = self.species_of.len();
        let wrong =
            |what: &str| Err(Error::inconsistent(format!("{what} of {n} atoms and {} species", self.species.len())));
        if self.positions_bohr.len() != n {
            return wrong(&format!("{} positions", self.positions_bohr.len()));
        }
        if self.species_of.iter().any(|&species| species >= self.species.len()) {
            return wrong("an atom's species is none");
        }
        if !self.reordering.fits(n, &self.species) {
            return wrong("the order does not fit that");
        }
        Ok(self)
    }

    /// Lattice, atoms and orbitals, in the order of the folder's own files.
    ///
    /// # Errors
    /// `Inconsistent` where it contradicts itself.
    pub fn in_folder_order(&self) -> Result<Calculation> {
        let basis = Basis::new(self.species.clone(), &self.species_of)?;
        self.reordering.apply(Calculation::new(self.structure(), basis, Origin::default()))
    }

    /// With the names of all files in `folder`, and its own.
    ///
    /// # Errors
    /// `Io`.
    pub fn listing(mut self, folder: &Path) -> Result<Self> {
        let relative = |file: PathBuf| file.strip_prefix(folder).map(Path::to_owned).unwrap_or(file);
        self.files = files_below(folder)?.into_iter().map(relative).collect();
        self.files.push(FILE_NAME.into());
        Ok(self)
    }

    /// Files that a conversion wrote into `folder`, relative to it; none where it has no companion.
    ///
    /// # Errors
    /// As [`Companion::read`].
    pub fn files_of(folder: &Path) -> Result<BTreeSet<PathBuf>> {
        let companion = if folder.is_dir() { Companion::read(folder)? } else { None };
        Ok(companion.into_iter().flat_map(|companion| companion.files).collect())
    }

    /// Writes it into `folder`.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_file(&folder.join(FILE_NAME), |out| Ok(serde_json::to_writer_pretty(out, self)?))
    }

    /// `run` as the folder's own files tell it becomes what it was at the source. What `options` say by hand stays.
    ///
    /// # Errors
    /// `Inconsistent` where this companion belongs to another run.
    pub fn restore(&self, run: Calculation, options: &ReadOptions) -> Result<Calculation> {
        let run = self.reordering.inverse().apply(self.with_own_species(run)?)?;
        let exact = self.structure();
        // ABACUS has moved atoms into the cell
        let mut run = Moves::between(&run.structure, &exact).apply(run)?;
        require_same(&exact, &run.structure)?;
        let basis = Basis::new(self.species.clone(), &self.species_of)?;
        require_same_shells(&basis, &run.basis)?;
        (run.structure, run.basis) = (exact, basis);
        self.restore_spin(&mut run);
        self.restore_kind(&mut run);
        self.restore_numbers(&mut run, options);
        self.restore_k_points(&mut run, options);
        self.restore_origin(&mut run.origin);
        Ok(run)
    }

    /// Readers number species as their files do; here they get the numbers that they have at the source, so that the order of
    /// each one's shells is found.
    fn with_own_species(&self, mut run: Calculation) -> Result<Calculation> {
        let n = self.species_of.len();
        if run.structure.n_atoms() != n {
            let message = format!("{} atoms, but hzero.json describes {n}", run.structure.n_atoms());
            return Err(Error::inconsistent(message));
        }
        let species_of: Vec<usize> = self.reordering.atoms.iter().map(|&old| self.species_of[old]).collect();
        let shells_of = |species: usize| {
            let atom = species_of.iter().position(|&other| other == species);
            let shells = atom.map(|atom| run.basis.species_of(atom).shells.clone());
            Species {
                shells: shells.unwrap_or_else(|| self.shells_of_unused(species)),
                ..self.species[species].clone()
            }
        };
        let basis = Basis::new((0..self.species.len()).map(shells_of).collect(), &species_of)?;
        let sizes = |basis: &Basis| (0..n).map(|atom| basis.orbitals_of(atom)).collect::<Vec<_>>();
        if sizes(&basis) != sizes(&run.basis) {
            return Err(Error::inconsistent("hzero.json gives one species to atoms of different orbitals"));
        }
        run.structure.species = species_of;
        run.basis = basis;
        Ok(run)
    }

    /// In the folder's order.
    fn shells_of_unused(&self, species: usize) -> Vec<Shell> {
        self.reordering.shells[species].iter().map(|&old| self.species[species].shells[old]).collect()
    }

    fn structure(&self) -> Structure {
        Structure {
            lattice: Matrix3::from_fn(|row, column| self.lattice_bohr[row][column]),
            positions: self.positions_bohr.iter().map(|&position| Vector3::from(position)).collect(),
            species: self.species_of.clone(),
        }
    }

    /// Formats without collinear spin hold it as spinors.
    fn restore_spin(&self, run: &mut Calculation) {
        if self.nspin == Some(2) {
            for operator in [&mut run.hamiltonian, &mut run.hamiltonian0, &mut run.density_matrix].into_iter().flatten()
            {
                if let Some(collinear) = collinear(operator) {
                    *operator = collinear;
                }
            }
        }
    }

    /// DeepH's folders tell a prediction by the name of its file; elsewhere this does.
    fn restore_kind(&self, run: &mut Calculation) {
        let told_by_name =
            [Format::Deeph, Format::DeephLegacy].iter().any(|deeph| deeph.capabilities().name == self.format);
        match self.hamiltonian {
            Some(Kind::H0) if run.hamiltonian0.is_none() && !run.origin.is_predicted => {
                run.hamiltonian0 = run.hamiltonian.take();
            }
            Some(Kind::Scf) if run.hamiltonian.is_none() => run.hamiltonian = run.hamiltonian0.take(),
            Some(Kind::Predicted) => run.origin.is_predicted |= !told_by_name,
            _ => {}
        }
    }

    /// What the source did not know is not known, also where the folder's files demand a number.
    fn restore_numbers(&self, run: &mut Calculation, options: &ReadOptions) {
        run.fermi_level = self.fermi_level(run.fermi_level);
        if options.electrons.is_none() {
            run.n_electrons = self.n_electrons.or(run.n_electrons.filter(|n| *n > 0.0));
        }
        run.valence_charges = self.valence_charges.clone().or(run.valence_charges.take());
        run.smearing = self.smearing;
        run.fixed_moment = self.fixed_moment.or(run.fixed_moment);
    }

    /// The Fermi level to the last bit, unless the folder's own files state another: then theirs, which somebody has changed
    /// with H. (0 is what they state where they must and nothing is known.)
    fn fermi_level(&self, of_folder: Option<f64>) -> Option<f64> {
        match (self.fermi_level_hartree, of_folder) {
            (Some(exact), Some(level)) if (exact - level).abs() > SAME_LEVEL => Some(level),
            (None, Some(level)) if level != 0.0 && level.is_finite() => Some(level),
            (exact, _) => exact,
        }
    }

    fn restore_k_points(&self, run: &mut Calculation, options: &ReadOptions) {
        if options.kpoints.is_none() {
            (run.k_grid, run.k_list, run.k_path) = (self.k_grid, self.k_list.clone(), self.k_path.clone());
        }
    }

    fn restore_origin(&self, origin: &mut Origin) {
        let codes = Code::ALL.iter().map(|code| code.name()).chain([aims::CODE, nextham::CODE]);
        origin.code = codes.into_iter().find(|&name| name == self.code).unwrap_or(origin.code);
        origin.version = self.code_version.clone().or(origin.version.take());
        origin.ev_per_hartree = self.ev_per_hartree;
        origin.angstrom_per_bohr = self.angstrom_per_bohr;
    }
}

/// Same element and same l of the same shells: else the order of another folder was followed.
fn require_same_shells(own: &Basis, read: &Basis) -> Result<()> {
    let l = |basis: &Basis, atom| basis.species_of(atom).shells.iter().map(|shell| shell.l).collect::<Vec<_>>();
    match (0..own.n_atoms()).find(|&atom| l(own, atom) != l(read, atom)) {
        None => Ok(()),
        Some(atom) => {
            let (read, own) = (l(read, atom), l(own, atom));
            Err(Error::inconsistent(format!("atom {} has shells of l = {read:?}, in hzero.json {own:?}", atom + 1)))
        }
    }
}

fn require_same(exact: &Structure, read: &Structure) -> Result<()> {
    let (cell, shift) = exact.distance(read);
    if cell <= SAME_POSITION && shift <= SAME_POSITION {
        return Ok(());
    }
    let message = format!(
        "lattice vectors differ by {cell:.1e} and positions by {shift:.1e} bohr from those of hzero.json: it belongs to another run"
    );
    Err(Error::inconsistent(message))
}

/// Up and down out of a spinor that is nothing else.
fn collinear(operator: &SpinOperator) -> Option<SpinOperator> {
    let SpinOperator::Spinor([uu, ud, du, dd]) = operator else { return None };
    let is_zero = |operator: &Operator<c64>| operator.values().iter().all(|value| *value == c64::ZERO);
    let real = |operator: &Operator<c64>| {
        let is_real = operator.values().iter().all(|value| value.im == 0.0);
        let values = || operator.values().iter().map(|value| value.re).collect();
        is_real.then(|| Operator::new(operator.pairs().clone(), values()).ok())?
    };
    (is_zero(ud) && is_zero(du)).then(|| Some(SpinOperator::Collinear([real(uu)?, real(dd)?])))?
}

#[cfg(test)]
mod tests;
