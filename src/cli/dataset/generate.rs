//! `hzero dataset generate`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::Outcome;
use crate::cli::h0_recipe::code;
use crate::dataset::cells::Cell;
use crate::dataset::generate::{Generated, Plan, generate, write};
use crate::parsers::output::write_file;
use crate::parsers::template::Template;
use crate::parsers::units::BOHR_IN_ANGSTROM;
use crate::parsers::{Code, ReadOptions};

/// Strained and displaced structures in varied supercells, with the inputs of their step-zero and converged runs
///
/// Your own input is the template: the structure, the k mesh (at least the same density) and what belongs to its cell are replaced,
/// all else stays. Pseudopotentials and orbitals are referred to where they lie. DIR/NNN/h0 and DIR/NNN/scf hold the inputs; once
/// the code has run in both, DIR/NNN is a run for `hzero dataset check`, `hzero fit` and `hzero train`.
#[derive(clap::Args)]
pub struct Args {
    /// A run with its input, a folder of inputs, or the input of a converged run (INPUT's folder, NAME.fdf, NAME.dat)
    #[arg(value_name = "RUN|INPUT")]
    template: PathBuf,
    /// The code; told by the names of the files where it can be
    #[arg(long, value_parser = code)]
    code: Option<Code>,
    /// Cells, taken in turns: 1x1,2x1,3x2,2x2x2,sqrt3,sqrt7 or a matrix of integers "2,1,0;0,2,0;0,0,1"; may be repeated
    #[arg(long, required = true, allow_hyphen_values = true, value_name = "CELLS", value_parser = cells)]
    cells: Vec<Cells>,
    /// Standard deviations of each component of a displacement in angstrom, taken in turns
    #[arg(long, value_delimiter = ',', default_value = "0.05,0.08")]
    displacement: Vec<f64>,
    /// Standard deviation of the components of the strain (none along a vacuum)
    #[arg(long, default_value_t = 0.01)]
    strain: f64,
    /// Number of structures
    #[arg(long, short = 'n')]
    count: usize,
    /// Decides every number
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Least distance of two atoms over the shortest bond of the template; structures below are drawn again
    #[arg(long, value_name = "FRACTION", default_value_t = 0.75)]
    least_distance: f64,
    /// Version of the code, where the step-zero input depends on it (SIESTA: 5 or 4.1)
    #[arg(long)]
    version: Option<String>,
    /// The folder to make
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
}

/// The cells of one argument.
type Cells = Vec<Cell>;

fn cells(text: &str) -> Result<Cells, String> {
    let words: Vec<&str> = if text.contains(';') { vec![text] } else { text.split(',').collect() };
    words
        .into_iter()
        .map(|word| word.trim().parse().map_err(|error: crate::parsers::Error| error.to_string()))
        .collect()
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let plan = plan(&args)?;
    anyhow::ensure!(!args.out.exists(), "{} exists: name a folder that does not", args.out.display());
    let code = match args.code {
        Some(code) => code,
        None => Code::of(&args.template, &ReadOptions::default())?,
    };
    let template = Template::read(code, &args.template)?;
    let structures = generate(&template, &plan)?;
    let warnings = write_all(&args, &template, code, &structures).inspect_err(|_| {
        // It did not exist before; what cannot be removed is told by the error that comes anyway.
        let _ = std::fs::remove_dir_all(&args.out);
    })?;
    warnings.iter().for_each(|warning| eprintln!("hzero: warning: {warning}"));
    crate::cli::print(&table(&structures))?;
    crate::cli::print(&format!("{}: {} structures, each with h0/ and scf/\n", args.out.display(), structures.len()))?;
    Ok(Outcome::Done)
}

/// All folders and the report; returns warnings.
fn write_all(args: &Args, template: &Template, code: Code, structures: &[Generated]) -> anyhow::Result<Vec<String>> {
    let mut warnings = template.warnings.clone();
    for (k, structure) in structures.iter().enumerate() {
        let folder = args.out.join(name(k));
        let of_recipe = write(template, code, structure, &folder, args.version.as_deref())?;
        warnings
            .extend(of_recipe.into_iter().filter(|warning| k == 0 && !warnings.contains(warning)).collect::<Vec<_>>());
    }
    write_report(args, code, structures)?;
    Ok(warnings)
}

fn plan(args: &Args) -> anyhow::Result<Plan> {
    let sizes = args.displacement.iter().chain([&args.strain, &args.least_distance]);
    anyhow::ensure!(
        sizes.clone().all(|x| x.is_finite() && *x >= 0.0),
        "displacements, strain and least distance are not below 0"
    );
    anyhow::ensure!(args.count > 0, "--count 0: nothing to make");
    Ok(Plan {
        cells: args.cells.concat(),
        displacements: args.displacement.iter().map(|sigma| sigma / BOHR_IN_ANGSTROM).collect(),
        strain: args.strain,
        count: args.count,
        seed: args.seed,
        least_distance: args.least_distance,
    })
}

fn name(k: usize) -> String {
    format!("{k:03}")
}

fn table(structures: &[Generated]) -> String {
    let mut text = String::from("folder atoms  sigma / A  shortest / A  k mesh      cell\n");
    for (k, one) in structures.iter().enumerate() {
        let [sigma, shortest] = [one.displacement, one.shortest].map(|length| length * BOHR_IN_ANGSTROM);
        let mesh = one.divisions.map_or("-".to_owned(), |[a, b, c]| format!("{a} {b} {c}"));
        let rows = one.matrix.map(|row| row.map(|n| n.to_string()).join(","));
        text += &format!(
            "{:<6} {:>5} {sigma:>10.3} {shortest:>13.3}  {mesh:<10}  {}\n",
            name(k),
            one.structure.n_atoms(),
            rows.join(";")
        );
    }
    text
}

fn write_report(args: &Args, code: Code, structures: &[Generated]) -> anyhow::Result<()> {
    let one = |(k, one): (usize, &Generated)| {
        serde_json::json!({
            "folder": name(k),
            "n_atoms": one.structure.n_atoms(),
            "cell": one.matrix,
            "displacement_angstrom": one.displacement * BOHR_IN_ANGSTROM,
            "shortest_distance_angstrom": one.shortest * BOHR_IN_ANGSTROM,
            "k_mesh": one.divisions,
        })
    };
    let template = args.template.file_name().unwrap_or_default().to_string_lossy();
    let report = serde_json::json!({
        "schema_version": 1,
        "code": code.name(),
        "template": template,
        "seed": args.seed,
        "strain": args.strain,
        "structures": structures.iter().enumerate().map(one).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&report).context("the report")?;
    Ok(write_file(&args.out.join(Path::new("generated.json")), |out| out.write_all(text.as_bytes()))?)
}
