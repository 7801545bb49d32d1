//! The few functions of ELPA, ScaLAPACK and BLACS that are needed, and a safe face of them. The only unsafe code of this program.
#![allow(unsafe_code, reason = "libraries in Fortran and C")]

use std::ffi::{CStr, c_char, c_int, c_void};

use hzero::parsers::{Error, Result, c64};
use mpi::ffi::{MPI_Comm, RSMPI_Comm_c2f};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

use super::grid::Grid;

/// Of ELPA's interface: since then it has generalized problems.
const API_VERSION: c_int = 20180525;
/// What all of ELPA's functions return when nothing went wrong.
const ELPA_OK: c_int = 0;

unsafe extern "C" {
    fn elpa_init(api_version: c_int) -> c_int;
    fn elpa_allocate(error: *mut c_int) -> *mut c_void;
    fn elpa_deallocate(handle: *mut c_void, error: *mut c_int);
    fn elpa_set_integer(handle: *mut c_void, name: *const c_char, value: c_int, error: *mut c_int);
    fn elpa_setup(handle: *mut c_void) -> c_int;
    fn elpa_strerr(error: c_int) -> *const c_char;
    fn elpa_generalized_eigenvalues_dc(
        handle: *mut c_void,
        a: *mut c64,
        b: *mut c64,
        values: *mut f64,
        is_already_decomposed: c_int,
        error: *mut c_int,
    );
    fn Csys2blacs_handle(ranks: MPI_Comm) -> c_int;
    fn Cfree_blacs_system_handle(handle: c_int);
    fn Cblacs_gridinit(context: *mut c_int, order: *const c_char, rows: c_int, columns: c_int);
    fn Cblacs_gridexit(context: c_int);
    fn pzpotrf_(
        triangle: *const c_char,
        n: *const c_int,
        a: *mut c64,
        row: *const c_int,
        column: *const c_int,
        descriptor: *const c_int,
        info: *mut c_int,
    );
    fn pztrtri_(
        triangle: *const c_char,
        diagonal: *const c_char,
        n: *const c_int,
        a: *mut c64,
        row: *const c_int,
        column: *const c_int,
        descriptor: *const c_int,
        info: *mut c_int,
    );
}

/// ELPA for matrices of one size on the ranks of one group.
pub struct Elpa {
    handle: *mut c_void,
    blacs: c_int,
    context: c_int,
    n: usize,
    local: [usize; 2],
    descriptor: [c_int; 9],
}

impl Elpa {
    /// Prepares ELPA. All ranks of `group` must call this, and all other functions, together.
    ///
    /// # Errors
    /// `Limit` where the matrix is larger than ELPA can count; `Inconsistent` with what ELPA says.
    pub fn new(group: &SimpleCommunicator, grid: &Grid) -> Result<Elpa> {
        let int = |what: &str, value: usize| {
            c_int::try_from(value).map_err(|_| Error::limit(what, value as u64, c_int::MAX as u64))
        };
        let [n, block] = [int("the order of a matrix", grid.n)?, int("a block", grid.block)?];
        let [rows, columns] = [int("rows of ranks", grid.shape[0])?, int("columns of ranks", grid.shape[1])?];
        let local = grid.local_shape();
        let [local_rows, local_columns] = [int("local rows", local[0])?, int("local columns", local[1])?];
        let (blacs, context) = blacs_grid(group, rows, columns);
        // A dense matrix, its grid, shape and blocks; row and column of ranks that hold the first element; rows of the local array.
        let descriptor = [1, context, n, n, block, block, 0, 0, local_rows.max(1)];
        let mut elpa = Elpa { handle: std::ptr::null_mut(), blacs, context, n: grid.n, local, descriptor };
        elpa.allocate()?;
        elpa.set(c"na", n)?;
        elpa.set(c"nev", n)?;
        elpa.set(c"nblk", block)?;
        elpa.set(c"local_nrows", local_rows)?;
        elpa.set(c"local_ncols", local_columns)?;
        elpa.set(c"process_row", int("a row of ranks", grid.place[0])?)?;
        elpa.set(c"process_col", int("a column of ranks", grid.place[1])?)?;
        // SAFETY: the communicator lives as long as `group`.
        elpa.set(c"mpi_comm_parent", unsafe { RSMPI_Comm_c2f(group.as_raw()) })?;
        elpa.set(c"blacs_context", context)?;
        // SAFETY: the handle was allocated above.
        done(unsafe { elpa_setup(elpa.handle) })?;
        Ok(elpa)
    }

    fn allocate(&mut self) -> Result<()> {
        let mut error = ELPA_OK;
        // SAFETY: no arguments but numbers; calling `elpa_init` again does no harm.
        done(unsafe { elpa_init(API_VERSION) })?;
        // SAFETY: `error` is written, and a handle comes back.
        self.handle = unsafe { elpa_allocate(&mut error) };
        done(error)
    }

    fn set(&mut self, name: &CStr, value: c_int) -> Result<()> {
        let mut error = ELPA_OK;
        // SAFETY: the handle is ELPA's own, the name ends in 0.
        unsafe { elpa_set_integer(self.handle, name.as_ptr(), value, &mut error) };
        done(error)
    }

    /// Turns this rank's part of S (its upper triangle is read) into that of U⁻¹, where S = U†U. `false` where S is not positive
    /// definite, on all ranks; ELPA's own Cholesky factorization tells only one of them, and the others wait for ever.
    ///
    /// # Errors
    /// `Inconsistent` where `s` is no part of the grid's matrix.
    pub fn inverse_factor(&self, s: &mut [c64]) -> Result<bool> {
        self.require_part(s)?;
        let (n, one, mut info) = (self.descriptor[2], 1, 0);
        let (upper, not_unit) = (c"U".as_ptr(), c"N".as_ptr());
        let at = self.descriptor.as_ptr();
        // SAFETY: `s` has as many elements as the descriptor says (checked above); all scalars are passed by address, as Fortran does.
        unsafe { pzpotrf_(upper, &n, s.as_mut_ptr(), &one, &one, at, &mut info) };
        if info == 0 {
            // SAFETY: as before.
            unsafe { pztrtri_(upper, not_unit, &n, s.as_mut_ptr(), &one, &one, at, &mut info) };
        }
        Ok(info == 0)
    }

    /// Eigenvalues of H c = ε S c, ascending, on all ranks. `h` is this rank's part of H, and lost; `factor` that of U⁻¹ with zeros
    /// below the diagonal.
    ///
    /// # Errors
    /// `Inconsistent` with what ELPA says, or where a slice is no part of the grid's matrix.
    pub fn energies(&self, h: &mut [c64], factor: &mut [c64]) -> Result<Vec<f64>> {
        self.require_part(h)?;
        self.require_part(factor)?;
        let mut values = vec![0.0; self.n];
        let mut error = ELPA_OK;
        let (a, b) = (h.as_mut_ptr(), factor.as_mut_ptr());
        // SAFETY: both arrays have the local shape that ELPA was told, `values` has n elements.
        unsafe { elpa_generalized_eigenvalues_dc(self.handle, a, b, values.as_mut_ptr(), 1, &mut error) };
        done(error).map(|()| values)
    }

    fn require_part(&self, part: &[c64]) -> Result<()> {
        let [rows, columns] = self.local;
        match part.len() == rows * columns {
            true => Ok(()),
            false => Err(Error::inconsistent(format!("{} elements for a part of {rows} × {columns}", part.len()))),
        }
    }
}

impl Drop for Elpa {
    fn drop(&mut self) {
        let mut error = ELPA_OK;
        if !self.handle.is_null() {
            // SAFETY: the handle is ELPA's own, and not used after this.
            unsafe { elpa_deallocate(self.handle, &mut error) };
        }
        // SAFETY: both were made in `blacs_grid`, and are not used after this.
        unsafe {
            Cblacs_gridexit(self.context);
            Cfree_blacs_system_handle(self.blacs);
        }
    }
}

/// BLACS' handle of the ranks, and its grid of them, numbered row by row.
fn blacs_grid(group: &SimpleCommunicator, rows: c_int, columns: c_int) -> (c_int, c_int) {
    // SAFETY: the communicator is valid, and the grid has as many places as it has ranks.
    unsafe {
        let blacs = Csys2blacs_handle(group.as_raw());
        let mut context = blacs;
        Cblacs_gridinit(&mut context, c"R".as_ptr(), rows, columns);
        (blacs, context)
    }
}

fn done(error: c_int) -> Result<()> {
    if error == ELPA_OK {
        return Ok(());
    }
    // SAFETY: ELPA returns a text that it keeps, for any number.
    let text = unsafe { CStr::from_ptr(elpa_strerr(error)) };
    Err(Error::inconsistent(format!("ELPA: {}", text.to_string_lossy())))
}
