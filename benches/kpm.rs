//! Time and memory of kernel polynomials: graphene of the fixtures, tiled, at Γ.
//!
//! ```text
//! cargo bench --bench kpm                                  # 1 000 to 100 000 orbitals, 1000 moments of 16 vectors
//! cargo bench --bench kpm -- 1000 5000 --moments 400       # other sizes
//! cargo bench --bench kpm -- 5000 --write DIR              # H and S for scripts/kpm_scipy.py
//! ```
//! Every size has a process of its own, so that the peak of its memory is known. CPU seconds are user and system of all threads;
//! "set up" is tiling's sparse sums, the Cholesky factor of S and the bounds of the spectrum.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hzero::bands::kpm::fill::Filling;
use hzero::bands::kpm::moments::{Of, Options, Resolution, Starts, of_mesh};
use hzero::bands::mesh::KMesh;
use hzero::bands::sparse::matrix::{Hermitian, SparseBloch};
use hzero::parsers::tile::tile;
use hzero::parsers::{Calculation, read};

/// What the command line asks for.
struct Wanted {
    sizes: Vec<usize>,
    moments: usize,
    write: Option<PathBuf>,
    /// In this process, not in one for every size.
    here: bool,
}

impl Wanted {
    fn parse() -> Self {
        let mut wanted = Wanted { sizes: Vec::new(), moments: 1000, write: None, here: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--moments" => wanted.moments = words.next().and_then(|n| n.parse().ok()).expect("--moments M"),
                "--write" => wanted.write = words.next().map(PathBuf::from),
                "--here" => wanted.here = true,
                size => wanted.sizes.extend(size.parse::<usize>().ok()),
            }
        }
        if wanted.sizes.is_empty() {
            wanted.sizes = vec![1_000, 3_000, 10_000, 30_000, 100_000];
        }
        wanted
    }
}

fn main() {
    let wanted = Wanted::parse();
    if wanted.here {
        return wanted.sizes.iter().for_each(|&size| measure(size, &wanted));
    }
    println!(
        "  orbitals  set up s   per moment and 16 vectors s   all CPU s   peak GB   E_F eV            band energy/cell eV"
    );
    for size in &wanted.sizes {
        let mut command = Command::new(std::env::current_exe().expect("this program has a file"));
        command.args(["--here", &size.to_string(), "--moments", &wanted.moments.to_string()]);
        if let Some(folder) = &wanted.write {
            command.arg("--write").arg(folder);
        }
        assert!(command.status().expect("this program runs").success(), "{size} orbitals");
    }
}

fn measure(size: usize, wanted: &Wanted) {
    let (run, n_cells) = graphene(size);
    if let Some(folder) = &wanted.write {
        write_matrices(&run, folder);
    }
    let hamiltonian = run.hamiltonian.as_ref().expect("the fixture has H");
    let gamma = KMesh { points: vec![[0.0; 3]], weights: vec![1.0] };
    let options = |n| Options { resolution: Resolution::Moments(n), starts: Starts::Random(16), seed: 1 };
    let compute = |n| of_mesh(&run, hamiltonian, &gamma, Of::Total, &options(n)).expect("moments");
    let start = cpu_seconds();
    compute(2);
    let set_up = cpu_seconds() - start;
    let moments = compute(wanted.moments);
    let all = cpu_seconds() - start - set_up;
    let filling = Filling::new(&run, hamiltonian, &moments).expect("the basis holds the electrons");
    let ev = run.origin.ev_per_hartree;
    let (level, energy) = (filling.fermi_level().times(ev), filling.band_energy.times(ev / n_cells as f64));
    println!(
        "{:>10} {set_up:>9.2} {:>29.5} {all:>11.1} {:>9.2}   {:.4} ± {:.4}   {:.4} ± {:.4}",
        run.basis.n_orbitals(),
        (all - set_up) / wanted.moments as f64,
        peak_gigabytes(),
        level.value,
        level.error,
        energy.value,
        energy.error
    );
}

/// At least so many orbitals, and the number of cells.
fn graphene(n_orbitals: usize) -> (Calculation, usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus/graphene");
    let cell = read(&folder, &Default::default()).expect("the fixture");
    let repeats = (n_orbitals as f64 / cell.basis.n_orbitals() as f64).sqrt().ceil() as usize;
    (tile(&cell, [repeats, repeats, 1]).expect("a supercell"), repeats * repeats)
}

/// User and system time of this process so far (Linux: in units of 1/100 s).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn peak_gigabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes * 1024.0 / 1e9)
}

/// `H.mtx` and `S.mtx` at Γ, hartree.
fn write_matrices(run: &Calculation, folder: &Path) {
    let hamiltonian = run.hamiltonian.as_ref().expect("the fixture has H");
    let bloch = SparseBloch::new(hamiltonian, run.overlap.as_ref().expect("and S"), &run.basis);
    std::fs::create_dir_all(folder).expect("a folder that can be made");
    for (name, matrix) in [("H.mtx", bloch.hamiltonian::<f64>(0, [0.0; 3])), ("S.mtx", bloch.overlap::<f64>([0.0; 3]))]
    {
        write_matrix(&folder.join(name), &matrix).expect("a file that can be written");
    }
}

fn write_matrix(file: &Path, matrix: &Hermitian<'_, f64>) -> std::io::Result<()> {
    let (n, starts, rows) = (matrix.pattern.ncols(), matrix.pattern.col_ptr(), matrix.pattern.row_idx());
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    writeln!(out, "%%MatrixMarket matrix coordinate real symmetric\n{n} {n} {}", rows.len())?;
    for column in 0..n {
        for place in starts[column]..starts[column + 1] {
            // The upper triangle by columns is the lower one by rows.
            writeln!(out, "{} {} {:e}", column + 1, rows[place] + 1, matrix.values[place])?;
        }
    }
    out.flush()
}
