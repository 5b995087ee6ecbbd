//! Waiting for a service that takes no port: its keeper says when it runs.

use std::io::{self, Write};
use std::time::Duration;

use styxy_core::api::{Code, Refusal};
use tokio::time::{Instant, sleep};

use crate::here::caller::caller;
use crate::here::context::{Context, block_on};
use crate::here::named::Named;
use crate::say::age::span;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::up::ask;
use crate::up::lines::line;
use crate::up::place::Place;
use crate::up::wire::{State, View};

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(100);

/// The service, if it takes no port; unless it has one all the same, as by a `styxy run` that somebody has typed.
///
/// # Errors
/// The runtime cannot be built.
pub(super) fn label(context: &Context, named: &mut Named) -> Result<Option<String>, Failure> {
    let Some(label) = named.portless().map(|portless| portless.label.clone()) else { return Ok(None) };
    let found = context.try_ask(async |client| named.find(client).await)?;
    // The keeper knows it without a daemon.
    Ok(found.err().map(|_| label))
}

/// There is nothing that a request could be sent to.
pub(super) fn no_path(label: &str, typed: &str) -> Failure {
    let error = format!("{label} takes no port, so it answers no --http");
    Failure::usage(error, format!("styxy wait {typed}"))
}

/// Waits until the service runs, or has done what it is for.
///
/// # Errors
/// It has failed or ended, or does not run in time.
pub(super) fn wait(context: &Context, label: &str, timeout: Duration) -> Result<Exit, Failure> {
    let (_, place) = ask::at(&caller())?;
    let view = block_on(until(&place, label, timeout))??;
    let wire = serde_json::json!({ "success": true, "service": view });
    context.output.answer(&wire, |out| shown(out, &view))?;
    Ok(Exit::Done)
}

fn shown(out: &mut dyn Write, view: &View) -> io::Result<()> {
    writeln!(out, "{}", line(view))
}

/// The service once it runs or has ended well.
async fn until(place: &Place, label: &str, timeout: Duration) -> Result<View, Failure> {
    let deadline = Instant::now() + timeout;
    let refused = |error: String, hint: String| Refusal::new(Code::NotRunning, error).hint(hint);
    loop {
        let view = ask::now(place).await?.into_iter().find(|view| view.service == label);
        let state = view.as_ref().map(|view| view.state);
        if let Some(view) = view {
            let is_done = view.state == State::Ended && view.exit_code == Some(0);
            if view.state.is_good() || is_done {
                return Ok(view);
            }
            if matches!(view.state, State::Failed | State::Ended) {
                let error = anstream::adapter::strip_str(&line(&view)).to_string();
                return Err(refused(error, format!("styxy logs {label}")).into());
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let said = state.map_or("styxy up has not started it", State::as_str);
            let hint = state.map_or_else(|| format!("styxy up {label}"), |_| format!("styxy logs {label}"));
            let error = format!("{label} does not run after {}: {said}", span(timeout.as_secs()));
            return Err(refused(error, hint).into());
        }
        sleep(GLANCE.min(left)).await;
    }
}
