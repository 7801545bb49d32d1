//! Densities of states on an axis of energies from moments.

use super::estimate::{Estimate, estimate};
use super::kernel::{density, jackson, states_below};
use super::moments::Moments;

/// Density of states of one group of one spin channel, at every energy of the axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// States per hartree and cell.
    pub states: Vec<Estimate>,
    /// States per cell below that energy.
    pub integrated: Vec<Estimate>,
}

impl Density {
    /// Of `group` in `channel` at `energies` (hartree), broadened by Jackson's kernel; every state counts `factor` times.
    pub fn new(moments: &[Moments], channel: usize, group: usize, energies: &[f64], factor: f64) -> Self {
        let of_channel: Vec<_> = moments.iter().filter(|part| part.channel == channel).collect();
        let kernels: Vec<_> = of_channel.iter().map(|part| jackson(part.len())).collect();
        let kernel = |part: &Moments| {
            let place = of_channel.iter().position(|other| std::ptr::eq(*other, part));
            place.map_or(&[][..], |place| &kernels[place])
        };
        let parts = || of_channel.iter().copied();
        let at = |&e: &f64| estimate(parts(), group, |part| density(kernel(part), part.scale, e)).times(factor);
        let below = |&e: &f64| estimate(parts(), group, |part| states_below(kernel(part), part.scale, e)).times(factor);
        Density { states: energies.iter().map(at).collect(), integrated: energies.iter().map(below).collect() }
    }
}
