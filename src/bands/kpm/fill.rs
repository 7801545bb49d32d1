//! Fermi level, energies and populations of occupied states from moments.
//!
//! Errors have two parts: the spread of the random vectors, and, where the kernel smears occupations instead of the run's own
//! smearing, what that changes.

use super::estimate::{Estimate, estimate};
use super::kernel::{integral, jackson, levels};
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
    /// What half of the moments give, where the kernel smears.
    of_half: Option<Box<Filling>>,
    /// Of all moments those up to 1/`part` are taken.
    part: usize,
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
        let filling = Filling::of_part(run, hamiltonian, moments, 1)?;
        if filling.resolves_smearing {
            return Ok(filling);
        }
        let half = Filling::of_part(run, hamiltonian, moments, 2)?;
        let levels = filling.fermi_levels.iter().zip(&half.fermi_levels).map(|(&level, &half)| smeared(level, half));
        Ok(Filling {
            fermi_levels: levels.collect(),
            band_energy: smeared(filling.band_energy, half.band_energy),
            entropy_energy: smeared(filling.entropy_energy, half.entropy_energy),
            of_half: Some(Box::new(half)),
            ..filling
        })
    }

    fn of_part(run: &Calculation, hamiltonian: &SpinOperator, moments: &[Moments], part: usize) -> Result<Self, Error> {
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
            of_half: None,
            part,
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
        // At a fixed number of electrons, what their number is off by moves to the Fermi level.
        let band = self.sum(moments, 0, |e| (e - level.value) * occupation(self.smearing, e - level.value));
        let entropy = at_level(level, |level| self.sum(moments, 0, |e| entropy_energy(self.smearing, e - level)));
        let energy = Estimate { value: band.value + level.value * electrons, ..band };
        self.fermi_levels.push(level);
        self.band_energy = plus(self.band_energy, energy);
        self.entropy_energy = plus(self.entropy_energy, entropy);
        Ok(())
    }

    /// The level that holds so many electrons. Next to a gap, or to few states, it is no linear function of their number: its
    /// error is the farthest that one error of the number moves it, or half of what two of them do, or a third of three.
    fn level(&self, moments: &[&Moments], electrons: f64) -> Result<Estimate, Error> {
        let (energies, weights) = self.nodes(moments);
        let states = States { energies: &[energies], weights: &weights, electrons_per_state: self.electrons_per_state };
        let Some(value) = states.fermi_level(electrons, self.smearing) else {
            let capacity = self.electrons_per_state * weights.iter().sum::<f64>();
            let text = format!("{electrons} electrons do not fit into a basis that holds {capacity:.1}");
            return Err(Error::inconsistent(text));
        };
        let missed = self.sum(moments, 0, |e| occupation(self.smearing, e - value)).error;
        let widest = moments.iter().map(|part| 2.0 * part.scale.half_width).fold(0.0, f64::max);
        let moved = |times: f64| {
            let moved = states.fermi_level(electrons + times * missed, self.smearing);
            moved.map_or(widest, |moved| (moved - value).abs()) / times.abs()
        };
        let farthest = || [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0].map(moved).into_iter().fold(0.0, f64::max);
        Ok(Estimate { value, error: if missed > 0.0 { farthest() } else { 0.0 } })
    }

    /// Energies, each as the only band of a k point, and weights, the sums over which are those over the spectrum.
    fn nodes(&self, moments: &[&Moments]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let of_part = |part: &&Moments| {
            let levels = levels(&self.kernel(part), part.scale, &part.mean(0));
            let weight = part.weight;
            levels.into_iter().map(move |(energy, states)| (vec![energy], states * weight))
        };
        moments.iter().flat_map(of_part).unzip()
    }

    /// Σ f over the spectrum, with both spins.
    fn sum(&self, moments: &[&Moments], group: usize, f: impl Fn(f64) -> f64) -> Estimate {
        let coefficients = |part: &Moments| integral(&self.kernel(part), part.scale, &f);
        estimate(moments.iter().copied(), group, coefficients).times(self.electrons_per_state)
    }

    fn kernel(&self, part: &Moments) -> Vec<f64> {
        if self.resolves_smearing { vec![1.0; part.len()] } else { jackson(part.len().div_ceil(self.part)) }
    }

    /// Fermi level, or the mean of both.
    pub fn fermi_level(&self) -> Estimate {
        let n = self.fermi_levels.len().max(1) as f64;
        let zero = Estimate { value: 0.0, error: 0.0 };
        self.fermi_levels.iter().fold(zero, |sum, level| plus(sum, level.times(1.0 / n)))
    }

    /// Electrons of each group whose `moments` these are (Mulliken), at the Fermi level of this filling, the error of which
    /// counts.
    pub fn populations(&self, moments: &[Moments]) -> Vec<Estimate> {
        let n_groups = moments.first().map_or(0, |part| part.groups.len());
        let of_level = &|group: usize, (channel, &level): (usize, &Estimate)| {
            let one = self.fermi_levels.len() == 1;
            let part: Vec<_> = moments.iter().filter(|part| one || part.channel == channel).collect();
            at_level(level, |level| self.sum(&part, group, |e| occupation(self.smearing, e - level)))
        };
        let of_group = |group| self.fermi_levels.iter().enumerate().map(move |level| of_level(group, level));
        let populations = (0..n_groups).filter_map(|group| of_group(group).reduce(plus));
        match &self.of_half {
            Some(half) => populations.zip(half.populations(moments)).map(|(all, half)| smeared(all, half)).collect(),
            None => populations.collect(),
        }
    }
}

/// The sum of independent estimates.
fn plus(a: Estimate, b: Estimate) -> Estimate {
    Estimate { value: a.value + b.value, error: a.error.hypot(b.error) }
}

/// A function of the level, with what it changes within the level's error.
fn at_level(level: Estimate, f: impl Fn(f64) -> Estimate) -> Estimate {
    let here = f(level.value);
    if level.error == 0.0 {
        return here;
    }
    let changes = [-1.0, 1.0].map(|sign| (f(level.value + sign * level.error).value - here.value).abs());
    Estimate { error: here.error.hypot(changes[0].max(changes[1])), ..here }
}

/// With what the kernel changes: not more than it does with half of the moments, where it is twice as wide.
fn smeared(all: Estimate, half: Estimate) -> Estimate {
    Estimate { error: all.error.hypot(all.value - half.value), ..all }
}

const UNKNOWN: &str = "the number of electrons is unknown: give --electrons N";
