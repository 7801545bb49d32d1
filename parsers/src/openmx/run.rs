//! A run as a whole: the files that [`Run`] found → [`Calculation`].

use std::path::{Path, PathBuf};

use super::files::{Part, Run};
use super::matrix::Blocks;
use super::out::Out;
use super::scfout::{Scfout, Version};
use super::{Layout, constants, rst, species, spectrum};
use crate::basis::Basis;
use crate::calculation::{Calculation, NativeLayout, Of, Origin, PrintedSpectrum, Smearing};
use crate::error::{Context, Error, Result};
use crate::input;
use crate::operator::{Operator, SpinOperator};
use crate::read::{ReadOptions, Step};
use crate::same_run;
use crate::structure::Structure;

/// Reads the run at `path`.
///
/// # Errors
/// All kinds; every message names the file.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    refuse_what_has_no_meaning(options)?;
    let mut run = Run::discover(path)?;
    if options.h0.is_none() && options.hamiltonian.is_none() {
        run.check_inputs()?;
    }
    by_hand(&mut run, options)?;
    let Some(first) = run.parts().next() else {
        return Err(Error::unsupported("no .scfout (or .scfout.gz, .scfout.zst) here, in h0/ or in scf/").in_file(path));
    };
    let basis = species::basis(&first.dat, &options.basis).in_text_of(&first.path)?;
    let structure = species::structure(&first.scfout, &basis);
    Reader { run: &run, options, basis: &basis, structure: &structure }.calculation(first)
}

fn refuse_what_has_no_meaning(options: &ReadOptions) -> Result<()> {
    if options.structure.is_some() || options.kpoints.is_some() {
        return Err(Error::unsupported("an .scfout holds its structure and its k points; give none by hand"));
    }
    match options.step {
        Some(Step::Number(_)) => {
            Err(Error::unsupported("an .scfout holds the last geometry only; give no step number"))
        }
        _ => Ok(()),
    }
}

/// Puts the files that were given by hand in their places.
fn by_hand(run: &mut Run, options: &ReadOptions) -> Result<()> {
    if let Some(path) = &options.h0 {
        // a folder's only file is taken for the converged one then
        run.scf = run.scf.take().or_else(|| run.h0.take().filter(|part| part.path != *path));
        run.h0 = Some(Part::read(path)?);
    }
    if let Some(path) = &options.hamiltonian {
        run.scf = Some(Part::read(path)?);
    }
    if let Some(part) = run.scf.as_mut().or(run.h0.as_mut()) {
        part.out = options.log.clone().or(part.out.take());
    }
    Ok(())
}

/// Errors of the input text at the end of a `.scfout`.
trait InTextOf {
    fn in_text_of(self, path: &Path) -> Self;
}

impl<T> InTextOf for Result<T> {
    fn in_text_of(self, path: &Path) -> Self {
        self.while_reading(|| "the input text at the end of the file".into()).in_file(path)
    }
}

/// What is known while a run is being read.
struct Reader<'a> {
    run: &'a Run,
    options: &'a ReadOptions,
    basis: &'a Basis,
    structure: &'a Structure,
}

/// The operators of a run.
struct Operators {
    overlap: Operator<f64>,
    hamiltonian0: Option<SpinOperator>,
    hamiltonian: Option<SpinOperator>,
    density_matrix: Option<SpinOperator>,
}

impl Reader<'_> {
    fn calculation(&self, first: &Part) -> Result<Calculation> {
        let operators = self.operators(first)?;
        let outs = self.outs()?;
        let version = outs.iter().find_map(|out| out.version.clone());
        let shared = |part: &Option<Part>| part.as_ref().map(|part| part.scfout.clone());
        let layout =
            Layout { hamiltonian0: shared(&self.run.h0), hamiltonian: shared(&self.run.scf), grid: self.grid(&outs)? };
        Ok(Calculation {
            structure: self.structure.clone(),
            basis: self.basis.clone(),
            overlap: Some(operators.overlap),
            hamiltonian: operators.hamiltonian,
            hamiltonian0: operators.hamiltonian0,
            density_matrix: operators.density_matrix,
            fermi_level: self.run.scf.as_ref().map(|part| part.scfout.tail.chem_p),
            n_electrons: Some(self.options.electrons.unwrap_or(first.scfout.tail.n_electrons)),
            valence_charges: self.valence_charges(first)?,
            smearing: Some(smearing(&first.scfout)),
            fixed_moment: None,
            k_list: None,
            k_grid: Some(spectrum::k_grid(&first.dat).in_text_of(&first.path)?),
            k_path: spectrum::k_path(&first.dat, self.structure).in_text_of(&first.path)?,
            printed: self.printed()?,
            native: Some(NativeLayout::OpenMx(layout)),
            origin: Origin {
                code: "OpenMX",
                version: Some(version.unwrap_or_else(|| version_of_layout(first.scfout.version).into())),
                files: self.files(),
                ev_per_hartree: constants::EV_PER_HARTREE,
                angstrom_per_bohr: constants::ANGSTROM_PER_BOHR,
                is_predicted: self.run.scf.as_ref().is_some_and(Part::is_prediction),
            },
        })
    }

    fn valence_charges(&self, first: &Part) -> Result<Option<Vec<f64>>> {
        let n_electrons = first.scfout.tail.n_electrons;
        species::valence_charges(&first.dat, self.basis, n_electrons).in_text_of(&first.path)
    }

    /// Files whose blocks are the same share them.
    fn operators(&self, first: &Part) -> Result<Operators> {
        let blocks = Blocks::new(&first.scfout, self.basis).in_file(&first.path)?;
        let overlap = self.overlap(first, &blocks)?;
        let hamiltonian = self.run.scf.as_ref().map(|part| self.hamiltonian(part, &blocks)).transpose()?;
        let dm = |part: &Part| blocks.density_matrix(&part.scfout).in_file(&part.path);
        let converged = self.run.scf.as_ref().filter(|part| part.has_own_density());
        let density_matrix = converged.map(dm).transpose()?;
        let hamiltonian0 = match &self.run.h0 {
            Some(part) if part.path != first.path => Some(self.second(part, first, &overlap, &blocks)?),
            Some(part) => Some(self.hamiltonian(part, &blocks)?),
            None => None,
        };
        Ok(Operators { overlap, hamiltonian0, hamiltonian, density_matrix })
    }

    /// H⁽⁰⁾ of a second file, which must be of the same structure and basis.
    fn second(&self, part: &Part, first: &Part, overlap: &Operator<f64>, blocks: &Blocks) -> Result<SpinOperator> {
        let basis = species::basis(&part.dat, &self.options.basis).in_text_of(&part.path)?;
        let structure = species::structure(&part.scfout, &basis);
        same_run::same_structure((&first.path, self.structure), (&part.path, &structure))?;
        let mut own = Blocks::new(&part.scfout, self.basis).in_file(&part.path)?;
        own.share(blocks.pairs());
        let own_overlap = own.overlap(&part.scfout).in_file(&part.path)?;
        same_run::same_overlap((&first.path, overlap), (&part.path, &own_overlap))?;
        drop(own_overlap);
        self.hamiltonian(part, &own)
    }

    fn hamiltonian(&self, part: &Part, blocks: &Blocks) -> Result<SpinOperator> {
        blocks.hamiltonian(&part.scfout, part.dat.uses_imaginary_part()).in_file(&part.path)
    }

    fn overlap(&self, first: &Part, blocks: &Blocks) -> Result<Operator<f64>> {
        let Some(path) = &self.options.overlap else { return blocks.overlap(&first.scfout).in_file(&first.path) };
        let scfout = Scfout::read(path)?;
        Blocks::new(&scfout, self.basis).and_then(|own| own.overlap(&scfout)).in_file(path)
    }

    fn printed(&self) -> Result<Vec<PrintedSpectrum>> {
        let parts = [(&self.run.h0, Of::H0), (&self.run.scf, Of::Scf)];
        let present = parts.into_iter().filter_map(|(part, of)| Some((part.as_ref()?, of)));
        let spectra = present.map(|(part, of)| spectrum::read(part, of)).collect::<Result<Vec<_>>>()?;
        Ok(spectra.into_iter().flatten().collect())
    }

    fn outs(&self) -> Result<Vec<Out>> {
        let files = self.run.parts().filter_map(|part| part.out.as_ref());
        files.map(|file| Out::parse(&input::open(file)?).in_file(file)).collect()
    }

    /// Of `.out`, else of a restart folder, else of the input text.
    fn grid(&self, outs: &[Out]) -> Result<Option<[u32; 3]>> {
        if let Some(grid) = outs.iter().find_map(|out| out.grid) {
            return Ok(Some(grid));
        }
        match self.run.parts().find_map(|part| part.crst_check.as_ref()) {
            Some(file) => rst::CrstCheck::parse(&input::open(file)?).map(|check| Some(check.grid)).in_file(file),
            None => Ok(self.run.parts().find_map(|part| part.dat.grid())),
        }
    }

    /// Everything that was read.
    fn files(&self) -> Vec<PathBuf> {
        let of_part = |part: &Part| [Some(part.path.clone()), part.out.clone(), part.band.clone()];
        self.run.parts().flat_map(of_part).flatten().chain(self.options.overlap.clone()).collect()
    }
}

/// Occupations with the electronic temperature.
fn smearing(scfout: &Scfout) -> Smearing {
    Smearing::FermiDirac(width(scfout.tail.e_temp))
}

/// k_B T in hartree.
pub(super) fn width(kelvin: f64) -> f64 {
    kelvin * constants::BOLTZMANN_EV / constants::EV_PER_HARTREE
}

/// What can be said without `.out`.
fn version_of_layout(version: Version) -> &'static str {
    match version {
        Version::V3_8 => "3.7 or 3.8",
        Version::V3_9 => "3.9",
    }
}
