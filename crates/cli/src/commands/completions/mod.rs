//! `styxy completions`: completion scripts for shells. They ask `styxy complete`, so that they know what runs now.

pub(crate) mod complete;
mod sources;

use clap::ValueEnum;

use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Print the completion script for your shell
///
/// It completes commands and options, and what is there now: ports, services, sessions and scripts of package.json. Behind
/// `styxy run --` the command's own completion counts. It asks the daemon if one runs, and starts none.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy completions bash > ~/.local/share/bash-completion/completions/styxy
  styxy completions zsh > \"${fpath[1]}/_styxy\"
  styxy completions fish > ~/.config/fish/completions/styxy.fish
  styxy completions powershell >> $PROFILE"))]
pub(crate) struct Args {
    /// Your shell
    shell: Shell,
}

/// The supported shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    Power,
}

impl Args {
    /// Prints the completion script.
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let script = match self.shell {
            Shell::Bash => include_str!("styxy.bash"),
            Shell::Zsh => include_str!("styxy.zsh"),
            Shell::Fish => include_str!("styxy.fish"),
            Shell::Power => include_str!("styxy.ps1"),
        };
        output::text(script.as_bytes())?;
        Ok(Exit::Done)
    }
}
