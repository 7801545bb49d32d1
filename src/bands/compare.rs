//! Differences of eigenvalues: against those that the code itself printed, or between two Hamiltonians.

use std::path::PathBuf;

use serde::Serialize;

use super::fermi::level_of;
use super::mesh::KMesh;
use super::spectrum::{Energies, SpectrumOptions, energies};
use super::structure::overlap;
use crate::parsers::{Calculation, Error, Of, PrintedSpectrum, SpinOperator};

/// States count as "up to 5 eV" when they lie below E_F + 5 eV.
const WINDOW_EV: f64 = 5.0;

/// Result of a comparison, energies in eV.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Version of this layout.
    pub schema_version: u32,
    /// Largest difference of states below E_F + 5 eV; null where no Fermi level is known.
    pub max_error_to_5ev_ev: Option<f64>,
    /// Largest difference of all states.
    pub max_error_all_ev: f64,
    /// Number of states compared (spins × k points × bands).
    pub n_states: usize,
    /// One per file or Hamiltonian.
    pub spectra: Vec<SpectrumComparison>,
}

/// Differences of one set of eigenvalues, energies in eV.
#[derive(Debug, Clone, Serialize)]
pub struct SpectrumComparison {
    /// Where the reference comes from.
    pub file: PathBuf,
    /// `H0` or `SCF`.
    pub of: &'static str,
    /// Number of k points.
    pub n_k: usize,
    /// Number of states compared.
    pub n_states: usize,
    /// Fermi level that bounds the window.
    pub fermi_level: Option<f64>,
    /// Half a unit of the last printed digit, 0 for computed references.
    pub precision_ev: f64,
    /// Largest difference of states below E_F + 5 eV; null where no Fermi level is known.
    pub max_error_to_5ev_ev: Option<f64>,
    /// Largest difference of all states.
    pub max_error_all_ev: f64,
}

/// Compares the eigenvalues of the run's H⁽⁰⁾ and H with those that the code printed, at the code's k points.
///
/// # Errors
/// `Inconsistent` where the code printed nothing that can be compared, or numbers of spins or bands contradict.
pub fn with_printed(run: &Calculation, of: Option<Of>, options: SpectrumOptions) -> Result<Comparison, Error> {
    let usable = |printed: &&PrintedSpectrum| {
        of.is_none_or(|of| of == printed.of) && run.operator(printed.of).is_some() && !printed.kpoints.is_empty()
    };
    let spectra = run
        .printed
        .iter()
        .filter(usable)
        .map(|printed| printed_spectrum(run, printed, options).map_err(|error| error.in_file(&printed.file)))
        .collect::<Result<Vec<_>, _>>()?;
    if spectra.is_empty() {
        return Err(Error::inconsistent("the run has no printed eigenvalues of a Hamiltonian that it holds"));
    }
    Ok(summary(spectra))
}

/// Compares `other` (in the basis and with the overlap of the run) with the run's own H⁽⁰⁾ or H on the run's k mesh.
///
/// # Errors
/// `Inconsistent` where the run lacks that Hamiltonian or an eigenproblem has no solution.
pub fn with_hamiltonian(
    run: &Calculation,
    of: Of,
    other: &SpinOperator,
    name: PathBuf,
    options: SpectrumOptions,
) -> Result<Comparison, Error> {
    let missing = || Error::inconsistent(format!("the run has no {} Hamiltonian to compare with", super::name(of)));
    let own = run.operator(of).ok_or_else(missing)?;
    let points = KMesh::of_run(run, own).points;
    let at_mesh = |h| energies(h, overlap(run)?, &run.basis, &points, options);
    let reference = Reference { of, file: name, precision: 0.0, energies: &at_mesh(own)? };
    Ok(summary(vec![reference.compare(run, &at_mesh(other)?, options)?]))
}

fn printed_spectrum(
    run: &Calculation,
    printed: &PrintedSpectrum,
    options: SpectrumOptions,
) -> Result<SpectrumComparison, Error> {
    let hamiltonian = run.operator(printed.of).ok_or_else(|| Error::inconsistent("no Hamiltonian to compare with"))?;
    let computed = energies(hamiltonian, overlap(run)?, &run.basis, &printed.kpoints, options)?;
    let file = printed.file.clone();
    Reference { of: printed.of, file, precision: printed.precision, energies: &printed.energies }
        .compare(run, &computed, options)
}

/// Eigenvalues to compare with.
struct Reference<'a> {
    of: Of,
    file: PathBuf,
    precision: f64,
    energies: &'a Energies,
}

impl Reference<'_> {
    fn compare(
        self,
        run: &Calculation,
        computed: &Energies,
        options: SpectrumOptions,
    ) -> Result<SpectrumComparison, Error> {
        check_shapes(computed, self.energies)?;
        let ev = run.origin.ev_per_hartree;
        let fermi_level = level_of(run, self.of, options)?.map(|level| level * ev);
        let differences: Vec<(f64, f64)> = pairs(computed, self.energies)
            .map(|(own, reference)| (reference * ev, (own - reference).abs() * ev))
            .collect();
        let largest = |top: f64| {
            differences.iter().filter(|(energy, _)| *energy < top).map(|(_, error)| *error).fold(0.0, f64::max)
        };
        Ok(SpectrumComparison {
            file: self.file,
            of: super::name(self.of),
            n_k: computed.first().map_or(0, Vec::len),
            n_states: differences.len(),
            fermi_level,
            precision_ev: self.precision * ev,
            max_error_to_5ev_ev: fermi_level.map(|level| largest(level + WINDOW_EV)),
            max_error_all_ev: largest(f64::INFINITY),
        })
    }
}

/// The lowest bands of both, state by state (the code may print fewer bands than there are orbitals).
fn pairs<'a>(computed: &'a Energies, reference: &'a Energies) -> impl Iterator<Item = (f64, f64)> + 'a {
    let spins = computed.iter().zip(reference);
    let points = spins.flat_map(|(a, b)| a.iter().zip(b));
    points.flat_map(|(a, b)| a.iter().copied().zip(b.iter().copied()))
}

fn check_shapes(computed: &Energies, reference: &Energies) -> Result<(), Error> {
    if computed.len() != reference.len() {
        let message = format!("{} spins in the eigenvalues, but {} in H", reference.len(), computed.len());
        return Err(Error::inconsistent(message));
    }
    if let Some((own, other)) = computed.iter().zip(reference).find(|(own, other)| own.len() != other.len()) {
        let message = format!("{} k points in the eigenvalues, but {} expected", other.len(), own.len());
        return Err(Error::inconsistent(message));
    }
    let bands = |energies: &Energies| energies.iter().flatten().map(Vec::len).max().unwrap_or(0);
    if bands(reference) > bands(computed) {
        let message = format!("{} bands in the eigenvalues, but {} states in H", bands(reference), bands(computed));
        return Err(Error::inconsistent(message));
    }
    Ok(())
}

fn summary(spectra: Vec<SpectrumComparison>) -> Comparison {
    let to_5ev = spectra.iter().map(|spectrum| spectrum.max_error_to_5ev_ev).collect::<Option<Vec<f64>>>();
    Comparison {
        schema_version: 1,
        max_error_to_5ev_ev: to_5ev.map(|errors| errors.into_iter().fold(0.0, f64::max)),
        max_error_all_ev: spectra.iter().map(|spectrum| spectrum.max_error_all_ev).fold(0.0, f64::max),
        n_states: spectra.iter().map(|spectrum| spectrum.n_states).sum(),
        spectra,
    }
}
