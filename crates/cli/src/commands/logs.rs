//! `styxy logs`: what the services of this worktree have printed.

use std::path::PathBuf;

use crate::here::context::Context;
use crate::here::worktree::Worktree;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Show what the services of this worktree have printed
///
/// The logs stay when the services end. To a terminal they are shown as they were written, elsewhere without colours. For the log
/// of Styxy's daemon: `styxy daemon logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy logs                the last lines of each service
  styxy logs web -f         and new ones as they are written
  styxy logs web -n 1000
  styxy logs api --since-start"))]
pub(crate) struct Args {
    /// Only of these [default: all that are in the worktree's file, or still run]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Keep running, and show lines as they are written
    #[arg(short, long, conflicts_with = "json")]
    follow: bool,
    /// How many lines of each to show, from the end
    #[arg(short = 'n', long, value_name = "N", default_value_t = 200, allow_negative_numbers = true)]
    lines: usize,
    /// Only what was printed since the last start
    #[arg(long)]
    since_start: bool,
    #[command(flatten)]
    worktree: Worktree,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        use crate::here::context::block_on;
        use crate::up::ask;
        use crate::up::read::From;
        use crate::up::stack::instead;
        let here = self.worktree.caller()?;
        let (_, place) = ask::at(&here)?;
        let known = place.logs();
        if known.is_empty() {
            return Err(nothing());
        }
        if let Some(label) = self.services.iter().find(|label| !known.contains(label)) {
            let error = format!("there is no log of {label:?} here; there are those of {}", known.join(", "));
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(Failure::usage(error, instead("logs", label, &known, "styxy logs")));
        }
        let labels = if self.services.is_empty() {
            let still = block_on(ask::still(&here, &place, known.clone()))?;
            if still.is_empty() {
                return Err(only_gone(&known));
            }
            still
        } else {
            self.services
        };
        let from = if self.since_start { From::LastOfStart(self.lines) } else { From::Last(self.lines) };
        let logs = labels.into_iter().map(|label| {
            let path = place.log(&label);
            (label, path)
        });
        match show(context, logs.collect(), from, self.follow) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            Ok(()) | Err(_) => Ok(Exit::Done),
        }
    }
}

/// What has a log has ended and is no service any more.
fn only_gone(known: &[String]) -> Failure {
    let error = format!(
        "no service of this worktree has a log; there are logs of {}, which are gone",
        known.join(", ")
    );
    let first = known.first().map(String::as_str).unwrap_or_default();
    Failure::usage(error, format!("styxy logs {first}"))
}

fn nothing() -> Failure {
    Failure::usage(
        "styxy up has started nothing in this worktree",
        "styxy daemon logs, for the log of Styxy's daemon",
    )
}

fn show(
    context: &Context,
    logs: Vec<(String, PathBuf)>,
    from: crate::up::read::From,
    follows: bool,
) -> std::io::Result<()> {
    use crate::say::output::{self, Format};
    use crate::up::follow::{Follow, Form};
    use std::io::IsTerminal as _;
    /// How often to look for new lines.
    const GLANCE: std::time::Duration = std::time::Duration::from_millis(100);
    if context.output.format() == Format::Json {
        return json(context, &logs, from);
    }
    let form = if std::io::stdout().is_terminal() { Form::AsWritten } else { Form::Plain };
    let mut follow = Follow::new(logs, form);
    output::raw(&follow.tails(from)?)?;
    if !follows {
        return output::raw(&follow.rest());
    }
    loop {
        std::thread::sleep(GLANCE);
        let more = follow.more()?;
        if !more.is_empty() {
            output::raw(&more)?;
        }
    }
}

/// The lines of each, plain.
fn json(context: &Context, logs: &[(String, PathBuf)], from: crate::up::read::From) -> std::io::Result<()> {
    use crate::up::read::{plain, tail};
    let mut services = Vec::new();
    for (label, path) in logs {
        let bytes = tail(path, from)?.bytes;
        let lines: Vec<String> = bytes.split_inclusive(|byte| *byte == b'\n').map(plain).collect();
        services.push(serde_json::json!({ "service": label, "log": path, "lines": lines }));
    }
    context.output.answer(&serde_json::json!({ "services": services }), |_| Ok(()))
}
