use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use rustix::net::sockopt::socket_cookie;
use socket2::{Domain, Socket, Type};
use styxy_core::{Occupancy, Port};

use super::support::{Family6, Then, bound, listener, soon};
use crate::system::{CloseEvents, Closed, Prober, SocketTable};

/// Every event until the socket with this cookie closes. None if parallel tests close so many sockets that events are
/// lost; the stream then reported the loss.
async fn until(events: &mut CloseEvents, cookie: u64) -> Option<Vec<Closed>> {
    let mut told = Vec::new();
    soon(async {
        loop {
            match events.next().await.unwrap() {
                Closed::Lost => return None,
                event @ Closed::Port { cookie: this, .. } => told.push((event, this)),
            }
            if told.last().is_some_and(|(_, this)| *this == cookie) {
                return Some(told.into_iter().map(|(event, _)| event).collect());
            }
        }
    })
    .await
}

/// Every event until a listener closes that this function opens and closes.
async fn until_now(events: &mut CloseEvents) -> Option<Vec<Closed>> {
    let (last, _port) = listener("127.0.0.1:0");
    let cookie = socket_cookie(&last).unwrap();
    drop(last);
    until(events, cookie).await
}

fn times(told: &[Closed], port: Port) -> usize {
    told.iter().filter(|event| matches!(event, Closed::Port { port: this, .. } if *this == port)).count()
}

#[tokio::test]
async fn a_closed_listener_is_reported_with_its_cookie_from_the_table() {
    let mut proven = HashSet::new();
    while proven.len() < 3 {
        let mut events = CloseEvents::subscribe().unwrap();
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let (socket, port) = listener(address);
            let inode = rustix::fs::fstat(&socket).unwrap().st_ino;
            let table = SocketTable::open().unwrap().listening().unwrap();
            let cookie = table.iter().find(|socket| socket.inode == inode).unwrap().cookie;
            drop(socket);
            if let Some(told) = until(&mut events, cookie).await {
                assert!(told.contains(&Closed::Port { port, cookie }));
                proven.insert(address);
            }
        }
    }
}

#[tokio::test]
async fn a_probe_is_not_reported() {
    for _ in 0..20 {
        let mut events = CloseEvents::subscribe().unwrap();
        let (socket, port) = listener("127.0.0.1:0");
        drop(socket);
        // Parallel tests may be given the port for some of the time.
        let probes = (0..200).filter(|_| Prober::new().occupancy(port) == Occupancy::Free).count();
        if let Some(told) = until_now(&mut events).await
            && probes > 50
        {
            return assert!(times(&told, port) < 5, "{probes} probes, told {told:?}");
        }
    }
    panic!("no port could be probed in peace");
}

#[tokio::test]
async fn connections_are_not_reported_refused_or_not() {
    let (refusing, _port) = bound("127.0.0.1:0", Family6::AndV4, Then::IsOnlyBound);
    for _ in 0..20 {
        let mut events = CloseEvents::subscribe().unwrap();
        let mut clients = HashSet::new();
        for _ in 0..20 {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
            clients.insert(socket_cookie(&client).unwrap());
            client.connect(&refusing.local_addr().unwrap()).unwrap_err();
        }
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (accepted, _) = server.accept().unwrap();
        clients.extend([&client, &accepted].map(|socket| socket_cookie(socket).unwrap()));
        drop((client, accepted));
        if let Some(told) = until_now(&mut events).await {
            let is_client =
                |event: &&Closed| matches!(event, Closed::Port { cookie, .. } if clients.contains(cookie));
            return assert_eq!(told.iter().find(is_client), None);
        }
    }
    panic!("events were lost each time");
}

#[tokio::test]
async fn no_event_is_lost_in_silence() {
    let first = TcpListener::bind("127.4.0.1:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let address = |number: u32| Ipv4Addr::from_bits(Ipv4Addr::new(127, 4, 0, 1).to_bits() + number);
    let mut held: Vec<_> =
        (1..300).map(|number| TcpListener::bind((address(number), port)).unwrap()).collect();
    held.push(first);
    let mut small = CloseEvents::with_buffer(4096).unwrap();
    let mut large = CloseEvents::subscribe().unwrap();
    let mut missing: HashSet<_> = held.iter().map(|socket| socket_cookie(socket).unwrap()).collect();
    drop(held);
    soon(async {
        while !missing.is_empty() {
            match large.next().await.unwrap() {
                Closed::Port { cookie, .. } => missing.remove(&cookie),
                Closed::Lost => break,
            };
        }
    })
    .await;
    soon(async { while small.next().await.unwrap() != Closed::Lost {} }).await;
    // Also after a loss, each event or its loss is reported. The other stream shows that it was sent.
    for _ in 0..10 {
        let (last, _port) = listener("127.0.0.1:0");
        let cookie = socket_cookie(&last).unwrap();
        drop(last);
        until(&mut large, cookie).await;
        until(&mut small, cookie).await;
    }
}
