//! What is said when a request is not passed on: the status, the words for programs, and the page for people.

use std::sync::Arc;

use hyper::{HeaderMap, StatusCode};
use styxy_core::api::{Code, Refusal, Rule};

use crate::answer::{Answer, Then};
use crate::directory::{Past, Served, Stranger};
use crate::dispatch::Host;
use crate::door::Cannot;
use crate::foreign::{Foreign, may_see_names};
use crate::pages::{self, Page};

/// The answer to a request that cannot be passed on; `port` is the one that the client sees, with its colon.
pub(crate) fn answer(cannot: Cannot, host: &Host, port: &str, asked: &HeaderMap) -> Answer {
    match cannot {
        Cannot::Foreign(foreign) => outsider(foreign),
        Cannot::Circle => plain(
            StatusCode::LOOP_DETECTED,
            Refusal::new(
                Code::InvalidRequest,
                "the request goes round in a circle: a server passes it back to the door",
            )
            .hint(
                "set changeOrigin: true in that server's proxy settings, so that Host names the other server",
            ),
        ),
        Cannot::Connect => plain(
            StatusCode::NOT_IMPLEMENTED,
            Refusal::new(Code::MethodNotAllowed, "the front door is not a proxy for CONNECT"),
        ),
        Cannot::Unknown(servers) => unknown(host, &servers, port, asked),
        Cannot::Worktree(servers) => worktree(host, &servers, port, asked),
        Cannot::Silent { served, branch } => silent(&served, branch.as_deref()),
        Cannot::Past { past, may_return } => ended(host, &past, may_return),
        Cannot::Stranger { served, stranger } => other_program(&served, &stranger),
        Cannot::Crowded => again(
            StatusCode::SERVICE_UNAVAILABLE,
            Refusal::new(Code::NotRunning, format!("too many requests wait for {host} to start"))
                .rule(Rule::Connections),
        ),
        Cannot::Busy => again(
            StatusCode::SERVICE_UNAVAILABLE,
            Refusal::new(Code::NotRunning, format!("{host} has as many open requests as it may have"))
                .rule(Rule::Connections),
        ),
        Cannot::Unreachable(served) => bad_gateway(&served, "listens but accepts no connections"),
        Cannot::Nonsense(served) => bad_gateway(&served, "does not answer in HTTP"),
        Cannot::Broken(served) => bad_gateway(&served, "closed the connection without an answer"),
    }
}

fn plain(status: StatusCode, refusal: Refusal) -> Answer {
    let mut page = Page::new(refusal.error.clone());
    if let Some(hint) = &refusal.hint {
        page = page.says(hint);
    }
    Answer { status, refusal, page, then: Then::Nothing }
}

fn again(status: StatusCode, refusal: Refusal) -> Answer {
    Answer { then: Then::AskAgain, ..plain(status, refusal) }
}

fn outsider(foreign: Foreign) -> Answer {
    let rule = match foreign {
        Foreign::Origin => Rule::Origin,
        Foreign::Site => Rule::SecFetchSite,
    };
    let error = "pages of other sites may not speak to the servers of this machine";
    plain(StatusCode::FORBIDDEN, Refusal::new(Code::Forbidden, error).rule(rule))
}

fn bad_gateway(served: &Served, what: &str) -> Answer {
    let error = format!("the server of {} {what}", served.host);
    let refusal = Refusal::new(Code::NotRunning, error).detail("port", served.port.get());
    plain(StatusCode::BAD_GATEWAY, refusal.hint(format!("styxy check {}", served.port)))
}

fn names(servers: &[&Served]) -> Vec<String> {
    servers.iter().map(|served| served.host.to_string()).collect()
}

fn unknown(host: &Host, servers: &[Arc<Served>], port: &str, asked: &HeaderMap) -> Answer {
    let mut refusal =
        Refusal::new(Code::UnknownLease, format!("no server is called {host}")).hint("styxy list");
    let mut page = Page::new(refusal.error.clone()).advises("See what runs with", "styxy list");
    // Which names there are is nobody's business who was sent here by another site.
    if may_see_names(asked) {
        let servers = pages::by_nearness(host, servers.iter().map(|served| &**served));
        refusal = refusal.detail("names", names(&servers));
        page = pages::unknown(host, &servers, port);
    }
    Answer { status: StatusCode::NOT_FOUND, refusal, page, then: Then::Nothing }
}

fn worktree(host: &Host, servers: &[Arc<Served>], port: &str, asked: &HeaderMap) -> Answer {
    let error = format!("{host} is a worktree with several servers");
    let mut refusal = Refusal::new(Code::UnknownLease, error).hint("styxy list");
    let mut page = Page::new(refusal.error.clone());
    if may_see_names(asked) {
        let servers: Vec<&Served> = servers.iter().map(|served| &**served).collect();
        refusal = refusal.detail("names", names(&servers));
        page = pages::worktree(host, &servers, port);
    }
    Answer { status: StatusCode::MULTIPLE_CHOICES, refusal, page, then: Then::Nothing }
}

fn silent(served: &Served, branch: Option<&str>) -> Answer {
    let error = format!("{} has a port, {}, and nothing listens on it", served.host, served.port);
    let refusal = Refusal::new(Code::NotRunning, error)
        .detail("port", served.port.get())
        .hint(format!("styxy check {}", served.port));
    let (status, page) = (StatusCode::SERVICE_UNAVAILABLE, pages::waiting(served, branch));
    Answer { status, refusal, page, then: Then::Refresh }
}

fn ended(host: &Host, past: &Past, may_return: bool) -> Answer {
    let when = past.ended.map(|ended| format!(" at {ended}")).unwrap_or_default();
    let error = format!("{host} has ended{when}: {}", past.why);
    let refusal = Refusal::new(Code::LeaseEnded, error).hint("styxy run");
    let page = pages::past(host, past);
    let (status, then) = if may_return {
        (StatusCode::SERVICE_UNAVAILABLE, Then::Refresh)
    } else {
        (StatusCode::NOT_FOUND, Then::Nothing)
    };
    Answer { status, refusal, page, then }
}

fn other_program(served: &Served, stranger: &Stranger) -> Answer {
    let who = stranger.process.as_deref().unwrap_or("another program");
    let error = format!("port {} of {} is used by {who}, which gets nothing", served.port, served.host);
    let refusal = Refusal::new(Code::PortUnavailable, error)
        .detail("port", served.port.get())
        .detail("process", stranger.process.clone())
        .detail("pid", stranger.pid.map(styxy_core::Pid::get))
        .hint(format!("styxy who {}", served.port));
    let page = pages::stranger(served, stranger);
    Answer { status: StatusCode::CONFLICT, refusal, page, then: Then::Nothing }
}
