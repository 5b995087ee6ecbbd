//! `styxy down`: ends the services of this worktree.

use crate::here::context::Context;
use crate::here::worktree::Worktree;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// End the services that `styxy up` has started in this worktree
///
/// Each is interrupted as by Ctrl-C, has 5 seconds, is asked to terminate, has 2 seconds, and is killed, with everything that it
/// has started. Those that come after another one end before it. Their ports stay theirs: `styxy up` starts them on the same ones.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy down                all of them
  styxy down web            one
  styxy down --all          also servers that were started without styxy up
  styxy down --now          at once, without 5 seconds for each"))]
pub(crate) struct Args {
    /// Only these [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Also servers of these services that were started without `styxy up`
    #[arg(long)]
    all: bool,
    /// Ask them to terminate at once
    #[arg(long)]
    now: bool,
    /// End them even if they are another worktree's, and this agent session has not started them
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    worktree: Worktree,
}

impl Args {
    #[cfg(unix)]
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        use crate::here::context::block_on;
        use crate::up::ask;
        use crate::up::wire::{Hurry, Outside};
        let (root, place) = ask::at(&self.worktree.caller()?)?;
        if !self.force {
            crate::up::kept::may_end(&root, &crate::here::caller::caller())?;
        }
        let hurry = if self.now { Hurry::Some } else { Hurry::None };
        let outside = if self.all { Outside::Ends } else { Outside::Stays };
        block_on(async {
            match ask::down(&place, &root, &self.services, hurry, outside).await? {
                Some(keeper) => match wait(context, keeper).await {
                    // The keeper knows no other mistake than a wrong name.
                    Err(Failure::Usage(refusal)) => Err(wrong(&place, &self.services, refusal.error).await),
                    ended => ended,
                },
                None => nothing(context, &place, &self.services).await,
            }
        })?
    }

    #[cfg(not(unix))]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        let _ = (self.services, self.all, self.now, self.force, self.worktree.caller());
        Err(Failure::usage("styxy up does not exist on Windows yet", "styxy kill PORT"))
    }
}

/// Waits until they have ended, and says what became of them.
#[cfg(unix)]
async fn wait(context: &Context, mut keeper: crate::up::client::Keeper) -> Result<Exit, Failure> {
    use crate::say::output;
    use crate::up::ask;
    use crate::up::wire::{State, View};
    use std::io::Write as _;
    let mut before: Option<Vec<View>> = None;
    loop {
        let picture = ask::picture(&mut keeper, |text| output::note(&text)).await?;
        let first = before.get_or_insert_with(|| picture.services.clone());
        if !picture.settled {
            continue;
        }
        let is_over = |view: &&View| match view.state {
            State::Ended | State::Failed => first.iter().any(|was| was.service == view.service && runs(was)),
            State::Waiting
            | State::Starting
            | State::Ready
            | State::Running
            | State::Outside
            | State::Ending => false,
        };
        let ended: Vec<View> = picture.services.iter().filter(is_over).cloned().collect();
        let is_left = ended.iter().any(|view| view.state == State::Failed && view.why.is_some());
        for label in &picture.overtaken {
            output::note(&format!("{label} was started again by another command; what runs now: styxy ps"));
        }
        context.output.answer(&serde_json::json!({ "services": ended }), |out| {
            for view in &ended {
                let why = view.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                let why = if view.killed { format!(" (it was killed){why}") } else { why };
                writeln!(out, "{}: {}{why}", view.service, view.state.as_str())?;
            }
            for view in picture.services.iter().filter(|view| view.state == State::Outside) {
                writeln!(
                    out,
                    "{}: runs outside of up, and stays; styxy down --all ends it too",
                    view.service
                )?;
            }
            let is_none = ended.is_empty() && picture.overtaken.is_empty();
            if is_none && picture.services.iter().all(|view| view.state != State::Outside) {
                writeln!(out, "Nothing runs.")?;
            }
            Ok(())
        })?;
        return Ok(if is_left || !picture.overtaken.is_empty() { Exit::Refused } else { Exit::Done });
    }
}

/// That one of `services` is not there, with what was probably meant.
#[cfg(unix)]
async fn wrong(place: &crate::up::place::Place, services: &[String], error: String) -> Failure {
    let views = crate::up::ask::now(place).await.unwrap_or_default();
    let known: Vec<&str> = views.iter().map(|view| view.service.as_str()).collect();
    let label = services.iter().find(|label| !known.contains(&label.as_str()));
    let hint = label.map(|label| crate::up::stack::instead("down", label, &known, "styxy ps"));
    Failure::usage(error, hint.unwrap_or_else(|| "styxy ps".to_owned()))
}

/// Whether anything of it ran.
#[cfg(unix)]
const fn runs(view: &crate::up::wire::View) -> bool {
    use crate::up::wire::State;
    match view.state {
        State::Waiting | State::Starting | State::Ready | State::Running | State::Ending => true,
        State::Failed => view.pid.is_some(),
        State::Outside | State::Ended => false,
    }
}

/// Nothing runs that a keeper could end.
#[cfg(unix)]
async fn nothing(
    context: &Context,
    place: &crate::up::place::Place,
    services: &[String],
) -> Result<Exit, Failure> {
    use std::io::Write as _;
    let known = crate::up::ask::now(place).await?;
    if let Some(label) = services.iter().find(|label| known.iter().all(|view| view.service != **label)) {
        let error = format!("there is no service {label} here");
        return Err(wrong(place, services, error).await);
    }
    let none: [(); 0] = [];
    context.output.answer(&serde_json::json!({ "services": none }), |out| writeln!(out, "Nothing runs."))?;
    Ok(Exit::Done)
}
