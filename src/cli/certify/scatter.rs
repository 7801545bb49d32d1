//! Certified against true errors, as a figure.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::bands::plot::{COLOURS, failed, raster, register_font};
use crate::parsers::Result;

/// One frame.
pub struct Panel {
    /// What is compared.
    pub name: &'static str,
    /// One per run.
    pub points: Vec<Point>,
}

/// One run, meV.
pub struct Point {
    /// Runs of one set share a colour.
    pub set: String,
    /// Without the converged H.
    pub certified: f64,
    /// With it.
    pub exact: f64,
}

/// Points of the layout.
const SIZE: (u32, u32) = (330, 300);

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// The figure as an SVG document.
///
/// # Errors
/// `Io` where drawing fails.
pub fn svg(panels: &[Panel]) -> Result<String> {
    register_font()?;
    let panels = filled(panels);
    let mut document = String::new();
    let area = SVGBackend::with_string(&mut document, (SIZE.0 * panels.len() as u32, SIZE.1)).into_drawing_area();
    draw(&area, &panels, 1).map_err(failed)?;
    drop(area);
    Ok(document)
}

/// The figure as a PNG file.
///
/// # Errors
/// `Io` where drawing or encoding fails.
pub fn png(panels: &[Panel]) -> Result<Vec<u8>> {
    const PIXELS: u32 = 2;
    register_font()?;
    let panels = filled(panels);
    let scale = PIXELS * raster::OVERSAMPLING;
    let (width, height) = (SIZE.0 * panels.len() as u32 * scale, SIZE.1 * scale);
    let mut large = vec![255; 3 * width as usize * height as usize];
    {
        let area = BitMapBackend::with_buffer(&mut large, (width, height)).into_drawing_area();
        draw(&area, &panels, scale).map_err(failed)?;
    }
    let small = raster::averaged(&large, width as usize);
    raster::encode(&small, width / raster::OVERSAMPLING, height / raster::OVERSAMPLING)
}

/// Panels in which something is to be seen on logarithmic axes.
fn filled(panels: &[Panel]) -> Vec<&Panel> {
    let shown = |point: &Point| point.certified > 0.0 && point.exact > 0.0;
    panels.iter().filter(|panel| !panel.points.is_empty() && panel.points.iter().all(shown)).collect()
}

fn draw<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, panels: &[&Panel], scale: u32) -> Drawn
where
    DB::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    for (panel, area) in panels.iter().zip(area.split_evenly((1, panels.len().max(1)))) {
        draw_panel(&area, panel, scale)?;
    }
    Ok(area.present()?)
}

fn draw_panel<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, panel: &Panel, scale: u32) -> Drawn
where
    DB::ErrorType: 'static,
{
    let values = || panel.points.iter().flat_map(|point| [point.certified, point.exact]);
    let low = values().fold(f64::INFINITY, f64::min) / 1.5;
    let high = values().fold(0.0, f64::max) * 1.5;
    let font = |size: u32| ("sans-serif", (size * scale) as f64);
    let mut chart = ChartBuilder::on(area)
        .margin(8 * scale)
        .caption(panel.name, font(12))
        .x_label_area_size(32 * scale)
        .y_label_area_size(44 * scale)
        .build_cartesian_2d((low..high).log_scale(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .label_style(font(10))
        .x_labels(4)
        .y_labels(4)
        .x_label_formatter(&|x| number(*x))
        .y_label_formatter(&|y| number(*y))
        .x_desc("certified / meV")
        .y_desc("true / meV")
        .draw()?;
    chart.draw_series(LineSeries::new([(low, low), (high, high)], BLACK.stroke_width(scale)))?;
    let mut sets: Vec<&str> = panel.points.iter().map(|point| point.set.as_str()).collect();
    sets.sort_unstable();
    sets.dedup();
    for (set, colour) in sets.iter().zip(COLOURS.into_iter().cycle()) {
        let points = panel.points.iter().filter(|point| point.set == **set);
        let marks = points.map(|point| Circle::new((point.certified, point.exact), 3 * scale, colour.filled()));
        let key = move |(x, y)| Circle::new((x + 8 * scale as i32, y), 3 * scale, colour.filled());
        chart.draw_series(marks)?.label(*set).legend(key);
    }
    let labels = &mut chart.configure_series_labels();
    labels
        .position(SeriesLabelPosition::LowerRight)
        .legend_area_size(18 * scale)
        .label_font(font(9))
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

/// Without trailing zeros.
fn number(x: f64) -> String {
    format!("{}", (x * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_a_mark_and_every_set_has_a_name() {
        let point = |set: &str, certified, exact| Point { set: set.to_owned(), certified, exact };
        let points = vec![point("one", 1.0, 2.0), point("one", 3.0, 2.5), point("two", 100.0, 90.0)];
        let panels = [Panel { name: "H", points }, Panel { name: "empty", points: Vec::new() }];
        let document = svg(&panels).unwrap();
        assert!(document.contains("one") && document.contains("two") && !document.contains("empty"));
        assert!(document.matches("<circle").count() >= 5);
        assert!(png(&panels).unwrap().starts_with(b"\x89PNG"));
    }
}
