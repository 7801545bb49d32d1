//! What the documents say about the code is true.

use std::path::{Path, PathBuf};
use std::process::Command;

use hzero::parsers::format::Format;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// What stands between backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Rows of the table under a heading, each as its cells.
fn table<'a>(document: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = document.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_path_of_the_code_map_exists() {
    let readme = text("README.md");
    let map = table(&readme, "Code map");
    let paths: Vec<&str> = map.iter().flat_map(|row| code_spans(row[0])).collect();
    assert!(paths.len() > 15, "{paths:?}");
    for path in &paths {
        assert!(root().join(path).exists(), "{path}");
    }
    for entry in std::fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = format!("src/{}/", entry.file_name().unwrap().to_string_lossy());
        assert!(entry.is_file() || paths.contains(&name.as_str()), "{name} is not in the map");
    }
}

/// One page per code, and what came of them.
const PAGES: [&str; 15] = [
    "docs/abacus.md",
    "docs/benchmark.md",
    "docs/convert.md",
    "docs/openmx.md",
    "docs/siesta.md",
    "docs/restart.md",
    "docs/datasets.md",
    "docs/domains.md",
    "docs/dos.md",
    "docs/large-cells.md",
    "docs/models.md",
    "docs/mpi.md",
    "docs/plots.md",
    "docs/spin.md",
    "docs/supercells.md",
];

#[test]
fn every_path_in_the_documents_exists() {
    let places = ["src/", "parsers/", "tests/", "examples/", "scripts/", "fixtures/", "models/"];
    let documents = ["README.md", "CONTRIBUTING.md", "parsers/src/conventions.md", "fixtures/README.md"];
    for document in documents.into_iter().chain(PAGES) {
        let text = text(document);
        let named = code_spans(&text).filter(|span| places.iter().any(|place| span.starts_with(place)));
        for path in named.filter(|span| !span.contains(['<', ' ', '*'])) {
            assert!(root().join(path).exists(), "{document} names {path}");
        }
    }
}

#[test]
fn the_table_of_formats_is_that_of_the_code() {
    let readme = text("README.md");
    let rows = table(&readme, "Formats");
    assert_eq!(rows.len(), Format::ALL.len());
    for (row, format) in rows.iter().zip(Format::ALL) {
        let held = format.capabilities();
        let mut cells = held.row().to_vec();
        cells[0] = format!("`{}`", cells[0]);
        cells.push(held.files.to_owned());
        assert_eq!(row[..], cells);
    }
}

#[test]
fn every_command_of_the_documents_exists() {
    let documents: String = ["README.md"].into_iter().chain(PAGES).map(text).collect();
    let commands: Vec<&str> = code_spans(&documents).filter_map(|span| span.strip_prefix("hzero ")).collect();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        let n_names = if command.starts_with("dataset ") { 2 } else { 1 };
        let names: Vec<&str> = command.split_whitespace().take(n_names).collect();
        let help = Command::new(env!("CARGO_BIN_EXE_hzero")).args(&names).arg("--help").output().unwrap();
        assert!(help.status.success(), "hzero {names:?}");
        let help = String::from_utf8(help.stdout).unwrap();
        for option in command.split_whitespace().filter(|word| word.starts_with("--")) {
            let is_it = |word: &str| word.split(['[', '=']).next() == Some(option);
            assert!(help.split_whitespace().any(is_it), "hzero {names:?} has no {option}");
        }
    }
}

/// `ham-convert` has no commands but one, so that its options are all in one help text.
#[test]
fn every_option_of_ham_convert_in_the_documents_exists() {
    let documents: String = ["README.md"].into_iter().chain(PAGES).map(text).collect();
    let help = Command::new(env!("CARGO_BIN_EXE_ham-convert")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands: Vec<&str> = code_spans(&documents).filter(|span| span.starts_with("ham-convert ")).collect();
    let named: Vec<&str> =
        commands.iter().flat_map(|line| line.split_whitespace()).filter(|word| word.starts_with("--")).collect();
    assert!(named.len() > 5, "{named:?}");
    for option in named {
        assert!(help.split_whitespace().any(|word| word == option), "ham-convert has no {option}");
    }
}

/// Source files under a folder that contain a text, relative to the root.
fn files_with(folder: &str, wanted: &str) -> Vec<String> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.extend(entries.iter().filter(|path| path.is_dir()).cloned());
        let sources = entries.iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
        let holds = |path: &&PathBuf| std::fs::read_to_string(path).unwrap().contains(wanted);
        found.extend(sources.filter(holds).map(|path| path.strip_prefix(root()).unwrap().display().to_string()));
    }
    assert!(!found.is_empty(), "no file under {folder} has {wanted}: the test looks for the wrong thing");
    found
}

#[test]
fn the_invariants_of_the_crate_docs_hold() {
    for (folder, wanted, allowed) in [
        ("src", "use tch::", &["src/model/network/"][..]),
        ("src", "anyhow::", &["src/cli/", "src/bin/hzero-mpi/"]),
        ("parsers/src", "File::open", &["parsers/src/input/", "parsers/src/netcdf/source.rs", "parsers/src/h5.rs"]),
        ("parsers/src", "harmonics::abacus", &["parsers/src/abacus/", "parsers/src/harmonics.rs"]),
        ("parsers/src", "harmonics::aims", &["parsers/src/aims/", "parsers/src/harmonics.rs"]),
        // The order of DeepH's older layout is OpenMX'.
        (
            "parsers/src",
            "harmonics::openmx",
            &["parsers/src/openmx/", "parsers/src/deeph/", "parsers/src/harmonics.rs"],
        ),
        ("parsers/src", "RYDBERG_IN_HARTREE", &["parsers/src/abacus/", "parsers/src/siesta/", "parsers/src/units.rs"]),
        (
            "src",
            "ev_per_hartree",
            &["src/cli/", "src/bands/", "src/model/band_error.rs", "src/model/certify/", "src/model/network/kspace/"],
        ),
    ] {
        let found = files_with(folder, wanted);
        let strayed: Vec<_> =
            found.iter().filter(|file| !allowed.iter().any(|place| file.starts_with(place))).collect();
        assert!(strayed.is_empty(), "{wanted} in {strayed:?}");
    }
}

/// Every value of the table of axes is the preset's.
#[cfg(feature = "torch")]
#[test]
fn the_table_of_presets_is_that_of_the_code() {
    use hzero::model::network::{Preset, TrainConfig};

    let presets = Preset::ALL.map(|preset| TrainConfig::of_preset(preset).unwrap());
    let configs = presets.into_iter().chain([TrainConfig::default()]);
    let configs: Vec<toml::Table> = configs.map(|config| toml::Table::try_from(config).unwrap()).collect();
    let document = text("docs/models.md");
    let rows = table(&document, "Axes");
    assert!(rows.len() > 12, "{rows:?}");
    for row in rows {
        let (section, field) = row[0].trim_matches('`').split_once('.').unwrap();
        for (config, cell) in configs.iter().zip(&row[1..]) {
            assert_eq!(config[section][field].to_string(), cell.trim_matches('`'), "{}", row[0]);
        }
    }
}
