//! CPU time of H c = ε S c, all eigenpairs, complex: hzero against LAPACK's `zhegvd` of OpenBLAS, one thread each.
//!
//! ```text
//! cargo bench --bench dense              # n = 500, 1000, 2000
//! cargo bench --bench dense -- 300 700   # other sizes
//! ```
//! Rounds alternate between both solvers and values only / with vectors; medians are printed. `OPENBLAS=FILE` names another
//! library than the `libopenblas.so.0` of the system (Debian: `apt install libopenblas0`).
#![allow(unsafe_code)] // foreign functions: a library loaded at run time, and the process' CPU clock

use std::time::Duration;

use faer::{Mat, Par};
use hzero_parsers::eigen::OverlapFactor;
use hzero_parsers::operator::c64;

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![500, 1000, 2000] } else { sizes };
    let lapack = match Lapack::load() {
        Ok(lapack) => Some(lapack),
        Err(error) => {
            println!("no OpenBLAS to compare with ({error}); Debian: apt install libopenblas0");
            None
        }
    };
    println!("{:>5} {:>8} {:>7} {:>9} {:>9} {:>6} {:>9}", "n", "", "rounds", "hzero s", "zhegvd s", "ratio", "|Δε|");
    for n in sizes {
        compare(n, lapack.as_ref());
    }
}

/// Prints two rows: values only, and with vectors.
fn compare(n: usize, lapack: Option<&Lapack>) {
    let pencil = Pencil::random(n);
    let rounds = (3_000_000_000 / (n * n * n)).clamp(3, 15) | 1;
    let mut times = [[vec![], vec![]], [vec![], vec![]]];
    let mut difference = [f64::NAN; 2];
    for _ in 0..rounds {
        for vectors in [false, true] {
            let [ours, theirs] = &mut times[usize::from(vectors)];
            let (time, energies) = cpu_time(|| pencil.solve(vectors));
            ours.push(time);
            let Some(lapack) = lapack else { continue };
            let (mut h, mut s) = (pencil.h.clone(), pencil.s.clone());
            let (time, reference) = cpu_time(|| lapack.solve(&mut h, &mut s, vectors));
            theirs.push(time);
            let pairs = energies.iter().zip(&reference);
            difference[usize::from(vectors)] = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        }
    }
    for (what, [ours, theirs], difference) in
        [("values", &times[0], difference[0]), ("vectors", &times[1], difference[1])]
            .map(|(what, [ours, theirs], difference)| (what, [median(ours), median(theirs)], difference))
    {
        let ratio = ours / theirs;
        println!("{n:>5} {what:>8} {rounds:>7} {ours:>9.4} {theirs:>9.4} {ratio:>6.2} {difference:>9.1e}");
    }
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What `work` returns, and the CPU time of this process (user and system) that it took, s.
fn cpu_time<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = cpu_clock();
    let result = work();
    ((cpu_clock() - start).as_secs_f64(), result)
}

fn cpu_clock() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes, and this clock exists on every system that the crate builds on.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(code, 0, "the process has a CPU clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Hermitian H with numbers in −1 … 1, and S = 1 + A/(4√n) with such an A: eigenvalues of S within 0.4 … 1.6.
struct Pencil {
    h: Mat<c64>,
    s: Mat<c64>,
}

impl Pencil {
    fn random(n: usize) -> Self {
        let mut seed = n as u64;
        let h = random_hermitian(n, &mut seed);
        let a = random_hermitian(n, &mut seed);
        let scale = 0.25 / (n as f64).sqrt();
        let s = Mat::from_fn(n, n, |i, j| a[(i, j)] * scale + if i == j { c64::ONE } else { c64::ZERO });
        Pencil { h, s }
    }

    fn solve(&self, vectors: bool) -> Vec<f64> {
        let factor = OverlapFactor::new(self.s.as_ref(), [0.0; 3], None, Par::Seq).expect("S is positive definite");
        match vectors {
            false => factor.energies(self.h.as_ref()).expect("eigenvalues"),
            true => factor.states(self.h.as_ref()).expect("eigenvectors").energies,
        }
    }
}

fn random_hermitian(n: usize, seed: &mut u64) -> Mat<c64> {
    let mut noise = || {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let a = Mat::from_fn(n, n, |_, _| c64::new(noise(), noise()));
    Mat::from_fn(n, n, |i, j| (a[(i, j)] + a[(j, i)].conj()) * 0.5)
}

/// LAPACK's `zhegvd` with 32-bit integers, all arguments by reference.
type Zhegvd = unsafe extern "C" fn(
    itype: &i32,
    jobz: &u8,
    uplo: &u8,
    n: &i32,
    a: *mut c64,
    lda: &i32,
    b: *mut c64,
    ldb: &i32,
    w: *mut f64,
    work: *mut c64,
    lwork: &i32,
    rwork: *mut f64,
    lrwork: &i32,
    iwork: *mut i32,
    liwork: &i32,
    info: &mut i32,
);

struct Lapack {
    library: libloading::Library,
}

impl Lapack {
    /// OpenBLAS, told to use one thread.
    fn load() -> Result<Self, libloading::Error> {
        let file = std::env::var("OPENBLAS").unwrap_or_else(|_| "libopenblas.so.0".to_owned());
        // SAFETY: OpenBLAS' initialisation has no preconditions, and the symbol is a function of C's `void f(int)`.
        unsafe {
            let library = libloading::Library::new(file)?;
            library.get::<unsafe extern "C" fn(i32)>(b"openblas_set_num_threads")?(1);
            library.get::<Zhegvd>(b"zhegvd_")?;
            Ok(Lapack { library })
        }
    }

    /// Eigenvalues; `h` becomes the eigenvectors, where wanted, and `s` its factor.
    fn solve(&self, h: &mut Mat<c64>, s: &mut Mat<c64>, vectors: bool) -> Vec<f64> {
        let (n, job) = (h.nrows(), if vectors { b'V' } else { b'N' });
        let mut energies = vec![0.0; n];
        let sizes = self.call(job, h, s, &mut energies, &mut Workspace::query());
        self.call(job, h, s, &mut energies, &mut Workspace::of(sizes));
        energies
    }

    /// Returns the sizes of workspace that LAPACK wants: complex, real, integer.
    fn call(&self, job: u8, h: &mut Mat<c64>, s: &mut Mat<c64>, w: &mut [f64], space: &mut Workspace) -> [usize; 3] {
        let (n, mut info) = (h.nrows() as i32, 0);
        let (lda, ldb) = (h.col_stride() as i32, s.col_stride() as i32);
        let [lwork, lrwork, liwork] = space.lengths;
        // SAFETY: the signature is LAPACK's; matrices are n × n with these column strides, `w` has n elements, and each
        // workspace is at least one element, and as long as stated unless −1 asks for its size.
        unsafe {
            let zhegvd = self.library.get::<Zhegvd>(b"zhegvd_").expect("found when loaded");
            let (a, b) = (h.as_ptr_mut(), s.as_ptr_mut());
            let (work, rwork, iwork) = (space.work.as_mut_ptr(), space.rwork.as_mut_ptr(), space.iwork.as_mut_ptr());
            zhegvd(
                &1,
                &job,
                &b'L',
                &n,
                a,
                &lda,
                b,
                &ldb,
                w.as_mut_ptr(),
                work,
                &lwork,
                rwork,
                &lrwork,
                iwork,
                &liwork,
                &mut info,
            );
        }
        assert_eq!(info, 0, "zhegvd");
        [space.work[0].re as usize, space.rwork[0] as usize, space.iwork[0] as usize]
    }
}

struct Workspace {
    work: Vec<c64>,
    rwork: Vec<f64>,
    iwork: Vec<i32>,
    /// As told to LAPACK: −1 asks for the size.
    lengths: [i32; 3],
}

impl Workspace {
    fn query() -> Self {
        Workspace { lengths: [-1; 3], ..Workspace::of([1; 3]) }
    }

    fn of([work, rwork, iwork]: [usize; 3]) -> Self {
        let lengths = [work, rwork, iwork].map(|length| length as i32);
        Workspace { work: vec![c64::ZERO; work], rwork: vec![0.0; rwork], iwork: vec![0; iwork], lengths }
    }
}
