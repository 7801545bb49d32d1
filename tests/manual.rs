//! Completions and man pages of both programs.

use std::path::Path;
use std::process::{Command, Output};

const PROGRAMS: [(&str, &str); 2] =
    [("hzero", env!("CARGO_BIN_EXE_hzero")), ("ham-convert", env!("CARGO_BIN_EXE_ham-convert"))];

fn output(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(program: &str, arguments: &[&str]) -> String {
    String::from_utf8(output(program, arguments).stdout).unwrap()
}

/// Long options in a help text: of each line that starts with one.
fn options(help: &str) -> Vec<String> {
    let lines = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let long = lines.filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")));
    long.map(|word| word.trim_end_matches([',', '.']).to_owned()).collect()
}

#[test]
fn completions_are_scripts_of_the_shell() {
    for (name, program) in PROGRAMS {
        let script = text(program, &["completions", "bash"]);
        let names = ["check", "completions", "man"].map(|command| format!("{},{command})", name.replace('-', "__")));
        assert!(names.iter().all(|name| script.contains(name)), "{names:?}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &script).unwrap();
        output("bash", &["-n", file.path().to_str().unwrap()]);
        assert!(text(program, &["completions", "zsh"]).starts_with(&format!("#compdef {name}")));
        assert!(text(program, &["completions", "fish"]).contains(&format!("complete -c {name}")));
        let refused = Command::new(program).args(["completions", "sh"]).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
    }
    assert!(text(PROGRAMS[1].1, &["completions", "bash"]).contains("abacus-new siesta-hsx"), "formats are completed");
}

#[test]
fn the_page_of_each_command_has_all_its_options() {
    for (name, program) in PROGRAMS {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man1");
        assert!(text(program, &["man", "--out", pages.to_str().unwrap()]).is_empty());
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert_eq!(page, text(program, &["man"]));
        assert_options(program, &[], &page);
        let commands = commands(&text(program, &["--help"]));
        assert!(commands.len() >= 3, "{commands:?}");
        for command in commands.iter().filter(|command| *command != "help") {
            let page = std::fs::read_to_string(pages.join(format!("{name}-{command}.1"))).unwrap();
            assert_options(program, &[command], &page);
        }
    }
}

fn assert_options(program: &str, command: &[&str], page: &str) {
    let page = page.replace('\\', "");
    let options = options(&text(program, &[command, &["--help"]].concat()));
    assert!(options.contains(&"--help".to_owned()), "{options:?}");
    for option in options {
        // `--bands[=<PATH>]` of a help text is `--bands` with its value apart in a page.
        let option = option.split(['[', '=']).next().unwrap_or(&option);
        assert!(page.contains(option), "{program} {command:?}: {option} is not in the man page");
    }
}

/// Names of the subcommands in a help text.
fn commands(help: &str) -> Vec<String> {
    let section = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    section.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn a_folder_for_pages_that_cannot_be_made_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (_, program) in PROGRAMS {
        let below = Path::new(file.path()).join("man1");
        let refused = Command::new(program).args(["man", "--out", below.to_str().unwrap()]).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    }
}
