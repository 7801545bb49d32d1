//! The run folders that the tests walk through, copies of them, and broken bytes.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::path::{Path, PathBuf};

use hzero_parsers::basis::parse_shells;
use hzero_parsers::{Basis, Density, Species, SpinOperator};

/// All files below `fixtures/abacus` whose name fits.
pub fn fixtures(fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&project().join("fixtures/abacus"), &fits, &mut found);
    assert!(!found.is_empty(), "no fixture fits");
    found
}

/// The fixtures and, where it is present, the files below `../shared/dft/abacus*` (or `$HZERO_SHARED/dft`).
pub fn files(fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = fixtures(&fits);
    if let Some(larger) = larger_runs() {
        for folder in ["abacus", "abacus311"] {
            walk(&larger.join(folder), &fits, &mut found);
        }
    }
    found
}

/// `../shared/dft` or `$HZERO_SHARED/dft`, where it is present.
pub fn larger_runs() -> Option<PathBuf> {
    let shared = std::env::var_os("HZERO_SHARED").map_or(project().join("../shared"), PathBuf::from);
    let runs = Some(shared.join("dft")).filter(|runs| runs.is_dir());
    if runs.is_none() {
        println!("skipped: the runs of {} (absent)", shared.display());
    }
    runs
}

pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Adds the files below `folder` whose name fits, sorted; none where the folder is absent.
pub fn walk(folder: &Path, fits: &impl Fn(&str) -> bool, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, fits, found);
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(fits) {
            found.push(path);
        }
    }
}

/// A copy of a folder that a test may change.
pub fn copy(from: &Path) -> tempfile::TempDir {
    let target = tempfile::tempdir().unwrap();
    copy_folder(from, target.path());
    target
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::write(&target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Neither cutting the head of a file nor putting these bytes into it may make a parser panic.
pub fn damage(head: &[u8], bytes: &[u8], parser: fn(&[u8]) -> hzero_parsers::Result<()>) {
    for n in 0..60 {
        let _ = parser(&head[..head.len() * n / 60]);
        let mut changed = head.to_vec();
        for (offset, byte) in changed.iter_mut().enumerate().skip(n).step_by(61) {
            *byte = bytes[(offset + n) % bytes.len()];
        }
        let _ = parser(&changed);
    }
}

/// A density of which only DM and the Fermi level are looked at.
pub fn density(matrix: SpinOperator, fermi_level: f64) -> Density {
    Density {
        energy_weighted: matrix.clone(),
        matrix,
        electrons: 0.0,
        fermi_level,
        spin_fermi_levels: None,
        band_energy: 0.0,
        entropy_energy: 0.0,
        band_edges: None,
    }
}

/// The basis of the system whose name occurs in `path`.
pub fn basis(path: &Path) -> Basis {
    let text = path.to_string_lossy();
    let (_, shells) = BASES.iter().find(|(name, _)| text.contains(name)).expect("a system with a known basis");
    let species: Vec<Species> = shells
        .iter()
        .map(|text| Species { label: "X".into(), z: None, shells: parse_shells(text).unwrap(), cutoff: None })
        .collect();
    let species_of: Vec<usize> = (0..species.len()).collect();
    Basis::new(species, &species_of).unwrap()
}

/// Shells atom by atom.
const BASES: &[(&str, &[&str])] = &[
    ("H2_toy", &["2s", "2s"]),
    ("H2O_box", &["2s2p1d", "2s1p", "2s1p"]),
    ("O2_box", &["2s2p1d", "2s2p1d"]),
    ("graphene_sqrt3", &["2s2p1d"; 6]),
    ("graphene", &["2s2p1d", "2s2p1d"]),
    ("si2_soc_sz", &["1s1p", "1s1p"]),
    ("si2", &["2s2p1d", "2s2p1d"]),
    ("Si_diamond", &["2s2p1d", "2s2p1d"]),
    ("o2_spin2", &["1s1p", "1s1p"]),
    ("o2_nc", &["1s1p", "1s1p"]),
    ("TiSe2", &["4s2p2d1f", "2s2p1d", "2s2p1d"]),
    ("Fe_bcc", &["4s2p2d1f"]),
    ("fe_spin2", &["4s2p2d1f"]),
    ("GaAs_monolayer_soc", &["2s2p2d", "2s2p2d"]),
    ("gaas_soc", &["2s2p2d", "2s2p2d"]),
];
