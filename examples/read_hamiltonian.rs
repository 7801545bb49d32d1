//! Reads a run and prints its largest hopping: `cargo run --example read_hamiltonian -- RUN`.

use std::error::Error;
use std::path::Path;

use hzero::parsers::units::{BOHR_IN_ANGSTROM, HARTREE_IN_EV};
use hzero::parsers::{ReadOptions, SpinOperator, read};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: read_hamiltonian RUN")?;
    print!("{}", largest_hopping(Path::new(&folder))?);
    Ok(())
}

/// The block of a bond with the largest element, in words.
pub fn largest_hopping(folder: &Path) -> Result<String, Box<dyn Error>> {
    let run = read(folder, &ReadOptions::default())?;
    let h = match run.hamiltonian.or(run.hamiltonian0).ok_or("no Hamiltonian in this run")? {
        SpinOperator::Unpolarized(h) => h,
        SpinOperator::Collinear([up, _]) => up,
        SpinOperator::Spinor(_) => return Err("spinors have four complex blocks: see SpinOperator::Spinor".into()),
    };

    // H(R) is a list of blocks: (i, j, R) with the rows of atom i and the columns of atom j in cell R, in hartree.
    let size = |block: &[f64]| block.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let bonds = h.blocks().filter(|(pair, _)| !pair.is_onsite());
    let (pair, block) = bonds.max_by(|a, b| size(a.1).total_cmp(&size(b.1))).ok_or("no bond")?;
    let distance = run.structure.displacement(pair).norm() * BOHR_IN_ANGSTROM;
    let [a, b] = [pair.i, pair.j].map(|atom| run.basis.species_of(atom as usize));
    Ok(format!(
        "{} atoms, {} orbitals\nlargest hopping {:.4} eV over {distance:.3} angstrom\n\
         from atom {} ({} {}) to atom {} ({} {}) in cell {:?}\n",
        run.structure.n_atoms(),
        run.basis.n_orbitals(),
        size(block) * HARTREE_IN_EV,
        pair.i,
        a.label,
        a.shells_text(),
        pair.j,
        b.label,
        b.shells_text(),
        pair.r,
    ))
}
