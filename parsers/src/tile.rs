//! A run repeated along its lattice vectors.

use std::sync::Arc;

use nalgebra::Vector3;

use crate::basis::Basis;
use crate::calculation::Calculation;
use crate::error::{Error, Result};
use crate::operator::{Operator, Pair, Pairs, SpinOperator};
use crate::structure::Structure;

/// The supercell of `repeats` cells along each lattice vector: structure, S, H⁽⁰⁾, H and DM of every copy are those of the run.
/// Copies of one atom stand together, atom after atom, so that species keep their order; copy (x, y, z) of n × m × l is number
/// (x m + y) l + z. Bands are the run's, folded. k points and what only the run's own files say are left out.
///
/// # Errors
/// `Unsupported` for no repeat at all, or more than 2³² atoms.
pub fn tile(run: &Calculation, repeats: [usize; 3]) -> Result<Calculation> {
    let tiles = Tiles::new(run, repeats)?;
    let structure = tiles.structure(&run.structure);
    let basis = Basis::new(run.basis.species().to_vec(), &structure.species)?;
    let operator = |operator: &Option<SpinOperator>| operator.as_ref().map(|o| tiles.spin(o, &basis)).transpose();
    Ok(Calculation {
        overlap: run.overlap.as_ref().map(|o| tiles.operator(o, &basis)).transpose()?,
        hamiltonian: operator(&run.hamiltonian)?,
        hamiltonian0: operator(&run.hamiltonian0)?,
        density_matrix: operator(&run.density_matrix)?,
        fermi_level: run.fermi_level,
        n_electrons: run.n_electrons.map(|n| n * tiles.n_copies() as f64),
        valence_charges: run.valence_charges.clone(),
        smearing: run.smearing,
        fixed_moment: run.fixed_moment.map(|moment| moment * tiles.n_copies() as f64),
        ..Calculation::new(structure, basis.clone(), run.origin.clone())
    })
}

/// How often the cell is repeated.
struct Tiles([usize; 3]);

impl Tiles {
    fn new(run: &Calculation, repeats: [usize; 3]) -> Result<Self> {
        let n_atoms = repeats.iter().try_fold(run.structure.n_atoms(), |product, &n| product.checked_mul(n));
        match n_atoms {
            Some(n) if n > 0 && u32::try_from(n).is_ok() => Ok(Tiles(repeats)),
            _ => {
                let [x, y, z] = repeats;
                Err(Error::unsupported(format!("{x} x {y} x {z} cells of {} atoms", run.structure.n_atoms())))
            }
        }
    }

    fn n_copies(&self) -> usize {
        self.0.iter().product()
    }

    /// Cell of copy number `copy`.
    fn cell(&self, copy: usize) -> [i32; 3] {
        let [_, m, l] = self.0;
        [copy / (m * l), copy / l % m, copy % l].map(|x| x as i32)
    }

    /// Number of the copy in this cell, and the supercell that the cell lies in.
    fn copy(&self, cell: [i32; 3]) -> (usize, [i32; 3]) {
        let repeats = self.0.map(|n| n as i32);
        let [x, y, z] = [0, 1, 2].map(|axis| cell[axis].rem_euclid(repeats[axis]) as usize);
        let [_, m, l] = self.0;
        ((x * m + y) * l + z, [0, 1, 2].map(|axis| cell[axis].div_euclid(repeats[axis])))
    }

    fn structure(&self, structure: &Structure) -> Structure {
        let repeats = Vector3::from(self.0.map(|n| n as f64));
        let copies = || 0..self.n_copies();
        let at = |position: &Vector3<f64>| {
            let position = *position;
            copies().map(move |copy| position + structure.translation(self.cell(copy)))
        };
        Structure {
            lattice: nalgebra::Matrix3::from_diagonal(&repeats) * structure.lattice,
            positions: structure.positions.iter().flat_map(at).collect(),
            species: structure.species.iter().flat_map(|&species| copies().map(move |_| species)).collect(),
        }
    }

    /// Block (i, j, R) from copy `copy` of i.
    fn pair(&self, pair: &Pair, copy: usize) -> Pair {
        let cell = self.cell(copy);
        let (other, r) = self.copy([0, 1, 2].map(|axis| cell[axis] + pair.r[axis]));
        let number = |atom: u32, copy: usize| atom * self.n_copies() as u32 + copy as u32;
        Pair { i: number(pair.i, copy), j: number(pair.j, other), r }
    }

    fn operator<T: Copy>(&self, operator: &Operator<T>, basis: &Basis) -> Result<Operator<T>> {
        let blocks = operator.pairs().as_slice().iter().enumerate();
        let mut tiled: Vec<(Pair, usize)> =
            blocks.flat_map(|(k, pair)| (0..self.n_copies()).map(move |copy| (self.pair(pair, copy), k))).collect();
        tiled.sort_unstable();
        let pairs = Pairs::new(tiled.iter().map(|(pair, _)| *pair).collect(), basis)?;
        let values = tiled.iter().flat_map(|&(_, k)| operator.block(k)).copied().collect();
        Operator::new(Arc::new(pairs), values)
    }

    fn spin(&self, operator: &SpinOperator, basis: &Basis) -> Result<SpinOperator> {
        operator.try_map(|o| self.operator(o, basis), |o| self.operator(o, basis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Calculation {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/abacus/graphene");
        crate::read(folder.as_ref(), &Default::default()).unwrap()
    }

    #[test]
    fn every_copy_has_the_blocks_of_the_cell_at_the_same_distance() {
        let run = run();
        let tiled = tile(&run, [3, 2, 1]).unwrap();
        assert_eq!(tiled.structure.n_atoms(), 12);
        assert!((tiled.structure.volume() / run.structure.volume() - 6.0).abs() < 1e-12);
        let (small, large) = (run.overlap.as_ref().unwrap(), tiled.overlap.as_ref().unwrap());
        assert_eq!(large.pairs().len(), 6 * small.pairs().len());
        let tiles = Tiles([3, 2, 1]);
        for (pair, block) in small.blocks() {
            for copy in 0..6 {
                let image = tiles.pair(pair, copy);
                assert_eq!(large.get(&image), Some(block));
                let shift = tiled.structure.displacement(&image) - run.structure.displacement(pair);
                assert!(shift.norm() < 1e-12, "{pair:?} {copy}");
                assert!(large.get(&image.reversed()).is_some());
            }
        }
    }

    #[test]
    fn one_cell_is_the_run_and_none_is_refused() {
        let run = run();
        let same = tile(&run, [1, 1, 1]).unwrap();
        assert!(
            same.overlap == run.overlap && same.hamiltonian0 == run.hamiltonian0 && same.structure == run.structure
        );
        let error = tile(&run, [2, 0, 1]).unwrap_err().to_string();
        assert_eq!(error, "2 x 0 x 1 cells of 2 atoms");
    }
}
