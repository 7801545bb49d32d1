//! netCDF-4 files: HDF5 files whose dimensions are data sets with marks of their own, and whose variables refer to them.
//!
//! Only what SIESTA's files need: groups, fixed dimensions, numbers and short texts. `NetCDF-4 file format specification`
//! (Unidata) and `HDF5 Dimension Scale Specification` say which attributes make an HDF5 file one that netCDF reads.
//!
//! The `hdf5` crate silences the HDF5 library in every thread: it prints nothing, errors come as values.

mod source;
mod target;

pub use source::Source;
pub use target::{Dimension, Target};

/// What netCDF puts into the elements of a variable of doubles that nobody has written (`NC_FILL_DOUBLE`).
pub const FILL_DOUBLE: f64 = 9.969_209_968_386_869e36;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// Two dimensions, a group, three variables.
    fn written(folder: &Path) -> PathBuf {
        let path = folder.join("small.nc");
        let root = Target::create(&path).unwrap();
        root.text("label", "small").unwrap();
        let (xyz, one) = (root.dimension("xyz", 3).unwrap(), root.dimension("one", 1).unwrap());
        root.values("Ef", &[&one], &[-0.25], ["Fermi level", "Ry"]).unwrap();
        let sparse = root.group("SPARSE").unwrap();
        sparse.numbers("ID", &[7_i32]).unwrap();
        let spin = sparse.dimension("spin", 2).unwrap();
        sparse.values("H", &[&spin, &xyz], &[0.1, 0.2, 0.3, 0.4, 0.5, FILL_DOUBLE], ["", ""]).unwrap();
        let wrong = sparse.values("S", &[&xyz], &[1.0], ["", ""]).unwrap_err();
        assert_eq!(wrong.to_string(), "variable S has the shape [3], but 1 values");
        path
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = Source::open(&written(folder.path())).unwrap();
        assert_eq!(root.text("label").unwrap(), "small");
        assert_eq!(root.number::<f64>("Ef").unwrap(), -0.25);
        let sparse = root.group("SPARSE").unwrap();
        assert_eq!(sparse.number::<i32>("ID").unwrap(), 7);
        assert_eq!(sparse.shape("H").unwrap(), [2, 3]);
        assert_eq!(sparse.values::<f64>("H", &[2, 3]).unwrap(), [0.1, 0.2, 0.3, 0.4, 0.5, FILL_DOUBLE]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = Source::open(&written(folder.path())).unwrap();
        let sparse = root.group("SPARSE").unwrap();
        let message = |result: crate::Result<Vec<f64>>| result.unwrap_err().to_string();
        assert_eq!(message(sparse.values("S", &[3])), "expected the variable `SPARSE/S`, found none");
        let shape = "variable `SPARSE/H` has the shape [2, 3] instead of [1, 3]";
        assert_eq!(message(sparse.values("H", &[1, 3])), shape);
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.nc");
        let error = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Source::open(&path).err().unwrap().to_string()
        };
        assert!(error(b"CDF\x01 and so on").contains("classic netCDF"));
        assert!(error(b"SystemName Si").ends_with("expected a netCDF-4 file, found other bytes"));
        assert!(error(b"\x89HDF\r\n\x1a\n cut here").contains("expected a whole HDF5 file"));
    }
}
