//! A run repeated along its lattice vectors, or in any integer supercell.

use std::sync::Arc;

use nalgebra::Matrix3;

use crate::basis::Basis;
use crate::calculation::{Calculation, KGrid};
use crate::error::{Error, Result};
use crate::operator::{Operator, Pair, Pairs, SpinOperator};
use crate::structure::Structure;
use crate::sublattice::{IntegerMatrix, Sublattice, is_diagonal};

/// The supercell of `repeats` cells along each lattice vector, as [`supercell`] makes it.
///
/// # Errors
/// As [`supercell`].
pub fn tile(run: &Calculation, repeats: [usize; 3]) -> Result<Calculation> {
    let [x, y, z] = repeats;
    let no_cell = || Error::unsupported(format!("{x} x {y} x {z} cells of {} atoms", run.structure.n_atoms()));
    let repeats = repeats.map(|n| i32::try_from(n).ok().filter(|n| *n > 0));
    let [Some(a), Some(b), Some(c)] = repeats else { return Err(no_cell()) };
    supercell(run, &[[a, 0, 0], [0, b, 0], [0, 0, c]])
}

/// The supercell with lattice vectors A' = M A: structure, S, H⁽⁰⁾, H and DM of every copy are those of the run. Copies of one
/// atom stand together in the order of [`Sublattice::cells`], atom after atom, so that species keep their order.
///
/// The bands are the run's, folded, and the k points too: those of a mesh become the points K = M k, so that occupations,
/// Fermi level and DM belong to them as to the run's. What only the run's own files say, its band path and the eigenvalues
/// that its code printed are left out.
///
/// # Errors
/// Those of [`Sublattice::new`]; `Unsupported` for more than 2³² atoms.
pub fn supercell(run: &Calculation, matrix: &IntegerMatrix) -> Result<Calculation> {
    let cells = Sublattice::new(*matrix)?;
    let n = cells.n_cells();
    if u32::try_from(n.saturating_mul(run.structure.n_atoms())).is_err() {
        return Err(Error::unsupported(format!("{n} cells of {} atoms", run.structure.n_atoms())));
    }
    let structure = structure(&run.structure, &cells);
    let basis = Basis::new(run.basis.species().to_vec(), &structure.species)?;
    let spin = |operator: &Option<SpinOperator>| operator.as_ref().map(|o| tiled_spin(o, &cells, &basis)).transpose();
    let (k_grid, k_list) = folded(run, &cells);
    Ok(Calculation {
        overlap: run.overlap.as_ref().map(|o| Images::new(o.pairs(), &cells, &basis)?.operator(o)).transpose()?,
        hamiltonian: spin(&run.hamiltonian)?,
        hamiltonian0: spin(&run.hamiltonian0)?,
        density_matrix: spin(&run.density_matrix)?,
        fermi_level: run.fermi_level,
        n_electrons: run.n_electrons.map(|electrons| electrons * n as f64),
        valence_charges: run.valence_charges.clone(),
        smearing: run.smearing,
        fixed_moment: run.fixed_moment.map(|moment| moment * n as f64),
        k_grid,
        k_list,
        ..Calculation::new(structure, basis.clone(), run.origin.clone())
    })
}

/// Lattice and atoms of a supercell, the copies of each atom together.
pub fn structure(structure: &Structure, cells: &Sublattice) -> Structure {
    let copies =
        |atom: usize| cells.cells().iter().map(move |&cell| structure.positions[atom] + structure.translation(cell));
    let n = cells.n_cells();
    let integers = Matrix3::from_fn(|row, column| f64::from(cells.matrix()[row][column]));
    Structure {
        lattice: integers * structure.lattice,
        positions: (0..structure.n_atoms()).flat_map(copies).collect(),
        species: structure.species.iter().flat_map(|&species| std::iter::repeat_n(species, n)).collect(),
    }
}

fn tiled_spin(operator: &SpinOperator, cells: &Sublattice, basis: &Basis) -> Result<SpinOperator> {
    let images = Images::new(operator.pairs(), cells, basis)?;
    operator.try_map(|o| images.operator(o), |o| images.operator(o))
}

/// The blocks of a supercell, and which block of the run each is.
struct Images {
    pairs: Arc<Pairs>,
    source: Vec<usize>,
}

impl Images {
    fn new(pairs: &Pairs, cells: &Sublattice, basis: &Basis) -> Result<Self> {
        let mut images: Vec<(Pair, usize)> = Vec::with_capacity(pairs.len() * cells.n_cells());
        for (block, pair) in pairs.as_slice().iter().enumerate() {
            images.extend((0..cells.n_cells()).map(|copy| (image(pair, copy, cells), block)));
        }
        images.sort_unstable();
        let source = images.iter().map(|&(_, block)| block).collect();
        let pairs = Pairs::new(images.into_iter().map(|(pair, _)| pair).collect(), basis)?;
        Ok(Images { pairs: Arc::new(pairs), source })
    }

    fn operator<T: Copy>(&self, operator: &Operator<T>) -> Result<Operator<T>> {
        let mut values = Vec::with_capacity(self.pairs.n_values());
        self.source.iter().for_each(|&block| values.extend_from_slice(operator.block(block)));
        Operator::new(self.pairs.clone(), values)
    }
}

/// Block (i, j, R) from copy `copy` of i.
fn image(pair: &Pair, copy: usize, cells: &Sublattice) -> Pair {
    let cell = cells.cells()[copy];
    let (other, r) = cells.locate([0, 1, 2].map(|axis| cell[axis] + pair.r[axis]));
    let number = |atom: u32, copy: usize| atom * cells.n_cells() as u32 + copy as u32;
    Pair { i: number(pair.i, copy), j: number(pair.j, other), r }
}

/// k points with weights.
type WeightedPoints = Vec<([f64; 3], f64)>;

/// The k points of the run in the supercell: a mesh where the supercell only repeats the axes (and turns none), else a list.
fn folded(run: &Calculation, cells: &Sublattice) -> (Option<KGrid>, Option<WeightedPoints>) {
    let matrix = cells.matrix();
    let repeats = [0, 1, 2].map(|axis| u32::try_from(matrix[axis][axis]).ok());
    match (&run.k_grid, &run.k_list, repeats) {
        (Some(grid), _, [Some(x), Some(y), Some(z)]) if is_diagonal(matrix) => {
            (Some(folded_grid(grid, [x, y, z])), None)
        }
        (Some(grid), ..) => (None, Some(folded_list(grid.points().into_iter().map(|k| (k, 1.0)), cells))),
        (None, Some(list), _) => (None, Some(folded_list(list.iter().copied(), cells))),
        (None, None, _) => (None, None),
    }
}

/// With g the greatest common divisor of N and n, the points n (i + s)/N modulo 1 are those (j + s n/g)/(N/g), g times each.
fn folded_grid(grid: &KGrid, repeats: [u32; 3]) -> KGrid {
    let common = [0, 1, 2].map(|axis| greatest_common_divisor(grid.divisions[axis].max(1), repeats[axis]));
    let divisions = [0, 1, 2].map(|axis| grid.divisions[axis].max(1) / common[axis]);
    let offset = |n: u32| if grid.gamma_centred { 0.0 } else { (1.0 - f64::from(n)) / 2.0 };
    let shift = [0, 1, 2].map(|axis| {
        let first = grid.shift[axis] + offset(grid.divisions[axis]);
        let shift = first * f64::from(repeats[axis] / common[axis]) - offset(divisions[axis]);
        // The points of a mesh do not change where it moves by one of them.
        shift - (shift + 1e-9).floor()
    });
    let nudge = [0, 1, 2].map(|axis| grid.nudge[axis] * f64::from(repeats[axis]));
    KGrid { divisions, shift, nudge, ..*grid }
}

/// Every point K = M k modulo 1 once, its weights added.
fn folded_list(points: impl Iterator<Item = ([f64; 3], f64)>, cells: &Sublattice) -> Vec<([f64; 3], f64)> {
    const UNITS: f64 = 1e8;
    let mut weights = std::collections::BTreeMap::<[i64; 3], ([f64; 3], f64)>::new();
    for (k, weight) in points {
        let inside = cells.k_point(k).map(|x| x - (x + 0.5 / UNITS).floor());
        weights.entry(inside.map(|x| (x * UNITS).round() as i64)).or_insert((inside, 0.0)).1 += weight;
    }
    weights.into_values().collect()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
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
        for matrix in [[[3, 0, 0], [0, 2, 0], [0, 0, 1]], [[2, 1, 0], [-1, 1, 0], [0, 0, 1]]] {
            let cells = Sublattice::new(matrix).unwrap();
            let tiled = supercell(&run, &matrix).unwrap();
            let n = cells.n_cells();
            assert_eq!(tiled.structure.n_atoms(), 2 * n);
            assert!((tiled.structure.volume() / run.structure.volume() - n as f64).abs() < 1e-12);
            let (small, large) = (run.overlap.as_ref().unwrap(), tiled.overlap.as_ref().unwrap());
            assert_eq!(large.pairs().len(), n * small.pairs().len());
            for (pair, block) in small.blocks() {
                for copy in 0..n {
                    let image = image(pair, copy, &cells);
                    assert_eq!(large.get(&image), Some(block));
                    let shift = tiled.structure.displacement(&image) - run.structure.displacement(pair);
                    assert!(shift.norm() < 1e-12, "{pair:?} {copy}");
                    assert!(large.get(&image.reversed()).is_some());
                }
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
        assert_eq!((same.k_grid, same.n_electrons), (run.k_grid, run.n_electrons));
        let error = tile(&run, [2, 0, 1]).unwrap_err().to_string();
        assert_eq!(error, "2 x 0 x 1 cells of 2 atoms");
        assert!(tile(&run, [5_000_000_000, 1, 1]).is_err());
    }

    /// Sorted, modulo 1, in units of 1e-6, with weights.
    fn points(list: impl Iterator<Item = ([f64; 3], f64)>) -> Vec<([i64; 3], f64)> {
        let mut points: Vec<_> =
            list.map(|(k, w)| (k.map(|x| ((x * 1e6).round() as i64).rem_euclid(1_000_000)), w)).collect();
        points.sort_by_key(|(k, _)| *k);
        points
    }

    #[test]
    fn turned_axes_keep_the_points_of_the_mesh() {
        let mesh = run();
        let grid = KGrid { divisions: [4, 3, 1], shift: [0.5, 0.0, 0.0], gamma_centred: true, nudge: [0.0; 3] };
        let turned =
            supercell(&Calculation { k_grid: Some(grid), ..mesh }, &[[-1, 0, 0], [0, -1, 0], [0, 0, 1]]).unwrap();
        let mirrored = grid.points().into_iter().map(|[x, y, z]| ([-x, -y, z], 1.0));
        let list =
            turned.k_list.unwrap_or_else(|| turned.k_grid.unwrap().points().into_iter().map(|k| (k, 1.0)).collect());
        assert_eq!(points(list.into_iter()), points(mirrored));
    }

    #[test]
    fn a_folded_mesh_has_the_points_of_the_mesh() {
        for (divisions, repeats, wanted) in
            [([12, 6, 1], [4, 4, 1], [3, 3, 1]), ([5, 4, 3], [2, 8, 3], [5, 1, 1]), ([6, 7, 2], [4, 7, 2], [3, 1, 1])]
        {
            for (gamma_centred, shift) in [(true, [0.0, 0.5, 0.25]), (false, [0.0; 3]), (false, [0.3, 0.0, -0.5])] {
                let grid = KGrid { divisions, shift, gamma_centred, nudge: [0.0; 3] };
                let coarse = folded_grid(&grid, repeats);
                assert_eq!(coarse.divisions, wanted);
                let cells = Sublattice::diagonal(repeats.map(|n| n as i32)).unwrap();
                let list = folded_list(grid.points().into_iter().map(|k| (k, 1.0)), &cells);
                let each = f64::from(divisions.iter().product::<u32>() / wanted.iter().product::<u32>());
                let of_mesh = points(coarse.points().into_iter().map(|k| (k, each)));
                assert_eq!(of_mesh, points(list.into_iter()), "{grid:?} {repeats:?}");
            }
        }
    }
}
