//! What dense diagonalization may cost: it takes the cube of the number of orbitals, where all else of a prediction is linear.

use crate::bands::mesh::KMesh;
use crate::parsers::{Calculation, SpinOperator};

/// CPU seconds for all eigenvalues of 1000 orbitals (complex, with S), about.
const SECONDS_OF_THOUSAND: f64 = 1.5;

/// Some dense diagonalizations of one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dense {
    n: usize,
    orbitals: usize,
}

impl Dense {
    /// Of these Hamiltonians at `n_points` k points each, and on the run's k mesh for their Fermi levels.
    pub fn of(run: &Calculation, hamiltonians: &[&SpinOperator], n_points: usize) -> Self {
        let of_one = |h: &&SpinOperator| h.n_channels() * (n_points + KMesh::of_run(run, h).points.len());
        let spins = if hamiltonians.iter().any(|h| h.nspin() == 4) { 2 } else { 1 };
        Dense { n: hamiltonians.iter().map(of_one).sum(), orbitals: spins * run.basis.n_orbitals() }
    }

    /// About how long they take.
    fn cpu_minutes(self) -> f64 {
        self.n as f64 * (self.orbitals as f64 / 1000.0).powi(3) * SECONDS_OF_THOUSAND / 60.0
    }

    /// Why they are not done, where they take longer than allowed.
    pub fn refused(self, minutes: f64) -> Option<String> {
        let Dense { n, orbitals } = self;
        let expected = self.cpu_minutes();
        let time = if expected < 120.0 {
            format!("{expected:.0} CPU minutes")
        } else {
            format!("{:.0} CPU hours", expected / 60.0)
        };
        (expected > minutes).then(|| {
            format!("{n} dense diagonalizations of {orbitals} orbitals take about {time} (--dense-minutes allows them)")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_cells_are_refused_in_words() {
        let of = |n, orbitals| Dense { n, orbitals }.refused(30.0);
        assert_eq!(of(200, 104), None);
        assert_eq!(of(8, 3000), None);
        let refusal =
            "8 dense diagonalizations of 20000 orbitals take about 27 CPU hours (--dense-minutes allows them)";
        assert_eq!(of(8, 20_000).unwrap(), refusal);
        assert!(of(200, 2000).unwrap().contains("about 40 CPU minutes"));
    }

    #[test]
    fn bands_count_with_their_fermi_levels() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/siesta/mos2");
        let run = crate::parsers::read(path.as_ref(), &Default::default()).unwrap();
        let h0 = run.hamiltonian0.as_ref().unwrap();
        let mesh = KMesh::of_run(&run, h0).points.len();
        let orbitals = run.basis.n_orbitals();
        assert_eq!(Dense::of(&run, &[h0, h0], 100), Dense { n: 2 * (100 + mesh), orbitals });
    }
}
