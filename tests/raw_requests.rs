//! A corpus of raw requests: what the filter and the reader of HTTP answer to each, on every transport.

use styxy_core::api::Refusal;

use crate::support::corpus::{bytes, rows};
use crate::support::{Home, Way, sort};

const CORPUS: &str = include_str!("corpus/requests.tsv");
/// What stands for a request that is not understood: 400, 431, or a connection that is closed without an answer.
const REFUSED: &str = "!";
/// In the path of the one lease: what nobody who is refused may learn.
const SECRET: &str = "/srv/nobody-may-learn-this";

/// The bytes of a request; its corpus says what the names in braces are.
fn request(text: &str, port: u16) -> Vec<u8> {
    let named = |name: &str| match name {
        "me" => Some(format!("Host: localhost:{port}\r\n").into()),
        "end" => Some(b"Connection: close\r\n\r\n".to_vec()),
        "port" => Some(port.to_string().into()),
        _ => None,
    };
    let length = text.split_once("{end}").map_or(0, |(_, body)| bytes(body, &named).len());
    bytes(&text.replace("{len}", &length.to_string()), &named)
}

/// The statuses of all answers in `received`, with the rule of a refusal; checks what every answer must have.
fn answers(mut received: &[u8], is_head: bool) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8(received[..end].to_vec()).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
        let length = if is_head { 0 } else { length.parse::<usize>().unwrap() };
        assert!(!head.contains("access-control-"), "{head}");
        let body = &received[end + 4..][..length];
        let status = head.split(' ').nth(1).unwrap().to_owned();
        let refusal = serde_json::from_slice::<Refusal>(body).ok();
        let rule =
            refusal.and_then(|refusal| refusal.broken_rule()).map(|rule| format!(" {}", rule.as_str()));
        all.push(status + &rule.unwrap_or_default());
        received = &received[end + 4 + length..];
    }
    assert!(received.is_empty(), "half an answer: {:?}", String::from_utf8_lossy(received));
    all
}

/// Whether what came is what the row says. Rules are named only where a row has one answer.
fn is_expected(expected: &str, got: &[String]) -> bool {
    if expected == REFUSED {
        return matches!(got, []) || matches!(got, [one] if ["400", "431"].contains(&one.as_str()));
    }
    let named = got.join(" ");
    let plain = got.iter().map(|answer| answer.split(' ').next().unwrap()).collect::<Vec<_>>().join(" ");
    expected == named || expected == plain && !named.starts_with("403 ") || got.len() > 1 && expected == plain
}

#[test]
fn every_raw_request_is_answered_as_the_corpus_says_on_every_transport() {
    let home = Home::new();
    let pid = home.start().pid;
    home.allocate(&serde_json::json!({ "service_type": sort::WEB, "project_path": SECRET }));
    let leases = home.leases();
    let port = home.listen_port();
    let (mut count, mut wrong) = (0, Vec::new());
    for row in rows(CORPUS) {
        let [tcp, socket, text] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let request = request(text, port);
        count += 1;
        for (way, expected) in [(home.tcp(), tcp), (home.tcp6(), tcp), (home.socket(), socket)] {
            // What is not understood may be half of something: the end says that nothing comes any more.
            let received = if expected == REFUSED { way.half_closed(&request) } else { way.raw(&request) };
            let got = answers(&received, text.starts_with("HEAD"));
            if !is_expected(expected, &got) {
                wrong.push(format!("{way:?}: {got:?} instead of {expected}: {text}"));
            }
            let has_secret = received.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
            assert!(!has_secret || matches!(way, Way::Unix(_)), "{text}: a stranger learnt of a lease");
        }
    }
    assert!(wrong.is_empty(), "{} of {count} requests:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 250, "{count}");
    assert_eq!((home.leases(), home.status().unwrap().pid), (leases, pid), "a request changed something");
}
