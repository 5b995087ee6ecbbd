use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use rustix::net::sockopt::socket_cookie;
use styxy_core::{Occupancy, Port};

use super::support::{listener, soon};
use crate::system::{CloseEvents, Closed, Prober, SocketTable};

/// Everything told until the socket with this cookie closes.
async fn until(events: &mut CloseEvents, cookie: u64) -> Vec<Closed> {
    let mut told = Vec::new();
    soon(async {
        loop {
            let event = events.next().await.unwrap();
            told.push(event);
            if matches!(event, Closed::Port { cookie: this, .. } if this == cookie) {
                return told;
            }
        }
    })
    .await
}

fn tells_of(told: &[Closed], port: Port) -> bool {
    told.iter().any(|event| matches!(event, Closed::Port { port: this, .. } if *this == port))
}

#[tokio::test]
async fn a_closed_listener_is_told_by_the_cookie_that_the_table_gave() {
    let mut events = CloseEvents::subscribe().unwrap();
    for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
        let (socket, port) = listener(address);
        let table = SocketTable::open().unwrap().listening().unwrap();
        let cookie = table.iter().find(|socket| socket.port == port).unwrap().cookie;
        drop(socket);
        assert!(tells_of(&until(&mut events, cookie).await, port));
    }
}

#[tokio::test]
async fn a_probe_is_not_told() {
    let (socket, port) = listener("127.0.0.1:0");
    drop(socket);
    let mut events = CloseEvents::subscribe().unwrap();
    for _ in 0..50 {
        assert_eq!(Prober::new().occupancy(port), Occupancy::Free);
    }
    let (last, _) = listener("127.0.0.1:0");
    let cookie = socket_cookie(&last).unwrap();
    drop(last);
    let told = until(&mut events, cookie).await;
    // The listener's own close may come late; a probe's cookie is always a new one.
    let probes = told.iter().filter(|event| tells_of(&[**event], port)).count();
    assert!(probes <= 1, "{told:?}");
}

#[tokio::test]
async fn connections_are_not_told_refused_or_not() {
    let mut events = CloseEvents::subscribe().unwrap();
    let (refusing, refused_port) = super::support::bound(
        "127.0.0.1:0",
        super::support::Family6::AndV4,
        super::support::Then::IsOnlyBound,
    );
    let mut local = Vec::new();
    for _ in 0..20 {
        let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        client.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        local.push(client.local_addr().unwrap().as_socket().unwrap().port());
        client.connect(&refusing.local_addr().unwrap()).unwrap_err();
    }
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
    local.push(client.local_addr().unwrap().port());
    drop((server.accept().unwrap(), client));
    let (last, _) = listener("127.0.0.1:0");
    let cookie = socket_cookie(&last).unwrap();
    drop(last);
    let told = until(&mut events, cookie).await;
    assert!(!local.iter().any(|port| tells_of(&told, Port::new(*port).unwrap())), "{told:?} {local:?}");
    assert!(!tells_of(&told, refused_port));
}

#[tokio::test]
async fn no_event_is_lost_in_silence() {
    let first = TcpListener::bind("127.4.0.1:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let address = |number: u32| Ipv4Addr::from_bits(Ipv4Addr::new(127, 4, 0, 1).to_bits() + number);
    let mut held: Vec<_> =
        (1..900).map(|number| TcpListener::bind((address(number), port)).unwrap()).collect();
    held.push(first);
    let mut missing: HashSet<_> = held.iter().map(|socket| socket_cookie(socket).unwrap()).collect();
    let mut events = CloseEvents::subscribe().unwrap();
    drop(held);
    soon(async {
        while !missing.is_empty() {
            match events.next().await.unwrap() {
                Closed::Port { cookie, .. } => missing.remove(&cookie),
                Closed::Lost => return,
            };
        }
    })
    .await;
}
