//! `hzero check`.

use std::path::PathBuf;

use faer::Side;

use super::Outcome;
use super::run_args::RunFiles;
use crate::bands::bloch::BlochSum;
use crate::parsers::check::{Bound, Property, check};
use crate::parsers::{Calculation, Operator, read};

/// Check a run's matrices: Hermiticity, positive definite overlap, conventions
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or a file of a run
    run: PathBuf,
    #[command(flatten)]
    files: RunFiles,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let run = read(&args.run, &args.files.options())?;
    let mut properties = check(&run);
    if let Some(s) = &run.overlap {
        properties.push(positive_definite(s, &run)?);
    }
    anyhow::ensure!(!properties.is_empty(), "{}: no matrix to check", args.run.display());
    if args.json {
        super::print(&(json_text(&properties)? + "\n"))?;
    } else {
        super::print(&properties.iter().map(line).collect::<String>())?;
    }
    let holds = properties.iter().all(Property::holds);
    Ok(if holds { Outcome::Done } else { Outcome::Failed })
}

/// Smallest eigenvalue of S(k) at the eight points with reduced coordinates 0 or ½: every phase is ±1 there, so the extremes
/// of the overlaps between neighbouring cells are among them.
fn positive_definite(s: &Operator<f64>, run: &Calculation) -> anyhow::Result<Property> {
    let sum = BlochSum::new(s.pairs(), &run.basis);
    let mut smallest = f64::INFINITY;
    for corner in 0..8_u8 {
        let k = [1, 2, 4].map(|axis| if corner & axis == 0 { 0.0 } else { 0.5 });
        let eigenvalues = sum.at(s, k).self_adjoint_eigenvalues(Side::Lower);
        let eigenvalues = eigenvalues.map_err(|_| anyhow::anyhow!("S(k) at k = {k:?} has no eigenvalues"))?;
        smallest = eigenvalues.into_iter().fold(smallest, f64::min);
    }
    let name = "S: smallest eigenvalue of S(k), reduced k of 0 and 1/2".into();
    Ok(Property { name, value: smallest, bound: Bound::Above(0.0) })
}

fn line(property: &Property) -> String {
    let verdict = if property.holds() { "ok    " } else { "FAILED" };
    let (value, bound) = (format!("{:.2e}", property.value), format!("({})", property.bound));
    format!("{verdict}  {value:>9}  {bound:<14}  {}\n", property.name)
}

fn json_text(properties: &[Property]) -> serde_json::Result<String> {
    let entry = |property: &Property| {
        let mut entry = serde_json::to_value(property)?;
        entry["holds"] = property.holds().into();
        Ok::<_, serde_json::Error>(entry)
    };
    let entries: Vec<_> = properties.iter().map(entry).collect::<Result<_, _>>()?;
    let report = serde_json::json!({
        "schema_version": 1,
        "properties": entries,
        "holds": properties.iter().all(Property::holds),
    });
    serde_json::to_string_pretty(&report)
}
