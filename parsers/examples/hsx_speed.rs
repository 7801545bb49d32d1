//! How fast HSX files of SIESTA become matrices and blocks, against a copy of the file in memory.
//!
//! ```text
//! cargo run --release -p hzero-parsers --example hsx_speed -- [CELLS_PER_AXIS] [FILE]
//! ```
//!
//! The file is a supercell of bcc iron, spin-polarised (8 cells per axis: about 230 MB); FILE keeps it, for other programs to
//! read (`scripts/compare_speed.py` has sisl read it). The best of some rounds counts; CPU seconds are those of all threads.

mod process;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use hzero_parsers::siesta::hsx::{CellHead, Head, Version};
use hzero_parsers::siesta::{Hsx, Sparsity, Supercell, matrix};
use hzero_parsers::{input, output};
use process::cpu_seconds;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/siesta/fe/scf/fe.HSX");
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let cells = arguments.next().map_or(Ok(8), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let file = arguments.next().map_or(folder.path().join("fe.HSX"), PathBuf::from);
    let hsx = supercell(&Hsx::parse(&input::open(Path::new(FIXTURE))?)?, cells)?;
    output::write_file(&file, |out| hsx.write(out))?;
    drop(hsx);
    let megabytes = std::fs::metadata(&file)?.len() as f64 / 1e6;
    println!("file          {megabytes:8.1} MB");
    report("copy", megabytes, || Ok(std::hint::black_box(input::open(&file)?.to_vec()).len()))?;
    report("parse", megabytes, || Ok(Hsx::parse(&input::open(&file)?)?.overlap.len()))?;
    report("into blocks", megabytes, || blocks(&Hsx::parse(&input::open(&file)?)?))
}

fn report<T>(name: &str, megabytes: f64, work: impl Fn() -> Result<T, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let (mut best, mut best_cpu) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let (start, before) = (Instant::now(), cpu_seconds()?);
        std::hint::black_box(work()?);
        best = best.min(start.elapsed().as_secs_f64());
        best_cpu = best_cpu.min(cpu_seconds()? - before);
    }
    println!("{name:12}  {best:8.3} s   {:8.0} MB/s  {best_cpu:8.3} CPU s", megabytes / best);
    Ok(())
}

fn blocks(hsx: &Hsx) -> Result<usize, Box<dyn Error>> {
    let structure = hsx.structure().ok_or("no structure")?;
    let (basis, supercell) = (hsx.basis()?, hsx.supercell(&structure)?);
    let places = matrix::Places::new(&hsx.sparsity, &supercell, &basis)?;
    let h = matrix::hamiltonian(&hsx.hamiltonian, &places)?;
    Ok(h.pairs().n_values() + matrix::overlap(&hsx.overlap, &places)?.values().len())
}

/// The same crystal in a cell of n × n × n, with n beyond the reach of the orbitals.
fn supercell(small: &Hsx, n: i32) -> Result<Hsx, Box<dyn Error>> {
    let head = small.head.cell().ok_or("no structure")?;
    let images = Supercell::new([3; 3])?;
    let cells = || (0..n).flat_map(move |z| (0..n).flat_map(move |y| (0..n).map(move |x| [x, y, z])));
    let number = |[x, y, z]: [i32; 3]| x + n * (y + n * z);
    let (n_cells, n_orbitals) = (n * n * n, small.sparsity.n_rows() as i32);
    let image_of = |r: [i32; 3]| images.offsets.iter().position(|offset| *offset == r).ok_or("n is too small");
    let (mut row_starts, mut columns) = (vec![0], Vec::new());
    for cell in cells() {
        for row in 0..small.sparsity.n_rows() {
            for element in small.sparsity.row(row) {
                let (orbital, image) = small.sparsity.column(element);
                let target: [i32; 3] = std::array::from_fn(|axis| cell[axis] + head.supercell.offsets[image][axis]);
                let image = image_of(target.map(|x| x.div_euclid(n)))? as i32;
                let cell = number(target.map(|x| x.rem_euclid(n)));
                columns.push(1 + orbital as i32 + n_orbitals * (cell + n_cells * image));
            }
            row_starts.push(columns.len());
        }
    }
    let n_columns = (n_orbitals * n_cells) as usize * images.offsets.len();
    let shifted = |cell: [i32; 3]| {
        let shift = move |axis: usize| (0..3).map(|a| f64::from(cell[a]) * head.cell[a][axis]).sum::<f64>();
        head.positions.iter().map(move |position| std::array::from_fn(|axis| position[axis] + shift(axis)))
    };
    let repeat = |values: &[f64]| values.repeat(n_cells as usize);
    let cell = CellHead {
        cell: head.cell.map(|vector| vector.map(|x| x * f64::from(n))),
        positions: cells().flat_map(shifted).collect(),
        supercell: Arc::new(images.clone()),
        last_orbitals: (1..=n_cells).map(|cell| cell * n_orbitals).collect(),
        ..head.clone()
    };
    let species_of = small.head.species_of.repeat(n_cells as usize);
    Ok(Hsx {
        head: Arc::new(Head { species_of, version: Version::V1(cell), ..(*small.head).clone() }),
        sparsity: Arc::new(Sparsity::new(row_starts, columns, n_columns)?),
        hamiltonian: small.hamiltonian.iter().map(|h| repeat(h)).collect(),
        overlap: repeat(&small.overlap),
    })
}
