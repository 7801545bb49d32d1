//! `NAME_hr.dat` and `NAME_tb.dat` of Wannier90: H(R) between orthonormal functions, as text, eV.
//!
//! Writing routines: `hamiltonian_write_hr` and `hamiltonian_write_tb` of Wannier90 3 (`src/hamiltonian.F90`).
//!
//! ```text
//! _hr.dat   comment / num_wann / nrpts / degeneracies, 15 per line / nrpts × num_wann² lines  R1 R2 R3 m n  Re Im
//! _tb.dat   comment / 3 lattice vectors, Å / num_wann / nrpts / degeneracies
//!           nrpts times: empty line / R1 R2 R3 / num_wann² lines  m n  Re Im
//!           nrpts times: empty line / R1 R2 R3 / num_wann² lines  m n  Re Im of ⟨m 0|x, y, z|n R⟩, Å
//! ```
//!
//! ⟨m 0|H|n R⟩ with m the faster index; H(k) = Σ_R exp(+2πi k·R) H(R) / degeneracy(R). Spinors: functions 2μ − 1 and 2μ are up
//! and down of orbital μ, as since Wannier90 2 (VASP 5's interface to Wannier90 1 puts all up first; WannierTools calls the two
//! `Package = 'QE'` and `'VASP'`). Collinear spins are two files, `NAME.up_hr.dat` and `NAME.dn_hr.dat`.
//!
//! # Reading
//! S is the unit matrix. `_hr.dat` has no lattice: it is taken from `--structure`, `NAME.win` or a POSCAR beside it. Each
//! function becomes an s orbital at its centre; neighbours in the list with one centre share a site. With `hzero.json`, the
//! functions are the orbitals that they were made of. `spinors = true` in `NAME.win` says that functions are pairs; with
//! `spinors = false` a complex H belongs to both spins, and becomes a spinor of two equal ones. Where neither is stated it is refused.
//!
//! # Writing
//! An orthonormal H is written as it is. Orbitals that overlap are orthogonalised first ([`lowdin`]): the functions are then
//! those nearest to the orbitals, on the same atoms. Numbers have as many digits as it takes to read the same ones again
//! (Wannier90 itself prints six decimals).

pub mod files;
pub mod lowdin;
pub mod mesh;
pub mod parse;
mod print;
mod read;
pub mod real_space;
pub mod win;
mod write;

pub use files::Kind;
pub use read::read;
pub use real_space::RealSpace;
pub use write::write;
