//! Writes a csr file of ABACUS in the layout of the other generation: `cargo run --example convert -- FILE TARGET`.

use std::error::Error;
use std::path::Path;

use hzero::parsers::convert::{Request, convert};
use hzero::parsers::format::Format;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target] = arguments.as_slice() else { return Err("usage: convert FILE TARGET".into()) };
    let written = to_other_generation(Path::new(source), Path::new(target))?;
    println!("{target}: {}", written.capabilities().name);
    Ok(())
}

/// Numbers are written as they were read: back again gives the same bytes, where both layouts print as many digits.
pub fn to_other_generation(source: &Path, target: &Path) -> Result<Format, Box<dyn Error>> {
    let to = match Format::guess_file(source)? {
        Some(Format::AbacusOld) => Format::AbacusNew,
        Some(Format::AbacusNew) => Format::AbacusOld,
        _ => return Err(format!("{} is no csr file of ABACUS", source.display()).into()),
    };
    convert(&Request::new(source, target, to))?;
    Ok(to)
}
