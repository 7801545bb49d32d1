//! Reading.

use std::path::Path;

use hdf5::types::{FixedAscii, TypeDescriptor, VarLenUnicode};
use hdf5::{Attribute, Dataset, Group, H5Type};

use crate::error::{Context, Error, Result};
use crate::h5::{self, MOST_COMPRESSION, damaged};
use crate::input;

const CLASSIC_MAGIC: &[u8] = b"CDF";
/// Longest text that is read.
const MOST_LETTERS: usize = 256;

/// A group of a netCDF-4 file.
pub struct Source {
    group: Group,
    file_size: u64,
}

impl Source {
    /// Opens a file, also one inside gzip or zstd, and gives its root group.
    ///
    /// # Errors
    /// `Syntax` where it is no HDF5 file, `Unsupported` for classic netCDF.
    pub fn open(path: &Path) -> Result<Self> {
        open(path).in_file(path)
    }

    /// A group inside this one.
    ///
    /// # Errors
    /// `Syntax` where it is absent.
    pub fn group(&self, name: &str) -> Result<Self> {
        let group = self.group.group(name).map_err(|_| self.absent("group", name))?;
        Ok(Source { group, file_size: self.file_size })
    }

    /// All groups inside this one.
    ///
    /// # Errors
    /// `Syntax` where the file is damaged.
    pub fn groups(&self) -> Result<Vec<Self>> {
        let groups = self.group.groups().map_err(|error| damaged("a list of groups", &error))?;
        Ok(groups.into_iter().map(|group| Source { group, file_size: self.file_size }).collect())
    }

    /// Is there a variable or group of this name?
    pub fn has(&self, name: &str) -> bool {
        self.group.link_exists(name)
    }

    /// Lengths of the dimensions of a variable, the slowest first.
    ///
    /// # Errors
    /// `Syntax` where the variable is absent.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>> {
        Ok(self.dataset(name)?.shape())
    }

    /// All numbers of a variable, the last dimension fastest; converted to `T`.
    ///
    /// # Errors
    /// `Syntax` where it is absent or no number, `Inconsistent` where its shape is not `shape`, `Limit` where it cannot fit
    /// into the file.
    pub fn values<T: H5Type>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let dataset = self.dataset(name)?;
        let found = dataset.shape();
        if found != shape {
            let message = format!("variable `{}` has the shape {found:?} instead of {shape:?}", self.path(name));
            return Err(Error::inconsistent(message));
        }
        let bytes = dataset.size().saturating_mul(size_of::<T>()) as u64;
        let limit = self.file_size.saturating_mul(MOST_COMPRESSION);
        if bytes > limit {
            return Err(Error::limit(format!("a size of `{}`", self.path(name)), bytes, limit));
        }
        dataset.read_raw().map_err(|error| damaged(&format!("numbers in `{}`", self.path(name)), &error))
    }

    /// The only number of a variable, or an attribute of this group.
    ///
    /// # Errors
    /// As [`Source::values`].
    pub fn number<T: H5Type + Copy>(&self, name: &str) -> Result<T> {
        match self.group.attr(name) {
            Ok(attribute) => one(&attribute).ok_or_else(|| self.absent("number", name)),
            Err(_) => self.values(name, &[1]).map(|values| values[0]),
        }
    }

    /// An attribute of this group that is a list of numbers.
    ///
    /// # Errors
    /// `Syntax` where it is absent or no list of numbers.
    pub fn numbers<T: H5Type>(&self, name: &str) -> Result<Vec<T>> {
        let attribute = self.group.attr(name).ok();
        attribute.and_then(|attribute| attribute.read_raw().ok()).ok_or_else(|| self.absent("attribute", name))
    }

    /// An attribute of this group that is a text.
    ///
    /// # Errors
    /// `Syntax` where it is absent or no text.
    pub fn text(&self, name: &str) -> Result<String> {
        let attribute = self.group.attr(name).ok();
        attribute.and_then(|attribute| text(&attribute)).ok_or_else(|| self.absent("text", name))
    }

    fn dataset(&self, name: &str) -> Result<Dataset> {
        self.group.dataset(name).map_err(|_| self.absent("variable", name))
    }

    fn absent(&self, what: &str, name: &str) -> Error {
        Error::syntax(format!("the {what} `{}`", self.path(name)), "none")
    }

    fn path(&self, name: &str) -> String {
        let group = self.group.name();
        format!("{}/{name}", group.trim_matches('/')).trim_start_matches('/').to_owned()
    }
}

fn open(path: &Path) -> Result<Source> {
    let start = input::head(path, h5::MAGIC.len() as u64)?;
    if start.starts_with(CLASSIC_MAGIC) {
        let message =
            "this is a classic netCDF file, of which only netCDF-4 files are read: convert it with `nccopy -k nc4`";
        return Err(Error::unsupported(message));
    }
    if start != h5::MAGIC {
        return Err(Error::syntax("a netCDF-4 file", "other bytes"));
    }
    let (group, file_size) = h5::open_group(path)?;
    Ok(Source { group, file_size })
}

fn one<T: H5Type + Copy>(attribute: &Attribute) -> Option<T> {
    let values = (attribute.size() == 1).then(|| attribute.read_raw::<T>().ok())??;
    values.first().copied()
}

fn text(attribute: &Attribute) -> Option<String> {
    let descriptor = attribute.dtype().and_then(|dtype| dtype.to_descriptor()).ok()?;
    let text = match descriptor {
        TypeDescriptor::FixedAscii(size) if size <= MOST_LETTERS => {
            attribute.read_scalar::<FixedAscii<MOST_LETTERS>>().ok()?.as_str().to_owned()
        }
        TypeDescriptor::VarLenUnicode => attribute.read_scalar::<VarLenUnicode>().ok()?.as_str().to_owned(),
        _ => return None,
    };
    Some(text.trim().to_owned())
}
