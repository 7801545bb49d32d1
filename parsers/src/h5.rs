//! Plain HDF5 files: data sets of numbers, perhaps in groups, as h5py writes them. Complex numbers are compounds `r`, `i`.
//!
//! HDF5 is not parallel: the library has one lock. What can be done in parallel is done before writing and after reading.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use hdf5::types::{CompoundType, FloatSize, TypeDescriptor, VarLenUnicode};
use hdf5::{Dataset, Group, H5Type};

use crate::error::{Context, Error, Result};
use crate::input;
use crate::operator::c64;

/// The first bytes of every HDF5 file.
pub(crate) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Deflated numbers take at least one byte in 1032.
pub(crate) const MOST_COMPRESSION: u64 = 1032;

/// What the numbers of a data set are; they are read as i64, f64 or complex f64 whatever their size in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Integers of any size.
    Integer,
    /// Floats: in single precision, or in double.
    Real {
        /// Four bytes or less?
        single: bool,
    },
    /// Compounds of two floats `r` and `i`.
    Complex {
        /// Four bytes or less each?
        single: bool,
    },
}

/// A group of a file that is being read; the file itself is its root group.
pub struct Source {
    group: Group,
    file_size: u64,
}

impl Source {
    /// Opens a file, also one inside gzip or zstd, and gives its root group.
    ///
    /// # Errors
    /// `Io`; `Syntax` where it is no HDF5 file or is cut.
    pub fn open(path: &Path) -> Result<Self> {
        let open = || {
            let start = input::head(path, MAGIC.len() as u64)?;
            if start != MAGIC {
                return Err(Error::syntax("an HDF5 file", "other bytes"));
            }
            open_group(path).map(|(group, file_size)| Source { group, file_size })
        };
        open().in_file(path)
    }

    /// Names of the data sets and groups in this group, sorted.
    ///
    /// # Errors
    /// `Syntax` where the file is damaged.
    pub fn names(&self) -> Result<Vec<String>> {
        self.group.member_names().map_err(|error| damaged("a list of names", &error))
    }

    /// Is there a data set or group of this name?
    pub fn has(&self, name: &str) -> bool {
        self.group.link_exists(name)
    }

    /// A group inside this one.
    ///
    /// # Errors
    /// `Syntax` where it is absent.
    pub fn group(&self, name: &str) -> Result<Self> {
        let group = self.group.group(name).map_err(|_| Error::syntax(format!("the group `{name}`"), "none"))?;
        Ok(Source { group, file_size: self.file_size })
    }

    /// A data set of this group.
    ///
    /// # Errors
    /// `Syntax` where it is absent.
    pub fn data<'a>(&self, name: &'a str) -> Result<Data<'a>> {
        let dataset = self.group.dataset(name).map_err(|_| Error::syntax(format!("the data set `{name}`"), "none"))?;
        Ok(Data { dataset, name, file_size: self.file_size })
    }
}

/// A data set that is being read.
pub struct Data<'a> {
    dataset: Dataset,
    name: &'a str,
    file_size: u64,
}

impl Data<'_> {
    /// Lengths of its dimensions, the slowest first.
    pub fn shape(&self) -> Vec<usize> {
        self.dataset.shape()
    }

    /// What its numbers are; `None` for texts and whatever else HDF5 holds.
    pub fn kind(&self) -> Option<Kind> {
        match self.dataset.dtype().and_then(|dtype| dtype.to_descriptor()).ok()? {
            TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) => Some(Kind::Integer),
            TypeDescriptor::Float(size) => Some(Kind::Real { single: size != FloatSize::U8 }),
            TypeDescriptor::Compound(compound) => complex(&compound),
            _ => None,
        }
    }

    /// All its integers, the last dimension fastest.
    ///
    /// # Errors
    /// `Syntax` where it holds something else, `Limit` where it cannot fit into the file.
    pub fn integers(&self) -> Result<Vec<i64>> {
        self.check_kind("integers", |kind| kind == Kind::Integer)?;
        self.values()
    }

    /// All its real numbers, the last dimension fastest, single precision made double.
    ///
    /// # Errors
    /// As [`Data::integers`].
    pub fn reals(&self) -> Result<Vec<f64>> {
        self.check_kind("real numbers", |kind| matches!(kind, Kind::Real { .. }))?;
        self.values()
    }

    /// All its complex numbers, the last dimension fastest, single precision made double.
    ///
    /// # Errors
    /// As [`Data::integers`].
    pub fn complexes(&self) -> Result<Vec<c64>> {
        self.check_kind("complex numbers", |kind| matches!(kind, Kind::Complex { .. }))?;
        self.values()
    }

    fn check_kind(&self, expected: &str, fits: impl Fn(Kind) -> bool) -> Result<()> {
        let found = match self.kind() {
            Some(kind) if fits(kind) => return Ok(()),
            Some(Kind::Integer) => "integers",
            Some(Kind::Real { .. }) => "real numbers",
            Some(Kind::Complex { .. }) => "complex numbers",
            None => "no numbers",
        };
        Err(Error::syntax(format!("{expected} in `{}`", self.name), found))
    }

    /// A size that the file cannot hold is refused before anything is allocated.
    fn values<T: H5Type>(&self) -> Result<Vec<T>> {
        let stored = self.dataset.dtype().map_or(1, |dtype| dtype.size());
        let bytes = self.dataset.size().saturating_mul(stored) as u64;
        let compression = if self.dataset.is_chunked() { MOST_COMPRESSION } else { 1 };
        let limit = self.file_size.saturating_mul(compression);
        if bytes > limit {
            return Err(Error::limit(format!("a size of `{}`", self.name), bytes, limit));
        }
        self.dataset.read_raw().map_err(|error| damaged(&format!("numbers in `{}`", self.name), &error))
    }
}

/// Complex numbers as h5py and this crate name their parts.
fn complex(compound: &CompoundType) -> Option<Kind> {
    match &compound.fields[..] {
        [re, im] if re.name == "r" && im.name == "i" && re.ty == im.ty => match re.ty {
            TypeDescriptor::Float(size) => Some(Kind::Complex { single: size != FloatSize::U8 }),
            _ => None,
        },
        _ => None,
    }
}

/// A group of a file that is being written.
pub struct Target {
    group: Group,
}

impl Target {
    /// A new group inside this one.
    ///
    /// # Errors
    /// `Io`.
    pub fn group(&self, name: &str) -> Result<Self> {
        self.group.create_group(name).map(|group| Target { group }).map_err(failed)
    }

    /// A new data set of texts, the last dimension fastest.
    ///
    /// # Errors
    /// As [`Target::write`]; `Syntax` where a text has a NUL inside, which HDF5 cannot store.
    pub fn write_texts(&self, name: &str, shape: &[usize], texts: &[&str]) -> Result<()> {
        let stored =
            |text: &&str| text.parse::<VarLenUnicode>().map_err(|_| Error::syntax("a text without NUL", *text));
        self.write(name, shape, &texts.iter().map(stored).collect::<Result<Vec<_>>>()?)
    }

    /// A new data set of f64, f32, i64, i8, bool, … or complex numbers, the last dimension fastest, in one piece; one number
    /// where the shape is empty.
    ///
    /// # Errors
    /// `Io`; `Inconsistent` where there are more or fewer values than the shape says.
    pub fn write<T: H5Type>(&self, name: &str, shape: &[usize], values: &[T]) -> Result<()> {
        if shape.iter().product::<usize>() != values.len() {
            let message = format!("`{name}` has the shape {shape:?}, but {} values", values.len());
            return Err(Error::inconsistent(message));
        }
        let dataset = self.group.new_dataset::<T>().shape(shape).create(name).map_err(failed)?;
        dataset.write_raw(values).map_err(failed)
    }
}

/// Writes a new file at `path`, data sets and groups by `write`; all of it is on its way to the disk when this returns.
///
/// # Errors
/// `Io` with the file's name, and those of `write`.
pub fn write(path: &Path, write: impl FnOnce(&Target) -> Result<()>) -> Result<()> {
    let written = || {
        let file = hdf5::File::create(path).map_err(failed)?;
        write(&Target { group: file.as_group().map_err(failed)? })?;
        file.flush().map_err(failed)
    };
    written().in_file(path)
}

/// Root group and size of a file that is known to start like HDF5, plain or compressed. HDF5 reads files alone: a decompressed
/// one is a temporary file, which vanishes from its folder at once, and from the disk when it is closed.
pub(crate) fn open_group(path: &Path) -> Result<(Group, u64)> {
    let mut start = [0; MAGIC.len()];
    File::open(path)?.read_exact(&mut start)?;
    if start == MAGIC {
        return open_plain(path);
    }
    let mut unpacked = tempfile::NamedTempFile::new()?;
    unpacked.write_all(&input::open(path)?)?;
    open_plain(unpacked.path())
}

fn open_plain(path: &Path) -> Result<(Group, u64)> {
    let file = hdf5::File::open(path).map_err(|error| damaged("a whole HDF5 file", &error))?;
    let group = file.as_group().map_err(|error| damaged("a root group", &error))?;
    Ok((group, fs::metadata(path)?.len()))
}

/// What libhdf5 says of a file that it cannot read.
pub(crate) fn damaged(expected: &str, error: &hdf5::Error) -> Error {
    Error::syntax(expected, format!("`{error}`"))
}

/// What libhdf5 says of a file that it cannot write.
pub(crate) fn failed(error: hdf5::Error) -> Error {
    io::Error::other(error.to_string()).into()
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use super::*;

    fn written(path: &Path) {
        write(path, |file| {
            file.write("real", &[2, 2], &[0.1, -0.0, f64::MIN_POSITIVE, 4.0])?;
            file.write("single", &[2], &[0.5_f32, 3.0])?;
            file.write("complex", &[1, 2], &[c64::new(1.0, -2.0), c64::new(0.1, 0.2)])?;
            file.write("single complex", &[1], &[Complex::new(1.5_f32, -2.5)])?;
            file.write("empty", &[0, 5], &[0_i64; 0])?;
            file.group("group")?.write("small", &[3], &[-1_i8, 0, 127])
        })
        .unwrap();
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.h5");
        written(&path);
        let file = Source::open(&path).unwrap();
        assert_eq!(file.names().unwrap(), ["complex", "empty", "group", "real", "single", "single complex"]);
        let real = file.data("real").unwrap();
        assert_eq!((real.shape(), real.kind()), (vec![2, 2], Some(Kind::Real { single: false })));
        let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(real.reals().unwrap()), bits(vec![0.1, -0.0, f64::MIN_POSITIVE, 4.0]));
        assert_eq!(file.data("single").unwrap().kind(), Some(Kind::Real { single: true }));
        assert_eq!(file.data("single").unwrap().reals().unwrap(), [0.5, 3.0]);
        assert_eq!(file.data("complex").unwrap().complexes().unwrap(), [c64::new(1.0, -2.0), c64::new(0.1, 0.2)]);
        assert_eq!(file.data("single complex").unwrap().kind(), Some(Kind::Complex { single: true }));
        assert_eq!(file.data("single complex").unwrap().complexes().unwrap(), [c64::new(1.5, -2.5)]);
        let empty = file.data("empty").unwrap();
        assert_eq!((empty.shape(), empty.integers().unwrap()), (vec![0, 5], vec![]));
        assert_eq!(file.group("group").unwrap().data("small").unwrap().integers().unwrap(), [-1, 0, 127]);
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.h5");
        written(&path);
        let file = Source::open(&path).unwrap();
        assert!(file.has("real") && !file.has("rael"));
        assert_eq!(file.data("rael").err().unwrap().to_string(), "expected the data set `rael`, found none");
        assert_eq!(file.group("g").err().unwrap().to_string(), "expected the group `g`, found none");
        let message = file.data("complex").unwrap().reals().unwrap_err().to_string();
        assert_eq!(message, "expected real numbers in `complex`, found complex numbers");
        let message = file.data("real").unwrap().integers().unwrap_err().to_string();
        assert_eq!(message, "expected integers in `real`, found real numbers");
    }

    #[test]
    fn broken_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.h5");
        let message = || Source::open(&path).err().unwrap().to_string();
        fs::write(&path, "SystemName Si").unwrap();
        assert!(message().ends_with("small.h5: expected an HDF5 file, found other bytes"));
        written(&path);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(message().contains("expected a whole HDF5 file"), "{}", message());
        let wrong = write(&path, |file| file.write("entries", &[3], &[1.0])).unwrap_err().to_string();
        assert!(wrong.ends_with("`entries` has the shape [3], but 1 values"), "{wrong}");
    }

    #[test]
    fn sizes_that_the_file_cannot_hold_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hollow.h5");
        let file = hdf5::File::create(&path).unwrap();
        file.new_dataset::<f64>().shape(1 << 40).create("entries").unwrap();
        file.close().unwrap();
        let message = Source::open(&path).unwrap().data("entries").unwrap().reals().unwrap_err().to_string();
        assert!(message.starts_with("a size of `entries` of 8796093022208 exceeds the limit of "), "{message}");
    }
}
