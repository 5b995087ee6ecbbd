//! Servers that answer badly, too early or never, and clients that ask for too much.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use styxy_door::Limits;

use crate::world::{Client, PATIENCE, World, backend, says, until};

const GET: &str = "GET / HTTP/1.1\r\nHost: dev.shop.localhost\r\n\r\n";

#[test]
fn what_is_not_http_is_a_bad_gateway_and_is_asked_once() {
    for nonsense in [
        "hello\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "SSH-2.0-OpenSSH_9\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let world = World::new();
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        world.served(move |stream| {
            let mut client = Client::new(stream);
            while client.head().is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
                client.send(nonsense);
            }
        });
        let answer = world.ask(GET);
        assert_eq!(
            (answer.status(), asked.load(Ordering::SeqCst)),
            (502, 1),
            "{nonsense:?}: {}",
            answer.text()
        );
        assert_eq!(answer.header("styxy-door"), Some("page"));
        assert!(answer.text().contains("dev.shop.localhost"), "{}", answer.text());
    }
}

#[test]
fn a_head_without_an_end_is_a_bad_gateway() {
    let world = World::new();
    world.served(|stream| {
        let mut client = Client::new(stream);
        client.head();
        client.send("HTTP/1.1 200 OK\r\n");
        for _ in 0..40 {
            client.send(&format!("X-Long: {}\r\n", "x".repeat(30_000)));
        }
    });
    let answer = world.ask(GET);
    assert_eq!(answer.status(), 502);
    assert!(answer.text().contains("answers with too long a head"), "{}", answer.text());
}

#[test]
fn a_body_that_breaks_off_is_never_made_to_look_whole() {
    let world = World::new();
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nnonsense\r\n",
    ] {
        world.served(move |stream| {
            let mut client = Client::new(stream);
            client.head();
            client.send(answer);
        });
        let mut client = world.client();
        client.send(GET);
        let head = client.head().unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let rest = String::from_utf8(client.rest()).unwrap();
        assert!(rest.contains("part") && !rest.ends_with("0\r\n\r\n"), "{rest}");
    }
}

#[test]
fn whoever_meets_a_server_that_speaks_tls_learns_how_to_reach_it() {
    let world = World::new();
    // A TLS alert, and a close without a word.
    for answer in [&b"\x15\x03\x03\x00\x02\x02\x46"[..], b""] {
        world.served(move |stream| {
            let mut client = Client::new(stream);
            client.head();
            client.send_bytes(answer);
        });
        let answer = world.ask(GET);
        let hint = "hint: it may speak HTTPS, which has no name: styxy open --port 3000";
        assert!(answer.status() == 502 && answer.text().contains(hint), "{}", answer.text());
    }
}

#[test]
fn a_question_whose_connection_breaks_is_asked_three_times_and_an_order_once() {
    let world = World::new();
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    world.served(move |stream| {
        let mut client = Client::new(stream);
        client.head();
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let answer = world.ask(GET);
    assert_eq!((answer.status(), asked.swap(0, Ordering::SeqCst)), (502, 3));
    let answer = world.ask("POST / HTTP/1.1\r\nHost: dev.shop.localhost\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!((answer.status(), asked.swap(0, Ordering::SeqCst)), (502, 1));
    let answer = world.ask("DELETE / HTTP/1.1\r\nHost: dev.shop.localhost\r\n\r\n");
    assert_eq!((answer.status(), asked.load(Ordering::SeqCst)), (502, 1));
}

#[test]
fn an_answer_before_the_requests_end_comes_through() {
    let world = World::new();
    world.served(|stream| {
        let mut client = Client::new(stream);
        client.head();
        client
            .send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 8\r\n\r\ntoo much");
        // What is under way is read, as a server does that wants its answer to arrive.
        client.rest();
    });
    let mut client = world.client();
    client.send("POST / HTTP/1.1\r\nHost: dev.shop.localhost\r\nContent-Length: 100000000\r\n\r\n");
    client.send_bytes(&vec![0; 100_000]);
    let answer = client.answer();
    assert_eq!((answer.status(), answer.text()), (413, "too much"));
}

#[test]
fn a_client_that_leaves_frees_the_server_that_never_answers() {
    let world = World::with(Limits { per_server: 1, ..Limits::default() });
    let (say, heard) = std::sync::mpsc::channel();
    world.served(move |stream| {
        let mut client = Client::new(stream);
        while let Some(head) = client.head() {
            if head.starts_with("GET /never") {
                say.send("asked").unwrap();
                assert!(client.rest().is_empty());
                say.send("left").unwrap();
                break;
            }
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let mut client = world.client();
    client.send("GET /never HTTP/1.1\r\nHost: dev.shop.localhost\r\n\r\n");
    assert_eq!(heard.recv_timeout(PATIENCE), Ok("asked"));
    assert_eq!(world.ask(GET).status(), 503, "it has the only place");
    drop(client);
    assert_eq!(heard.recv_timeout(PATIENCE), Ok("left"), "the server learns that nobody waits any more");
    until(|| world.ask(GET).status() == 200);
}

/// Opens events until one is refused, `most` at most.
fn open_events(world: &World, most: usize) -> (Vec<Client>, Option<u16>) {
    let mut open = Vec::new();
    for _ in 0..most {
        let mut client = world.client();
        client.send("GET /events HTTP/1.1\r\nHost: dev.shop.localhost\r\n\r\n");
        let head = client.head().unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status != 200 {
            return (open, Some(status));
        }
        open.push(client);
    }
    (open, None)
}

fn events(stream: TcpStream) {
    let mut client = Client::new(stream);
    client.head();
    client.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    // Until the reader has gone.
    client.rest();
}

#[test]
fn five_hundred_readers_of_events_are_served_and_nobody_notices() {
    let world = World::new();
    world.served(events);
    let other = world.lease("dev.other.localhost");
    world.listens(other, backend(says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")));
    let (open, refused) = open_events(&world, 500);
    assert_eq!((open.len(), refused), (500, None));
    assert_eq!(world.get("dev.other.localhost").text(), "hi");
}

#[test]
fn one_busy_server_keeps_nobody_else_out() {
    let world = World::with(Limits { connections: 60, per_server: 40, ..Limits::default() });
    world.served(events);
    let other = world.lease("dev.other.localhost");
    world.listens(other, backend(says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")));
    let (open, refused) = open_events(&world, 100);
    assert_eq!((open.len(), refused), (40, Some(503)));
    // Those that are refused keep no connection, although they do not hang up.
    let refused: Vec<Client> = (0..100)
        .map(|_| {
            let mut client = world.client();
            client.send(GET);
            assert_eq!(client.answer().header("connection"), Some("close"));
            client
        })
        .collect();
    until(|| world.get("dev.other.localhost").text() == "hi");
    drop(refused);
    drop(open);
    // What has ended makes room.
    until(|| open_events(&world, 1).1.is_none());
}

#[test]
fn too_many_connections_are_told_so() {
    let world = World::with(Limits { connections: 20, ..Limits::default() });
    world.served(events);
    let (open, refused) = open_events(&world, 100);
    assert_eq!((open.len(), refused), (20, Some(503)));
}

/// Turns a connection into a tunnel, and reads until its end.
fn switches(stream: TcpStream) {
    let mut client = Client::new(stream);
    client.head();
    client.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    client.rest();
}

#[test]
fn tunnels_are_bounded_and_cost_nobody_else_anything() {
    let world = World::with(Limits { per_server: 50, ..Limits::default() });
    world.served(switches);
    let open = || {
        let mut client = world.client();
        client.send(
            "GET / HTTP/1.1\r\nHost: dev.shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
        let head = client.head().unwrap();
        (client, head.split(' ').nth(1).unwrap().to_owned())
    };
    let tunnels: Vec<(Client, String)> = (0..60).map(|_| open()).collect();
    let switched = tunnels.iter().filter(|(_, status)| status == "101").count();
    let refused = tunnels.iter().filter(|(_, status)| status == "503").count();
    assert_eq!((switched, refused), (50, 10));
    drop(tunnels);
    // A tunnel that has ended makes room.
    until(|| open().1 == "101");
}

#[test]
fn tunnels_to_several_servers_are_bounded_together() {
    let world = World::with(Limits { connections: 20, per_server: 15, ..Limits::default() });
    let names = ["dev.one.localhost", "dev.two.localhost", "dev.three.localhost"];
    for name in names {
        world.listens(world.lease(name), backend(switches));
    }
    let open = |name: &str| {
        let mut client = world.client();
        client.send(&format!(
            "GET / HTTP/1.1\r\nHost: {name}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        ));
        let head = client.head().unwrap();
        (client, head.split(' ').nth(1).unwrap().to_owned())
    };
    let tunnels: Vec<(Client, String)> =
        names.iter().flat_map(|name| std::iter::repeat_n(*name, 15)).map(open).collect();
    let switched = tunnels.iter().filter(|(_, status)| status == "101").count();
    assert_eq!((switched, tunnels.len()), (20, 45), "each one has two descriptors");
    drop(tunnels);
    until(|| open(names[2]).1 == "101");
}

#[test]
fn a_server_that_refuses_an_upload_and_closes_is_heard() {
    let world = World::new();
    world.served(|stream| {
        let mut client = Client::new(stream);
        client.head();
        client.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
        // What was sent beyond the head is unread, so the close resets the connection.
    });
    for _ in 0..100 {
        let mut client = world.client();
        client.send("POST / HTTP/1.1\r\nHost: dev.shop.localhost\r\nContent-Length: 2000000\r\n\r\n");
        let mut stream = client.stream.try_clone().unwrap();
        std::thread::spawn(move || {
            for _ in 0..30 {
                if std::io::Write::write_all(&mut stream, &vec![b'y'; 65536]).is_err() {
                    break;
                }
            }
        });
        let answer = client.answer();
        assert_eq!((answer.status(), answer.text()), (413, "too much"));
    }
}

#[test]
fn whoever_sends_too_long_a_head_reads_that_it_was_too_long() {
    let world = World::new();
    let head = format!("GET / HTTP/1.1\r\nHost: dev.shop.localhost\r\nX: {}\r\n\r\n", "x".repeat(4_000_000));
    for _ in 0..20 {
        let mut stream = world.client().stream;
        stream.write_all(head.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 431 "), "{said:?}");
    }
}

#[test]
fn whoever_never_stops_sending_is_closed_all_the_same() {
    let world = World::new();
    let mut stream = world.client().stream;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: dev.shop.localhost\r\nX: ").unwrap();
    let began = Instant::now();
    let more = vec![b'x'; 65536];
    while stream.write_all(&more).is_ok() {
        assert!(began.elapsed() < PATIENCE, "it goes on and on");
    }
}

#[test]
fn a_request_that_is_in_a_loop_ends() {
    let world = World::new();
    let rounds = Arc::new(AtomicU64::new(0));
    // A development server whose proxy keeps the Host passes the request to itself.
    passes_on(&world, &world, &rounds);
    let answer = world.ask(GET);
    assert_eq!((answer.status(), rounds.load(Ordering::SeqCst)), (508, 5), "{}", answer.text());
    assert!(answer.text().contains("changeOrigin"), "{}", answer.text());
}

#[test]
fn a_request_that_is_in_a_loop_of_two_doors_ends() {
    let [one, two] = [World::new(), World::new()];
    let rounds = Arc::new(AtomicU64::new(0));
    passes_on(&one, &two, &rounds);
    passes_on(&two, &one, &rounds);
    let answer = one.ask(GET);
    assert_eq!((answer.status(), rounds.load(Ordering::SeqCst)), (508, 5), "{}", answer.text());
}

/// The server of `world` passes each request to the door of `other`, and counts it.
fn passes_on(world: &World, other: &World, rounds: &Arc<AtomicU64>) {
    let (door, counted) = (other.address, Arc::clone(rounds));
    world.served(move |stream| {
        let mut client = Client::new(stream);
        while let Some(head) = client.head() {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = passed_on(door, &head);
            client.send_bytes(&answer);
        }
    });
}

fn passed_on(to: SocketAddr, head: &str) -> Vec<u8> {
    let mut inner = Client::new(TcpStream::connect(to).unwrap());
    inner.send(&head.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
    inner.rest()
}

#[test]
fn methods_and_requests_that_no_proxy_by_name_has_are_refused() {
    let world = World::new();
    world.served(says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    let host = "Host: dev.shop.localhost\r\n";
    for (request, status) in [
        (format!("CONNECT dev.shop.localhost:80 HTTP/1.1\r\n{host}\r\n"), 501),
        (format!("OPTIONS * HTTP/1.1\r\n{host}\r\n"), 200),
        (format!("GET / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: gzip\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}Content-Length : 1\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(300_000)), 431),
        // HTTP/2 without TLS: no answer of HTTP/1.1 would be understood.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 0),
        ("nonsense\r\n\r\n".into(), 400),
    ] {
        let short: String = request.chars().take(80).collect();
        assert_eq!(world.ask(&request).status(), status, "{short:?}");
    }
}
