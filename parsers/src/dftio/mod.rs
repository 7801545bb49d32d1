//! `dat` folders of dftio, which DeePTB trains on: texts for the structure, HDF5 for the matrices.
//!
//! Writers: `dftio/io/parse.py` and `dftio/io/*` of dftio; readers: `dptb/data/dataset/_default_dataset.py` and
//! `dptb/data/interfaces/ham_to_feature.py` of DeePTB (2026).
//!
//! ```text
//! cell.dat            3 rows of lattice vectors, Å (3 for each frame where they change)
//! positions.dat       a row for each atom, Å, frame after frame; reduced coordinates where info.json says "pos_type": "frac"
//! atomic_numbers.dat  one for each atom
//! pbc.dat             3 numbers, 1 for periodic
//! basis.dat           {'Mo': '4s2p2d1f', 'S': '2s2p1d'}; DeePTB's old script: 2s2p1d in a line for each atom
//! hamiltonians.h5     a group for each frame ("0", "1", …), in it a data set i_j_Rx_Ry_Rz for each block, eV
//! overlaps.h5, density_matrices.h5   the same
//! ```
//!
//! Blocks are row-major, the orbitals sorted by l, zeta and m = −l … l, our own signs; float32, or complex64 with spin:
//! `[[uu, ud], [du, dd]]` for each pair of atoms, as dftio makes it of ABACUS' nspin 4. S has no spin. dftio refuses nspin 2; hzero
//! writes it as a spinor. DeePTB takes the upper left quarter (uu) of a block with spin.
//!
//! # Reading
//! Atoms count from 0, or from 1 as in DeePTB's older files; where one of (i, j, R) and (j, i, −R) is missing (dftio leaves out a
//! half for SIESTA), it is the conjugate transpose of the other. Several frames need a step. Energies stay as they are: **dftio
//! subtracts the Fermi level from H of SIESTA, not from that of other codes, and no file says which it was**. `kpoints.npy` and
//! `eigenvalues.npy` are not read. `predicted_hamiltonians.h5` and `predicted_overlaps.h5`, which DeePTB exports, are.
//!
//! # Writing
//! One frame, in float32 unless double precision is asked for; `info.json` as DeePTB wants it, which goes with `hzero.json`, since
//! there is no place for the Fermi level. DeePTB finds folders by names such as `data.0`, and asks for the prefix `data`.

mod basis_text;
mod matrices;
mod read;
mod texts;
mod write;

pub use read::read;
pub use write::write;

/// H, and what DeePTB predicts.
const HAMILTONIANS: [&str; 2] = ["hamiltonians.h5", "predicted_hamiltonians.h5"];
/// S, and what DeePTB predicts.
const OVERLAPS: [&str; 2] = ["overlaps.h5", "predicted_overlaps.h5"];
/// DM; DeePTB's script calls it `DM.h5`.
const DENSITY_MATRICES: [&str; 2] = ["density_matrices.h5", "DM.h5"];
/// Name of the hints of H in `hzero.h5`.
const HINTS: &str = "hamiltonian";
