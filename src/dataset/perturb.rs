//! Structures moved and strained at random.

use nalgebra::{Matrix3, Vector3};

use super::cells::shortest_distance;
use crate::parsers::{Error, Result, Structure};
use crate::random::Random;

/// How far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disorder {
    /// Standard deviation of each component of a displacement, bohr.
    pub displacement: f64,
    /// Standard deviation of each component of the strain; none along a vacuum.
    pub strain: f64,
    /// Least distance of two atoms that is accepted, bohr.
    pub least_distance: f64,
}

/// Structures are drawn again where two atoms come too near, so many times.
const MOST_DRAWS: usize = 200;

/// Strains the cell (symmetrically, so that nothing turns), then moves every atom.
///
/// # Errors
/// `Unsupported` where atoms come too near in every draw.
pub fn perturbed(
    structure: &Structure,
    vacuum: [bool; 3],
    disorder: &Disorder,
    random: &mut Random,
) -> Result<Structure> {
    for _ in 0..MOST_DRAWS {
        let drawn = draw(structure, vacuum, disorder, random);
        if shortest_distance(&drawn) >= disorder.least_distance {
            return Ok(drawn);
        }
    }
    let Disorder { displacement, least_distance, .. } = disorder;
    Err(Error::unsupported(format!(
        "in {MOST_DRAWS} draws with displacements of {displacement:.3} bohr two atoms were always nearer than \
         {least_distance:.3} bohr: take smaller displacements or a smaller least distance"
    )))
}

fn draw(structure: &Structure, vacuum: [bool; 3], disorder: &Disorder, random: &mut Random) -> Structure {
    let across = across(&structure.lattice, vacuum);
    let strain = across * symmetric(|| disorder.strain * random.normal()) * across;
    let deformation = Matrix3::identity() + strain;
    let mut moved = |position: &Vector3<f64>| {
        deformation * position + Vector3::from_fn(|_, _| disorder.displacement * random.normal())
    };
    Structure {
        positions: structure.positions.iter().map(&mut moved).collect(),
        lattice: structure.lattice * deformation,
        species: structure.species.clone(),
    }
}

fn symmetric(mut number: impl FnMut() -> f64) -> Matrix3<f64> {
    let [xx, yy, zz, yz, xz, xy] = [(); 6].map(|()| number());
    Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz)
}

/// Projector on what is perpendicular to the normals of the vacuum: strain there would only move the image of a layer.
fn across(lattice: &Matrix3<f64>, vacuum: [bool; 3]) -> Matrix3<f64> {
    let Some(inverse) = lattice.try_inverse() else { return Matrix3::identity() };
    let mut projector = Matrix3::identity();
    for axis in (0..3).filter(|&axis| vacuum[axis]) {
        let normal = projector * inverse.column(axis).into_owned();
        if normal.norm() > 1e-9 {
            projector -= normal * normal.transpose() / normal.norm_squared();
        }
    }
    projector
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::synthetic;

    const DISORDER: Disorder = Disorder { displacement: 0.1, strain: 0.02, least_distance: 1.0 };

    #[test]
    fn a_vacuum_is_not_strained() {
        let structure = synthetic::structure(1);
        let strained = perturbed(&structure, [false, false, true], &DISORDER, &mut Random::new(1, 1)).unwrap();
        let height = |s: &Structure| 1.0 / s.lattice.try_inverse().unwrap().column(2).norm();
        assert!((height(&strained) - height(&structure)).abs() < 1e-9);
        assert!((strained.lattice - structure.lattice).amax() > 0.01);
        let again = perturbed(&structure, [false, false, true], &DISORDER, &mut Random::new(1, 1)).unwrap();
        assert_eq!(strained, again);
    }

    #[test]
    fn displacements_have_their_size() {
        let structure = synthetic::structure(1);
        let disorder = Disorder { strain: 0.0, ..DISORDER };
        let mut random = Random::new(3, 1);
        let mut squares = Vec::new();
        for _ in 0..200 {
            let moved = perturbed(&structure, [false; 3], &disorder, &mut random).unwrap();
            squares.extend(moved.positions.iter().zip(&structure.positions).map(|(a, b)| (a - b).norm_squared() / 3.0));
        }
        let sigma = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
        assert!((sigma - 0.1).abs() < 0.005, "{sigma}");
    }

    #[test]
    fn atoms_that_always_collide_are_an_error() {
        let disorder = Disorder { least_distance: 5.0, ..DISORDER };
        let error = perturbed(&synthetic::structure(1), [false; 3], &disorder, &mut Random::new(1, 1)).unwrap_err();
        assert!(error.to_string().contains("always nearer than 5.000 bohr"), "{error}");
    }
}
