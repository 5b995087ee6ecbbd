//! The live view on the whole screen of a terminal: drawn again when something happens, when the window changes, and when an age
//! does. Its keys open, end and release the server of the selected row.

mod acts;
mod draw;
mod keys;
mod row;
mod state;

use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::live::{Live, Update};
use super::seen::{FoundView, WantedView};
use crate::here::caller::user_home;
use crate::say::age::{changes_in, now};
use crate::say::failure::Failure;
use crate::say::output;
use crate::say::screen::Screen;
use keys::{Key, Keys, Typed};
use state::{State, Target, Todo};

/// Ages are drawn again this often if there are none.
const IDLE: Duration = Duration::from_hours(1);
/// What comes so long after the key Escape is no part of it.
const ESCAPE: Duration = Duration::from_millis(50);

/// What signals say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Ctrl-C: the program that has the terminal gets it too.
    Interrupt,
    End,
    Resize,
    Suspend,
}

/// Shows the view until the person ends it.
pub(super) async fn show(mut live: Live<WantedView>) -> Result<(), Failure> {
    // Before the screen is taken: why there is no daemon is said where it stays.
    let mut state = State::new(first(&mut live).await?);
    state.take(Update::Found(state.found.clone()));
    let mut acts = acts()?;
    let mut typed = Typed::new()?;
    let mut keys = Keys::default();
    let home = user_home();
    let mut screen = Screen::take()?;
    loop {
        screen.draw(draw::lines(&state, Screen::size(), now(), home.as_deref()))?;
        let pressed = tokio::select! {
            update = live.next() => {
                state.take(update?);
                Vec::new()
            }
            () = sleep(next_age(&state.found)) => Vec::new(),
            () = sleep(ESCAPE), if keys.is_open() => keys.close().into_iter().collect(),
            bytes = typed.next() => keys.feed(&bytes),
            act = acts.recv() => match act {
                Some(Act::Resize) => Vec::new(),
                Some(Act::Suspend) => {
                    drop(screen);
                    // Nobody can be told if this process may not stop itself.
                    let _ = kill_process(getpid(), Signal::STOP);
                    screen = Screen::take()?;
                    Vec::new()
                }
                Some(Act::End | Act::Interrupt) | None => return Ok(()),
            },
        };
        match press(&mut state, pressed) {
            Todo::Draw => {}
            Todo::End => return Ok(()),
            Todo::Open(target) => state.said = acts::open(&target).await,
            Todo::Release(target) => state.said = acts::release(&target).await,
            Todo::Kill(target) => {
                drop(screen);
                if kill(&target, &mut acts, &mut typed).await? == After::Ends {
                    return Ok(());
                }
                screen = Screen::take()?;
            }
        }
    }
}

/// What there is at first.
async fn first(live: &mut Live<WantedView>) -> Result<FoundView, Failure> {
    loop {
        if let Update::Found(found) = live.next().await? {
            return Ok(found);
        }
    }
}

/// Presses keys until one of them has to be acted on: those behind it were typed for what is not seen yet.
fn press(state: &mut State, keys: Vec<Key>) -> Todo {
    let todos = keys.into_iter().map(|key| state.press(key));
    todos.into_iter().find(|todo| *todo != Todo::Draw).unwrap_or(Todo::Draw)
}

/// What follows a command that had the terminal.
#[derive(Debug, PartialEq, Eq)]
enum After {
    GoesOn,
    Ends,
}

/// Lets `styxy kill` have the terminal, and waits until what it said was read.
async fn kill(
    target: &Target,
    acts: &mut mpsc::UnboundedReceiver<Act>,
    typed: &mut Typed,
) -> Result<After, Failure> {
    let mut child = match acts::kill(target) {
        Ok(child) => child,
        Err(error) => {
            output::note(&format!("error: could not run styxy kill: {error}"));
            return Ok(After::GoesOn);
        }
    };
    let pid = Pid::from_child(&child);
    let mut ended = spawn_blocking(move || child.wait());
    let mut after = After::GoesOn;
    let status = loop {
        tokio::select! {
            ended = &mut ended => break ended.map_err(io::Error::from)??,
            act = acts.recv() => match act {
                Some(Act::End) | None => {
                    after = After::Ends;
                    // It only asks; what it has begun is for its server to finish.
                    let _ = kill_process(pid, Signal::TERM);
                }
                Some(Act::Suspend) => drop(kill_process(getpid(), Signal::STOP)),
                Some(Act::Interrupt | Act::Resize) => {}
            },
        }
    };
    // After a Ctrl-C at its question there is nothing to read.
    if after == After::Ends || status.code().is_none() { Ok(after) } else { Ok(back(acts, typed).await) }
}

/// Waits until the person has read what was said.
async fn back(acts: &mut mpsc::UnboundedReceiver<Act>, typed: &mut Typed) -> After {
    output::note("");
    output::note("Enter goes back.");
    loop {
        tokio::select! {
            _ = typed.next() => return After::GoesOn,
            act = acts.recv() => match act {
                Some(Act::End) | None => return After::Ends,
                // It may be of the command, and be read after its end.
                Some(Act::Interrupt) => return After::GoesOn,
                Some(Act::Resize) => {}
                Some(Act::Suspend) => drop(kill_process(getpid(), Signal::STOP)),
            },
        }
    }
}

/// When an age changes.
fn next_age(found: &FoundView) -> Duration {
    let now = now();
    let worktrees = found.view.repositories.iter().flat_map(|repository| &repository.worktrees);
    let services = worktrees.flat_map(|worktree| &worktree.services).filter_map(|service| service.since);
    let sessions = found.view.sessions.iter().map(|session| session.since);
    let refusals = found.view.refusals.iter().map(|refused| refused.at);
    let ages = services.chain(sessions).chain(refusals).map(|since| changes_in(since, now));
    ages.min().unwrap_or(IDLE)
}

/// What signals say, from now on.
fn acts() -> io::Result<mpsc::UnboundedReceiver<Act>> {
    let (send, acts) = mpsc::unbounded_channel();
    let signals = [
        (SignalKind::interrupt(), Act::Interrupt),
        (SignalKind::terminate(), Act::End),
        (SignalKind::hangup(), Act::End),
        (SignalKind::window_change(), Act::Resize),
        (SignalKind::from_raw(Signal::TSTP.as_raw()), Act::Suspend),
    ];
    for (kind, act) in signals {
        let (mut signal, send) = (signal(kind)?, send.clone());
        tokio::spawn(async move { while signal.recv().await.is_some() && send.send(act).is_ok() {} });
    }
    Ok(acts)
}
