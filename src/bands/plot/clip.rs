//! Cutting lines at the window of energies.

/// Pieces of a polyline inside the window as positions along it, the cuts included: 2.25 is a quarter of the way from the point
/// of index 2 to the next one.
pub(super) fn inside(energies: &[f64], window: [f64; 2]) -> Vec<Vec<f64>> {
    let mut pieces: Vec<Vec<f64>> = Vec::new();
    let mut connected = false;
    for (start, pair) in energies.windows(2).enumerate() {
        let Some([from, to]) = clipped(pair[0], pair[1], window) else {
            connected = false;
            continue;
        };
        let start = start as f64;
        match pieces.last_mut().filter(|_| connected) {
            Some(piece) => piece.push(start + to),
            None => pieces.push(vec![start + from, start + to]),
        }
        connected = to == 1.0;
    }
    pieces
}

/// The part 0 … 1 of the way from `a` to `b` that is inside.
fn clipped(a: f64, b: f64, [low, high]: [f64; 2]) -> Option<[f64; 2]> {
    if a == b {
        return (low..=high).contains(&a).then_some([0.0, 1.0]);
    }
    let (first, last) = if a < b { (low, high) } else { (high, low) };
    let [from, to] = [((first - a) / (b - a)).max(0.0), ((last - a) / (b - a)).min(1.0)];
    (from < to).then_some([from, to])
}

/// The value at a position, linear between points.
pub(super) fn value_at(values: &[f64], position: f64) -> f64 {
    let index = position.floor() as usize;
    let part = position - index as f64;
    if part == 0.0 { values[index] } else { values[index] + part * (values[index + 1] - values[index]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_window() {
        let energies = [-2.0, 0.0, 2.0, 0.5, 0.5];
        let pieces = inside(&energies, [-1.0, 1.0]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [0.5, 1.0, 1.5]);
        assert_eq!(pieces[1][1..], [3.0, 4.0]);
        assert!((pieces[1][0] - (2.0 + 2.0 / 3.0)).abs() < 1e-12);
        assert_eq!(pieces[0].iter().map(|&at| value_at(&energies, at)).collect::<Vec<_>>(), [-1.0, 0.0, 1.0]);
        assert!(inside(&[2.0, 2.0], [-1.0, 1.0]).is_empty());
        assert_eq!(inside(&[3.0, -3.0], [-1.0, 1.0]), [[1.0 / 3.0, 2.0 / 3.0]]);
    }
}
