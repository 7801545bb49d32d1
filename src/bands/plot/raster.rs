//! From a large drawing to a PNG file: averaging makes lines smooth.

use super::{PNG_PIXELS, failed};
use crate::parsers::Error;

/// The PNG is drawn this many times larger in each direction, then averaged.
pub(crate) const OVERSAMPLING: u32 = 3;

/// Mean of each square of pixels.
pub(crate) fn averaged(large: &[u8], width: usize) -> Vec<u8> {
    let n = OVERSAMPLING as usize;
    let row = |y: usize, x: usize| &large[3 * (y * width + x)..3 * (y * width + x + n)];
    let height = large.len() / (3 * width);
    let mut small = Vec::with_capacity(large.len() / (n * n));
    for (y, x) in (0..height / n).flat_map(|y| (0..width / n).map(move |x| (y * n, x * n))) {
        for colour in 0..3 {
            let sum: usize =
                (y..y + n).flat_map(|y| row(y, x).iter().skip(colour).step_by(3)).map(|&v| v as usize).sum();
            small.push(((sum + n * n / 2) / (n * n)) as u8);
        }
    }
    small
}

/// A PNG file of so many pixels, RGB.
pub(crate) fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Error> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (PNG_PIXELS as f64 * 72.0 / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels)).map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_keeps_the_mean_of_each_square() {
        let mut large = vec![0; 3 * 6 * 3];
        large[3] = 90;
        large[3 * 7] = 9;
        large[3 * 4 + 2] = 45;
        assert_eq!(averaged(&large, 6), [11, 0, 0, 0, 0, 5]);
    }
}
