//! `ham-convert` as its tests call it.

use std::path::Path;
use std::process::{Command, Output};

pub fn ham_convert(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ham-convert")).args(arguments).output().unwrap()
}

/// Arguments are paths and options, as text.
pub fn convert(source: &Path, target: &Path, options: &[&str]) -> Output {
    let places = [source, target].map(|path| path.to_str().unwrap());
    ham_convert(&[&places, options].concat())
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
