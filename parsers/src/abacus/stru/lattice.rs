//! Lattice vectors by name: the key `latname` of INPUT with `LATTICE_PARAMETERS` of STRU.

use nalgebra::Matrix3;

use crate::error::{Error, Result};

/// Lattice vectors as rows in units of the lattice constant (source: `UnitCell::read_lattice_vectors` of ABACUS, whose names
/// these are; parameters in the order b/a, c/a, cos(ab), cos(ac), cos(bc), without those that the lattice fixes).
///
/// # Errors
/// `Inconsistent` for an unknown name or too few parameters.
pub fn vectors(name: &str, parameters: &[f64]) -> Result<Matrix3<f64>> {
    let needed = n_parameters(name).ok_or_else(|| Error::inconsistent(format!("unknown latname `{name}` in INPUT")))?;
    if parameters.len() < needed {
        let found = parameters.len();
        let message = format!("latname {name} needs {needed} numbers in LATTICE_PARAMETERS, found {found}");
        return Err(Error::inconsistent(message));
    }
    Ok(rows(name, parameters))
}

fn n_parameters(name: &str) -> Option<usize> {
    Some(match name {
        "sc" | "fcc" | "bcc" => 0,
        "hexagonal" | "trigonal" | "st" | "bct" => 1,
        "so" | "baco" | "fco" | "bco" => 2,
        "sm" | "bacm" => 3,
        "triclinic" => 5,
        _ => return None,
    })
}

#[rustfmt::skip]
fn rows(name: &str, p: &[f64]) -> Matrix3<f64> {
    match name {
        "fcc" => Matrix3::new(-0.5, 0.0, 0.5, 0.0, 0.5, 0.5, -0.5, 0.5, 0.0),
        "bcc" => Matrix3::new(0.5, 0.5, 0.5, -0.5, 0.5, 0.5, -0.5, -0.5, 0.5),
        "hexagonal" => Matrix3::new(1.0, 0.0, 0.0, -0.5, 0.75_f64.sqrt(), 0.0, 0.0, 0.0, p[0]),
        "trigonal" => trigonal(p[0]),
        "st" => Matrix3::new(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, p[0]),
        "bct" => {
            let c = p[0] / 2.0;
            Matrix3::new(0.5, -0.5, c, 0.5, 0.5, c, -0.5, -0.5, c)
        }
        "so" => Matrix3::new(1.0, 0.0, 0.0, 0.0, p[0], 0.0, 0.0, 0.0, p[1]),
        "baco" => Matrix3::new(0.5, p[0] / 2.0, 0.0, -0.5, p[0] / 2.0, 0.0, 0.0, 0.0, p[1]),
        "fco" => {
            let (b, c) = (p[0] / 2.0, p[1] / 2.0);
            Matrix3::new(0.5, 0.0, c, 0.5, b, 0.0, 0.0, b, c)
        }
        "bco" => {
            let (b, c) = (p[0] / 2.0, p[1] / 2.0);
            Matrix3::new(0.5, b, c, -0.5, b, c, -0.5, -b, c)
        }
        "sm" => {
            let (b, sin) = (p[0], (1.0 - p[2] * p[2]).sqrt());
            Matrix3::new(1.0, 0.0, 0.0, b * p[2], b * sin, 0.0, 0.0, 0.0, p[1])
        }
        "bacm" => {
            let (b, c, sin) = (p[0], p[1] / 2.0, (1.0 - p[2] * p[2]).sqrt());
            Matrix3::new(0.5, 0.0, -c, b * p[2], b * sin, 0.0, 0.5, 0.0, c)
        }
        "triclinic" => triclinic(p),
        _ => Matrix3::identity(),
    }
}

/// Three vectors of length 1 with equal angles, threefold axis along z.
fn trigonal(cos: f64) -> Matrix3<f64> {
    let (t1, t2) = ((1.0 + 2.0 * cos).sqrt(), (1.0 - cos).sqrt());
    let (x, y, z) = (t2 / 2.0_f64.sqrt(), t2 / 6.0_f64.sqrt(), t1 / 3.0_f64.sqrt());
    Matrix3::new(x, -y, z, 0.0, 2.0 * y, z, -x, -y, z)
}

fn triclinic(p: &[f64]) -> Matrix3<f64> {
    let (b, c, ab, ac, bc) = (p[0], p[1], p[2], p[3], p[4]);
    let sin = (1.0 - ab * ab).sqrt();
    let volume = (1.0 + 2.0 * ab * ac * bc - ab * ab - ac * ac - bc * bc).sqrt();
    Matrix3::new(1.0, 0.0, 0.0, b * ab, b * sin, 0.0, c * ac, c * (bc - ac * ab) / sin, c * volume / sin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_those_of_the_lattices() {
        let cases: [(&str, &[f64], f64); 14] = [
            ("sc", &[], 1.0),
            ("fcc", &[], 0.25),
            ("bcc", &[], 0.5),
            ("hexagonal", &[2.0], 3.0_f64.sqrt()),
            ("trigonal", &[0.0], 1.0),
            ("st", &[2.0], 2.0),
            ("bct", &[2.0], 1.0),
            ("so", &[2.0, 3.0], 6.0),
            ("baco", &[2.0, 3.0], 3.0),
            ("fco", &[2.0, 3.0], 1.5),
            ("bco", &[2.0, 3.0], 3.0),
            ("sm", &[2.0, 3.0, 0.6], 4.8),
            ("bacm", &[2.0, 3.0, 0.6], 2.4),
            ("triclinic", &[2.0, 3.0, 0.6, 0.0, 0.0], 4.8),
        ];
        for (name, parameters, volume) in cases {
            let found = vectors(name, parameters).unwrap().determinant().abs();
            assert!((found - volume).abs() < 1e-12, "{name}: {found} instead of {volume}");
        }
    }

    #[test]
    fn parameters_are_counted() {
        let error = vectors("so", &[1.0]).unwrap_err().to_string();
        assert_eq!(error, "latname so needs 2 numbers in LATTICE_PARAMETERS, found 1");
    }
}
