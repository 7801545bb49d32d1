//! `hzero doctor`.

use super::Outcome;

/// Show which libtorch and device were found, and what to do otherwise
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let facts = facts();
    if args.json {
        let map: serde_json::Map<_, _> = facts.into_iter().map(|(key, value)| (key, value.into())).collect();
        super::print(&(serde_json::to_string_pretty(&map)? + "\n"))?;
    } else {
        let width = facts.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
        super::print(&facts.iter().map(|(key, value)| format!("{key:width$}  {value}\n")).collect::<String>())?;
    }
    Ok(Outcome::Done)
}

fn facts() -> Vec<(String, String)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut facts = vec![
        ("hzero".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("threads".to_owned(), threads.to_string()),
        ("HDF5".to_owned(), "not used by this version: no format that it reads or writes needs it".to_owned()),
    ];
    facts.extend(torch_facts());
    facts
}

#[cfg(feature = "torch")]
fn torch_facts() -> Vec<(String, String)> {
    crate::model::network::doctor()
}

#[cfg(not(feature = "torch"))]
fn torch_facts() -> Vec<(String, String)> {
    let advice = "not built in: linear models only. For the network: scripts/setup.sh, then \
                  `cargo install --path . --features full`";
    vec![("libtorch".to_owned(), advice.to_owned())]
}
