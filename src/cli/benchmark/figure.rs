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
    /// Marks on the axis of x are its powers.
    base: f64,
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
        base: 10.0,
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
        base: 2.0,
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
        let [left, right] = range(&mut points().map(|point| point.0), 1.5)?;
        // On the right there is room for names.
        let x = [left, right * (right / left).powf(0.25)];
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
        .build_cartesian_2d((*left..*right).log_scale().base(panel.base), (*low..*high).log_scale())?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE).x_desc(panel.x).y_desc("|H - H_SCF|, aligned / meV").draw()?;
    for (name, level) in &panel.levels {
        chart.draw_series(LineSeries::new([(*left, *level), (*right, *level)], GREY))?;
        chart.draw_series([Text::new(name.clone(), (*left * 1.05, *level * 0.93), ("sans-serif", 12))])?;
    }
    let mut names = Names::default();
    for line in &panel.lines {
        chart.draw_series(LineSeries::new(line.points.iter().copied(), line.colour))?;
        chart.draw_series(line.points.iter().map(|&point| Circle::new(point, 4, line.colour.filled())))?;
        if let Some(&last) = line.points.last() {
            let lower = names.place(chart.backend_coord(&last), &line.name);
            let name = Text::new(line.name.clone(), (Names::RIGHT, lower), ("sans-serif", 12));
            chart.draw_series([EmptyElement::at(last) + name])?;
        }
    }
    Ok(())
}

/// Names of points, pixels: each stands right of its point, or lower where another one stands.
#[derive(Default)]
struct Names(Vec<[i32; 3]>);

impl Names {
    /// From the point to its name.
    const RIGHT: i32 = 7;
    const HEIGHT: i32 = 12;
    /// Of a letter.
    const WIDTH: i32 = 6;

    /// How much lower than its point a name begins.
    fn place(&mut self, (x, y): (i32, i32), name: &str) -> i32 {
        let left = x + Self::RIGHT;
        let right = left + Self::WIDTH * name.chars().count() as i32;
        let covers =
            |top: i32| self.0.iter().any(|[l, r, t]| *l < right && left < *r && (top - t).abs() < Self::HEIGHT);
        let lower = (0..).map(|k| k * Self::HEIGHT - Self::HEIGHT / 2).find(|lower| !covers(y + lower)).unwrap_or(0);
        self.0.push([left, right, y + lower]);
        lower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_cover_each_other() {
        let mut names = Names::default();
        assert_eq!(names.place((100, 50), "hzero"), -6);
        assert_eq!(names.place((105, 52), "slem"), 6);
        assert_eq!(names.place((105, 50), "nextham"), 30);
        assert_eq!(names.place((300, 50), "far"), -6);
    }
}
