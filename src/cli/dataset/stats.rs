//! `hzero dataset stats`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::histogram::{self, Curve};
use crate::cli::Outcome;
use crate::cli::run_args::RunFiles;
use crate::dataset::Member;
use crate::dataset::check::members;
use crate::dataset::stats::{ShapeStats, Stats, Trend, stats};
use crate::parsers::output::write_file;
use crate::parsers::units::{BOHR_IN_ANGSTROM, HARTREE_IN_EV};

/// What a training set covers: shapes of cells, neighbours that move independently, displacements, strains, sizes of dH
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Draw the distribution of bond lengths per pair of species
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: RunFiles,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let members = members(&args.runs, &args.files.options())?;
    let stats = stats(&members);
    let text = if args.json { json_text(&members, &stats)? } else { text(&members, &stats) };
    crate::cli::print(&text)?;
    if let Some(path) = &args.plot {
        let n_atoms = members.iter().map(|member| member.structure.n_atoms()).sum();
        let svg = histogram::svg(&curves(&members), n_atoms)?;
        write_file(path, |out| out.write_all(svg.as_bytes()))?;
    }
    Ok(Outcome::Done)
}

/// Lengths of all bonds by pair of species, each bond once.
fn curves(members: &[Member]) -> Vec<Curve> {
    let mut lengths: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for member in members {
        for (pair, distance) in member.bonds.iter().filter(|(pair, _)| *pair < pair.reversed()) {
            let mut labels = [pair.i, pair.j].map(|atom| member.label(atom as usize));
            labels.sort_unstable();
            lengths.entry(labels.join("-")).or_default().push(distance * BOHR_IN_ANGSTROM);
        }
    }
    let sorted = |(name, mut lengths): (String, Vec<f64>)| {
        lengths.sort_by(f64::total_cmp);
        Curve { name, lengths }
    };
    lengths.into_iter().map(sorted).collect()
}

fn text(members: &[Member], stats: &Stats) -> String {
    [header(members), changes(members, stats), shapes(stats), neighbours(stats)].join("\n")
}

fn header(members: &[Member]) -> String {
    let atoms = || members.iter().map(|member| member.structure.n_atoms());
    let mut text =
        format!("{} runs, {} to {} atoms\n", members.len(), atoms().min().unwrap_or(0), atoms().max().unwrap_or(0));
    let mut species: BTreeMap<String, usize> = BTreeMap::new();
    for (member, kind) in members.iter().flat_map(|member| member.species.iter().map(move |kind| (member, kind))) {
        let cutoff = kind.cutoff.map_or(String::new(), |cutoff| format!(", orbitals to {cutoff:.2} bohr"));
        *species.entry(format!("{} {} ({}{cutoff})", kind.label, kind.shells_text(), member.code)).or_default() += 1;
    }
    species.iter().for_each(|(name, n)| text += &format!("  {name}: {n} runs\n"));
    text
}

fn changes(members: &[Member], stats: &Stats) -> String {
    const MEV: f64 = 1e3 * HARTREE_IN_EV;
    let mut text = String::from("dH = mu S + rest; mean and largest |dH|, mean |rest| over the elements of S, meV\n");
    text += "run                                   shape atoms   mu / eV     mean  largest     rest\n";
    for (member, class) in members.iter().zip(&stats.class_of) {
        let name = member.path.display().to_string();
        let name: String = name.chars().rev().take(36).collect::<Vec<_>>().into_iter().rev().collect();
        text += &format!("{name:<37} {:>5} {:>5}", class + 1, member.structure.n_atoms());
        text += &member.change.map_or("  (no dH)\n".to_owned(), |c| {
            let (mu, mean, max, rest) = (c.gauge * HARTREE_IN_EV, c.mean * MEV, c.max * MEV, c.mean_rest * MEV);
            format!(" {mu:>9.4} {mean:>8.3} {max:>8.0} {rest:>8.3}\n")
        });
    }
    if let Some(gauge) = &stats.gauge {
        let [mean, deviation] = [gauge.mean, gauge.deviation].map(|mu| mu * HARTREE_IN_EV);
        text += &format!("mu: {mean:.4} eV on average, standard deviation {:.1} meV", deviation * 1e3);
        for trend in &gauge.trends {
            text += &format!("; {}", trend_text(trend));
        }
        text.push('\n');
    }
    text
}

fn trend_text(trend: &Trend) -> String {
    let Trend { against, slope, correlation, .. } = trend;
    let slope = 1e3 * HARTREE_IN_EV * slope / BOHR_IN_ANGSTROM.powi(trend.power);
    let unit = match trend.power {
        1 => "A".to_owned(),
        power => format!("A^{power}"),
    };
    format!("{slope:+.1} meV per {unit} of {against} (correlation {correlation:+.2})")
}

fn shapes(stats: &Stats) -> String {
    let mut text =
        String::from("shapes of cells (a reduced cell of the first run; lengths in A, a vacuum's does not count)\n");
    text +=
        "  no.  runs  atoms            lengths           angles   moved, rms and most / A    strain, rms and most\n";
    for (k, shape) in stats.shapes.iter().enumerate() {
        let [a, b, c] = shape.lengths.map(|length| length * BOHR_IN_ANGSTROM);
        let [alpha, beta, gamma] = shape.angles;
        text += &format!("{:>5} {:>5}  {:<8}", k + 1, shape.n_runs, shape.formula);
        text +=
            &format!(" {a:>6.2} {b:>6.2} {c:>6.2}  {alpha:>4.0} {beta:>4.0} {gamma:>4.0}  {}\n", spread_text(shape));
    }
    text
}

fn spread_text(shape: &ShapeStats) -> String {
    shape.spread.map_or("(one run, or other vectors)".to_owned(), |spread| {
        let [rms, max] = [spread.displacement_rms, spread.displacement_max].map(|d| d * BOHR_IN_ANGSTROM);
        format!("{rms:>10.3} {max:>10.3} {:>14.4} {:>9.4}", spread.strain_rms, spread.strain_max)
    })
}

fn neighbours(stats: &Stats) -> String {
    let mut text = String::from(
        "neighbours that move independently, percent of each shell; the others are images of the atom itself, or another image of theirs\n\
         is as near. All: those that are tied in every shape alike (own: to the atom itself) never move independently\n    A         ",
    );
    (1..=stats.shapes.len()).for_each(|shape| text += &format!("  no.{shape:<3}"));
    text += "     all        own    tied\n";
    let width = crate::dataset::coverage::SHELL * BOHR_IN_ANGSTROM;
    let percent = |part: usize, n: usize| match n {
        0 => "-".to_owned(),
        n => format!("{:.0}", 100.0 * part as f64 / n as f64),
    };
    for (k, all) in stats.shells.iter().enumerate().filter(|(_, shell)| shell.n > 0) {
        text += &format!("{:>5.1} to {:<5.1}", k as f64 * width, (k + 1) as f64 * width);
        for shape in &stats.shapes {
            let shell = shape.shells.get(k).copied().unwrap_or_default();
            text += &format!(" {:>7}", percent(shell.free(), shell.n));
        }
        let [free, own, tied] = [all.free(), all.own_images, all.tied].map(|part| percent(part, all.n));
        text += &format!(" {free:>7} {own:>10} {tied:>7}\n");
    }
    for [from, to] in stats.never_free.iter().map(|range| range.map(|x| x * BOHR_IN_ANGSTROM)) {
        text +=
            &format!("from {from:.1} to {to:.1} A no neighbours ever move independently: add larger or other cells\n");
    }
    text
}

fn json_text(members: &[Member], stats: &Stats) -> serde_json::Result<String> {
    let run = |(member, class): (&Member, &usize)| {
        serde_json::json!({
            "path": member.path,
            "code": member.code,
            "shape": class + 1,
            "n_atoms": member.structure.n_atoms(),
            "mu_ev": member.change.map(|c| c.gauge * HARTREE_IN_EV),
            "mean_delta_mev": member.change.map(|c| 1e3 * c.mean * HARTREE_IN_EV),
            "max_delta_mev": member.change.map(|c| 1e3 * c.max * HARTREE_IN_EV),
            "mean_rest_mev": member.change.map(|c| 1e3 * c.mean_rest * HARTREE_IN_EV),
        })
    };
    let shape = |(k, shape): (usize, &ShapeStats)| {
        serde_json::json!({
            "number": k + 1,
            "n_runs": shape.n_runs,
            "formula": shape.formula,
            "lengths_angstrom": shape.lengths.map(|length| length * BOHR_IN_ANGSTROM),
            "angles_degrees": shape.angles,
            "displacement_rms_angstrom": shape.spread.map(|s| s.displacement_rms * BOHR_IN_ANGSTROM),
            "displacement_max_angstrom": shape.spread.map(|s| s.displacement_max * BOHR_IN_ANGSTROM),
            "strain_rms": shape.spread.map(|s| s.strain_rms),
            "strain_max": shape.spread.map(|s| s.strain_max),
            "shells": shape.shells,
        })
    };
    let report = serde_json::json!({
        "schema_version": 1,
        "runs": members.iter().zip(&stats.class_of).map(run).collect::<Vec<_>>(),
        "gauge_mean_ev": stats.gauge.as_ref().map(|gauge| gauge.mean * HARTREE_IN_EV),
        "gauge_deviation_mev": stats.gauge.as_ref().map(|gauge| 1e3 * gauge.deviation * HARTREE_IN_EV),
        "gauge_trends": stats.gauge.iter().flat_map(|g| &g.trends).map(trend_text).collect::<Vec<_>>(),
        "shapes": stats.shapes.iter().enumerate().map(shape).collect::<Vec<_>>(),
        "shell_width_angstrom": crate::dataset::coverage::SHELL * BOHR_IN_ANGSTROM,
        "shells": stats.shells,
        "never_independent_angstrom": stats.never_free.iter().map(|r| r.map(|x| x * BOHR_IN_ANGSTROM)).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}
