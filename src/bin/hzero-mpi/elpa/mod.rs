//! Whole spectra of matrices that no single rank holds: each rank of a group sums up its own blocks of H(k) and S(k) from H(R) and
//! S(R), and ELPA does the rest.

mod ffi;
mod grid;

use hzero::bands::bloch::phase;
use hzero::parsers::{Basis, Error, Operator, Result, SpinOperator, c64};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

use ffi::Elpa;
use grid::Grid;

/// H(k) c = ε S(k) c of one Hamiltonian, at any k.
pub struct DistributedProblem<'a> {
    hamiltonian: &'a SpinOperator,
    overlap: &'a Operator<f64>,
    basis: &'a Basis,
    group: &'a SimpleCommunicator,
    elpa: Elpa,
    rows: Vec<Option<usize>>,
    columns: Vec<Option<usize>>,
    local: [usize; 2],
}

impl<'a> DistributedProblem<'a> {
    /// Divides matrices among the ranks of `group`, which must call this and [`DistributedProblem::energies`] together.
    ///
    /// # Errors
    /// Those of ELPA; `Unsupported` where there are more ranks than rows.
    pub fn new(
        hamiltonian: &'a SpinOperator,
        overlap: &'a Operator<f64>,
        basis: &'a Basis,
        group: &'a SimpleCommunicator,
    ) -> Result<Self> {
        let n = basis.n_orbitals() * n_components(hamiltonian);
        let (n_ranks, rank) = (group.size() as usize, group.rank() as usize);
        let grid = Grid::new(n, n_ranks, rank);
        if grid.shape[1] > n {
            let message = format!("{n_ranks} ranks are too many for matrices of order {n}");
            return Err(Error::unsupported(message));
        }
        let elpa = Elpa::new(group, &grid)?;
        let [rows, columns] = [0, 1].map(|axis| grid.local_indices(axis));
        let local = grid.local_shape();
        Ok(DistributedProblem { hamiltonian, overlap, basis, group, elpa, rows, columns, local })
    }

    /// Eigenvalues of every spin channel, on all ranks of the group.
    ///
    /// # Errors
    /// `Inconsistent` where S(k) is not positive definite, or numbers are not finite; names k.
    pub fn energies(&self, k: [f64; 3]) -> Result<Vec<Vec<f64>>> {
        let mut factor = self.inverse_factor(k)?;
        let n_channels = self.hamiltonian.n_channels();
        (0..n_channels).map(|channel| self.energies_of(channel, k, &mut factor)).collect()
    }

    fn energies_of(&self, channel: usize, k: [f64; 3], factor: &mut [c64]) -> Result<Vec<f64>> {
        let mut h = self.part(k, |part| self.add_channel(channel, part));
        self.require_finite(&h, "H", k)?;
        self.elpa.energies(&mut h, factor)
    }

    /// This rank's part of U⁻¹, where S(k) = U†U.
    fn inverse_factor(&self, k: [f64; 3]) -> Result<Vec<c64>> {
        let n = self.basis.n_orbitals();
        let mut s = self.part(k, |part| {
            (0..n_components(self.hamiltonian)).for_each(|spin| part.add(self.overlap, [spin * n; 2]));
        });
        self.require_finite(&s, "S", k)?;
        if !self.elpa.inverse_factor(&mut s)? {
            return Err(Error::inconsistent(format!("the overlap is not positive definite at k = {k:?}")));
        }
        self.clear_below_diagonal(&mut s);
        Ok(s)
    }

    fn add_channel(&self, channel: usize, part: &mut Part<'_>) {
        let n = self.basis.n_orbitals();
        match self.hamiltonian {
            SpinOperator::Unpolarized(both) => part.add(both, [0; 2]),
            SpinOperator::Collinear(spins) => part.add(&spins[channel], [0; 2]),
            SpinOperator::Spinor(components) => {
                let place = |component: usize| [n * (component / 2), n * (component % 2)];
                components.iter().enumerate().for_each(|(index, component)| part.add(component, place(index)));
            }
        }
    }

    fn part(&self, k: [f64; 3], fill: impl FnOnce(&mut Part<'_>)) -> Vec<c64> {
        let values = vec![c64::default(); self.local[0] * self.local[1]];
        let mut part =
            Part { k, basis: self.basis, rows: &self.rows, columns: &self.columns, n_rows: self.local[0], values };
        fill(&mut part);
        part.values
    }

    /// Numbers that are not finite would let ELPA's ranks wait for each other.
    fn require_finite(&self, part: &[c64], name: &str, k: [f64; 3]) -> Result<()> {
        let strange = part.iter().filter(|value| !(value.re.is_finite() && value.im.is_finite())).count() as u64;
        let mut of_all = 0u64;
        self.group.all_reduce_into(&strange, &mut of_all, SystemOperation::sum());
        match of_all {
            0 => Ok(()),
            _ => Err(Error::inconsistent(format!("{name}(k) at k = {k:?} has numbers that are not finite"))),
        }
    }

    fn clear_below_diagonal(&self, part: &mut [c64]) {
        let columns = self.columns.iter().enumerate().filter_map(|(column, local)| local.map(|local| (column, local)));
        for (column, local_column) in columns {
            let below = self.rows[column + 1..].iter().flatten();
            below.for_each(|row| part[local_column * self.local[0] + row] = c64::default());
        }
    }
}

/// 2 for spinors, whose matrices hold all up components first, then all down components.
fn n_components(hamiltonian: &SpinOperator) -> usize {
    if matches!(hamiltonian, SpinOperator::Spinor(_)) { 2 } else { 1 }
}

/// The elements of O(k) that this rank holds, column by column.
struct Part<'a> {
    k: [f64; 3],
    basis: &'a Basis,
    rows: &'a [Option<usize>],
    columns: &'a [Option<usize>],
    n_rows: usize,
    values: Vec<c64>,
}

impl Part<'_> {
    /// Adds Σ_R exp(2πi k·R) O(R), shifted by `offset` rows and columns. Of the whole matrix the upper triangle counts, and is
    /// mirrored, as [`hzero::bands::eigen::hermitian`] does.
    fn add<T: Copy + Into<c64>>(&mut self, operator: &Operator<T>, offset: [usize; 2]) {
        for (pair, block) in operator.blocks() {
            let phase = phase(self.k, pair.r);
            let columns = self.basis.orbitals_of(pair.j as usize);
            let rows = self.basis.orbitals_of(pair.i as usize);
            for (row, values) in rows.zip(block.chunks_exact(columns.len().max(1))) {
                for (column, &value) in columns.clone().zip(values) {
                    self.add_element(row + offset[0], column + offset[1], phase * value.into());
                }
            }
        }
    }

    fn add_element(&mut self, row: usize, column: usize, value: c64) {
        if row < column {
            self.add_local(row, column, value);
            self.add_local(column, row, value.conj());
        } else if row == column {
            self.add_local(row, column, value.re.into());
        }
    }

    fn add_local(&mut self, row: usize, column: usize, value: c64) {
        if let (Some(row), Some(column)) = (self.rows[row], self.columns[column]) {
            self.values[column * self.n_rows + row] += value;
        }
    }
}
