//! Eigenvalues alone and with eigenvectors come from different algorithms, which must agree.

use std::path::Path;

use faer::Par;
use hzero_parsers::bloch::BlochSum;
use hzero_parsers::eigen::OverlapFactor;
use hzero_parsers::{Calculation, read};

/// Points of high symmetry, where levels are degenerate and numbers may be real, and of none.
fn kpoints() -> Vec<[f64; 3]> {
    let axis = [0.0, 0.2, 1.0 / 3.0, 0.5];
    let plane = axis.iter().flat_map(|&x| axis.map(|y| [x, y, 0.0]));
    plane.chain([[0.5; 3], [0.35, 0.0, 0.35], [0.375, 0.375, 0.75], [0.13, -0.29, 0.41]]).collect()
}

#[test]
fn eigenvalues_of_the_fixtures_agree_with_and_without_vectors() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut runs = 0;
    for code in ["abacus", "openmx", "siesta"] {
        for folder in std::fs::read_dir(fixtures.join(code)).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(run) = read(&folder, &Default::default()) else { continue };
            runs += usize::from(compare(&run, &folder));
        }
    }
    assert!(runs >= 15, "only {runs} runs found");
}

fn compare(run: &Calculation, folder: &Path) -> bool {
    let (Some(h), Some(overlap)) = (&run.hamiltonian, &run.overlap) else { return false };
    let (h_sum, s_sum) = (BlochSum::new(h.pairs(), &run.basis), BlochSum::new(overlap.pairs(), &run.basis));
    for k in kpoints() {
        let s = s_sum.overlap_at(overlap, h.nspin() == 4, k);
        let Ok(factor) = OverlapFactor::new(s.as_ref(), k, None, Par::Seq) else { continue };
        for h_k in h_sum.channels_at(h, k) {
            let alone = factor.energies(h_k.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let beside = factor.states(h_k.as_ref()).unwrap().energies;
            let worst = alone.iter().zip(&beside).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-11 && alone.len() == beside.len(), "{}: {worst:e} at {k:?}", folder.display());
        }
    }
    true
}
