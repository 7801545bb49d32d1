//! The geometry that a matrix belongs to. STRU states that of the first ionic step; the H of a later one needs another.

use nalgebra::{Matrix3, Vector3};

use super::constants;
use super::csr::Header;
use super::files::Folder;
use super::log::Log;
use super::stru::Stru;
use crate::error::{Context, Error, Result};
use crate::folder::existing;
use crate::input;
use crate::read::Step;
use crate::structure::Structure;

/// Header and STRU may differ by the header's six digits of the cell, bohr per bohr of cell.
const HEADER_PRECISION: f64 = 1e-5;

/// The structure of the chosen step of a calculation.
///
/// # Errors
/// `Unsupported` where atoms moved and no step was chosen, or the step's geometry is in no file; `Inconsistent` where a csr
/// header states another structure than STRU.
pub fn of_step(
    folder: &Folder,
    log: Option<&Log>,
    header: Option<&Header>,
    step: Option<Step>,
    (stru, start): (&Stru, Structure),
) -> Result<Structure> {
    let n_steps = log.map_or(1, |log| log.n_ionic_steps);
    let is_first = header.is_none_or(is_first_step) && (n_steps <= 1 || step.is_some_and(|step| step != Step::Last));
    let stated = header.map(|header| header_structure(header, &start)).transpose()?.flatten();
    match (stated, is_first, step) {
        (Some(stated), true, _) => same_geometry(&stated, start),
        (None, true, _) => Ok(start),
        (_, false, None) => Err(Error::unsupported(format!(
            "atoms moved ({n_steps} ionic steps in the log), and STRU is that of the first: choose one with --step N or --step last"
        ))),
        (Some(stated), false, Some(_)) => Ok(stated),
        (None, false, Some(Step::Last)) if log.is_some_and(|log| log.is_relaxed) => final_structure(folder, stru),
        (None, false, Some(_)) => Err(Error::unsupported(
            "this step's geometry is in no file that hzero reads (head of a *_nao.csr; STRU_ION_D for the last step of a \
             converged relaxation): give its STRU by hand (--structure)",
        )),
    }
}

fn is_first_step(header: &Header) -> bool {
    match header {
        Header::Old { step, .. } => step.unwrap_or(0) == 0,
        Header::New { step, .. } => *step <= 1,
    }
}

/// `STRU_ION_D` holds the atoms after the last move, which a converged relaxation no longer makes.
fn final_structure(folder: &Folder, stru: &Stru) -> Result<Structure> {
    let path = existing(&folder.out, "STRU_ION_D").or_else(|| existing(&folder.home, "STRU_ION_D"));
    let path = path
        .ok_or_else(|| Error::unsupported("no STRU_ION_D with the geometry of the last step").in_file(&folder.out))?;
    let last = Stru::parse(&input::open(&path)?).in_file(&path)?;
    if last.n_atoms() != stru.n_atoms() {
        let message = format!("{} atoms, but STRU has {}", last.n_atoms(), stru.n_atoms());
        return Err(Error::inconsistent(message).in_file(&path));
    }
    last.structure(None, constants::ANGSTROM_PER_BOHR_IN_STRU).in_file(&path)
}

/// The structure in the head of a `*_nao.csr`: lattice constant in ångström and vectors with six digits, fractions with 15.
/// A lattice that equals the one of STRU within its digits is replaced by that.
fn header_structure(header: &Header, start: &Structure) -> Result<Option<Structure>> {
    let Header::New { lines, .. } = header else { return Ok(None) };
    let Some(direct) = lines.iter().position(|line| line.trim() == "Direct").filter(|&at| at >= 6) else {
        return Ok(None);
    };
    let numbers = |line: &String| line.split_whitespace().map_while(|w| w.parse().ok()).collect::<Vec<f64>>();
    let vector = |line: &String| <[f64; 3]>::try_from(numbers(line)).ok().map(Vector3::from);
    let rows: Option<Vec<_>> = lines[direct - 5..direct - 2].iter().map(vector).collect();
    let constant = numbers(&lines[direct - 6]).first().copied();
    let n = start.n_atoms();
    let fractions: Option<Vec<_>> = lines[direct + 1..].iter().take(n).map(vector).collect();
    let (Some(rows), Some(constant), Some(fractions)) = (rows, constant, fractions) else { return Ok(None) };
    if fractions.len() != n {
        return Err(Error::inconsistent(format!("the head lists {} atoms, but STRU has {n}", fractions.len())));
    }
    let lattice = Matrix3::from_fn(|i, j| rows[i][j]) * (constant / constants::ANGSTROM_PER_BOHR);
    let is_same = (lattice - start.lattice).amax() <= HEADER_PRECISION * start.lattice.amax();
    let lattice = if is_same { start.lattice } else { lattice };
    let positions = fractions.iter().map(|x| lattice.tr_mul(x)).collect();
    Ok(Some(Structure { lattice, positions, species: start.species.clone() }))
}

/// The digits of STRU are the better ones, if both state the same.
fn same_geometry(stated: &Structure, start: Structure) -> Result<Structure> {
    let cell = (stated.lattice - start.lattice).amax();
    let distance = |(x, y): (&Vector3<f64>, &Vector3<f64>)| (x - y).amax();
    let shift = stated.positions.iter().zip(&start.positions).map(distance).fold(cell, f64::max);
    if shift <= HEADER_PRECISION * start.lattice.amax() {
        return Ok(start);
    }
    Err(Error::inconsistent(format!("the structure in its head differs from that of STRU by up to {shift:.3e} bohr")))
}
