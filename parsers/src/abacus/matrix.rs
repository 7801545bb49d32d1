//! What a csr file means: sparse matrices in rydberg and ABACUS' order ⇄ dense blocks in hartree and canonical order.
//!
//! Row μ, column ν of the matrix of R is ⟨φ_μ (cell 0)| O |φ_ν (cell R)⟩; nspin 4 interleaves spin, index = 2·orbital + s
//! with s = 0 up, 1 down. Every step is exact: a factor of 2 or ½ and signed permutations.

mod dense;
mod sparse;

use std::sync::Arc;

use crate::abacus::csr::{Block, Blocks, Csr, CsrLayout};
use crate::basis::Basis;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::{Operator, Pairs, SpinOperator, c64};
use crate::units::RYDBERG_IN_HARTREE;

pub(super) use dense::FileOrder;
use dense::{fill, touched_pairs};
use sparse::{Scale, sparse, united_lattice_vectors};

/// S(R), without spin. The S of an nspin 4 run holds every number twice; its spin blocks are checked and reduced.
///
/// # Errors
/// `Inconsistent` where the dimension does not fit the basis, or an nspin 4 S is not the same for both spins.
pub fn overlap(csr: &Csr, basis: &Basis) -> Result<Operator<f64>> {
    match &csr.blocks {
        Blocks::Real(blocks) => {
            check_dimension(csr, basis, 1)?;
            let pairs = Arc::new(Pairs::new(touched_pairs(blocks, basis, 1), basis)?);
            Operator::new(pairs.clone(), fill(blocks, basis, &pairs, 1.0))
        }
        Blocks::Complex(blocks) => {
            check_dimension(csr, basis, 2)?;
            without_spin(&spinor(blocks, basis, 1.0)?)
        }
    }
}

/// H(R): one real file is nspin 1, two are up and down of nspin 2, a complex one is nspin 4.
///
/// # Errors
/// `Inconsistent` where a dimension does not fit the basis; `Unsupported` where the files hold no element at all (the
/// message names the version of ABACUS that writes such files), or their number and kind fit no nspin.
pub fn hamiltonian(files: &[Csr], basis: &Basis) -> Result<SpinOperator> {
    if files.iter().all(|csr| csr.blocks.n_values() == 0) {
        return Err(Error::unsupported(EMPTY_HAMILTONIAN));
    }
    match files {
        [csr] if matches!(csr.blocks, Blocks::Real(_)) => unpolarized(csr, basis, RYDBERG_IN_HARTREE),
        [Csr { blocks: Blocks::Complex(blocks), .. }] => {
            check_dimension(&files[0], basis, 2)?;
            Ok(SpinOperator::Spinor(spinor(blocks, basis, RYDBERG_IN_HARTREE)?))
        }
        [up, down] => collinear(up, down, basis, RYDBERG_IN_HARTREE),
        _ => Err(wrong_number(files.len())),
    }
}

/// DM(R), no unit. nspin 4 files are real and hold per pair of orbitals \[\[n, m_x\], \[m_y, m_z\]\] (`density_matrix.cpp` of
/// 3.8 and 3.11); they become ρ_uu = (n + m_z)/2, ρ_ud = (m_x + i m_y)/2 and so on, which is all of the density matrix that
/// such a file keeps: the real parts of n and m. (The sign of m_y is that of the potential, V_ud = B_x + i B_y, so that
/// tr ρV = m·B; ABACUS sums c*_μ c_ν, the conjugate of ρ, by the textbook's formula.)
///
/// # Errors
/// `Inconsistent` where a dimension does not fit the basis; `Unsupported` for complex files.
pub fn density_matrix(files: &[Csr], basis: &Basis) -> Result<SpinOperator> {
    match files {
        [csr] if csr.dimension == 2 * basis.n_orbitals() => pauli(csr, basis),
        [csr] => unpolarized(csr, basis, 1.0),
        [up, down] => collinear(up, down, basis, 1.0),
        _ => Err(wrong_number(files.len())),
    }
}

/// H(R) in the layouts of the files that it replaces, one per file (two for nspin 2). The lattice vectors are those of the
/// layout and of the blocks, closed under R → −R; elements up to the threshold of the layout are left out.
///
/// # Errors
/// `NotRepresentable` where the number or kind of `layouts` does not fit the spin of `h`.
pub fn hamiltonian_to_csr(h: &SpinOperator, basis: &Basis, layouts: &[CsrLayout]) -> Result<Vec<Csr>> {
    const SCALE: f64 = 1.0 / RYDBERG_IN_HARTREE;
    match (h, layouts) {
        (SpinOperator::Spinor(spin), [layout]) => Ok(vec![complex(spin, basis, layout, SCALE)]),
        _ => real_files(h, basis, layouts, SCALE),
    }
}

/// DM(R) in the layouts of the files that it replaces; nspin 4 is packed as [`density_matrix`] describes.
///
/// # Errors
/// As [`hamiltonian_to_csr`].
pub fn density_matrix_to_csr(dm: &SpinOperator, basis: &Basis, layouts: &[CsrLayout]) -> Result<Vec<Csr>> {
    match (dm, layouts) {
        (SpinOperator::Spinor(spin), [layout]) => Ok(vec![packed(spin, basis, layout)?]),
        _ => real_files(dm, basis, layouts, 1.0),
    }
}

fn real_files(operator: &SpinOperator, basis: &Basis, layouts: &[CsrLayout], scale: f64) -> Result<Vec<Csr>> {
    match (operator, layouts) {
        (SpinOperator::Unpolarized(operator), [layout]) => Ok(vec![real([operator], basis, layout, scale)]),
        (SpinOperator::Collinear([up, down]), [layout_up, layout_down]) => {
            Ok(vec![real([up], basis, layout_up, scale), real([down], basis, layout_down, scale)])
        }
        _ => Err(wrong_layouts(operator.nspin(), layouts.len())),
    }
}

/// S(R) in the layout of the file that it replaces; a complex layout (nspin 4) gets every number for both spins.
pub fn overlap_to_csr(s: &Operator<f64>, basis: &Basis, layout: &CsrLayout) -> Csr {
    let csr = real([s], basis, layout, 1.0);
    match &csr.blocks {
        Blocks::Real(blocks) if layout.is_complex => {
            let blocks = blocks.iter().map(|block| for_both_spins(block, csr.dimension)).collect();
            Csr { dimension: 2 * csr.dimension, blocks: Blocks::Complex(blocks), ..csr }
        }
        _ => csr,
    }
}

fn for_both_spins(block: &Block<f64>, n_orbitals: usize) -> Block<c64> {
    let mut spinor = Block::empty(block.r);
    for row in 0..if block.values.is_empty() { 0 } else { 2 * n_orbitals } {
        let (columns, values) = block.row(row / 2);
        spinor.row_pointers.push(spinor.values.len() as u32);
        spinor.columns.extend(columns.iter().map(|column| 2 * column + row as u32 % 2));
        spinor.values.extend(values.iter().map(|&value| c64::new(value, 0.0)));
    }
    if !spinor.values.is_empty() {
        spinor.row_pointers.push(spinor.values.len() as u32);
    }
    spinor
}

/// The inverse of [`pauli`]: n = ρ_uu + ρ_dd, m_x = ρ_ud + ρ_du, m_y = i (ρ_du − ρ_ud), m_z = ρ_uu − ρ_dd, real parts.
fn packed([uu, ud, du, dd]: &[Operator<c64>; 4], basis: &Basis, layout: &CsrLayout) -> Result<Csr> {
    let join = |a: &Operator<c64>, b: &Operator<c64>, entry: fn(c64, c64) -> f64| {
        let values = a.values().iter().zip(b.values()).map(|(&a, &b)| entry(a, b)).collect();
        Operator::new(a.pairs().clone(), values)
    };
    let (n, z) = (join(uu, dd, |a, b| a.re + b.re)?, join(uu, dd, |a, b| a.re - b.re)?);
    let (x, y) = (join(ud, du, |a, b| a.re + b.re)?, join(ud, du, |a, b| a.im - b.im)?);
    Ok(real([&n, &x, &y, &z], basis, layout, 1.0))
}

/// `N` = (spins per orbital)².
fn real<const N: usize>(components: [&Operator<f64>; N], basis: &Basis, layout: &CsrLayout, factor: f64) -> Csr {
    let scale = Scale { factor, threshold: layout.threshold };
    let vectors = united_lattice_vectors(&layout.lattice_vectors, components[0].pairs());
    let blocks = Blocks::Real(sparse(components, basis, &vectors, scale));
    let dimension = const { N.isqrt() } * basis.n_orbitals();
    Csr { header: layout.header.clone(), dimension, digits: layout.digits, blocks }
}

fn complex([uu, ud, du, dd]: &[Operator<c64>; 4], basis: &Basis, layout: &CsrLayout, factor: f64) -> Csr {
    let scale = Scale { factor, threshold: layout.threshold };
    let vectors = united_lattice_vectors(&layout.lattice_vectors, uu.pairs());
    let blocks = Blocks::Complex(sparse([uu, ud, du, dd], basis, &vectors, scale));
    Csr { header: layout.header.clone(), dimension: 2 * basis.n_orbitals(), digits: layout.digits, blocks }
}

fn wrong_layouts(nspin: usize, n_files: usize) -> Error {
    let what = format!("nspin {nspin} needs {} layouts, {n_files} were given", if nspin == 2 { 2 } else { 1 });
    ErrorKind::NotRepresentable { format: "ABACUS csr".into(), what }.into()
}

/// What an H without a single element means.
pub const EMPTY_HAMILTONIAN: &str = "no element is stored: ABACUS 3.11 writes such empty files for nspin 2 (a bug of that version); \
     take H from ABACUS 3.8 (data-HR-sparse_SPIN0.csr), or go on with `init_chg dm`";

fn wrong_number(n: usize) -> Error {
    Error::unsupported(format!("expected one file, or two of real numbers (nspin 2), found {n} files"))
}

/// Orbitals of the basis, twice for nspin 4.
fn check_dimension(csr: &Csr, basis: &Basis, spins: usize) -> Result<()> {
    let expected = spins * basis.n_orbitals();
    if csr.dimension == expected {
        return Ok(());
    }
    let spin = if spins == 2 { " with two spins each" } else { "" };
    let message =
        format!("matrix dimension is {}, but the basis has {} orbitals{spin}", csr.dimension, basis.n_orbitals());
    Err(Error::inconsistent(message))
}

fn real_blocks(csr: &Csr) -> Result<&[Block<f64>]> {
    match &csr.blocks {
        Blocks::Real(blocks) => Ok(blocks),
        Blocks::Complex(_) => Err(Error::unsupported("complex numbers where real ones belong (nspin 1 or 2, or DM)")),
    }
}

fn unpolarized(csr: &Csr, basis: &Basis, scale: f64) -> Result<SpinOperator> {
    check_dimension(csr, basis, 1)?;
    let blocks = real_blocks(csr)?;
    let pairs = Arc::new(Pairs::new(touched_pairs(blocks, basis, 1), basis)?);
    Ok(SpinOperator::Unpolarized(Operator::new(pairs.clone(), fill(blocks, basis, &pairs, scale))?))
}

fn collinear(up: &Csr, down: &Csr, basis: &Basis, scale: f64) -> Result<SpinOperator> {
    check_dimension(up, basis, 1)?;
    check_dimension(down, basis, 1)?;
    let (up, down) = (real_blocks(up)?, real_blocks(down)?);
    let mut touched = touched_pairs(up, basis, 1);
    touched.extend(touched_pairs(down, basis, 1));
    let pairs = Arc::new(Pairs::new(touched, basis)?);
    let operator = |blocks| Operator::new(pairs.clone(), fill(blocks, basis, &pairs, scale));
    Ok(SpinOperator::Collinear([operator(up)?, operator(down)?]))
}

/// uu, ud, du, dd out of interleaved spins.
fn spinor(blocks: &[Block<c64>], basis: &Basis, scale: f64) -> Result<[Operator<c64>; 4]> {
    let pairs = Arc::new(Pairs::new(touched_pairs(blocks, basis, 2), basis)?);
    components(&pairs, dense::fill_spin(blocks, basis, &pairs, scale))
}

fn components<T>(pairs: &Arc<Pairs>, [uu, ud, du, dd]: [Vec<T>; 4]) -> Result<[Operator<T>; 4]> {
    let operator = |values| Operator::new(pairs.clone(), values);
    Ok([operator(uu)?, operator(ud)?, operator(du)?, operator(dd)?])
}

fn without_spin([uu, ud, du, dd]: &[Operator<c64>; 4]) -> Result<Operator<f64>> {
    let spin_free = uu.values() == dd.values()
        && uu.values().iter().all(|x| x.im == 0.0)
        && [ud, du].iter().all(|o| o.values().iter().all(|x| *x == c64::default()));
    if !spin_free {
        return Err(Error::inconsistent("the overlap of an nspin 4 run must be real and the same for both spins"));
    }
    Operator::new(uu.pairs().clone(), uu.values().iter().map(|x| x.re).collect())
}

/// ρ_uu = (n + m_z)/2, ρ_ud = (m_x + i m_y)/2, ρ_du = (m_x − i m_y)/2, ρ_dd = (n − m_z)/2.
fn pauli(csr: &Csr, basis: &Basis) -> Result<SpinOperator> {
    let blocks = real_blocks(csr)?;
    let pairs = Arc::new(Pairs::new(touched_pairs(blocks, basis, 2), basis)?);
    let [n, x, y, z] = dense::fill_spin(blocks, basis, &pairs, 0.5);
    let real = |a: &[f64], sign: f64, b: &[f64]| a.iter().zip(b).map(|(a, b)| c64::new(a + sign * b, 0.0)).collect();
    let mixed = |sign: f64| x.iter().zip(&y).map(|(&x, y)| c64::new(x, sign * y)).collect();
    let spin = [real(&n, 1.0, &z), mixed(1.0), mixed(-1.0), real(&n, -1.0, &z)];
    Ok(SpinOperator::Spinor(components(&pairs, spin)?))
}
