//! The files of a predicted Hamiltonian: an `.scfout` for OpenMX' post-processing tools, and a restart folder with an input
//! for `openmx` itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Layout;
use super::dat::Dat;
use super::matrix::Blocks;
use super::recipe;
use super::rst::{CrstCheck, Rst, Species};
use super::scfout::{Scfout, Version};
use crate::basis::Basis;
use crate::error::{Context, Error, Result};
use crate::output::write_file;
use crate::predicted::{PredictedDensity, Prediction, not_representable};

/// Writes `<name>.scfout`: that of H⁽⁰⁾ with the predicted `Hks` and the predicted Fermi level as `ChemP`; everything else,
/// DM too, is that of H⁽⁰⁾. Where the real-space grid of the run is known, also the restart folder `<name>_rst/` and the
/// input `<name>.dat` with which `openmx` takes H from there.
///
/// # Errors
/// As [`Prediction::write`].
pub fn write(folder: &Path, prediction: &Prediction, layout: &Layout) -> Result<Vec<PathBuf>> {
    write_files(folder, &scfout(prediction, layout)?, &prediction.run.basis, layout)
}

/// Writes `<name>.scfout`: the run's own with another DM, which its tools then take. `openmx` itself has no way to start from DM.
///
/// # Errors
/// As [`PredictedDensity::write`].
pub fn write_density(folder: &Path, density: &PredictedDensity, layout: &Layout) -> Result<Vec<PathBuf>> {
    let missing = || not_representable("OpenMX scfout", "the run has no .scfout, which gives everything but DM");
    let own = layout.hamiltonian.as_ref().or(layout.hamiltonian0.as_ref()).ok_or_else(missing)?;
    let mut scfout = Scfout::clone(own);
    Blocks::new(&scfout, &density.run.basis)?.set_density_matrix(&mut scfout, density.matrix)?;
    let path = folder.join(format!("{}.scfout", file_stem(&scfout.input())));
    write_file(&path, |out| scfout.write(out))?;
    Ok(vec![path])
}

/// The file that gives everything but H: that of H⁽⁰⁾, else the converged one.
pub(super) fn template(layout: &Layout) -> Option<&Arc<Scfout>> {
    layout.hamiltonian0.as_ref().or(layout.hamiltonian.as_ref())
}

/// The template with the predicted H and Fermi level.
pub(super) fn scfout(prediction: &Prediction, layout: &Layout) -> Result<Scfout> {
    let missing = || not_representable("OpenMX scfout", "the run has no .scfout, which gives everything but H");
    let mut scfout = Scfout::clone(template(layout).ok_or_else(missing)?);
    let uses_imaginary_part = scfout.input().uses_imaginary_part();
    let blocks = Blocks::new(&scfout, &prediction.run.basis)?;
    blocks.set_hamiltonian(&mut scfout, prediction.hamiltonian, uses_imaginary_part)?;
    scfout.tail.chem_p = prediction.fermi_level.unwrap_or(scfout.tail.chem_p);
    Ok(scfout)
}

/// `<name>.scfout`, and where the grid is known what `openmx` restarts from.
pub(super) fn write_files(folder: &Path, scfout: &Scfout, basis: &Basis, layout: &Layout) -> Result<Vec<PathBuf>> {
    let dat = scfout.input();
    let name = file_stem(&dat);
    let mut written = vec![folder.join(format!("{name}.scfout"))];
    write_file(&written[0], |out| scfout.write(out))?;
    if let Some(grid) = layout.grid {
        written.extend(restart(folder, &name, scfout, &dat, basis, grid)?);
    }
    Ok(written)
}

/// `<name>_rst/` and `<name>.dat`.
fn restart(
    folder: &Path,
    name: &str,
    scfout: &Scfout,
    dat: &Dat,
    basis: &Basis,
    grid: [u32; 3],
) -> Result<Vec<PathBuf>> {
    let home = folder.join(format!("{name}_rst"));
    std::fs::create_dir_all(&home).map_err(Error::from).in_file(&home)?;
    let of_atoms: Vec<usize> = (0..basis.n_atoms()).map(|atom| basis.species_index(atom)).collect();
    let species = Species {
        of_atoms: &of_atoms,
        max_orbitals: basis.species().iter().map(crate::basis::Species::n_orbitals).max().unwrap_or(0),
        spin_orbit: dat.is_on("scf.SpinOrbit.Coupling"),
    };
    let mut written = Vec::new();
    for atom in 0..scfout.n_atoms() {
        let path = home.join(format!("{name}.rst{}", atom + 1));
        write_file(&path, |out| Rst::of_atom(scfout, atom, species).write(out))?;
        written.push(path);
    }
    let spin = (scfout.version == Version::V3_9).then_some(scfout.spin.number() as u32);
    let check = CrstCheck { n_processes: 1, grid, spin };
    let input = recipe::restart(dat);
    written.extend([home.join(format!("{name}.crst_check")), folder.join(format!("{name}.dat"))]);
    write_file(&written[written.len() - 2], |out| check.write(out))?;
    write_file(&written[written.len() - 1], |out| out.write_all(input.as_bytes()))?;
    Ok(written)
}

/// How OpenMX goes on.
pub fn next_step(folder: &Path, shown: &Path, layout: &Layout) -> Option<String> {
    let name = file_stem(&template(layout)?.input());
    if folder.join(format!("{name}_rst")).is_dir() {
        let shown = shown.display();
        return Some(format!(
            "OpenMX: in {shown} set DATA.PATH, run `openmx {name}.dat`, and look for `<Restart>  Found restart files` in its \
             output: without that line H was not taken. Bands, DOS and DM of that run are of H, its total energy and forces \
             are not; until then DM in {name}.scfout is that of H0"
        ));
    }
    Some(format!(
        "OpenMX: its tools read {name}.scfout, whose DM is that of H0; there is no {name}_rst/ for openmx itself, since \
         neither {name}.out nor {name}_rst/{name}.crst_check of the H0 run nor scf.Ngrid in its input tells the real-space grid"
    ))
}

/// `System.Name`, which must not lead out of the folder.
pub(crate) fn file_stem(dat: &Dat) -> String {
    let name = dat.system_name().and_then(|name| Path::new(name).file_name()?.to_str());
    name.unwrap_or("openmx").to_owned()
}
