//! Fine-tuning against training from scratch: error, and steps to equal error.

use super::record::{Evaluation, Record};
use super::table::short;

/// A table of all cases that start from another model, each with the cases that train on the same runs from scratch.
pub fn table(records: &[Record], set: &str) -> String {
    let of_set = || records.iter().filter(|record| record.set == set && record.error.is_none());
    let scratch = |tuned: &Record| -> Vec<&Record> {
        let is_like =
            |other: &&Record| other.start.is_none() && other.seed == tuned.seed && other.n_train == tuned.n_train;
        of_set().filter(is_like).filter(|other| last(other).is_some()).collect()
    };
    let tuned = of_set().filter(|record| record.start.is_some());
    let pairs = tuned.flat_map(|tuned| scratch(tuned).into_iter().map(move |other| (tuned, other)));
    let lines: String = pairs.filter_map(|(tuned, other)| line(tuned, other)).collect();
    if lines.is_empty() {
        return lines;
    }
    format!(
        "\n### {set}: fine-tuning\n\nAligned error on the validation runs, meV, at the end; and the first evaluation that is as good as the other's \
         last.\n\n| fine-tuned | from | seed | runs | error | from scratch | error | steps | as good after |\n|---|---|---:|---:|---:|---|---:|---:|---:|\n\
         {lines}"
    )
}

fn line(tuned: &Record, other: &Record) -> Option<String> {
    let (own, theirs) = (last(tuned)?, last(other)?);
    let reached = first_as_good(&tuned.training.as_ref()?.course, theirs.validation_mae_mev);
    Some(format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        tuned.variant,
        tuned.start.as_deref()?,
        tuned.seed?,
        tuned.n_train,
        short(own.validation_mae_mev),
        other.variant,
        short(theirs.validation_mae_mev),
        theirs.step,
        reached.map_or("never".to_owned(), |evaluation| evaluation.step.to_string())
    ))
}

fn last(record: &Record) -> Option<Evaluation> {
    record.training.as_ref()?.course.last().copied()
}

fn first_as_good(course: &[Evaluation], error: f64) -> Option<Evaluation> {
    course.iter().find(|evaluation| evaluation.validation_mae_mev <= error).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_evaluation_that_is_as_good_counts() {
        let at = |step, validation_mae_mev| Evaluation { step, seconds: 0.0, validation_mae_mev };
        let course = [at(10, 5.0), at(20, 2.0), at(30, 3.0), at(40, 1.0)];
        assert_eq!(first_as_good(&course, 2.5).map(|e| e.step), Some(20));
        assert_eq!(first_as_good(&course, 0.5).map(|e| e.step), None);
    }
}
