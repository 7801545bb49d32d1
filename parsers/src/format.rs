//! The formats that hzero reads and writes, and what each can hold. This table is the whole registry.

use std::fmt;
use std::path::Path;

use crate::error::Result;
use crate::input;

/// So many bytes tell the format.
const GUESSED_FROM: u64 = 512;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// csr files of ABACUS up to 3.9.0.24 (and `sr_nao.csr` of later versions).
    AbacusOld,
    /// csr files of ABACUS 3.9.0.25 and later: what `init_chg hr` and `init_chg dm` read.
    AbacusNew,
}

/// What a format can hold; what it cannot is found in the other files of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Name on the command line.
    pub name: &'static str,
    /// Names of its files.
    pub files: &'static str,
    /// Lattice and positions to full precision?
    pub structure: bool,
    /// Shells of each species?
    pub shells: bool,
    /// S?
    pub overlap: bool,
    /// DM?
    pub density_matrix: bool,
    /// Fermi level?
    pub fermi_level: bool,
    /// Values of nspin.
    pub nspin: &'static [usize],
}

impl Format {
    /// All formats.
    pub const ALL: &[Format] = &[Format::AbacusOld, Format::AbacusNew];

    /// Its row in the table.
    pub fn capabilities(self) -> Capabilities {
        let abacus = Capabilities {
            name: "abacus-old",
            files: "data-HR-sparse_SPIN0.csr, data-SR-…, data-DMR-…, SR.csr, sr_nao.csr",
            structure: false,
            shells: false,
            overlap: true,
            density_matrix: true,
            fermi_level: false,
            nspin: &[1, 2, 4],
        };
        match self {
            Format::AbacusOld => abacus,
            Format::AbacusNew => {
                Capabilities { name: "abacus-new", files: "hrs1_nao.csr, srs1_nao.csr, dmrs1_nao.csr", ..abacus }
            }
        }
    }

    /// By the name on the command line.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.iter().copied().find(|format| format.capabilities().name == name)
    }

    /// By the first bytes of a (decompressed) file.
    pub fn guess(first_bytes: &[u8]) -> Option<Format> {
        let text = first_bytes.trim_ascii_start();
        if text.starts_with(b"STEP:") || text.starts_with(b"Matrix Dimension") {
            Some(Format::AbacusOld)
        } else if text.starts_with(b"--- Ionic Step") {
            Some(Format::AbacusNew)
        } else {
            None
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

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.capabilities().name)
    }
}

/// The table of all formats as text, one line each under a heading.
pub fn table() -> String {
    let mut text = String::from("name        structure  shells  S    DM   E_F  nspin  files\n");
    for format in Format::ALL {
        let row = format.capabilities();
        let yes = |held: bool| if held { "yes" } else { "no" };
        let nspin: Vec<String> = row.nspin.iter().map(usize::to_string).collect();
        text += &format!(
            "{:<10}  {:<9}  {:<6}  {:<3}  {:<3}  {:<3}  {:<5}  {}\n",
            row.name,
            yes(row.structure),
            yes(row.shells),
            yes(row.overlap),
            yes(row.density_matrix),
            yes(row.fermi_level),
            nspin.join(","),
            row.files,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_name() {
        for &format in Format::ALL {
            assert_eq!(Format::from_name(format.capabilities().name), Some(format));
            assert!(table().contains(format.capabilities().name));
        }
        assert_eq!(Format::from_name("vasp"), None);
    }

    #[test]
    fn content_decides() {
        assert_eq!(Format::guess(b"STEP: 0\n"), Some(Format::AbacusOld));
        assert_eq!(Format::guess(b" --- Ionic Step 1 ---\n"), Some(Format::AbacusNew));
        assert_eq!(Format::guess(b"PK\x03\x04"), None);
    }
}
