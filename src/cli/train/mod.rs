//! `hzero train`.

use std::path::PathBuf;

use super::Outcome;

#[cfg(feature = "torch")]
mod curve;
#[cfg(feature = "torch")]
mod report;

/// Train the network on runs, as a TOML file says
///
/// The run goes on from the checkpoint beside the model if there is one. Beside the model stand a log (one JSON object per line)
/// and the learning curve (SVG).
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
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    use anyhow::Context;

    use crate::model::network::{DeviceChoice, TrainConfig, train};

    let device: DeviceChoice = args.device.parse().map_err(anyhow::Error::msg)?;
    let text = std::fs::read_to_string(&args.config).with_context(|| args.config.display().to_string())?;
    let config = TrainConfig::parse(&text).with_context(|| args.config.display().to_string())?;
    let root = args.config.parent().unwrap_or(std::path::Path::new("."));
    let model = root.join(&config.output.model);
    let mut report = report::Report::new(&config, model.clone());
    let trained = train(&config, root, device, &mut report)?;
    report.finish();
    println!("{}: {}", model.display(), report::summary(&trained, &config));
    Ok(Outcome::Done)
}
