//! Repeats a run of ABACUS along its lattice vectors: `cargo run --release --example tile -- RUN 10 10 1 OUT`.

use std::error::Error;
use std::fs;
use std::path::Path;

use hzero::parsers::abacus::csr::{Csr, CsrLayout, Header, Quantity, THRESHOLD};
use hzero::parsers::abacus::stru::{Coordinates, Stru};
use hzero::parsers::abacus::{Folder, Run, matrix};
use hzero::parsers::output::write_file;
use hzero::parsers::{Calculation, ReadOptions, read, tile};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, x, y, z, out] = arguments.as_slice() else { return Err("usage: tile RUN X Y Z OUT".into()) };
    let n_atoms = write_tiled(Path::new(run), [x.parse()?, y.parse()?, z.parse()?], Path::new(out))?;
    println!("{out}: {n_atoms} atoms");
    Ok(())
}

/// Writes STRU, h0-HR.csr and SR.csr, and the INPUT of the run; returns the number of atoms.
pub fn write_tiled(run: &Path, repeats: [usize; 3], out: &Path) -> Result<usize, Box<dyn Error>> {
    let tiled = tile(&read(run, &ReadOptions::default())?, repeats)?;
    let folder = Run::discover(run)?;
    let own = |of: fn(&Folder) -> Option<&Path>| folder.folders().find_map(of);
    let stru = own(|folder| folder.stru.as_deref()).ok_or("the run has no STRU")?;
    fs::create_dir_all(out)?;
    fs::write(out.join("STRU"), tiled_stru(Stru::parse(&fs::read(stru)?)?, &tiled).write())?;
    if let Some(input) = own(|folder| folder.input_path.as_deref()) {
        fs::copy(input, out.join("INPUT"))?;
    }
    let (h0, overlap) = (tiled.hamiltonian0.as_ref().ok_or("no H0")?, tiled.overlap.as_ref().ok_or("no S")?);
    put(&out.join("h0-HR.csr"), &matrix::hamiltonian_to_csr(h0, &tiled.basis, &[layout(Quantity::Hamiltonian)])?[0])?;
    put(&out.join("SR.csr"), &matrix::overlap_to_csr(overlap, &tiled.basis, &layout(Quantity::Overlap)))?;
    Ok(tiled.structure.n_atoms())
}

/// The old layout, with all digits of a double.
fn layout(quantity: Quantity) -> CsrLayout {
    let header = Header::old_layout(quantity, 0);
    CsrLayout { header, digits: 16, is_complex: false, lattice_vectors: Vec::new(), threshold: THRESHOLD }
}

fn put(path: &Path, csr: &Csr) -> Result<(), Box<dyn Error>> {
    Ok(write_file(path, |out| csr.write(out))?)
}

/// Atoms of one species stand together in STRU, as copies of one atom do in a tiled run.
fn tiled_stru(mut stru: Stru, tiled: &Calculation) -> Stru {
    stru.vectors = Some(tiled.structure.lattice / stru.lattice_constant);
    stru.coordinates = Coordinates::CartesianAu;
    let n_copies = tiled.structure.n_atoms() / stru.n_atoms();
    let mut positions = tiled.structure.positions.iter();
    for group in &mut stru.groups {
        group.atoms = group.atoms.iter().flat_map(|atom| std::iter::repeat_n(atom.clone(), n_copies)).collect();
        group.atoms.iter_mut().zip(&mut positions).for_each(|(atom, position)| atom.position = *position);
    }
    stru
}
