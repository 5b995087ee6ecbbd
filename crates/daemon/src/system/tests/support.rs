//! Children that cannot outlive their test, and sockets of every kind.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use socket2::{Domain, Socket, Type};
use styxy_core::{Pid, Port};

/// A child and all that it starts, killed and reaped at the end.
pub(in crate::system) struct Family(pub(super) Child);

impl Family {
    pub(in crate::system) fn start(command: &mut Command) -> Self {
        Self(command.process_group(0).spawn().unwrap())
    }

    /// A child that does nothing for a long time.
    pub(in crate::system) fn idle() -> Self {
        Self::start(Command::new("sleep").arg("1000"))
    }

    /// A child that has printed its first line: only then does it surely run the program that it was started as.
    pub(in crate::system) fn ready(command: &mut Command) -> Self {
        let mut family = Self::start(command.stdout(Stdio::piped()));
        let said = BufReader::new(family.0.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        assert!(said > 0, "the child ended early");
        family
    }

    /// A shell that has printed its first line.
    pub(in crate::system) fn shell(script: &str, stdin: Stdio) -> Self {
        Self::ready(Command::new("sh").args(["-c", script]).stdin(stdin))
    }

    /// A shell called by another name, with one more argument, that waits for input in this folder.
    pub(in crate::system) fn waiting(program: &Path, argument: &str, folder: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(["-c", "echo ready; read line", argument]).current_dir(folder);
        Self::ready(command.stdin(Stdio::piped()))
    }

    pub(in crate::system) fn pid(&self) -> Pid {
        Pid::new(self.0.id()).unwrap()
    }

    fn system_pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.0)
    }

    /// Kills the child and waits for its end, but does not reap it.
    pub(in crate::system) fn make_zombie(&self) {
        kill_process_group(self.system_pid(), Signal::KILL).unwrap();
        waitid(WaitId::Pid(self.system_pid()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    }

    pub(in crate::system) fn kill_and_reap(&mut self) {
        kill_process_group(self.system_pid(), Signal::KILL).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let _ = kill_process_group(self.system_pid(), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Whether a test socket is only bound.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::system) enum Then {
    Listens,
    IsOnlyBound,
}

/// Which families an IPv6 test socket takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::system) enum Family6 {
    Only,
    AndV4,
}

/// A socket with no option set but the family's.
pub(in crate::system) fn bound(address: &str, family: Family6, then: Then) -> (Socket, Port) {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    if address.is_ipv6() {
        socket.set_only_v6(family == Family6::Only).unwrap();
    }
    socket.bind(&address.into()).unwrap();
    if then == Then::Listens {
        socket.listen(16).unwrap();
    }
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, Port::new(port).unwrap())
}

/// A listener on this address; `[::]` takes both families.
pub(in crate::system) fn listener(address: &str) -> (Socket, Port) {
    bound(address, Family6::AndV4, Then::Listens)
}

/// Checks a claim about a closed port on several ports: a parallel test may be given one of them.
pub(in crate::system) fn on_one_of_several_ports(claim: impl Fn() -> bool) {
    assert!((0..5).any(|_| claim()), "true of none of five ports");
}

pub(in crate::system) fn in_5_seconds() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// Waits at most 5 seconds for `future`.
pub(in crate::system) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), future).await.expect("nothing came within 5 seconds")
}

pub(in crate::system) fn this_process() -> Pid {
    Pid::new(std::process::id()).unwrap()
}
