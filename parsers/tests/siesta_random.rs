//! Random matrices of random crystals: file → struct → file, and components → blocks → components, change nothing.

use std::sync::Arc;

use hzero_parsers::siesta::hsx::{CellHead, Head, KMesh, SpeciesHead, VectorHead, Version};
use hzero_parsers::siesta::{Hsx, Sparsity, Supercell, matrix};

const SYSTEMS: u64 = 200;

#[test]
fn random_files_come_back() {
    for seed in 0..SYSTEMS {
        let hsx = random_hsx(&mut Random(seed));
        let mut bytes = Vec::new();
        hsx.write(&mut bytes).unwrap();
        assert!(Hsx::parse(&bytes).unwrap() == hsx, "seed {seed}");
    }
}

#[test]
fn random_blocks_become_the_same_components() {
    for seed in 0..SYSTEMS {
        let hsx = random_hsx(&mut Random(seed));
        let Some(cell) = hsx.head.cell() else { continue };
        let basis = hsx.basis().unwrap();
        let places = matrix::Places::new(&hsx.sparsity, &cell.supercell, &basis).unwrap();
        let nspin = hsx.head.nspin;
        let h = matrix::hamiltonian(&hsx.hamiltonian, &places).unwrap();
        assert!(matrix::components_of_hamiltonian(&h, nspin, &places).unwrap() == hsx.hamiltonian, "seed {seed}");
        let dm = matrix::density_matrix(&hsx.hamiltonian, &places).unwrap();
        assert!(matrix::components_of_density_matrix(&dm, nspin, &places).unwrap() == hsx.hamiltonian, "seed {seed}");
        let s = matrix::overlap(&hsx.overlap, &places).unwrap();
        assert!(matrix::components_of_overlap(&s, &places) == hsx.overlap, "seed {seed}");
        let overlapping = h.pairs().as_slice().iter().filter(|pair| (pair.i, pair.j) != (0, 1));
        assert!(overlapping.eq(s.pairs().as_slice()), "seed {seed}");
        let wrong = if nspin == 8 { 1 } else { 8 };
        assert_eq!(matrix::components_of_hamiltonian(&h, wrong, &places).is_ok(), nspin == 4, "seed {seed}");
    }
}

/// Two to four atoms of two species with shells up to f, any spin, any version, some of all elements in random order.
fn random_hsx(random: &mut Random) -> Hsx {
    let nspin = [1, 2, 4, 8][random.below(4)];
    let species: Vec<SpeciesHead> = (0..2).map(|_| random_species(random)).collect();
    let species_of: Vec<i32> = (0..2 + random.below(3)).map(|_| 1 + random.below(2) as i32).collect();
    let counts = species_of.iter().map(|s| species[*s as usize - 1].orbitals.len());
    let atom_of: Vec<usize> = counts.enumerate().flat_map(|(atom, n)| std::iter::repeat_n(atom, n)).collect();
    let supercell = Supercell::new([0; 3].map(|_| 1 + 2 * random.below(2) as i32)).unwrap();
    let sparsity = random_sparsity(random, atom_of.len(), supercell.offsets.len());
    let n_elements = sparsity.n_elements();
    // in single precision, which version 0 has
    let mut numbers = || (0..n_elements).map(|_| f64::from(random.number() as f32)).collect::<Vec<f64>>();
    let hamiltonian = (0..nspin).map(|_| numbers()).collect();
    let mut overlap = numbers();
    // S lacks all blocks between the first atom and the second one
    for row in 0..atom_of.len() {
        let meets = |element: &usize| atom_of[row] == 0 && atom_of[sparsity.column(*element).0] == 1;
        sparsity.row(row).filter(meets).for_each(|element| overlap[element] = 0.0);
    }
    let version = random_version(random, &atom_of, supercell, n_elements);
    let head = Head { nspin, n_electrons: 8.0, temperature: 0.002, species, species_of, version };
    Hsx { head: Arc::new(head), sparsity: Arc::new(sparsity), hamiltonian, overlap }
}

fn random_species(random: &mut Random) -> SpeciesHead {
    let shells = (0..1 + random.below(3)).map(|zeta| [3, random.below(4) as i32, zeta as i32 + 1]);
    let orbitals = shells.flat_map(|shell| std::iter::repeat_n(shell, 2 * shell[1] as usize + 1)).collect();
    SpeciesHead { label: *b"Mo_surface          ", valence: random.number(), orbitals }
}

/// The first and the last column of every row are there.
fn random_sparsity(random: &mut Random, n_orbitals: usize, n_images: usize) -> Sparsity {
    let n_columns = (n_orbitals * n_images) as i32;
    let (mut row_starts, mut columns) = (vec![0], Vec::new());
    for _ in 0..n_orbitals {
        let mut row: Vec<i32> = (2..n_columns).filter(|_| random.below(3) == 0).collect();
        row.insert(random.below(row.len() + 1), n_columns);
        if n_columns > 1 {
            row.insert(random.below(row.len() + 1), 1);
        }
        (0..row.len()).for_each(|place| row.swap(place, random.below(place + 1)));
        columns.extend(row);
        row_starts.push(columns.len());
    }
    Sparsity::new(row_starts, columns, n_columns as usize).unwrap()
}

fn random_version(random: &mut Random, atom_of: &[usize], supercell: Supercell, n_elements: usize) -> Version {
    let n_orbitals = atom_of.len();
    let n_atoms = atom_of[n_orbitals - 1] + 1;
    let cell = CellHead {
        is_double: random.below(2) as i32,
        cell: [[5.0, 0.0, 0.5], [0.0, 6.0, 0.0], [0.0, 0.25, 7.0]],
        positions: (0..n_atoms).map(|_| [random.number(), random.number(), random.number()]).collect(),
        fermi_level: random.number(),
        last_orbitals: (0..n_atoms).map(|atom| atom_of.partition_point(|a| *a <= atom) as i32).collect(),
        supercell: Arc::new(supercell),
    };
    match random.below(3) {
        0 => Version::V0(vector_head(atom_of, cell.supercell.offsets.len(), n_elements)),
        1 => Version::V1(cell),
        _ => Version::V2(cell, KMesh { cell: [3, 0, 0, 0, 4, 0, 0, 1, 5], displacement: [0.5, 0.0, random.number()] }),
    }
}

fn vector_head(atom_of: &[usize], n_images: usize, n_elements: usize) -> VectorHead {
    let n_orbitals = atom_of.len();
    let n_columns = if n_images == 1 { 0 } else { n_orbitals * n_images };
    VectorHead {
        gamma: i32::from(n_images == 1),
        home_orbitals: (0..n_columns).map(|column| (column % n_orbitals) as i32 + 1).collect(),
        vectors: (0..n_elements).map(|element| [element as f32, 0.5, -1.0]).collect(),
        orbitals: (0..n_orbitals).map(|orbital| place(atom_of, orbital)).collect(),
    }
}

/// (atom, orbital inside it) from 1.
fn place(atom_of: &[usize], orbital: usize) -> [i32; 2] {
    let first = atom_of.partition_point(|atom| *atom < atom_of[orbital]);
    [atom_of[orbital] as i32 + 1, (orbital - first) as i32 + 1]
}

/// A linear congruential generator: the same systems on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    /// In −1 … 1.
    fn number(&mut self) -> f64 {
        self.next() as f64 / (1_u64 << 30) as f64 - 1.0
    }
}
