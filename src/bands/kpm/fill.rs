//! Fermi level, energies and populations of occupied states from moments.

use super::estimate::{Estimate, estimate};
use super::kernel::{integral, jackson, levels, sigma};
use super::moments::Moments;
use crate::bands::fermi::{fillings, smearing};
use crate::bands::occupation::{States, entropy_energy, occupation};
use crate::parsers::{Calculation, Error, Smearing, SpinOperator};

/// Occupied states of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Filling {
    /// Electrons of the run.
    pub electrons: f64,
    /// Fermi level, hartree; of up and down where the moment is fixed.
    pub fermi_levels: Vec<Estimate>,
    /// Σ f ε of so many electrons as the run has, hartree.
    pub band_energy: Estimate,
    /// −TS, hartree.
    pub entropy_energy: Estimate,
    /// Does the number of moments resolve the run's smearing? Else the kernel, which is wider, smears.
    pub resolves_smearing: bool,
    smearing: Smearing,
    electrons_per_state: f64,
}

/// Moments over half the width of the spectrum in units of the smearing, from which on the occupation is resolved: those of a
/// Gaussian one fall off as exp(−(m width / 2a)²), that is to 1e-4.
const RESOLVED: f64 = 6.0;

impl Filling {
    /// Fills the spectrum of `hamiltonian`, given by the moments of all of it, with the run's electrons and smearing.
    ///
    /// # Errors
    /// `Inconsistent` where the number of electrons is unknown or the basis cannot hold it.
    pub fn new(run: &Calculation, hamiltonian: &SpinOperator, moments: &[Moments]) -> Result<Self, Error> {
        let electrons = run.n_electrons.ok_or_else(|| Error::inconsistent(UNKNOWN))?;
        let smearing = smearing(run);
        let is_resolved = |part: &Moments| smearing.width() * part.len() as f64 >= RESOLVED * part.scale.half_width;
        let zero = Estimate { value: 0.0, error: 0.0 };
        let mut filling = Filling {
            electrons,
            fermi_levels: Vec::new(),
            band_energy: zero,
            entropy_energy: zero,
            resolves_smearing: moments.iter().all(is_resolved),
            smearing,
            electrons_per_state: hamiltonian.electrons_per_state(),
        };
        for (channels, electrons) in fillings(run, hamiltonian.n_channels(), electrons) {
            let part: Vec<_> = moments.iter().filter(|part| channels.contains(&part.channel)).collect();
            filling.add(&part, electrons)?;
        }
        Ok(filling)
    }

    /// Fills some channels by themselves.
    fn add(&mut self, moments: &[&Moments], electrons: f64) -> Result<(), Error> {
        let level = self.level(moments, electrons)?;
        let filled = |level: f64| self.sum(moments, 0, |e| occupation(self.smearing, e - level));
        let broadening = moments.iter().map(|part| sigma(part.len(), part.scale, level));
        let step = broadening.fold(0.5 * self.smearing.width(), f64::max);
        let slope = (filled(level + step).value - filled(level - step).value) / (2.0 * step);
        self.fermi_levels.push(Estimate { value: level, error: filled(level).error / slope.abs() });
        // At a fixed number of electrons, what their number is off by moves to the Fermi level.
        let band = self.sum(moments, 0, |e| (e - level) * occupation(self.smearing, e - level));
        let entropy = self.sum(moments, 0, |e| entropy_energy(self.smearing, e - level));
        self.band_energy = plus(self.band_energy, Estimate { value: band.value + level * electrons, ..band });
        self.entropy_energy = plus(self.entropy_energy, entropy);
        Ok(())
    }

    fn level(&self, moments: &[&Moments], electrons: f64) -> Result<f64, Error> {
        let of_part = |part: &&Moments| {
            let levels = levels(&self.kernel(part), part.scale, &part.mean(0));
            let weight = part.weight;
            levels.into_iter().map(move |(energy, states)| (vec![energy], states * weight))
        };
        let (energies, weights): (Vec<Vec<f64>>, Vec<f64>) = moments.iter().flat_map(of_part).unzip();
        let states = States { energies: &[energies], weights: &weights, electrons_per_state: self.electrons_per_state };
        states.fermi_level(electrons, self.smearing).ok_or_else(|| {
            let capacity = self.electrons_per_state * weights.iter().sum::<f64>();
            Error::inconsistent(format!("{electrons} electrons do not fit into a basis that holds {capacity:.1}"))
        })
    }

    /// Σ f over the spectrum, with both spins.
    fn sum(&self, moments: &[&Moments], group: usize, f: impl Fn(f64) -> f64) -> Estimate {
        let coefficients = |part: &Moments| integral(&self.kernel(part), part.scale, &f);
        estimate(moments.iter().copied(), group, coefficients).times(self.electrons_per_state)
    }

    fn kernel(&self, part: &Moments) -> Vec<f64> {
        if self.resolves_smearing { vec![1.0; part.len()] } else { jackson(part.len()) }
    }

    /// Fermi level, or the mean of both.
    pub fn fermi_level(&self) -> Estimate {
        let n = self.fermi_levels.len().max(1) as f64;
        let zero = Estimate { value: 0.0, error: 0.0 };
        self.fermi_levels.iter().fold(zero, |sum, level| plus(sum, level.times(1.0 / n)))
    }

    /// Electrons of each group whose `moments` these are (Mulliken), at the Fermi level of this filling.
    pub fn populations(&self, moments: &[Moments]) -> Vec<Estimate> {
        let n_groups = moments.first().map_or(0, |part| part.groups.len());
        let of_level = &|group: usize, (channel, level): (usize, &Estimate)| {
            let one = self.fermi_levels.len() == 1;
            let part: Vec<_> = moments.iter().filter(|part| one || part.channel == channel).collect();
            self.sum(&part, group, |e| occupation(self.smearing, e - level.value))
        };
        let of_group = |group| self.fermi_levels.iter().enumerate().map(move |level| of_level(group, level));
        (0..n_groups).filter_map(|group| of_group(group).reduce(plus)).collect()
    }
}

/// The sum of independent estimates.
fn plus(a: Estimate, b: Estimate) -> Estimate {
    Estimate { value: a.value + b.value, error: a.error.hypot(b.error) }
}

const UNKNOWN: &str = "the number of electrons is unknown: give --electrons N";
