//! The `styxy` command: asks the daemon, and is the daemon.
//!
//! Its folders are floors, and each may use those below it: `cli` and `mistyped` (the command line as a whole), `commands`
//! (one file or folder per subcommand, none of which uses another), `guard`, `up`, then `here` and `devserver` side by side, then
//! `process` and `say`. `tests/structure.rs` checks that. Only `say::output` prints, only `say::exit` knows exit codes, and nothing here
//! decides who gets a port: the daemon does.

mod cli;
mod commands;
mod devserver;
mod guard;
mod here;
mod misplaced;
mod mistyped;
mod process;
mod say;
#[cfg(test)]
#[path = "../../../tests/support/skip.rs"]
mod skip;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(code) = guard::shims::main() {
        return code;
    }
    cli::main().code().into()
}
