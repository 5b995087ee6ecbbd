//! `styxy down`: ends the services of this worktree.

use crate::here::context::Context;
use crate::here::worktree::Worktree;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::say::shell_word::quoted;
use crate::up::wire::{Down, Hurry, Outside, State, View};
use crate::up::{ask, by_hand::ByHand, client::Keeper, place::Place, verdict};
use std::{collections::BTreeSet, path::Path};
use styxy_client::Caller;
use styxy_core::order::set;

/// End the services that `styxy up` has started in this worktree
///
/// Each is interrupted as by Ctrl-C, has 5 seconds, is asked to terminate, has 2 seconds, and is killed, with everything that it
/// has started. Those that come after another one end before it. Their ports stay theirs: `styxy up` starts them on the same ones.
/// A server of a service that was started without `styxy up` stays, and is named.
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
    /// End them even if they are a person's, another agent session's or another worktree's, and this agent session has not started them
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    worktree: Worktree,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        use crate::here::context::block_on;
        let here = self.worktree.caller()?;
        let (root, place) = ask::at(&here)?;
        let hurry = if self.now { Hurry::Some } else { Hurry::None };
        let outside = if self.all { Outside::Ends } else { Outside::Stays };
        block_on(async {
            let known = ask::now(&place).await?;
            let mut by_hand = crate::up::by_hand::servers(&here, &place, &known).await;
            by_hand.retain(|one| self.services.is_empty() || self.services.contains(&one.view.service));
            if !self.force {
                self.may_end(&root, &known, &by_hand).await?;
            }
            let named = self.services.clone();
            let down = Down::of(self.services, hurry, outside);
            match asked(&place, &root, down, &by_hand).await? {
                Some(keeper) => match wait(context, (&here, &place), keeper, &known, &by_hand).await {
                    // The keeper knows no other mistake than a wrong name.
                    Err(Failure::Usage(refusal)) => Err(wrong(&known, &named, refusal.error)),
                    ended => ended,
                },
                None => nothing(context, &known, &named, &by_hand),
            }
        })?
    }

    /// # Errors
    /// This is an agent session, and something of what would end is another's (R147).
    async fn may_end(&self, root: &Path, known: &[View], by_hand: &[ByHand]) -> Result<(), Failure> {
        let is_meant = |view: &&View| {
            let stays = view.state == State::Outside && !self.all;
            !stays && (self.services.is_empty() || self.services.contains(&view.service))
        };
        let views = known.iter().chain(shown(by_hand)).filter(is_meant);
        let words =
            self.services.iter().flat_map(|label| [" ".to_owned(), quoted(label)]).collect::<String>();
        let all = if self.all { " --all" } else { "" };
        let there = self.worktree.words();
        let insist = format!("styxy down{words}{all} --force{there}");
        verdict::may_end(&crate::here::caller::caller(), root, views, &insist).await
    }
}

/// Asks the keeper to end what it knows, and with `--all` also what was started by hand; none if there is nothing to ask it for.
async fn asked(
    place: &Place,
    root: &Path,
    mut down: Down,
    by_hand: &[ByHand],
) -> Result<Option<Keeper>, Failure> {
    match down.outside {
        Outside::Ends => down.by_hand = by_hand.iter().map(|one| one.order.clone()).collect(),
        Outside::Stays if !down.services.is_empty() => {
            down.services.retain(|label| by_hand.iter().all(|one| one.view.service != *label));
            if down.services.is_empty() {
                return Ok(None);
            }
        }
        Outside::Stays => {}
    }
    ask::down(place, root, down).await
}

/// Waits until they have ended, and says what became of them. `known` is what there was before.
async fn wait(
    context: &Context,
    (here, place): (&Caller, &Place),
    mut keeper: Keeper,
    known: &[View],
    by_hand: &[ByHand],
) -> Result<Exit, Failure> {
    let mut ran: BTreeSet<String> =
        set(known.iter().filter(|view| runs(view)).map(|view| view.service.clone()));
    loop {
        let mut picture = ask::picture(&mut keeper, |text| output::note(&text)).await?;
        // A server that was started by hand may be found only now.
        let ending = picture.services.iter().filter(|view| view.state == State::Ending);
        ran.extend(ending.map(|view| view.service.clone()));
        if !picture.settled {
            continue;
        }
        let is_over = |view: &&View| match view.state {
            State::Ended | State::Failed => ran.contains(&view.service),
            State::Waiting
            | State::Starting
            | State::Ready
            | State::Running
            | State::Outside
            | State::Ending => false,
        };
        let ended: Vec<View> = picture.services.iter().filter(is_over).cloned().collect();
        let is_left = ended.iter().any(|view| view.may_be_left);
        for label in &picture.overtaken {
            output::note(&format!("{label} was started again by another command; what runs now: styxy ps"));
        }
        picture.services.retain(|view| view.state == State::Outside);
        let mut outside = with(picture.services, &ended, by_hand);
        // Of several servers of one service that were started by hand one is ended at a time.
        let by_others = known.iter().filter(|view| view.state == State::Outside).chain(shown(by_hand));
        if by_others.clone().next().is_some() {
            let is_new = |one: &ByHand| {
                ended.iter().any(|view| view.service == one.view.service)
                    && by_others.clone().all(|view| view.pid != one.view.pid)
            };
            let others = crate::up::by_hand::servers(here, place, &ended).await;
            outside.extend(others.into_iter().filter(is_new).map(|one| one.view));
        }
        said(context, &ended, &outside, &picture.overtaken)?;
        return Ok(if is_left || !picture.overtaken.is_empty() { Exit::Refused } else { Exit::Done });
    }
}

fn shown(by_hand: &[ByHand]) -> impl Iterator<Item = &View> + Clone {
    by_hand.iter().map(|one| &one.view)
}

/// What runs outside as the keeper knows it, and the rest of what was started by hand.
fn with(mut outside: Vec<View>, ended: &[View], by_hand: &[ByHand]) -> Vec<View> {
    for view in shown(by_hand) {
        if outside.iter().chain(ended).all(|known| known.service != view.service) {
            outside.push(view.clone());
        }
    }
    outside
}

/// Says what has ended, and what runs outside and stays.
fn said(context: &Context, ended: &[View], outside: &[View], overtaken: &[String]) -> Result<(), Failure> {
    use std::io::Write as _;
    context.output.answer(&serde_json::json!({ "services": ended, "outside": outside }), |out| {
        for view in ended {
            let why = view.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            let why = if view.killed { format!(" (it was killed){why}") } else { why };
            writeln!(out, "{}: {}{why}", view.service, view.state.as_str())?;
        }
        for view in outside {
            let port = view.port.map(|port| format!(" (port {port})")).unwrap_or_default();
            let label = &view.service;
            writeln!(out, "{label}: runs outside of up, and stays{port}; styxy down --all ends it too")?;
        }
        if ended.is_empty() && overtaken.is_empty() && outside.is_empty() {
            writeln!(out, "Nothing runs.")?;
        }
        Ok(())
    })?;
    Ok(())
}

/// That one of `services` is not there, with what was probably meant.
fn wrong(known: &[View], services: &[String], error: String) -> Failure {
    let known: Vec<&str> = known.iter().map(|view| view.service.as_str()).collect();
    let label = services.iter().find(|label| !known.contains(&label.as_str()));
    let hint = label.map(|label| crate::up::stack::instead("down", label, &known, "styxy ps"));
    Failure::usage(error, hint.unwrap_or_else(|| "styxy ps".to_owned()))
}

/// Whether anything of it ran.
const fn runs(view: &View) -> bool {
    match view.state {
        State::Waiting | State::Starting | State::Ready | State::Running | State::Ending => true,
        State::Failed => view.pid.is_some() || view.ending,
        State::Outside | State::Ended => false,
    }
}

/// Nothing runs that a keeper could end.
fn nothing(
    context: &Context,
    known: &[View],
    services: &[String],
    by_hand: &[ByHand],
) -> Result<Exit, Failure> {
    let outside = known.iter().filter(|view| view.state == State::Outside).cloned().collect();
    let outside = with(outside, &[], by_hand);
    let is_known = |label: &String| known.iter().chain(&outside).any(|view| view.service == *label);
    if let Some(label) = services.iter().find(|label| !is_known(label)) {
        let error = format!("there is no service {label} here");
        return Err(wrong(known, services, error));
    }
    said(context, &[], &outside, &[])?;
    Ok(Exit::Done)
}
