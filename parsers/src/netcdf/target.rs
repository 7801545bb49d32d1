//! Writing.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use hdf5::plist::file_create::{AttrCreationOrder, LinkCreationOrder};
use hdf5::types::{FixedAscii, TypeDescriptor, VarLenArray};
use hdf5::{Dataset, Datatype, File, Group, H5Type, Location, ObjectReference, ObjectReference1};

use crate::error::{Error, Result};

/// Length of the longest text that is written.
const MOST_LETTERS: usize = 256;

/// A group of a netCDF-4 file that is being written. The file is complete when all groups of it are dropped.
pub struct Target {
    group: Group,
    n_dimensions: Rc<Cell<i32>>,
}

/// A dimension that variables of its group, and of groups inside, can have.
#[derive(Debug, Clone)]
pub struct Dimension {
    scale: ObjectReference1,
    number: i32,
    length: usize,
}

impl Target {
    /// A new file; gives its root group.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(path: &Path) -> Result<Self> {
        create(path).map(|group| Target { group, n_dimensions: Rc::default() }).map_err(failed)
    }

    /// A new group inside this one.
    ///
    /// # Errors
    /// `Io`.
    pub fn group(&self, name: &str) -> Result<Self> {
        let mut builder = self.group.create_group_builder();
        builder.create_plist().link_creation_order(ORDERED_LINKS).attr_creation_order(ORDERED_ATTRIBUTES);
        let group = builder.create(name).map_err(failed)?;
        Ok(Target { group, n_dimensions: Rc::clone(&self.n_dimensions) })
    }

    /// A new dimension.
    ///
    /// # Errors
    /// `Io`.
    pub fn dimension(&self, name: &str, length: usize) -> Result<Dimension> {
        let number = self.n_dimensions.replace(self.n_dimensions.get() + 1);
        let scale = self.scale(name, length, number).map_err(failed)?;
        Ok(Dimension { scale, number, length })
    }

    /// A new variable with its numbers, the last dimension fastest, what it is, and its unit (empty: none).
    ///
    /// # Errors
    /// `Io`; `Inconsistent` where the numbers do not fit the dimensions.
    pub fn values<T: H5Type>(
        &self,
        name: &str,
        dimensions: &[&Dimension],
        values: &[T],
        [info, unit]: [&str; 2],
    ) -> Result<()> {
        let shape: Vec<usize> = dimensions.iter().map(|dimension| dimension.length).collect();
        if shape.iter().product::<usize>() != values.len() {
            let message = format!("variable {name} has the shape {shape:?}, but {} values", values.len());
            return Err(Error::inconsistent(message));
        }
        self.variable(name, &shape, values)
            .and_then(|variable| {
                refer(&variable, dimensions)?;
                let texts = [("info", info), ("unit", unit)].into_iter().filter(|(_, text)| !text.is_empty());
                texts.into_iter().try_for_each(|(name, text)| write_text(&variable, name, text))
            })
            .map_err(failed)
    }

    /// A text as attribute of this group.
    ///
    /// # Errors
    /// `Io`.
    pub fn text(&self, name: &str, text: &str) -> Result<()> {
        write_text(&self.group, name, text).map_err(failed)
    }

    /// Numbers as attribute of this group.
    ///
    /// # Errors
    /// `Io`.
    pub fn numbers<T: H5Type>(&self, name: &str, values: &[T]) -> Result<()> {
        self.group.new_attr_builder().with_data(values).create(name).map(drop).map_err(failed)
    }

    fn variable<T: H5Type>(&self, name: &str, shape: &[usize], values: &[T]) -> hdf5::Result<Dataset> {
        let builder = self.group.new_dataset::<T>().shape(shape);
        let variable = builder.attr_creation_order(ORDERED_ATTRIBUTES).create(name)?;
        variable.as_writer().write_raw(values)?;
        Ok(variable)
    }

    /// A dimension without a variable of its own is a data set of big-endian floats that are never written.
    fn scale(&self, name: &str, length: usize, number: i32) -> hdf5::Result<ObjectReference1> {
        let scale = self.group.new_dataset::<f32>().shape(length).create(name)?;
        write_c_string::<16>(&scale, "CLASS", "DIMENSION_SCALE")?;
        let remark = format!("This is a netCDF dimension but not a netCDF variable.{length:10}");
        write_c_string::<64>(&scale, "NAME", &remark)?;
        scale.new_attr::<i32>().create("_Netcdf4Dimid")?.write_scalar(&number)?;
        ObjectReference1::create(&self.group, name)
    }
}

/// netCDF lists groups, variables and attributes in the order of their creation.
const ORDERED_LINKS: LinkCreationOrder = LinkCreationOrder::Indexed;
const ORDERED_ATTRIBUTES: AttrCreationOrder = AttrCreationOrder::Indexed;

fn create(path: &Path) -> hdf5::Result<Group> {
    let mut options = File::with_options();
    let file = options.with_fcpl(|p| p.link_creation_order(ORDERED_LINKS).attr_creation_order(ORDERED_ATTRIBUTES));
    file.create(path)?.as_group()
}

/// Tells which dimensions a variable has: to HDF5 by references, to netCDF by numbers.
fn refer(variable: &Dataset, dimensions: &[&Dimension]) -> hdf5::Result<()> {
    let scales: Vec<_> = dimensions.iter().map(|d| VarLenArray::from_slice(&[d.scale])).collect();
    variable.new_attr_builder().with_data(&scales[..]).create("DIMENSION_LIST")?;
    let numbers: Vec<i32> = dimensions.iter().map(|dimension| dimension.number).collect();
    variable.new_attr_builder().with_data(&numbers[..]).create("_Netcdf4Coordinates")?;
    Ok(())
}

fn write_text(location: &Location, name: &str, text: &str) -> hdf5::Result<()> {
    let file_type = TypeDescriptor::FixedAscii(text.len().max(1));
    let attribute = location.new_attr_builder().empty_as(&file_type).create(name)?;
    attribute.write_scalar(&fixed::<MOST_LETTERS>(text)?)
}

/// A text of at most N − 1 letters with a final zero, which the marks of a dimension must have.
fn write_c_string<const N: usize>(dataset: &Dataset, name: &str, text: &str) -> hdf5::Result<()> {
    let attribute = dataset.new_attr_builder().empty_as(c_string_type(N)?).create(name)?;
    attribute.write_scalar(&fixed::<N>(text)?)
}

fn fixed<const N: usize>(text: &str) -> hdf5::Result<FixedAscii<N>> {
    FixedAscii::from_ascii(text).map_err(|error| format!("text `{text}`: {error}").into())
}

/// The crate's own texts of fixed length end in any number of zeros, none included: HDF5 does not take them for marks.
#[allow(unsafe_code, reason = "types of HDF5 that the crate does not offer")]
fn c_string_type(size: usize) -> hdf5::Result<Datatype> {
    hdf5::sync::sync(|| {
        // SAFETY: H5T_C_S1 is valid once `sync` has initialized the library; the copy is a new type that nobody else has, and
        // whose only owner is the `Datatype`.
        unsafe {
            let copy = hdf5_sys::h5t::H5Tcopy(*hdf5_sys::h5t::H5T_C_S1);
            let datatype: Datatype = hdf5::from_id(copy)?;
            hdf5::h5check(hdf5_sys::h5t::H5Tset_size(copy, size))?;
            Ok(datatype)
        }
    })
}

fn failed(error: hdf5::Error) -> Error {
    io::Error::other(error.to_string()).into()
}
