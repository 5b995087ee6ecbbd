//! What the guard has refused to the programs of a session since the last report: a program may have swallowed the line.

use std::time::Duration;

use styxy_core::InstanceId;
use styxy_core::api::ReportRequest;

use crate::here::context;
use crate::say::voice::refusals;

/// The agent waits no longer than this.
const PATIENCE: Duration = Duration::from_millis(100);

/// One line for each refusal that was not reported yet; none if there is none.
pub(super) fn report(session: &InstanceId) -> Option<String> {
    let request = ReportRequest { instance_id: session.clone() };
    let answer = context::try_ask(PATIENCE, async |client| client.report(&request).await).ok()?.ok()?;
    refusals::reported(answer.refusals.iter().map(|refused| &*refused.message))
}
