//! Eigenvalues of a real symmetric tridiagonal matrix.

/// A squared element beside the diagonal of a matrix of norm 1 that counts as zero: with a shift rounded to ε, next to a
/// degenerate eigenvalue none becomes smaller.
const NEGLIGIBLE: f64 = f64::EPSILON * f64::EPSILON;

/// Far more steps than an eigenvalue needs (two or three); in the second half of them, more counts as zero.
const MOST_STEPS: usize = 60;

/// Eigenvalues, ascending, of the matrix with this diagonal and these absolute values beside it; `None` where a number is not
/// finite.
///
/// QL without square roots after Pal, Walker and Kahan (Parlett, The Symmetric Eigenvalue Problem, 8.15; LAPACK's `dsterf`).
pub fn eigenvalues(mut diagonal: Vec<f64>, beside: Vec<f64>) -> Option<Vec<f64>> {
    if diagonal.iter().chain(&beside).any(|x| !x.is_finite()) {
        return None;
    }
    let norm = diagonal.iter().chain(&beside).fold(0.0, |norm: f64, x| norm.max(x.abs()));
    if norm > 0.0 {
        diagonal.iter_mut().for_each(|x| *x /= norm);
        let mut squares: Vec<f64> = beside.iter().map(|x| (x / norm).powi(2)).collect();
        squares.push(0.0);
        (0..diagonal.len()).try_for_each(|first| settle(first, &mut diagonal, &mut squares))?;
        diagonal.iter_mut().for_each(|x| *x *= norm);
    }
    diagonal.sort_by(f64::total_cmp);
    Some(diagonal)
}

/// Makes `d[first]` an eigenvalue; those before it are.
fn settle(first: usize, d: &mut [f64], squares: &mut [f64]) -> Option<()> {
    for steps in 0..MOST_STEPS {
        let negligible = if 2 * steps < MOST_STEPS { NEGLIGIBLE } else { 256.0 * NEGLIGIBLE };
        let last = first + squares[first..].iter().position(|&square| square <= negligible)?;
        squares[last] = 0.0;
        if last == first {
            return Some(());
        }
        step(&mut d[first..=last], &mut squares[first..last]);
    }
    None
}

/// One QL sweep with Wilkinson's shift over an unreduced block; `squares` are those beside its diagonal.
fn step(d: &mut [f64], squares: &mut [f64]) {
    let shift = wilkinson(d[0], d[1], squares[0].sqrt());
    let last = squares.len();
    let (mut c, mut s) = (1.0, 0.0);
    let mut gamma = d[last] - shift;
    let mut p = gamma * gamma;
    for i in (0..last).rev() {
        let square = squares[i];
        let r = p + square;
        if i + 1 < last {
            squares[i + 1] = s * r;
        }
        let (old_c, old_gamma) = (c, gamma);
        c = p / r;
        s = square / r;
        gamma = c * (d[i] - shift) - s * old_gamma;
        d[i + 1] = old_gamma + (d[i] - gamma);
        p = if c == 0.0 { old_c * square } else { gamma * gamma / c };
    }
    squares[0] = s * p;
    d[0] = shift + gamma;
}

/// The eigenvalue of ((a, b), (b, next)) that is next to `a`.
fn wilkinson(a: f64, next: f64, b: f64) -> f64 {
    let half = (next - a) / (2.0 * b);
    a - b / (half + half.hypot(1.0).copysign(half))
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    /// −1, 2, −1 has eigenvalues 2 − 2 cos(π j/(n+1)).
    #[test]
    fn chain_has_its_closed_form() {
        for n in [1, 2, 3, 50, 1000] {
            let found = eigenvalues(vec![2.0; n], vec![1.0; n - 1]).unwrap();
            let expected = (1..=n).map(|j| 2.0 - 2.0 * (PI * j as f64 / (n + 1) as f64).cos());
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-14), "{n}");
        }
    }

    /// A zero diagonal, degenerate and graded matrices, blocks that fall apart, and Wilkinson's W21+.
    #[test]
    fn unpleasant_matrices_are_solved() {
        assert_eq!(eigenvalues(vec![0.0; 2], vec![3.0]), Some(vec![-3.0, 3.0]));
        assert_eq!(eigenvalues(vec![4.0, 4.0, -1.0], vec![0.0, 0.0]), Some(vec![-1.0, 4.0, 4.0]));
        assert_eq!(eigenvalues(vec![0.0; 3], vec![0.0; 2]), Some(vec![0.0; 3]));
        assert_eq!(eigenvalues(vec![], vec![]), Some(vec![]));
        let graded = eigenvalues(vec![1e16, 1.0, 1e-16], vec![1e4, 1e-4]).unwrap();
        assert!((graded[2] - 1e16).abs() < 4.0 && graded[0].abs() < 4.0, "{graded:?}");
        let wilkinson = eigenvalues((0..21).map(|i| f64::abs(10.0 - i as f64)).collect(), vec![1.0; 20]).unwrap();
        assert!((wilkinson[20] - 10.746_194_182_903_393).abs() < 1e-13);
        assert!(
            (wilkinson[20] - wilkinson[19]).abs() < 1e-13 && (wilkinson[0] + 1.125_441_522_119_984_8).abs() < 1e-13
        );
    }

    #[test]
    fn numbers_that_are_not_finite_have_no_eigenvalues() {
        for bad in [f64::NAN, f64::INFINITY] {
            assert_eq!(eigenvalues(vec![0.0, bad], vec![1.0]), None);
            assert_eq!(eigenvalues(vec![bad, 0.0], vec![1.0]), None);
            assert_eq!(eigenvalues(vec![0.0, 1.0], vec![bad]), None);
        }
    }
}
