//! `results.md`: for every set and group of tests a table of all variants, and what curves and fine-tuning show.

use super::curve;
use super::record::Record;
use super::row::{Row, mean, rows, worst};

/// A column: title and cell.
type Column = (&'static str, fn(&Row) -> String);

const COLUMNS: [Column; 18] = [
    ("parameters", |row| whole(&row.training(|t| Some(t.n_parameters as f64)))),
    ("steps", |row| whole(&row.training(|t| t.steps.map(|steps| steps as f64)))),
    ("CPU ms/step", |row| curve::step_ms(row).map_or(String::new(), short)),
    ("CPU s", |row| plain(&row.training(|t| Some(t.spent())))),
    ("train", |row| plain(&row.training(|t| t.train_mae_mev))),
    ("valid.", |row| plain(&row.training(|t| t.validation_mae_mev))),
    ("H", |row| with_worst(&row.numbers("mae_h_mev"))),
    ("aligned", |row| with_worst(&row.numbers("mae_h_aligned_mev"))),
    ("% of H0", |row| with_worst(&row.ratios())),
    ("occupied", |row| with_worst(&row.numbers("bands_occupied_mae_mev"))),
    ("to 5 eV", |row| with_worst(&row.numbers("bands_to_5ev_mae_mev"))),
    ("lowest", |row| with_worst(&row.numbers("lowest_state_error_mev"))),
    ("ghosts", |row| with_worst(&row.numbers("ghost_states"))),
    ("equivariance", |row| with_worst(&row.numbers("equivariance_mae_mev"))),
    ("inversion", |row| with_worst(&row.numbers("inversion_mae_mev"))),
    ("Hermiticity", |row| plain(&worst(&row.numbers("hermiticity_error_mev")).into_iter().collect::<Vec<_>>())),
    ("CPU ms/atom", |row| curve::atom_ms(row).map_or(String::new(), short)),
    ("MB", |row| whole(&row.training(|t| t.peak_memory_mb))),
];

const LEGEND: &str = "Errors in meV: means over runs and seeds, in brackets the worst. *train*, *valid.*: at the end of training; *aligned*: after one \
     rigid shift per run; *% of H0*: aligned over the mean |H0 - H|; bands after one rigid shift, occupied, to 5 eV above the Fermi level, and \
     the lowest eigenvalue (worst k point); *ghosts*: states too many up to 5 eV, all k points; *equivariance*: of runs turned, and inverted; \
     *CPU s*: of \
     the steps of training (of the linear stage: the whole fit), *CPU ms/atom*: of a prediction, all threads, and on a GPU on the clock; \
     *MB*: the most held in training.\n";

/// The document; `machine` says where it was made.
pub fn document(records: &[Record], plan: &str, machine: &str) -> String {
    let mut text = format!("# Benchmark {plan}\n\n{machine}.\n\n{LEGEND}");
    for (set, groups) in sets(records) {
        for group in groups {
            text += &format!("\n## {set}: {group}\n\n{}", table(&rows(records, set, group)));
        }
        text += &curve::tables(records, set);
        text += &super::tuning::table(records, set);
    }
    text + &failures(records)
}

/// Names of sets with those of their groups, in order.
pub fn sets(records: &[Record]) -> Vec<(&str, Vec<&str>)> {
    let mut sets: Vec<(&str, Vec<&str>)> = Vec::new();
    for record in records {
        let groups = record.groups.iter().map(|group| group.name.as_str());
        match sets.iter_mut().find(|(set, _)| *set == record.set) {
            Some((_, known)) => {
                let new: Vec<&str> = groups.filter(|group| !known.contains(group)).collect();
                known.extend(new);
            }
            None => sets.push((&record.set, groups.collect())),
        }
    }
    sets
}

fn table(rows: &[Row]) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|(title, _)| *title).collect();
    let mut text =
        format!("{}\n\n| | {} |\n|---|{}\n", caption(rows), titles.join(" | "), "---:|".repeat(titles.len()));
    for row in rows {
        let cells: Vec<String> = match row.error() {
            Some(_) => vec!["failed: see below".to_owned()],
            None => COLUMNS.iter().map(|(_, cell)| cell(row)).collect(),
        };
        text += &format!("| {} | {} |\n", row.name(), cells.join(" | "));
    }
    text
}

/// What the group is, and how much its basis amplifies errors.
fn caption(rows: &[Row]) -> String {
    let Some(first) = rows.iter().find(|row| row.error().is_none()) else { return "No case is done.".to_owned() };
    let atoms = first.numbers("n_atoms");
    let [n_train, n_validate] = [|r: &Record| r.n_train, |r: &Record| r.n_validate]
        .map(|count| rows.iter().flat_map(|row| &row.records).map(|record| count(record)).max().unwrap_or(0));
    let condition =
        worst(&first.numbers("overlap_condition")).map_or(String::new(), |c| format!(", cond(S) up to {c:.1e}"));
    let n_runs = first.records.first().map_or(0, |_| atoms.len() / first.records.len().max(1));
    format!(
        "{} of {} atoms{condition}; {} to train on, {n_validate} to choose the weights.",
        counted(n_runs, "run"),
        range(&atoms),
        counted(n_train, "run")
    )
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn range(numbers: &[f64]) -> String {
    let (least, most) = numbers.iter().fold((f64::INFINITY, 0.0), |(a, b), &x| (f64::min(a, x), f64::max(b, x)));
    if least < most { format!("{least} to {most}") } else { format!("{most}") }
}

fn failures(records: &[Record]) -> String {
    let failed = records.iter().filter_map(|record| Some((record, record.error.as_ref()?)));
    let lines: String = failed.map(|(record, error)| format!("- {}: {error}\n", record.folder.display())).collect();
    if lines.is_empty() { lines } else { format!("\n## Failed\n\n{lines}") }
}

/// Mean size, and the worst where there are several.
pub fn with_worst(numbers: &[f64]) -> String {
    let sizes: Vec<f64> = numbers.iter().map(|x| x.abs()).collect();
    match (mean(&sizes), worst(numbers)) {
        (Some(mean), Some(worst)) if numbers.len() > 1 || worst < 0.0 => format!("{} ({})", short(mean), short(worst)),
        (Some(mean), _) => short(mean),
        _ => String::new(),
    }
}

fn plain(numbers: &[f64]) -> String {
    mean(numbers).map_or(String::new(), short)
}

fn whole(numbers: &[f64]) -> String {
    mean(numbers).map_or(String::new(), |x| format!("{x:.0}"))
}

/// Three digits.
pub fn short(x: f64) -> String {
    // 9.999 has the digits of 10.
    let size: f64 = format!("{:.2e}", x.abs()).parse().unwrap_or(x.abs());
    match size {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => format!("{x:.1e}"),
        size => format!("{x:.*}", (2.0 - size.log10().floor()).clamp(0.0, 5.0) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(
            [0.0, 1234.5, 12.34, 0.0123456, 1.5e-7, -9.999].map(short),
            ["0", "1234", "12.3", "0.0123", "1.5e-7", "-10.0"]
        );
        assert_eq!(with_worst(&[1.0, -3.0]), "2.00 (-3.00)");
        assert_eq!(with_worst(&[2.0]), "2.00");
        assert_eq!(with_worst(&[]), "");
    }
}
