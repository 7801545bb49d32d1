//! Cutting lines at the window of energies.

/// Pieces of a polyline (x, energy) inside the window; the cuts lie on the border.
pub(super) fn inside(points: &[(f64, f64)], [low, high]: [f64; 2]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut connected = false;
    for pair in points.windows(2) {
        let Some((from, to, whole)) = clipped(pair[0], pair[1], low, high) else {
            connected = false;
            continue;
        };
        match pieces.last_mut().filter(|_| connected) {
            Some(piece) => piece.push(to),
            None => pieces.push(vec![from, to]),
        }
        connected = whole;
    }
    pieces
}

/// The part of a segment between two energies, and whether it reaches its end.
#[allow(clippy::type_complexity)]
fn clipped(a: (f64, f64), b: (f64, f64), low: f64, high: f64) -> Option<((f64, f64), (f64, f64), bool)> {
    let slope = b.1 - a.1;
    let crossing = |energy: f64| if slope == 0.0 { f64::NAN } else { (energy - a.1) / slope };
    let (enter, leave) = if slope >= 0.0 { (crossing(low), crossing(high)) } else { (crossing(high), crossing(low)) };
    if slope == 0.0 && !(low..=high).contains(&a.1) {
        return None;
    }
    let (from, to) = (enter.max(0.0), leave.min(1.0));
    let at = |t: f64| (a.0 + t * (b.0 - a.0), a.1 + t * slope);
    (from < to).then(|| (at(from), if to == 1.0 { b } else { at(to) }, to == 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_window() {
        let points = [(0.0, -2.0), (1.0, 0.0), (2.0, 2.0), (3.0, 0.5), (4.0, 0.5)];
        let pieces = inside(&points, [-1.0, 1.0]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [(0.5, -1.0), (1.0, 0.0), (1.5, 1.0)]);
        assert_eq!(pieces[1][1..], [(3.0, 0.5), (4.0, 0.5)]);
        assert!((pieces[1][0].0 - (2.0 + 2.0 / 3.0)).abs() < 1e-12);
        assert!(inside(&[(0.0, 2.0), (1.0, 2.0)], [-1.0, 1.0]).is_empty());
    }
}
