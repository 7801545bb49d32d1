//! Densities of states of a run's Hamiltonians by kernel polynomials, in the form that [`crate::bands::dos`] has.

use super::density::Density;
use super::estimate::Estimate;
use super::fill::Filling;
use super::kernel::sigma;
use super::moments::{Moments, Of, Options, Starts, of_mesh};
use crate::bands::dos::compute::axis;
use crate::bands::dos::{self, Dos, DosCurve, LevelOf};
use crate::bands::mesh::KMesh;
use crate::bands::projection::Groups;
use crate::bands::structure::{Role, Source, zeros};
use crate::parsers::{Calculation, Error, SpinOperator};

/// Densities of states, and how sure they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// Densities of states.
    pub dos: Dos,
    /// One per curve.
    pub reports: Vec<Report>,
}

/// What is known of one Hamiltonian besides its density of states.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Fewest moments of a k point and spin.
    pub n_moments: usize,
    /// Standard deviation of the kernel in the middle of the spectrum, hartree.
    pub broadening: f64,
    /// Standard errors of `total[spin][energy]`, states per hartree and cell.
    pub total_error: Vec<Vec<f64>>,
    /// Standard errors of `integrated[spin][energy]`.
    pub integrated_error: Vec<Vec<f64>>,
    /// Occupied states, where the number of electrons is known.
    pub filling: Option<Filling>,
    /// Electrons of each of the groups (Mulliken), where groups and the number of electrons are known.
    pub populations: Vec<Estimate>,
}

/// Densities of states of all sources on one axis. Of `options` those of mesh, window, groups and zero hold; states are
/// broadened by the kernel of `kpm`. Groups of chosen atoms are exact, groups that cover the whole basis are estimates.
///
/// # Errors
/// As [`of_mesh`] and [`Filling::new`]; `Inconsistent` where a Fermi level is needed but electrons are unknown, or the axis
/// would have no or too many points.
pub fn compute(
    run: &Calculation,
    sources: &[Source<'_>],
    options: &dos::Options,
    kpm: &Options,
) -> Result<Computed, Error> {
    let solved: Vec<Solved<'_>> =
        sources.iter().map(|source| Solved::new(run, source.hamiltonian, options, kpm)).collect::<Result<_, _>>()?;
    let levels: Vec<_> = solved.iter().map(|one| one.filling.as_ref().map(|f| f.fermi_level().value)).collect();
    let levels = match (sources, options.level, run.fermi_level) {
        ([only], LevelOf::Run, Some(level)) if only.role == Role::Scf => vec![Some(level)],
        _ => levels,
    };
    let zeros = zeros(&levels, options.align)?;
    let relative = zeros.iter().all(Option::is_some);
    let zeros: Vec<f64> = zeros.into_iter().map(|zero| zero.unwrap_or(0.0)).collect();
    let window = options.window.unwrap_or_else(|| default_window(run, &solved, &zeros, relative));
    let axis = axis(window, options.step)?;
    let energies: Vec<f64> = (0..axis.n).map(|point| axis.at(point as f64)).collect();
    let curves = sources.iter().zip(&solved).zip(levels.iter().zip(&zeros));
    let (curves, reports) = curves
        .map(|((source, one), (&level, &zero))| {
            let absolute: Vec<f64> = energies.iter().map(|energy| energy + zero).collect();
            one.curve(source, level, zero, &absolute)
        })
        .unzip();
    let groups = options.groups.as_ref().map_or(Vec::new(), |groups| groups.names.clone());
    let dos = Dos { energies, groups, curves, relative, ev_per_hartree: run.origin.ev_per_hartree };
    Ok(Computed { dos, reports })
}

/// From 25 eV below zero, or the lowest state above that, to 10 eV; the whole spectrum where zero is no Fermi level.
fn default_window(run: &Calculation, solved: &[Solved<'_>], zeros: &[f64], relative: bool) -> [f64; 2] {
    let ev = 1.0 / run.origin.ev_per_hartree;
    let ends = solved
        .iter()
        .zip(zeros)
        .flat_map(|(one, zero)| one.total.iter().map(move |part| [-1.0, 1.0].map(|x| part.scale.energy(x) - zero)));
    let [low, high] = ends.fold([0.0_f64; 2], |[low, high], end| [low.min(end[0]), high.max(end[1])]);
    if relative { [low.max(-25.0 * ev), 10.0 * ev] } else { [low, high] }
}

/// The moments of one Hamiltonian.
struct Solved<'a> {
    hamiltonian: &'a SpinOperator,
    total: Vec<Moments>,
    projected: Option<Projected<'a>>,
    filling: Option<Filling>,
}

/// Moments of groups.
struct Projected<'a> {
    groups: &'a Groups,
    moments: Vec<Moments>,
}

impl<'a> Solved<'a> {
    fn new(
        run: &Calculation,
        hamiltonian: &'a SpinOperator,
        options: &'a dos::Options,
        kpm: &Options,
    ) -> Result<Self, Error> {
        let mesh = KMesh::new(&options.grid, !matches!(hamiltonian, SpinOperator::Spinor(_)));
        let total = of_mesh(run, hamiltonian, &mesh, Of::Total, kpm)?;
        let filling = run.n_electrons.map(|_| Filling::new(run, hamiltonian, &total)).transpose()?;
        let projected = options.groups.as_ref().map(|groups| {
            let chosen = |&group: &usize| Some(group).filter(|group| Some(*group) != groups.others());
            let of_orbital: Vec<_> = groups.of_orbital.iter().map(chosen).collect();
            let starts = if groups.others().is_some() { Starts::All } else { kpm.starts };
            let of = Of::Groups { of_orbital: &of_orbital, n: groups.names.len() };
            of_mesh(run, hamiltonian, &mesh, of, &Options { starts, ..*kpm })
                .map(|moments| Projected { groups, moments })
        });
        Ok(Solved { hamiltonian, total, projected: projected.transpose()?, filling })
    }

    fn curve(&self, source: &Source<'_>, level: Option<f64>, zero: f64, energies: &[f64]) -> (DosCurve, Report) {
        let factor = self.hamiltonian.electrons_per_state();
        let channels = 0..self.hamiltonian.n_channels();
        let totals: Vec<_> =
            channels.clone().map(|channel| Density::new(&self.total, channel, 0, energies, factor)).collect();
        let values = |of: &Vec<Estimate>| of.iter().map(|one| one.value).collect::<Vec<f64>>();
        let errors = |of: &Vec<Estimate>| of.iter().map(|one| one.error).collect::<Vec<f64>>();
        let project = |projected: &Projected<'_>| {
            let of_channel = |(channel, total): (usize, &Density)| {
                projected.densities(channel, energies, factor, values(&total.states))
            };
            totals.iter().enumerate().map(of_channel).collect()
        };
        let curve = DosCurve {
            name: source.name.clone(),
            role: source.role,
            fermi_level: level,
            zero,
            total: totals.iter().map(|one| values(&one.states)).collect(),
            integrated: totals.iter().map(|one| values(&one.integrated)).collect(),
            projected: self.projected.as_ref().map(project),
        };
        let populations = self.projected.as_ref().zip(self.filling.as_ref());
        let widths = self.total.iter().map(|part| sigma(part.len(), part.scale, part.scale.centre));
        let report = Report {
            n_moments: self.total.iter().map(Moments::len).min().unwrap_or(0),
            broadening: widths.fold(0.0, f64::max),
            total_error: totals.iter().map(|one| errors(&one.states)).collect(),
            integrated_error: totals.iter().map(|one| errors(&one.integrated)).collect(),
            filling: self.filling.clone(),
            populations: populations.map_or(Vec::new(), |(of, filling)| of.populations(filling)),
        };
        (curve, report)
    }
}

impl Projected<'_> {
    /// Electrons of each group; what is not in a chosen group is the rest of all.
    fn populations(&self, filling: &Filling) -> Vec<Estimate> {
        let mut populations = filling.populations(&self.moments);
        if let Some(others) = self.groups.others() {
            let chosen: f64 = populations.iter().map(|group| group.value).sum();
            // What is off in the chosen groups is off here, and it is the same level that is off in all of them.
            let error = populations.iter().map(|group| group.error).sum();
            populations[others] = Estimate { value: filling.electrons - chosen, error };
        }
        populations
    }

    /// `[group][energy]`; what is not in a chosen group is the rest of `total`.
    fn densities(&self, channel: usize, energies: &[f64], factor: f64, total: Vec<f64>) -> Vec<Vec<f64>> {
        let of_group = |group| {
            let density = Density::new(&self.moments, channel, group, energies, factor);
            density.states.iter().map(|one| one.value).collect::<Vec<f64>>()
        };
        let mut groups: Vec<Vec<f64>> = (0..self.groups.names.len()).map(of_group).collect();
        if let Some(others) = self.groups.others() {
            let chosen = |point: usize| groups.iter().map(|group| group[point]).sum::<f64>();
            groups[others] = (0..total.len()).map(|point| total[point] - chosen(point)).collect();
        }
        groups
    }
}
