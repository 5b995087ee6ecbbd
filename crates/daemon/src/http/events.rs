//! `GET /events`: server-sent events, resumable by `Last-Event-ID`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use styxy_core::api::{Code, Refusal, Rule};
use styxy_core::{Invalid, Seq};
use tokio::sync::{OwnedSemaphorePermit, broadcast};

use super::Shared;
use super::answer::Refused;
use crate::daemon::Daemon;
use crate::feed::Published;

/// How often a comment is sent, so that the connection does not look dead.
const COMMENT: Duration = Duration::from_secs(15);

pub(super) async fn events(
    State(daemon): Shared,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let last = headers.get("last-event-id").map(|value| {
        let parsed = value.to_str().ok().and_then(|text| text.parse::<Seq>().ok());
        parsed.ok_or_else(|| {
            Invalid::new(format_args!("{value:?}"), "is not a number", "an id of an event")
                .in_field("Last-Event-ID")
        })
    });
    let last = last.transpose()?;
    let permit = daemon.crowd.read_events().ok_or_else(|| {
        Refusal::new(Code::DaemonUnreachable, "as many programs read events as the daemon can serve")
            .rule(Rule::Connections)
            .hint("end one of them, or read GET /allocations from time to time")
    })?;
    let reading = {
        let engine = daemon.engine();
        let next = engine.registry().next_seq();
        (engine.feed.read_after(last, next), next)
    };
    let (reading, next) = reading;
    let mut ready: VecDeque<Event> = reading.backlog.iter().map(|event| encode(event)).collect();
    if reading.gap {
        // The missed events are gone, so the reader must list the leases again.
        ready.push_front(
            Event::default().event("reset").data(format!("{{\"seq\":{}}}", next.saturating_sub(1))),
        );
    }
    let stream = stream::unfold(Reader { daemon, ready, live: reading.live, _permit: permit }, next_event);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(COMMENT)))
}

struct Reader {
    daemon: Arc<Daemon>,
    ready: VecDeque<Event>,
    live: broadcast::Receiver<Arc<Published>>,
    _permit: OwnedSemaphorePermit,
}

async fn next_event(mut reader: Reader) -> Option<(Result<Event, Infallible>, Reader)> {
    if let Some(event) = reader.ready.pop_front() {
        return Some((Ok(event), reader));
    }
    let received = tokio::select! {
        received = reader.live.recv() => received,
        () = reader.daemon.stopping() => return None,
    };
    // Lagged: a reader that is too slow is disconnected, and resumes by its last id. Closed: the daemon has ended.
    let event = received.ok().map(|event| encode(&event))?;
    Some((Ok(event), reader))
}

fn encode(event: &Published) -> Event {
    let begun = match event.seq {
        Some(seq) => Event::default().id(seq.to_string()),
        None => Event::default(),
    };
    begun.event(event.name.as_str()).data(&event.data)
}
