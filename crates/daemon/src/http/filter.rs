//! Which requests are accepted: by their peer, and over TCP by the headers that a browser adds and a page cannot remove.
//!
//! Nothing that a request names is executed, opened or killed. The worst result of a bypass is a wrong port number.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use styxy_core::api::{Code, Refusal, Rule};
use styxy_door::{Goes, dispatch};

use super::answer::{self, Counted, Refused};
use super::{Peer, view};
use crate::daemon::Daemon;
use crate::engine::EngineError;
use crate::system::{Network, Verdict};
use crate::token::Token;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request through, or refuses it with the rule it breaks; adds the headers that every answer has.
pub(super) async fn filter(
    State(daemon): State<Arc<Daemon>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    daemon.requests.count();
    let reads = request.method().is_safe();
    let head = Head { method: request.method(), target: request.uri(), headers: request.headers() };
    let mut response = match admit(peer, &head, daemon.about.token.as_ref()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => Refused(refusal).into_response(),
    };
    match daemon.check_standing() {
        Ok(()) => {}
        // Another daemon may be the one to ask. The connection ends with this process, and the client asks that one.
        Err(EngineError::Lost) => return std::future::pending().await,
        Err(_) if reads => {}
        // What was done is not written where a next daemon would find it: it counts only once it is.
        Err(error) => response = Refused::from(error).into_response(),
    }
    if let Some(Counted { code, rule }) = response.extensions_mut().remove::<Counted>() {
        daemon.requests.refused(code, rule);
    }
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        // The page has a policy of its own, and nothing else has one.
        if name != header::CONTENT_SECURITY_POLICY || !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// The headers that every answer has.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("styxy-api"), "1"),
    (HeaderName::from_static("styxy-version"), env!("CARGO_PKG_VERSION")),
];

/// The refusal of another user, who never reaches the server.
pub(super) fn not_yours() -> Refusal {
    peer_uid()
}

/// A whole HTTP answer, for those who never reach the server.
pub(super) fn whole_answer(refusal: &Refusal) -> String {
    let body = serde_json::to_string(refusal).unwrap_or_default();
    let always: Vec<String> = ALWAYS.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (status, always, length) = (answer::status(refusal.code), always.concat(), body.len());
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{always}connection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

fn peer_uid() -> Refusal {
    forbidden(Rule::PeerUid, "this daemon serves another user")
}

/// What is judged of a request.
struct Head<'r> {
    method: &'r Method,
    target: &'r Uri,
    headers: &'r HeaderMap,
}

fn admit(peer: Peer, head: &Head<'_>, token: Option<&Token>) -> Result<(), Refusal> {
    match peer {
        Peer::Local(local) if local.verdict.is_trusted() => match local.network {
            Network::Other if is_about_ports(head.method, head.target.path()) => Err(other_network()),
            Network::Ours | Network::Other => admit_local(head),
        },
        Peer::Local(_) => Err(peer_uid()),
        Peer::Loopback { verdict, port, socket: _ } => {
            match verdict {
                Verdict::Own | Verdict::Root => {}
                Verdict::Other(_) | Verdict::Unknown => {
                    return Err(peer_uid());
                }
                Verdict::NeedsToken if view::is_public(head.method, head.target.path()) => {}
                Verdict::NeedsToken => bearer(head.headers, token)?,
            }
            admit_headers(port, head)
        }
    }
}

/// Whether a request is let in that a client of this verdict sends over TCP to our `port`, without a token.
#[cfg(feature = "fuzz")]
#[must_use]
pub fn admits(port: u16, verdict: Verdict, method: &Method, target: &Uri, headers: &HeaderMap) -> bool {
    admit(Peer::Loopback { verdict, port, socket: None }, &Head { method, target, headers }, None).is_ok()
}

/// Whether the answer tells of ports, or the request takes one: in another network namespace that would be untrue.
fn is_about_ports(method: &Method, path: &str) -> bool {
    let root = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match root {
        "allocate" => method != Method::DELETE,
        // It has the ports of each.
        "instance" => method == Method::GET,
        "allocations" | "check" | "events" | "suggest" | "scan" | "view" | "cleanup" => true,
        _ => false,
    }
}

/// What a client in another network namespace should know. That a restart from there moves the daemon is not advice: everybody
/// else would be in another network then.
pub(super) const OTHER_NETWORK: &str =
    "the daemon runs in another network namespace, where each port may be used by another program than here";

fn other_network() -> Refusal {
    Refusal::new(Code::DaemonUnreachable, OTHER_NETWORK)
        .rule(Rule::Network)
        .hint("export STYXY_HOME=/a/new/folder/of/yours   # this network then has a daemon of its own")
}

fn bearer(headers: &HeaderMap, token: Option<&Token>) -> Result<(), Refusal> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if token.is_some_and(|token| token.is(given)) {
        return Ok(());
    }
    Err(forbidden(Rule::Token, "TCP needs the token of ~/.styxy/token here")
        .hint("Authorization: Bearer $(cat ~/.styxy/token)"))
}

/// The socket judges the peer and no headers, but it is not a proxy: a target that names a host must name this machine.
fn admit_local(head: &Head<'_>) -> Result<(), Refusal> {
    head.has_one_host()?;
    let Some(named) = head.named() else { return Ok(()) };
    let name = match named.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => named,
    };
    if is_here(name) {
        return Ok(());
    }
    Err(forbidden(Rule::Host, "the target names another host, and this is not a proxy"))
}

impl<'r> Head<'r> {
    /// The host that the target itself names, if it is in absolute form; empty if it is not for HTTP.
    fn named(&self) -> Option<&'r str> {
        let is_http = self.target.scheme_str().is_none_or(|scheme| scheme == "http");
        self.target.authority().map(|host| if is_http { host.as_str() } else { "" })
    }

    /// # Errors
    /// There are several Host headers.
    fn has_one_host(&self) -> Result<(), Refusal> {
        if self.headers.get_all(header::HOST).iter().nth(1).is_some() {
            return Err(Refusal::invalid("Host", "there are several", "exactly one Host header"));
        }
        Ok(())
    }
}

/// Whether the name is one of this machine's own.
fn is_here(name: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

/// In the order of the contract: Host, Origin, Sec-Fetch-Site, Referer.
fn admit_headers(port: u16, head: &Head<'_>) -> Result<(), Refusal> {
    let Head { method, target, headers } = head;
    let own = match dispatch(port, target, headers) {
        Goes::Api(own) => own,
        // Such a request went through the door, unless something is wrong with this daemon: it is never the API's.
        Goes::Door(_) => return Err(forbidden(Rule::Host, "this name is not the daemon's own")),
        Goes::Nowhere(refusal) => return Err(refusal),
    };
    if headers.contains_key(header::ORIGIN) {
        return Err(forbidden(Rule::Origin, "web pages may not speak to this daemon"));
    }
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    let is_fine = |site: &HeaderValue| match site.as_bytes() {
        b"none" => **method == Method::GET,
        b"same-origin" => view::admits(method, target.path(), own),
        _ => false,
    };
    if !sites.all(is_fine) {
        return Err(forbidden(Rule::SecFetchSite, "web pages may not speak to this daemon"));
    }
    if headers.contains_key(header::REFERER) {
        return Err(forbidden(Rule::Referer, "web pages may not speak to this daemon"));
    }
    Ok(())
}

fn forbidden(rule: Rule, error: &str) -> Refusal {
    Refusal::new(Code::Forbidden, error).rule(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{LocalPeer, PeerProcess};

    fn local(verdict: Verdict) -> Peer {
        let (process, network) = (PeerProcess::Unnamed, Network::Ours);
        Peer::Local(LocalPeer { verdict, process, network })
    }

    const TCP: Peer = Peer::Loopback { verdict: Verdict::Own, port: 9876, socket: None };

    fn judged(
        peer: Peer,
        method: &Method,
        target: &str,
        pairs: &[(&'static str, &'static str)],
    ) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        admit(peer, &Head { method, target: &target.parse().unwrap(), headers: &headers }, None)
    }

    fn rule(method: &Method, pairs: &[(&'static str, &'static str)]) -> Option<Rule> {
        judged(TCP, method, "/status", pairs).err()?.broken_rule()
    }

    #[test]
    fn a_plain_client_is_accepted_by_each_name_of_the_host() {
        for host in ["localhost:9876", "127.0.0.1:9876", "[::1]:9876", "LOCALHOST:9876"] {
            assert_eq!(rule(&Method::POST, &[("host", host)]), None, "{host}");
        }
        let node = [("host", "localhost:9876"), ("sec-fetch-mode", "cors")];
        assert_eq!(rule(&Method::POST, &node), None, "Node's fetch sets Sec-Fetch-Mode");
        assert_eq!(rule(&Method::GET, &[("host", "localhost:9876"), ("sec-fetch-site", "none")]), None);
    }

    #[test]
    fn each_sign_of_a_web_page_is_refused_by_its_rule() {
        for host in [
            "evil.example:9876",
            "localhost:1",
            "localhost",
            "127.0.0.1:9876.evil",
            "localhost:09876",
            "localhost:+9876",
            "",
        ] {
            assert_eq!(rule(&Method::GET, &[("host", host)]), Some(Rule::Host), "{host}");
        }
        assert_eq!(rule(&Method::GET, &[]), Some(Rule::Host));
        let with = |name, value| [("host", "localhost:9876"), (name, value)];
        assert_eq!(rule(&Method::POST, &with("origin", "null")), Some(Rule::Origin));
        for site in ["cross-site", "same-site", "same-origin"] {
            assert_eq!(rule(&Method::GET, &with("sec-fetch-site", site)), Some(Rule::SecFetchSite));
        }
        assert_eq!(rule(&Method::POST, &with("sec-fetch-site", "none")), Some(Rule::SecFetchSite));
        assert_eq!(rule(&Method::GET, &with("referer", "http://x/")), Some(Rule::Referer));
    }

    #[test]
    fn a_target_that_names_a_host_names_this_machine_as_the_header_does() {
        let local = local(Verdict::Own);
        let ours = [("host", "localhost:9876")];
        for named in ["http://localhost:9876/status", "http://[::1]:9876/status"] {
            assert!(judged(TCP, &Method::GET, named, &ours).is_ok(), "{named}");
            let refusal = judged(TCP, &Method::GET, named, &[("host", "evil.example")]).unwrap_err();
            assert_eq!(refusal.broken_rule(), Some(Rule::Host), "{named}");
            assert!(judged(local, &Method::GET, named, &ours).is_ok(), "{named}");
        }
        for foreign in [
            "http://evil.example/status",
            "http://evil.example:9876/status",
            "http://user@localhost:9876/status",
            "https://localhost:9876/status",
            "evil.example:9876",
        ] {
            for peer in [TCP, local] {
                let refusal = judged(peer, &Method::GET, foreign, &ours).unwrap_err();
                assert_eq!(refusal.broken_rule(), Some(Rule::Host), "{foreign}");
            }
        }
        // Which port the socket is said to be on means nothing there.
        assert!(judged(local, &Method::GET, "http://localhost/status", &ours).is_ok());
        assert!(judged(TCP, &Method::GET, "http://localhost/status", &ours).is_err());
    }

    #[test]
    fn several_host_headers_are_no_request() {
        let twice = [("host", "localhost:9876"), ("host", "localhost:9876")];
        for peer in [TCP, local(Verdict::Own)] {
            for target in ["/status", "http://localhost:9876/status"] {
                let refusal = judged(peer, &Method::GET, target, &twice).unwrap_err();
                assert_eq!((refusal.code, refusal.broken_rule()), (Code::InvalidRequest, None));
            }
        }
    }

    #[test]
    fn another_user_is_refused_before_any_header_is_checked() {
        for verdict in [Verdict::Other(1), Verdict::Unknown] {
            for peer in [local(verdict), Peer::Loopback { verdict, port: 1, socket: None }] {
                let refusal = judged(peer, &Method::GET, "/", &[]).unwrap_err();
                assert_eq!(refusal.broken_rule(), Some(Rule::PeerUid));
            }
        }
    }

    #[test]
    fn in_another_network_nothing_is_said_of_ports_and_the_daemon_itself_can_be_asked() {
        let asked = |method: &Method, path: &str, network| {
            let (verdict, process) = (Verdict::Own, PeerProcess::Unnamed);
            let peer = Peer::Local(LocalPeer { verdict, process, network });
            judged(peer, method, path, &[]).err().and_then(|refusal| refusal.broken_rule())
        };
        for (method, path) in [
            (Method::POST, "/allocate"),
            (Method::GET, "/allocations?port=3000"),
            (Method::GET, "/check/3000"),
            (Method::GET, "/suggest/dev"),
            (Method::GET, "/scan"),
            (Method::GET, "/view"),
            (Method::GET, "/instance/list"),
            (Method::POST, "/cleanup"),
        ] {
            assert_eq!(asked(&method, path, Network::Other), Some(Rule::Network), "{path}");
            assert_eq!(asked(&method, path, Network::Ours), None, "{path}");
        }
        for (method, path) in [
            (Method::GET, "/status"),
            (Method::POST, "/shutdown"),
            (Method::DELETE, "/allocate/4f5e0000-0000-4000-8000-000000003000"),
            (Method::POST, "/instance/heartbeat"),
        ] {
            assert_eq!(asked(&method, path, Network::Other), None, "{path}");
        }
    }

    #[test]
    fn where_users_are_unknown_the_token_is_required() {
        let peer = Peer::Loopback { verdict: Verdict::NeedsToken, port: 9876, socket: None };
        let at = |target: &'static str, headers: &HeaderMap, token: Option<&Token>| {
            admit(peer, &Head { method: &Method::GET, target: &Uri::from_static(target), headers }, token)
        };
        let with = |headers: &HeaderMap, token: Option<&Token>| at("/view", headers, token);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost:9876"));
        // The page says nothing of this machine. It brings the token itself, for what does.
        for public in ["/", "/view/page.js", "/view/style.css"] {
            assert!(at(public, &headers, None).is_ok(), "{public}");
        }
        for other in ["/events", "/status", "/view/x", "/views"] {
            assert_eq!(at(other, &headers, None).unwrap_err().broken_rule(), Some(Rule::Token), "{other}");
        }
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        let token = crate::token::token(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let right = format!("Bearer {}", text.trim());
        for wrong in
            ["", "Bearer ", text.trim(), &right[..right.len() - 1], &right.replace("Bearer", "Basic")]
        {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(wrong).unwrap());
            let refusal = with(&headers, Some(&token)).unwrap_err();
            assert_eq!(refusal.broken_rule(), Some(Rule::Token));
        }
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&right).unwrap());
        assert!(with(&headers, None).is_err());
        assert!(with(&headers, Some(&token)).is_ok());
    }
}
