//! Mulliken populations: how much of the density sits on each orbital.

use serde::Serialize;

use crate::bands::structure::overlap;
use crate::parsers::{Basis, Calculation, Error, Operator, SpinOperator};

/// Electrons on an orbital, a shell or an atom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Population {
    /// Electrons.
    pub electrons: f64,
    /// Spin moment tr(σ ρ), μ_B; collinear ones along z.
    pub moment_mu_b: [f64; 3],
}

impl std::ops::Add for Population {
    type Output = Population;

    fn add(self, other: Population) -> Population {
        let moment_mu_b = std::array::from_fn(|axis| self.moment_mu_b[axis] + other.moment_mu_b[axis]);
        Population { electrons: self.electrons + other.electrons, moment_mu_b }
    }
}

fn sum(populations: &[Population]) -> Population {
    populations.iter().fold(Population::default(), |sum, &one| sum + one)
}

/// Populations of every orbital, in the order of the basis.
#[derive(Debug, Clone, PartialEq)]
pub struct Mulliken<'a> {
    basis: &'a Basis,
    orbitals: Vec<Population>,
}

impl<'a> Mulliken<'a> {
    /// Splits tr(DM S) by rows: `q_iμ = Σ_jνR Re DM[iμ, jν](R) S[iμ, jν](R)`.
    ///
    /// # Errors
    /// `Inconsistent` where the run has no overlap.
    pub fn new(run: &'a Calculation, density: &SpinOperator) -> Result<Self, Error> {
        let (basis, s) = (&run.basis, overlap(run)?);
        let real = |dm: &Operator<f64>| row_sums(basis, s, dm, |dm| [dm, 0.0]);
        let orbitals = match density {
            SpinOperator::Unpolarized(both) => {
                real(both).into_iter().map(|[n, _]| population([n, 0.0, 0.0, 0.0])).collect()
            }
            SpinOperator::Collinear([up, down]) => {
                let both = real(up).into_iter().zip(real(down));
                both.map(|([up, _], [down, _])| population([up + down, 0.0, 0.0, up - down])).collect()
            }
            SpinOperator::Spinor(spins) => {
                let [uu, ud, du, dd] = spins.each_ref().map(|spin| row_sums(basis, s, spin, |dm| [dm.re, dm.im]));
                let components =
                    |i: usize| [uu[i][0] + dd[i][0], ud[i][0] + du[i][0], du[i][1] - ud[i][1], uu[i][0] - dd[i][0]];
                (0..basis.n_orbitals()).map(|i| population(components(i))).collect()
            }
        };
        Ok(Mulliken { basis, orbitals })
    }

    /// Orbitals of an atom.
    pub fn orbitals_of(&self, atom: usize) -> &[Population] {
        &self.orbitals[self.basis.orbitals_of(atom)]
    }

    /// Shells of an atom, in the order of the basis.
    pub fn shells_of(&self, atom: usize) -> Vec<Population> {
        let mut rest = self.orbitals_of(atom);
        let mut next = |n: usize| {
            let (shell, after) = rest.split_at(n);
            rest = after;
            sum(shell)
        };
        self.basis.species_of(atom).shells.iter().map(|shell| next(shell.n_orbitals())).collect()
    }

    /// An atom as a whole.
    pub fn atom(&self, atom: usize) -> Population {
        sum(self.orbitals_of(atom))
    }

    /// The cell as a whole.
    pub fn total(&self) -> Population {
        sum(&self.orbitals)
    }
}

/// n, m_x, m_y, m_z.
fn population([electrons, x, y, z]: [f64; 4]) -> Population {
    Population { electrons, moment_mu_b: [x, y, z] }
}

/// Real and imaginary part of Σ_jνR DM[iμ, jν](R) S[iμ, jν](R) for every orbital.
fn row_sums<T: Copy>(
    basis: &Basis,
    s: &Operator<f64>,
    dm: &Operator<T>,
    parts: impl Fn(T) -> [f64; 2],
) -> Vec<[f64; 2]> {
    let mut sums = vec![[0.0; 2]; basis.n_orbitals()];
    for (pair, s) in s.blocks() {
        let Some(dm) = dm.get(pair) else { continue };
        let columns = basis.orbitals_of(pair.j as usize).len().max(1);
        let rows = s.chunks_exact(columns).zip(dm.chunks_exact(columns));
        for (row, (s, dm)) in basis.orbitals_of(pair.i as usize).zip(rows) {
            for (s, &dm) in s.iter().zip(dm) {
                let [re, im] = parts(dm);
                sums[row] = [sums[row][0] + re * s, sums[row][1] + im * s];
            }
        }
    }
    sums
}
