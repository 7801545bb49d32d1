//! Lengths of bonds as a figure: one curve per pair of species.

use plotters::prelude::*;

use crate::bands::plot::{COLOURS, failed, register_font};
use crate::parsers::Result;

/// One pair of species.
pub struct Curve {
    /// `Mo-S`.
    pub name: String,
    /// Ångström, ascending, one bin after the other.
    pub lengths: Vec<f64>,
}

/// Bins per ångström.
const BINS: f64 = 20.0;

/// An SVG document: how many bonds of each length there are per atom. Empty where there is nothing to draw.
///
/// # Errors
/// `Io` where drawing fails.
pub fn svg(curves: &[Curve], n_atoms: usize) -> Result<String> {
    let counted: Vec<(&str, Vec<(f64, f64)>)> =
        curves.iter().map(|curve| (curve.name.as_str(), counts(&curve.lengths, n_atoms))).collect();
    let points = || counted.iter().flat_map(|(_, points)| points);
    let highest = points().map(|point| point.1).fold(0.0, f64::max);
    let ends = points().fold([f64::INFINITY, 0.0_f64], |[from, to], point| [from.min(point.0), to.max(point.0)]);
    let mut document = String::new();
    if highest > 0.0 {
        register_font()?;
        let area = SVGBackend::with_string(&mut document, (560, 340)).into_drawing_area();
        draw(&area, &counted, ends, highest).map_err(failed)?;
    }
    Ok(document)
}

/// (length, bonds per atom and bin), with zeros at both ends.
fn counts(lengths: &[f64], n_atoms: usize) -> Vec<(f64, f64)> {
    let bin = |length: f64| (length * BINS) as usize;
    let (Some(&first), Some(&last)) = (lengths.first(), lengths.last()) else { return Vec::new() };
    let start = bin(first).saturating_sub(1);
    let mut counts = vec![0.0; bin(last) + 2 - start];
    lengths.iter().for_each(|&length| counts[bin(length) - start] += 1.0 / n_atoms.max(1) as f64);
    counts.iter().enumerate().map(|(k, &count)| (((start + k) as f64 + 0.5) / BINS, count)).collect()
}

fn draw(
    area: &DrawingArea<SVGBackend, plotters::coord::Shift>,
    curves: &[(&str, Vec<(f64, f64)>)],
    [from, to]: [f64; 2],
    highest: f64,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(48)
        .build_cartesian_2d(from..to, 0.0..1.05 * highest)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE).x_desc("bond length / Å").y_desc("bonds per atom in 0.05 Å").draw()?;
    for (k, (name, points)) in curves.iter().enumerate() {
        let colour = COLOURS[k % COLOURS.len()];
        let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour);
        chart.draw_series(LineSeries::new(points.iter().copied(), colour))?.label(*name).legend(key);
    }
    chart.configure_series_labels().background_style(WHITE).draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bond_is_counted_once_per_atom() {
        let points = counts(&[1.41, 1.42, 2.46], 2);
        let total: f64 = points.iter().map(|point| point.1).sum();
        assert!((total - 1.5).abs() < 1e-12 && points[0].1 == 0.0 && points[1].1 == 1.0, "{points:?}");
        let curve = Curve { name: "C-C".into(), lengths: vec![1.41, 1.42, 2.46] };
        assert!(svg(&[curve], 2).unwrap().contains("<polyline") && svg(&[], 2).unwrap().is_empty());
    }
}
