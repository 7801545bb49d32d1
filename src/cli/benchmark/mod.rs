//! `hzero benchmark`.

use std::path::PathBuf;

use super::Outcome;

#[cfg(feature = "torch")]
mod case;
#[cfg(feature = "torch")]
mod child;
#[cfg(feature = "torch")]
mod curve;
#[cfg(feature = "torch")]
mod figure;
#[cfg(feature = "torch")]
mod plan;
#[cfg(feature = "torch")]
mod record;
#[cfg(feature = "torch")]
mod results;
#[cfg(feature = "torch")]
mod row;
#[cfg(feature = "torch")]
mod table;
#[cfg(feature = "torch")]
mod tuning;
#[cfg(feature = "torch")]
mod work;

/// Train many configurations on the same runs for as long, and print what each is worth on runs that none has seen
///
/// A plan names sets of runs, variants of a training configuration, and a budget. Every case trains and is judged in processes of its own,
/// in DIR/SET/VARIANT; called again, what is done stays and the rest goes on. Beside the cases stand results.json, results.md with
/// a table for every set and group of tests, and results.svg. H0 itself and the linear stage are rows of every table.
#[derive(clap::Args)]
pub struct Args {
    /// Plan; its paths are relative to its folder
    #[arg(value_name = "PLAN.toml")]
    plan: PathBuf,
    /// Folder of all cases and results
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Only these sets, variants, or SET/VARIANT (and the cases that they start from, H0, and the linear stage)
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
}

#[cfg(not(feature = "torch"))]
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let Args { plan, out, only, device } = args;
    anyhow::bail!(
        "{} cannot be run into {} on device {device} ({} names): this hzero is built without the network; \
         scripts/setup.sh builds it with (feature `torch`)",
        plan.display(),
        out.display(),
        only.len()
    )
}

#[cfg(feature = "torch")]
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    use anyhow::{Context, ensure};

    let named = || args.plan.display().to_string();
    let plan = plan::Plan::read(&args.plan)?;
    let cases = case::cases(&plan).with_context(named)?;
    let wanted = case::wanted(&cases, &args.only);
    ensure!(wanted.contains(&true), "{}: no case is called {}", named(), args.only.join(" or "));
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let out = args.out.canonicalize().with_context(|| args.out.display().to_string())?;
    let results = results::Results { out: &out, plan: &args.plan };
    let records = results.work_on(&cases, &wanted, &args.device)?;
    super::print(&format!("{}\n", args.out.join(results::TABLES).display()))?;
    let failed = records.iter().any(|record| record.error.is_some());
    Ok(if failed { Outcome::Failed } else { Outcome::Done })
}
