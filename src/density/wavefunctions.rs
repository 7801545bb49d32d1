//! Eigenstates on the run's k mesh, for codes that start from wave functions.

use std::fmt;

use super::Options;
use crate::bands::eigen;
use crate::bands::fermi::smearing;
use crate::bands::mesh::KMesh;
use crate::bands::occupation::occupation;
use crate::bands::spectrum::EigenProblem;
use crate::bands::structure::overlap;
use crate::parsers::density::Density;
use crate::parsers::states::{Eigenstates, States};
use crate::parsers::{Calculation, Error, Smearing, SpinOperator, c64};

/// The states of a Hamiltonian, solved where and when they are asked for, and filled as its density is.
pub struct WaveFunctions<'a> {
    problem: EigenProblem<'a>,
    mesh: KMesh,
    /// Of each channel, hartree.
    levels: [f64; 2],
    smearing: Smearing,
}

impl<'a> WaveFunctions<'a> {
    /// Of `hamiltonian` with the run's overlap, on the mesh from which `density` was summed.
    ///
    /// # Errors
    /// `Inconsistent` where the run lacks the overlap.
    pub fn new(
        run: &'a Calculation,
        hamiltonian: &'a SpinOperator,
        density: &Density,
        options: &Options,
    ) -> Result<Self, Error> {
        let mesh = KMesh::of_run(run, hamiltonian);
        Ok(WaveFunctions {
            problem: EigenProblem::new(hamiltonian, overlap(run)?, &run.basis, mesh.points.len(), options.spectrum),
            mesh,
            levels: density.spin_fermi_levels.unwrap_or([density.fermi_level; 2]),
            smearing: smearing(run),
        })
    }

    fn filled(&self, states: eigen::States, level: f64) -> States {
        let occupations = states.energies.iter().map(|energy| occupation(self.smearing, energy - level)).collect();
        let coefficients = states.vectors.col_iter().flat_map(|state| state.iter().copied().collect::<Vec<c64>>());
        States { occupations, coefficients: coefficients.collect(), energies: states.energies }
    }
}

impl fmt::Debug for WaveFunctions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaveFunctions").field("mesh", &self.mesh).field("levels", &self.levels).finish_non_exhaustive()
    }
}

impl Eigenstates for WaveFunctions<'_> {
    fn kpoints(&self) -> &[[f64; 3]] {
        &self.mesh.points
    }

    fn weights(&self) -> &[f64] {
        &self.mesh.weights
    }

    fn at(&self, index: usize) -> Result<Vec<States>, Error> {
        let channels = self.problem.states(self.mesh.points[index])?;
        Ok(channels.into_iter().zip(self.levels).map(|(states, level)| self.filled(states, level)).collect())
    }
}
