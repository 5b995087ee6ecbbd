use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Instant;

use rustix::net::sockopt::socket_cookie;
use rustix::process::geteuid;
use socket2::Socket;
use styxy_core::{Port, PortSet};

use super::support::{Family, Family6, Then, bound, in_5_seconds, listener, this_process};
use crate::system::{
    ListeningSocket, SocketTable, find_all_holders, find_holder, find_holders, identify,
    raise_descriptor_limit,
};

/// This very socket in the table; others may listen on the same port at other addresses.
fn in_table(socket: &Socket) -> Option<ListeningSocket> {
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let ports: PortSet = [Port::new(port).unwrap()].into_iter().collect();
    let cookie = socket_cookie(socket).unwrap();
    let mut found = SocketTable::open().unwrap().listening_on(&ports).unwrap();
    found.retain(|socket| socket.cookie == cookie);
    assert!(found.len() < 2 && found.iter().all(|socket| socket.port.get() == port), "{found:?}");
    found.pop()
}

#[test]
fn a_listener_is_in_the_table_with_its_address_user_and_inode() {
    for address in ["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
        let (socket, _port) = listener(address);
        let found = in_table(&socket).unwrap();
        assert_eq!(found.address, address.parse::<SocketAddr>().unwrap().ip());
        assert_eq!(found.uid, Some(geteuid().as_raw()));
        assert_eq!(found.inode, rustix::fs::fstat(&socket).unwrap().st_ino);
    }
}

#[test]
fn a_socket_that_is_only_bound_is_not_in_the_table() {
    let (held, _port) = bound("127.0.0.1:0", Family6::AndV4, Then::IsOnlyBound);
    assert_eq!(in_table(&held), None);
}

#[test]
fn a_table_of_ten_thousand_listeners_is_whole() {
    raise_descriptor_limit().unwrap();
    // Few ports on many addresses, so that other tests find ports.
    let address = |number: u32| Ipv4Addr::from_bits(Ipv4Addr::new(127, 3, 0, 1).to_bits() + number);
    let mut held = Vec::new();
    for _ in 0..50 {
        let first = TcpListener::bind((address(0), 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        held.push(first);
        held.extend((1..200).map(|number| TcpListener::bind((address(number), port)).unwrap()));
    }
    let mut expected: Vec<_> = held.iter().map(|socket| rustix::fs::fstat(socket).unwrap().st_ino).collect();
    let ports: PortSet =
        held.iter().map(|socket| Port::new(socket.local_addr().unwrap().port()).unwrap()).collect();
    expected.sort_unstable();
    let mut table = SocketTable::open().unwrap();
    for _ in 0..3 {
        let mut found: Vec<_> =
            table.listening_on(&ports).unwrap().iter().map(|socket| socket.inode).collect();
        // Parallel tests may listen on the same ports.
        found.retain(|inode| expected.binary_search(inode).is_ok());
        found.sort_unstable();
        assert_eq!((found.len(), found == expected), (10_000, true));
    }
}

#[test]
fn our_own_socket_is_found_with_and_without_a_hint() {
    let (held, _port) = listener("127.0.0.1:0");
    let socket = in_table(&held).unwrap();
    assert_eq!(find_holder(&socket, &[this_process()], in_5_seconds()), Some(this_process()));
    assert_eq!(find_holder(&socket, &[], in_5_seconds()), Some(this_process()));
}

#[test]
fn a_childs_socket_is_found_without_a_hint() {
    let (socket, _port) = listener("127.0.0.1:0");
    let found = in_table(&socket).unwrap();
    let child = Family::shell("echo ready; exec sleep 1000", Stdio::from(OwnedFd::from(socket)));
    assert_eq!(find_holder(&found, &[], in_5_seconds()), Some(child.pid()));
}

#[test]
fn a_hint_also_covers_the_children_of_the_hinted_process() {
    let (socket, _port) = listener("[::1]:0");
    // This process keeps the socket too: without the hint, the lowest number would be the answer.
    let passed_on = socket.try_clone().unwrap();
    let script = "exec 3<&0 0</dev/null; sleep 1000 <&3 3<&- & exec 3<&-; echo $!; wait";
    let shell = Family::shell(script, Stdio::from(OwnedFd::from(passed_on)));
    let holder = find_holder(&in_table(&socket).unwrap(), &[shell.pid()], in_5_seconds()).unwrap();
    assert_eq!(identify(holder).unwrap().parent, Some(shell.pid()));
}

#[test]
fn many_sockets_are_found_in_one_walk_and_strange_ones_are_left_out() {
    let held: Vec<_> = (0..5).map(|_| listener("127.0.0.1:0").0).collect();
    let mut sockets: Vec<_> = held.iter().map(|socket| in_table(socket).unwrap()).collect();
    sockets.push(ListeningSocket { inode: u64::MAX, ..sockets[0] });
    let found = find_holders(&sockets, &[], in_5_seconds());
    assert_eq!(found.len(), 5);
    assert!(sockets[..5].iter().all(|socket| found[&socket.inode] == this_process()));
}

#[test]
fn all_that_share_a_socket_are_found() {
    let (socket, _port) = listener("127.0.0.1:0");
    let found = in_table(&socket).unwrap();
    let shared = || Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
    let script = "echo ready; exec sleep 1000";
    let (first, second) = (Family::shell(script, shared()), Family::shell(script, shared()));
    let all = find_all_holders(&[found], in_5_seconds());
    let pids = &all[&found.inode];
    // Other tests' children have it too until they have become what they run.
    assert!([this_process(), first.pid(), second.pid()].iter().all(|pid| pids.contains(pid)), "{pids:?}");
    assert!(pids.is_sorted());
    drop((socket, first, second));
}

#[test]
fn the_search_gives_up_at_its_deadline() {
    let (held, _port) = listener("127.0.0.1:0");
    assert_eq!(find_holder(&in_table(&held).unwrap(), &[this_process()], Instant::now()), None);
}
