//! The formats that hzero reads and writes, and what each can hold. This table is the whole registry.

mod table;

use std::fmt;
use std::path::Path;

pub use table::{COLUMNS, markdown_table, table};

use crate::code::Code;
use crate::error::Result;
use crate::input;

/// So many bytes tell the format.
const GUESSED_FROM: u64 = 512;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// csr files of ABACUS up to 3.9.0.24 (and `sr_nao.csr` of later versions).
    AbacusOld,
    /// csr files of ABACUS 3.9.0.25 and later: what `init_chg hr` and `init_chg dm` read.
    AbacusNew,
    /// HSX of SIESTA, all versions.
    SiestaHsx,
    /// TSHS of SIESTA: what TBtrans reads.
    SiestaTshs,
    /// DM and TSDE of SIESTA: what `DM.UseSaveDM` reads.
    SiestaDm,
    /// `H_IN` of SIESTA: what `Read-H-from-file` reads (and `H_DMGEN`, `H_MIXED`).
    SiestaHin,
    /// netCDF of SIESTA (`CDF.Save`); needs the feature `hdf5`.
    SiestaNc,
    /// scfout of OpenMX.
    OpenMxScfout,
    /// Folders of DeepH-pack 2 and DeepH-dock.
    Deeph,
    /// Folders of DeepH-pack up to 0.x, DeepH-E3 and xDeepH.
    DeephLegacy,
    /// `dat` folders of dftio, which DeePTB reads.
    Dftio,
    /// `_hr.dat` of Wannier90.
    WannierHr,
    /// `_tb.dat` of Wannier90.
    WannierTb,
    /// `output_rs_matrices` of FHI-aims.
    Aims,
    /// Binary csr and block files of NextHAM.
    Nextham,
}

/// What a format can hold; what it cannot is found in the other files of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Name on the command line.
    pub name: &'static str,
    /// The code whose format it is; `None`: a neutral one.
    pub code: Option<Code>,
    /// Does hzero write it? It reads all.
    pub writes: bool,
    /// Is it a folder of files that belong together?
    pub is_folder: bool,
    /// How its numbers are stored.
    pub numbers: &'static str,
    /// Names of its files.
    pub files: &'static str,
    /// Lattice and positions to full precision?
    pub structure: bool,
    /// Shells of each species?
    pub shells: bool,
    /// H?
    pub hamiltonian: bool,
    /// S?
    pub overlap: bool,
    /// DM?
    pub density_matrix: bool,
    /// Fermi level?
    pub fermi_level: bool,
    /// Values of nspin (8: SIESTA with spin–orbit coupling).
    pub nspin: &'static [usize],
}

/// One quantity per file, and nothing else.
const MATRIX: Capabilities = Capabilities {
    name: "",
    code: Some(Code::Abacus),
    writes: true,
    is_folder: false,
    numbers: "f64",
    files: "",
    structure: false,
    shells: false,
    hamiltonian: true,
    overlap: true,
    density_matrix: true,
    fermi_level: false,
    nspin: &[1, 2, 4],
};
/// A folder with everything in it.
const NEUTRAL: Capabilities = Capabilities {
    code: None,
    is_folder: true,
    structure: true,
    shells: true,
    hamiltonian: true,
    overlap: true,
    density_matrix: true,
    fermi_level: true,
    ..MATRIX
};
/// One file of an orthogonal basis.
const WANNIER: Capabilities = Capabilities {
    is_folder: false,
    numbers: "text",
    structure: false,
    shells: false,
    overlap: false,
    density_matrix: false,
    fermi_level: false,
    ..NEUTRAL
};
const SIESTA: Capabilities = Capabilities { code: Some(Code::Siesta), nspin: &[1, 2, 4, 8], ..MATRIX };

impl Format {
    /// All formats.
    pub const ALL: &[Format] = &[
        Format::AbacusOld,
        Format::AbacusNew,
        Format::SiestaHsx,
        Format::SiestaTshs,
        Format::SiestaDm,
        Format::SiestaHin,
        Format::SiestaNc,
        Format::OpenMxScfout,
        Format::Deeph,
        Format::DeephLegacy,
        Format::Dftio,
        Format::WannierHr,
        Format::WannierTb,
        Format::Aims,
        Format::Nextham,
    ];

    /// Its row in the table.
    pub fn capabilities(self) -> Capabilities {
        match self {
            Format::AbacusOld => Capabilities {
                name: "abacus-old",
                numbers: "text",
                files: "data-HR-sparse_SPIN0.csr, data-SR-…, data-DMR-…, SR.csr, sr_nao.csr",
                ..MATRIX
            },
            Format::AbacusNew => Capabilities {
                name: "abacus-new",
                files: "hrs1_nao.csr, srs1_nao.csr, dmrs1_nao.csr",
                numbers: "text",
                ..MATRIX
            },
            Format::SiestaHsx => Capabilities {
                name: "siesta-hsx",
                files: "NAME.HSX, NAME.0.HSX (version 0, of 4.1: no structure, no E_F, single precision)",
                structure: true,
                shells: true,
                density_matrix: false,
                fermi_level: true,
                ..SIESTA
            },
            Format::SiestaTshs => Capabilities {
                name: "siesta-tshs",
                files: "NAME.TSHS, NAME.onlyS",
                structure: true,
                density_matrix: false,
                fermi_level: true,
                ..SIESTA
            },
            Format::SiestaDm => Capabilities {
                name: "siesta-dm",
                files: "NAME.DM, NAME.TSDE",
                hamiltonian: false,
                overlap: false,
                ..SIESTA
            },
            Format::SiestaHin => Capabilities {
                name: "siesta-hin",
                files: "H_IN, H_DMGEN, H_MIXED",
                overlap: false,
                density_matrix: false,
                ..SIESTA
            },
            Format::SiestaNc => Capabilities {
                name: "siesta-nc",
                files: "NAME.nc (feature hdf5)",
                structure: true,
                shells: true,
                fermi_level: true,
                ..SIESTA
            },
            Format::OpenMxScfout => Capabilities {
                name: "openmx-scfout",
                code: Some(Code::OpenMx),
                files: "NAME.scfout (3.7 to 3.9)",
                structure: true,
                shells: true,
                fermi_level: true,
                ..MATRIX
            },
            Format::Deeph => Capabilities {
                name: "deeph",
                files: "POSCAR, info.json, overlap.h5, hamiltonian.h5, hamiltonian_pred.h5, density_matrix.h5 (feature hdf5)",
                ..NEUTRAL
            },
            Format::DeephLegacy => Capabilities {
                name: "deeph-legacy",
                files: "lat.dat, …, orbital_types.dat, info.json, hamiltonians.h5, overlaps.h5, density_matrixs.h5 (feature hdf5)",
                nspin: &[1, 4],
                ..NEUTRAL
            },
            Format::Dftio => Capabilities {
                name: "dftio",
                files: "basis.dat, …, hamiltonians.h5, overlaps.h5, density_matrices.h5 (dat folders of dftio and DeePTB; feature hdf5)",
                numbers: "f32, f64 by --double",
                fermi_level: false,
                ..NEUTRAL
            },
            Format::WannierHr => Capabilities { name: "wannier90-hr", files: "NAME_hr.dat", ..WANNIER },
            Format::WannierTb => {
                Capabilities { name: "wannier90-tb", files: "NAME_tb.dat", structure: true, ..WANNIER }
            }
            Format::Aims => Capabilities {
                name: "fhi-aims",
                files: "rs_indices.out, rs_hamiltonian.out, rs_overlap.out, basis-indices.out, geometry.in",
                writes: false,
                numbers: "text",
                density_matrix: false,
                nspin: &[1, 2],
                ..NEUTRAL
            },
            Format::Nextham => Capabilities {
                name: "nextham",
                files: "binary hrs1_nao.csr, hrs_block_up_*.dat, hr_tot, predict_hr_tot (srs_…)",
                writes: false,
                numbers: "f64 or text",
                structure: false,
                shells: false,
                density_matrix: false,
                fermi_level: false,
                ..NEUTRAL
            },
        }
    }

    /// By the name on the command line.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.iter().copied().find(|format| format.capabilities().name == name)
    }

    /// By the name of a file, where the name tells: the ends that SIESTA and OpenMX give theirs, and ABACUS' newer names.
    pub fn of_file_name(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?;
        let ends = [
            (".HSX", Format::SiestaHsx),
            (".TSHS", Format::SiestaTshs),
            (".DM", Format::SiestaDm),
            ("H_IN", Format::SiestaHin),
            (".nc", Format::SiestaNc),
            (".scfout", Format::OpenMxScfout),
            ("_hr.dat", Format::WannierHr),
            ("_tb.dat", Format::WannierTb),
            ("s1_nao.csr", Format::AbacusNew),
            ("s2_nao.csr", Format::AbacusNew),
            ("_SPIN0.csr", Format::AbacusOld),
            ("_SPIN1.csr", Format::AbacusOld),
        ];
        ends.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, format)| format)
    }

    /// By the first bytes of a (decompressed) file.
    pub fn guess(first_bytes: &[u8]) -> Option<Format> {
        let text = first_bytes.trim_ascii_start();
        match text {
            _ if text.starts_with(b"STEP:") || text.starts_with(b"Matrix Dimension") => Some(Format::AbacusOld),
            _ if text.starts_with(b"--- Ionic Step") => Some(Format::AbacusNew),
            _ if first_bytes.starts_with(HDF5_MAGIC) => Some(Format::SiestaNc),
            _ => fortran(first_bytes).or_else(|| is_scfout(first_bytes).then_some(Format::OpenMxScfout)),
        }
    }

    /// By the content of a file, plain or compressed.
    ///
    /// # Errors
    /// `Io` with the file's name.
    pub fn guess_file(path: &Path) -> Result<Option<Format>> {
        Ok(Format::guess(&input::head(path, GUESSED_FROM)?))
    }
}

const HDF5_MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Which file of SIESTA, by the lengths of its first Fortran records: version 0 of HSX starts with four integers, TSHS and
/// the other versions of HSX with their version, DM with five integers or two; what follows tells them apart.
fn fortran(bytes: &[u8]) -> Option<Format> {
    let word = |at: usize| bytes.get(at..at + 4).map(|word| i32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let length = word(0).filter(|length| (4..=20).contains(length))?;
    let end = 4 + length as usize;
    let next = word(end).filter(|&closing| closing == length).and_then(|_| word(end + 4))?;
    match (length, next) {
        (16, _) => Some(Format::SiestaHsx),
        (4, 4) => Some(Format::SiestaHsx),
        (4, 20) => Some(Format::SiestaTshs),
        (20, next) if word(4) == Some(next / 4) => Some(Format::SiestaDm),
        (8, next) if word(4) == Some(next / 4) => Some(Format::SiestaHin),
        _ => None,
    }
}

/// scfout has no mark of its own, but its first six numbers are small: atoms; SpinP + 4·version; three parts of the atoms (of
/// a transport calculation, else 0); cells.
fn is_scfout(bytes: &[u8]) -> bool {
    let words = |order: fn([u8; 4]) -> i32| -> Vec<i32> {
        bytes.chunks_exact(4).take(6).map(|word| order([word[0], word[1], word[2], word[3]])).collect()
    };
    let fits = |words: &[i32]| match words {
        &[atoms, kind, centre, left, right, cells] => {
            let is_part = |n: &i32| (0..=atoms).contains(n);
            let is_kind = (0..16).contains(&kind) && kind % 4 != 2;
            atoms > 0 && is_kind && [centre, left, right].iter().all(is_part) && cells >= 0
        }
        _ => false,
    };
    fits(&words(i32::from_le_bytes)) || fits(&words(i32::from_be_bytes))
}

impl serde::Serialize for Format {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.capabilities().name)
    }
}

impl<'de> serde::Deserialize<'de> for Format {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = <std::borrow::Cow<str>>::deserialize(deserializer)?;
        Format::from_name(&name).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no format")))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.capabilities().name)
    }
}

#[cfg(test)]
mod tests;
