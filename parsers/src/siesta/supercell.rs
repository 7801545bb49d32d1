//! The images of the cell that columns are numbered by.

use nalgebra::{Matrix3, Vector3};

use super::sparsity::Sparsity;
use crate::basis::Basis;
use crate::error::{Error, Result};
use crate::structure::Structure;

/// No real supercell has more images.
const MOST_IMAGES: usize = 1 << 20;
/// How far, in lattice vectors, a stored vector may be from a lattice vector: it has single precision.
const TOLERANCE: f64 = 1e-3;

/// SIESTA's auxiliary supercell: `nsc` cells along each axis, and the lattice vector of every image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supercell {
    /// Number of cells along each lattice vector, odd.
    pub nsc: [i32; 3],
    /// `isc_off`: the lattice vector of every image.
    pub offsets: Vec<[i32; 3]>,
}

impl Supercell {
    /// Images in the usual order: x runs fastest; along each axis 0, 1, …, −2, −1. (SIESTA 5 has another one where few atoms
    /// reach far, which only HSX and TSHS tell.)
    ///
    /// # Errors
    /// `Inconsistent` where a number is not positive, `Limit` where they make more than a million images.
    pub fn new(nsc: [i32; 3]) -> Result<Self> {
        if nsc.iter().any(|&n| n < 1) {
            return Err(Error::inconsistent(format!("an auxiliary supercell of {nsc:?} cells")));
        }
        let n_images = nsc.iter().fold(1_u64, |product, &n| product.saturating_mul(n as u64));
        if n_images > MOST_IMAGES as u64 {
            return Err(Error::limit("a number of images", n_images, MOST_IMAGES as u64));
        }
        let offset = |i: i32, n: i32| if i > (n - 1) / 2 { i - n } else { i };
        let offsets = (0..n_images as i32).map(|image| {
            let [x, y, z] = [image % nsc[0], image / nsc[0] % nsc[1], image / nsc[0] / nsc[1]];
            [offset(x, nsc[0]), offset(y, nsc[1]), offset(z, nsc[2])]
        });
        Ok(Supercell { nsc, offsets: offsets.collect() })
    }

    /// As a file lists them.
    ///
    /// # Errors
    /// `Inconsistent` where two images are the same.
    pub fn from_file(nsc: [i32; 3], offsets: Vec<[i32; 3]>) -> Result<Self> {
        let mut sorted = offsets.clone();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::inconsistent(format!("lattice vector {:?} is listed twice", pair[0]))),
            None => Ok(Supercell { nsc, offsets }),
        }
    }

    /// From the vector between the two orbitals of every element (`xij` of HSX version 0), in bohr. `n_images` is that of
    /// the file.
    ///
    /// # Errors
    /// `Inconsistent` where the vectors belong to another structure, or leave the vector of an image open.
    pub fn from_vectors(
        sparsity: &Sparsity,
        vectors: &[[f32; 3]],
        n_images: usize,
        structure: &Structure,
        basis: &Basis,
    ) -> Result<Self> {
        let offsets = observed(sparsity, vectors, structure, basis)?;
        let usual = factors(n_images).into_iter().filter_map(|nsc| Supercell::new(nsc).ok());
        if let Some(cell) = usual.into_iter().find(|cell| cell.agrees(&offsets)) {
            return Ok(cell);
        }
        let known: Vec<[i32; 3]> = offsets.into_iter().flatten().collect();
        if known.len() != n_images {
            let message = format!("only {} of {n_images} images have elements, in no usual order", known.len());
            return Err(Error::inconsistent(message));
        }
        let reach = |axis: usize| known.iter().map(|r| r[axis].abs()).max().unwrap_or_default();
        Supercell::from_file([0, 1, 2].map(|axis| 2 * reach(axis) + 1), known)
    }

    /// Home cell only?
    pub fn is_home_only(&self) -> bool {
        self.offsets.len() == 1
    }

    fn agrees(&self, observed: &[Option<[i32; 3]>]) -> bool {
        observed.iter().zip(&self.offsets).all(|(observed, offset)| observed.is_none_or(|r| r == *offset))
    }
}

/// Odd numbers whose product is `n`.
fn factors(n: usize) -> Vec<[i32; 3]> {
    let odd_divisors = |n: usize| (1..=n.min(999)).step_by(2).filter(move |d| n.is_multiple_of(*d));
    let rest = |x: usize| odd_divisors(n / x).map(move |y| [x as i32, y as i32, (n / x / y) as i32]);
    odd_divisors(n).flat_map(rest).collect()
}

/// The lattice vector of every image that has an element; all of its elements must agree.
fn observed(
    sparsity: &Sparsity,
    vectors: &[[f32; 3]],
    structure: &Structure,
    basis: &Basis,
) -> Result<Vec<Option<[i32; 3]>>> {
    let to_reduced = structure.reciprocal().ok_or_else(|| Error::inconsistent("the cell has no volume"))?;
    let atom_of: Vec<usize> = (0..basis.n_atoms()).flat_map(|i| basis.orbitals_of(i).map(move |_| i)).collect();
    let mut images: Vec<Option<[i32; 3]>> = vec![None; sparsity.n_images()];
    for row in 0..sparsity.n_rows() {
        for element in sparsity.row(row) {
            let (orbital, image) = sparsity.column(element);
            let d = structure.positions[atom_of[orbital]] - structure.positions[atom_of[row]];
            let r = lattice_vector(vectors[element], d, &to_reduced)?;
            let expected = *images[image].get_or_insert(r);
            if expected != r {
                let message = format!("image {} is the lattice vector {expected:?} and also {r:?}", image + 1);
                return Err(Error::inconsistent(message));
            }
        }
    }
    Ok(images)
}

/// R of `vector = d + R`.
fn lattice_vector(vector: [f32; 3], d: Vector3<f64>, to_reduced: &Matrix3<f64>) -> Result<[i32; 3]> {
    let reduced = to_reduced * (Vector3::from(vector.map(f64::from)) - d);
    let r = reduced.map(f64::round);
    if !((reduced - r).amax() < TOLERANCE && r.amax() < 1e6) {
        let message =
            format!("an element joins orbitals at a distance of {vector:?} bohr, which the structure does not have");
        return Err(Error::inconsistent(message));
    }
    Ok([r.x as i32, r.y as i32, r.z as i32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_in_the_order_of_siesta() {
        let cell = Supercell::new([3, 1, 5]).unwrap();
        assert_eq!(cell.offsets[..4], [[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1]]);
        assert_eq!(cell.offsets[8..11], [[-1, 0, 2], [0, 0, -2], [1, 0, -2]]);
        assert!(Supercell::new([0, 1, 1]).is_err() && Supercell::new([i32::MAX; 3]).is_err());
    }

    #[test]
    fn factors_multiply_to_the_number_of_images() {
        assert_eq!(factors(9), [[1, 1, 9], [1, 3, 3], [1, 9, 1], [3, 1, 3], [3, 3, 1], [9, 1, 1]]);
    }
}
