//! Following what happens.

use styxy_client::{Error, Start};

use crate::fake::{Fake, Home, Reply, block_on};

fn stream(body: &str) -> Reply {
    let head =
        "HTTP/1.1 200 OK\r\nstyxy-api: 1\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    Reply::Raw(format!("{head}{body}").into_bytes())
}

#[test]
fn events_come_one_by_one_until_the_daemon_ends_the_stream() {
    let home = Home::new();
    let fake = Fake::serve(&home.socket(), |_| {
        stream(
            "event: reset\ndata: {}\n\n: still here\n\nid: 8\nevent: ended\n\
             data: {\"seq\":8,\"at\":\"2026-01-02T03:04:05.678Z\",\"reason\":\"released\"}\n\n\
             id: 9\nevent: of_a_newer_daemon\ndata: [1]\n\n",
        )
    });
    let client = home.client(Start::Never);
    block_on(async {
        let mut events = client.events(Some(7)).await.unwrap();
        let reset = events.next().await.unwrap().unwrap();
        assert_eq!((reset.name.as_str(), reset.message), ("reset", None));
        let ended = events.next().await.unwrap().unwrap();
        assert_eq!((ended.name.as_str(), ended.message.unwrap().seq), ("ended", 8));
        let newer = events.next().await.unwrap().unwrap();
        assert_eq!((newer.name.as_str(), newer.message), ("of_a_newer_daemon", None));
        assert_eq!(events.next().await.unwrap(), None);
    });
    assert!(fake.asked()[0].headers.contains("last-event-id: 7\n"));
}

#[test]
fn a_known_event_that_cannot_be_read_is_an_error() {
    let home = Home::new();
    let _fake = Fake::serve(&home.socket(), |_| stream("event: granted\ndata: {\"seq\":\"x\"}\n\n"));
    let client = home.client(Start::Never);
    let error = block_on(async { client.events(None).await.unwrap().next().await.unwrap_err() });
    assert!(matches!(error, Error::Unintelligible { .. }), "{error:?}");
}
