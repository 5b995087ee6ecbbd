//! What `styxy up` has said of each service, and what it says next.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use tokio::time::Instant;

use crate::here::context::Context;
use crate::say::output;
use crate::up::lines::{failure, line, line_of_another, short_failure};
use crate::up::wire::{State, View};

/// After so long it is said what is waited for, again and again.
const LONG: Duration = Duration::from_secs(10);

/// So many services are named in a sentence.
const NAMED: usize = 8;

/// What was shown of each service.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) views: Vec<View>,
    said: BTreeMap<String, (State, Option<u32>, Option<String>)>,
    /// The process that each service had in the first picture.
    first: Option<BTreeMap<String, u32>>,
}

impl Shown {
    /// Remembers what ran when the command began to look.
    pub(super) fn begins(&mut self, views: &[View]) {
        let pids = views.iter().filter_map(|view| Some((view.service.clone(), view.pid?)));
        self.first.get_or_insert_with(|| pids.collect());
    }

    /// Whether another command has started it since then.
    pub(super) fn is_anothers(&self, view: &View) -> bool {
        let Some(first) = &self.first else { return false };
        view.pid.is_some_and(|pid| !view.started && first.get(&view.service) != Some(&pid))
    }

    /// Prints the answer: one line for each service, but for those that have failed.
    pub(super) fn answer(&self, context: &Context) -> io::Result<()> {
        context.output.answer(&serde_json::json!({ "services": self.views }), |out| {
            for view in self.views.iter().filter(|view| view.state != State::Failed) {
                writeln!(out, "{}", line(view))?;
            }
            Ok(())
        })
    }

    /// Says what is waited for.
    pub(super) fn waits(&self) {
        let pending = self.views.iter().filter(|view| !view.state.is_settled());
        let pending: Vec<&View> = pending.collect();
        if !pending.is_empty() {
            output::note(&format!("still waiting for {}", some(&pending)));
        }
    }

    /// Says what goes on without this command.
    pub(super) fn left_alone(&self) {
        let runs = self.views.iter().filter(|view| view.pid.is_some() || !view.state.is_settled());
        let runs: Vec<&View> = runs.collect();
        // Nothing of it need be known yet.
        let runs = if runs.is_empty() { "the services".to_owned() } else { some(&runs) };
        output::note(&format!("nobody waits any more, and these go on: {runs}; styxy down ends them"));
    }

    /// The lines of what has changed since the last look.
    pub(super) fn changes(&mut self, views: Vec<View>) -> String {
        let mut text = String::new();
        for view in &views {
            let now = (view.state, view.pid, view.why.clone());
            if self.said.get(&view.service) == Some(&now) {
                continue;
            }
            self.said.insert(view.service.clone(), now);
            match view.state {
                State::Failed => {
                    // What it has printed since it was started here is above.
                    let lines = if view.started { short_failure(view) } else { failure(view) };
                    text.push_str(&lines.join("\n  "));
                    text.push('\n');
                }
                // What follows says more.
                State::Ending => {}
                State::Starting if view.started => {}
                State::Ready
                | State::Running
                | State::Outside
                | State::Ended
                | State::Waiting
                | State::Starting => {
                    text.push_str(&if self.is_anothers(view) { line_of_another(view) } else { line(view) });
                    text.push('\n');
                }
            }
        }
        self.views = views;
        text
    }
}

/// Says which services go on that do not end with this command.
pub(super) fn go_on(others: &[&View]) {
    if !others.is_empty() {
        output::note(&format!("these go on: {}; styxy down ends them", some(others)));
    }
}

/// Says why a service does not run that this command was to start.
pub(super) fn was_ended(label: &str) {
    output::note(&format!(
        "{label} was ended by another command before it was ready; what runs now: styxy ps"
    ));
}

/// Says from time to time that something takes long.
pub(super) struct Waiting(Instant);

impl Waiting {
    pub(super) fn new() -> Self {
        Self(Instant::now() + LONG)
    }

    pub(super) async fn is_long(&mut self) {
        tokio::time::sleep_until(self.0).await;
        self.0 += LONG;
    }
}

/// `web (starting), api (waiting)`; of many the first ones.
fn some(views: &[&View]) -> String {
    let named = views.iter().take(NAMED);
    let mut parts: Vec<String> =
        named.map(|view| format!("{} ({})", view.service, view.state.as_str())).collect();
    match views.len() - parts.len() {
        0 => {}
        more => parts.push(format!("and {more} more")),
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: &str, started: bool, log: &std::path::Path) -> View {
        serde_json::from_value(serde_json::json!({
            "service": "web", "state": state, "pid": 7, "started": started, "log": log, "tty": false,
            "why": (state == "failed").then_some("it ended with code 3"),
        }))
        .unwrap()
    }

    #[test]
    fn what_a_service_printed_before_it_failed_is_shown_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("web.log");
        std::fs::write(&log, "no such module\n").unwrap();
        let said = |started| Shown::default().changes(vec![view("failed", started, &log)]);
        assert!(
            said(true).contains("it ended with code 3") && said(true).contains("web.log"),
            "{}",
            said(true)
        );
        assert!(!said(true).contains("no such module"), "it was followed from its start: {}", said(true));
        assert!(said(false).contains("no such module"), "another command has followed it: {}", said(false));
    }

    #[test]
    fn a_service_that_another_command_has_started_is_named_before_it_is_ready() {
        let log = std::path::Path::new("/l");
        let said = |started| Shown::default().changes(vec![view("starting", started, log)]);
        assert!(said(false).contains("starting") && said(true).is_empty(), "{}", said(false));
    }

    #[test]
    fn of_many_services_that_are_waited_for_the_first_ones_are_named() {
        let one = view("starting", true, std::path::Path::new("/l"));
        let said = |count: usize| some(&vec![&one; count]);
        assert_eq!(said(2), "web (starting), web (starting)");
        assert!(said(9).ends_with("web (starting), and 1 more"), "{}", said(9));
    }
}
