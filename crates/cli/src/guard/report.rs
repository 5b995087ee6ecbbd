//! What the guard has refused to the programs of a session since the last report: a program may have swallowed the line.

use styxy_client::{Caller, Session};
use styxy_core::api::ReportRequest;

use super::patience::Patience;
use super::session;
use crate::say::voice::refusals;

/// One line for each refusal that was not reported yet; none if there is none.
pub(super) fn report(caller: &Caller, session: &Session) -> Option<String> {
    let request = ReportRequest { instance_id: session.instance.clone() };
    let answer = Patience::begin().ask(async |client| {
        let answer = client.report(&request).await?;
        if let Some(beat) = session::heartbeat(client, caller, Some(session)).await {
            // What was refused is said in any case.
            let _ = beat;
        }
        Ok(answer)
    })?;
    refusals::reported(answer.refusals.iter().map(|refused| &*refused.message))
}
