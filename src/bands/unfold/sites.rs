//! Which site of which small cell every atom of a supercell stands for.

use std::collections::BTreeSet;

use nalgebra::{Matrix3, Vector3};

use crate::parsers::{Calculation, Error, Result, Structure, Sublattice};

/// The places of a supercell's atoms in the small lattice.
#[derive(Debug, Clone, PartialEq)]
pub struct Sites {
    /// Small cell that each atom stands in, in small lattice vectors.
    pub cell: Vec<[i32; 3]>,
    /// Site that each atom stands on.
    pub site: Vec<usize>,
    /// Number of atoms on each site: one in every small cell, unless some are missing.
    pub occupation: Vec<usize>,
    /// Farthest distance of an atom from its site, bohr.
    pub farthest: f64,
}

impl Sites {
    /// Finds the sites: atoms with the same shells (also of another element) that meet within `tolerance` (bohr) when they
    /// are folded into the small cell share one, at most one atom in every cell. Any other atom has a site of its own.
    ///
    /// # Errors
    /// `Unsupported` where `tolerance` is so large that images of one site meet.
    pub fn find(run: &Calculation, cells: &Sublattice, tolerance: f64) -> Result<Self> {
        let mut search = Search::new(run, small_lattice(&run.structure, cells)?, tolerance)?;
        search.assign_all();
        // The mean of a first guess is nearer to the site than the atom that the guess began with.
        search.move_to_means();
        search.assign_all();
        Ok(search.found)
    }

    /// Sites that lack an atom in some cell.
    pub fn n_incomplete(&self, cells: &Sublattice) -> usize {
        self.occupation.iter().filter(|&&n| n > 0 && n != cells.n_cells()).count()
    }
}

/// Lattice vectors of the small cell as rows, bohr: M⁻¹ A'.
///
/// # Errors
/// `Inconsistent` where M has no inverse.
pub fn small_lattice(structure: &Structure, cells: &Sublattice) -> Result<Matrix3<f64>> {
    let matrix = Matrix3::from_fn(|row, column| f64::from(cells.matrix()[row][column]));
    let inverse = matrix.try_inverse().ok_or_else(|| Error::inconsistent("the supercell's matrix has no inverse"))?;
    Ok(inverse * structure.lattice)
}

/// A site as far as it is known: its place in reduced coordinates of the small lattice, and what has it.
struct Centre {
    place: Vector3<f64>,
    shells: Vec<u8>,
    taken: BTreeSet<[i32; 3]>,
}

struct Search<'a> {
    run: &'a Calculation,
    lattice: Matrix3<f64>,
    tolerance: f64,
    /// Reduced coordinates of every atom.
    atoms: Vec<Vector3<f64>>,
    centres: Vec<Centre>,
    found: Sites,
}

impl<'a> Search<'a> {
    fn new(run: &'a Calculation, lattice: Matrix3<f64>, tolerance: f64) -> Result<Self> {
        let singular = || Error::inconsistent("the lattice vectors are linearly dependent");
        let inverse = lattice.try_inverse().ok_or_else(singular)?;
        if inverse.column_iter().any(|column| tolerance * column.norm() >= 0.5) {
            let message =
                format!("a tolerance of {tolerance:.3} bohr is more than half of a cell: images of one site meet");
            return Err(Error::unsupported(message));
        }
        let atoms = run.structure.positions.iter().map(|position| inverse.tr_mul(position)).collect();
        let found = Sites { cell: Vec::new(), site: Vec::new(), occupation: Vec::new(), farthest: 0.0 };
        Ok(Search { run, lattice, tolerance, atoms, centres: Vec::new(), found })
    }

    fn assign_all(&mut self) {
        self.centres.iter_mut().for_each(|centre| centre.taken.clear());
        self.found = Sites { cell: Vec::new(), site: Vec::new(), occupation: Vec::new(), farthest: 0.0 };
        for atom in 0..self.atoms.len() {
            let (site, cell, distance) = self.nearest(atom).unwrap_or_else(|| self.new_site(atom));
            self.centres[site].taken.insert(cell);
            self.found.site.push(site);
            self.found.cell.push(cell);
            self.found.farthest = self.found.farthest.max(distance);
        }
        self.found.occupation = self.centres.iter().map(|centre| centre.taken.len()).collect();
    }

    /// The nearest free site of the same shells within reach, its cell, and the distance.
    fn nearest(&self, atom: usize) -> Option<(usize, [i32; 3], f64)> {
        let shells = self.shells(atom);
        let candidates = self.centres.iter().enumerate().filter(|(_, centre)| centre.shells == shells);
        let placed = candidates.map(|(site, centre)| {
            let apart = self.atoms[atom] - centre.place;
            let cell = apart.map(f64::round);
            let distance = self.lattice.tr_mul(&(apart - cell)).norm();
            (site, <[f64; 3]>::from(cell).map(|x| x as i32), distance)
        });
        let free = placed
            .filter(|(site, cell, distance)| *distance <= self.tolerance && !self.centres[*site].taken.contains(cell));
        free.min_by(|a, b| a.2.total_cmp(&b.2))
    }

    fn new_site(&mut self, atom: usize) -> (usize, [i32; 3], f64) {
        let cell = self.atoms[atom].map(|x| (x + 1e-6).floor());
        let centre = Centre { place: self.atoms[atom] - cell, shells: self.shells(atom), taken: BTreeSet::new() };
        self.centres.push(centre);
        (self.centres.len() - 1, <[f64; 3]>::from(cell).map(|x| x as i32), 0.0)
    }

    fn shells(&self, atom: usize) -> Vec<u8> {
        self.run.basis.species_of(atom).shells.iter().map(|shell| shell.l).collect()
    }

    fn move_to_means(&mut self) {
        let mut sums = vec![Vector3::zeros(); self.centres.len()];
        for ((atom, cell), &site) in self.atoms.iter().zip(&self.found.cell).zip(&self.found.site) {
            sums[site] += atom - Vector3::from(cell.map(f64::from));
        }
        for ((centre, sum), &n) in self.centres.iter_mut().zip(sums).zip(&self.found.occupation) {
            centre.place = sum / n as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parsers::tile;
    use crate::random::Random;

    fn graphene() -> Calculation {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/abacus/graphene");
        crate::parsers::read(folder.as_ref(), &Default::default()).unwrap()
    }

    #[test]
    fn displaced_atoms_stay_on_their_sites() {
        let cells = Sublattice::diagonal([3, 3, 1]).unwrap();
        let mut run = tile(&graphene(), [3, 3, 1]).unwrap();
        let exact = Sites::find(&run, &cells, 0.5).unwrap();
        assert_eq!((&exact.occupation, exact.n_incomplete(&cells)), (&vec![9, 9], 0));
        assert!(exact.farthest < 1e-12);
        let mut random = Random::new(1, 1);
        let wander = run.structure.translation([2, 0, 0]);
        for position in &mut run.structure.positions {
            *position += Vector3::from_fn(|_, _| 0.15 * random.normal());
        }
        run.structure.positions[4] += wander;
        let moved = Sites::find(&run, &cells, 1.0).unwrap();
        assert_eq!(moved.site, exact.site);
        let differing: Vec<usize> = (0..18).filter(|&atom| moved.cell[atom] != exact.cell[atom]).collect();
        assert_eq!(differing, [4]);
        assert_eq!(moved.cell[4][0] - exact.cell[4][0], 6);
        assert!(moved.farthest > 0.1 && moved.farthest < 0.8, "{}", moved.farthest);
    }

    #[test]
    fn an_atom_too_many_has_a_site_of_its_own() {
        let cells = Sublattice::diagonal([2, 1, 1]).unwrap();
        let mut run = tile(&graphene(), [2, 1, 1]).unwrap();
        run.structure.positions[1] = run.structure.positions[0] + Vector3::new(0.0, 0.0, 2.0);
        let sites = Sites::find(&run, &cells, 0.5).unwrap();
        assert_eq!((sites.occupation.as_slice(), sites.n_incomplete(&cells)), (&[1, 1, 2][..], 2));
        let error = Sites::find(&run, &cells, 3.0).unwrap_err().to_string();
        assert!(error.contains("3.000 bohr is more than half of a cell"), "{error}");
    }
}
