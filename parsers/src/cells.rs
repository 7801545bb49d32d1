//! Atoms moved by whole lattice vectors: the crystal stays the same, but the R of every block counts from elsewhere.

use std::sync::Arc;

use nalgebra::{Matrix3, Vector3};

use crate::basis::Basis;
use crate::calculation::Calculation;
use crate::error::Result;
use crate::operator::{Operator, Pair, Pairs, SpinOperator};
use crate::structure::Structure;

/// The lattice vector that each atom moves by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moves(Vec<[i32; 3]>);

impl Moves {
    /// Into the cell, as ABACUS moves atoms on reading.
    pub fn into_cell(structure: &Structure) -> Self {
        let Some(inverse) = structure.lattice.try_inverse() else { return Moves(vec![[0; 3]; structure.n_atoms()]) };
        let back = |position: &Vector3<f64>| <[f64; 3]>::from(-cell_of(position, &inverse)).map(|x| x as i32);
        Moves(structure.positions.iter().map(back).collect())
    }

    /// From the atoms of one structure to those of another, as near as lattice vectors bring them.
    pub fn between(from: &Structure, to: &Structure) -> Self {
        let Some(inverse) = to.lattice.try_inverse() else { return Moves(vec![[0; 3]; from.n_atoms()]) };
        let nearest = |(from, to): (&Vector3<f64>, &Vector3<f64>)| {
            let reduced = inverse.tr_mul(&(to - from));
            <[f64; 3]>::from(reduced).map(|x| x.round() as i32)
        };
        Moves(from.positions.iter().zip(&to.positions).map(nearest).collect())
    }

    /// Does no atom move?
    pub fn is_none(&self) -> bool {
        self.0.iter().all(|cell| *cell == [0; 3])
    }

    /// The run with its atoms elsewhere. What only its own files say ([`Calculation::native`]) is left out, unless no atom
    /// moves.
    ///
    /// # Errors
    /// `Inconsistent` where the operators do not fit the basis.
    pub fn apply(&self, run: Calculation) -> Result<Calculation> {
        if self.is_none() {
            return Ok(run);
        }
        let spin = |o: &Option<SpinOperator>| o.as_ref().map(|o| self.spin(o, &run.basis)).transpose();
        Ok(Calculation {
            overlap: run.overlap.as_ref().map(|o| self.operator(o, &run.basis)).transpose()?,
            hamiltonian: spin(&run.hamiltonian)?,
            hamiltonian0: spin(&run.hamiltonian0)?,
            density_matrix: spin(&run.density_matrix)?,
            structure: self.structure(&run.structure),
            ..run.without_operators()
        })
    }

    /// H or DM with R that count from the new places.
    ///
    /// # Errors
    /// As [`Moves::apply`].
    pub fn spin(&self, operator: &SpinOperator, basis: &Basis) -> Result<SpinOperator> {
        operator.try_map(|o| self.operator(o, basis), |o| self.operator(o, basis))
    }

    /// The structure with its atoms elsewhere.
    pub fn structure(&self, structure: &Structure) -> Structure {
        let moved = |(position, &cell): (&Vector3<f64>, &[i32; 3])| match cell {
            [0, 0, 0] => *position,
            cell => position + structure.translation(cell),
        };
        Structure { positions: structure.positions.iter().zip(&self.0).map(moved).collect(), ..structure.clone() }
    }

    /// S with R that count from the new places.
    ///
    /// # Errors
    /// As [`Moves::apply`].
    pub fn operator<T: Copy>(&self, operator: &Operator<T>, basis: &Basis) -> Result<Operator<T>> {
        let pairs = operator.pairs().as_slice();
        let mut moved: Vec<(Pair, usize)> = pairs.iter().enumerate().map(|(k, pair)| (self.pair(pair), k)).collect();
        moved.sort_unstable();
        let values = moved.iter().flat_map(|&(_, k)| operator.block(k)).copied().collect();
        Operator::new(Arc::new(Pairs::new(moved.into_iter().map(|(pair, _)| pair).collect(), basis)?), values)
    }

    /// τ_j + R − τ_i stays what it is.
    fn pair(&self, pair: &Pair) -> Pair {
        let [i, j] = [pair.i, pair.j].map(|atom| self.0[atom as usize]);
        Pair { r: [0, 1, 2].map(|axis| pair.r[axis].saturating_add(i[axis]).saturating_sub(j[axis])), ..*pair }
    }
}

/// The cell that a position lies in: the whole parts of its reduced coordinates, rounded as ABACUS rounds them
/// (`UnitCell::check_dtau`: `fmod(x + 10000, 1)`, which decides on which side of the boundary an atom lies). `inverse` is that
/// of the lattice vectors as rows.
pub(crate) fn cell_of(position: &Vector3<f64>, inverse: &Matrix3<f64>) -> Vector3<f64> {
    inverse.tr_mul(position).map(|x| (x + 10_000.0).floor() - 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Calculation {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/openmx/silicene_f");
        crate::read(folder.as_ref(), &Default::default()).unwrap()
    }

    #[test]
    fn vectors_between_orbitals_stay_and_the_way_back_leads_home() {
        let run = run();
        let out = Moves((0..run.structure.n_atoms() as i32).map(|n| [n, -1, 2 * n]).collect());
        let away = out.apply(run.clone()).unwrap();
        let (s, t) = (run.overlap.as_ref().unwrap(), away.overlap.as_ref().unwrap());
        for (pair, block) in s.blocks() {
            let moved = out.pair(pair);
            assert_eq!(t.get(&moved), Some(block));
            assert!((away.structure.displacement(&moved) - run.structure.displacement(pair)).norm() < 1e-12);
        }
        let back = Moves::between(&away.structure, &run.structure);
        let home = back.apply(away.clone()).unwrap();
        assert!(home.overlap == run.overlap && home.hamiltonian == run.hamiltonian);
        assert!(Moves::between(&home.structure, &run.structure).is_none() && !back.is_none());
    }

    #[test]
    fn atoms_are_in_the_cell_where_abacus_has_them() {
        let mut structure = run().structure;
        let inside = Moves::into_cell(&structure).structure(&structure);
        assert!(Moves::into_cell(&inside).is_none());
        let far = structure.translation([3, -2, 1]);
        structure.positions[0] += far;
        assert!((Moves::into_cell(&structure).structure(&structure).positions[0] - inside.positions[0]).norm() < 1e-12);
    }
}
