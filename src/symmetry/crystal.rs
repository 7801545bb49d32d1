//! The crystal's own symmetry: which operations keep H⁽⁰⁾, and averages over them.

use std::collections::BTreeSet;

use moyo::MoyoDataset;
use moyo::base::{Cell, Lattice};
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

use super::impose::{add_difference, distance};
use super::rotate::Turn;
use super::time_reversal::time_reversed;
use crate::parsers::{Basis, Error, Pair, Result, SpinOperator, Structure};

/// Operations of a space group that map a structure to itself; closed under multiplication.
#[derive(Debug, Clone)]
pub struct SpaceGroup {
    /// Hermann–Mauguin symbol and number, as `Fd-3m (227)`.
    pub name: String,
    /// The identity and the others, translations inside the cell included.
    pub operations: Vec<Operation>,
}

/// {W|w}: the atom at f (reduced coordinates) goes to W f + w; followed by time reversal or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// W, of reduced coordinates.
    pub rotation: Matrix3<i32>,
    /// W in Cartesian axes, orthogonal to rounding.
    pub cartesian: Matrix3<f64>,
    /// Time reversal too?
    pub time_reversal: bool,
    /// Atom `i` of the home cell goes to this atom, in this cell.
    atoms: Vec<(usize, [i32; 3])>,
}

/// Structures are typed with few digits: operations that move no atom by more than this are candidates, bohr.
pub const POSITION_TOLERANCE: f64 = 1e-3;

impl SpaceGroup {
    /// All operations that moyo finds within `tolerance` (bohr). (Its tolerance is that of its search; atoms that an operation
    /// brings further than ten times that from one of their species would end it.)
    ///
    /// # Errors
    /// `Inconsistent` where no space group is found.
    pub fn of(structure: &Structure, tolerance: f64) -> Result<Self> {
        let not_found =
            |why: String| Error::inconsistent(format!("no space group found within {tolerance} bohr: {why}"));
        let reduced = structure.positions.iter().map(|x| structure.to_reduced(x)).collect::<Option<Vec<_>>>();
        let reduced = reduced.ok_or_else(|| not_found("the lattice has no volume".to_owned()))?;
        let species = structure.species.iter().map(|&s| s as i32).collect();
        let cell = Cell::new(Lattice::new(structure.lattice), reduced.clone(), species);
        let found = MoyoDataset::with_default(&cell, tolerance).map_err(|error| not_found(error.to_string()))?;
        let rotations: Vec<Matrix3<i32>> = found.operations.iter().map(|operation| operation.rotation).collect();
        let axes =
            symmetric_axes(&structure.lattice, &rotations).ok_or_else(|| not_found("skewed lattice".to_owned()))?;
        let operation = |found: &moyo::base::Operation| {
            let atoms = atoms(structure, &reduced, &found.rotation, &found.translation, 10.0 * tolerance)?;
            let cartesian = axes * found.rotation.cast::<f64>() * axes.try_inverse()?;
            Some(Operation { rotation: found.rotation, cartesian, time_reversal: false, atoms })
        };
        let operations = found.operations.iter().filter_map(operation).collect();
        Ok(SpaceGroup { name: format!("{} ({})", found.hm_symbol.replace(' ', ""), found.number), operations })
    }

    /// The part of the group, each operation alone and with time reversal, that changes no element of `operator` by more than
    /// `tolerance` (hartree). Of the H⁽⁰⁾ of a magnet this is its magnetic group: moments need not be known.
    pub fn keeping(&self, operator: &SpinOperator, basis: &Basis, tolerance: f64) -> SpaceGroup {
        let reversals: &[bool] = if operator.nspin() == 1 { &[false] } else { &[false, true] };
        let with = |time_reversal: bool| move |g: &Operation| Operation { time_reversal, ..g.clone() };
        let all: Vec<Operation> =
            reversals.iter().flat_map(|&reversal| self.operations.iter().map(with(reversal))).collect();
        let change = |g: &Operation| (distance(operator, &g.image(operator, basis)), g.clone());
        let mut kept: Vec<(f64, Operation)> = all.par_iter().map(change).collect();
        kept.retain(|(change, _)| *change <= tolerance);
        kept.sort_by(|a, b| a.0.total_cmp(&b.0));
        // A tolerance may cut through a group; the identity alone is one.
        while kept.len() < all.len() && !is_group(&kept) {
            kept.pop();
        }
        SpaceGroup { name: self.name.clone(), operations: kept.into_iter().map(|(_, g)| g).collect() }
    }

    /// The mean of the images of `operator` under all operations; invariant under each, to rounding, if its set of blocks is.
    pub fn average(&self, operator: &SpinOperator, basis: &Basis) -> SpinOperator {
        /// Images in memory at a time; the order of the sum does not depend on threads.
        const AT_A_TIME: usize = 16;
        let weight = 1.0 / self.operations.len().max(1) as f64;
        let mut mean = operator.clone();
        for some in self.operations.chunks(AT_A_TIME) {
            let images: Vec<SpinOperator> = some.par_iter().map(|operation| operation.image(operator, basis)).collect();
            images.iter().for_each(|image| add_difference(&mut mean, image, operator, weight));
        }
        mean
    }
}

impl Operation {
    /// The block that (i, j, R) is mapped to.
    pub fn pair(&self, pair: &Pair) -> Pair {
        let [(i, from), (j, to)] = [pair.i, pair.j].map(|atom| self.atoms[atom as usize]);
        let r = self.rotation * Vector3::from(pair.r);
        Pair { i: i as u32, j: j as u32, r: [0, 1, 2].map(|a| r[a] + to[a] - from[a]) }
    }

    /// The k point that k is mapped to (reduced coordinates): the eigenvalues of an operator there are those of its image at k.
    pub fn k_point(&self, k: [f64; 3]) -> [f64; 3] {
        let turned = self.reciprocal() * Vector3::from(k);
        if self.time_reversal { (-turned).into() } else { turned.into() }
    }

    /// g⁻¹ O g for the operation g, on the blocks of O: what stands at a pair of atoms is what `operator` has at the
    /// [pair](Operation::pair) that these go to, turned back. A block that is not stored counts as zero.
    pub fn image(&self, operator: &SpinOperator, basis: &Basis) -> SpinOperator {
        let pairs = operator.pairs().as_slice();
        let turn = Turn::new(basis, &self.cartesian.transpose());
        let image = turn.spin_operator(operator, |k| operator.pairs().find(&self.pair(&pairs[k])));
        if self.time_reversal { time_reversed(&image) } else { image }
    }

    /// W⁻ᵀ: k·R stays when R goes to W R and k to W⁻ᵀ k.
    fn reciprocal(&self) -> Matrix3<f64> {
        self.rotation.cast::<f64>().try_inverse().unwrap_or_else(Matrix3::identity).transpose()
    }
}

/// Lattice vectors as columns, next to those of `lattice`, with a metric that all rotations keep to rounding, so that Cartesian
/// rotations form a group: files have few digits. `None` where three vectors are no lattice.
fn symmetric_axes(lattice: &Matrix3<f64>, rotations: &[Matrix3<i32>]) -> Option<Matrix3<f64>> {
    let metric = lattice * lattice.transpose();
    let images = rotations.iter().map(|w| w.cast::<f64>()).map(|w| w.transpose() * metric * w);
    let mean = images.sum::<Matrix3<f64>>() / rotations.len() as f64;
    let shape = mean.cholesky()?.l();
    let polar = (shape.try_inverse()? * lattice).svd(true, true);
    Some((shape * polar.u? * polar.v_t?).transpose())
}

/// Where each atom goes; `None` where some atom goes to a place without one.
fn atoms(
    structure: &Structure,
    reduced: &[Vector3<f64>],
    rotation: &Matrix3<i32>,
    translation: &Vector3<f64>,
    tolerance: f64,
) -> Option<Vec<(usize, [i32; 3])>> {
    let image = |atom: usize| {
        let place = rotation.cast::<f64>() * reduced[atom] + translation;
        let alike = (0..reduced.len()).filter(|&other| structure.species[other] == structure.species[atom]);
        let at = |other: usize| {
            let shift = (place - reduced[other]).map(f64::round);
            let apart = structure.lattice.tr_mul(&(place - reduced[other] - shift)).norm();
            (apart, other, [0, 1, 2].map(|a| shift[a] as i32))
        };
        let (apart, other, shift) = alike.map(at).min_by(|a, b| a.0.total_cmp(&b.0))?;
        (apart <= tolerance).then_some((other, shift))
    };
    (0..reduced.len()).map(image).collect()
}

/// Is every product of two operations among them? A rotation and where it takes the atoms say what the translation is.
fn is_group(operations: &[(f64, Operation)]) -> bool {
    let atoms = |operation: &Operation| operation.atoms.iter().map(|(atom, _)| *atom).collect::<Vec<_>>();
    let known: BTreeSet<(Vec<i32>, Vec<usize>, bool)> =
        operations.iter().map(|(_, g)| (g.rotation.as_slice().to_vec(), atoms(g), g.time_reversal)).collect();
    let product = |a: &Operation, b: &Operation| {
        let rotation = (a.rotation * b.rotation).as_slice().to_vec();
        let atoms = b.atoms.iter().map(|(atom, _)| a.atoms[*atom].0).collect();
        (rotation, atoms, a.time_reversal != b.time_reversal)
    };
    operations.iter().all(|(_, a)| operations.iter().all(|(_, b)| known.contains(&product(a, b))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bands::spectrum::{SpectrumOptions, energies};
    use crate::parsers::basis::parse_shells;
    use crate::parsers::harmonics::real;
    use crate::parsers::{Operator, Pairs, Species};

    /// Diamond, one vector of the lattice typed with few digits, and its neighbours within 10 bohr.
    fn diamond(shells: &str) -> (Structure, Basis, Arc<Pairs>) {
        let a = 5.1;
        let lattice = Matrix3::new(0.0, a, a, a, 0.0, a, a, a + 3e-7, 0.0);
        let structure =
            Structure { lattice, positions: vec![Vector3::zeros(), Vector3::repeat(a / 2.0)], species: vec![0, 0] };
        let species = Species { label: "X".into(), z: None, shells: parse_shells(shells).unwrap(), cutoff: None };
        let basis = Basis::new(vec![species], &structure.species).unwrap();
        let cells = (0..125).map(|k| [k / 25 - 2, k / 5 % 5 - 2, k % 5 - 2]);
        let all = cells.flat_map(|r| (0..4).map(move |k| Pair { i: k / 2, j: k % 2, r }));
        let near = all.filter(|pair| structure.displacement(pair).norm() < 10.0).collect();
        let pairs = Arc::new(Pairs::new(near, &basis).unwrap());
        (structure, basis, pairs)
    }

    /// Σ over bonds of Y(d) Y(d)ᵀ exp(−d/4), the unit matrix on the site: equivariant by itself, with harmonics in closed form.
    fn of_bonds(structure: &Structure, basis: &Basis, pairs: &Arc<Pairs>) -> Operator<f64> {
        let mut operator = Operator::zeros(pairs.clone());
        for (k, pair) in pairs.as_slice().iter().enumerate() {
            let d = structure.displacement(pair);
            let n = basis.orbitals_of(0).len();
            if pair.is_onsite() {
                (0..n).for_each(|m| operator.block_mut(k)[m * n + m] = 20.0);
                continue;
            }
            let y: Vec<f64> = basis.species()[0].shells.iter().flat_map(|s| real(s.l, &d.normalize())).collect();
            let parity =
                basis.species()[0].shells.iter().flat_map(|s| vec![(-1.0f64).powi(s.l.into()); s.n_orbitals()]);
            let back: Vec<f64> = y.iter().zip(parity).map(|(y, sign)| y * sign).collect();
            let element = |place: usize| (y[place / n] * y[place % n] + back[place / n] * back[place % n]) / 2.0;
            let block = operator.block_mut(k).iter_mut().enumerate();
            block.for_each(|(place, value)| *value = element(place) * (-d.norm() / 4.0).exp());
        }
        operator
    }

    fn noise(pairs: &Arc<Pairs>) -> Operator<f64> {
        let number = |k: usize| ((k * 104_729) % 1009) as f64 / 1009.0 - 0.5;
        Operator::new(pairs.clone(), (0..pairs.n_values()).map(number).collect()).unwrap()
    }

    #[test]
    fn f_shells_of_a_crystal_are_mapped_onto_each_other() {
        let (structure, basis, pairs) = diamond("1s1p1d1f");
        let group = SpaceGroup::of(&structure, POSITION_TOLERANCE).unwrap();
        assert_eq!((group.name.as_str(), group.operations.len()), ("Fd-3m (227)", 48));
        let bonds = SpinOperator::Unpolarized(of_bonds(&structure, &basis, &pairs));
        let changes = group.operations.iter().map(|g| distance(&bonds, &g.image(&bonds, &basis)));
        // As far as the typed lattice is cubic.
        assert!(changes.fold(0.0, f64::max) < 1e-7);
    }

    #[test]
    fn the_average_of_noise_is_invariant() {
        let (structure, basis, pairs) = diamond("1s1p1d1f");
        let group = SpaceGroup::of(&structure, POSITION_TOLERANCE).unwrap();
        let mean = group.average(&SpinOperator::Unpolarized(noise(&pairs)), &basis);
        let changes = group.operations.iter().map(|g| distance(&mean, &g.image(&mean, &basis)));
        assert!(changes.fold(0.0, f64::max) < 1e-14);
        let SpinOperator::Unpolarized(mean) = mean else { panic!("spin") };
        assert!(mean.values().iter().any(|x| x.abs() > 0.1));
    }

    #[test]
    fn images_have_the_energies_of_the_turned_k_point() {
        let (structure, basis, pairs) = diamond("1s1p1d");
        let (h, s) = (noise(&pairs), of_bonds(&structure, &basis, &pairs));
        let [h, s] = [h, s].map(SpinOperator::Unpolarized);
        let bands = |h: &SpinOperator, s: &SpinOperator, k| {
            let SpinOperator::Unpolarized(s) = s else { panic!("spin") };
            energies(h, s, &basis, &[k], SpectrumOptions::default()).unwrap().remove(0).remove(0)
        };
        let h_hermitian = {
            let mut h = h.clone();
            let adjoint = crate::symmetry::hermitian::adjoint(&h, &basis);
            crate::symmetry::impose::average_with(&mut h, &adjoint, &vec![true; pairs.len()]);
            h
        };
        let k = [0.11, -0.23, 0.37];
        for g in SpaceGroup::of(&structure, POSITION_TOLERANCE).unwrap().operations {
            let there = bands(&h_hermitian, &s, g.k_point(k));
            let image = bands(&g.image(&h_hermitian, &basis), &g.image(&s, &basis), k);
            assert!(image.iter().zip(&there).all(|(a, b)| (a - b).abs() < 1e-12), "{g:?}");
        }
    }

    #[test]
    fn an_operator_without_the_symmetry_keeps_a_group() {
        let (structure, basis, pairs) = diamond("1s1p");
        let mut bonds = of_bonds(&structure, &basis, &pairs);
        // A field along z on the first atom mixes s and p_z.
        let n = 4;
        let onsite = pairs.find(&Pair::onsite(0)).unwrap();
        bonds.block_mut(onsite)[2] += 0.1;
        bonds.block_mut(onsite)[2 * n] += 0.1;
        let group = SpaceGroup::of(&structure, POSITION_TOLERANCE).unwrap();
        let kept = group.keeping(&SpinOperator::Unpolarized(bonds), &basis, 1e-3);
        assert_eq!(kept.operations.len(), 4, "2mm of the first atom alone");
        let by_change: Vec<(f64, Operation)> = kept.operations.into_iter().map(|g| (0.0, g)).collect();
        assert!(is_group(&by_change) && !is_group(&by_change[..3]));
    }

    #[test]
    fn a_structure_without_volume_or_with_atoms_at_one_place_is_an_error() {
        let (mut structure, ..) = diamond("1s");
        structure.positions[1] = structure.positions[0];
        assert!(SpaceGroup::of(&structure, POSITION_TOLERANCE).is_err());
        structure.lattice = Matrix3::zeros();
        assert!(SpaceGroup::of(&structure, POSITION_TOLERANCE).is_err());
    }
}
