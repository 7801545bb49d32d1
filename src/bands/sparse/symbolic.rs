//! Symbolic factors: the order of elimination that takes the fewest operations.

use faer::Side;
use faer::perm::PermRef;
use faer::sparse::linalg::SupernodalThreshold;
use faer::sparse::linalg::cholesky::supernodal::SymbolicSupernodalCholesky;
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering, factorize_symbolic_cholesky,
};
use faer::sparse::{FaerError, SymbolicSparseColMatRef};

use crate::parsers::Error;

/// The factor of the upper triangle `pattern` with the rows in `order` or in that of approximate minimum degree: nested dissection
/// is better in cells that are wide compared with the reach of their orbitals, minimum degree often in narrow ones.
///
/// # Errors
/// `Unsupported` where the factor has more elements than memory has addresses.
pub fn cheapest(
    pattern: SymbolicSparseColMatRef<'_, usize>,
    order: &[usize],
) -> Result<SymbolicCholesky<usize>, Error> {
    let [given, minimum_degree] = [in_order(pattern, order)?, analysed(pattern, SymmetricOrdering::Amd)?];
    Ok(if operations(&minimum_degree) < operations(&given) { minimum_degree } else { given })
}

/// The factor of the upper triangle `pattern`, of which row `order[i]` is eliminated as the i-th.
///
/// # Errors
/// As [`cheapest`].
pub fn in_order(
    pattern: SymbolicSparseColMatRef<'_, usize>,
    order: &[usize],
) -> Result<SymbolicCholesky<usize>, Error> {
    let mut inverse = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, &old)| inverse[old] = new);
    analysed(pattern, SymmetricOrdering::Custom(PermRef::new_checked(order, &inverse, order.len())))
}

fn analysed(
    pattern: SymbolicSparseColMatRef<'_, usize>,
    order: SymmetricOrdering<'_, usize>,
) -> Result<SymbolicCholesky<usize>, Error> {
    // Pivots are looked for inside supernodes, and nowhere else.
    let params = CholeskySymbolicParams {
        supernodal_flop_ratio_threshold: SupernodalThreshold::FORCE_SUPERNODAL,
        ..Default::default()
    };
    factorize_symbolic_cholesky(pattern, Side::Upper, order, params).map_err(too_large)
}

fn too_large(error: FaerError) -> Error {
    Error::unsupported(format!("a sparse factor of this size: {error}"))
}

/// Additions and multiplications of a factorisation in real numbers; in complex ones there are four times as many.
pub fn operations(symbolic: &SymbolicCholesky<usize>) -> f64 {
    let of = |supernodal: &SymbolicSupernodalCholesky<usize>| {
        let ends = supernodal.supernode_begin().iter().zip(supernodal.supernode_end());
        let of_node = |(s, (begin, end)): (usize, (&usize, &usize))| {
            let (own, below) = ((end - begin) as f64, supernodal.supernode(s).pattern().len() as f64);
            own * (below * (below + own) + own * own / 3.0)
        };
        ends.enumerate().map(of_node).sum()
    };
    supernodes(symbolic).map_or(f64::INFINITY, of)
}

/// The supernodes of a factor.
pub fn supernodes(symbolic: &SymbolicCholesky<usize>) -> Option<&SymbolicSupernodalCholesky<usize>> {
    match symbolic.raw() {
        SymbolicCholeskyRaw::Supernodal(supernodal) => Some(supernodal),
        SymbolicCholeskyRaw::Simplicial(_) => None,
    }
}
