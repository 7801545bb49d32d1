//! `hzero train`.

use std::path::PathBuf;

use super::Outcome;

/// Train the network on runs, as a TOML file says
///
/// The run goes on from the checkpoint beside the model if there is one. A log (one JSON object per line) is written beside the
/// model too.
#[derive(clap::Args)]
pub struct Args {
    /// Configuration; its paths are relative to its folder
    #[arg(value_name = "CONFIG.toml")]
    config: PathBuf,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
}

#[cfg(not(feature = "torch"))]
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let Args { config, device } = args;
    anyhow::bail!(
        "{} cannot be trained on device {device}: this hzero is built without the network; \
         scripts/setup.sh builds it with (feature `torch`), and `hzero fit` needs no network",
        config.display()
    )
}

#[cfg(feature = "torch")]
pub use with_torch::run;

#[cfg(feature = "torch")]
mod with_torch {
    use std::fs::File;
    use std::io::{IsTerminal, Write};
    use std::path::Path;

    use anyhow::Context;
    use indicatif::{ProgressBar, ProgressStyle};
    use serde::{Deserialize, Serialize};

    use super::{Args, Outcome};
    use crate::model::network::train::{Listener, Progress, StartFacts};
    use crate::model::network::{DeviceChoice, TrainConfig, train};
    use crate::parsers::Result;
    use crate::parsers::units::HARTREE_IN_EV;

    pub fn run(args: Args) -> anyhow::Result<Outcome> {
        let device: DeviceChoice = args.device.parse().map_err(anyhow::Error::msg)?;
        let text = std::fs::read_to_string(&args.config).with_context(|| args.config.display().to_string())?;
        let config: TrainConfig = toml::from_str(&text).with_context(|| args.config.display().to_string())?;
        let root = args.config.parent().unwrap_or(Path::new("."));
        let model = root.join(&config.output.model);
        let mut report = Report::new(&config, model.with_extension("log.jsonl"));
        train(&config, root, device, &mut report)?;
        report.bar.finish_and_clear();
        println!("{}: trained for {} steps", model.display(), config.training.steps);
        Ok(Outcome::Done)
    }

    /// Progress bar or plain lines, and the log.
    struct Report {
        bar: ProgressBar,
        plain: bool,
        every: usize,
        path: std::path::PathBuf,
        log: Option<File>,
        last: Option<Validation>,
    }

    /// A line of the log; energies in meV.
    #[derive(Serialize, Deserialize)]
    struct Line {
        step: usize,
        train_mae_mev: f64,
        learning_rate: f64,
        gradient_norm: f64,
        seconds: f64,
        #[serde(flatten)]
        validation: Option<Validation>,
    }

    #[derive(Clone, Copy, Serialize, Deserialize)]
    struct Validation {
        validation_mae_mev: f64,
        validation_mae_aligned_mev: f64,
        validation_mae_h0_mev: f64,
        validation_ratio: f64,
    }

    impl Line {
        fn new(progress: &Progress) -> Self {
            let mev = |hartree: f64| hartree * HARTREE_IN_EV * 1e3;
            Line {
                step: progress.step,
                train_mae_mev: mev(progress.mae_train),
                learning_rate: progress.rate,
                gradient_norm: progress.gradient,
                seconds: progress.seconds,
                validation: progress.validation.map(|v| Validation {
                    validation_mae_mev: mev(v.mae),
                    validation_mae_aligned_mev: mev(v.mae_aligned),
                    validation_mae_h0_mev: mev(v.mae_h0),
                    validation_ratio: v.mae_aligned / v.mae_h0.max(f64::MIN_POSITIVE),
                }),
            }
        }

        fn text(&self) -> String {
            let mut text = format!("step {:>6}  train {:.4} meV", self.step, self.train_mae_mev);
            if let Some(v) = self.validation {
                text += &format!(
                    "  validation {:.4} (aligned {:.4}) of {:.2} meV, ratio {:.4}",
                    v.validation_mae_mev, v.validation_mae_aligned_mev, v.validation_mae_h0_mev, v.validation_ratio
                );
            }
            text + &format!("  {:.0} ms/step", 1e3 * self.seconds / self.step.max(1) as f64)
        }
    }

    impl Report {
        fn new(config: &TrainConfig, path: std::path::PathBuf) -> Self {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}<{eta} {msg}");
            let bar = ProgressBar::new(config.training.steps as u64);
            Report {
                bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
                plain: !std::io::stderr().is_terminal(),
                every: (config.training.steps / 60).max(1),
                path,
                log: None,
                last: None,
            }
        }

        fn say(&self, text: &str) {
            if self.plain { eprintln!("{text}") } else { self.bar.println(text) }
        }

        /// The lines of the log up to `step`: those after it will be written again.
        fn kept_lines(&self, step: usize) -> Vec<String> {
            let text = std::fs::read_to_string(&self.path).unwrap_or_default();
            let before = |line: &&str| serde_json::from_str::<Line>(line).is_ok_and(|line| line.step <= step);
            text.lines().filter(before).map(str::to_owned).collect()
        }
    }

    impl Listener for Report {
        fn start(&mut self, facts: &StartFacts) -> Result<()> {
            let StartFacts { n_runs: [train, validate], n_parameters, first_step, device, mae_h0 } = facts;
            let mae = mae_h0 * HARTREE_IN_EV * 1e3;
            self.say(&format!(
                "{train} runs to train on, {validate} to validate (mean |H - H0| {mae:.3} meV), {n_parameters} parameters, {device}"
            ));
            if *first_step > 0 {
                self.say(&format!("going on from the checkpoint at step {first_step}"));
            }
            let kept = self.kept_lines(*first_step);
            let mut log = File::create(&self.path)?;
            kept.iter().try_for_each(|line| writeln!(log, "{line}"))?;
            self.log = Some(log);
            self.bar.set_position(*first_step as u64);
            Ok(())
        }

        fn step(&mut self, progress: &Progress) -> Result<()> {
            let line = Line::new(progress);
            let due = progress.step.is_multiple_of(self.every) || line.validation.is_some();
            self.bar.set_position(progress.step as u64);
            if !due {
                return Ok(());
            }
            if let Some(log) = &mut self.log {
                writeln!(log, "{}", serde_json::to_string(&line).map_err(std::io::Error::from)?)?;
            }
            self.last = line.validation.or(self.last);
            if self.plain || line.validation.is_some() {
                self.say(&line.text());
            }
            self.bar.set_message(line.text());
            Ok(())
        }
    }
}
