//! Do two figures rank structures alike?

/// Spearman's rank correlation of two lists (Pearson's of the ranks, equal values sharing the mean of theirs); `None` for fewer than
/// three pairs, or where one list is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 3 {
        return None;
    }
    pearson(&ranks(a), &ranks(b))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |x: &f64| {
        let below = values.iter().filter(|y| *y < x).count();
        let equal = values.iter().filter(|y| *y == x).count();
        below as f64 + (equal as f64 - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (a0, b0) = (mean(a), mean(b));
    let product: f64 = a.iter().zip(b).map(|(a, b)| (a - a0) * (b - b0)).sum();
    let norm = |x: &[f64], x0: f64| x.iter().map(|x| (x - x0).powi(2)).sum::<f64>();
    let size = (norm(a, a0) * norm(b, b0)).sqrt();
    (size > 0.0).then(|| product / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_order_counts() {
        assert!((spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 10.0, 11.0, 1e6]).unwrap() - 1.0).abs() < 1e-14);
        assert!((spearman(&[1.0, 2.0, 3.0], &[0.0, -1.0, -7.0]).unwrap() + 1.0).abs() < 1e-14);
        // 1 − 6 Σd²/(n(n² − 1)) with d = 0, 1, 1, 0.
        assert!((spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]).unwrap() - 0.8).abs() < 1e-14);
    }

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 9.0]), [1.5, 0.0, 1.5, 3.0]);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
    }
}
