//! From a drawing to a file: SVG, and PNG drawn large and averaged down (smooth lines without a font or graphics library of the
//! system).

use plotters::prelude::*;

use super::canvas::{Canvas, Scale};
use super::raster::{OVERSAMPLING, averaged, encode};
use super::{Drawn, PNG_PIXELS, failed, register_font};
use crate::parsers::Error;

/// Drawing units per point in the SVG: coordinates are integers, so this is its resolution.
const SVG_UNITS: u32 = 20;

/// What can be drawn on either kind of area.
pub(super) trait Picture {
    /// Width and height in points.
    fn size(&self) -> (f64, f64);

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn;
}

/// The picture as an SVG document.
pub(super) fn svg(picture: &impl Picture) -> Result<String, Error> {
    register_font()?;
    let (width, height) = picture.size();
    let units = |points: f64| (points * SVG_UNITS as f64).round() as u32;
    let mut document = String::new();
    {
        let area = SVGBackend::with_string(&mut document, (units(width), units(height))).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        picture.draw(&Canvas { area: &area, scale: Scale(SVG_UNITS as f64) })?;
    }
    let drawn = format!("<svg width=\"{}\" height=\"{}\"", units(width), units(height));
    Ok(document.replacen(&drawn, &format!("<svg width=\"{width}pt\" height=\"{height}pt\""), 1))
}

/// The picture as a PNG file.
pub(super) fn png(picture: &impl Picture) -> Result<Vec<u8>, Error> {
    register_font()?;
    let (width, height) = picture.size();
    let scale = PNG_PIXELS * OVERSAMPLING;
    let pixels = |points: f64| (points.round() as u32) * scale;
    let (width, height) = (pixels(width), pixels(height));
    let mut large = vec![255; 3 * width as usize * height as usize];
    {
        let area = BitMapBackend::with_buffer(&mut large, (width, height)).into_drawing_area();
        picture.draw(&Canvas { area: &area, scale: Scale(scale as f64) })?;
    }
    encode(&averaged(&large, width as usize), width / OVERSAMPLING, height / OVERSAMPLING)
}
