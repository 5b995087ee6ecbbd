//! `styxy completions`: completion scripts for shells.

use clap::{Command, ValueEnum};
use clap_complete::aot;

use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Print the completion script for your shell
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
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    Power,
}

impl Args {
    /// Prints the completion script of `command`, the whole command line.
    pub(crate) fn run(self, mut command: Command) -> Result<Exit, Failure> {
        let shell = match self.shell {
            Shell::Bash => aot::Shell::Bash,
            Shell::Zsh => aot::Shell::Zsh,
            Shell::Fish => aot::Shell::Fish,
            Shell::Power => aot::Shell::PowerShell,
        };
        let mut script = Vec::new();
        aot::generate(shell, &mut command, "styxy", &mut script);
        output::text(&script)?;
        Ok(Exit::Done)
    }
}
