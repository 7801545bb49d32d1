//! A run written as FHI-aims writes it, by what its files are known to mean, and not by the reader's code.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use hzero_parsers::{Calculation, Operator, Pair, SpinOperator, Structure};
use nalgebra::Vector3;

/// ångström, eV per atomic unit, as FHI-aims has them.
const ANGSTROM: f64 = 0.52917721;

/// What FHI-aims does differently from everyone else. Any of them can be left out, to show that the reader depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Conventions {
    /// The row orbital sits in cell R; else the column orbital.
    pub row_in_cell: bool,
    /// R counts from the atoms moved into the centred cell; else from those of `geometry.in`.
    pub centred: bool,
    /// Harmonics of odd positive m are turned.
    pub signs: bool,
    /// Radial functions of one l come one after the other; else their m are interleaved.
    pub one_after_the_other: bool,
}

pub const ALL: Conventions = Conventions { row_in_cell: true, centred: true, signs: true, one_after_the_other: true };

/// An orbital of the listing: atom, shell, l, m, and its place among the orbitals of the atom.
struct Listed {
    atom: usize,
    shell: usize,
    l: i32,
    m: i32,
    place: usize,
}

fn listing(run: &Calculation, conventions: Conventions) -> Vec<Listed> {
    let mut listing = Vec::new();
    for atom in 0..run.structure.n_atoms() {
        let mut place = 0;
        for (shell, kind) in run.basis.species_of(atom).shells.iter().enumerate() {
            let l = i32::from(kind.l);
            for m in -l..=l {
                listing.push(Listed { atom, shell, l, m, place });
                place += 1;
            }
        }
    }
    if !conventions.one_after_the_other {
        listing.sort_by_key(|orbital| (orbital.atom, orbital.l, orbital.m, orbital.shell));
    }
    listing
}

fn sign(orbital: &Listed, conventions: Conventions) -> f64 {
    if conventions.signs && orbital.m > 0 && orbital.m % 2 == 1 { -1.0 } else { 1.0 }
}

/// Cell of each atom seen from the centred cell.
pub fn cells_from_centre(structure: &Structure) -> Vec<[i32; 3]> {
    let cell = |position| structure.to_reduced(position).unwrap().map(|x| (x - 0.5 - 1e-8).ceil() as i32).into();
    structure.positions.iter().map(cell).collect()
}

/// The same blocks where atom i was moved by −cells\[i\].
fn moved(pair: &Pair, cells: &[[i32; 3]]) -> Pair {
    let (i, j) = (cells[pair.i as usize], cells[pair.j as usize]);
    Pair { r: [0, 1, 2].map(|a| pair.r[a] + j[a] - i[a]), ..*pair }
}

/// `R` and the block of each pair, as the reader shall find them.
pub fn expected<'a>(operator: &'a Operator<f64>, cells: &'a [[i32; 3]]) -> impl Iterator<Item = (Pair, &'a [f64])> {
    operator.blocks().map(|(pair, block)| (moved(pair, cells), block))
}

/// Writes all files of a run into `folder`; atoms of `geometry.in` lie `away` cells from those of the run.
pub fn write(folder: &Path, run: &Calculation, away: &[[i32; 3]], conventions: Conventions) {
    let cells = match conventions.centred {
        true => cells_from_centre(&run.structure),
        false => away.iter().map(|cell| cell.map(|x| -x)).collect(),
    };
    let listing = listing(run, conventions);
    write_texts(folder, run, away, &listing);
    let pattern = run.overlap.iter().chain(channels(run)).flat_map(|o| o.pairs().as_slice());
    let mut images: Vec<[i32; 3]> = pattern.map(|pair| moved(pair, &cells).r).collect();
    images.sort_unstable();
    images.dedup();
    let stored = stored(run, &cells, &listing, &images, conventions);
    fs::write(folder.join("rs_indices.out"), indices(&images, listing.len(), &stored)).unwrap();
    let names: &[&str] =
        if channels(run).count() == 2 { &["hamiltonian_up", "hamiltonian_dn"] } else { &["hamiltonian"] };
    let operators = run.overlap.iter().map(|s| ("overlap", s)).chain(names.iter().copied().zip(channels(run)));
    for (name, operator) in operators {
        let value = |entry: &Entry| {
            let block = operator.get(&entry.pair).map_or(0.0, |block| block[entry.place]);
            format!("{:24.16E}\n", block * entry.sign)
        };
        let values: String = stored.iter().flatten().map(value).collect();
        fs::write(folder.join(format!("rs_{name}.out")), values + "  0.0000000000000000E+00\n").unwrap();
    }
}

pub fn channels(run: &Calculation) -> impl Iterator<Item = &Operator<f64>> {
    let operators: Vec<&Operator<f64>> = match &run.hamiltonian {
        Some(SpinOperator::Unpolarized(h)) => vec![h],
        Some(SpinOperator::Collinear([up, down])) => vec![up, down],
        _ => Vec::new(),
    };
    operators.into_iter()
}

/// An element of the files: its column, and where the run has it.
struct Entry {
    column: usize,
    pair: Pair,
    place: usize,
    sign: f64,
}

/// The elements of each cell and row: columns up to the row, all of a block.
fn stored(
    run: &Calculation,
    cells: &[[i32; 3]],
    listing: &[Listed],
    images: &[[i32; 3]],
    conventions: Conventions,
) -> Vec<Vec<Entry>> {
    let back: Vec<[i32; 3]> = cells.iter().map(|cell| cell.map(|x| -x)).collect();
    let has = |pair: &Pair| run.overlap.iter().chain(channels(run)).any(|o| o.get(pair).is_some());
    let row = |image: &[i32; 3], row: usize| {
        let (here, r) = (&listing[row], if conventions.row_in_cell { image.map(|x| -x) } else { *image });
        let entry = |column: usize| {
            let there = &listing[column];
            let pair = moved(&Pair { i: here.atom as u32, j: there.atom as u32, r }, &back);
            let width = run.basis.orbitals_of(there.atom).len();
            let sign = sign(here, conventions) * sign(there, conventions);
            Entry { column, pair, place: here.place * width + there.place, sign }
        };
        (0..=row).map(entry).filter(|entry| has(&entry.pair)).collect()
    };
    images.iter().flat_map(|image| (0..listing.len()).map(move |n| row(image, n))).collect()
}

fn indices(images: &[[i32; 3]], n_orbitals: usize, stored: &[Vec<Entry>]) -> String {
    let n_elements: usize = stored.iter().map(Vec::len).sum();
    let mut text = format!("n_hamiltonian_matrix_size: {:12}\n", n_elements + 1);
    writeln!(text, "n_cells_in_hamiltonian: {:12}\nn_basis: {n_orbitals:12}\ncell_index", images.len() + 1).unwrap();
    for [x, y, z] in images.iter().chain([&[999_999_999; 3]]) {
        writeln!(text, "{x:11}{y:11}{z:11}").unwrap();
    }
    let range = |next: &mut i64, row: &Vec<Entry>| {
        let first = *next;
        *next += row.len() as i64;
        Some(if row.is_empty() { [0, -1] } else { [first, *next - 1] })
    };
    let ranges: Vec<[i64; 2]> = stored.iter().scan(1, range).collect();
    for end in [0, 1] {
        writeln!(text, "index_hamiltonian({},:,:)", end + 1).unwrap();
        for row in ranges.chunks(n_orbitals).chain([&vec![[0, -1]; n_orbitals][..]]) {
            let numbers: String = row.iter().map(|range| format!("{:11}", range[end])).collect();
            writeln!(text, "{numbers}").unwrap();
        }
    }
    writeln!(text, "column_index_hamiltonian").unwrap();
    stored.iter().flatten().for_each(|entry| writeln!(text, "{:10}", entry.column + 1).unwrap());
    text + "         0\n"
}

fn write_texts(folder: &Path, run: &Calculation, away: &[[i32; 3]], listing: &[Listed]) {
    let mut orbitals = String::from("\n  fn.   type   at.   n   l   m\n");
    for (number, Listed { atom, shell, l, m, .. }) in listing.iter().enumerate() {
        // Two types take turns, so that n and l alone do not tell radial functions apart.
        let kind = if shell % 2 == 0 { "atomic" } else { "hydro" };
        writeln!(orbitals, "{:5} {kind:8} {:3} {:3} {l:3} {m:3}", number + 1, atom + 1, l + 1).unwrap();
    }
    fs::write(folder.join("basis-indices.out"), orbitals).unwrap();
    let mut geometry = String::new();
    for row in run.structure.lattice.row_iter() {
        let [x, y, z] = [0, 1, 2].map(|a| row[a] * ANGSTROM);
        writeln!(geometry, "lattice_vector {x} {y} {z}").unwrap();
    }
    for (atom, position) in run.structure.positions.iter().enumerate() {
        let Vector3 { data, .. } = (position + run.structure.translation(away[atom])) * ANGSTROM;
        let [[x, y, z]] = data.0;
        writeln!(geometry, "atom {x} {y} {z} {}", run.basis.species_of(atom).label).unwrap();
    }
    fs::write(folder.join("geometry.in"), geometry).unwrap();
    let control = "k_grid 4 4 1\noccupation_type fermi 0.05\nspecies Si\n nucleus 14\nspecies Fe\n nucleus 26\nspecies O\n nucleus 8\n";
    fs::write(folder.join("control.in"), format!("{control}species H\n nucleus 1\n")).unwrap();
    let log = "  FHI-aims version      : 240920.1\n  | Chemical potential (Fermi level):    -5.44227690 eV\n";
    fs::write(folder.join("aims.out"), format!("{log}  Self-consistency cycle converged.\n")).unwrap();
}
