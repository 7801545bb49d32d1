//! The learning curve as a figure.

use plotters::prelude::*;

use crate::bands::plot::register_font;
use crate::parsers::{Error, Result};

/// A line of the figure: name, colour and (step, meV).
pub struct Line {
    /// For the legend.
    pub name: &'static str,
    /// Its colour.
    pub colour: RGBColor,
    /// Points with positive values.
    pub points: Vec<(f64, f64)>,
}

/// An SVG document: errors on a logarithmic axis against the step. Empty where there is nothing to draw.
///
/// # Errors
/// `Io` where drawing fails.
pub fn svg(lines: &[Line]) -> Result<String> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let last = points().map(|point| point.0).fold(0.0, f64::max);
    let lowest = points().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let highest = points().map(|point| point.1).fold(0.0, f64::max);
    let mut document = String::new();
    if last > 0.0 && lowest > 0.0 && lowest < highest {
        register_font()?;
        let area = SVGBackend::with_string(&mut document, (520, 340)).into_drawing_area();
        draw(&area, lines, last, [lowest / 1.3, highest * 1.3]).map_err(|e| failed(&*e))?;
    }
    Ok(document)
}

fn draw(
    area: &DrawingArea<SVGBackend, plotters::coord::Shift>,
    lines: &[Line],
    last: f64,
    [low, high]: [f64; 2],
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..last, (low..high).log_scale())?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE).x_desc("step").y_desc("mean absolute error of H / meV").draw()?;
    for line in lines {
        let series = LineSeries::new(line.points.iter().copied(), line.colour);
        let colour = line.colour;
        let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour);
        chart.draw_series(series)?.label(line.name).legend(key);
    }
    chart.configure_series_labels().background_style(WHITE).draw()?;
    area.present()?;
    Ok(())
}

fn failed(error: &dyn std::error::Error) -> Error {
    std::io::Error::other(format!("the learning curve cannot be drawn: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_drawn_and_named() {
        let line = |name, points: &[(f64, f64)]| Line { name, colour: BLUE, points: points.to_vec() };
        let lines = [line("training", &[(1.0, 30.0), (50.0, 3.0)]), line("validation", &[(20.0, 8.0), (50.0, 4.0)])];
        let document = svg(&lines).unwrap();
        assert!(document.contains("training") && document.contains("validation"));
        assert!(document.matches("<polyline").count() >= 2);
        assert_eq!(svg(&[]).unwrap(), "");
    }
}
