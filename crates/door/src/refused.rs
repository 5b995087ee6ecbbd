//! What is said when a request is not passed on: the status, the words for programs, and the page for people.

use std::sync::Arc;

use hyper::{HeaderMap, StatusCode};
use styxy_core::api::{Code, Refusal, Rule};

use crate::answer::{Answer, Then};
use crate::directory::{Past, Return, Served, Stranger};
use crate::dispatch::Host;
use crate::door::Cannot;
use crate::foreign::{Foreign, may_see_names};
use crate::load::Full;
use crate::pages::{self, Page};

/// What a client hears for whose connection there is no seat.
pub(crate) const TOO_MANY: &str = "the front door has as many connections as it can serve; try again";

/// The answer to a request that cannot be passed on; `port` is the one that the client sees, with its colon.
pub(crate) fn answer(cannot: Cannot, host: &Host, port: &str, asked: &HeaderMap) -> Answer {
    match cannot {
        Cannot::Foreign(foreign) => outsider(foreign),
        Cannot::Loop => plain(
            StatusCode::LOOP_DETECTED,
            Refusal::new(
                Code::InvalidRequest,
                "the request is in a loop: a server passes it back to the front door",
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
        Cannot::Past { past, returns } => ended(host, &past, returns),
        Cannot::Stranger { served, stranger } => other_program(&served, &stranger),
        Cannot::Crowded(Full::Key) => busy(format!("too many requests wait for {host} to start")),
        Cannot::Crowded(Full::All) => {
            busy("too many requests wait for servers of this machine to start".to_owned())
        }
        Cannot::Busy => busy(format!("{host} has as many open requests as it may have")),
        Cannot::Unreachable(served) => {
            bad_gateway(&served, "listens but accepts no connections", check(&served))
        }
        Cannot::TooLong(served) => bad_gateway(&served, "answers with too long a head", check(&served)),
        // A server that speaks TLS does either.
        Cannot::Nonsense(served) => bad_gateway(&served, "does not answer in HTTP", https(&served)),
        Cannot::Broken(served) => {
            bad_gateway(&served, "closed the connection without an answer", https(&served))
        }
    }
}

fn plain(status: StatusCode, refusal: Refusal) -> Answer {
    let mut page = Page::new(refusal.error.clone());
    if let Some(hint) = &refusal.hint {
        page = page.says(hint);
    }
    Answer { status, refusal, page, then: Then::Nothing }
}

/// There is too much of something now.
fn busy(error: String) -> Answer {
    let refusal = Refusal::new(Code::NotRunning, error).rule(Rule::Connections);
    Answer { then: Then::AskAgain, ..plain(StatusCode::SERVICE_UNAVAILABLE, refusal) }
}

/// There is no seat for one more connection.
pub(crate) fn too_many() -> Answer {
    busy(TOO_MANY.to_owned())
}

fn outsider(foreign: Foreign) -> Answer {
    let rule = match foreign {
        Foreign::Origin => Rule::Origin,
        Foreign::Site => Rule::SecFetchSite,
    };
    let error = "pages of other sites may not speak to the servers of this machine";
    plain(StatusCode::FORBIDDEN, Refusal::new(Code::Forbidden, error).rule(rule))
}

fn bad_gateway(served: &Served, what: &str, hint: String) -> Answer {
    let error = format!("the server of {} {what}", served.host);
    let refusal = Refusal::new(Code::NotRunning, error).detail("port", served.port.get());
    plain(StatusCode::BAD_GATEWAY, refusal.hint(hint))
}

fn check(served: &Served) -> String {
    format!("styxy check {}", served.port)
}

fn https(served: &Served) -> String {
    format!("it may speak HTTPS, which has no name: styxy open --port {}", served.port)
}

fn names(servers: &[&Served]) -> Vec<String> {
    servers.iter().map(|served| served.host.to_string()).collect()
}

fn unknown(host: &Host, servers: &[Arc<Served>], port: &str, asked: &HeaderMap) -> Answer {
    let mut refusal =
        Refusal::new(Code::UnknownLease, format!("no server is called {host}")).hint("styxy list");
    let mut page = Page::new(refusal.error.clone()).advises("See what runs with", "styxy list");
    // Somebody whom another site has sent here must not learn which names there are.
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
    let refusal = Refusal::new(Code::NotRunning, error).detail("port", served.port.get()).hint(check(served));
    let (status, page) = (StatusCode::SERVICE_UNAVAILABLE, pages::waiting(served, branch));
    Answer { status, refusal, page, then: Then::Refresh }
}

fn ended(host: &Host, past: &Past, returns: Return) -> Answer {
    let when = past.ended.map(|ended| format!(" at {ended}")).unwrap_or_default();
    let (more, then) = match returns {
        Return::Possible => ("; it may come back", Then::Refresh),
        Return::Over => ("", Then::Nothing),
    };
    let error = format!("{host} has ended{when}: {}{more}", past.why);
    let refusal = Refusal::new(Code::LeaseEnded, error).hint(pages::AGAIN);
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Answer { status, refusal, page: pages::past(host, past, returns), then }
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
