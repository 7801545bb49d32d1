use hzero_parsers::convert::*;
use hzero_parsers::{Of, ReadOptions, deeph, read, tile};
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n: usize = args[2].parse().unwrap();
    let t = Instant::now();
    let run = read(args[1].as_ref(), &ReadOptions::default()).unwrap();
    println!("read source {:?}", t.elapsed());
    let mut run = tile(&run, [n, n, 1]).unwrap();
    run.density_matrix = None;
    let h = run.hamiltonian.as_ref().unwrap();
    println!("{} blocks, {} values", h.pairs().len(), h.pairs().n_values());
    let (options, notes) = (WriteOptions::default(), Notes::default());
    let job = Writing { run: &run, hamiltonian: Some((Of::Scf, h)), options: &options, notes: &notes };
    let out = std::path::Path::new("/tmp/deeph_scratch");
    for legacy in [false, true] {
        let _ = std::fs::remove_dir_all(out);
        std::fs::create_dir(out).unwrap();
        let t = Instant::now();
        if legacy {
            deeph::legacy::write(out, &job).unwrap()
        } else {
            deeph::updated::write(out, &job).unwrap()
        }
        println!("write legacy={legacy} {:?}", t.elapsed());
        let t = Instant::now();
        let back = read(out, &ReadOptions::default()).unwrap();
        println!("read legacy={legacy} {:?} {}", t.elapsed(), back.hamiltonian == run.hamiltonian);
    }
}
