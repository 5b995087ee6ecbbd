//! What the guard has refused to the programs of a session since the last report: a program may have swallowed the line.

use std::time::Duration;

use styxy_core::InstanceId;
use styxy_core::api::{RefusalsAnswer, ReportRequest};

use crate::here::context;
use crate::say::output::one_line;

/// The agent waits no longer than this.
const PATIENCE: Duration = Duration::from_millis(100);

/// One line for each refusal that was not reported yet; none if there is none.
pub(super) fn report(session: &InstanceId) -> Option<String> {
    let request = ReportRequest { instance_id: session.clone() };
    let answer = context::try_ask(PATIENCE, async |client| client.report(&request).await);
    said(&answer.ok()?.ok()?)
}

fn said(answer: &RefusalsAnswer) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for refused in &answer.refusals {
        let message = one_line(&refused.message);
        let line = format!("Styxy's guard: {}", message.strip_prefix("styxy: ").unwrap_or(&message));
        // Programs try several signals, and the several addresses of a port.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use styxy_core::WallTime;
    use styxy_core::api::{Refused, Wanted};

    #[test]
    fn each_refusal_is_one_line_and_said_once() {
        let refused = |message: &str| Refused {
            at: WallTime(0),
            wanted: Wanted::Signal,
            instance_id: None,
            project_path: None,
            message: message.to_owned(),
        };
        let all = ["styxy: not signalled: a\nb", "styxy: port 1 is leased", "styxy: not signalled: a\nb"];
        let said =
            |all: &[&str]| said(&RefusalsAnswer { refusals: all.iter().map(|text| refused(text)).collect() });
        let lines = said(&all).unwrap();
        assert_eq!(lines.lines().count(), 2, "{lines}");
        assert!(lines.starts_with("Styxy's guard: not signalled: a"), "{lines}");
        assert!(lines.ends_with("\nStyxy's guard: port 1 is leased"), "{lines}");
        assert_eq!(said(&[]), None);
    }
}
