//! How fast csr files become blocks: CPU seconds against a bare scan of the same numbers, and peak memory against the file.
//!
//! ```text
//! cargo run --release -p hzero-parsers --example csr_speed -- [old|new] [CELLS_PER_AXIS]
//! ```
//!
//! The file is a supercell of a silicon fixture (6 cells per axis: about 200 MB). Each figure comes from a process of its own.

mod process;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use hzero_parsers::abacus::csr::{Block, Blocks, Version};
use hzero_parsers::abacus::{Csr, matrix};
use hzero_parsers::basis::parse_shells;
use hzero_parsers::{Basis, Species, input, output};
use process::{cpu_seconds, peak_megabytes};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/abacus/si2/h0/hrs1_nao.csr.gz");
/// The clock of /proc/self/stat ticks every 10 ms: measure long enough.
const REPEATS: usize = 8;

/// Other work on the machine slows both down: the best of some alternating rounds counts.
const ROUNDS: usize = 5;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["scan", file] => measure(Path::new(file), scan),
        ["blocks", file] => measure(Path::new(file), blocks),
        _ => compare(arguments.first().is_some_and(|layout| layout == "old"), arguments.get(1)),
    }
}

fn compare(old: bool, cells: Option<&String>) -> Outcome {
    let cells = cells.map_or(Ok(6), |text| text.parse())?;
    let csr = supercell(&Csr::read(Path::new(FIXTURE), None)?, cells)?;
    let csr = if old { csr.converted(Version::Old, 1, 0, &[]) } else { csr };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("hrs1_nao.csr");
    output::write_file(&file, |out| csr.write(out))?;
    drop(csr);
    let megabytes = std::fs::metadata(&file)?.len() as f64 / 1e6;
    let (mut scan_seconds, mut seconds, mut peak) = (f64::INFINITY, f64::INFINITY, 0.0_f64);
    for _ in 0..ROUNDS {
        scan_seconds = scan_seconds.min(in_own_process("scan", &file)?[0]);
        let [cpu, megabytes] = in_own_process("blocks", &file)?;
        (seconds, peak) = (seconds.min(cpu), peak.max(megabytes));
    }
    println!("file          {megabytes:8.1} MB");
    println!("bare scan     {scan_seconds:8.3} CPU s  {:6.0} MB/s", megabytes / scan_seconds);
    println!("into blocks   {seconds:8.3} CPU s  {:6.0} MB/s", megabytes / seconds);
    println!("ratio         {:8.2}", seconds / scan_seconds);
    println!("peak memory   {peak:8.1} MB     {:6.2} x the file", peak / megabytes);
    Ok(())
}

/// CPU seconds of one repetition, and peak megabytes.
fn in_own_process(task: &str, file: &Path) -> Result<[f64; 2], Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?).arg(task).arg(file).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    numbers.try_into().map_err(|_| format!("{task} failed: {}", String::from_utf8_lossy(&output.stderr)).into())
}

fn measure(file: &Path, task: fn(&Path) -> Outcome) -> Outcome {
    let start = cpu_seconds()?;
    for _ in 0..REPEATS {
        task(file)?;
    }
    println!("{} {}", (cpu_seconds()? - start) / REPEATS as f64, peak_megabytes()?);
    Ok(())
}

/// Every number of the file, one after the other, by fast-float2 alone.
fn scan(file: &Path) -> Outcome {
    let bytes = input::open(file)?;
    let (mut at, mut sum) = (0, 0.0);
    while at < bytes.len() {
        match fast_float2::parse_partial::<f64, _>(&bytes[at..]) {
            Ok((value, length)) => (sum, at) = (sum + value, at + length),
            Err(_) => at += 1,
        }
    }
    std::hint::black_box(sum);
    Ok(())
}

fn blocks(file: &Path) -> Outcome {
    let csr = Csr::read(file, None)?;
    std::hint::black_box(matrix::hamiltonian(std::slice::from_ref(&csr), &silicon(csr.dimension / 13)?)?);
    Ok(())
}

fn silicon(n_atoms: usize) -> Result<Basis, Box<dyn Error>> {
    let shells = parse_shells("2s2p1d").ok_or("shells")?;
    let species = Species { label: "Si".into(), z: Some(14), shells, cutoff: None };
    Ok(Basis::new(vec![species], &vec![0; n_atoms])?)
}

/// The same crystal described by `cells`³ cells: cell a, orbital μ is row a·n + μ; R of the small cell from cell a leads to
/// cell b in R' where a + R = b + cells·R'.
fn supercell(csr: &Csr, cells: i32) -> Result<Csr, Box<dyn Error>> {
    let Blocks::Real(small) = &csr.blocks else { return Err("the fixture is real".into()) };
    let n = csr.dimension;
    let index = |a: [i32; 3]| ((a[0] * cells + a[1]) * cells + a[2]) as usize;
    let axis = 0..cells;
    let all = axis.clone().flat_map(|x| axis.clone().flat_map(move |y| (0..cells).map(move |z| [x, y, z])));
    let mut large: BTreeMap<[i32; 3], Vec<Vec<(u32, f64)>>> = BTreeMap::new();
    for a in all {
        for block in small {
            let end = [0, 1, 2].map(|x| a[x] + block.r[x]);
            let (b, r) = (end.map(|x| x.rem_euclid(cells)), end.map(|x| x.div_euclid(cells)));
            let rows = large.entry(r).or_insert_with(|| vec![Vec::new(); n * cells.pow(3) as usize]);
            for mu in 0..n {
                let (columns, values) = block.row(mu);
                let shifted = columns.iter().map(|nu| (index(b) * n) as u32 + nu);
                rows[index(a) * n + mu].extend(shifted.zip(values.iter().copied()));
            }
        }
    }
    let blocks = Blocks::Real(large.into_iter().map(|(r, rows)| compressed(r, rows)).collect());
    Ok(Csr { dimension: n * cells.pow(3) as usize, blocks, ..csr.clone() })
}

fn compressed(r: [i32; 3], rows: Vec<Vec<(u32, f64)>>) -> Block<f64> {
    let mut block = Block::empty(r);
    block.row_pointers.push(0);
    for mut row in rows {
        row.sort_by_key(|(column, _)| *column);
        block.columns.extend(row.iter().map(|(column, _)| column));
        block.values.extend(row.iter().map(|(_, value)| value));
        block.row_pointers.push(block.values.len() as u32);
    }
    block
}
