//! Band structure of a run into bands.svg and bands.dat: `cargo run --example bands -- RUN [G-M-K-G]`.

use std::error::Error;
use std::path::Path;

use hzero::bands::export;
use hzero::bands::plot::Figure;
use hzero::bands::spectrum::SpectrumOptions;
use hzero::bands::structure::{Align, BandStructure, compute, own_sources, path};
use hzero::parsers::{ReadOptions, read};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = arguments.first().ok_or("usage: bands RUN [PATH]")?;
    let bands = draw(Path::new(folder), arguments.get(1).map(String::as_str), Path::new("."))?;
    for curve in &bands.curves {
        let lowest = curve.energies.iter().flatten().flatten().fold(f64::INFINITY, |a, b| a.min(*b));
        println!("{}: lowest state at {:.3} eV", curve.name, bands.relative_ev(curve, lowest));
    }
    Ok(())
}

/// Draws H0 and the converged H, as far as the run has them, each relative to its own Fermi level.
pub fn draw(folder: &Path, labels: Option<&str>, out: &Path) -> Result<BandStructure, Box<dyn Error>> {
    let run = read(folder, &ReadOptions::default())?;
    let sources = own_sources(&run, None)?;
    let path = path(&run, labels, Some(100))?;
    let bands = compute(&run, &sources, path, Align::Fermi, SpectrumOptions::default())?;
    std::fs::write(out.join("bands.svg"), Figure::new(&bands, [-25.0, 10.0])?.svg()?)?;
    std::fs::write(out.join("bands.dat"), export::text(&bands))?;
    Ok(bands)
}
