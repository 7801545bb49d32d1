//! A calculation at Γ alone adds up all images of a pair of orbitals: its files are not taken for those of single images.

mod runs;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hzero_parsers::siesta::hsx::{CellHead, Head, Hsx, Version};
use hzero_parsers::siesta::{Nc, Sparsity, Supercell, Tshs};
use hzero_parsers::{ReadOptions, read};

/// The file that SIESTA writes of the same crystal without auxiliary supercell.
fn folded(hsx: &Hsx) -> Hsx {
    let n = hsx.sparsity.n_rows();
    let mut sums: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    for row in 0..n {
        for element in hsx.sparsity.row(row) {
            let (column, _) = hsx.sparsity.column(element);
            let matrices = hsx.hamiltonian.iter().chain([&hsx.overlap]);
            let values: Vec<f64> = matrices.map(|matrix| matrix[element]).collect();
            let sum = sums.entry((row, column)).or_insert_with(|| vec![0.0; values.len()]);
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
    }
    let starts = (0..=n).map(|row| sums.range(..(row, 0)).count()).collect();
    let columns = sums.keys().map(|(_, column)| *column as i32 + 1).collect();
    let matrix = |component: usize| sums.values().map(|sum| sum[component]).collect::<Vec<f64>>();
    let nspin = hsx.hamiltonian.len();
    Hsx {
        head: Arc::new(at_gamma(&hsx.head)),
        sparsity: Arc::new(Sparsity::new(starts, columns, n).unwrap()),
        hamiltonian: (0..nspin).map(matrix).collect(),
        overlap: matrix(nspin),
    }
}

fn home() -> Arc<Supercell> {
    Arc::new(Supercell::new([1; 3]).unwrap())
}

fn at_gamma(head: &Head) -> Head {
    let cell = CellHead { supercell: home(), ..head.cell().unwrap().clone() };
    Head { version: Version::V2(cell, head.k_mesh().unwrap().clone()), ..head.clone() }
}

fn refused(path: &Path) {
    let message = read(path, &ReadOptions::default()).map(drop).unwrap_err().to_string();
    let said =
        ["a calculation at Γ alone adds up all images of a pair", "set `ForceAuxCell T` or a k mesh, and run again"];
    assert!(said.iter().all(|part| message.contains(part)), "{message}");
}

#[test]
fn folded_files_of_crystals_are_refused() {
    let fixtures = runs::project().join("fixtures/siesta");
    for name in ["fe", "fe2_nc", "feas_so", "mos2"] {
        let mut files = Vec::new();
        runs::walk(
            &fixtures.join(name).join("scf"),
            &|file| file.ends_with(".HSX") || file.contains(".HSX."),
            &mut files,
        );
        let bytes = hzero_parsers::input::open(files.first().expect("an HSX")).unwrap();
        let hsx = Hsx::parse(&bytes).unwrap();
        let gamma = folded(&hsx);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.HSX");
        gamma.write(&mut std::fs::File::create(&file).unwrap()).unwrap();
        refused(&file);
        refused(folder.path());
        let nc = folder.path().join("b.nc");
        if Nc::new(gamma.clone(), None).write(&nc, "b").is_ok() {
            refused(&nc);
        }
        let structure = hsx.structure().unwrap();
        let mesh = hsx.head.k_mesh().unwrap().clone();
        let tshs = Tshs::from_hsx(gamma, &structure, home(), 0.0, mesh);
        let (only, whole) = (folder.path().join("c.TSHS"), folder.path().join("whole.HSX"));
        tshs.write(&mut std::fs::File::create(&only).unwrap()).unwrap();
        std::fs::write(&whole, &bytes[..]).unwrap();
        let options = ReadOptions { overlap: Some(only), ..ReadOptions::default() };
        let message = read(&whole, &options).map(drop).unwrap_err().to_string();
        assert!(message.contains("c.TSHS: a calculation at Γ alone adds up all images"), "{message}");
    }
}

/// H of a molecule reaches farther than S: through the projectors of an atom between.
#[test]
fn pairs_that_h_alone_joins_are_looked_at_too() {
    let bytes = std::fs::read(runs::project().join("fixtures/siesta/h2o/scf/h2o.HSX")).unwrap();
    let mut hsx = Hsx::parse(&bytes).unwrap();
    let mut head = Head::clone(&hsx.head);
    let Version::V2(cell, _) = &mut head.version else { panic!("another version") };
    let [first, _, last] = [0, 1, 2].map(|atom| cell.positions[atom]);
    cell.positions[2] = std::array::from_fn(|axis| last[axis] + cell.cell[0][axis] - 2.0 * (last[axis] - first[axis]));
    hsx.head = Arc::new(head);
    let of_last = hsx.head.last_orbitals()[2] as usize..hsx.sparsity.n_rows();
    for row in 0..hsx.sparsity.n_rows() {
        for element in hsx.sparsity.row(row) {
            if of_last.contains(&row) != of_last.contains(&hsx.sparsity.column(element).0) {
                hsx.overlap[element] = 0.0;
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.HSX");
    hsx.write(&mut std::fs::File::create(&file).unwrap()).unwrap();
    let message = read(&file, &ReadOptions::default()).map(drop).unwrap_err().to_string();
    assert!(message.contains("atoms 1 and 3 are joined by H at"), "{message}");
}

#[test]
fn a_molecule_in_its_box_is_no_crystal() {
    let run = read(&runs::project().join("fixtures/siesta/h2o"), &ReadOptions::default()).unwrap();
    let pairs = run.hamiltonian.unwrap().pairs().clone();
    assert!(pairs.as_slice().iter().all(|pair| pair.r == [0; 3]));
}
