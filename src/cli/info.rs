//! `hzero info`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Outcome;
use super::run_args::RunFiles;
use crate::parsers::format::Format;
use crate::parsers::{Calculation, Of, Pairs, SpinOperator, read};

/// Show what a run left behind
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or a file of a run
    run: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Only say which files there are, from names and first bytes, without reading the matrices
    #[arg(long)]
    header: bool,
    #[command(flatten)]
    files: RunFiles,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let facts = if args.header { headers(&args.run)? } else { facts(&read(&args.run, &args.files.options())?) };
    if args.json {
        let mut report = serde_json::Map::from_iter([("schema_version".to_owned(), json!(1))]);
        report.extend(facts.into_iter().map(|(name, value)| (name.to_owned(), value)));
        super::print(&(serde_json::to_string_pretty(&Value::Object(report))? + "\n"))?;
    } else {
        super::print(&facts.iter().map(|(name, value)| fact_text(name, value)).collect::<String>())?;
    }
    Ok(Outcome::Done)
}

/// Named facts, in the order in which people want to see them.
type Facts = Vec<(&'static str, Value)>;

fn facts(run: &Calculation) -> Facts {
    let mut facts = vec![
        ("code", json!(run.origin.code)),
        ("version", json!(run.origin.version)),
        ("atoms", json!(run.structure.n_atoms())),
        ("orbitals", json!(run.basis.n_orbitals())),
        ("species", species(run)),
        ("lattice_angstrom", lattice(run)),
        ("nspin", json!(run.operator(Of::H0).or(run.operator(Of::Scf)).map(SpinOperator::nspin))),
    ];
    let spin_operators =
        [("h0", &run.hamiltonian0), ("hamiltonian", &run.hamiltonian), ("density_matrix", &run.density_matrix)];
    facts.extend(run.overlap.iter().map(|s| ("overlap", blocks(s.pairs(), run))));
    for (name, operator) in spin_operators {
        facts.extend(operator.iter().map(|operator| (name, blocks(operator.pairs(), run))));
    }
    facts.extend([
        ("hamiltonian_is_predicted", json!(run.origin.is_predicted)),
        ("fermi_level_ev", json!(run.fermi_level.map(|level| level * run.origin.ev_per_hartree))),
        ("electrons", json!(run.n_electrons)),
        ("smearing", json!(run.smearing.map(|smearing| format!("{smearing:?} (hartree)")))),
        ("k_grid", json!(run.k_grid.map(|grid| grid.divisions))),
        ("k_path_corners", json!(run.k_path.as_ref().map(Vec::len))),
        ("printed_eigenvalues", json!(run.printed.iter().map(printed).collect::<Vec<_>>())),
        ("files", json!(run.origin.files)),
    ]);
    facts
}

fn species(run: &Calculation) -> Value {
    let of_species = |(index, species): (usize, &crate::parsers::Species)| {
        let n_atoms = (0..run.basis.n_atoms()).filter(|&atom| run.basis.species_index(atom) == index).count();
        json!({
            "label": species.label,
            "atoms": n_atoms,
            "shells": species.shells_text(),
            "orbitals": species.n_orbitals(),
            "cutoff_bohr": species.cutoff,
        })
    };
    run.basis.species().iter().enumerate().map(of_species).collect()
}

fn lattice(run: &Calculation) -> Value {
    let rows = run.structure.lattice.row_iter();
    rows.map(|row| row.iter().map(|x| x * run.origin.angstrom_per_bohr).collect::<Vec<_>>()).collect::<Vec<_>>().into()
}

fn blocks(pairs: &Pairs, run: &Calculation) -> Value {
    let mut vectors: Vec<[i32; 3]> = pairs.as_slice().iter().map(|pair| pair.r).collect();
    vectors.sort_unstable();
    vectors.dedup();
    let range = pairs.as_slice().iter().map(|pair| run.structure.displacement(pair).norm()).fold(0.0, f64::max);
    json!({
        "blocks": pairs.len(),
        "elements": pairs.n_values(),
        "lattice_vectors": vectors.len(),
        "range_angstrom": range * run.origin.angstrom_per_bohr,
    })
}

fn printed(spectrum: &crate::parsers::PrintedSpectrum) -> Value {
    json!({
        "of": crate::bands::name(spectrum.of),
        "k_points": spectrum.kpoints.len(),
        "bands": spectrum.energies.first().and_then(|spin| spin.first()).map(Vec::len),
        "file": spectrum.file,
    })
}

/// Every file below `path` whose first bytes belong to a format, with its size on disk.
fn headers(path: &std::path::Path) -> anyhow::Result<Facts> {
    let mut files = Vec::new();
    collect(path, &mut files)?;
    anyhow::ensure!(!files.is_empty(), "{}: no file of a format that hzero knows", path.display());
    Ok(vec![("files", Value::Array(files))])
}

fn collect(path: &std::path::Path, found: &mut Vec<Value>) -> anyhow::Result<()> {
    if path.is_dir() {
        let mut entries =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(entry, found));
    }
    if let Some(format) = Format::guess_file(path)? {
        found.push(json!({ "file": path, "format": format.to_string(), "bytes": path.metadata()?.len() }));
    }
    Ok(())
}

fn fact_text(name: &str, value: &Value) -> String {
    let name = name.replace('_', " ");
    match value {
        Value::Array(items) if items.is_empty() => format!("{name}: none\n"),
        Value::Array(items) if !items.iter().all(Value::is_number) => {
            let lines: String = items.iter().map(|item| format!("    {}\n", short(item))).collect();
            format!("{name}:\n{lines}")
        }
        value => format!("{name}: {}\n", short(value)),
    }
}

/// JSON without its braces and quotes.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "unknown".into(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{} {}", name.replace('_', " "), short(value));
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join("  "),
        Value::Number(number) if number.is_f64() => format!("{:.6}", number.as_f64().unwrap_or(f64::NAN)),
        other => other.to_string(),
    }
}
