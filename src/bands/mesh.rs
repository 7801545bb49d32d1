//! Regular meshes of k points with weights.

use std::collections::BTreeMap;

use crate::parsers::{Calculation, KGrid, Pairs, SpinOperator};

/// k points in reduced coordinates, and weights that sum to 1.
///
/// Only time reversal reduces a mesh. The crystal's operations would leave 29 of 260 points of silicon's 8×8×8, but H of a code has
/// them to its grid's noise only: energies change by up to 3e-7 (ABACUS), 3e-4 (SIESTA) and 8e-3 eV (OpenMX), for 0.04 s.
#[derive(Debug, Clone, PartialEq)]
pub struct KMesh {
    /// Reduced coordinates.
    pub points: Vec<[f64; 3]>,
    /// One per point.
    pub weights: Vec<f64>,
}

impl KMesh {
    /// All points of `grid`, the last axis fastest; with `time_reversal`, only the first one of k and −k, with twice the
    /// weight (ε(k) = ε(−k)). That order is OpenMX' (`Band_DFT_Col.c`), where the choice matters by the nudge.
    pub fn new(grid: &KGrid, time_reversal: bool) -> Self {
        let points: Vec<_> = grid.points().into_iter().map(|k| (k, 1.0)).collect();
        let mut kept = KMesh::of_list(&points, time_reversal);
        kept.points.iter_mut().for_each(|k| (0..3).for_each(|axis| k[axis] += grid.nudge[axis]));
        kept
    }

    /// These points with weights of any sum.
    pub fn of_list(list: &[([f64; 3], f64)], time_reversal: bool) -> Self {
        let total: f64 = list.iter().map(|(_, weight)| weight).sum();
        let mut kept = KMesh { points: Vec::new(), weights: Vec::new() };
        let mut place: BTreeMap<[i64; 3], usize> = BTreeMap::new();
        for (k, weight) in list.iter().map(|&(k, weight)| (k, weight / total)) {
            let partner = place.get(&key(k.map(|x| -x))).copied().filter(|_| time_reversal);
            match partner {
                Some(partner) => kept.weights[partner] += weight,
                None => {
                    place.insert(key(k), kept.points.len());
                    kept.points.push(k);
                    kept.weights.push(weight);
                }
            }
        }
        kept
    }

    /// Does the run say which k points it has?
    pub fn is_stated_by(run: &Calculation) -> bool {
        run.k_grid.is_some() || run.k_list.is_some()
    }

    /// The k points of the run, else [`default_grid`]. Points are halved by time reversal where H(R) is real.
    pub fn of_run(run: &Calculation, hamiltonian: &SpinOperator) -> Self {
        let time_reversal = !matches!(hamiltonian, SpinOperator::Spinor(_));
        match (&run.k_grid, &run.k_list) {
            (None, Some(list)) => KMesh::of_list(list, time_reversal),
            (grid, _) => {
                let grid = grid.unwrap_or_else(|| default_grid(periodic_directions(run)));
                KMesh::new(&grid, time_reversal)
            }
        }
    }
}

/// Γ-centred, 4 divisions in each periodic direction.
pub fn default_grid(periodic: [bool; 3]) -> KGrid {
    KGrid { divisions: periodic.map(|p| if p { 4 } else { 1 }), shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] }
}

/// A direction is periodic where some block of S, H⁽⁰⁾ or H reaches another cell in it.
pub fn periodic_directions(run: &Calculation) -> [bool; 3] {
    let hamiltonians = [&run.hamiltonian0, &run.hamiltonian].into_iter().flatten().map(|h| h.pairs());
    let mut periodic = [false; 3];
    for pairs in run.overlap.iter().map(|s| s.pairs()).chain(hamiltonians) {
        let reached = reached_directions(pairs);
        periodic.iter_mut().zip(reached).for_each(|(all, one)| *all |= one);
    }
    periodic
}

fn reached_directions(pairs: &Pairs) -> [bool; 3] {
    [0, 1, 2].map(|a| pairs.as_slice().iter().any(|pair| pair.r[a] != 0))
}

/// Equal for equivalent points: coordinates modulo 1 in units of 1e-8.
pub(super) fn key(k: [f64; 3]) -> [i64; 3] {
    const UNITS: f64 = 1e8;
    k.map(|x| ((x * UNITS).round() as i64).rem_euclid(UNITS as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_mirror_points_merge() {
        for (divisions, gamma_centred, expected) in [
            ([4, 4, 4], true, 36),
            ([3, 3, 1], true, 5),
            ([4, 4, 4], false, 32),
            ([1, 1, 1], true, 1),
            ([6, 6, 6], true, 112),
        ] {
            let grid = KGrid { divisions, shift: [0.0; 3], gamma_centred, nudge: [0.0; 3] };
            let (full, half) = (KMesh::new(&grid, false), KMesh::new(&grid, true));
            assert_eq!(full.points.len(), divisions.iter().product::<u32>() as usize);
            assert_eq!(half.points.len(), expected, "{divisions:?}");
            for mesh in [full, half] {
                assert!((mesh.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn points_follow_their_definition() {
        let grid = |gamma_centred, shift| KGrid {
            divisions: [2, 1, 1],
            shift: [shift, 0.0, 0.0],
            gamma_centred,
            nudge: [0.0; 3],
        };
        let first = |grid| KMesh::new(&grid, false).points.iter().map(|k| k[0]).collect::<Vec<_>>();
        assert_eq!(first(grid(true, 0.0)), [0.0, 0.5]);
        assert_eq!(first(grid(true, 0.5)), [0.25, 0.75]);
        assert_eq!(first(grid(false, 0.0)), [-0.25, 0.25]);
        assert_eq!(KMesh::new(&grid(true, 0.5), true).points, [[0.25, 0.0, 0.0]]);
    }
}
