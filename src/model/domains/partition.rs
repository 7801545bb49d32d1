//! Which atoms belong to which domain.

use nalgebra::Vector3;

use crate::parsers::{Error, Result, Structure};

/// Divides the atoms into `n` domains of equal size (up to one atom per cut), each list ascending: the cell is halved across its
/// longest extent, again and again.
///
/// # Errors
/// `Unsupported` where there are fewer atoms than domains, or the lattice is singular.
pub fn partition(structure: &Structure, n: usize) -> Result<Vec<Vec<usize>>> {
    let n_atoms = structure.n_atoms();
    if n == 0 || n > n_atoms {
        return Err(Error::unsupported(format!("{n} domains of {n_atoms} atoms")));
    }
    let reciprocal = structure.reciprocal().ok_or_else(|| Error::unsupported("a lattice without volume"))?;
    let reduced: Vec<Vector3<f64>> = structure.positions.iter().map(|r| reciprocal * r).collect();
    let lengths = [0, 1, 2].map(|axis| structure.lattice.row(axis).norm());
    Ok(halved(&Places { reduced, lengths }, (0..n_atoms).collect(), n))
}

/// Where the atoms are.
struct Places {
    /// Reduced coordinates, moved into the cell.
    reduced: Vec<Vector3<f64>>,
    /// Of the lattice vectors, bohr.
    lengths: [f64; 3],
}

impl Places {
    fn along(&self, atom: usize, axis: usize) -> f64 {
        self.reduced[atom][axis].rem_euclid(1.0)
    }

    /// The axis along which these atoms reach farthest.
    fn longest(&self, atoms: &[usize]) -> usize {
        let extent = |axis: usize| {
            let (low, high) = atoms.iter().fold((f64::MAX, f64::MIN), |(low, high), &atom| {
                let x = self.along(atom, axis);
                (low.min(x), high.max(x))
            });
            (high - low) * self.lengths[axis]
        };
        (0..3).max_by(|&a, &b| extent(a).total_cmp(&extent(b))).unwrap_or(0)
    }
}

fn halved(places: &Places, mut atoms: Vec<usize>, n: usize) -> Vec<Vec<usize>> {
    if n == 1 {
        atoms.sort_unstable();
        return vec![atoms];
    }
    let axis = places.longest(&atoms);
    atoms.sort_by(|&a, &b| places.along(a, axis).total_cmp(&places.along(b, axis)).then(a.cmp(&b)));
    let first = n / 2;
    let rest = atoms.split_off(atoms.len() * first / n);
    let mut domains = halved(places, atoms, first);
    domains.extend(halved(places, rest, n - first));
    domains
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::synthetic;

    #[test]
    fn every_atom_has_one_domain_of_about_equal_size() {
        let mut structure = synthetic::structure(1);
        let sites = structure.positions.clone();
        for cell in 1..7 {
            structure.positions.extend(sites.iter().map(|site| site + Vector3::new(0.0, 0.0, 6.0 * f64::from(cell))));
        }
        structure.lattice.row_mut(2).scale_mut(7.0);
        for n in [1, 2, 3, 4, 7, 35] {
            let domains = partition(&structure, n).unwrap();
            let mut all = domains.concat();
            all.sort_unstable();
            assert_eq!(all, (0..35).collect::<Vec<_>>());
            let sizes = || domains.iter().map(Vec::len);
            assert!(domains.len() == n && sizes().max().unwrap() - sizes().min().unwrap() <= 2, "{domains:?}");
        }
        let low = |domain: &[usize]| domain.iter().all(|&atom| structure.positions[atom].z < 22.0);
        assert!(low(&partition(&structure, 2).unwrap()[0]), "the longest direction is cut first");
        assert_eq!(partition(&structure, 36).unwrap_err().to_string(), "36 domains of 35 atoms");
    }
}
