//! Curves: variants that differ in one number, with the power laws that their errors and times follow.

use super::record::{CPU, Record};
use super::row::{Row, mean, rows};
use super::table::{sets, short};

/// Name of the field along which curves are learning curves.
pub const RUNS: &str = "runs";

/// Variants that differ in one number, ascending.
pub struct Curve<'a> {
    /// Its name.
    pub name: &'a str,
    /// What varies.
    pub field: &'a str,
    /// The variants, and where they lie.
    pub rows: Vec<(f64, Row<'a>)>,
}

/// The curves of a set on a group of tests; cases that failed are left out.
pub fn curves<'a>(records: &'a [Record], set: &str, group: &'a str) -> Vec<Curve<'a>> {
    let mut curves: Vec<Curve> = Vec::new();
    for row in rows(records, set, group).into_iter().filter(|row| row.error().is_none()) {
        let Some(point) = row.records.first().and_then(|record| record.point.as_ref()) else { continue };
        match curves.iter_mut().find(|curve| curve.name == point.curve) {
            Some(curve) => curve.rows.push((point.x, row)),
            None => curves.push(Curve { name: &point.curve, field: &point.field, rows: vec![(point.x, row)] }),
        }
    }
    curves.iter_mut().for_each(|curve| curve.rows.sort_by(|a, b| a.0.total_cmp(&b.0)));
    curves.retain(|curve| curve.rows.len() > 1);
    curves
}

impl Curve<'_> {
    /// Points of some number, where it is known and positive.
    pub fn points(&self, number: impl Fn(&Row) -> Option<f64>) -> Vec<(f64, f64)> {
        let point = |(x, row): &(f64, Row)| Some((*x, number(row)?));
        self.rows.iter().filter_map(point).filter(|(_, y)| *y > 0.0).collect()
    }

    /// Cost grows with the number of degrees, which is one more than the highest.
    fn offset(&self) -> f64 {
        if self.field.ends_with("l_max") { 1.0 } else { 0.0 }
    }
}

/// CPU milliseconds of a step (GPU: on the clock).
pub fn step_ms(row: &Row) -> Option<f64> {
    mean(&row.training(|training| Some(1e3 * training.spent() / training.steps? as f64)))
}

/// CPU milliseconds of a prediction per atom (GPU: on the clock).
pub fn atom_ms(row: &Row) -> Option<f64> {
    let of_record = |record: &&Record| match &record.training.as_ref()?.device {
        device if device == CPU => mean(&record.numbers(row.group, "cpu_seconds_per_atom")),
        _ => mean(&record.numbers(row.group, "seconds_per_atom")),
    };
    mean(&row.records.iter().filter_map(of_record).collect::<Vec<_>>()).map(|seconds| 1e3 * seconds)
}

/// Aligned error of H.
pub fn aligned(row: &Row) -> Option<f64> {
    mean(&row.numbers("mae_h_aligned_mev"))
}

/// One table for every curve of a set.
pub fn tables(records: &[Record], set: &str) -> String {
    let groups = sets(records).into_iter().find(|(name, _)| *name == set).map_or(Vec::new(), |(_, groups)| groups);
    let by_group: Vec<Vec<Curve>> = groups.iter().map(|group| curves(records, set, group)).collect();
    let Some(first) = by_group.first() else { return String::new() };
    let table = |(k, curve): (usize, &Curve)| {
        let of_group =
            |(group, curves): (&&str, &Vec<Curve>)| Some((format!("aligned, {group}"), curves.get(k)?.points(aligned)));
        let errors = groups.iter().zip(&by_group).filter_map(of_group);
        let costs = [("CPU ms/step", curve.points(step_ms)), ("CPU ms/atom", curve.points(atom_ms))];
        let training = [("train", curve.points(|row| mean(&row.training(|t| t.train_mae_mev))))];
        let validation = [("valid.", curve.points(|row| mean(&row.training(|t| t.validation_mae_mev))))];
        let named = costs.into_iter().chain(training).chain(validation).map(|(name, points)| (name.to_owned(), points));
        table(set, curve, &named.chain(errors).collect::<Vec<_>>())
    };
    first.iter().enumerate().map(table).collect()
}

fn table(set: &str, curve: &Curve, columns: &[(String, Vec<(f64, f64)>)]) -> String {
    let titles: Vec<&str> = columns.iter().map(|(title, _)| title.as_str()).collect();
    let mut text = format!("\n### {set}: {} by {}\n\n", curve.name, curve.field);
    text += &format!("| {} | {} |\n|---:|{}\n", curve.field, titles.join(" | "), "---:|".repeat(titles.len()));
    for (x, _) in &curve.rows {
        let cell =
            |points: &[(f64, f64)]| points.iter().find(|point| point.0 == *x).map_or(String::new(), |p| short(p.1));
        let cells: Vec<String> = columns.iter().map(|(_, points)| cell(points)).collect();
        text += &format!("| {x} | {} |\n", cells.join(" | "));
    }
    let power = |points: &[(f64, f64)]| exponent(points, curve.offset()).map_or(String::new(), |p| format!("{p:.2}"));
    let powers: Vec<String> = columns.iter().map(|(_, points)| power(points)).collect();
    let of = if curve.offset() > 0.0 { "exponent of l_max + 1" } else { "exponent" };
    text + &format!("| {of} | {} |\n", powers.join(" | "))
}

/// Exponent p of y ∝ (x + offset)^p by least squares of the logarithms.
fn exponent(points: &[(f64, f64)], offset: f64) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| ((x + offset).ln(), y.ln())).collect();
    let n = logs.len() as f64;
    let (mean_x, mean_y) = logs.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
    let (xx, xy) =
        logs.iter().fold((0.0, 0.0), |(xx, xy), (x, y)| (xx + (x - mean_x).powi(2), xy + (x - mean_x) * (y - mean_y)));
    (xx > 0.0 && xy.is_finite()).then_some(xy / xx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_power_law_is_found() {
        let points: Vec<(f64, f64)> = [2.0, 3.0, 5.0].iter().map(|x: &f64| (*x, 7.0 * (x + 1.0).powf(2.5))).collect();
        assert!((exponent(&points, 1.0).unwrap() - 2.5).abs() < 1e-12);
        assert_eq!(exponent(&points[..1], 1.0), None);
    }
}
