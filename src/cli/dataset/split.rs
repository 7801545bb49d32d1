//! `hzero dataset split`.

use std::path::{Component, Path, PathBuf};

use anyhow::Context;

use crate::cli::Outcome;
use crate::cli::run_args::RunFiles;
use crate::dataset::check::members;
use crate::dataset::split::{Split, ValidationShape, split};
use crate::parsers::output::write_file;

/// Divide runs into those to learn from, to watch and to test on, as the [data] section of `hzero train`
///
/// The watched runs have a shape of cell that training does not have: other runs of the training cells would hide how a model fails
/// elsewhere. Runs for tests are whole shapes where these fit, else single runs. The same structure is never on two sides.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The TOML file to write; its paths are relative to its folder
    #[arg(long, short, value_name = "FILE.toml")]
    out: PathBuf,
    /// Shape of cell to watch the error on: a number of `hzero dataset stats`, or `auto`
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = shape)]
    validate_shape: ValidationShape,
    /// Part of all runs that is kept for tests, 0 to 0.9
    #[arg(long, value_name = "FRACTION", default_value_t = 0.0)]
    test: f64,
    /// Decides what is drawn
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    files: RunFiles,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    anyhow::ensure!((0.0..=0.9).contains(&args.test), "--test {} is outside 0 to 0.9", args.test);
    let members = members(&args.runs, &args.files.options())?;
    let split = split(&members, args.validate_shape, args.test, args.seed)?;
    let text = toml_text(&split, &args)?;
    write_file(&args.out, |out| out.write_all(text.as_bytes()))?;
    let Split { train, validate, test, .. } = &split;
    let (train, validate, test) = (train.len(), validate.len(), test.len());
    crate::cli::print(&format!(
        "{}: {train} runs to learn from, {validate} to watch, {test} for tests\n",
        args.out.display()
    ))?;
    if split.shape.is_none() {
        eprintln!("hzero: warning: all runs have one shape of cell, so that nothing tells how a model does in others");
    }
    Ok(Outcome::Done)
}

fn shape(text: &str) -> Result<ValidationShape, String> {
    match text {
        "auto" => Ok(ValidationShape::Auto),
        number => number
            .parse()
            .map(ValidationShape::Number)
            .map_err(|_| format!("`{number}` is neither a number nor `auto`")),
    }
}

/// `exclude` is what no training may use, whatever patterns are added later.
fn toml_text(split: &Split, args: &Args) -> anyhow::Result<String> {
    let list = |name: &str, runs: &[usize]| -> anyhow::Result<String> {
        let mut text = format!("{name} = [\n");
        for &run in runs {
            let path = pattern(&relative(&args.runs[run], args.out.parent().unwrap_or(Path::new("")))?);
            text += &format!("    {},\n", toml::Value::String(path));
        }
        Ok(text + "]\n")
    };
    let watched = match split.shape {
        Some(shape) => format!("# Watched: shape {shape} of `hzero dataset stats`, which training does not have.\n"),
        None => "# Watched: runs drawn from the only shape of cell.\n".to_owned(),
    };
    let lists = [list("train", &split.train)?, watched, list("validate", &split.validate)?];
    let test = list("exclude", &split.test)?;
    Ok(format!("[data]\n{}# For tests: nothing of training may use them.\n{test}", lists.concat()))
}

/// `path` as seen from `folder`.
fn relative(path: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let absolute = |path: &Path| std::fs::canonicalize(path).with_context(|| path.display().to_string());
    let (path, folder) = (absolute(path)?, absolute(folder)?);
    let common = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    if common <= 1 {
        return Ok(path);
    }
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    Ok(up.chain(path.components().skip(common)).collect())
}

/// A path in which nothing is taken for a pattern.
fn pattern(path: &Path) -> String {
    let escaped = |c: char| if matches!(c, '*' | '?' | '[' | ']') { format!("[{c}]") } else { c.to_string() };
    path.to_string_lossy().chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let [run, configurations] = ["set/001", "examples"].map(|name| folder.path().join(name));
        std::fs::create_dir_all(&run).unwrap();
        std::fs::create_dir_all(&configurations).unwrap();
        assert_eq!(relative(&run, &configurations).unwrap(), Path::new("../set/001"));
        assert_eq!(pattern(Path::new("a[1]/b*")), "a[[]1[]]/b[*]");
    }
}
