//! What a target has no place for, told by the table of formats.

use std::path::Path;

use super::{Fate, Notes};
use crate::calculation::{Calculation, Of};
use crate::code::Code;
use crate::format::{Capabilities, Format};
use crate::nextham;

/// What the target holds, and what a lone file as source did not: that cannot get lost on the way, though the run was found
/// beside it.
pub fn held(to: Capabilities, source: &Path) -> Capabilities {
    let format = if source.is_file() { Format::guess_file(source).ok().flatten() } else { None };
    let Some(from) = format.map(Format::capabilities) else { return to };
    Capabilities {
        structure: to.structure || !from.structure,
        shells: to.shells || !from.shells,
        overlap: to.overlap || !from.overlap,
        density_matrix: to.density_matrix || !from.density_matrix,
        fermi_level: to.fermi_level || !from.fermi_level,
        ..to
    }
}

/// Notes what of `run` is lost where its H of kind `of` becomes a file (`is_file`) or a folder in the format `to`.
pub fn note(run: &Calculation, of: Option<Of>, to: &Capabilities, is_file: bool, notes: &Notes) {
    note_other_h(run, of, notes);
    note_unknown_zero(run, of, notes);
    // A folder of SIESTA has one file for each matrix.
    let is_alone = is_file || to.code != Some(Code::Siesta);
    let lost = |what: &str| notes.add(Fate::Lost, what);
    if run.overlap.is_some() && !to.overlap && is_alone {
        lost("S");
    }
    if run.density_matrix.is_some() && !to.density_matrix && is_alone {
        lost("DM");
    } else if run.density_matrix.is_some() && of == Some(Of::H0) && to.code.is_some() {
        lost("DM: it belongs to the converged H");
    }
    // The folder of a code has inputs that say the rest.
    if is_file || to.code.is_none() {
        note_facts(run, to, is_file, notes);
    }
    note_other_code(run, to, notes);
}

/// Notes what of `run` is lost, or not the same, in a folder with both H in the format of a code.
pub fn note_whole(run: &Calculation, to: &Capabilities, notes: &Notes) {
    note_unknown_zero(run, Some(Of::Scf), notes);
    note_other_code(run, to, notes);
    if run.density_matrix.is_some() && run.hamiltonian.is_none() && run.hamiltonian0.is_some() {
        notes.add(Fate::Lost, "DM: it belongs to a converged H");
    }
}

fn note_other_h(run: &Calculation, of: Option<Of>, notes: &Notes) {
    let lost = |what: &str| notes.add(Fate::Lost, what);
    match of {
        Some(Of::Scf) if run.hamiltonian0.is_some() => lost("H0: one H per target; --of h0 writes it"),
        Some(Of::H0) if run.hamiltonian.is_some() => lost("the converged H: one per target; --of scf writes it"),
        None if run.hamiltonian.is_some() || run.hamiltonian0.is_some() => lost("H"),
        _ => {}
    }
}

/// With `hzero.json`, a folder of dftio's is a run of the code that it came from.
fn note_unknown_zero(run: &Calculation, of: Option<Of>, notes: &Notes) {
    if of.is_some() && run.origin.code == Format::Dftio.to_string() {
        notes.add(Fate::Changed, ZERO_OF_DFTIO);
    }
}

const ZERO_OF_DFTIO: &str = "the zero of energy is the one that dftio left, which no file tells: absolute for ABACUS and OpenMX, the Fermi level for \
     SIESTA; the Fermi level itself is not known";

/// What the files of the format have no place for: lost with a lone file, beside the others in a folder.
fn note_facts(run: &Calculation, to: &Capabilities, is_file: bool, notes: &Notes) {
    // Files of SIESTA and OpenMX with a Fermi level have these numbers too.
    let has_numbers = to.code.is_some() && to.fermi_level;
    let has_electrons = has_numbers || to.name == Format::Deeph.capabilities().name;
    let facts = [
        ("the Fermi level", run.fermi_level.is_some() && !to.fermi_level),
        ("the number of electrons", run.n_electrons.is_some() && !has_electrons),
        ("the temperature of the occupations", run.smearing.is_some() && !has_numbers),
        ("the k mesh", run.k_grid.is_some() && !has_numbers),
        ("the fixed moment", run.fixed_moment.is_some()),
        ("the structure", is_file && !to.structure),
        ("the shells", is_file && !to.shells),
    ];
    let fate = if is_file { Fate::Lost } else { Fate::Kept };
    facts.iter().filter(|(_, has_no_place)| *has_no_place).for_each(|(what, _)| notes.add(fate, *what));
}

fn note_other_code(run: &Calculation, to: &Capabilities, notes: &Notes) {
    // NextHAM's matrices are those of a branch of ABACUS.
    let orbitals_of = if run.origin.code == nextham::CODE { Code::Abacus.name() } else { run.origin.code };
    let Some(code) = to.code.map(Code::name).filter(|&code| code != orbitals_of) else { return };
    let text = format!(
        "the orbitals are those of {orbitals_of}: bands, densities of states and transport are right; whatever evaluates {code}'s own \
         radial functions is not"
    );
    notes.add(Fate::Changed, text);
}
