//! The table of formats as people read it: on the command line, and in the README.

use super::{Capabilities, Format};

/// Heads of the columns of the table.
pub const COLUMNS: [&str; 11] =
    ["format", "reads", "writes", "structure", "shells", "H", "S", "DM", "E_F", "nspin", "numbers"];

impl Capabilities {
    /// The row of the table, without the names of the files.
    pub fn row(&self) -> [String; 11] {
        let yes = |held: bool| String::from(if held { "yes" } else { "no" });
        let nspin: Vec<String> = self.nspin.iter().map(usize::to_string).collect();
        [
            self.name.to_owned(),
            yes(true),
            yes(self.writes),
            yes(self.structure),
            yes(self.shells),
            yes(self.hamiltonian),
            yes(self.overlap),
            yes(self.density_matrix),
            yes(self.fermi_level),
            nspin.join(","),
            self.numbers.to_owned(),
        ]
    }
}

/// The table of all formats as text, one line each under a heading.
pub fn table() -> String {
    let rows = || Format::ALL.iter().map(|format| format.capabilities());
    let width = |column: usize| {
        let cells = rows().map(|row| row.row()[column].chars().count());
        cells.chain([COLUMNS[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; 11] = std::array::from_fn(width);
    let line = |cells: &[String; 11], files: &str| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  "));
        format!("{}{files}\n", padded.collect::<String>())
    };
    let head = line(&COLUMNS.map(str::to_owned), "files");
    rows().map(|row| line(&row.row(), row.files)).fold(head, |text, line| text + &line)
}

/// The same table in Markdown, as it stands in the README.
pub fn markdown_table() -> String {
    let line = |cells: &[String], files: &str| format!("| {} | {files} |\n", cells.join(" | "));
    let rule = format!("{}|\n", "|---".repeat(COLUMNS.len() + 1));
    let head = line(&COLUMNS.map(str::to_owned), "files") + &rule;
    let row = |row: Capabilities| {
        let [name, rest @ ..] = row.row();
        line(&[vec![format!("`{name}`")], rest.to_vec()].concat(), row.files)
    };
    Format::ALL.iter().map(|format| row(format.capabilities())).fold(head, |text, line| text + &line)
}
