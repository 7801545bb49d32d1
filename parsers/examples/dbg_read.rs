//! debug
use hzero_parsers::{ReadOptions, read};
fn main() {
    for p in std::env::args().skip(1) {
        match read(std::path::Path::new(&p), &ReadOptions::default()) {
            Ok(c) => println!(
                "{p}: atoms {} orb {} h0 {:?} h {:?} s {:?} dm {:?} ef {:?} ne {:?} {:?} {:?} path {:?} v {:?} printed {:?}",
                c.structure.n_atoms(),
                c.basis.n_orbitals(),
                c.hamiltonian0.as_ref().map(|h| h.pairs().len()),
                c.hamiltonian.as_ref().map(|h| h.pairs().len()),
                c.overlap.as_ref().map(|h| h.pairs().len()),
                c.density_matrix.as_ref().map(|h| h.pairs().len()),
                c.fermi_level.map(|e| e * c.origin.ev_per_hartree),
                c.n_electrons,
                c.smearing,
                c.k_grid,
                c.k_path.map(|p| p.len()),
                c.origin.version,
                c.printed
                    .iter()
                    .map(|p| (
                        p.of,
                        p.kpoints.len(),
                        p.energies.len(),
                        p.precision,
                        p.file.file_name().unwrap().to_owned()
                    ))
                    .collect::<Vec<_>>()
            ),
            Err(e) => println!("{p}: ERROR {e}"),
        }
    }
}
