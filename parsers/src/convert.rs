//! Files of one format into files of another: a single file, or every file of a folder under the names that the target
//! code expects.

use std::path::{Path, PathBuf};

use crate::abacus::csr::{Header, Quantity, Version, structure_lines};
use crate::abacus::{Csr, Stru};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::format::Format;
use crate::read::Step;
use crate::units::BOHR_IN_ANGSTROM;
use crate::{input, output};

/// What the user says.
#[derive(Debug, Clone)]
pub struct Request {
    /// File or folder to read.
    pub source: PathBuf,
    /// File or folder to write.
    pub target: PathBuf,
    /// Format of the source; found by content unless given.
    pub from: Option<Format>,
    /// Format of the target.
    pub to: Format,
    /// STRU; looked for beside and above each file unless given.
    pub structure: Option<PathBuf>,
    /// Ionic step, where a file holds several.
    pub step: Option<Step>,
}

/// Converts, and returns what was written.
///
/// # Errors
/// All kinds; `NotRepresentable` where the target needs a structure and none was found.
pub fn convert(request: &Request) -> Result<Vec<PathBuf>> {
    if !request.source.is_dir() {
        request.file(&request.source, &request.target)?;
        return Ok(vec![request.target.clone()]);
    }
    let mut files = Vec::new();
    csr_files(&request.source, &mut files).in_file(&request.source)?;
    if files.is_empty() {
        return Err(Error::unsupported("no csr file in this folder or below").in_file(&request.source));
    }
    files.into_iter().map(|file| request.file_of_folder(&file)).collect()
}

impl Request {
    fn file_of_folder(&self, file: &Path) -> Result<PathBuf> {
        let inside = file.strip_prefix(&self.source).unwrap_or(file);
        let target = self.target.join(inside).with_file_name(target_name(file, version(self.to)));
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(Error::from).in_file(folder)?;
        }
        self.file(file, &target)?;
        Ok(target)
    }

    fn file(&self, source: &Path, target: &Path) -> Result<()> {
        let found = Format::guess_file(source)?;
        if let (Some(from), true) = (self.from, found != self.from) {
            let found = found.map_or("something else".into(), |format| format.to_string());
            return Err(Error::syntax(format!("a file of format {from}"), found).in_file(source));
        }
        let csr = Csr::read(source, self.step)?;
        let stays_old = plain_name(target) == OVERLAP_RUN_NAME;
        let version = if stays_old { Version::Old } else { version(self.to) };
        let (nspin, spin) = spin_of(source, &csr);
        let structure = match (version, csr.header.version()) {
            (Version::New, Version::Old) => self.structure_lines(source)?,
            _ => Vec::new(),
        };
        let csr = csr.converted(version, nspin, spin, &structure);
        output::write_file(target, |out| csr.write(out))
    }

    fn structure_lines(&self, csr: &Path) -> Result<Vec<String>> {
        let path = self.structure.clone().or_else(|| stru_near(csr)).ok_or_else(|| {
            let what = format!("no STRU beside or above {}; name one by --structure", csr.display());
            Error::from(ErrorKind::NotRepresentable { format: Format::AbacusNew.to_string(), what })
        })?;
        let stru = Stru::parse(&input::open(&path)?).in_file(&path)?;
        let structure = stru.structure(None, BOHR_IN_ANGSTROM).in_file(&path)?;
        let labels: Vec<&str> =
            stru.groups.iter().flat_map(|group| group.atoms.iter().map(|_| group.label.as_str())).collect();
        Ok(structure_lines(&structure, &labels))
    }
}

fn version(format: Format) -> Version {
    match format {
        Format::AbacusOld => Version::Old,
        Format::AbacusNew => Version::New,
    }
}

/// `calculation get_s` of every version writes the old layout; this is the name since 3.9.
const OVERLAP_RUN_NAME: &str = "sr_nao.csr";

/// File name without `.gz` and `.zst`.
fn plain_name(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.trim_end_matches(".gz").trim_end_matches(".zst")
}

/// Quantity and spin (0 up, 1 down), if the name is one of ABACUS' own.
fn abacus_name(name: &str) -> Option<(Quantity, usize)> {
    let quantities = [Quantity::Hamiltonian, Quantity::Overlap, Quantity::DensityMatrix];
    let all = quantities.into_iter().flat_map(|quantity| [(quantity, 0), (quantity, 1)]);
    let versions = [Version::Old, Version::New];
    all.into_iter().find(|(quantity, spin)| versions.iter().any(|&version| quantity.file_name(version, *spin) == name))
}

/// ABACUS' own names become those of the other version; all others stay.
fn target_name(file: &Path, version: Version) -> String {
    let name = plain_name(file);
    abacus_name(name).map_or_else(|| name.to_owned(), |(quantity, spin)| quantity.file_name(version, spin))
}

/// nspin and spin of a file: from its own head, else from its name and whether the other spin lies beside it.
fn spin_of(file: &Path, csr: &Csr) -> (usize, usize) {
    if let Header::New { .. } = csr.header {
        return (1, 0);
    }
    let Some((quantity, spin)) = abacus_name(plain_name(file)) else { return (1, 0) };
    let down = quantity.file_name(Version::Old, 1);
    let beside = ["", ".gz", ".zst"].iter().any(|end| file.with_file_name(format!("{down}{end}")).exists());
    (if beside { 2 } else { 1 }, spin)
}

fn stru_near(csr: &Path) -> Option<PathBuf> {
    csr.ancestors().skip(1).take(3).map(|folder| folder.join("STRU")).find(|path| path.is_file())
}

fn csr_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            csr_files(&path, found)?;
        } else if plain_name(&path).ends_with(".csr") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_version() {
        let new = |name| target_name(Path::new(name), Version::New);
        assert_eq!(new("OUT.ABACUS/data-HR-sparse_SPIN1.csr.gz"), "hrs2_nao.csr");
        assert_eq!(new("data-SR-sparse_SPIN0.csr"), "srs1_nao.csr");
        assert_eq!(new("sr_nao.csr"), "sr_nao.csr");
        assert_eq!(new("h0-HR.csr.zst"), "h0-HR.csr");
        assert_eq!(target_name(Path::new("dmrs1_nao.csr"), Version::Old), "data-DMR-sparse_SPIN0.csr");
    }
}
