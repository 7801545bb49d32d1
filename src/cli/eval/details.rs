//! Errors of H by part, and the worst blocks.

use serde::Serialize;

use crate::model::evaluate::{Evaluation, Outlier, Part};

/// Errors by part in meV.
#[derive(Debug, Clone, Serialize)]
pub struct Details {
    by_species: Vec<Part>,
    by_shells: Vec<Part>,
    by_distance: Vec<Part>,
    outliers: Vec<String>,
}

impl Details {
    /// Of errors in hartree, which become `mev`.
    pub fn new(errors: Evaluation, mev: f64) -> Self {
        let scaled =
            |parts: Vec<Part>| parts.into_iter().map(|part| Part { errors: part.errors.scaled(mev), ..part }).collect();
        let outlier = |o: &Outlier| {
            let (i, j, r) = (o.pair.i + 1, o.pair.j + 1, o.pair.r);
            format!("atoms {i} and {j}, R = {r:?}, {:.2} bohr: max {:.2} meV", o.distance, o.errors.max * mev)
        };
        Details {
            outliers: errors.outliers.iter().map(outlier).collect(),
            by_species: scaled(errors.by_species),
            by_shells: scaled(errors.by_shells),
            by_distance: scaled(errors.by_distance),
        }
    }

    /// A table.
    pub fn text(&self, run: &str) -> String {
        let mut text = format!("\n{run} (meV: H0, H, aligned, max)\n");
        for part in self.by_species.iter().chain(&self.by_shells).chain(&self.by_distance) {
            let e = &part.errors;
            let of_h0 = e.mae_h0.map_or("-".to_owned(), |mae| format!("{mae:.4}"));
            text += &format!(
                "  {:<22} {:>9} {of_h0:>10} {:>10.4} {:>10.4} {:>9.2}\n",
                part.name, e.n, e.mae, e.mae_aligned, e.max
            );
        }
        self.outliers.iter().for_each(|outlier| text += &format!("  {outlier}\n"));
        text
    }
}
