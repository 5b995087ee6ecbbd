//! What comes through the door comes through unchanged.

use std::io::Write as _;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::world::{Client, World, says};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn request(line: &str, more: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: dev.shop.localhost\r\n{more}\r\n")
}

#[test]
fn a_request_reaches_its_server_as_it_was_sent_and_its_answer_comes_back() {
    let world = World::new();
    let (heads, seen) = mpsc::channel();
    world.served(move |stream| {
        let mut client = Client::new(stream);
        while let Some(head) = client.head() {
            heads.send(head).unwrap();
            client.send("HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-Own: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nhi");
        }
    });
    let more = "Origin: http://dev.shop.localhost\r\nCookie: a=1\r\nX-Forwarded-For: 10.0.0.1\r\n";
    let answer = world.ask(&request("GET /a%20b?c=%2F&d", more));
    assert_eq!((answer.status(), answer.text(), answer.header("x-own")), (201, "hi", Some("1")));
    assert_eq!(answer.head.matches("set-cookie").count(), 2, "{}", answer.head);
    assert_eq!(answer.header("styxy-door"), None);
    let head = seen.recv().unwrap().to_lowercase();
    assert!(head.starts_with("get /a%20b?c=%2f&d http/1.1\r\n"), "{head}");
    for line in [
        "host: dev.shop.localhost",
        "origin: http://dev.shop.localhost",
        "cookie: a=1",
        "x-forwarded-for: 127.0.0.1",
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{line}: {head}");
    }
    assert!(!head.contains("connection:") && !head.contains("10.0.0.1"), "{head}");
}

#[test]
fn one_connection_serves_many_requests_and_so_does_the_servers() {
    let world = World::new();
    let (accepted, connections) = mpsc::channel();
    let serve = says(OK);
    world.served(move |stream| {
        accepted.send(()).unwrap();
        serve(stream);
    });
    let mut client = world.client();
    for _ in 0..50 {
        client.send(&request("GET /", ""));
        assert_eq!(client.answer().text(), "hi");
    }
    assert_eq!(connections.try_iter().count(), 1);
}

#[test]
fn requests_of_one_connection_go_each_to_its_own_place() {
    let world = World::new();
    world.served(says(OK));
    let port = world.address.port();
    let mut client = world.client();
    for _ in 0..3 {
        client.send(&request("GET /allocations", ""));
        assert_eq!(client.answer().status(), 200);
        client.send(&format!("GET /allocations HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status(), answer.text()), (418, "api /allocations"));
        client.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert_eq!(client.answer().status(), 418, "what goes nowhere is refused by the API's words");
    }
}

#[test]
fn an_upload_arrives_whole_whether_its_length_is_said_or_not() {
    let world = World::new();
    world.served(|stream| {
        let mut client = Client::new(stream);
        while let Some(head) = client.head() {
            let body = client.body(&head);
            let sum = body.iter().fold(0_u64, |sum, byte| sum * 31 % 1_000_003 + u64::from(*byte));
            let text = format!("{} {sum}", body.len());
            client.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()));
        }
    });
    let bytes: Vec<u8> = (0..8_000_000_u32).map(|number| (number % 251) as u8).collect();
    let sum = bytes.iter().fold(0_u64, |sum, byte| sum * 31 % 1_000_003 + u64::from(*byte));
    for method in ["POST", "PUT", "DELETE"] {
        let mut client = world.client();
        client.send(&request(&format!("{method} /"), &format!("Content-Length: {}\r\n", bytes.len())));
        client.send_bytes(&bytes);
        assert_eq!(client.answer().text(), format!("8000000 {sum}"), "{method}");
        client.send(&request(&format!("{method} /"), "Transfer-Encoding: chunked\r\n"));
        for chunk in bytes.chunks(100_000) {
            client.send(&format!("{:x}\r\n", chunk.len()));
            client.send_bytes(chunk);
            client.send("\r\n");
        }
        client.send("0\r\n\r\n");
        assert_eq!(client.answer().text(), format!("8000000 {sum}"), "{method}, chunked");
    }
}

#[test]
fn a_download_comes_back_whole_and_a_slow_reader_holds_the_server_back() {
    let world = World::new();
    let (written, progress) = mpsc::channel();
    world.served(move |stream| {
        let mut client = Client::new(stream);
        while client.head().is_some() {
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n");
            for part in 0..640_u64 {
                // At its end the test leaves without reading the rest.
                let _ = client.stream.write_all(&vec![(part % 251) as u8; 100_000]);
                let _ = written.send(part);
            }
        }
    });
    let mut client = world.client();
    client.send(&request("GET /", ""));
    let head = client.head().unwrap();
    // Nobody reads: what is under way has room in buffers, and no more than that is asked of the server.
    let mut sent = 0;
    while let Ok(part) = progress.recv_timeout(Duration::from_millis(500)) {
        sent = part;
    }
    assert!(sent < 320, "{sent} of 640 parts were read ahead");
    let body = client.body(&head);
    assert_eq!(body.len(), 64_000_000);
    assert!(
        body.chunks(100_000)
            .enumerate()
            .all(|(part, bytes)| bytes.iter().all(|byte| usize::from(*byte) == part % 251))
    );
}

#[test]
fn each_event_comes_when_it_is_sent() {
    let world = World::new();
    let (send, events) = mpsc::channel::<String>();
    let events = std::sync::Mutex::new(events);
    world.served(move |stream| {
        let mut client = Client::new(stream);
        client.head().unwrap();
        client
            .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for event in events.lock().unwrap().iter() {
            client.send(&format!("{:x}\r\n{event}\r\n", event.len()));
        }
    });
    let mut client = world.client();
    client.send(&request("GET /events", ""));
    client.head().unwrap();
    for number in 0..20 {
        let event = format!("data: {number}\n\n");
        let began = Instant::now();
        send.send(event.clone()).unwrap();
        client.until(&event).unwrap();
        assert!(began.elapsed() < Duration::from_secs(1), "event {number} took {:?}", began.elapsed());
    }
}

#[test]
fn a_web_socket_is_a_tunnel_in_both_directions() {
    let world = World::new();
    world.served(|stream| {
        let mut client = Client::new(stream);
        let head = client.head().unwrap().to_lowercase();
        assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
        client.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n");
        let mut bytes = client.exactly(1);
        while !bytes.is_empty() {
            client.send_bytes(&bytes);
            bytes = client.exactly(1);
        }
    });
    let mut client = world.client();
    let more = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n";
    client.send(&request("GET /socket", more));
    let head = client.head().unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101") && head.contains("sec-websocket-accept: x"), "{head}");
    for text in ["one", "two", "three"] {
        client.send(text);
        assert_eq!(client.exactly(text.len()), text.as_bytes());
    }
    let large = vec![7; 100_000];
    let mut half = client.stream.try_clone().unwrap();
    let sent = large.clone();
    thread::spawn(move || half.write_all(&sent).unwrap());
    assert_eq!(client.exactly(large.len()), large);
}

#[test]
fn an_upgrade_that_the_server_refuses_is_an_ordinary_answer() {
    let world = World::new();
    world.served(says("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno"));
    let answer = world.ask(&request("GET /", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    assert_eq!((answer.status(), answer.text()), (426, "no"));
}

#[test]
fn trailers_come_through_in_both_directions() {
    let world = World::new();
    let (trailers, seen) = mpsc::channel();
    world.served(move |stream| {
        let mut client = Client::new(stream);
        let head = client.head().unwrap();
        client.body(&head);
        trailers.send((head, client.until("\r\n\r\n").unwrap())).unwrap();
        client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n");
    });
    let mut client = world.client();
    client.send(&request("POST /", "TE: trailers\r\nTrailer: X-Mine\r\nTransfer-Encoding: chunked\r\n"));
    client.send("2\r\nhi\r\n0\r\nX-Mine: 8\r\n\r\n");
    assert_eq!(client.answer().text(), "hi");
    assert_eq!(client.until("\r\n\r\n").unwrap().to_lowercase().trim(), "x-sum: 7");
    let (head, trailers) = seen.recv().unwrap();
    assert!(head.to_lowercase().contains("te: trailers\r\n"), "{head}");
    assert_eq!(trailers.to_lowercase().trim(), "x-mine: 8");
}

#[test]
fn a_client_that_asks_first_sends_its_body_only_when_there_is_a_server() {
    let world = World::new();
    let lease = world.lease("dev.shop.localhost");
    let mut client = world.client();
    client.send(&request("POST /", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
    client.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let early = std::io::Read::read(&mut client.stream, &mut [0; 10]);
    assert!(early.is_err(), "nobody listens, so nobody asks for the body");
    client.stream.set_read_timeout(Some(crate::world::PATIENCE)).unwrap();
    world.listens(
        lease,
        crate::world::backend(|stream| {
            let mut client = Client::new(stream);
            let head = client.head().unwrap();
            let body = client.body(&head);
            client.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
            client.send_bytes(&body);
        }),
    );
    assert!(client.head().unwrap().starts_with("HTTP/1.1 100 Continue"));
    client.send("hello");
    assert_eq!(client.answer().text(), "hello");
}

#[test]
fn an_answer_to_head_has_the_head_that_the_server_gave_it() {
    let world = World::new();
    for (said, length) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", Some("5000")),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("HTTP/1.1 200 OK\r\n\r\n", None),
    ] {
        world.served(says(said));
        let mut client = world.client();
        for _ in 0..2 {
            client.send(&request("HEAD /", ""));
            let head = client.head().unwrap();
            let found = head.to_lowercase();
            let found = found.lines().find_map(|line| line.strip_prefix("content-length: "));
            assert_eq!(found, length, "{head}");
        }
    }
}

#[test]
fn an_answer_without_a_length_ends_where_the_server_closes() {
    let world = World::new();
    world.served(|stream| {
        let mut client = Client::new(stream);
        client.head().unwrap();
        client.send("HTTP/1.0 200 OK\r\n\r\nall of it");
    });
    assert_eq!(world.get("dev.shop.localhost").text(), "all of it");
    let mut client = world.client();
    client.send("GET / HTTP/1.0\r\nHost: dev.shop.localhost\r\n\r\n");
    assert!(String::from_utf8(client.rest()).unwrap().ends_with("\r\n\r\nall of it"));
}

#[test]
fn statuses_without_a_body_have_none() {
    let world = World::new();
    for status in ["204 No Content", "304 Not Modified"] {
        world.served(says(format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\n\r\n")));
        let mut client = world.client();
        for _ in 0..2 {
            client.send(&request("GET /", ""));
            let answer = client.answer();
            assert_eq!((answer.header("etag"), answer.body.len()), (Some("\"1\""), 0));
            assert_eq!(answer.header("transfer-encoding"), None);
        }
    }
}

#[test]
fn hundreds_of_header_lines_come_through_in_both_directions() {
    let world = World::new();
    let lines: Vec<String> = (0..1000).map(|number| format!("X-{number}: {number}\r\n")).collect();
    let lines = lines.concat();
    let (heads, seen) = mpsc::channel();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{lines}\r\nhi");
    world.served(move |stream| {
        let mut client = Client::new(stream);
        heads.send(client.head().unwrap()).unwrap();
        client.send(&answer);
    });
    let answer = world.ask(&request("GET /", &lines));
    assert_eq!((answer.status(), answer.text(), answer.header("x-999")), (200, "hi", Some("999")));
    assert!(seen.recv().unwrap().to_lowercase().contains("\r\nx-999: 999\r\n"));
}
