//! Shell completions and man pages, made of the definition of a command line: of `hzero`, and of `ham-convert`.

use std::io;
use std::path::PathBuf;

use clap::Command;
use clap_complete::Shell;

/// Print completions for a shell
#[derive(clap::Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Print the man page, or write one per command into a folder
#[derive(clap::Args)]
pub struct Man {
    /// Folder for the pages of all commands, NAME.1 and NAME-COMMAND.1
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Completions {
    /// The script.
    pub fn of(&self, mut command: Command) -> Vec<u8> {
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        script
    }
}

impl Man {
    /// The page to print, or nothing where the pages went into a folder.
    ///
    /// # Errors
    /// The folder cannot be made, or written to.
    pub fn of(&self, command: Command) -> io::Result<Vec<u8>> {
        let mut page = Vec::new();
        match &self.out {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                clap_mangen::generate_to(command, folder)?;
            }
            None => clap_mangen::Man::new(command.disable_help_subcommand(true)).render(&mut page)?,
        }
        Ok(page)
    }
}
