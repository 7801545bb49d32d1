//! The learning curve as a figure.

use plotters::prelude::*;

use crate::bands::plot::{failed, register_font};
use crate::parsers::Result;

/// Width and height of a panel.
const SIZE: (u32, u32) = (520, 340);

/// Lines over one axis.
pub struct Panel<'a> {
    /// What the numbers are.
    pub title: &'a str,
    /// Lines; those without points are left out.
    pub lines: Vec<Line>,
}

/// A line of the figure: name, colour and (step, value).
pub struct Line {
    /// For the legend.
    pub name: &'static str,
    /// Its colour.
    pub colour: RGBColor,
    /// Points with positive values.
    pub points: Vec<(f64, f64)>,
}

impl Panel<'_> {
    fn points(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.lines.iter().flat_map(|line| &line.points)
    }

    /// Smallest and largest value with some room around them; `None` where there is nothing to draw.
    fn range(&self) -> Option<[f64; 2]> {
        let values = || self.points().map(|point| point.1);
        let (lowest, highest) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        (lowest > 0.0 && lowest < highest && highest.is_finite()).then_some([lowest / 1.3, highest * 1.3])
    }
}

/// An SVG document: one panel below another, on logarithmic axes against the step. Empty where there is nothing to draw.
///
/// # Errors
/// `Io` where drawing fails.
pub fn svg(panels: &[Panel]) -> Result<String> {
    let last = panels.iter().flat_map(Panel::points).map(|point| point.0).fold(0.0, f64::max);
    let drawn: Vec<(&Panel, [f64; 2])> = panels.iter().filter_map(|panel| Some((panel, panel.range()?))).collect();
    let mut document = String::new();
    if last > 0.0 && !drawn.is_empty() {
        register_font()?;
        let size = (SIZE.0, SIZE.1 * drawn.len() as u32);
        let area = SVGBackend::with_string(&mut document, size).into_drawing_area();
        for (area, (panel, range)) in area.split_evenly((drawn.len(), 1)).iter().zip(drawn) {
            draw(area, panel, last, range).map_err(failed)?;
        }
        area.present().map_err(failed)?;
    }
    Ok(document)
}

fn draw(
    area: &DrawingArea<SVGBackend, plotters::coord::Shift>,
    panel: &Panel,
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
    mesh.light_line_style(WHITE).x_desc("step").y_desc(panel.title).draw()?;
    for line in panel.lines.iter().filter(|line| !line.points.is_empty()) {
        let series = LineSeries::new(line.points.iter().copied(), line.colour);
        let colour = line.colour;
        let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour);
        chart.draw_series(series)?.label(line.name).legend(key);
    }
    chart.configure_series_labels().background_style(WHITE).draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_and_line_is_drawn_and_named() {
        let line = |name, points: &[(f64, f64)]| Line { name, colour: BLUE, points: points.to_vec() };
        let lines =
            vec![line("training", &[(1.0, 30.0), (50.0, 3.0)]), line("validation", &[(20.0, 8.0), (50.0, 4.0)])];
        let errors = Panel { title: "error", lines };
        let loss =
            Panel { title: "loss", lines: vec![line("channels", &[(1.0, 1.0), (50.0, 0.1)]), line("traces", &[])] };
        let both = svg(&[errors, loss]).unwrap();
        assert!(["error", "training", "validation", "loss", "channels"].iter().all(|text| both.contains(text)));
        assert!(both.matches("<polyline").count() >= 3 && !both.contains("traces") && both.contains("680"));
        assert_eq!(svg(&[Panel { title: "loss", lines: vec![line("traces", &[])] }]).unwrap(), "");
    }
}
