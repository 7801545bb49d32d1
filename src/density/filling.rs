//! Which states are filled, and what follows from eigenvalues alone.

use crate::bands::fermi::{levels, smearing};
use crate::bands::occupation::{BandEdges, States, entropy_energy, occupation};
use crate::bands::spectrum::Energies;
use crate::parsers::{Calculation, Error, Smearing, SpinOperator};

/// Occupied states on a k mesh.
#[derive(Debug, Clone)]
pub struct Filling<'a> {
    energies: &'a Energies,
    /// One for all channels, or one per channel where the moment is fixed.
    levels: Vec<f64>,
    smearing: Smearing,
    electrons_per_state: f64,
    /// Σ w f.
    pub electrons: f64,
    /// Σ w f ε, hartree.
    pub band_energy: f64,
    /// −TS, hartree.
    pub entropy_energy: f64,
    /// Highest occupied and lowest empty state of an insulator.
    pub band_edges: Option<[f64; 2]>,
}

/// Weight w f and w f ε of each of the lowest states of a channel at one k; states above are empty.
#[derive(Debug, Clone, Default)]
pub struct StateWeights {
    /// w f, in electrons.
    pub filled: Vec<f64>,
    /// w f ε, hartree.
    pub energy: Vec<f64>,
}

/// Occupations below this do not count.
const EMPTY: f64 = 1e-16;

/// With smearing the states hold the electrons to 1e-10.
const MISSED: f64 = 1e-6;

impl<'a> Filling<'a> {
    /// Fills the states of `hamiltonian` with the run's electrons.
    ///
    /// # Errors
    /// `Inconsistent` where their number is unknown or the basis cannot hold them.
    pub fn new(
        run: &Calculation,
        hamiltonian: &SpinOperator,
        energies: &'a Energies,
        weights: &[f64],
    ) -> Result<Self, Error> {
        let electrons = run.n_electrons.ok_or_else(|| Error::inconsistent(UNKNOWN))?;
        let smearing = smearing(run);
        let states = States { energies, weights, electrons_per_state: hamiltonian.electrons_per_state() };
        let levels = levels(run, &states, electrons)?;
        let edges = BandEdges::around(energies, levels[0]).filter(|_| levels.len() == 1);
        let filling = Filling {
            energies,
            levels,
            smearing,
            electrons_per_state: states.electrons_per_state,
            electrons: 0.0,
            band_energy: 0.0,
            entropy_energy: 0.0,
            band_edges: edges.map(|edges| [edges.valence, edges.conduction]),
        };
        let filling = filling.summed(weights);
        if (filling.electrons - electrons).abs() > MISSED {
            let message =
                format!("integer occupations hold {} electrons instead of {electrons}: no gap", filling.electrons);
            return Err(Error::inconsistent(message));
        }
        Ok(filling)
    }

    fn summed(mut self, weights: &[f64]) -> Self {
        for (channel, by_k) in self.energies.iter().enumerate() {
            let level = self.level(channel);
            for (bands, &weight) in by_k.iter().zip(weights) {
                for energy in bands {
                    let filled = self.electrons_per_state * weight * occupation(self.smearing, energy - level);
                    self.electrons += filled;
                    self.band_energy += filled * energy;
                    self.entropy_energy +=
                        self.electrons_per_state * weight * entropy_energy(self.smearing, energy - level);
                }
            }
        }
        self
    }

    fn level(&self, channel: usize) -> f64 {
        self.levels[channel.min(self.levels.len() - 1)]
    }

    /// Fermi level, or the mean of both.
    pub fn fermi_level(&self) -> f64 {
        self.levels.iter().sum::<f64>() / self.levels.len() as f64
    }

    /// Those of up and down where the moment is fixed.
    pub fn spin_fermi_levels(&self) -> Option<[f64; 2]> {
        <[f64; 2]>::try_from(self.levels.as_slice()).ok()
    }

    /// The filled states of every channel at k point `index` of weight `weight`.
    pub fn at(&self, index: usize, weight: f64) -> Vec<StateWeights> {
        let of_channel = |(channel, by_k): (usize, &Vec<Vec<f64>>)| {
            let bands = &by_k[index];
            let level = self.level(channel);
            let f: Vec<f64> = bands.iter().map(|energy| occupation(self.smearing, energy - level)).collect();
            let n = f.iter().rposition(|f| f.abs() > EMPTY).map_or(0, |last| last + 1);
            let filled: Vec<f64> = f[..n].iter().map(|f| self.electrons_per_state * weight * f).collect();
            let energy = filled.iter().zip(bands).map(|(f, energy)| f * energy).collect();
            StateWeights { filled, energy }
        };
        self.energies.iter().enumerate().map(of_channel).collect()
    }
}

const UNKNOWN: &str = "the number of electrons is unknown: give --electrons N";
