//! An order of rows that keeps factors of sparse matrices small: nested dissection by the places of the atoms.

use faer::sparse::SymbolicSparseColMatRef;
use nalgebra::Vector3;

use super::pattern::Pattern;
use crate::parsers::Structure;

/// Parts of no more rows are not cut any further.
const SMALLEST_PART: usize = 120;

/// Rows of the matrix in the order of their elimination.
///
/// The cell is cut at a lattice plane into halves of equally many orbitals; atoms of one half that have a neighbour in the
/// other one (across the plane, or across the cell's boundary) come last, and each half before them is cut in its turn. Of the
/// three directions, the one with the fewest such atoms is taken.
pub fn nested_dissection(structure: &Structure, pattern: &Pattern) -> Vec<usize> {
    let mut dissection = Dissection::new(structure, pattern);
    dissection.order((0..pattern.n_atoms()).collect());
    let order: Vec<usize> = dissection.ordered.iter().flat_map(|&atom| pattern.rows_of(atom)).flatten().collect();
    postordered(&order, &parents(&order, pattern.symbolic()))
}

/// No row.
const NONE: usize = usize::MAX;

/// The elimination tree of the rows in this order (Liu, SIAM J. Matrix Anal. Appl. 11, 134 (1990)): the parent of each is the
/// first later row that its column of the factor has, or [`NONE`].
fn parents(order: &[usize], upper: SymbolicSparseColMatRef<'_, usize>) -> Vec<usize> {
    let earlier = earlier_rows(order, upper);
    let (mut parents, mut ancestors) = (vec![NONE; order.len()], vec![NONE; order.len()]);
    for row in 0..order.len() {
        for &start in &earlier[row] {
            let mut node = start as usize;
            while node != NONE && node != row {
                let next = std::mem::replace(&mut ancestors[node], row);
                if next == NONE {
                    parents[node] = row;
                }
                node = next;
            }
        }
    }
    parents
}

/// The earlier rows that each row shares an element with.
fn earlier_rows(order: &[usize], upper: SymbolicSparseColMatRef<'_, usize>) -> Vec<Vec<u32>> {
    let mut place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
    let mut earlier = vec![Vec::new(); order.len()];
    for column in 0..order.len() {
        for row in upper.row_idx_of_col(column) {
            let (a, b) = (place[row], place[column]);
            if a != b {
                earlier[a.max(b)].push(a.min(b) as u32);
            }
        }
    }
    earlier
}

/// The rows with every subtree in one stretch. Orbitals that do not touch (p_z and the rest of a flat layer) take turns in a
/// list of atoms, which would leave the factor without any two neighbouring columns that are alike.
fn postordered(order: &[usize], parents: &[usize]) -> Vec<usize> {
    let n = order.len();
    // First child and next sibling of each row; the roots are children of row n.
    let (mut child, mut sibling) = (vec![NONE; n + 1], vec![NONE; n]);
    for row in (0..n).rev() {
        let parent = parents[row].min(n);
        sibling[row] = std::mem::replace(&mut child[parent], row);
    }
    let (mut postordered, mut stack) = (Vec::with_capacity(n), vec![n]);
    while let Some(&row) = stack.last() {
        match std::mem::replace(&mut child[row], NONE) {
            NONE => {
                stack.pop();
                postordered.extend(order.get(row));
            }
            first => {
                child[row] = sibling[first];
                stack.push(first);
            }
        }
    }
    postordered
}

struct Dissection {
    /// Place of each atom in the cell, reduced coordinates from 0 to 1.
    places: Vec<Vector3<f64>>,
    neighbours: Vec<Vec<u32>>,
    n_rows: Vec<usize>,
    /// The half that each atom was last put into; no two halves have the same number.
    half: Vec<usize>,
    n_halves: usize,
    ordered: Vec<usize>,
}

/// A part in three: no atom of `left` has a neighbour in `right`.
struct Cut {
    left: Vec<usize>,
    right: Vec<usize>,
    separator: Vec<usize>,
    /// Rows of the separator.
    cost: usize,
}

impl Dissection {
    fn new(structure: &Structure, pattern: &Pattern) -> Self {
        let n_atoms = pattern.n_atoms();
        let mut neighbours = vec![Vec::new(); n_atoms];
        for (a, b) in pattern.neighbours() {
            neighbours[a].push(b as u32);
            neighbours[b].push(a as u32);
        }
        let place = |x: &Vector3<f64>| structure.to_reduced(x).unwrap_or(*x).map(|x| x - x.floor());
        Dissection {
            places: structure.positions.iter().map(place).collect(),
            neighbours,
            n_rows: (0..n_atoms).map(|atom| pattern.rows_of(atom).map(|rows| rows.len()).sum()).collect(),
            half: vec![0; n_atoms],
            n_halves: 0,
            ordered: Vec::with_capacity(n_atoms),
        }
    }

    fn order(&mut self, part: Vec<usize>) {
        if part.len() < 2 || self.rows(&part) <= SMALLEST_PART {
            return self.ordered.extend(part);
        }
        let cuts = [0, 1, 2].map(|axis| self.cut(&part, axis));
        match cuts.into_iter().flatten().min_by_key(|cut| cut.cost) {
            Some(cut) => {
                self.order(cut.left);
                self.order(cut.right);
                self.ordered.extend(cut.separator);
            }
            None => self.ordered.extend(part),
        }
    }

    /// `None` where the separator would be a whole half.
    fn cut(&mut self, part: &[usize], axis: usize) -> Option<Cut> {
        let mut sorted = part.to_vec();
        sorted.sort_by(|&a, &b| self.places[a][axis].total_cmp(&self.places[b][axis]));
        let right = sorted.split_off(self.middle(&sorted));
        let halves = [self.mark(&sorted), self.mark(&right)];
        let boundaries = [self.boundary(&sorted, halves[1]), self.boundary(&right, halves[0])];
        let smaller = usize::from(self.rows(&boundaries[1]) < self.rows(&boundaries[0]));
        let [left, right] = [sorted, right];
        let [mut cut_half, other] = if smaller == 0 { [left, right] } else { [right, left] };
        let separator = boundaries.into_iter().nth(smaller)?;
        self.mark(&separator);
        cut_half.retain(|&atom| self.half[atom] == halves[smaller]);
        let cost = self.rows(&separator);
        (!cut_half.is_empty()).then_some(Cut { left: cut_half, right: other, separator, cost })
    }

    /// Number of atoms of the first half of the rows.
    fn middle(&self, atoms: &[usize]) -> usize {
        let half = self.rows(atoms) / 2;
        let mut rows = 0;
        let is_first = |&&atom: &&usize| {
            rows += self.n_rows[atom];
            rows <= half
        };
        atoms.iter().take_while(is_first).count().clamp(1, atoms.len() - 1)
    }

    fn rows(&self, atoms: &[usize]) -> usize {
        atoms.iter().map(|&atom| self.n_rows[atom]).sum()
    }

    fn mark(&mut self, atoms: &[usize]) -> usize {
        self.n_halves += 1;
        atoms.iter().for_each(|&atom| self.half[atom] = self.n_halves);
        self.n_halves
    }

    fn boundary(&self, atoms: &[usize], other: usize) -> Vec<usize> {
        let touches = |atom: &usize| self.neighbours[*atom].iter().any(|&next| self.half[next as usize] == other);
        atoms.iter().copied().filter(touches).collect()
    }
}
