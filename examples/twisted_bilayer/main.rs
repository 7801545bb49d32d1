//! Writes a cell of twisted bilayer graphene as a folder of DeepH: `cargo run --release --features hdf5 --example
//! twisted_bilayer -- M OUT`, with 4(3M² + 3M + 1) atoms and orbitals (M = 29: 10444, 1.1 degrees turned).

pub mod model;

use std::error::Error;
use std::path::Path;

use hzero::parsers::convert::{Notes, WriteOptions, Writing};
use hzero::parsers::format::Format;
use hzero::parsers::{Of, neutral};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [m, out] = arguments.as_slice() else { return Err("usage: twisted_bilayer M OUT".into()) };
    println!("{out}: {} atoms", write(m.parse()?, Path::new(out))?);
    Ok(())
}

/// Writes the cell (m, m + 1); returns the number of atoms.
pub fn write(m: usize, out: &Path) -> Result<usize, Box<dyn Error>> {
    let run = model::twisted_bilayer(m)?;
    let (options, notes) = (WriteOptions::default(), Notes::default());
    let hamiltonian = run.hamiltonian.as_ref().map(|h| (Of::Scf, h));
    std::fs::create_dir_all(out)?;
    neutral::write(Format::Deeph, out, &Writing { run: &run, hamiltonian, options: &options, notes: &notes })?;
    Ok(run.structure.n_atoms())
}
