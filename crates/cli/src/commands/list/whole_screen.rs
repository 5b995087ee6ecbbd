//! The list on the whole screen of a terminal: drawn again when it changes, when the window does, and when an age does.

use std::io::{self, Read};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use styxy_core::api::AllocationsAnswer;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::live::{Live, Update};
use super::wanted::Found;
use super::{lines, watch};
use crate::say::age::{changes_in, now};
use crate::say::failure::Failure;
use crate::say::output::{ALERT, FAINT};
use crate::say::screen::Screen;
use crate::say::width::cut;

/// What the last row says.
const HELP: &str = "q ends";
/// Ages are drawn again this often if there are none.
const IDLE: Duration = Duration::from_hours(1);

/// What the person at the terminal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    End,
    Resize,
    Suspend,
}

/// Shows the list until the person ends it.
pub(super) async fn show(mut live: Live) -> Result<(), Failure> {
    // Before the screen is taken: why there is no daemon is said where it stays.
    let answer = AllocationsAnswer { allocations: Vec::new() };
    let mut seen = Seen { found: Found { answer, empty: String::new() }, is_gone: false };
    seen.take(live.next().await?);
    let mut acts = acts()?;
    let mut screen = Screen::take()?;
    loop {
        screen.draw(seen.lines())?;
        tokio::select! {
            update = live.next() => seen.take(update?),
            () = sleep(seen.changes_in()) => {}
            act = acts.recv() => match act {
                Some(Act::Resize) => {}
                Some(Act::Suspend) => {
                    drop(screen);
                    // Nobody can be told if this process may not stop itself.
                    let _ = kill_process(getpid(), Signal::STOP);
                    screen = Screen::take()?;
                }
                Some(Act::End) | None => return Ok(()),
            },
        }
    }
}

/// What is known.
struct Seen {
    found: Found,
    is_gone: bool,
}

impl Seen {
    fn take(&mut self, update: Update) {
        self.is_gone = update == Update::Gone;
        if let Update::Leases(found) = update {
            self.found = found;
        }
    }

    /// As many lines as the terminal has rows, at most.
    fn lines(&self) -> Vec<String> {
        let (columns, rows) = Screen::size();
        let mut lines = lines(&self.found, Some(columns));
        // The last row says what can be done.
        let most = rows.saturating_sub(1).max(1);
        if lines.len() > most {
            let more = lines.len() + 1 - most;
            lines.truncate(most - 1);
            lines.push(format!("{FAINT}{}{FAINT:#}", cut(&format!("… {more} more"), columns)));
        }
        lines.resize(most, String::new());
        let said = if self.is_gone { watch::GONE } else { HELP };
        let style = if self.is_gone { ALERT } else { FAINT };
        if rows > 1 {
            lines.push(format!("{style}{}{style:#}", cut(said, columns)));
        }
        lines
    }

    /// When an age changes.
    fn changes_in(&self) -> Duration {
        let now = now();
        let ages = self.found.answer.allocations.iter().map(|lease| changes_in(lease.allocated_at, now));
        ages.min().unwrap_or(IDLE)
    }
}

/// Signals and keys.
fn acts() -> io::Result<mpsc::UnboundedReceiver<Act>> {
    let (send, acts) = mpsc::unbounded_channel();
    let signals = [
        (SignalKind::interrupt(), Act::End),
        (SignalKind::terminate(), Act::End),
        (SignalKind::hangup(), Act::End),
        (SignalKind::window_change(), Act::Resize),
        (SignalKind::from_raw(Signal::TSTP.as_raw()), Act::Suspend),
    ];
    for (kind, act) in signals {
        let (mut signal, send) = (signal(kind)?, send.clone());
        tokio::spawn(async move { while signal.recv().await.is_some() && send.send(act).is_ok() {} });
    }
    let keys = move || {
        let ends = |key: &io::Result<u8>| matches!(key, Ok(b'q' | b'Q' | 4));
        if io::stdin().lock().bytes().any(|key| ends(&key)) {
            let _ = send.send(Act::End);
        }
    };
    // It ends with the program.
    std::thread::Builder::new().spawn(keys)?;
    Ok(acts)
}
