//! Files of Wannier90 as a run: H between functions of which only the centres are known, S the unit matrix.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nalgebra::{Matrix3, Vector3};

use super::files::{Files, Kind};
use super::parse::{self, Tb};
use super::real_space::RealSpace;
use super::win::{Win, parse_centres};
use crate::basis::{Basis, Shell, Species};
use crate::calculation::{Calculation, Origin};
use crate::companion::Companion;
use crate::error::{Context, Error, Result};
use crate::ev::Ev;
use crate::folder::plain_name;
use crate::input;
use crate::operator::{Operator, Pair, Pairs, SpinOperator, c64};
use crate::poscar::Poscar;
use crate::read::ReadOptions;
use crate::structure::Structure;
use crate::units::BOHR_IN_ANGSTROM;

/// Reads the files at `path`.
///
/// # Errors
/// All kinds but `NotRepresentable`.
pub fn read(path: &Path, kind: Kind, options: &ReadOptions) -> Result<Calculation> {
    let files = Files::find(path, kind).in_file(path)?;
    let content: Vec<Content> = files.matrices.iter().map(|file| Content::read(file, kind)).collect::<Result<_>>()?;
    require_one_size(&content, &files)?;
    let known = Known::of(&files, &content[0], options)?;
    if known.n_files.is_some_and(|n| n != content.len()) || known.spinors && content.len() > 1 {
        return Err(
            Error::inconsistent(format!("{} files of H do not fit the kind of spin", content.len())).in_file(path)
        );
    }
    let ev = Ev { per_hartree: known.origin.ev_per_hartree };
    let blocks = Blocks::new(&content, &known, ev)?;
    let hamiltonian = blocks.hamiltonian()?;
    Ok(Calculation {
        overlap: Some(Operator::identity(&known.basis)?),
        hamiltonian: Some(hamiltonian),
        fermi_level: known.fermi_energy.map(|level| ev.to_hartree(level)),
        n_electrons: options.electrons,
        ..Calculation::new(known.structure, known.basis, known.origin)
    })
}

/// What one file holds.
struct Content {
    hamiltonian: RealSpace,
    /// Of `_tb.dat`.
    geometry: Option<Geometry>,
}

/// Å.
struct Geometry {
    lattice: Matrix3<f64>,
    centres: Vec<[f64; 3]>,
}

impl Content {
    fn read(file: &Path, kind: Kind) -> Result<Self> {
        let bytes = input::open(file)?;
        match kind {
            Kind::Hr => parse::hr(&bytes).map(|hamiltonian| Content { hamiltonian, geometry: None }),
            Kind::Tb => parse::tb(&bytes).map(|Tb { lattice, hamiltonian, centres }| Content {
                hamiltonian,
                geometry: Some(Geometry { lattice: rows(lattice), centres }),
            }),
        }
        .in_file(file)
    }
}

fn rows(rows: [[f64; 3]; 3]) -> Matrix3<f64> {
    Matrix3::from_fn(|row, column| rows[row][column])
}

fn require_one_size(content: &[Content], files: &Files) -> Result<()> {
    let sizes: Vec<usize> = content.iter().map(|content| content.hamiltonian.n_functions()).collect();
    match sizes[..] {
        [up, down] if up != down => {
            let message = format!("{up} functions of spin up, but {down} of spin down");
            Err(Error::inconsistent(message).in_file(&files.matrices[1]))
        }
        _ => Ok(()),
    }
}

/// What the functions are.
struct Known {
    structure: Structure,
    basis: Basis,
    /// Two functions, up and down, per orbital?
    spinors: bool,
    /// Files of H, where it is known how many there must be.
    n_files: Option<usize>,
    /// eV.
    fermi_energy: Option<f64>,
    origin: Origin,
}

impl Known {
    fn of(files: &Files, content: &Content, options: &ReadOptions) -> Result<Self> {
        let n = content.hamiltonian.n_functions();
        let origin = Origin { code: "Wannier90", files: files.matrices.clone(), ..Origin::default() };
        match Companion::read(files.folder())? {
            Some(companion) => Known::of_companion(&companion, content, origin).in_file(files.folder()),
            None => Beside::read(files, content, options)
                .and_then(|beside| Known::of_files(&beside, n, origin))
                .in_file(&files.matrices[0]),
        }
    }

    fn of_companion(companion: &Companion, content: &Content, origin: Origin) -> Result<Self> {
        let Calculation { mut structure, basis, .. } = companion.in_folder_order()?;
        let n = content.hamiltonian.n_functions();
        let spinors = companion.nspin == Some(4);
        let described = basis.n_orbitals() * if spinors { 2 } else { 1 };
        if described != n {
            return Err(Error::inconsistent(format!("{n} functions, but hzero.json describes {described}")));
        }
        let (ev_per_hartree, angstrom_per_bohr) = (companion.ev_per_hartree, companion.angstrom_per_bohr);
        let origin = Origin { ev_per_hartree, angstrom_per_bohr, ..origin };
        if let Some(geometry) = &content.geometry {
            // What the file says is compared with what the companion says afterwards.
            structure.lattice = geometry.lattice / angstrom_per_bohr;
            for (atom, position) in structure.positions.iter_mut().enumerate() {
                let first = basis.orbitals_of(atom).start * n / basis.n_orbitals();
                let centre = geometry.centres.get(first).map(|&centre| Vector3::from(centre) / angstrom_per_bohr);
                *position = centre.unwrap_or(*position);
            }
        }
        let n_files = Some(if companion.nspin == Some(2) { 2 } else { 1 });
        Ok(Known { structure, basis, spinors, n_files, fermi_energy: None, origin })
    }

    fn of_files(beside: &Beside, n: usize, origin: Origin) -> Result<Self> {
        let per_orbital = if beside.spinors { 2 } else { 1 };
        if !n.is_multiple_of(per_orbital) {
            return Err(Error::inconsistent(format!("{n} functions, but spinors come in pairs of up and down")));
        }
        let centres: Vec<[f64; 3]> = beside.centres.iter().copied().step_by(per_orbital).collect();
        let (positions, sizes) = sites(&centres);
        let (species, species_of) = species_of_sites(&sizes);
        let basis = Basis::new(species, &species_of)?;
        let lattice = beside.lattice / BOHR_IN_ANGSTROM;
        let structure = Structure { lattice, positions, species: species_of };
        let mut origin = origin;
        origin.files.extend(beside.files.iter().cloned());
        let (spinors, fermi_energy) = (beside.spinors, beside.fermi_energy);
        Ok(Known { structure, basis, spinors, n_files: None, fermi_energy, origin })
    }
}

/// What other files say of the lattice and the centres, Å.
struct Beside {
    lattice: Matrix3<f64>,
    centres: Vec<[f64; 3]>,
    spinors: bool,
    fermi_energy: Option<f64>,
    files: Vec<PathBuf>,
}

impl Beside {
    /// The lattice stands in `_tb.dat`, `NAME.win` or a POSCAR; the centres in `_tb.dat` or `_centres.xyz`, else the
    /// projections tell where functions started. Where nothing does they are put at the origin: no H(k) depends on it.
    fn read(files: &Files, content: &Content, options: &ReadOptions) -> Result<Self> {
        let n = content.hamiltonian.n_functions();
        let file = structure_file(files, options);
        let described = file.as_deref().map(Described::read).transpose()?;
        let (lattice, centres) = match (&content.geometry, &described) {
            (Some(geometry), _) => (geometry.lattice, Some(geometry.centres.clone())),
            (None, Some(described)) => (described.lattice(), None),
            (None, None) => return Err(missing_lattice(files)),
        };
        if lattice.determinant() == 0.0 {
            return Err(Error::inconsistent("the lattice vectors lie in a plane"));
        }
        // also where another file gives the lattice
        let win = match described.and_then(Described::win) {
            Some(win) => Some(win),
            None => files.beside(".win").map(|win| Described::read(&win)).transpose()?.and_then(Described::win),
        };
        let xyz = files.beside("_centres.xyz");
        let centres = match (centres, &xyz) {
            (Some(centres), _) => Some(centres),
            (None, Some(xyz)) => Some(centres_of(xyz, n)?),
            (None, None) => win.as_ref().and_then(|win| win.centres(n)),
        };
        let spinors = win.as_ref().and_then(|win| win.spinors);
        if spinors.is_none() && files.matrices.len() == 1 && !content.hamiltonian.is_real() {
            return Err(unknown_spin());
        }
        Ok(Beside {
            lattice,
            centres: centres.unwrap_or_else(|| vec![[0.0; 3]; n]),
            spinors: spinors.unwrap_or(false),
            fermi_energy: win.and_then(|win| win.fermi_energy),
            files: file.into_iter().chain(xyz).collect(),
        })
    }
}

/// A file with a lattice: the one that was named, else `NAME.win`, else a POSCAR in the folder.
fn structure_file(files: &Files, options: &ReadOptions) -> Option<PathBuf> {
    let poscar = || Some(files.folder().join("POSCAR")).filter(|path| path.is_file());
    options.structure.clone().or_else(|| files.beside(".win")).or_else(poscar)
}

fn missing_lattice(files: &Files) -> Error {
    let message = "no lattice: there is no NAME.win and no POSCAR beside this file; name one of them by --structure";
    Error::unsupported(message).in_file(&files.matrices[0])
}

/// Doubling the states of spin–orbit coupling would be as wrong as halving those of functions without spin.
fn unknown_spin() -> Error {
    Error::unsupported(
        "H is complex, and nothing says whether its functions are spinors: state `spinors = true` (up and down in turn) or \
         `spinors = false` (each function for both spins) in NAME.win beside this file",
    )
}

enum Described {
    Win(Win),
    Poscar(Poscar),
}

impl Described {
    fn read(path: &Path) -> Result<Self> {
        let bytes = input::open(path)?;
        match plain_name(path).ends_with(".win") {
            true => Win::parse(&bytes).map(Described::Win),
            false => Poscar::parse(&bytes).map(Described::Poscar),
        }
        .in_file(path)
    }

    fn lattice(&self) -> Matrix3<f64> {
        match self {
            Described::Win(win) => win.lattice,
            Described::Poscar(poscar) => poscar.lattice,
        }
    }

    fn win(self) -> Option<Win> {
        match self {
            Described::Win(win) => Some(win),
            Described::Poscar(_) => None,
        }
    }
}

fn centres_of(xyz: &Path, n: usize) -> Result<Vec<[f64; 3]>> {
    let centres = parse_centres(&input::open(xyz)?).in_file(xyz)?;
    match centres.len() {
        found if found == n => Ok(centres),
        found => Err(Error::inconsistent(format!("{found} centres of {n} functions")).in_file(xyz)),
    }
}

/// Neighbours in the list that have the same centre become one site: their positions, bohr, and numbers of functions.
fn sites(centres: &[[f64; 3]]) -> (Vec<Vector3<f64>>, Vec<usize>) {
    let sites = centres.chunk_by(|a, b| a == b);
    sites.map(|site| (Vector3::from(site[0]) / BOHR_IN_ANGSTROM, site.len())).unzip()
}

/// Functions have no angular momentum that files state: they are counted as s, and their sites as species `X1`, `X4`, … by
/// their number.
fn species_of_sites(sizes: &[usize]) -> (Vec<Species>, Vec<usize>) {
    let kinds: Vec<usize> = sizes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let species = kinds.iter().map(|&size| {
        // more than 255 functions of one centre share the last number: it is a label only
        let shells = (1..=size).map(|zeta| Shell { l: 0, zeta: u8::try_from(zeta).unwrap_or(u8::MAX), n: None });
        Species { label: format!("X{size}"), z: None, shells: shells.collect(), cutoff: None }
    });
    let species_of = sizes.iter().map(|size| kinds.partition_point(|kind| kind < size)).collect();
    (species.collect(), species_of)
}

/// H(R) of every file as blocks between sites.
struct Blocks<'a> {
    content: &'a [Content],
    basis: &'a Basis,
    spinors: bool,
    ev: Ev,
    pairs: Arc<Pairs>,
    /// Where each R stands in each file.
    cells: Vec<BTreeMap<[i32; 3], usize>>,
}

impl<'a> Blocks<'a> {
    fn new(content: &'a [Content], known: &'a Known, ev: Ev) -> Result<Self> {
        let cells = content.iter().map(|content| {
            content.hamiltonian.cells().iter().enumerate().map(|(index, cell)| (cell.r, index)).collect()
        });
        let mut blocks = Blocks {
            content,
            basis: &known.basis,
            spinors: known.spinors,
            ev,
            pairs: Arc::new(Pairs::new(Vec::new(), &known.basis)?),
            cells: cells.collect(),
        };
        blocks.pairs = Arc::new(blocks.found_pairs()?);
        Ok(blocks)
    }

    /// Blocks with an element that is not 0, their partners, and those on site.
    fn found_pairs(&self) -> Result<Pairs> {
        let atoms = 0..self.basis.n_atoms();
        let mut pairs: Vec<Pair> = atoms.clone().map(Pair::onsite).collect();
        for (file, cells) in self.cells.iter().enumerate() {
            for (&r, &cell) in cells {
                let all = atoms.clone().flat_map(|i| atoms.clone().map(move |j| (i, j)));
                let found = all.filter(|&(i, j)| self.has_elements(file, cell, i, j));
                let pair = |(i, j)| Pair { i: i as u32, j: j as u32, r };
                pairs.extend(found.map(pair).flat_map(|pair| [pair, pair.reversed()]));
            }
        }
        Pairs::new(pairs, self.basis)
    }

    fn has_elements(&self, file: usize, cell: usize, i: usize, j: usize) -> bool {
        let hamiltonian = &self.content[file].hamiltonian;
        let (block, n) = (hamiltonian.block(cell), hamiltonian.n_functions());
        let columns = self.functions_of(j);
        self.functions_of(i).any(|row| block[row * n..][columns.clone()].iter().any(|value| *value != c64::ZERO))
    }

    fn functions_of(&self, atom: usize) -> std::ops::Range<usize> {
        let (orbitals, per_orbital) = (self.basis.orbitals_of(atom), if self.spinors { 2 } else { 1 });
        per_orbital * orbitals.start..per_orbital * orbitals.end
    }

    fn hamiltonian(&self) -> Result<SpinOperator> {
        let is_real = self.content.iter().all(|content| content.hamiltonian.is_real());
        let spin = |s, t| self.component(0, 2, [s, t]);
        let whole = |file| self.component(file, 1, [0, 0]);
        let last = self.content.len() - 1;
        Ok(match (self.spinors, is_real) {
            (true, _) => SpinOperator::Spinor([spin(0, 0)?, spin(0, 1)?, spin(1, 0)?, spin(1, 1)?]),
            (false, true) if last == 0 => SpinOperator::Unpolarized(real(&whole(0)?)?),
            (false, true) => SpinOperator::Collinear([real(&whole(0)?)?, real(&whole(last)?)?]),
            (false, false) => {
                let none = Operator::zeros(self.pairs.clone());
                SpinOperator::Spinor([whole(0)?, none.clone(), none, whole(last)?])
            }
        })
    }

    /// The elements between functions `per_orbital` μ + `spins[0]` and `per_orbital` ν + `spins[1]` of one file, hartree.
    fn component(&self, file: usize, per_orbital: usize, spins: [usize; 2]) -> Result<Operator<c64>> {
        let mut operator = Operator::zeros(self.pairs.clone());
        let hamiltonian = &self.content[file].hamiltonian;
        for (index, pair) in self.pairs.as_slice().iter().enumerate() {
            let Some(&cell) = self.cells[file].get(&pair.r) else { continue };
            let [rows, columns] = [pair.i, pair.j].map(|atom| self.basis.orbitals_of(atom as usize));
            let places = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
            for (value, (row, column)) in operator.block_mut(index).iter_mut().zip(places) {
                let ev = hamiltonian.element(cell, per_orbital * row + spins[0], per_orbital * column + spins[1]);
                *value = c64::new(self.ev.to_hartree(ev.re), self.ev.to_hartree(ev.im));
            }
        }
        Ok(operator)
    }
}

fn real(operator: &Operator<c64>) -> Result<Operator<f64>> {
    Operator::new(operator.pairs().clone(), operator.values().iter().map(|value| value.re).collect())
}
