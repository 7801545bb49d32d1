//! The Fermi level of a large cell: out of the states near it, and the numbers of those below.

use super::nearest::Window;
use super::problem::{SparseProblem, Windows, WindowsAt};
use crate::bands::fermi::{computed_level, fillings, smearing};
use crate::bands::mesh::KMesh;
use crate::bands::occupation::States;
use crate::bands::spectrum::{Energies, SpectrumOptions};
use crate::parsers::{Calculation, Error, Smearing};

/// States of the first window that is tried.
const FIRST: usize = 32;

/// Windows that are tried.
const TRIALS: usize = 60;

/// As [`computed_level`] of the Hamiltonian of `problem`, by windows that `windows_at` finds.
///
/// # Errors
/// As [`computed_level`] and [`SparseProblem::windows`].
pub fn level(run: &Calculation, problem: &SparseProblem<'_>, windows_at: WindowsAt<'_>) -> Result<Option<f64>, Error> {
    let hamiltonian = problem.hamiltonian();
    if problem.is_small() {
        return computed_level(run, hamiltonian, SpectrumOptions::default());
    }
    let Some(electrons) = run.n_electrons.filter(|_| run.overlap.is_some()) else { return Ok(None) };
    let mesh = KMesh::of_run(run, hamiltonian);
    let electrons_per_state = hamiltonian.electrons_per_state();
    let capacity = electrons_per_state * (problem.bloch().size() * hamiltonian.n_channels()) as f64;
    if !(0.0..=capacity).contains(&electrons) {
        return Err(Error::inconsistent(format!(
            "{electrons} electrons do not fit into a basis that holds {capacity}"
        )));
    }
    let fillings = fillings(run, hamiltonian.n_channels(), electrons);
    let electrons = fillings.into_iter().map(|(_, electrons)| electrons).collect();
    let search = Search { problem, mesh, electrons, electrons_per_state, smearing: smearing(run), windows_at };
    let filled: f64 = search.electrons.iter().sum::<f64>() / (electrons_per_state * hamiltonian.n_channels() as f64);
    let guess = run.fermi_level.unwrap_or_else(|| problem.bloch().orbital_energy(filled as usize));
    search.level(guess).map(Some)
}

struct Search<'a> {
    problem: &'a SparseProblem<'a>,
    mesh: KMesh,
    /// Of all channels together, or of each where the moment is fixed.
    electrons: Vec<f64>,
    electrons_per_state: f64,
    smearing: Smearing,
    windows_at: WindowsAt<'a>,
}

/// Electrons that are too few to tell in which direction the level lies.
const LEAST: f64 = 1e-3;

/// What windows tell of the level.
enum Found {
    /// It is known, and depends on no state outside.
    Level(f64),
    /// All of this interval must be known.
    Needs([f64; 2]),
    /// So many electrons are still to be placed when all states of the windows are filled (negative: when all are empty).
    Outside(f64),
}

impl Search<'_> {
    /// Windows at one k point find the region, then windows at all of them the level.
    fn level(&self, guess: f64) -> Result<f64, Error> {
        let one = KMesh { points: self.mesh.points[..1].to_vec(), weights: vec![1.0] };
        let (centre, n_states) = self.search(&one, guess, FIRST, false)?;
        let (level, _) = self.search(&self.mesh, centre, n_states, true)?;
        Ok(level)
    }

    /// The level of the mesh; where it need not be `exact`, any energy in its vicinity. Also the number of states of the window.
    fn search(&self, mesh: &KMesh, guess: f64, first: usize, exact: bool) -> Result<(f64, usize), Error> {
        let (mut centre, mut n_states) = (guess, first);
        let mut bracket = [f64::NEG_INFINITY, f64::INFINITY];
        let n_all = self.problem.bloch().size();
        for _ in 0..TRIALS {
            let windows = (self.windows_at)(self.problem, &mesh.points, centre, n_states.min(n_all))?;
            let radius = smallest_radius(&windows);
            match self.assess(mesh, &windows, centre) {
                Found::Level(level) => return Ok((level, n_states)),
                Found::Needs([low, high]) if !exact => return Ok((0.5 * (low + high), n_states)),
                Found::Needs([low, high]) => {
                    let grown = 0.5 * (high - low) / radius;
                    n_states = (n_states as f64 * (1.2 * grown).clamp(1.2, 4.0)).ceil() as usize;
                    centre = 0.5 * (low + high);
                }
                Found::Outside(electrons) => {
                    bracket[usize::from(electrons < 0.0)] = centre;
                    let density = self.electrons_per_state * (n_states * windows.len()) as f64 / (2.0 * radius);
                    centre = next_centre(centre, bracket, electrons / density, radius);
                }
            }
        }
        Err(Error::inconsistent(format!("no Fermi level was found around {guess} hartree")))
    }

    fn assess(&self, mesh: &KMesh, windows: &Windows, centre: f64) -> Found {
        let radius = smallest_radius(windows);
        let per_group = windows.len() / self.electrons.len();
        let (mut needed, mut levels) = ([f64::INFINITY, f64::NEG_INFINITY], Vec::new());
        for (group, &electrons) in windows.chunks(per_group).zip(&self.electrons) {
            let energies: Energies =
                group.iter().map(|spin| spin.iter().map(|w| w.energies.clone()).collect()).collect();
            let (weights, electrons_per_state) = (&mesh.weights[..], self.electrons_per_state);
            let states = States { energies: &energies, weights, electrons_per_state };
            let [empty, filled] = self.held(mesh, group);
            let electrons = electrons - empty;
            let range = states.level_range(electrons, self.smearing);
            let Some(((from, to), level)) = range.zip(states.fermi_level(electrons, self.smearing)) else {
                let excess = electrons - (filled - empty);
                return Found::Outside(if excess > 0.0 { excess } else { electrons.min(-LEAST) });
            };
            let to = to.unwrap_or(if radius.is_finite() { centre + 2.0 * radius } else { from });
            needed = [needed[0].min(from.min(level)), needed[1].max(to.max(level))];
            levels.push(level);
        }
        let reach = reach(self.smearing);
        let needed = [needed[0] - reach, needed[1] + reach];
        match centre - radius <= needed[0] && needed[1] <= centre + radius {
            true => Found::Level(levels.iter().sum::<f64>() / levels.len() as f64),
            false => Found::Needs(needed),
        }
    }

    /// Electrons below the level when all states of the windows are empty, and when they are filled.
    fn held(&self, mesh: &KMesh, group: &[Vec<Window>]) -> [f64; 2] {
        let sum = |count: fn(&Window) -> usize| {
            let of_spin =
                |spin: &Vec<Window>| spin.iter().zip(&mesh.weights).map(|(w, x)| x * count(w) as f64).sum::<f64>();
            self.electrons_per_state * group.iter().map(of_spin).sum::<f64>()
        };
        [sum(|window| window.count_below), sum(|window| window.count_below + window.energies.len())]
    }
}

/// Within `bracket`, in the direction of `step`, by at least `radius`.
fn next_centre(centre: f64, [low, high]: [f64; 2], step: f64, radius: f64) -> f64 {
    let next = centre + step.signum() * step.abs().clamp(radius, 50.0 * radius);
    match low < next && next < high {
        true => next,
        false => 0.5 * (low + high),
    }
}

/// States that are further from the level are filled or empty to all digits.
fn reach(smearing: Smearing) -> f64 {
    let widths = if matches!(smearing, Smearing::FermiDirac(_)) { 37.0 } else { 6.5 };
    1e-6 + widths * smearing.width()
}

fn smallest_radius(windows: &Windows) -> f64 {
    windows.iter().flatten().map(|window| window.radius).fold(f64::INFINITY, f64::min)
}
