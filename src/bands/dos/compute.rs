//! From H(R) to densities of states.

use std::ops::Range;

use rayon::prelude::*;

use super::accumulate::Densities;
use super::level::Filling;
use super::regular::RegularMesh;
use super::spread::{Axis, States};
use super::{Dos, DosCurve, LevelOf, Method, Options};
use crate::bands::fermi::fillings;
use crate::bands::occupation;
use crate::bands::projection::{Groups, Weights};
use crate::bands::spectrum::{EigenProblem, Energies, energies, projected};
use crate::bands::structure::{Source, lattice, levels, overlap, zeros};
use crate::parsers::{Calculation, Error, Operator, SpinOperator};

/// Densities of states of all sources on one axis. The same bits come out whatever the number of threads.
///
/// # Errors
/// `Inconsistent` where an eigenproblem has no solution, a Fermi level is needed but electrons are unknown, or the axis would
/// have no or too many points.
pub fn compute(run: &Calculation, sources: &[Source<'_>], options: &Options) -> Result<Dos, Error> {
    let overlap = overlap(run)?;
    let solved: Vec<Solved<'_>> =
        sources.iter().map(|source| Solved::new(run, source.hamiltonian, options)).collect::<Result<_, _>>()?;
    let levels = match options.level {
        LevelOf::Run => levels(run, sources, &|h, k| energies(h, overlap, &run.basis, k, options.spectrum))?,
        LevelOf::Dos => solved.iter().map(Solved::level).collect::<Result<_, _>>()?,
    };
    let zeros = zeros(&levels, options.align)?;
    let relative = zeros.iter().all(Option::is_some);
    let zeros: Vec<f64> = zeros.into_iter().map(|zero| zero.unwrap_or(0.0)).collect();
    let window = options.window.unwrap_or_else(|| default_window(run, &solved, &zeros, relative));
    let axis = axis(window, options.step)?;
    let curve = |((source, one), (level, zero)): ((&Source<'_>, &Solved<'_>), (&Option<f64>, &f64))| {
        let densities = one.densities(&Axis { first: axis.first + zero, ..axis })?;
        Ok(DosCurve {
            name: source.name.clone(),
            role: source.role,
            fermi_level: *level,
            zero: *zero,
            total: densities.iter().map(|one| one.total.clone()).collect(),
            integrated: densities.iter().map(Densities::integrated).collect(),
            projected: options.groups.as_ref().map(|_| densities.into_iter().map(|one| one.projected).collect()),
        })
    };
    Ok(Dos {
        energies: (0..axis.n).map(|point| axis.at(point as f64)).collect(),
        groups: options.groups.as_ref().map_or(Vec::new(), |groups| groups.names.clone()),
        curves: sources.iter().zip(&solved).zip(levels.iter().zip(&zeros)).map(curve).collect::<Result<_, Error>>()?,
        relative,
        ev_per_hartree: run.origin.ev_per_hartree,
    })
}

/// From 1 eV below the lowest state within 24 eV of zero to 10 eV above it; all states where zero is no Fermi level.
fn default_window(run: &Calculation, solved: &[Solved<'_>], zeros: &[f64], relative: bool) -> [f64; 2] {
    let ev = 1.0 / run.origin.ev_per_hartree;
    let all = || solved.iter().zip(zeros).flat_map(|(one, zero)| one.all_energies().map(move |energy| energy - zero));
    let low = |bottom: f64| all().filter(|energy| *energy >= bottom).fold(0.0, f64::min);
    match relative {
        true => [low(-24.0 * ev) - ev, 10.0 * ev],
        false => [low(f64::NEG_INFINITY) - ev, all().fold(0.0, f64::max) + ev],
    }
}

/// Multiples of `step` in a window.
pub(in crate::bands) fn axis([low, high]: [f64; 2], step: f64) -> Result<Axis, Error> {
    const MOST_POINTS: f64 = 1e6;
    // An end that is a multiple of the step belongs to the axis, however it was rounded.
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    let n = last - first + 1.0;
    if !(1.0..=MOST_POINTS).contains(&n) {
        let message = format!("the axis of energies would have {n} points, where 1 to {MOST_POINTS} are possible");
        return Err(Error::inconsistent(message));
    }
    Ok(Axis { first: first * step, step, n: n as usize })
}

/// The states of one Hamiltonian on the mesh.
struct Solved<'a> {
    run: &'a Calculation,
    hamiltonian: &'a SpinOperator,
    overlap: &'a Operator<f64>,
    options: &'a Options,
    mesh: RegularMesh,
    diagonal: [i64; 3],
    energies: Energies,
    /// Weights on the groups, where they fit into memory.
    weights: Option<Weights>,
}

impl<'a> Solved<'a> {
    fn new(run: &'a Calculation, hamiltonian: &'a SpinOperator, options: &'a Options) -> Result<Self, Error> {
        let overlap = overlap(run)?;
        let mesh = RegularMesh::new(&options.grid, !matches!(hamiltonian, SpinOperator::Spinor(_)));
        let diagonal = match options.diagonal {
            Some(diagonal) => diagonal,
            None => mesh.shortest_diagonal(&lattice(run)?),
        };
        let (k, basis) = (&mesh.computed.points, &run.basis);
        let n_states = 2 * basis.n_orbitals() * k.len();
        let fits = |groups: &&Groups| n_states * groups.names.len() * size_of::<f64>() <= options.most_kept_bytes;
        let (energies, weights) = match options.groups.as_ref().filter(fits) {
            None => (energies(hamiltonian, overlap, basis, k, options.spectrum)?, None),
            Some(groups) => {
                let spectrum = projected(hamiltonian, overlap, basis, k, options.spectrum, groups)?;
                (spectrum.energies, spectrum.weights)
            }
        };
        Ok(Solved { run, hamiltonian, overlap, options, mesh, diagonal, energies, weights })
    }

    fn all_energies(&self) -> impl Iterator<Item = f64> {
        self.energies.iter().flatten().flatten().copied()
    }

    /// The level up to which the density of states holds the run's electrons, the mean of both where the moment is fixed; `None`
    /// where the electrons are unknown.
    fn level(&self) -> Result<Option<f64>, Error> {
        let Some(electrons) = self.run.n_electrons else { return Ok(None) };
        let fillings = fillings(self.run, self.energies.len(), electrons).into_iter();
        let level =
            |(channels, electrons): (Range<usize>, f64)| self.level_holding(electrons, &self.energies[channels]);
        let levels = fillings.map(level).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(levels.iter().sum::<f64>() / levels.len() as f64))
    }

    fn level_holding(&self, electrons: f64, energies: &[Vec<Vec<f64>>]) -> Result<f64, Error> {
        let electrons_per_state = self.hamiltonian.electrons_per_state();
        let level = match self.options.method {
            Method::Tetrahedra => {
                Filling::new(&self.mesh, self.diagonal, energies, electrons_per_state).level(electrons)
            }
            Method::Smearing(smearing) => {
                let weights = &self.mesh.computed.weights;
                occupation::States { energies, weights, electrons_per_state }.fermi_level(electrons, smearing)
            }
        };
        let too_many = || Error::inconsistent(format!("{electrons} electrons do not fit into the basis"));
        level.ok_or_else(too_many)
    }

    /// Sums of each spin, so many k points at a time as there are threads, in the order of the mesh.
    fn densities(&self, axis: &Axis) -> Result<Vec<Densities>, Error> {
        let n_k = self.mesh.computed.points.len();
        let n_groups = self.options.groups.as_ref().map_or(0, |groups| groups.names.len());
        let problem = EigenProblem::new(self.hamiltonian, self.overlap, &self.run.basis, n_k, self.options.spectrum);
        let states: Vec<States<'_>> = self.energies.iter().map(|spin| self.states(spin)).collect();
        let mut sums = vec![Densities::zeros(axis.n, n_groups); states.len()];
        let at_once = rayon::current_num_threads();
        for first in (0..n_k).step_by(at_once) {
            let points = (first..n_k.min(first + at_once)).into_par_iter();
            let some: Vec<_> = points.map(|k| self.at_point(&problem, &states, k, axis)).collect::<Result<_, _>>()?;
            for of_point in &some {
                sums.iter_mut().zip(of_point).for_each(|(sum, one)| sum.add(one));
            }
        }
        Ok(sums)
    }

    fn states<'b>(&'b self, energies: &'b [Vec<f64>]) -> States<'b> {
        match self.options.method {
            Method::Tetrahedra => States::interpolated(&self.mesh, self.diagonal, energies),
            Method::Smearing(smearing) => States::Smeared { smearing, energies },
        }
    }

    /// What the states of each spin at one k point add. Weights that were not kept are computed again.
    fn at_point(
        &self,
        problem: &EigenProblem<'_>,
        states: &[States<'_>],
        k: usize,
        axis: &Axis,
    ) -> Result<Vec<Densities>, Error> {
        let weight = self.mesh.computed.weights[k] * self.hamiltonian.electrons_per_state();
        let computed = match (&self.options.groups, &self.weights) {
            (Some(groups), None) => Some(problem.weighed(self.mesh.computed.points[k], groups)?.1),
            _ => None,
        };
        let weights = |spin: usize| match (&computed, &self.weights) {
            (Some(computed), _) => Some(&computed[spin][..]),
            (None, kept) => kept.as_ref().map(|kept| &kept[spin][k][..]),
        };
        let of_spin = |(spin, states)| Densities::of_point(states, k, weight, axis, weights(spin));
        Ok(states.iter().enumerate().map(of_spin).collect())
    }
}
