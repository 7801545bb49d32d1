//! `hzero rotate`.

use anyhow::{Context, ensure};
use nalgebra::{Matrix3, Rotation3, Unit, Vector3};

use super::Outcome;
use super::changed_run::Places;
use crate::parsers::Calculation;
use crate::random::Random;
use crate::symmetry::rotate::{rotated, uniform_rotation};

/// Write a run turned as a whole, in its own format: structure, S, H0, H and DM; its eigenvalues stay
///
/// Matrices turn by the Wigner matrices of their shells, spinors by SU(2) as well; collinear spins keep their axis, which without
/// spin-orbit coupling is free. k points keep their reduced coordinates. Nothing is computed anew: what the code itself would find
/// in the turned cell differs by its grid in real space.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("rotation").required(true).args(["axis", "euler", "seed"]))]
pub struct Args {
    #[command(flatten)]
    places: Places,
    /// Axis of the rotation, Cartesian
    #[arg(
        long,
        value_name = "X,Y,Z",
        value_delimiter = ',',
        num_args = 1,
        allow_hyphen_values = true,
        requires = "angle"
    )]
    axis: Option<Vec<f64>>,
    /// Angle about the axis, degrees, counter-clockwise
    #[arg(long, value_name = "DEG", allow_hyphen_values = true, requires = "axis")]
    angle: Option<f64>,
    /// Euler angles in degrees: about z by A, then about y by B, then about z by C, all axes fixed
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', num_args = 1, allow_hyphen_values = true)]
    euler: Option<Vec<f64>>,
    /// A random rotation, the same one for the same number
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let rotation = args.rotation()?;
    let (run, to) = args.places.read()?;
    let turned = Calculation { printed: Vec::new(), ..rotated(&run, &rotation) };
    args.places.write(turned, to, format!("turned by {}", text(&rotation)))?;
    Ok(Outcome::Done)
}

impl Args {
    fn rotation(&self) -> anyhow::Result<Matrix3<f64>> {
        let rotation = match (&self.axis, &self.euler, self.seed) {
            (Some(axis), ..) => about(vector(axis, "--axis")?, self.angle.context("--angle is missing")?)?,
            (None, Some(angles), _) => {
                let [a, b, c] = <[f64; 3]>::from(vector(angles, "--euler")?);
                about(Vector3::z(), c)? * about(Vector3::y(), b)? * about(Vector3::z(), a)?
            }
            (None, None, seed) => {
                let mut random = Random::new(seed.context("no rotation")?, 0);
                uniform_rotation([(); 3].map(|()| random.uniform()))
            }
        };
        ensure!(rotation.iter().all(|x| x.is_finite()), "the angle is no number");
        Ok(rotation)
    }
}

fn vector(numbers: &[f64], option: &str) -> anyhow::Result<Vector3<f64>> {
    let three = <[f64; 3]>::try_from(numbers).ok().with_context(|| format!("{option} takes three numbers x,y,z"))?;
    Ok(three.into())
}

fn about(axis: Vector3<f64>, degrees: f64) -> anyhow::Result<Matrix3<f64>> {
    let axis =
        Unit::try_new(axis, 0.0).filter(|axis| axis.norm().is_finite()).context("--axis 0,0,0 has no direction")?;
    Ok(*Rotation3::from_axis_angle(&axis, degrees.to_radians()).matrix())
}

/// Axis and angle.
fn text(rotation: &Matrix3<f64>) -> String {
    match Rotation3::from_matrix_unchecked(*rotation).axis_angle() {
        Some((axis, angle)) => {
            format!("{:.6} degrees about {:.6}, {:.6}, {:.6}", angle.to_degrees(), axis.x, axis.y, axis.z)
        }
        None => "0 degrees".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_are_those_of_the_textbook() {
        let third = about(Vector3::new(1.0, 1.0, 1.0), 120.0).unwrap();
        assert!((third * Vector3::x() - Vector3::y()).norm() < 1e-15);
        assert_eq!(text(&third), "120.000000 degrees about 0.577350, 0.577350, 0.577350");
        assert!(about(Vector3::zeros(), 90.0).is_err());
        assert!(vector(&[1.0, 2.0], "--axis").is_err());
    }
}
