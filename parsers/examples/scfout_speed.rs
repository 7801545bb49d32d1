//! How fast an scfout becomes operators, and how much memory that takes against the file.
//!
//! ```text
//! cargo run --release -p hzero-parsers --example scfout_speed -- [MEGABYTES] [FILE] [SOURCE]
//! ```
//!
//! The file is a chain of cells of SOURCE (a fixture of silicene), long enough for so many megabytes (1000); FILE keeps it, for
//! other programs to read (`scripts/compare_speed.py` has DeepH-dock read it). Each figure comes from a process of its own, with
//! the file in the page cache.

mod process;

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use hzero_parsers::openmx::Scfout;
use hzero_parsers::{ReadOptions, output, read};
use process::{cpu_seconds, peak_megabytes};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/openmx/silicene_f/scf/si_f.scfout.zst");
/// Other work on the machine slows it down: the best of some rounds counts.
const ROUNDS: usize = 3;
/// The clock of /proc/self/stat ticks every 10 ms: measure long enough.
const REPEATS: usize = 8;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["read", file] => measure(Path::new(file)),
        _ => report(arguments.first(), arguments.get(1), arguments.get(2).map_or(FIXTURE, String::as_str)),
    }
}

fn report(megabytes: Option<&String>, file: Option<&String>, source: &str) -> Outcome {
    let wanted: f64 = megabytes.map_or(Ok(1000.0), |text| text.parse())?;
    let small = Scfout::read(Path::new(source))?;
    let matrices = (8 * small.set_size() * small.sets().count()) as f64;
    let cells = (wanted * 1e6 / matrices).ceil().max(1.0) as usize;
    let folder = tempfile::tempdir()?;
    let file = file.map_or(folder.path().join("large.scfout"), PathBuf::from);
    output::write_file(&file, |out| write_chain(&small, cells, out))?;
    let size = std::fs::metadata(&file)?.len() as f64 / 1e6;
    let (mut seconds, mut cpu, mut peak) = (f64::INFINITY, f64::INFINITY, 0.0_f64);
    for _ in 0..ROUNDS {
        let [wall, own, megabytes] = in_own_process(&file)?;
        (seconds, cpu, peak) = (seconds.min(wall), cpu.min(own), peak.max(megabytes));
    }
    println!("file            {size:8.1} MB, {} atoms", cells * small.n_atoms());
    println!("into operators  {seconds:8.3} s      {:6.0} MB/s  {cpu:8.3} CPU s", size / seconds);
    println!("peak memory     {peak:8.1} MB     {:6.2} x the file", peak / size);
    Ok(())
}

/// Seconds and CPU seconds of one reading, and peak megabytes.
fn in_own_process(file: &Path) -> Result<[f64; 3], Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?).arg("read").arg(file).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    numbers.try_into().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned().into())
}

fn measure(file: &Path) -> Outcome {
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        std::hint::black_box(read(file, &ReadOptions::default())?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{best} {} {}", cpu_seconds()? / REPEATS as f64, peak_megabytes()?);
    Ok(())
}

/// The same crystal described by `n` cells along the first lattice vector: atom i of cell c is atom c·N + i, and a block to
/// (j, R) leads from cell c to cell b in R' where c + R₁ = b + n·R'₁. Its matrices are those of the small cell, n times.
fn write_chain(small: &Scfout, n: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut head = small.clone();
    let along = n as i32;
    let mut rows: HashMap<[i32; 3], usize> = HashMap::new();
    let (mut natn, mut ncn) = (Vec::new(), Vec::new());
    for cell in 0..along {
        for (atoms, cells) in small.natn.iter().zip(&small.ncn) {
            let ends = cells.iter().map(|&row| small.atv_ijk[row]).map(|[x, y, z]| [cell + x, y, z]);
            let place = |[x, y, z]: [i32; 3]| (x.rem_euclid(along) as usize, [x.div_euclid(along), y, z]);
            let (within, beyond): (Vec<usize>, Vec<[i32; 3]>) = ends.map(place).unzip();
            natn.push(atoms.iter().zip(within).map(|(atom, cell)| cell * small.n_atoms() + atom).collect());
            let next = |r: [i32; 3]| {
                let free = rows.len();
                *rows.entry(r).or_insert(free)
            };
            ncn.push(beyond.into_iter().map(next).collect());
        }
    }
    (head.natn, head.ncn) = (natn, ncn);
    head.n_orbitals = small.n_orbitals.repeat(n);
    head.atv_ijk = vec![[0; 3]; rows.len()];
    rows.iter().for_each(|(&r, &row)| head.atv_ijk[row] = r);
    head.tv[0] = small.tv[0].map(|x| n as f64 * x);
    head.rtv[0] = small.rtv[0].map(|x| x / n as f64);
    let shift = |vector: [f64; 3], times: f64| [0, 1, 2].map(|a| vector[a] + times * small.tv[0][a]);
    head.gxyz = (0..n).flat_map(|cell| small.gxyz.iter().map(move |&at| shift(at, cell as f64))).collect();
    let translation = |r: [i32; 3]| [0, 1, 2].map(|a| (0..3).map(|b| f64::from(r[b]) * head.tv[b][a]).sum());
    head.atv = head.atv_ijk.iter().map(|&r| translation(r)).collect();
    head.tail.input_text = longer_text(small, n);
    head.tail.n_electrons *= n as f64;
    head.write(&mut RepeatedSets { out, length: 8 * small.set_size(), n })
}

/// Writes everything once, but whole sets of matrices, which `Scfout` writes in one piece each, n times.
struct RepeatedSets<'a> {
    out: &'a mut dyn Write,
    /// Bytes of one set.
    length: usize,
    n: usize,
}

impl Write for RepeatedSets<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let times = if bytes.len() == self.length { self.n } else { 1 };
        (0..times).try_for_each(|_| self.out.write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The list of atoms again for every cell.
fn longer_text(small: &Scfout, n: usize) -> Vec<Vec<u8>> {
    let is_mark = |line: &Vec<u8>, mark: &[u8]| line.trim_ascii().eq_ignore_ascii_case(mark);
    let text = &small.tail.input_text;
    let start = text.iter().position(|line| is_mark(line, b"<Atoms.SpeciesAndCoordinates")).map_or(0, |n| n + 1);
    let end = text.iter().position(|line| is_mark(line, b"Atoms.SpeciesAndCoordinates>")).unwrap_or(start);
    let atoms = (0..n).flat_map(|_| &text[start..end]);
    text[..start].iter().chain(atoms).chain(&text[end..]).cloned().collect()
}
