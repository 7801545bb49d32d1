//! `hzero domain`: one domain of a run, in a process of its own.

use std::path::PathBuf;
use std::time::Instant;

use super::Outcome;
use super::run_args::RunFiles;
use crate::model::domains::{Cut, Part};
use crate::model::phases::peak_memory;
use crate::model::predict::Predictor;
use crate::parsers::read;

/// Predict one domain of a run, for `hzero predict --domains`
///
/// To share a run among machines, each of them predicts some of N domains by `hzero domain K/N --run RUN --model FILE
/// --exchange DIR`; then `hzero predict RUN --model FILE --out OUT --domains N --exchange DIR` puts them together.
#[derive(clap::Args)]
pub struct Args {
    /// Which of how many domains, e.g. 2/4
    #[arg(value_name = "K/N")]
    part: Part,
    /// Folder of the run; without it, the domain is read from the exchange folder, where `hzero predict --domains` left it
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// Model file
    #[arg(long, short, value_name = "FILE")]
    model: PathBuf,
    /// Folder that all processes see
    #[arg(long, value_name = "DIR")]
    exchange: PathBuf,
    /// Bonds that the network works on at a time; default: by the size of its features
    #[arg(long, value_name = "N")]
    bonds_at_once: Option<usize>,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    #[command(flatten)]
    files: RunFiles,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let predictor = Predictor::load(&args.model, &args.device)?.in_tiles(args.bonds_at_once);
    let cut = args.cut(&predictor)?;
    let mut answer = predictor.answer(&cut)?;
    answer.facts.seconds = start.elapsed().as_secs_f64();
    answer.facts.peak_memory = peak_memory();
    std::fs::create_dir_all(&args.exchange)?;
    answer.write(&args.part.rows(&args.exchange))?;
    super::print(&format!("domain {}: {}\n", args.part, answer.facts))?;
    Ok(Outcome::Done)
}

impl Args {
    fn cut(&self, predictor: &Predictor) -> anyhow::Result<Cut> {
        let Some(folder) = &self.run else { return Ok(Cut::read(&self.part.cut(&self.exchange))?) };
        let run = read(folder, &self.files.options())?;
        let cut = || predictor.scissors(&run, self.part.count)?.cut(self.part.index);
        Ok(cut().map_err(|error| error.in_file(folder))?)
    }
}
