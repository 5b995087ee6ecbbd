//! Where a request goes: to the API, through the door, or nowhere. One function, and nobody else looks at `Host`.

use std::fmt;

use hyper::header::HOST;
use hyper::{HeaderMap, Uri};
use styxy_core::api::{Code, Refusal, Rule};

/// What all names of the door end in.
pub(crate) const END: &str = ".localhost";
/// The most characters of a host name, and of one label of it.
const MOST: usize = 253;
const MOST_LABEL: usize = 63;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Goes {
    /// To the API, by this name of it.
    Api(Own),
    /// Through the door, to whoever serves this name.
    Door(Host),
    /// Nowhere.
    Nowhere(Refusal),
}

/// A name of this machine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// `localhost`, where the live view has its one origin.
    Localhost,
    /// 127.0.0.1 or `::1`.
    Address,
}

/// A name that ends in `.localhost`: lower case, without a port and without a dot at the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host(Box<str>);

impl Host {
    /// A server's own name, as the directory has it.
    pub(crate) fn of(name: &str) -> Self {
        Self(name.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

/// What a text in the place of a host says.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    /// This machine itself and our port.
    Ours(Own),
    Name(Host),
    /// Another machine, another port, or nothing of that kind.
    Foreign,
    /// It would be a name of the door, but no host name is like that.
    Malformed(&'static str),
}

/// Where a request with this target and these headers goes that came in on `port` (R110).
///
/// The API is for exactly `localhost`, `127.0.0.1` and `[::1]` with our port; a name that ends in `.localhost` is for the door, with any
/// port, so that a forwarded port works. Everything else is refused: of DNS rebinding, a foreign name is the only sign. A target
/// that names a host has to name the one that `Host` names.
#[must_use]
pub fn dispatch(port: u16, target: &Uri, headers: &HeaderMap) -> Goes {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        return Goes::Nowhere(forbidden("exactly one Host header is needed"));
    };
    if hosts.next().is_some() {
        return Goes::Nowhere(Refusal::invalid("Host", "there are several", "exactly one Host header"));
    }
    let said = read(port, host.to_str().unwrap_or_default());
    // A target that is not for HTTP is for nobody here.
    let is_http = target.scheme_str().is_none_or(|scheme| scheme.eq_ignore_ascii_case("http"));
    let named =
        target.authority().map(|named| if is_http { read(port, named.as_str()) } else { Said::Foreign });
    match (said, named) {
        (Said::Foreign, _) | (_, Some(Said::Foreign)) => Goes::Nowhere(foreign(port)),
        (Said::Malformed(allowed), _) | (_, Some(Said::Malformed(allowed))) => {
            Goes::Nowhere(Refusal::invalid("Host", "it is not a host name", allowed))
        }
        // Two names of the one machine.
        (Said::Ours(own), Some(Said::Ours(named))) => {
            Goes::Api(if own == named { own } else { Own::Address })
        }
        (said, Some(named)) if said != named => {
            let allowed = "the same host in both";
            Goes::Nowhere(Refusal::invalid("Host", "the request's target names another one", allowed))
        }
        (Said::Ours(own), _) => Goes::Api(own),
        (Said::Name(host), _) => Goes::Door(host),
    }
}

/// What a `Host`, or the host of a target, says to a daemon that listens on `port`.
fn read(port: u16, text: &str) -> Said {
    let (name, given) = match text.rsplit_once(':') {
        // Not the colons of an address.
        Some((name, given)) if !given.ends_with(']') => (name, Some(given)),
        Some(_) | None => (text, None),
    };
    let number = given.and_then(number);
    let own = match name {
        "127.0.0.1" | "[::1]" => Some(Own::Address),
        _ => name.eq_ignore_ascii_case("localhost").then_some(Own::Localhost),
    };
    if let Some(own) = own {
        return if number == Some(port) { Said::Ours(own) } else { Said::Foreign };
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if !name.ends_with(END) || name.contains('@') {
        return Said::Foreign;
    }
    if given.is_some() && number.is_none() {
        return Said::Malformed("a port from 1 to 65535 behind the name, or none");
    }
    let is_label = |label: &str| {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=MOST_LABEL).contains(&label.len()) && label.bytes().all(is_fit)
    };
    if name.len() > MOST || !name.split('.').all(is_label) {
        return Said::Malformed("labels of 1 to 63 letters, digits, _ and - between the dots");
    }
    Said::Name(Host(name.into()))
}

/// A port as people and programs write it: digits only, without a zero in front.
fn number(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

fn foreign(port: u16) -> Refusal {
    let allowed = format!("localhost:{port}, 127.0.0.1:{port} or [::1]:{port}");
    forbidden(&format!("the Host header must be {allowed}")).detail("allowed", allowed)
}

fn forbidden(error: &str) -> Refusal {
    Refusal::new(Code::Forbidden, error).rule(Rule::Host)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const PORT: u16 = 9876;

    fn goes(target: &str, hosts: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
        }
        match dispatch(PORT, &target.parse().unwrap(), &headers) {
            Goes::Api(_) => "api".into(),
            Goes::Door(host) => host.to_string(),
            Goes::Nowhere(refusal) => refusal
                .broken_rule()
                .map_or("400", |rule| if rule == Rule::Host { "403" } else { "?" })
                .into(),
        }
    }

    #[test]
    fn each_host_goes_to_one_place() {
        let (most, more) = ("x".repeat(63), "x".repeat(64));
        let (long, name) = (format!("{more}.localhost"), format!("{most}.localhost"));
        let deep = format!("{}localhost", "x.".repeat(130));
        for (host, expected) in [
            ("localhost:9876", "api"),
            ("LOCALHOST:9876", "api"),
            ("127.0.0.1:9876", "api"),
            ("[::1]:9876", "api"),
            ("localhost", "403"),
            ("localhost:80", "403"),
            ("localhost:09876", "403"),
            ("localhost.:9876", "403"),
            ("[::1]", "403"),
            ("evil.example:9876", "403"),
            ("localhost.evil.example:9876", "403"),
            ("evillocalhost:9876", "403"),
            ("127.0.0.2:9876", "403"),
            ("user@localhost:9876", "403"),
            ("user@dev.shop.localhost:9876", "403"),
            ("", "403"),
            ("dev.shop.localhost:9876", "dev.shop.localhost"),
            ("dev.shop.localhost", "dev.shop.localhost"),
            ("dev.shop.localhost:18080", "dev.shop.localhost"),
            ("Dev.SHOP.LocalHost:9876", "dev.shop.localhost"),
            ("dev.shop.localhost.:9876", "dev.shop.localhost"),
            ("shop.localhost:9876", "shop.localhost"),
            ("xn--n3h.localhost:9876", "xn--n3h.localhost"),
            ("my_app.localhost:9876", "my_app.localhost"),
            ("localhost.localhost:9876", "localhost.localhost"),
            ("dev.shop.localhost:", "400"),
            ("dev.shop.localhost:0", "400"),
            ("dev.shop.localhost:65536", "400"),
            ("dev.shop.localhost:+80", "400"),
            ("dev.shop.localhost:80:9876", "403"),
            (".localhost:9876", "400"),
            ("a..localhost:9876", "400"),
            ("dev.shop.localhost..:9876", "403"),
            ("dev shop.localhost:9876", "400"),
            ("dev/shop.localhost", "400"),
            ("☃.localhost:9876", "403"),
            (&name, &name),
            (&long, "400"),
            (&deep, "400"),
        ] {
            assert_eq!(goes("/allocations", &[host]), expected, "{host}");
        }
        assert_eq!(goes("/", &[]), "403");
    }

    #[test]
    fn two_hosts_are_no_request_even_if_they_are_the_same() {
        for hosts in [
            ["localhost:9876", "localhost:9876"],
            ["dev.shop.localhost:9876", "localhost:9876"],
            ["localhost:9876", "dev.shop.localhost:9876"],
        ] {
            assert_eq!(goes("/", &hosts), "400", "{hosts:?}");
        }
    }

    #[test]
    fn a_target_that_names_a_host_names_the_one_of_the_header() {
        for (target, host, expected) in [
            ("http://localhost:9876/status", "localhost:9876", "api"),
            ("http://LocalHost:9876/status", "localhost:9876", "api"),
            ("http://localhost:9876/status", "127.0.0.1:9876", "api"),
            ("http://dev.shop.localhost:9876/", "dev.shop.localhost:9876", "dev.shop.localhost"),
            ("http://dev.shop.localhost/", "DEV.shop.localhost:9876", "dev.shop.localhost"),
            ("http://dev.shop.localhost:9876/allocations", "localhost:9876", "400"),
            ("http://localhost:9876/allocations", "dev.shop.localhost:9876", "400"),
            ("http://web.shop.localhost/", "dev.shop.localhost", "400"),
            ("http://evil.example/", "dev.shop.localhost", "403"),
            ("http://dev.shop.localhost/", "evil.example", "403"),
            ("https://localhost:9876/", "localhost:9876", "403"),
            ("dev.shop.localhost:9876", "dev.shop.localhost:9876", "dev.shop.localhost"),
            ("evil.example:443", "dev.shop.localhost:9876", "403"),
        ] {
            assert_eq!(goes(target, &[host]), expected, "{target} {host}");
        }
    }
}
