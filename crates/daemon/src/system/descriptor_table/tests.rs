use std::cell::Cell;
use std::collections::BTreeMap;

use super::*;

/// A TCP socket of IPv4 that listens on a port of loopback.
fn on(port: u16) -> SocketInfo {
    let [upper, lower] = port.to_be_bytes();
    let mut local = [0; 16];
    local[12..].copy_from_slice(&[127, 0, 0, 1]);
    let tcp = TcpInfo {
        foreign_port: 0,
        local_port: [upper, lower, 0, 0],
        generation: 7,
        flags_and_flow: [0; 2],
        versions: SocketInfo::HAS_IPV4,
        time_to_live: 64,
        reserved: 0,
        foreign: [0; 16],
        local,
        of_versions: [0; 4],
        state: SocketInfo::LISTENS,
        timers_to_reserved: [0; 7],
        handle: 0,
    };
    SocketInfo {
        file: [0; 3],
        stat: [0; 17],
        handles: [0; 2],
        sort: 1,
        protocol: 6,
        family: SocketInfo::IPV4,
        options_to_error: [0; 8],
        out_of_band: 0,
        buffers: [[0; 6]; 2],
        kind: SocketInfo::TCP,
        reserved: 0,
        tcp,
        rest_of_union: [0; 51],
    }
}

fn six(versions: u8, local: Ipv6Addr) -> SocketInfo {
    let socket = on(3000);
    let tcp = TcpInfo { versions, local: local.octets(), ..socket.tcp };
    SocketInfo { family: SocketInfo::IPV6, tcp, ..socket }
}

/// What a process has open: sockets, or why they are not known.
type Open = Result<Vec<Result<SocketInfo, i32>>, i32>;

#[derive(Default)]
struct Machine {
    processes: BTreeMap<u32, Open>,
    /// Begin after the first list of processes.
    later: BTreeMap<u32, Open>,
    lists: Cell<usize>,
    /// Files that each process has open before its sockets.
    files: usize,
}

const GONE: i32 = 3;
const THEIRS: i32 = 1;
const NO_MEMORY: i32 = 12;

fn error(code: i32) -> io::Error {
    match code {
        GONE => io::ErrorKind::NotFound.into(),
        THEIRS => io::ErrorKind::PermissionDenied.into(),
        _ => io::ErrorKind::OutOfMemory.into(),
    }
}

impl Machine {
    fn of(processes: impl IntoIterator<Item = (u32, Open)>) -> Self {
        Self { processes: processes.into_iter().collect(), ..Self::default() }
    }

    fn open(&self, pid: Pid) -> &Open {
        self.processes.get(&pid.get()).or_else(|| self.later.get(&pid.get())).unwrap()
    }

    /// Which ports have a listener, with its process.
    fn ports(&self) -> Vec<(u16, u32)> {
        let found = listening(self).unwrap();
        found.into_iter().map(|(address, pid)| (address.port(), pid.get())).collect()
    }
}

impl Processes for Machine {
    fn pids(&self, room: usize) -> io::Result<Vec<u32>> {
        let round = self.lists.replace(self.lists.get() + 1);
        let later = self.later.keys().take(if round == 0 { 0 } else { usize::MAX });
        Ok([&0].into_iter().chain(self.processes.keys()).chain(later).copied().take(room).collect())
    }

    fn descriptors(&self, pid: Pid, room: usize) -> io::Result<Vec<Descriptor>> {
        let sockets = self.open(pid).as_ref().map_err(|code| error(*code))?;
        let files = std::iter::repeat_n(Descriptor::Other, self.files);
        Ok(files.chain((0..).map(Descriptor::Socket).take(sockets.len())).take(room).collect())
    }

    fn socket(&self, pid: Pid, number: i32) -> io::Result<SocketInfo> {
        let sockets = self.open(pid).as_ref().map_err(|code| error(*code))?;
        sockets[usize::try_from(number).unwrap()].clone().map_err(error)
    }
}

#[test]
fn a_listener_is_seen_whatever_else_there_is() {
    let machine = Machine::of([
        (1, Err(THEIRS)),
        (2, Err(GONE)),
        (3, Ok(vec![Err(GONE), Ok(on(3000)), Ok(on(3000))])),
        (4, Ok(vec![Ok(on(3000)), Ok(on(4000))])),
    ]);
    assert_eq!(machine.ports(), [(3000, 3), (3000, 4), (4000, 4)]);
}

#[test]
fn what_does_not_listen_by_tcp_is_left_out() {
    let connected = SocketInfo { tcp: TcpInfo { state: 4, ..on(1).tcp }, ..on(1) };
    let of_unix = SocketInfo { kind: 3, family: 1, ..on(2) };
    assert_eq!(Machine::of([(3, Ok(vec![Ok(connected), Ok(of_unix)]))]).ports(), []);
}

#[test]
fn no_list_is_cut_off() {
    let many = u32::try_from(ROOM).unwrap();
    let processes = (1..=3 * many).map(|number| (number, Ok(vec![Ok(on(3000))])));
    assert_eq!(Machine::of(processes).ports().len(), 3 * ROOM);
    let machine = Machine { files: 2 * ROOM, ..Machine::of([(3, Ok(vec![Ok(on(3000))]))]) };
    assert_eq!(machine.ports(), [(3000, 3)]);
}

#[test]
fn a_process_that_began_during_the_walk_is_looked_at_too() {
    let machine =
        Machine { later: BTreeMap::from([(9, Ok(vec![Ok(on(3000))]))]), ..Machine::of([(3, Err(GONE))]) };
    assert_eq!(machine.ports(), [(3000, 9)]);
}

#[test]
fn what_stays_unknown_is_an_error() {
    let of_process = Machine::of([(3, Err(NO_MEMORY))]);
    let of_socket = Machine::of([(3, Ok(vec![Ok(on(3000)), Err(NO_MEMORY)]))]);
    assert!(listening(&of_process).is_err() && listening(&of_socket).is_err());
}

#[test]
fn each_address_is_read_from_its_place() {
    let (four, both) = (SocketInfo::HAS_IPV4, SocketInfo::HAS_IPV4 | SocketInfo::HAS_IPV6);
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    let in_last_bytes = Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0x7f00, 1);
    for (socket, address) in [
        (on(3000), "127.0.0.1:3000".parse().unwrap()),
        (six(SocketInfo::HAS_IPV6, Ipv6Addr::LOCALHOST), "[::1]:3000".parse().unwrap()),
        (six(both, Ipv6Addr::UNSPECIFIED), "[::]:3000".parse().unwrap()),
        (six(four, in_last_bytes), SocketAddr::new(mapped.into(), 3000)),
    ] {
        assert_eq!(socket.listens_on(), Some(address));
    }
}
