//! H(R) between orthonormal functions: what `_hr.dat` and `_tb.dat` hold.

use crate::operator::c64;

/// Half of the last digit of Wannier90's `_hr.dat`, eV. Its `_tb.dat` shows imaginary parts of 1e-8 eV in a real H.
const UNSEEN: f64 = 5e-7;

/// A lattice vector of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// In units of the lattice vectors.
    pub r: [i32; 3],
    /// So many such cells share one place on the border of the Wigner–Seitz cell of the mesh; H is divided by it.
    pub degeneracy: u32,
}

/// Elements ⟨m 0|H|n R⟩ in eV, as they stand in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct RealSpace {
    n: usize,
    cells: Vec<Cell>,
    values: Vec<c64>,
}

impl RealSpace {
    /// Of `n` functions; `values[(cell n + m) n + n']` as they stand in the file.
    pub fn new(n: usize, cells: Vec<Cell>, values: Vec<c64>) -> Self {
        debug_assert_eq!(values.len(), cells.len() * n * n);
        RealSpace { n, cells, values }
    }

    /// Number of functions.
    pub fn n_functions(&self) -> usize {
        self.n
    }

    /// Lattice vectors in the order of the file.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The file's elements of one cell: rows m, columns n.
    pub fn block(&self, cell: usize) -> &[c64] {
        let size = self.n * self.n;
        &self.values[cell * size..(cell + 1) * size]
    }

    /// An element of H(R), eV: that of the file, divided by the degeneracy.
    pub fn element(&self, cell: usize, row: usize, column: usize) -> c64 {
        self.block(cell)[row * self.n + column] / f64::from(self.cells[cell].degeneracy)
    }

    /// Is every element real, but for what the six decimals of Wannier90's `_hr.dat` do not tell from 0?
    pub fn is_real(&self) -> bool {
        self.values.iter().all(|value| value.im.abs() <= UNSEEN)
    }
}
