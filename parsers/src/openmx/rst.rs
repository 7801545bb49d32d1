//! The restart folder `<name>_rst/`: `<name>.rst<i>` with the H of one atom's blocks, and `<name>.crst_check`, as
//! `RestartFileDFT.c` of 3.8 and 3.9 writes and checks them.

use std::io::{self, Write};

use super::scfout::{Scfout, Set, Spin, Version};
use crate::error::{Context, Error, Result};
use crate::input::{Binary, ByteOrder, Text};

/// `<name>.rst<i>` of one atom.
#[derive(Debug, Clone, PartialEq)]
pub struct Rst {
    /// Byte order of the machine that wrote it; OpenMX reads its own only.
    pub order: ByteOrder,
    /// `SpinP_switch`.
    pub spin: Spin,
    /// Number of atoms of the cell.
    pub n_atoms: usize,
    /// Most neighbours of an atom, `Max_FNAN` (OpenMX does not check it).
    pub max_neighbours: i32,
    /// Most orbitals of an atom.
    pub max_orbitals: i32,
    /// Species of the atom, from 0.
    pub species: i32,
    /// Orbitals of the atom.
    pub n_orbitals: usize,
    /// `SO_switch`: is spin–orbit coupling in `i_h`?
    pub spin_orbit: bool,
    /// Its neighbours, itself first.
    pub neighbours: Vec<Neighbour>,
    /// Band energy (`Uele`), hartree; of no use in a restart.
    pub uele: f64,
    /// `H[s]`, each all blocks of the atom as in the `.scfout`, hartree.
    pub h: Vec<Vec<f64>>,
    /// `iHNL[s]`: three for SpinP 3, else none.
    pub i_h: Vec<Vec<f64>>,
    /// `DM[s]`; none in 3.8.
    pub dm: Vec<Vec<f64>>,
}

/// The atom of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Atom, from 0 (the file counts from 1).
    pub atom: usize,
    /// Its cell in units of the lattice vectors.
    pub cell: [i32; 3],
    /// Its species, from 0.
    pub species: i32,
    /// Its orbitals.
    pub n_orbitals: usize,
}

/// What an `.scfout` does not say about the restart files of its run.
#[derive(Debug, Clone, Copy)]
pub struct Species<'a> {
    /// Species of every atom, from 0.
    pub of_atoms: &'a [usize],
    /// Most orbitals of a species.
    pub max_orbitals: usize,
    /// Does the run have spin–orbit coupling?
    pub spin_orbit: bool,
}

/// `List_YOUSO[8]` is `Max_FNAN` and so many more.
const SPARE_NEIGHBOURS: i32 = 7;

impl Rst {
    /// The file of atom `atom` with the matrices of `scfout`, in the layout of its version.
    pub fn of_atom(scfout: &Scfout, atom: usize, species: Species) -> Rst {
        let neighbour = |(&atom, &cell): (&usize, &usize)| Neighbour {
            atom,
            cell: scfout.atv_ijk[cell],
            species: species.of_atoms[atom] as i32,
            n_orbitals: scfout.n_orbitals[atom],
        };
        let range = scfout.elements_of(atom);
        let of_set = |set| scfout.numbers(set).map(|numbers| range.clone().map(|n| numbers.at(n)).collect());
        let sets = |n: usize, set: fn(usize) -> Set| (0..n).filter_map(|spin| of_set(set(spin))).collect();
        let n_spins = scfout.spin.n_sets();
        Rst {
            order: scfout.order,
            spin: scfout.spin,
            n_atoms: scfout.n_atoms(),
            max_neighbours: scfout.natn.iter().map(|row| row.len() as i32 - 1).max().unwrap_or(0),
            max_orbitals: species.max_orbitals as i32,
            species: species.of_atoms[atom] as i32,
            n_orbitals: scfout.n_orbitals[atom],
            spin_orbit: species.spin_orbit,
            neighbours: scfout.natn[atom].iter().zip(&scfout.ncn[atom]).map(neighbour).collect(),
            uele: 0.0,
            h: sets(n_spins, Set::H),
            i_h: sets(3, Set::ImH),
            dm: if scfout.version == Version::V3_9 { sets(n_spins, Set::DensityMatrix) } else { Vec::new() },
        }
    }

    /// Reads a file of either version, whose size tells which.
    ///
    /// # Errors
    /// `Syntax` with the byte.
    pub fn parse(bytes: &[u8], order: ByteOrder) -> Result<Rst> {
        let mut file = Binary::new(bytes, order);
        let mut rst = head(&mut file, order)?;
        rst.uele = file.f64s(1)?[0];
        let columns = rst.neighbours.iter().fold(0_usize, |sum, neighbour| sum.saturating_add(neighbour.n_orbitals));
        let size = columns.saturating_mul(rst.n_orbitals);
        let n_spins = rst.spin.n_sets();
        rst.h = sets(&mut file, n_spins, size)?;
        rst.i_h = sets(&mut file, if rst.spin == Spin::NonCollinear { 3 } else { 0 }, size)?;
        let is_whole = file.remaining() == 0;
        rst.dm = sets(&mut file, if is_whole { 0 } else { n_spins }, size)?;
        file.end()?;
        Ok(rst)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let n_atoms = self.n_atoms as i32;
        self.i32s(out, [self.spin.number(), self.spin.n_sets() as i32, n_atoms + 1])?;
        self.i32s(out, [self.max_neighbours + SPARE_NEIGHBOURS, self.max_orbitals, n_atoms, self.species])?;
        self.i32s(out, [self.n_orbitals as i32, self.neighbours.len() as i32 - 1, i32::from(self.spin_orbit)])?;
        self.i32s(out, self.neighbours.iter().map(|n| n.atom as i32 + 1))?;
        for axis in 0..3 {
            self.i32s(out, self.neighbours.iter().map(|n| n.cell[axis]))?;
        }
        self.i32s(out, self.neighbours.iter().map(|n| n.species))?;
        self.i32s(out, self.neighbours.iter().map(|n| n.n_orbitals as i32))?;
        let numbers = [&self.h, &self.i_h, &self.dm].into_iter().flatten().flatten();
        std::iter::once(&self.uele).chain(numbers).try_for_each(|&x| out.write_all(&self.order.f64_bytes(x)))
    }

    fn i32s(&self, out: &mut dyn Write, numbers: impl IntoIterator<Item = i32>) -> io::Result<()> {
        numbers.into_iter().try_for_each(|number| out.write_all(&self.order.i32_bytes(number)))
    }
}

/// Everything before the matrices.
fn head(file: &mut Binary, order: ByteOrder) -> Result<Rst> {
    let place = file.place();
    let spin = match file.i32s(2)?[..] {
        [0, 1] => Spin::Unpolarized,
        [1, 2] => Spin::Collinear,
        [3, 4] => Spin::NonCollinear,
        ref other => return Err(Error::syntax("SpinP and number of spins", format!("{other:?}")).at(place)),
    };
    let n_atoms = file.count("one more than a number of atoms", 2..=i32::MAX)? - 1;
    let max_neighbours = file.count("seven more than a number of neighbours", SPARE_NEIGHBOURS..=i32::MAX)?;
    let max_orbitals = file.i32()?;
    file.count("the number of atoms", n_atoms as i32..=n_atoms as i32)?;
    let species = file.i32()?;
    let n_orbitals = file.count("a number of orbitals", 1..=i32::MAX)?;
    let n_blocks = 1 + file.count("a number of neighbours", 0..=i32::MAX - 1)?;
    Ok(Rst {
        order,
        spin,
        n_atoms,
        max_neighbours: max_neighbours as i32 - SPARE_NEIGHBOURS,
        max_orbitals,
        species,
        n_orbitals,
        spin_orbit: file.count("SO_switch", 0..=1)? == 1,
        neighbours: neighbours(file, n_blocks, n_atoms)?,
        uele: 0.0,
        h: Vec::new(),
        i_h: Vec::new(),
        dm: Vec::new(),
    })
}

fn sets(file: &mut Binary, n: usize, size: usize) -> Result<Vec<Vec<f64>>> {
    (0..n).map(|_| file.f64s(size)).collect()
}

/// Six rows: atoms, three components of their cells, species, orbitals.
fn neighbours(file: &mut Binary, n: usize, n_atoms: usize) -> Result<Vec<Neighbour>> {
    let what = || "neighbours".to_owned();
    let atoms = file.counts(n, "an atom", 1..=i32::try_from(n_atoms).unwrap_or(i32::MAX)).while_reading(what)?;
    let [l, m, k] = [file.i32s(n)?, file.i32s(n)?, file.i32s(n)?];
    let species = file.i32s(n)?;
    let n_orbitals = file.counts(n, "a number of orbitals", 1..=i32::MAX).while_reading(what)?;
    let neighbour = |h: usize| Neighbour {
        atom: atoms[h] - 1,
        cell: [l[h], m[h], k[h]],
        species: species[h],
        n_orbitals: n_orbitals[h],
    };
    Ok((0..n).map(neighbour).collect())
}

/// `<name>.crst_check`: the mesh that the density of a restart belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrstCheck {
    /// MPI processes of the run that wrote it.
    pub n_processes: u32,
    /// Divisions of the real-space grid.
    pub grid: [u32; 3],
    /// SpinP; absent in 3.8.
    pub spin: Option<u32>,
}

impl CrstCheck {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` with the place.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let mut text = Text::new(file);
        let number = |text: &mut Text| {
            let number = text.unsigned()?;
            u32::try_from(number).map_err(|_| Error::syntax("a number of at most 32 bits", number.to_string()))
        };
        let (n_processes, grid) = (number(&mut text)?, [number(&mut text)?, number(&mut text)?, number(&mut text)?]);
        let spin = if text.is_at_end() { None } else { Some(number(&mut text)?) };
        text.end("the end of the file")?;
        Ok(CrstCheck { n_processes, grid, spin })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let [a, b, c] = self.grid;
        write!(out, "{} {a} {b} {c}", self.n_processes)?;
        self.spin.map_or(Ok(()), |spin| write!(out, " {spin}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_of_both_versions() {
        for text in ["1 18 18 18 1", "2 24 20 75"] {
            let mut written = Vec::new();
            CrstCheck::parse(text.as_bytes()).unwrap().write(&mut written).unwrap();
            assert_eq!(written, text.as_bytes());
        }
        for bad in ["1 18 18", "1 18 18 4294967296", "1 18 18 18 4294967297", "1 18 18 18 0 0"] {
            assert!(CrstCheck::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
