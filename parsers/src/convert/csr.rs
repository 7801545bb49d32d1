//! csr files of one generation of ABACUS into those of the other: a single file, or every file of a folder under the names
//! that ABACUS expects, with what belongs to them, so that the target is a run again.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Request, check_source};
use crate::abacus::constants::ANGSTROM_PER_BOHR_IN_STRU;
use crate::abacus::csr::{Header, Quantity, Version, structure_lines};
use crate::abacus::input_file::InputFile;
use crate::abacus::{Csr, Stru};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::folder::{entries, plain_name};
use crate::format::Format;
use crate::{companion, input, output};

/// Converts, and returns what was written. Of a folder, the matrices there and below are converted, and the other files of
/// the run that hzero reads (`is_read_beside_matrices`) are copied: all of them, or after an error none.
///
/// # Errors
/// All kinds; `NotRepresentable` where the target needs a structure and none was found.
pub fn convert(request: &Request) -> Result<Vec<PathBuf>> {
    if !request.source.is_dir() {
        let target = request.target_file();
        output::require_new(&target, request.write.force)?;
        return Ok(vec![request.file(&request.source, target)?]);
    }
    let files = files_below(&request.source)?;
    if !files.iter().any(|file| is_csr(file)) {
        return Err(Error::unsupported("no csr file in this folder or below").in_file(&request.source));
    }
    let force = request.write.force;
    output::write_into(&request.target, force, |stage| {
        let staged = Request { target: stage.to_owned(), ..request.clone() };
        let written = staged.files_of_folder(&files)?;
        Ok(written.iter().map(|file| request.target.join(file.strip_prefix(stage).unwrap_or(file))).collect())
    })
}

/// Files of an ABACUS run without matrices that hzero reads, by name.
fn is_read_beside_matrices(name: &str) -> bool {
    const INPUTS: [&str; 6] = ["INPUT", "STRU", "KPT", "STRU_ION_D", "report.json", companion::FILE_NAME];
    const OUTPUTS: [&str; 5] = ["info.json", "istate.info", "eig_occ.txt", "kpoints", "KPT.info"];
    const BANDS: [&str; 5] = ["BANDS_1.dat", "BANDS_2.dat", "band.txt", "bands1.txt", "bands2.txt"];
    [&INPUTS[..], &OUTPUTS, &BANDS].concat().contains(&name) || (name.starts_with("running_") && name.ends_with(".log"))
}

impl Request {
    /// A folder as target of a file is where the file goes.
    fn target_file(&self) -> PathBuf {
        match self.target.is_dir() {
            true => self.target.join(target_name(&self.source, version(self.to))),
            false => self.target.clone(),
        }
    }

    fn files_of_folder(&self, files: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let (matrices, others): (Vec<&PathBuf>, Vec<&PathBuf>) = files.iter().partition(|file| is_csr(file));
        let converted = matrices.into_iter().map(|file| self.file_of_folder(file));
        let others = others.into_iter().filter(|file| is_read_beside_matrices(&plain_name(file)));
        converted.chain(others.map(|file| self.copy_of_folder(file))).collect()
    }

    fn file_of_folder(&self, file: &Path) -> Result<PathBuf> {
        self.file(file, self.in_target(file).with_file_name(target_name(file, version(self.to))))
    }

    fn copy_of_folder(&self, file: &Path) -> Result<PathBuf> {
        let bytes = std::fs::read(file).map_err(Error::from).in_file(file)?;
        put(self.in_target(file), |out| out.write_all(&bytes))
    }

    fn in_target(&self, file: &Path) -> PathBuf {
        self.target.join(file.strip_prefix(&self.source).unwrap_or(file))
    }

    fn file(&self, source: &Path, target: PathBuf) -> Result<PathBuf> {
        check_source(self.from, source)?;
        let csr = Csr::read(source, self.options.step)?;
        let stays_old = plain_name(&target) == OVERLAP_RUN_NAME;
        let version = if stays_old { Version::Old } else { version(self.to) };
        let (nspin, spin) = spin_of(source, &csr);
        let structure = match (version, csr.header.version()) {
            (Version::New, Version::Old) => self.structure_lines(source, csr.header.step())?,
            _ => Vec::new(),
        };
        let csr = csr.converted(version, nspin, spin, &structure);
        put(target, |out| csr.write(out))
    }

    /// `step` counts from 0; STRU is the structure of that one.
    fn structure_lines(&self, csr: &Path, step: u64) -> Result<Vec<String>> {
        let missing = |what: &str| {
            let what = format!("{what} {}; name one by --structure", csr.display());
            Error::from(ErrorKind::NotRepresentable { format: Format::AbacusNew.to_string(), what })
        };
        let path = match &self.options.structure {
            Some(path) => path.clone(),
            None if step > 0 => return Err(missing(&format!("STRU is not the structure of ionic step {step} in"))),
            None => stru_near(csr).ok_or_else(|| missing("no STRU beside or above"))?,
        };
        let stru = Stru::parse(&input::open(&path)?).in_file(&path)?;
        let structure = stru.structure(latname(&path)?.as_deref(), ANGSTROM_PER_BOHR_IN_STRU).in_file(&path)?;
        let labels: Vec<&str> =
            stru.groups.iter().flat_map(|group| group.atoms.iter().map(|_| group.label.as_str())).collect();
        Ok(structure_lines(&structure, &labels))
    }
}

fn version(format: Format) -> Version {
    if format == Format::AbacusOld { Version::Old } else { Version::New }
}

/// `calculation get_s` of every version writes the old layout; this is the name since 3.9.
const OVERLAP_RUN_NAME: &str = "sr_nao.csr";

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
    abacus_name(&name).map_or_else(|| name.clone(), |(quantity, spin)| quantity.file_name(version, spin))
}

/// nspin and spin of a file: from its own head, else from its name and whether the other spin lies beside it.
fn spin_of(file: &Path, csr: &Csr) -> (usize, usize) {
    if let Header::New { .. } = csr.header {
        return (1, 0);
    }
    let Some((quantity, spin)) = abacus_name(&plain_name(file)) else { return (1, 0) };
    let down = quantity.file_name(Version::Old, 1);
    let beside = ["", ".gz", ".zst"].iter().any(|end| file.with_file_name(format!("{down}{end}")).exists());
    (if beside { 2 } else { 1 }, spin)
}

fn stru_near(csr: &Path) -> Option<PathBuf> {
    csr.ancestors().skip(1).take(3).map(|folder| folder.join("STRU")).find(|path| path.is_file())
}

/// `latname` of the INPUT beside STRU, if there is one.
fn latname(stru: &Path) -> Result<Option<String>> {
    let path = stru.with_file_name("INPUT");
    if !path.is_file() {
        return Ok(None);
    }
    let input = InputFile::parse(&input::open(&path)?).in_file(&path)?;
    Ok(input.get("latname").map(str::to_owned))
}

/// All files, sorted within each folder.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_csr(path: &Path) -> bool {
    plain_name(path).ends_with(".csr")
}

fn put(target: PathBuf, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<PathBuf> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(Error::from).in_file(folder)?;
    }
    output::write_file(&target, write)?;
    Ok(target)
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
