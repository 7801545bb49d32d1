//! `hzero config`.

use super::Outcome;

/// Show the training configurations of the published systems, or a file with all defaults filled in
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// The presets: names and what they are
    List,
    /// All fields of a preset or of a configuration file, as TOML; what differs from the default says so
    Show {
        /// slem, tracegrad, nextham, harmose, default, or a file
        #[arg(value_name = "PRESET|CONFIG.toml")]
        name: String,
    },
}

#[cfg(not(feature = "torch"))]
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let name = match args.command {
        Command::List => "presets".to_owned(),
        Command::Show { name } => name,
    };
    anyhow::bail!("{name}: configurations belong to the network, and this hzero is built without it (feature `torch`)")
}

#[cfg(feature = "torch")]
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let text = match args.command {
        Command::List => with_network::list(),
        Command::Show { name } => with_network::show(&name)?,
    };
    super::print(&text)?;
    Ok(Outcome::Done)
}

#[cfg(feature = "torch")]
mod with_network {
    use anyhow::Context;
    use clap::ValueEnum;
    use toml::{Table, Value};

    use crate::model::network::{Preset, TrainConfig};

    /// Name and first line of the comment of every preset.
    pub fn list() -> String {
        let line = |preset: &Preset| {
            let title = preset.text().lines().next().unwrap_or_default().trim_start_matches("# ");
            format!("{:<12} {title}\n", name_of(*preset))
        };
        Preset::ALL.iter().map(line).collect()
    }

    fn name_of(preset: Preset) -> String {
        preset.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }

    pub fn show(name: &str) -> anyhow::Result<String> {
        if name == "default" {
            return fields(&TrainConfig::default());
        }
        if let Ok(preset) = Preset::from_str(name, false) {
            let comment = preset.text().lines().take_while(|line| line.starts_with('#'));
            let comment: String = comment.map(|line| format!("{line}\n")).collect();
            return Ok(comment + &fields(&TrainConfig::of_preset(preset)?)?);
        }
        let text = std::fs::read_to_string(name)
            .with_context(|| format!("{name} is no preset (hzero config list) and no file that can be read"))?;
        fields(&TrainConfig::parse(&text).with_context(|| name.to_owned())?)
    }

    /// All fields by section, with a remark on those that are not the default.
    fn fields(config: &TrainConfig) -> anyhow::Result<String> {
        let default = Table::try_from(TrainConfig::default())?;
        let (mut section, mut text) = (String::new(), String::new());
        for line in toml::to_string(config)?.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.to_owned();
            }
            if config.preset.is_none() || !is_users(&section) {
                text += &(remarked(line, &section, &default) + "\n");
            }
        }
        Ok(text.trim_end().to_owned() + "\n")
    }

    /// Sections that no preset has a say in.
    fn is_users(section: &str) -> bool {
        matches!(section, "data" | "output")
    }

    fn remarked(line: &str, section: &str, default: &Table) -> String {
        let fields = default.get(section).and_then(Value::as_table).unwrap_or(default);
        match line.split_once(" = ").and_then(|(key, value)| Some((value, fields.get(key)?.to_string()))) {
            Some((value, default)) if value != default => format!("{line} # default {default}"),
            _ => line.to_owned(),
        }
    }
}
