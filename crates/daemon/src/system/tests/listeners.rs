use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Instant;

use rustix::process::geteuid;
use styxy_core::{Port, PortSet};

use super::support::{Family, Family6, Then, bound, in_5_seconds, listener, this_process};
use crate::system::{ListeningSocket, SocketTable, find_holder, find_holders, raise_descriptor_limit};

fn on(port: Port) -> Vec<ListeningSocket> {
    let ports: PortSet = [port].into_iter().collect();
    SocketTable::open().unwrap().listening_on(&ports).unwrap()
}

/// The one listener on `port`, whose only holder is this process unless the socket is passed on.
fn only(port: Port) -> ListeningSocket {
    let found = on(port);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

#[test]
fn a_listener_is_in_the_table_with_its_address_user_inode_and_cookie() {
    for address in ["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
        let (socket, port) = listener(address);
        let found = only(port);
        assert_eq!(found.address, address.parse::<SocketAddr>().unwrap().ip());
        assert_eq!(found.uid, Some(geteuid().as_raw()));
        assert_eq!(found.inode, rustix::fs::fstat(&socket).unwrap().st_ino);
        assert_eq!(found.cookie, rustix::net::sockopt::socket_cookie(&socket).unwrap());
    }
}

#[test]
fn a_socket_that_is_only_bound_is_not_in_the_table() {
    let (_held, port) = bound("127.0.0.1:0", Family6::AndV4, Then::IsOnlyBound);
    assert_eq!(on(port), []);
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
    let mut table = SocketTable::open().unwrap();
    for _ in 0..3 {
        let mut found: Vec<_> =
            table.listening_on(&ports).unwrap().iter().map(|socket| socket.inode).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!((found.len(), found == expected), (10_000, true));
    }
}

#[test]
fn our_own_socket_is_found_with_and_without_a_hint() {
    let (_held, port) = listener("127.0.0.1:0");
    let socket = only(port);
    assert_eq!(find_holder(&socket, &[this_process()], in_5_seconds()), Some(this_process()));
    assert_eq!(find_holder(&socket, &[], in_5_seconds()), Some(this_process()));
}

#[test]
fn a_childs_socket_is_found_without_a_hint() {
    let (socket, port) = listener("127.0.0.1:0");
    let child = Family::shell("echo ready; exec sleep 1000", Stdio::from(OwnedFd::from(socket)));
    assert_eq!(find_holder(&only(port), &[], in_5_seconds()), Some(child.pid()));
}

#[test]
fn a_hint_also_covers_the_children_of_the_hinted_process() {
    let (socket, port) = listener("[::1]:0");
    let script = "exec 3<&0 0</dev/null; sleep 1000 <&3 3<&- & exec 3<&-; echo $!; wait";
    let shell = Family::shell(script, Stdio::from(OwnedFd::from(socket)));
    let holder = find_holder(&only(port), &[shell.pid()], in_5_seconds()).unwrap();
    assert_ne!(holder, shell.pid());
    assert_eq!(crate::system::identify(holder).unwrap().parent, Some(shell.pid()));
}

#[test]
fn many_sockets_are_found_in_one_walk_and_strange_ones_are_left_out() {
    let held: Vec<_> = (0..5).map(|_| listener("127.0.0.1:0")).collect();
    let mut sockets: Vec<_> = held.iter().map(|(_, port)| only(*port)).collect();
    let strange = ListeningSocket { inode: u64::MAX, ..sockets[0] };
    sockets.push(strange);
    let found = find_holders(&sockets, &[], in_5_seconds());
    assert_eq!(found.len(), 5);
    assert!(held.iter().all(|(_, port)| found[&only(*port).inode] == this_process()));
}

#[test]
fn the_search_gives_up_when_its_time_is_over() {
    let (_held, port) = listener("127.0.0.1:0");
    assert_eq!(find_holder(&only(port), &[this_process()], Instant::now()), None);
}
