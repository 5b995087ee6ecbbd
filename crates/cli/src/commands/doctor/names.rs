//! Whether programs that ask the system find the names of the front door.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use styxy_core::api::AllocationsQuery;
use styxy_core::order::Order as _;

use super::finding::Finding;
use crate::here::context;

/// A resolver that knows no such name may ask the network, which may take long.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the system says of a name below `.localhost`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolver {
    Knows,
    DoesNotKnow,
    /// It has not answered in time.
    Silent,
}

/// Whether the system knows names below `.localhost`. `hosts` are the names of the live servers.
pub(super) fn resolver() -> Finding {
    // A name that no hosts file has.
    let name = format!("styxy-{}.localhost", std::process::id());
    let hosts = if cfg!(target_os = "macos") { hosts() } else { Vec::new() };
    said(System::HERE, ask(name), &hosts)
}

fn ask(name: String) -> Resolver {
    let (answer, answered) = mpsc::channel();
    thread::spawn(move || {
        let found = (name.as_str(), 80).to_socket_addrs();
        let is_here = |found: std::vec::IntoIter<std::net::SocketAddr>| {
            let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            !addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback)
        };
        // Nobody listens any more after the deadline.
        let _ = answer.send(found.is_ok_and(is_here));
    });
    match answered.recv_timeout(PATIENCE) {
        Ok(true) => Resolver::Knows,
        Ok(false) => Resolver::DoesNotKnow,
        Err(_) => Resolver::Silent,
    }
}

/// The names of the servers that have a lease.
fn hosts() -> Vec<String> {
    let leases = context::ask_with(context::Autostart::Never, async |client| {
        Ok(client.allocations(&AllocationsQuery::default()).await.ok())
    });
    let leases = leases.ok().flatten().map(|answer| answer.allocations).unwrap_or_default();
    let mut hosts: Vec<String> = leases.into_iter().filter_map(|lease| lease.host).collect();
    hosts.order();
    hosts.dedup();
    hosts
}

/// Where what to do differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Linux,
    MacOs,
    Windows,
}

impl System {
    const HERE: Self = if cfg!(target_os = "macos") {
        Self::MacOs
    } else if cfg!(windows) {
        Self::Windows
    } else {
        Self::Linux
    };
}

const FOR_PROGRAMS: &str = "STYXY_<SERVICE>_URL has the port, for programs";

fn said(system: System, resolver: Resolver, hosts: &[String]) -> Finding {
    let unknown = match resolver {
        Resolver::Knows => return Finding::ok("names", "this system finds names such as dev.shop.localhost"),
        Resolver::DoesNotKnow => "this system does not find names such as dev.shop.localhost",
        Resolver::Silent => {
            "this system does not say within 2 s whether it finds names such as dev.shop.localhost"
        }
    };
    match system {
        System::Linux => Finding::ok(
            "names",
            format!(
                "{unknown}; browsers and curl do, Node, Python and Go do not. {FOR_PROGRAMS}. With libnss-myhostname or \
                 systemd-resolved all programs find the names"
            ),
        ),
        System::Windows => {
            Finding::ok("names", format!("{unknown}; browsers do, Node does not. {FOR_PROGRAMS}"))
        }
        System::MacOs if hosts.is_empty() => Finding::ok(
            "names",
            format!(
                "{unknown}; Chrome and Firefox do, Safari does not. {FOR_PROGRAMS}. A line in /etc/hosts helps Safari"
            ),
        ),
        System::MacOs => {
            let lines: Vec<String> = hosts.iter().map(|host| format!("127.0.0.1 {host}")).collect();
            Finding::warn(
                "names",
                format!("{unknown}; Chrome and Firefox do, Safari does not. {FOR_PROGRAMS}"),
                format!("for Safari, add to /etc/hosts:\n{}", lines.join("\n")),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::show;
    use crate::say::shown::{each, snapshot};

    #[test]
    fn it_is_said_which_programs_find_names_and_what_the_others_use() {
        let shown = |system, resolver, hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let mut out = Vec::new();
            show(&[said(system, resolver, &hosts)], &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        snapshot!(
            "doctor_names",
            each([
                ("known", shown(System::Linux, Resolver::Knows, &[])),
                ("Linux", shown(System::Linux, Resolver::DoesNotKnow, &[])),
                ("no answer", shown(System::Linux, Resolver::Silent, &[])),
                ("Windows", shown(System::Windows, Resolver::DoesNotKnow, &[])),
                ("macOS", shown(System::MacOs, Resolver::DoesNotKnow, &[])),
                (
                    "macOS, with servers",
                    shown(
                        System::MacOs,
                        Resolver::DoesNotKnow,
                        &["api.shop.localhost", "dev.shop.localhost"]
                    )
                ),
            ])
        );
    }
}
