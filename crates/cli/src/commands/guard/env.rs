//! `styxy guard env`: the variables that put a shell under the guard.

use clap::ValueEnum;
use styxy_core::api::Refusal;

use crate::here::context::{self, Context};
use crate::here::guarded::{self, Guard};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format};
use crate::say::shell_word::quoted;

/// Print what puts this shell under the guard
///
/// Programs that the shell starts then ask Styxy's daemon before they signal another program or bind a port. What belongs to
/// another worktree or another live session is refused, in one line that says how to insist. Running it again prints the same.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy guard env --format fish | source
  eval \"$(styxy guard env)\"                  this shell, from now on
  env STYXY=off kill 4242                    signal it all the same"))]
pub(crate) struct Args {
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Form::Export, conflicts_with = "json")]
    format: Form,
}

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// sh, bash and zsh: export NAME=value
    Export,
    /// fish: set -gx NAME value
    Fish,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let set = |name: &str| std::env::var_os(name);
        let guard = Guard::install(&context::layout()?, set).map_err(Refusal::from)?;
        let variables = guard.variables(set);
        guarded::warn_without_daemon(context);
        if context.output.format() == Format::Json {
            let all: serde_json::Map<String, serde_json::Value> =
                variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            output::value(&all)?;
            return Ok(Exit::Done);
        }
        let line = |(name, value): &(&str, String)| match self.format {
            Form::Export => format!("export {name}={}\n", quoted(value)),
            Form::Fish => format!("set -gx {name} {};\n", quoted(value)),
        };
        let mut lines: Vec<String> = variables.iter().map(line).collect();
        if self.format == Form::Export {
            // It also makes `kill` a function, in bash and zsh.
            lines.push(format!(". {}\n", quoted(&guard.shell.to_string_lossy())));
        }
        output::raw(lines.concat().as_bytes())?;
        Ok(Exit::Done)
    }
}
