//! `results.svg`: error against the time of training, and curves.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::case::{H0, LINEAR};
use super::curve::{RUNS, aligned, curves};
use super::record::Record;
use super::row::{mean, rows};
use super::table::sets;
use crate::bands::plot::{COLOURS, failed, register_font};
use crate::parsers::Result;

/// Width and height of a panel.
const SIZE: (u32, u32) = (520, 360);
/// Panels beside each other.
const N_COLUMNS: usize = 2;
const GREY: RGBColor = RGBColor(120, 120, 120);

/// A panel on logarithmic axes.
struct Panel {
    title: String,
    x: &'static str,
    lines: Vec<Line>,
    /// Levels that are told, with their names.
    levels: Vec<(String, f64)>,
}

/// A line, or a single point.
struct Line {
    name: String,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// An SVG document: for every set and group of tests a panel with the aligned error against the time of training, and one for learning
/// curves where there are some. Empty where there is nothing to draw.
///
/// # Errors
/// `Io` where drawing fails.
pub fn svg(records: &[Record]) -> Result<String> {
    let panels: Vec<(Panel, [[f64; 2]; 2])> =
        panels(records).into_iter().filter_map(|panel| panel.ranges().map(|ranges| (panel, ranges))).collect();
    let mut document = String::new();
    if !panels.is_empty() {
        register_font()?;
        let n_rows = panels.len().div_ceil(N_COLUMNS);
        let size = (SIZE.0 * N_COLUMNS as u32, SIZE.1 * n_rows as u32);
        let area = SVGBackend::with_string(&mut document, size).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        for (area, (panel, ranges)) in area.split_evenly((n_rows, N_COLUMNS)).iter().zip(&panels) {
            draw(area, panel, ranges).map_err(failed)?;
        }
        area.present().map_err(failed)?;
    }
    Ok(document)
}

fn panels(records: &[Record]) -> Vec<Panel> {
    let of_group = |(set, group): (&str, &str)| [costs(records, set, group), learning(records, set, group)];
    let groups = sets(records).into_iter().flat_map(|(set, groups)| groups.into_iter().map(move |group| (set, group)));
    groups.flat_map(of_group).collect()
}

/// Every variant as a point.
fn costs(records: &[Record], set: &str, group: &str) -> Panel {
    let rows = rows(records, set, group);
    let point = |(k, row): (usize, &super::row::Row)| {
        let (x, y) = (mean(&row.training(|training| Some(training.spent())))?, aligned(row)?);
        let colour = if row.name() == LINEAR { GREY } else { COLOURS[k % COLOURS.len()] };
        Some(Line { name: row.name().to_owned(), colour, points: vec![(x, y)] })
    };
    let h0 = rows.iter().find(|row| row.name() == H0).and_then(|row| mean(&row.numbers("mae_h_aligned_mev")));
    Panel {
        title: format!("{set}: {group}"),
        x: "CPU seconds of training",
        lines: rows.iter().enumerate().filter_map(point).collect(),
        levels: h0.map(|level| (H0.to_owned(), level)).into_iter().collect(),
    }
}

/// Every learning curve as a line.
fn learning(records: &[Record], set: &str, group: &str) -> Panel {
    let curves = curves(records, set, group);
    let learning = curves.iter().filter(|curve| curve.field == RUNS).enumerate();
    let line = |(k, curve): (usize, &super::curve::Curve)| Line {
        name: curve.name.to_owned(),
        colour: COLOURS[k % COLOURS.len()],
        points: curve.points(aligned),
    };
    Panel {
        title: format!("{set}: {group}"),
        x: "training runs",
        lines: learning.map(line).collect(),
        levels: Vec::new(),
    }
}

impl Panel {
    /// Of x and y, with room around; `None` where there is nothing to draw.
    fn ranges(&self) -> Option<[[f64; 2]; 2]> {
        let points = || self.lines.iter().flat_map(|line| &line.points).filter(|(x, y)| *x > 0.0 && *y > 0.0);
        let levels = self.levels.iter().map(|(_, level)| *level);
        let range = |values: &mut dyn Iterator<Item = f64>, room: f64| {
            let (low, high) = values.fold((f64::INFINITY, 0.0), |(a, b), v| (f64::min(a, v), f64::max(b, v)));
            (low.is_finite() && high.is_finite()).then_some([low / room, high * room])
        };
        let x = range(&mut points().map(|point| point.0), 2.0)?;
        Some([x, range(&mut points().map(|point| point.1).chain(levels), 1.5)?])
    }
}

fn draw(
    area: &DrawingArea<SVGBackend, Shift>,
    panel: &Panel,
    [[left, right], [low, high]]: &[[f64; 2]; 2],
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(&panel.title, ("sans-serif", 15))
        .x_label_area_size(34)
        .y_label_area_size(56)
        .build_cartesian_2d((*left..*right).log_scale(), (*low..*high).log_scale())?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE).x_desc(panel.x).y_desc("|H - H_SCF|, aligned / meV").draw()?;
    for (name, level) in &panel.levels {
        chart.draw_series(LineSeries::new([(*left, *level), (*right, *level)], GREY))?;
        chart.draw_series([Text::new(name.clone(), (*left * 1.05, *level * 0.93), ("sans-serif", 12))])?;
    }
    for line in &panel.lines {
        chart.draw_series(LineSeries::new(line.points.iter().copied(), line.colour))?;
        chart.draw_series(line.points.iter().map(|&point| Circle::new(point, 4, line.colour.filled())))?;
        // The name stands right of the last point.
        let name = line
            .points
            .last()
            .map(|&(x, y)| EmptyElement::at((x, y)) + Text::new(line.name.clone(), (7, -6), ("sans-serif", 12)));
        chart.draw_series(name)?;
    }
    Ok(())
}
