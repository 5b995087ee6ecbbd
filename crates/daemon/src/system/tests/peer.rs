use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::process::geteuid;
use tokio::net::UnixStream;

use super::support::{Family6, Then, bound};
use crate::skip::{Need, skipped};
use crate::system::{Meant, Network, PeerLookup, PeerProcess, Verdict, meant, unix_peer};

/// The user of a client that connects to `to` on a server bound to `address`; `then` gets both before the look-up.
fn asked(address: &str, to: &str, then: impl FnOnce(&mut Option<TcpStream>)) -> Verdict {
    let (server, port) = bound(address, Family6::AndV4, Then::Listens);
    let server: TcpListener = server.into();
    let to: std::net::IpAddr = to.parse().unwrap();
    let mut client = Some(TcpStream::connect((to, port.get())).unwrap());
    let (accepted, from) = server.accept().unwrap();
    then(&mut client);
    PeerLookup::open().unwrap().tcp_client(from, accepted.local_addr().unwrap()).verdict
}

#[test]
fn our_own_client_is_known_on_every_family() {
    for (address, to) in [
        ("127.0.0.1:0", "127.0.0.1"),
        ("[::1]:0", "::1"),
        // IPv4 clients of a server on both families, and clients that write IPv4 as IPv6.
        ("[::]:0", "127.0.0.1"),
        ("[::]:0", "::1"),
        ("127.0.0.1:0", "::ffff:127.0.0.1"),
        ("[::]:0", "::ffff:127.0.0.1"),
    ] {
        assert_eq!(asked(address, to, |_| ()), Verdict::Own, "{address} {to}");
    }
}

#[test]
fn a_client_that_has_closed_is_unknown() {
    assert_eq!(asked("127.0.0.1:0", "127.0.0.1", |client| *client = None), Verdict::Unknown);
}

#[test]
fn another_users_client_is_known_by_its_uid() {
    if !geteuid().is_root() {
        skipped(Need::Root, "only root can give a socket to another user");
        return;
    }
    let verdict = asked("127.0.0.1:0", "127.0.0.1", |client| {
        std::os::unix::fs::fchown(client.as_ref().unwrap(), Some(65_534), None).unwrap();
    });
    assert_eq!(verdict, Verdict::Other(65_534));
    assert!(!verdict.is_trusted());
}

#[test]
fn a_listener_on_the_clients_port_is_not_taken_for_the_client() {
    let (_held, port) = bound("127.0.0.1:0", Family6::AndV4, Then::Listens);
    let (client, server) =
        (SocketAddr::from(([127, 0, 0, 1], port.get())), SocketAddr::from(([127, 0, 0, 1], 9)));
    assert_eq!(PeerLookup::open().unwrap().tcp_client(client, server).verdict, Verdict::Unknown);
}

#[test]
fn a_look_up_that_fails_does_not_spoil_the_next() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
    let (from, to) = (client.local_addr().unwrap(), server.local_addr().unwrap());
    let mut peers = PeerLookup::open().unwrap();
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    assert_eq!(peers.tcp_client(nobody, to).verdict, Verdict::Unknown);
    assert_eq!(peers.tcp_client(from, to).verdict, Verdict::Own);
    assert_eq!(peers.tcp_client("[::1]:9".parse().unwrap(), to).verdict, Verdict::Unknown);
    assert_eq!(peers.tcp_client(from, to).verdict, Verdict::Own);
}

#[tokio::test]
async fn the_other_end_of_a_unix_socket_is_known() {
    let (one, _other) = UnixStream::pair().unwrap();
    let peer = unix_peer(&one);
    assert_eq!((peer.verdict, peer.network), (Verdict::Own, Network::Ours));
    #[cfg(target_os = "linux")]
    {
        let own = crate::daemon::own_pid();
        let PeerProcess::Seen { pid, .. } = peer.process else { panic!("{peer:?}") };
        assert_eq!((pid, meant(own, peer.process)), (own, Meant::This(own)));
    }
}
