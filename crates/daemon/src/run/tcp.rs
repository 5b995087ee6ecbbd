//! The TCP side of the daemon: loopback only, non-blocking, as Tokio wants it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use styxy_core::api::DEFAULT_PORT;
use styxy_core::{Port, with_causes};

use super::error::{PortError, StartError};

/// If no port is configured: how many ports after the default one are tried.
const FURTHER: u16 = 10;

/// The TCP side of the daemon: both loopback addresses on one port, one of them, or none.
#[derive(Debug)]
pub(super) struct TcpBinding {
    /// `127.0.0.1` and, where the machine has it, `::1`.
    pub(super) listeners: Vec<TcpListener>,
    /// What a person should know: the port is not the default one, or there is none.
    pub(super) notes: Vec<String>,
}

impl TcpBinding {
    /// `127.0.0.1:9876`, `[::1]:9876`
    pub(super) fn addresses(&self) -> Vec<String> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .map(|addr| addr.to_string())
            .collect()
    }
}

/// Listens on loopback: on `listen_port`, or if none is configured on the first free port from 9876 to 9886.
///
/// `who` names the process that has a port, for people; it is asked only about ports that are taken.
///
/// # Errors
/// The configured port is unavailable. Without a configured port nothing is an error: the binding then has no
/// listeners, and a note.
pub(super) fn bind(
    listen_port: Option<Port>,
    who: impl Fn(Port) -> Option<String>,
) -> Result<TcpBinding, StartError> {
    let Some(port) = listen_port else {
        let ports = (DEFAULT_PORT..=DEFAULT_PORT + FURTHER).filter_map(|number| Port::new(number).ok());
        return Ok(bind_first(ports, who));
    };
    match bind_loopback(port, who) {
        Ok(listeners) => Ok(TcpBinding { listeners, notes: Vec::new() }),
        Err(source) => Err(StartError::Port { port, source }),
    }
}

fn bind_first(ports: impl IntoIterator<Item = Port>, who: impl Fn(Port) -> Option<String>) -> TcpBinding {
    let mut passed: Vec<(Port, PortError)> = Vec::new();
    for port in ports {
        match bind_loopback(port, &who) {
            Ok(listeners) => {
                let note = format!("{}; the daemon listens on {port} instead", words(&passed));
                let notes = if passed.is_empty() { Vec::new() } else { vec![note] };
                return TcpBinding { listeners, notes };
            }
            // Another port would not be different.
            Err(error @ PortError::NoLoopback) => {
                let note = format!("{error}; the daemon listens on its socket only");
                return TcpBinding { listeners: Vec::new(), notes: vec![note] };
            }
            Err(error) => passed.push((port, error)),
        }
    }
    let note = format!(
        "{}; the daemon listens on its socket only: set listen_port in config.json to choose a port",
        words(&passed)
    );
    TcpBinding { listeners: Vec::new(), notes: vec![note] }
}

/// `port 9876 is taken by node (pid 7)`, and how many more are unavailable.
fn words(passed: &[(Port, PortError)]) -> String {
    let Some(((port, error), more)) = passed.split_first() else { return String::new() };
    let first = format!("port {port} is {}", with_causes(error));
    match more {
        [] => first,
        [(port, _)] => format!("{first}, and port {port} is unavailable too"),
        [.., (last, _)] => format!("{first}, and the ports up to {last} are unavailable too"),
    }
}

/// Both loopback addresses on one port; one of them where the machine has no other.
fn bind_loopback(port: Port, who: impl Fn(Port) -> Option<String>) -> Result<Vec<TcpListener>, PortError> {
    try_bind_loopback(port).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => PortError::Taken { holder: who(port) },
        io::ErrorKind::AddrNotAvailable => PortError::NoLoopback,
        _ => PortError::Refused(error),
    })
}

fn try_bind_loopback(port: Port) -> io::Result<Vec<TcpListener>> {
    if !cfg!(target_os = "linux") {
        check_nobody_listens(port)?;
    }
    let (mut listeners, mut missing) = (Vec::new(), None);
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        match bind_one(address, port) {
            Ok(listener) => listeners.push(listener),
            // Somebody else on one of the addresses would be taken for the daemon.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            // The machine does not have this family, or it is disabled.
            Err(error) => missing = missing.or(Some(error)),
        }
    }
    match missing {
        Some(error) if listeners.is_empty() => Err(error),
        Some(_) | None => Ok(listeners),
    }
}

fn bind_one(address: IpAddr, port: Port) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((address, port.get()))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// On other systems than Linux a bind to loopback can succeed although another process listens on all addresses. So
/// this function first tries to connect.
fn check_nobody_listens(port: Port) -> io::Result<()> {
    let patience = std::time::Duration::from_millis(50);
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        if std::net::TcpStream::connect_timeout(&SocketAddr::new(address, port.get()), patience).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
    }
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, Ordering};

    use styxy_core::api::{Code, Refusal};

    use super::*;

    /// A listener on any port of `address`, held while the test runs.
    fn stranger(address: &str) -> (TcpListener, Port) {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = Port::new(listener.local_addr().unwrap().port()).unwrap();
        (listener, port)
    }

    /// A port that no other test takes: below those that the kernel gives out for `:0` and for outgoing
    /// connections, each number once per process, and free of strangers now.
    fn free() -> Port {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let start = 21_000 + u16::try_from(std::process::id() % 64).unwrap() * 128;
        loop {
            let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
            if TcpListener::bind(("0.0.0.0", port)).is_ok() {
                return Port::new(port).unwrap();
            }
        }
    }

    fn nobody(_: Port) -> Option<String> {
        None
    }

    #[test]
    fn a_configured_port_that_is_taken_is_a_refusal_that_names_the_holder() {
        let (_stranger, port) = stranger("127.0.0.1");
        let taken = bind(Some(port), |asked| (asked == port).then(|| "node (pid 7)".into()));
        let refusal = Refusal::from(taken.unwrap_err());
        assert_eq!(refusal.code, Code::PortUnavailable);
        assert!(refusal.error.contains("taken by node (pid 7)"), "{refusal}");
        assert_eq!(refusal.details["holder"], "node (pid 7)");
        assert!(refusal.hint.unwrap().contains("listen_port"));
    }

    #[test]
    fn a_configured_port_that_is_free_is_bound_without_a_note() {
        let port = free();
        let binding = bind(Some(port), nobody).unwrap();
        assert!(binding.addresses().contains(&format!("127.0.0.1:{port}")) && binding.notes.is_empty());
    }

    #[test]
    fn a_port_with_a_stranger_on_any_of_its_addresses_is_skipped_with_a_note() {
        for address in ["127.0.0.1", "0.0.0.0", "::1", "::"] {
            let Ok(listener) = TcpListener::bind((address, 0)) else { continue }; // no IPv6 here
            let taken = Port::new(listener.local_addr().unwrap().port()).unwrap();
            let free = free();
            let binding = bind_first([taken, free], |_| Some("node (pid 7)".into()));
            assert!(binding.addresses().contains(&format!("127.0.0.1:{free}")), "{address}: {binding:?}");
            let note = binding.notes.join("");
            assert!(note.contains(&format!("port {taken} is taken by node (pid 7)")), "{note}");
            assert!(note.contains(&format!("listens on {free} instead")), "{note}");
        }
    }

    #[test]
    fn both_loopback_addresses_are_on_one_port_or_there_is_no_ipv6() {
        let binding = bind_first([free()], nobody);
        let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
        assert_eq!(binding.listeners.len(), if has_ipv6 { 2 } else { 1 });
        let ports: Vec<u16> = binding.listeners.iter().map(|l| l.local_addr().unwrap().port()).collect();
        assert!(ports.iter().all(|port| *port == ports[0]));
    }

    #[test]
    fn with_every_port_taken_there_are_no_listeners_and_a_note() {
        let (_a, a) = stranger("127.0.0.1");
        let (_b, b) = stranger("0.0.0.0");
        let binding = bind_first([a, b], nobody);
        assert!(binding.listeners.is_empty() && binding.addresses().is_empty());
        assert!(binding.notes[0].contains("socket only"), "{:?}", binding.notes);
    }

    #[test]
    fn many_ports_that_are_taken_are_one_sentence() {
        let taken: Vec<_> = (0..11).map(|_| stranger("127.0.0.1")).collect();
        let binding = bind_first(taken.iter().map(|(_, port)| *port), |_| Some("node (pid 7)".into()));
        let note = &binding.notes[0];
        assert_eq!(note.matches("node (pid 7)").count(), 1, "{note}");
        assert!(note.contains(&format!("the ports up to {} are unavailable too", taken[10].1)), "{note}");
    }

    #[test]
    fn a_port_whose_last_connections_are_in_time_wait_can_be_bound_again() {
        let port = free();
        let binding = bind(Some(port), nobody).unwrap();
        let listener = &binding.listeners[0];
        listener.set_nonblocking(false).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        drop(listener.accept().unwrap()); // the side that closes first keeps the port in TIME_WAIT
        drop(client);
        drop(binding);
        bind(Some(port), nobody).unwrap();
    }
}
