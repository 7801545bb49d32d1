//! STRU, INPUT and KPT of a run that ABACUS has not seen.

use nalgebra::Vector3;

use crate::abacus::stru::{Atom, Coordinates, Group, SpeciesLine, Stru};
use crate::basis::{Basis, Species};
use crate::calculation::{Calculation, KGrid, Of, Smearing};
use crate::code::Code;
use crate::foreign::{comment, telling_label};
use crate::structure::Structure;
use crate::units::RYDBERG_IN_HARTREE;

/// Labels of the species, each of which names its element.
pub fn labels(basis: &Basis) -> Vec<String> {
    basis.species().iter().enumerate().map(|(index, species)| telling_label(species, index)).collect()
}

/// In bohr, so that reading rounds nothing. Species without atoms keep their line.
pub fn stru(run: &Calculation, structure: &Structure) -> Stru {
    let labels = labels(&run.basis);
    let line =
        |label: &String| SpeciesLine { label: label.clone(), rest: ["1.0", "none.upf"].map(str::to_owned).into() };
    let names = run.basis.species().iter().zip(&labels).map(|(species, label)| orbital_file(species, label));
    Stru {
        species: labels.iter().map(line).collect(),
        orbitals: names.collect(),
        lattice_constant: 1.0,
        vectors: Some(structure.lattice),
        parameters: Vec::new(),
        coordinates: Coordinates::Cartesian,
        groups: groups(structure, &labels),
        other: Vec::new(),
    }
}

fn groups(structure: &Structure, labels: &[String]) -> Vec<Group> {
    let atom = |position: &Vector3<f64>| Atom { position: *position, rest: "m 1 1 1".to_owned() };
    let mut positions = structure.positions.iter();
    let of_species = |atoms: &[usize]| Group {
        label: labels[atoms[0]].clone(),
        moment: 0.0,
        atoms: positions.by_ref().take(atoms.len()).map(atom).collect(),
    };
    structure.species.chunk_by(|a, b| a == b).map(of_species).collect()
}

/// `C_8au_2s2p1d.orb`: no file, but the name tells cutoff and shells.
fn orbital_file(species: &Species, label: &str) -> String {
    let cutoff = species.cutoff.map(|cutoff| format!("_{cutoff}au")).unwrap_or_default();
    format!("{label}{cutoff}_{}.orb", species.shells_text())
}

/// The settings that H depends on. That of H⁽⁰⁾ stops after the first iteration.
pub fn input(run: &Calculation, nspin: usize, of: Option<Of>) -> String {
    let mut lines = vec![
        "INPUT_PARAMETERS".to_owned(),
        comment(run, Code::Abacus),
        "calculation scf".to_owned(),
        "basis_type lcao".to_owned(),
        "gamma_only 0".to_owned(),
        format!("nspin {nspin}"),
    ];
    if nspin == 4 {
        lines.extend(["noncolin 1", "lspinorb 1"].map(str::to_owned));
    }
    if of == Some(Of::H0) {
        lines.extend(["init_chg atomic", "scf_nmax 1", "mixing_beta 0", "mixing_beta_mag 0"].map(str::to_owned));
    }
    lines.extend(run.smearing.map(smearing).into_iter().flatten());
    lines.extend(run.fixed_moment.filter(|_| nspin == 2).map(|moment| format!("nupdown {moment}")));
    lines.join("\n") + "\n"
}

/// The orders of Methfessel–Paxton end at 3; the first function of that series is Gaussian.
fn smearing(smearing: Smearing) -> Vec<String> {
    let method = match smearing {
        Smearing::Fixed => "fixed",
        Smearing::Gaussian(_) | Smearing::MethfesselPaxton { order: 0, .. } => "gauss",
        Smearing::FermiDirac(_) => "fd",
        Smearing::MethfesselPaxton { order: 1, .. } => "mp",
        Smearing::MethfesselPaxton { order: 2, .. } => "mp2",
        Smearing::MethfesselPaxton { .. } => "mp3",
        Smearing::Cold(_) => "mv",
    };
    let sigma = smearing.width() / RYDBERG_IN_HARTREE;
    vec![format!("smearing_method {method}"), format!("smearing_sigma {sigma}")]
}

/// The mesh, or the list; `None` where neither is known.
pub fn kpt(run: &Calculation) -> Option<String> {
    let lines = match (run.k_grid, &run.k_list) {
        (Some(grid), _) => mesh(grid),
        (None, Some(points)) => {
            let rows = points.iter().map(|([x, y, z], weight)| format!("{x} {y} {z} {weight}"));
            [points.len().to_string(), "Direct".to_owned()].into_iter().chain(rows).collect()
        }
        (None, None) => return None,
    };
    Some(format!("K_POINTS\n{}\n", lines.join("\n")))
}

/// A shift of `MP` counts half a division.
fn mesh(grid: KGrid) -> Vec<String> {
    let KGrid { divisions: [a, b, c], shift, gamma_centred, .. } = grid;
    let (kind, unit) = if gamma_centred { ("Gamma", 1.0) } else { ("MP", 2.0) };
    let [x, y, z] = shift.map(|shift| unit * shift);
    vec!["0".to_owned(), kind.to_owned(), format!("{a} {b} {c} {x} {y} {z}")]
}
