//! What the door changes in the head of a request and of an answer: what is between two hops, and who asked.

use std::net::IpAddr;

use hyper::header::{
    ALT_SVC, CONNECTION, CONTENT_LENGTH, Entry, FORWARDED, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, STRICT_TRANSPORT_SECURITY, TE, TRANSFER_ENCODING, UPGRADE,
};
use hyper::{HeaderMap, Method, StatusCode};

/// How many doors a request has come through; a loop makes it grow.
pub(crate) const HOPS: HeaderName = HeaderName::from_static("styxy-hops");
/// A request that has come through so many doors is in a loop.
pub(crate) const MOST_HOPS: u8 = 5;

/// The port that a `Host` without one means.
const HTTP: &str = "80";

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// What a client sends behind the head of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sends {
    /// Nothing.
    Nothing,
    /// A body, or the beginning of one.
    Body,
}

/// How many doors the request has come through so far.
pub(crate) fn hops(headers: &HeaderMap) -> u8 {
    let said = headers.get(HOPS).map(|hops| hops.to_str().ok().and_then(|hops| hops.parse().ok()));
    // A door writes a number: anything else is not a door's.
    said.map_or(0, |hops| hops.unwrap_or(0))
}

/// The port that the client sees; none if its `Host` names none. A port that is forwarded is not the one that the request came to.
pub(crate) fn port(headers: &HeaderMap) -> Option<&str> {
    let (_, port) = headers.get(HOST)?.to_str().ok()?.rsplit_once(':')?;
    Some(port)
}

/// What the client wants the connection to become, if it asks for that.
pub(crate) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = headers.get_all(CONNECTION).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|names| names.split(',').any(|name| name.trim().eq_ignore_ascii_case("upgrade")))
    });
    // HTTP/2 without TLS is not for a proxy to switch to.
    let wanted = headers.get(UPGRADE).filter(|name| !name.as_bytes().eq_ignore_ascii_case(b"h2c"));
    wanted.filter(|_| asks).cloned()
}

/// Makes a client's head one for the server. `Host`, `Origin` and `Referer` stay as they are.
pub(crate) fn to_server(
    headers: &mut HeaderMap,
    method: &Method,
    from: IpAddr,
    sends: Sends,
    upgrade: Option<&HeaderValue>,
) {
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    let trailers = headers.get_all(TE).iter().any(|te| {
        te.to_str().is_ok_and(|te| te.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("trailers")))
    });
    drop_hop_by_hop(headers);
    headers.remove(TE);
    headers.remove(PROXY_AUTHORIZATION);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol.clone());
    }
    if is_chunked {
        // Both together are how requests are smuggled: hyper has read it as chunked, so that is what it is.
        headers.remove(CONTENT_LENGTH);
        if sends == Sends::Body || *method == Method::POST {
            headers.insert(TRANSFER_ENCODING, CHUNKED);
        }
    }
    let hops = hops(headers);
    headers.insert(HOPS, HeaderValue::from(u16::from(hops) + 1));
    headers.remove(FORWARDED);
    let host = headers.get(HOST).cloned();
    let port = port(headers).unwrap_or(HTTP).to_owned();
    let forwarded = [
        (FORWARDED_FOR, HeaderValue::from_str(&from.to_string()).ok()),
        (FORWARDED_HOST, host),
        (FORWARDED_PROTO, Some(HeaderValue::from_static("http"))),
        (FORWARDED_PORT, HeaderValue::from_str(&port).ok()),
    ];
    for (name, value) in forwarded {
        // What the first door said is who asked. A client's own word is not.
        match (headers.entry(name), value) {
            (Entry::Occupied(_), _) if hops > 0 => {}
            (Entry::Occupied(mut entry), Some(value)) => drop(entry.insert(value)),
            (Entry::Vacant(entry), Some(value)) => drop(entry.insert(value)),
            (_, None) => {}
        }
    }
}

/// Makes a server's head one for the client.
pub(crate) fn to_client(status: StatusCode, headers: &mut HeaderMap) {
    let upgrade = headers.get(UPGRADE).cloned().filter(|_| status == StatusCode::SWITCHING_PROTOCOLS);
    drop_hop_by_hop(headers);
    headers.remove(PROXY_AUTHENTICATE);
    // The name is shared by ports with and without TLS.
    headers.remove(ALT_SVC);
    headers.remove(STRICT_TRANSPORT_SECURITY);
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// Drops what is between two hops (RFC 9110, 7.6.1), and what `Connection` names. `Trailer` stays: the trailers do too.
fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Whoever names these means to smuggle something.
        .filter(|name| ![HOST, CONTENT_LENGTH, HOPS].contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn sent(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = headers(pairs);
        to_server(&mut headers, &Method::GET, FROM, Sends::Nothing, None);
        headers
    }

    #[test]
    fn what_is_between_two_hops_is_dropped_and_the_rest_stays() {
        let sent = sent(&[
            ("host", "dev.shop.localhost:9876"),
            ("origin", "http://dev.shop.localhost:9876"),
            ("referer", "http://dev.shop.localhost:9876/"),
            ("connection", "close, X-Secret, host"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("te", "gzip, trailers"),
            ("upgrade", "h2c"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ]);
        for gone in ["connection", "x-secret", "keep-alive", "proxy-authorization", "upgrade"] {
            assert!(!sent.contains_key(gone), "{gone}");
        }
        assert_eq!(sent["host"], "dev.shop.localhost:9876");
        assert_eq!(sent["origin"], "http://dev.shop.localhost:9876");
        assert_eq!(sent["te"], "trailers");
        assert_eq!(sent.get_all("cookie").iter().count(), 2);
    }

    #[test]
    fn the_door_says_who_asked_and_the_client_cannot() {
        let sent = sent(&[
            ("host", "dev.shop.localhost:9876"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-for", "10.0.0.2"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=10.0.0.1"),
        ]);
        assert_eq!(sent.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), ["127.0.0.1"]);
        assert_eq!(
            (&sent["x-forwarded-proto"], &sent["x-forwarded-port"]),
            (&HeaderValue::from_static("http"), &HeaderValue::from_static("9876"))
        );
        assert_eq!(sent["x-forwarded-host"], "dev.shop.localhost:9876");
        assert!(!sent.contains_key("forwarded"));
    }

    #[test]
    fn the_port_that_is_said_is_the_one_of_the_host_that_is_said() {
        for (host, port) in [
            ("dev.shop.localhost:9876", "9876"),
            // Forwarded from another port, and from 80.
            ("dev.shop.localhost:18080", "18080"),
            ("dev.shop.localhost", "80"),
        ] {
            let sent = sent(&[("host", host)]);
            assert_eq!(
                (&sent["x-forwarded-host"], &sent["x-forwarded-port"]),
                (&host.parse().unwrap(), &port.parse().unwrap())
            );
        }
    }

    #[test]
    fn the_first_of_several_doors_says_who_asked_and_each_is_counted() {
        let first = sent(&[("host", "web.shop.localhost:9876")]);
        assert_eq!(first["styxy-hops"], "1");
        let mut second = first;
        second.insert("host", HeaderValue::from_static("api.shop.localhost:9876"));
        to_server(&mut second, &Method::GET, [127, 0, 0, 9].into(), Sends::Nothing, None);
        assert_eq!(
            (hops(&second), &second["x-forwarded-host"]),
            (2, &HeaderValue::from_static("web.shop.localhost:9876"))
        );
        assert_eq!(second["x-forwarded-for"], "127.0.0.1");
        for (text, number) in [("4", 4), ("-1", 0), ("x", 0), ("999", 0)] {
            assert_eq!(hops(&headers(&[("styxy-hops", text)])), number, "{text}");
        }
    }

    #[test]
    fn a_length_beside_chunked_is_dropped() {
        let mut both = headers(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
        to_server(&mut both, &Method::DELETE, FROM, Sends::Body, None);
        assert_eq!((both.get("content-length"), &both["transfer-encoding"]), (None, &CHUNKED));
    }

    #[test]
    fn an_answer_keeps_what_is_the_servers_and_loses_what_would_bind_the_name_to_tls() {
        let mut answer = headers(&[
            ("strict-transport-security", "max-age=1"),
            ("alt-svc", "h3=\":443\""),
            ("connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("trailer", "x-sum"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]);
        to_client(StatusCode::OK, &mut answer);
        assert_eq!(answer.len(), 3, "{answer:?}");
        assert!(answer.contains_key("trailer") && answer.get_all("set-cookie").iter().count() == 2);
    }

    #[test]
    fn only_who_asks_for_an_upgrade_gets_one() {
        let asks = [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")];
        assert_eq!(upgrade(&headers(&asks)).unwrap(), "websocket");
        assert_eq!(upgrade(&headers(&asks[1..])), None);
        assert_eq!(upgrade(&headers(&[("connection", "upgrade"), ("upgrade", "h2c")])), None);
    }
}
