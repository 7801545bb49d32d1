//! The frame of a bond: its z axis is the direction of the bond.

use nalgebra::{Matrix3, Vector3};

/// Rotation matrix whose rows are x′, y′ and z′ = d/|d|; `None` for d = 0.
///
/// The turn about the bond is arbitrary (x′ starts from the axis that is least along d); nothing that hzero predicts depends on
/// it. The frame of −d is [`reversed`].
pub fn bond_frame(d: &Vector3<f64>) -> Option<Matrix3<f64>> {
    let z = d.try_normalize(1e-8)?;
    let axis = Vector3::ith(z.iamin(), 1.0);
    let x = (axis - z * axis.dot(&z)).normalize();
    let y = z.cross(&x);
    Some(Matrix3::from_rows(&[x.transpose(), y.transpose(), z.transpose()]))
}

/// The frame of the reversed bond: half a turn about y′.
pub fn reversed(frame: &Matrix3<f64>) -> Matrix3<f64> {
    Matrix3::from_diagonal(&Vector3::new(-1.0, 1.0, -1.0)) * frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_rotations_with_the_bond_along_z() {
        for d in [Vector3::new(0.1, -2.0, 0.4), Vector3::new(0.0, 0.0, -3.0), Vector3::new(1.0, 1.0, 1.0)] {
            let frame = bond_frame(&d).unwrap();
            assert!((frame * frame.transpose() - Matrix3::identity()).norm() < 1e-15);
            assert!((frame.determinant() - 1.0).abs() < 1e-15);
            assert!((frame * d - Vector3::new(0.0, 0.0, d.norm())).norm() < 1e-15);
            assert!((reversed(&frame) * -d - Vector3::new(0.0, 0.0, d.norm())).norm() < 1e-15);
        }
        assert!(bond_frame(&Vector3::zeros()).is_none());
    }
}
