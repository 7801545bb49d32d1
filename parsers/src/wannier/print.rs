//! `_hr.dat` and `_tb.dat` as text, the blocks in parallel. Numbers have as many digits as it takes to read the same ones.

use std::io::{self, Write};

use rayon::prelude::*;

use super::real_space::RealSpace;
use super::win::{Described, spaced};
use crate::operator::c64;

/// So many blocks are in memory as text at a time.
const AT_ONCE: usize = 64;

/// Writes `_hr.dat`.
///
/// # Errors
/// Those of `out`.
pub fn hr(out: &mut dyn Write, model: &RealSpace) -> io::Result<()> {
    writeln!(out, " H(R) in eV, written by hzero")?;
    head(out, model)?;
    blocks(out, model, |cell, text| {
        let [x, y, z] = model.cells()[cell].r;
        for_elements(model, cell, |row, column, value| {
            writeln!(text, "{x:5}{y:5}{z:5}{row:5}{column:5}{:>24?}{:>24?}", value.re, value.im)
        })
    })
}

/// Writes `_tb.dat`. The position operator has the centres on its diagonal at R = 0, and nothing else.
///
/// # Errors
/// Those of `out`.
pub fn tb(out: &mut dyn Write, model: &RealSpace, described: &Described) -> io::Result<()> {
    writeln!(out, " lattice and positions in A, H(R) in eV, written by hzero")?;
    (0..3).try_for_each(|row| writeln!(out, "{}", spaced(described.lattice_vector(row))))?;
    head(out, model)?;
    blocks(out, model, |cell, text| {
        cell_line(text, model, cell)?;
        for_elements(model, cell, |row, column, value| {
            writeln!(text, "{row:5}{column:5}{:>24?}{:>24?}", value.re, value.im)
        })
    })?;
    let centres = described.centres();
    blocks(out, model, |cell, text| {
        cell_line(text, model, cell)?;
        let is_home = model.cells()[cell].r == [0; 3];
        for_elements(model, cell, |row, column, _| {
            let [x, y, z] = if is_home && row == column { centres[row - 1] } else { [0.0; 3] };
            writeln!(text, "{row:5}{column:5}{x:>24?} 0.0{y:>24?} 0.0{z:>24?} 0.0")
        })
    })
}

fn cell_line(text: &mut Vec<u8>, model: &RealSpace, cell: usize) -> io::Result<()> {
    let [x, y, z] = model.cells()[cell].r;
    writeln!(text, "\n{x:5}{y:5}{z:5}")
}

fn head(out: &mut dyn Write, model: &RealSpace) -> io::Result<()> {
    writeln!(out, "{:12}\n{:12}", model.n_functions(), model.cells().len())?;
    for line in model.cells().chunks(15) {
        let line: String = line.iter().map(|cell| format!("{:5}", cell.degeneracy)).collect();
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The elements of one cell, rows fastest, numbered from 1.
fn for_elements(
    model: &RealSpace,
    cell: usize,
    mut each: impl FnMut(usize, usize, c64) -> io::Result<()>,
) -> io::Result<()> {
    let (n, block) = (model.n_functions(), model.block(cell));
    (0..n * n).try_for_each(|place| {
        let (row, column) = (place % n, place / n);
        each(row + 1, column + 1, block[row * n + column])
    })
}

fn blocks(
    out: &mut dyn Write,
    model: &RealSpace,
    print: impl Fn(usize, &mut Vec<u8>) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let text_of = |cell: usize| {
        let mut text = Vec::new();
        print(cell, &mut text).map(|()| text)
    };
    let n_cells = model.cells().len();
    for first in (0..n_cells).step_by(AT_ONCE) {
        let cells = first..n_cells.min(first + AT_ONCE);
        let texts: Vec<Vec<u8>> = cells.into_par_iter().map(text_of).collect::<io::Result<_>>()?;
        texts.iter().try_for_each(|text| out.write_all(text))?;
    }
    Ok(())
}
