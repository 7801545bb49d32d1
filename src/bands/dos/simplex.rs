//! Linear functions on simplices (lines, triangles, tetrahedra): how much of them lies below a level, exactly.

/// A corner: energy there, and the value of the function that is integrated.
pub type Corner = (f64, f64);

/// Mean over the simplex of the linear function with these values, where the linear energy is at most `level` (0 elsewhere).
///
/// The simplex is cut at the level on one edge after the other until each part lies on one side. That holds in any dimension
/// and for any degeneracy of the energies, and equals the formulas of Phys. Rev. B 49, 16223 (1994), appendix B, in three.
pub fn mean_below<const N: usize>(corners: [Corner; N], level: f64) -> f64 {
    if corners.iter().all(|(energy, _)| *energy <= level) {
        return corners.iter().map(|(_, value)| value).sum::<f64>() / N as f64;
    }
    let ends = (corners.iter().position(|(energy, _)| *energy < level), corners.iter().position(|(e, _)| *e > level));
    let (Some(low), Some(high)) = ends else { return 0.0 };
    let ((e_low, v_low), (e_high, v_high)) = (corners[low], corners[high]);
    let fraction = (level - e_low) / (e_high - e_low);
    let cut = (level, v_low + fraction * (v_high - v_low));
    let replaced = |corner: usize| {
        let mut part = corners;
        part[corner] = cut;
        part
    };
    fraction * mean_below(replaced(high), level) + (1.0 - fraction) * mean_below(replaced(low), level)
}

/// The simplices around a node of a mesh: cubes between nodes, each split along one diagonal into d! simplices.
#[derive(Debug, Clone, PartialEq)]
pub struct Star {
    /// Offsets of the nodes that are corners of some simplex around the node; the node itself first.
    pub offsets: Vec<[i64; 3]>,
    /// For each simplex the places in `offsets` of its other corners, as many as there are dimensions.
    pub simplices: Vec<Vec<usize>>,
}

impl Star {
    /// For a mesh with several nodes in the directions `axes`, cut along the diagonal Σ `signs`\[a\] of those directions.
    pub fn new(axes: &[usize], signs: [i64; 3]) -> Self {
        let mut star = Star { offsets: vec![[0; 3]], simplices: Vec::new() };
        for order in permutations(axes) {
            let corners = corners_along(&order, signs);
            for own in 0..corners.len() {
                let relative = |corner: &[i64; 3]| std::array::from_fn(|a| corner[a] - corners[own][a]);
                let others = corners.iter().enumerate().filter(|(place, _)| *place != own);
                let others = others.map(|(_, corner)| star.place(relative(corner))).collect();
                star.simplices.push(others);
            }
        }
        star
    }

    fn place(&mut self, offset: [i64; 3]) -> usize {
        let known = self.offsets.iter().position(|one| *one == offset);
        known.unwrap_or_else(|| {
            self.offsets.push(offset);
            self.offsets.len() - 1
        })
    }
}

/// From the origin to the opposite corner of the cube, one direction after the other.
fn corners_along(order: &[usize], signs: [i64; 3]) -> Vec<[i64; 3]> {
    let mut corners = vec![[0; 3]];
    for &axis in order {
        let mut next = corners[corners.len() - 1];
        next[axis] += signs[axis];
        corners.push(next);
    }
    corners
}

fn permutations(axes: &[usize]) -> Vec<Vec<usize>> {
    if axes.is_empty() {
        return vec![Vec::new()];
    }
    let starting_with = |first: &usize| {
        let rest: Vec<usize> = axes.iter().filter(|axis| *axis != first).copied().collect();
        permutations(&rest).into_iter().map(|order| [vec![*first], order].concat()).collect::<Vec<_>>()
    };
    axes.iter().flat_map(starting_with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Phys. Rev. B 49, 16223 (1994), appendix B, with sorted energies.
    fn bloechl(e: [f64; 4], level: f64) -> [f64; 4] {
        let d = |i: usize, j: usize| e[i] - e[j];
        let x = level;
        if x < e[1] {
            let c = 0.25 * (x - e[0]).powi(3) / (d(1, 0) * d(2, 0) * d(3, 0));
            let first = c * (4.0 - (x - e[0]) * (1.0 / d(1, 0) + 1.0 / d(2, 0) + 1.0 / d(3, 0)));
            return [first, c * (x - e[0]) / d(1, 0), c * (x - e[0]) / d(2, 0), c * (x - e[0]) / d(3, 0)];
        }
        if x < e[2] {
            let c1 = 0.25 * (x - e[0]).powi(2) / (d(3, 0) * d(2, 0));
            let c2 = 0.25 * (x - e[0]) * (x - e[1]) * (e[2] - x) / (d(3, 0) * d(2, 1) * d(2, 0));
            let c3 = 0.25 * (x - e[1]).powi(2) * (e[3] - x) / (d(3, 1) * d(2, 1) * d(3, 0));
            return [
                c1 + (c1 + c2) * (e[2] - x) / d(2, 0) + (c1 + c2 + c3) * (e[3] - x) / d(3, 0),
                c1 + c2 + c3 + (c2 + c3) * (e[2] - x) / d(2, 1) + c3 * (e[3] - x) / d(3, 1),
                (c1 + c2) * (x - e[0]) / d(2, 0) + (c2 + c3) * (x - e[1]) / d(2, 1),
                (c1 + c2 + c3) * (x - e[0]) / d(3, 0) + c3 * (x - e[1]) / d(3, 1),
            ];
        }
        let c = 0.25 * (e[3] - x).powi(3) / (d(3, 0) * d(3, 1) * d(3, 2));
        let y = e[3] - x;
        let last = 0.25 - c * (4.0 - (1.0 / d(3, 0) + 1.0 / d(3, 1) + 1.0 / d(3, 2)) * y);
        [0.25 - c * y / d(3, 0), 0.25 - c * y / d(3, 1), 0.25 - c * y / d(3, 2), last]
    }

    #[test]
    fn tetrahedra_have_the_published_weights() {
        let energies = [-0.31, 0.07, 0.11, 0.52];
        for step in 0..100 {
            let level = -0.309 + 0.0083 * f64::from(step);
            for corner in 0..4 {
                let corners = [0, 1, 2, 3].map(|i| (energies[i], if i == corner { 1.0 } else { 0.0 }));
                let expected = bloechl(energies, level)[corner];
                let shuffled = [corners[2], corners[0], corners[3], corners[1]];
                assert!((mean_below(shuffled, level) - expected).abs() < 1e-14, "{level} {corner}");
            }
        }
    }

    #[test]
    fn degenerate_corners_are_a_limit() {
        let near = |shift: f64| [(0.0, 0.2), (shift, 1.0), (shift, -0.3), (2.0 * shift, 0.5)];
        for level in [-0.1, 0.1] {
            assert!((mean_below(near(0.0), level) - mean_below(near(1e-13), level)).abs() < 1e-12);
        }
        assert_eq!(mean_below(near(0.0), 0.0), 0.35);
        assert_eq!(mean_below([(0.0, 1.0), (1.0, 1.0), (1.0, 1.0)], 0.5), 0.25);
    }

    #[test]
    fn simplices_fill_space() {
        for (axes, count, nodes) in [(&[][..], 1, 1), (&[1], 2, 3), (&[0, 2], 6, 7), (&[0, 1, 2], 24, 15)] {
            let star = Star::new(axes, [1, -1, 1]);
            assert_eq!((star.simplices.len(), star.offsets.len()), (count, nodes), "{axes:?}");
            assert!(star.simplices.iter().all(|corners| corners.len() == axes.len()));
        }
    }
}
