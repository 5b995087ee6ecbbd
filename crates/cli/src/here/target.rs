//! What people type to say which port they mean: the port, an address or a URL of this machine, a service, or a lease's id.
//!
//! Reading says what a text can mean. Which lease a service has, and whether a word is a service or the beginning of an id, is
//! known only when the daemon is asked: [`crate::here::server`].

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::str::FromStr;

use reqwest::Url;
use styxy_core::{Invalid, LockId, Port, ServiceName, ServiceType};

use crate::say::facts;

/// What the help of every command says about it.
pub(crate) const HELP: &str = "A port, an address or URL of this machine, a service of this worktree, or a lease id: 3000, \
                               localhost:3000, http://localhost:3000, dev, dev/web, 4f5e";

const ALLOWED: &str = "a port (3000), an address of this machine (localhost:3000), a URL of it (http://localhost:3000), a \
                       service (dev, dev/web), or the id of a lease";

/// Which port is meant, as it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    /// `3000`, `:3000`, `localhost:3000`, `http://localhost:3000/path`
    Port(Port),
    /// `dev`, `dev/web`
    Service(ServiceType, Option<ServiceName>),
    /// `packages.web`: the name of a service, whose type was not typed.
    Name(ServiceName),
    /// A full lease id.
    Lease(LockId),
    /// Hexadecimal digits: the beginning of a lease id. It may be the name of a service too, such as `db`.
    Beginning(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, &is_ours).map_err(|error| error.to_string())
    }
}

impl Target {
    /// Reads `text`. `is_ours` says whether a host is this machine.
    fn read(text: &str, is_ours: &dyn Fn(&str) -> bool) -> Result<Self, Invalid> {
        if text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return text.parse().map(Self::Port);
        }
        if let Ok(lock_id) = LockId::parse(text) {
            return Ok(Self::Lease(lock_id));
        }
        let invalid = || Invalid::text(text, "does not say which port is meant", ALLOWED);
        if range(text).is_some() {
            return Err(Invalid::text(text, "is a range of ports", "one port; styxy scan takes a range"));
        }
        if text.contains(':') || text == "localhost" || text.parse::<IpAddr>().is_ok() {
            return address(text, is_ours).unwrap_or_else(|| Err(invalid())).map(Self::Port);
        }
        if is_beginning(text) {
            return Ok(Self::Beginning(text.to_owned()));
        }
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind, Some(name)),
            None => (text, None),
        };
        if let Some(name) = dotted(text) {
            return Ok(Self::Name(name));
        }
        let name = name.map(ServiceName::new).transpose();
        match (ServiceType::new(kind), name) {
            (Ok(kind), Ok(name)) => Ok(Self::Service(kind, name)),
            (Err(_), _) | (_, Err(_)) => Err(invalid()),
        }
    }

    /// As it is typed.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Port(port) => port.to_string(),
            Self::Service(kind, name) => facts::label(kind, name.as_ref()),
            Self::Name(name) => name.to_string(),
            Self::Lease(id) => id.to_string(),
            Self::Beginning(text) => text.clone(),
        }
    }
}

/// The ends of a range of ports, the lower one first: `3000-3010`, `3000..3010`. No lease id begins so.
pub(crate) fn range(text: &str) -> Option<(Port, Port)> {
    let (first, last) =
        ["-", "–", "..=", "...", "..", ":"].iter().find_map(|between| text.split_once(between))?;
    let (first, last): (Port, Port) = (first.parse().ok()?, last.parse().ok()?);
    Some((first.min(last), first.max(last)))
}

/// The command that shows a range of ports.
pub(crate) fn scan(first: Port, last: Port) -> String {
    format!("styxy scan {first}-{last}")
}

/// The name that the service of a package's folder has: `packages.web`.
fn dotted(text: &str) -> Option<ServiceName> {
    let begins = |part: &str| part.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    ServiceName::new(text).ok().filter(|_| text.contains('.') && text.split('.').all(begins))
}

/// Whether `text` may be the beginning of a lease id.
fn is_beginning(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    digits && text.len() < 36 && text.bytes().next().is_some_and(|byte| byte != b'-')
}

/// The port of an address or a URL; none if `text` is neither.
fn address(text: &str, is_ours: &dyn Fn(&str) -> bool) -> Option<Result<Port, Invalid>> {
    let url = url(text)?;
    // `*:3000`, as lsof and ss write all addresses.
    let host = url.host_str().map(|host| host.trim_matches(['[', ']']).trim_end_matches('.'));
    let host = host.filter(|host| !host.is_empty())?.to_ascii_lowercase();
    if host != "*" && !is_ours(&host) {
        let allowed = "localhost, and the names and addresses that this machine has itself";
        return Some(Err(Invalid::text(&host, "is not this machine", allowed)));
    }
    Some(match url.port_or_known_default() {
        Some(port) => Port::new(port),
        None => Err(Invalid::text(text, "names no port", "an address with a port, such as localhost:3000")),
    })
}

fn url(text: &str) -> Option<Url> {
    if text.contains("://") {
        return Url::parse(text).ok();
    }
    // A scheme without a usual port: an address has one only if it is written.
    if text.starts_with(':') && !text.starts_with("::") {
        return Url::parse(&format!("tcp://localhost{text}")).ok();
    }
    // `:::3000` and `::1:3000`, as netstat writes the addresses of IPv6.
    let bare = text.rsplit_once(':').filter(|(host, _)| host.contains(':') && host.parse::<IpAddr>().is_ok());
    let text = bare.map_or_else(|| text.to_owned(), |(host, port)| format!("[{host}]:{port}"));
    Url::parse(&format!("tcp://{text}")).ok()
}

/// Whether `host`, in lower case, is this machine: by its name, or by an address that can be bound here.
fn is_ours(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        let is_here = address.is_loopback() || address.is_unspecified();
        return is_here || UdpSocket::bind(SocketAddr::new(address, 0)).is_ok();
    }
    host == "localhost" || host.ends_with(".localhost") || is_own_name(host)
}

#[cfg(unix)]
fn is_own_name(host: &str) -> bool {
    let own = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let short = |name: &str| name.strip_suffix(".local").unwrap_or(name).to_owned();
    !own.is_empty() && short(host) == short(&own)
}

#[cfg(windows)]
fn is_own_name(host: &str) -> bool {
    std::env::var("COMPUTERNAME").is_ok_and(|own| own.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip::wine_lacks;

    fn read(text: &str) -> Result<Target, String> {
        let ours =
            |host: &str| ["localhost", "127.0.0.1", "::1", "::", "0.0.0.0", "192.168.1.5"].contains(&host);
        Target::read(text, &ours).map_err(|error| error.to_string())
    }

    #[test]
    fn a_port_is_read_in_every_form_in_which_programs_print_it() {
        for text in [
            "3000",
            ":3000",
            "*:3000",
            "localhost:3000",
            "localhost:3000/",
            "LOCALHOST:3000/path?x=1",
            "localhost.:3000",
            "127.0.0.1:3000",
            "0.0.0.0:3000",
            "192.168.1.5:3000",
            "[::1]:3000",
            "[::]:3000",
            ":::3000",
            "::1:3000",
            "http://localhost:3000",
            "https://localhost:3000/",
            "http://127.0.0.1:3000/path/to?query=1#part",
            "http://user:secret@localhost:3000/",
            "http://[::1]:3000/x",
            "ws://localhost:3000/socket",
            "postgres://ada:secret@localhost:3000/shop",
        ] {
            assert_eq!(read(text), Ok(Target::Port(Port::new(3000).unwrap())), "{text}");
        }
        for (text, port) in [("http://localhost", 80), ("https://localhost/x", 443), ("localhost:80", 80)] {
            assert_eq!(read(text), Ok(Target::Port(Port::new(port).unwrap())), "{text}");
        }
    }

    #[test]
    fn a_service_is_read_with_its_name() {
        let service = |kind: &str, name: Option<&str>| {
            Target::Service(kind.parse().unwrap(), name.map(|name| name.parse().unwrap()))
        };
        for (text, kind, name) in [
            ("dev", "dev", None),
            ("dev/web", "dev", Some("web")),
            ("dev/packages.web", "dev", Some("packages.web")),
            ("api_2/a-b", "api_2", Some("a-b")),
            ("db/main", "db", Some("main")),
            ("storybook", "storybook", None),
        ] {
            assert_eq!(read(text), Ok(service(kind, name)), "{text}");
            assert_eq!(service(kind, name).shown(), text);
        }
    }

    #[test]
    fn up_to_five_digits_are_a_port_and_other_hexadecimal_digits_begin_an_id() {
        for text in ["123456", "4F5E", "4f5e0000-0000", "db"] {
            assert_eq!(read(text), Ok(Target::Beginning(text.to_owned())), "{text}");
        }
        let whole = "4f5e0000-0000-4000-8000-000000003000";
        assert_eq!(read(whole), Ok(Target::Lease(LockId::parse(whole).unwrap())));
    }

    #[test]
    fn a_name_with_dots_is_a_packages_and_a_range_is_for_scan() {
        for text in ["packages.web", "a.b.c", "apps.web-2"] {
            assert_eq!(read(text), Ok(Target::Name(text.parse().unwrap())), "{text}");
        }
        for text in ["3000-3010", "3010-3000"] {
            assert!(read(text).unwrap_err().contains("is a range of ports; allowed: one port"), "{text}");
            let (first, last) = range(text).unwrap();
            assert_eq!(scan(first, last), "styxy scan 3000-3010");
        }
        assert_eq!(read("4f5e0000-3010"), Ok(Target::Beginning("4f5e0000-3010".to_owned())));
        assert_eq!(read("30000000-3010"), Ok(Target::Beginning("30000000-3010".to_owned())));
    }

    #[test]
    fn what_says_no_port_is_refused_with_what_is_allowed() {
        for bad in ["0", "70000", "99999", ":0", "localhost:0"] {
            let error = read(bad).unwrap_err();
            assert!(
                error.contains("is not a port; allowed: a whole number from 1 to 65535"),
                "{bad}: {error}"
            );
        }
        for bad in ["localhost", "127.0.0.1", "postgres://localhost/shop", "localhost:", ":"] {
            assert!(read(bad).unwrap_err().contains("names no port; allowed: "), "{bad}");
        }
        let long = "x".repeat(60);
        for bad in [
            "", "-1", "+80", "3.5", "a b", "dev/", "/web", "dev/a/b", "ü", "http://", "a:b:c", ":70000",
            &long,
        ] {
            let error = read(bad).unwrap_err();
            assert!(
                error.contains("does not say which port is meant; allowed: a port (3000)"),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn another_machines_address_is_refused_by_its_name() {
        for (text, host) in [
            ("http://example.com:3000/x", "example.com"),
            ("example.com:3000", "example.com"),
            ("192.168.1.6:3000", "192.168.1.6"),
            ("https://[2001:db8::1]/", "2001:db8::1"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(&format!("\"{host}\" is not this machine")), "{text}: {error}");
        }
    }

    #[test]
    fn this_machine_knows_its_own_names_and_addresses() {
        for host in ["localhost", "shop.localhost", "127.0.0.1", "127.0.0.2", "::1", "0.0.0.0", "::"] {
            assert!(is_ours(host), "{host}");
        }
        for host in ["example.com", "localhost.example.com"] {
            assert!(!is_ours(host), "{host}");
        }
        if !wine_lacks("a refusal to bind another machine's address") {
            assert!(!is_ours("203.0.113.77") && !is_ours("2001:db8::1"));
        }
    }
}
