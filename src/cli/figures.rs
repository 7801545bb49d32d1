//! The files that show bands and densities of states: text, JSON, SVG, PNG, a page for a browser, and HDF5.

use std::path::{Path, PathBuf};

use anyhow::Context;

#[cfg(feature = "hdf5")]
use crate::bands::band_h5;
use crate::bands::dos::{self, Dos};
#[cfg(feature = "hdf5")]
use crate::bands::dos_h5;
use crate::bands::export;
use crate::bands::page::Page;
use crate::bands::plot::{DosFigure, Figure, default_window};
use crate::bands::structure::BandStructure;
use crate::parsers::output::write_file;

/// What is shown, and where the files go: `STEM.dat`, `.json`, `.svg`, `.png`, `.html`, and with the feature `hdf5` `STEM.h5`.
pub struct Figures<'a> {
    /// Heading of the page, such as the run's name.
    pub title: String,
    /// Folder, which is made if need be.
    pub folder: &'a Path,
    /// Name of the files, without ending.
    pub stem: &'a str,
    /// Energies to draw, eV relative to zero, if not the usual ones.
    pub window: Option<[f64; 2]>,
    /// Bands.
    pub bands: Option<&'a BandStructure>,
    /// Densities of states, beside the bands if there are some.
    pub dos: Option<&'a Dos>,
}

/// Ending and content of a file.
type Output = (&'static str, Vec<u8>);

impl Figures<'_> {
    /// Writes the files and names them.
    pub fn write(&self) -> anyhow::Result<Vec<PathBuf>> {
        let outputs = self.outputs()?;
        std::fs::create_dir_all(self.folder).with_context(|| self.folder.display().to_string())?;
        let write_one = |(ending, bytes): Output| {
            let file = self.folder.join(format!("{}.{ending}", self.stem));
            write_file(&file, |out| out.write_all(&bytes))?;
            Ok(file)
        };
        let mut files = outputs.into_iter().map(write_one).collect::<anyhow::Result<Vec<_>>>()?;
        #[cfg(feature = "hdf5")]
        files.extend(self.write_h5()?);
        Ok(files)
    }

    /// A file per Hamiltonian and spin, for which the layouts have no place: `STEM.h5`, or `STEM-SCF-up.h5`.
    #[cfg(feature = "hdf5")]
    fn write_h5(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for (bands, curve, spin) in
            self.bands.iter().flat_map(|bands| each_spin(*bands, &bands.curves, |c| c.energies.len()))
        {
            let file = self.h5_file("", bands.curves.len(), &curve.name, (spin, curve.energies.len()));
            band_h5::write(&file, bands, curve, spin)?;
            files.push(file);
        }
        let kind = if self.bands.is_some() { ".dos" } else { "" };
        for (dos, curve, spin) in self.dos.iter().flat_map(|dos| each_spin(*dos, &dos.curves, |c| c.total.len())) {
            let file = self.h5_file(kind, dos.curves.len(), &curve.name, (spin, curve.total.len()));
            dos_h5::write(&file, dos, curve, spin)?;
            files.push(file);
        }
        Ok(files)
    }

    #[cfg(feature = "hdf5")]
    fn h5_file(&self, kind: &str, n_curves: usize, name: &str, (spin, n_spins): (usize, usize)) -> PathBuf {
        let name = if n_curves == 1 { String::new() } else { format!("-{}", plain(name)) };
        let spin = if n_spins == 2 { ["-up", "-down"][spin] } else { "" };
        self.folder.join(format!("{}{name}{spin}{kind}.h5", self.stem))
    }

    fn outputs(&self) -> anyhow::Result<Vec<Output>> {
        let window = self.window.unwrap_or_else(|| default_window(self.bands, self.dos));
        let mut outputs = Vec::new();
        if let Some(bands) = self.bands {
            let json = serde_json::to_string(&export::json(bands))? + "\n";
            outputs.extend([("dat", export::text(bands).into_bytes()), ("json", json.into_bytes())]);
        }
        if let Some(dos) = self.dos {
            let endings = if self.bands.is_some() { ["dos.dat", "dos.json"] } else { ["dat", "json"] };
            let json = serde_json::to_string(&dos::export::json(dos))? + "\n";
            outputs.extend(endings.into_iter().zip([dos::export::text(dos).into_bytes(), json.into_bytes()]));
        }
        let (svg, png) = self.drawn(window)?;
        let page = Page { title: &self.title, stem: self.stem, window, bands: self.bands, dos: self.dos };
        outputs.extend([("svg", svg.into_bytes()), ("png", png), ("html", page.html()?.into_bytes())]);
        Ok(outputs)
    }

    /// The figure as SVG and PNG.
    fn drawn(&self, window: [f64; 2]) -> anyhow::Result<(String, Vec<u8>)> {
        if let Some(bands) = self.bands {
            let figure = Figure::with_dos(bands, self.dos, window)?;
            return Ok((figure.svg()?, figure.png()?));
        }
        let figure = DosFigure::new(self.dos.context("nothing to draw")?, window)?;
        Ok((figure.svg()?, figure.png()?))
    }
}

/// Every curve with each of its spins.
#[cfg(feature = "hdf5")]
fn each_spin<'a, All, Curve>(
    all: &'a All,
    curves: &'a [Curve],
    n_spins: impl Fn(&Curve) -> usize + 'a,
) -> impl Iterator<Item = (&'a All, &'a Curve, usize)> {
    curves.iter().flat_map(move |curve| (0..n_spins(curve)).map(move |spin| (all, curve, spin)))
}

/// A name inside a file's name.
#[cfg(feature = "hdf5")]
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

/// What to call a run: the name of its folder or file.
pub fn title(run: &Path) -> String {
    let absolute = run.canonicalize().unwrap_or_else(|_| run.to_owned());
    absolute.file_name().unwrap_or(absolute.as_os_str()).to_string_lossy().into_owned()
}
