//! `.scfout` of runs that did not come from OpenMX, for its tools and all others that read such files.
//!
//! The numbers belong to the orbitals of the other code: bands, densities of states and transport follow from them, whatever
//! evaluates OpenMX' own radial functions (`openmx` itself among it) does not. Position and momentum operators and dipole
//! moments, which no other code's matrices have, can only be 0.

mod text;

use std::path::Path;
use std::sync::Arc;

use super::constants;
use super::matrix::Blocks;
use super::scfout::{Neighbours, Scfout, Spin, Tail};
use crate::basis::Basis;
use crate::calculation::{Calculation, KGrid, Of, Smearing};
use crate::check;
use crate::convert::{Fate, Writing};
use crate::error::Result;
use crate::foreign::{self, LABEL, Matrices};
use crate::format::Format;
use crate::operator::{Operator, SpinOperator, c64};
use crate::output::write_file;
use crate::predicted::not_representable;

const FORMAT: &str = "OpenMX scfout";
/// The largest l whose order in an atom is known.
const LARGEST_L: u8 = 3;
/// `Solver` of periodic systems.
const BAND: i32 = 3;
/// Kelvin, where a run has no temperature: OpenMX' own default.
const ROOM_TEMPERATURE: f64 = 300.0;

/// Writes `hamiltonian.scfout` of 3.9 into the folder `target`.
///
/// # Errors
/// `Io`; `NotRepresentable` where the run lacks H or S, has shells beyond f or out of order, or lacks what else the file holds
/// and zeros were not asked for; `Inconsistent` where H or DM is not whole.
pub fn write(target: &Path, _format: Format, job: &Writing) -> Result<()> {
    let scfout = scfout(job)?;
    write_file(&target.join(format!("{LABEL}.scfout")), |out| scfout.write(out))
}

/// The file in memory.
///
/// # Errors
/// As [`write()`].
pub fn scfout(job: &Writing) -> Result<Scfout> {
    let run = job.run;
    foreign::check_shells(&run.basis, FORMAT, LARGEST_L)?;
    let matrices = Matrices::of(job, FORMAT)?;
    let (of, h) = matrices.hamiltonian.ok_or_else(|| not_representable(FORMAT, "the run does not have this H"))?;
    foreign::fill(job, FORMAT, &lacking(run, &matrices))?;
    let pairs = Arc::new(matrices.all_pairs(&run.basis)?);
    let h = foreign::whole("H", h, &pairs, &run.basis)?;
    let dm = matrices.density_matrix.map(|dm| foreign::whole("DM", dm, &pairs, &run.basis)).transpose()?;
    let imaginary = has_imaginary_part(&h);
    note_partners(job, &h, &run.basis);
    note_smearing(job);
    note_kpoints(job);
    let tail = tail(job, of, h.nspin(), imaginary, spin(&matrices));
    let sizes = (0..run.basis.n_atoms()).map(|atom| run.basis.orbitals_of(atom).len()).collect();
    let neighbours = Neighbours::of(&pairs, run.basis.n_atoms());
    let mut scfout = Scfout::zeros(&run.structure, sizes, neighbours, kind(&h), tail)?;
    let blocks = Blocks::new(&scfout, &run.basis)?;
    blocks.set_hamiltonian(&mut scfout, &h, imaginary)?;
    blocks.set_overlap(&mut scfout, &matrices.overlap.on(&pairs))?;
    if let Some(dm) = dm {
        blocks.set_density_matrix(&mut scfout, &dm)?;
    }
    Ok(scfout)
}

fn kind(h: &SpinOperator) -> Spin {
    match h {
        SpinOperator::Unpolarized(_) => Spin::Unpolarized,
        SpinOperator::Collinear(_) => Spin::Collinear,
        SpinOperator::Spinor(_) => Spin::NonCollinear,
    }
}

/// In words.
fn lacking(run: &Calculation, matrices: &Matrices) -> Vec<&'static str> {
    let of_run = [
        (matrices.density_matrix.is_none(), "the density matrix of this H (DM)"),
        (run.fermi_level.is_none(), "the Fermi level (ChemP)"),
        (run.n_electrons.is_none(), "the number of electrons (Total_Num_Electrons)"),
    ];
    let never = ["position operators (OLPpo)", "momentum operators (OLPmo)", "dipole moments of core and background"];
    of_run.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what).chain(never).collect()
}

/// `iHks`, which OpenMX looks at only where the input asks for spin–orbit coupling.
fn has_imaginary_part(h: &SpinOperator) -> bool {
    let is_complex = |operator: &Operator<c64>| operator.values().iter().any(|value| value.im != 0.0);
    matches!(h, SpinOperator::Spinor([uu, _, _, dd]) if is_complex(uu) || is_complex(dd))
}

/// The file has no place for du, which is the Hermitian partner of ud.
fn note_partners(job: &Writing, h: &SpinOperator, basis: &Basis) {
    if !matches!(h, SpinOperator::Spinor(_)) {
        return;
    }
    let difference = check::hermiticity_error(h, basis);
    if difference > 0.0 {
        let text = format!(
            "H_du becomes the Hermitian partner of H_ud, as OpenMX defines it (H differs from its partner by {difference:.1e} \
             hartree at most)"
        );
        job.notes.add(Fate::Changed, text);
    }
}

fn note_smearing(job: &Writing) {
    let text = match job.run.smearing {
        Some(Smearing::FermiDirac(width)) if width > 0.0 => return,
        Some(smearing) if smearing.width() > 0.0 => "the smearing is Fermi-Dirac of the same width",
        _ => "the electronic temperature is 300 K, OpenMX' default",
    };
    job.notes.add(Fate::Changed, text);
}

/// OpenMX has one mesh for given divisions: k = −½ + (2i + 1)/2N.
fn note_kpoints(job: &Writing) {
    let is_other =
        |grid: KGrid| grid.shift != [0.0; 3] || (grid.gamma_centred && grid.divisions.iter().any(|n| n % 2 == 0));
    if job.run.k_grid.is_none_or(is_other) {
        job.notes.add(Fate::Changed, "the k mesh is OpenMX' own of these divisions (1 1 1 where none are known)");
    }
    if job.run.k_list.is_some() {
        job.notes.add(Fate::Kept, "the list of k points");
    }
}

fn tail(job: &Writing, of: Of, nspin: usize, imaginary: bool, total_spin: f64) -> Tail {
    let run = job.run;
    let e_temp = run.smearing.map(Smearing::width).filter(|width| *width > 0.0).map_or(ROOM_TEMPERATURE, kelvin);
    let lines = text::Input { run, of, nspin, imaginary, kelvin: e_temp }.lines();
    Tail {
        solver: BAND,
        chem_p: run.fermi_level.filter(|level| level.is_finite()).unwrap_or(0.0),
        e_temp,
        dipoles: [[0.0; 3]; 2],
        n_electrons: run.n_electrons.unwrap_or(0.0),
        total_spin,
        input_text: lines.into_iter().map(|line| format!("{line}\n").into_bytes()).collect(),
    }
}

/// The temperature that is read as this width, hartree, if there is one; else the nearest.
fn kelvin(width: f64) -> f64 {
    let nearest = width * constants::EV_PER_HARTREE / constants::BOLTZMANN_EV;
    let around = [nearest, nearest.next_up(), nearest.next_down()];
    around.into_iter().find(|&kelvin| super::run::width(kelvin) == width).unwrap_or(nearest)
}

/// Total spin S, half of the moment: Σ (DM_up − DM_down) S/2.
fn spin(matrices: &Matrices) -> f64 {
    let Some(SpinOperator::Collinear([up, down])) = matrices.density_matrix else { return 0.0 };
    let electrons = |dm: &Operator<f64>| -> f64 {
        let of_block = |(pair, block): (_, &[f64])| {
            let s = matrices.overlap.get(pair).unwrap_or_default();
            block.iter().zip(s).map(|(dm, s)| dm * s).sum::<f64>()
        };
        dm.blocks().map(of_block).sum()
    };
    (electrons(up) - electrons(down)) / 2.0
}
