//! `hzero dataset check`.

use std::path::PathBuf;

use crate::cli::Outcome;
use crate::cli::run_args::RunFiles;
use crate::dataset::check::{Verdict, check, warnings};
use crate::parsers::convergence::Convergence;

/// Find the runs of a training set that cannot be learned from
///
/// Refused are: runs that cannot be read or lack H0, H or S; H0 of another structure or other settings than H; blocks without their
/// Hermitian partner; runs whose own log says that they did not converge; the same structure twice (up to rounding, translation,
/// choice of cell, order of atoms, rotation); another basis or other settings than most runs. Exit code 1 where any is refused.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Refuse runs without a log that tells whether they converged, too
    #[arg(long)]
    require_log: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: RunFiles,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut verdicts = check(&args.runs, &args.files.options());
    if args.require_log {
        verdicts.iter_mut().for_each(Verdict::require_log);
    }
    let text = if args.json { json_text(&verdicts)? } else { text(&verdicts) };
    crate::cli::print(&text)?;
    Ok(if verdicts.iter().all(Verdict::is_sound) { Outcome::Done } else { Outcome::Failed })
}

/// One line per reason, then the sum.
fn text(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        for problem in &verdict.problems {
            text += &format!("refused  {}: {}\n", verdict.path.display(), problem.message);
        }
    }
    for warning in warnings(verdicts) {
        text += &format!("warning  {warning}\n");
    }
    let refused = verdicts.iter().filter(|verdict| !verdict.is_sound()).count();
    text + &format!("{} of {} runs are sound\n", verdicts.len() - refused, verdicts.len())
}

fn json_text(verdicts: &[Verdict]) -> serde_json::Result<String> {
    let run = |verdict: &Verdict| {
        serde_json::json!({
            "path": verdict.path,
            "code": verdict.member.as_ref().map(|member| member.code),
            "n_atoms": verdict.member.as_ref().map(|member| member.structure.n_atoms()),
            "converged": match verdict.convergence {
                Convergence::Converged => Some(true),
                Convergence::NotConverged(_) => Some(false),
                Convergence::Unknown => None,
            },
            "problems": verdict.problems,
        })
    };
    let report = serde_json::json!({
        "schema_version": 1,
        "runs": verdicts.iter().map(run).collect::<Vec<_>>(),
        "n_refused": verdicts.iter().filter(|verdict| !verdict.is_sound()).count(),
        "warnings": warnings(verdicts),
    });
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}
