//! Block-cyclic distribution: which rank of a group holds which element of a matrix.

/// Rows and columns of a block, unless the matrix is small.
const BLOCK: usize = 64;

/// An n × n matrix in square blocks, dealt out to a grid of ranks like cards, along rows and along columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Order of the matrix.
    pub n: usize,
    /// Order of a block.
    pub block: usize,
    /// Rows and columns of ranks; the columns are a multiple of the rows, which ELPA's reduction by Cannon's algorithm wants.
    pub shape: [usize; 2],
    /// Row and column of this rank.
    pub place: [usize; 2],
}

impl Grid {
    /// The squarest grid of `n_ranks`, numbered row by row, and blocks so small that every rank has one.
    pub fn new(n: usize, n_ranks: usize, rank: usize) -> Grid {
        let is_shape = |rows: &usize| n_ranks.is_multiple_of(rows * rows);
        let rows = (1..=n_ranks.isqrt()).rev().find(is_shape).unwrap_or(1);
        let columns = n_ranks / rows;
        let block = (n / columns).clamp(1, BLOCK);
        Grid { n, block, shape: [rows, columns], place: [rank / columns, rank % columns] }
    }

    /// For each row (axis 0) or column (axis 1) of the matrix its index on this rank, `None` where another rank has it.
    pub fn local_indices(&self, axis: usize) -> Vec<Option<usize>> {
        let (ranks, place) = (self.shape[axis], self.place[axis]);
        let local = |global: usize| {
            let block = global / self.block;
            (block % ranks == place).then(|| block / ranks * self.block + global % self.block)
        };
        (0..self.n).map(local).collect()
    }

    /// Rows and columns that this rank holds.
    pub fn local_shape(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.local_indices(axis).iter().flatten().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_a_multiple_of_rows() {
        let shapes = [1, 2, 3, 4, 6, 8, 12, 16, 18].map(|n_ranks| Grid::new(100, n_ranks, 0).shape);
        assert_eq!(shapes, [[1, 1], [1, 2], [1, 3], [2, 2], [1, 6], [2, 4], [2, 3 * 2], [4, 4], [3, 6]]);
    }

    #[test]
    fn every_element_has_one_owner_and_every_rank_a_share() {
        for (n, n_ranks) in [(7, 4), (26, 2), (130, 8), (1000, 6), (3, 3)] {
            let mut owners = vec![0; n * n];
            for rank in 0..n_ranks {
                let grid = Grid::new(n, n_ranks, rank);
                let [rows, columns] = [0, 1].map(|axis| grid.local_indices(axis));
                for (row, local_row) in rows.iter().enumerate().filter(|(_, local)| local.is_some()) {
                    assert!(local_row.unwrap() < grid.local_shape()[0]);
                    (0..n).filter(|&column| columns[column].is_some()).for_each(|column| owners[row * n + column] += 1);
                }
                assert!(grid.local_shape().iter().all(|&count| count > 0), "{grid:?}");
            }
            assert!(owners.iter().all(|&count| count == 1), "{n} {n_ranks}");
        }
    }
}
