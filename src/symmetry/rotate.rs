//! A whole run turned, mirrored or inverted: for tests of equivariance, and to enlarge a training set of codes with grids.

use nalgebra::{DMatrix, Matrix3};

use super::wigner::WignerTables;
use crate::parsers::{Basis, Calculation, Error, Operator, Pair, Result, Species, SpinOperator};

/// The run in axes turned by the O(3) matrix `r`: positions and lattice are multiplied by `r`, blocks by the Wigner matrices of
/// their shells. Spinors are refused, since their spin would have to turn too.
///
/// # Errors
/// `Unsupported` for spinor operators.
pub fn rotated(run: &Calculation, r: &Matrix3<f64>) -> Result<Calculation> {
    let turn = OrbitalRotation::new(&run.basis, r);
    let spin = |operator: &Option<SpinOperator>| operator.as_ref().map(|o| turn.spin_operator(o)).transpose();
    let mut turned = run.clone();
    turned.structure.lattice = run.structure.lattice * r.transpose();
    turned.structure.positions = run.structure.positions.iter().map(|x| r * x).collect();
    turned.overlap = run.overlap.as_ref().map(|o| turn.operator(o));
    turned.hamiltonian = spin(&run.hamiltonian)?;
    turned.hamiltonian0 = spin(&run.hamiltonian0)?;
    turned.density_matrix = spin(&run.density_matrix)?;
    Ok(turned)
}

struct OrbitalRotation<'a> {
    basis: &'a Basis,
    /// One matrix per species.
    matrices: Vec<DMatrix<f64>>,
}

impl<'a> OrbitalRotation<'a> {
    fn new(basis: &'a Basis, r: &Matrix3<f64>) -> Self {
        let l_max = basis.species().iter().flat_map(|s| &s.shells).map(|s| s.l as usize).max().unwrap_or(0);
        let d = WignerTables::new(l_max).matrices(r);
        let of_species = |species: &Species| {
            let n = species.n_orbitals();
            let mut matrix = DMatrix::zeros(n, n);
            let mut start = 0;
            for shell in &species.shells {
                let size = shell.n_orbitals();
                let block = DMatrix::from_row_slice(size, size, d.block(shell.l as usize));
                matrix.view_mut((start, start), (size, size)).copy_from(&block);
                start += size;
            }
            matrix
        };
        OrbitalRotation { basis, matrices: basis.species().iter().map(of_species).collect() }
    }

    fn operator(&self, operator: &Operator<f64>) -> Operator<f64> {
        let mut turned = operator.clone();
        for (k, pair) in operator.pairs().as_slice().iter().enumerate() {
            self.block(pair, operator.block(k), turned.block_mut(k));
        }
        turned
    }

    fn block(&self, pair: &Pair, block: &[f64], turned: &mut [f64]) {
        let [di, dj] = [pair.i, pair.j].map(|atom| &self.matrices[self.basis.species_index(atom as usize)]);
        let block = DMatrix::from_row_slice(di.nrows(), dj.nrows(), block);
        turned.copy_from_slice((di * block * dj.transpose()).transpose().as_slice());
    }

    fn spin_operator(&self, operator: &SpinOperator) -> Result<SpinOperator> {
        Ok(match operator {
            SpinOperator::Unpolarized(o) => SpinOperator::Unpolarized(self.operator(o)),
            SpinOperator::Collinear([up, down]) => SpinOperator::Collinear([self.operator(up), self.operator(down)]),
            SpinOperator::Spinor(_) => {
                return Err(Error::unsupported("a spinor operator cannot be turned: its spin would have to turn too"));
            }
        })
    }
}
