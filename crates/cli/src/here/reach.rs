//! At which host the server on a port of this machine answers, and whether it speaks TLS.
//!
//! `localhost` comes first. A server may listen elsewhere only: on another loopback address, on one of the network, or on `::1`
//! where the hosts file has only `127.0.0.1`.

use std::fmt;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use styxy_core::Port;
use styxy_core::api::CheckAnswer;

/// How long a connection to this machine may take.
const CONNECT: Duration = Duration::from_millis(250);
/// How long a server may take to answer a question about its protocol. TLS answers at once; a page may take its time.
const ANSWER: Duration = Duration::from_secs(1);

/// Where a server is reached, as a URL has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// `localhost`, which resolves to an address that answers.
    Localhost,
    /// Only an address of its own.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost => out.write_str("localhost"),
            Self::Address(IpAddr::V4(address)) => address.fmt(out),
            Self::Address(IpAddr::V6(address)) => write!(out, "[{address}]"),
        }
    }
}

impl Host {
    /// The addresses behind it, in the order in which programs try them.
    fn addresses(self, port: Port) -> Vec<SocketAddr> {
        match self {
            Self::Localhost => {
                let resolved = ("localhost", port.get()).to_socket_addrs().map(Iterator::collect);
                resolved.unwrap_or_else(|_| vec![(Ipv4Addr::LOCALHOST, port.get()).into()])
            }
            Self::Address(address) => vec![(address, port.get()).into()],
        }
    }

    /// A connection to `port` there.
    fn connect(self, port: Port) -> Option<TcpStream> {
        let mut addresses = self.addresses(port).into_iter();
        addresses.find_map(|address| TcpStream::connect_timeout(&address, CONNECT).ok())
    }

    /// Whether the server on `port` there speaks TLS.
    ///
    /// It is asked in plain HTTP first: a server that does not speak TLS would write an error into its log. What answers with 400
    /// may be a server that says in plain HTTP that it speaks TLS only.
    pub(crate) fn speaks_tls(self, port: Port) -> bool {
        let asked = format!("HEAD / HTTP/1.1\r\nHost: {self}:{port}\r\nConnection: close\r\n\r\n");
        let Some(plain) = self.connect(port) else { return false };
        match answer(plain, asked.as_bytes()) {
            Some(said) if said.starts_with(b"HTTP/") => {
                let status = said.split(|byte| *byte == b' ').nth(1);
                status == Some(b"400") && self.greets(port)
            }
            Some(_) => self.greets(port),
            // It has not answered yet: a page that is being built.
            None => false,
        }
    }

    /// Whether the server on `port` there answers a `ClientHello` with a record of TLS.
    pub(crate) fn greets(self, port: Port) -> bool {
        let said = self.connect(port).and_then(|stream| answer(stream, &client_hello()));
        // A handshake, or an alert about ours; then the major version, which has been 3 since SSL 3.
        said.is_some_and(|said| matches!(said.as_slice(), [0x15 | 0x16, 3, ..]))
    }
}

/// Whether a connection to `port` succeeds on a loopback address, as far as that is known without the daemon.
pub(crate) fn is_on_loopback(port: Port) -> bool {
    let hosts = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    hosts.iter().any(|address| Host::Address(*address).connect(port).is_some())
}

/// Where the server that `found` tells of is reached: by `localhost`, else by an address that it listens on.
pub(crate) fn host(found: &CheckAnswer) -> Option<Host> {
    hosts(found).into_iter().find(|host| host.connect(found.port).is_some())
}

/// The hosts by which the listeners that `found` tells of may be reached, the best first.
fn hosts(found: &CheckAnswer) -> Vec<Host> {
    let mut hosts = vec![Host::Localhost];
    let usages = found.listeners();
    for address in usages.flat_map(|usage| &usage.addresses).filter_map(|address| address.parse().ok()) {
        let host = Host::Address(match address {
            IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            other => other,
        });
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// What is answered first; nothing if the server keeps silent. An end without an answer is an empty one.
fn answer(mut stream: TcpStream, asked: &[u8]) -> Option<Vec<u8>> {
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    stream.set_write_timeout(Some(ANSWER)).ok()?;
    let mut said = [0; 16];
    let mut length = 0;
    if stream.write_all(asked).is_ok() {
        while length < said.len() {
            match stream.read(&mut said[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if is_silence(&error) && length == 0 => return None,
                Err(_) => break,
            }
        }
    }
    Some(said[..length].to_vec())
}

fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// The first message of TLS 1.3 and 1.2 (RFC 8446, 4.1.2), without a key: any answer to it will do, a refusal too.
fn client_hello() -> Vec<u8> {
    const EXTENSIONS: &[&[u8]] = &[
        // server_name: localhost
        &[0, 0, 0, 14, 0, 12, 0, 0, 9, b'l', b'o', b'c', b'a', b'l', b'h', b'o', b's', b't'],
        // supported_groups: x25519, secp256r1, secp384r1
        &[0, 10, 0, 8, 0, 6, 0, 29, 0, 23, 0, 24],
        // ec_point_formats: uncompressed
        &[0, 11, 0, 2, 1, 0],
        // signature_algorithms: ECDSA, RSA-PSS and RSA with SHA-256 and SHA-384, Ed25519
        &[0, 13, 0, 16, 0, 14, 4, 3, 5, 3, 8, 4, 8, 5, 4, 1, 5, 1, 8, 7],
        // supported_versions: 1.3, 1.2
        &[0, 43, 0, 5, 4, 3, 4, 3, 3],
        // key_share: none
        &[0, 51, 0, 2, 0, 0],
    ];
    const SUITES: &[u8] = &[
        0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc,
        0xa8, 0xc0, 0x13, 0xc0, 0x14, 0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35,
    ];
    /// `body` behind its length.
    fn sized(body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&length[..], body].concat()
    }
    let random = [0x5a; 32];
    let extensions = EXTENSIONS.concat();
    // legacy_version, random, no session, suites, no compression, extensions
    let hello = [&[3, 3][..], &random, &[0], &sized(SUITES), &[1, 0], &sized(&extensions)].concat();
    let handshake = [&[1, 0][..], &sized(&hello)].concat();
    [&[0x16, 3, 1][..], &sized(&handshake)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::net::TcpListener;
    use std::thread;

    fn found(port: u16, addresses: &[&str]) -> CheckAnswer {
        let usage = json!({"addresses": addresses});
        let wire = json!({"port": port, "available": false, "allocated_to": null, "system_usage": usage, "reason": null});
        serde_json::from_value(wire).unwrap()
    }

    /// A server that answers each connection by its first bytes.
    fn server(answers: fn(&[u8]) -> &'static [u8]) -> Port {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut asked = [0; 512];
                let length = stream.read(&mut asked).unwrap_or(0);
                let _ = stream.write_all(answers(&asked[..length]));
            }
        });
        Port::new(port).unwrap()
    }

    const HELLO: u8 = 0x16;
    const ALERT: &[u8] = &[0x15, 3, 1, 0, 2, 2, 40];

    #[test]
    fn tls_is_known_by_its_answer_to_a_hello() {
        let tls = |asked: &[u8]| if asked.first() == Some(&HELLO) { ALERT } else { b"" };
        assert!(Host::Localhost.speaks_tls(server(tls)));
        let tls_that_says_so = |asked: &[u8]| match asked.first() {
            Some(&HELLO) => ALERT,
            _ => b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        };
        assert!(Host::Localhost.speaks_tls(server(tls_that_says_so)));
        for plain in [
            |_: &[u8]| &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            |_: &[u8]| &b"HTTP/1.1 400 Bad\r\n\r\n"[..],
            |_: &[u8]| &b""[..],
        ] {
            assert!(!Host::Localhost.speaks_tls(server(plain)));
        }
    }

    #[test]
    fn a_server_is_reached_by_localhost_and_else_by_its_own_address() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(host(&found(port, &["127.0.0.1"])), Some(Host::Localhost));
        drop(listener);
        assert_eq!(host(&found(port, &["0.0.0.0", "::", "fe80::1%eth0"])), None);
        let hosts = hosts(&found(port, &["0.0.0.0", "127.0.0.1", "192.168.1.5", "::1"]));
        let urls: Vec<String> = hosts.iter().map(Host::to_string).collect();
        assert_eq!(urls, ["localhost", "127.0.0.1", "192.168.1.5", "[::1]"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn another_loopback_address_is_reached() {
        let listener = TcpListener::bind(("127.0.0.2", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let there = Host::Address("127.0.0.2".parse().unwrap());
        assert_eq!(host(&found(port, &["127.0.0.2"])), Some(there));
        assert!(!is_on_loopback(Port::new(port).unwrap()));
    }
}
