//! One line for each service: its state, its address and its process.

use std::path::Path;

use crate::here::caller::user_home;
use crate::say::age::now;
use crate::say::output::{GOOD, PENDING, WRONG, one_line};
use crate::up::read::last_words;
use crate::up::wire::{State, View};
use styxy_core::printable::tilde;

/// How many lines of its log are shown of a service that has failed.
const LINES: usize = 20;

/// `web: ready, http://web.login-shop.localhost:9876 (http://localhost:3001), pid 812, started now`
pub(crate) fn line(view: &View) -> String {
    line_since(view, since(view))
}

/// The same of a service that another `styxy up` has started while this one is attached.
pub(crate) fn line_of_another(view: &View) -> String {
    line_since(view, view.pid.map(|_| "started by another styxy up".to_owned()))
}

fn line_since(view: &View, since: Option<String>) -> String {
    let style = match view.state {
        State::Ready | State::Outside => GOOD,
        State::Waiting | State::Starting | State::Running | State::Ending => PENDING,
        State::Failed => WRONG,
        State::Ended => anstyle::Style::new(),
    };
    let mut parts = vec![format!("{style}{}{style:#}", view.state.as_str())];
    if view.state != State::Failed {
        parts.extend(address(view));
        parts.extend(view.pid.map(|pid| format!("pid {pid}")));
        parts.extend(since);
    }
    let why = view.why.as_ref().map(|why| one_line(why).into_owned());
    // It has not ended when it was asked to.
    let why = why.or_else(|| view.killed.then(|| "it was killed".to_owned()));
    let line = format!("{}: {}", view.service, parts.join(", "));
    match (view.state, why) {
        (State::Failed, Some(why)) => format!("{line}: {why}"),
        (_, Some(why)) => format!("{line} ({why})"),
        (_, None) => line,
    }
}

/// `http://web.shop.localhost:9876 (http://localhost:3001)`
pub(crate) fn address(view: &View) -> Option<String> {
    match (&view.named_url, &view.url) {
        (Some(named), Some(url)) => Some(format!("{named} ({url})")),
        (None, Some(url)) => Some(url.clone()),
        (_, None) => None,
    }
}

/// `started now`, `already running for 3 min`
fn since(view: &View) -> Option<String> {
    match view.state {
        State::Ready | State::Running => {}
        State::Waiting | State::Starting | State::Outside | State::Failed | State::Ending | State::Ended => {
            return None;
        }
    }
    let since = view.since?;
    let age = now().0.saturating_sub(since.0) / 1000;
    Some(if view.started {
        "started now".to_owned()
    } else {
        format!("already running for {}", crate::say::age::span(age))
    })
}

/// What is said of a service that ends because the project's file does not name it any more.
pub(crate) fn ends(label: &str, source: &str) -> String {
    format!("{label}: ends, no longer in {source}")
}

/// Why a service has failed: its line, the end of its log, what can be done about it, and where the log is. Without colours.
pub(crate) fn failure(view: &View) -> Vec<String> {
    let said = last_words(&view.log, LINES).unwrap_or_default();
    let said = if said.is_empty() { vec!["it has printed nothing".to_owned()] } else { said };
    around(view, said)
}

/// The same for whoever has read its log.
pub(crate) fn short_failure(view: &View) -> Vec<String> {
    around(view, Vec::new())
}

fn around(view: &View, said: Vec<String>) -> Vec<String> {
    let why = view.why.as_deref().map(one_line).unwrap_or_default();
    let mut lines = vec![format!("{}: {}: {why}", view.service, view.state.as_str())];
    let advice = view.advice.iter().map(|advice| one_line(advice).into_owned());
    if view.unstarted {
        lines.extend(advice);
        return lines;
    }
    lines.extend(said);
    lines.extend(advice);
    lines.push(format!("its log: {}", shown(&view.log)));
    lines
}

fn shown(path: &Path) -> String {
    tilde(&path.to_string_lossy(), user_home().as_deref())
}
