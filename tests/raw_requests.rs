//! A corpus of raw requests: what the filter and the reader of HTTP answer to each, on every transport.

use styxy_core::api::Refusal;

use crate::support::{Home, Way, sort};

const CORPUS: &str = include_str!("corpus/requests.tsv");
/// What stands for a request that is not understood: 400, 431, or a connection that is closed without an answer.
const REFUSED: &str = "!";
/// In the path of the one lease: what nobody who is refused may learn.
const SECRET: &str = "/srv/nobody-may-learn-this";

/// The bytes that a row means; its opening comment says how.
fn bytes(text: &str, port: u16) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let behind = &rest[first.len_utf8()..];
        let macros = (first == '{').then(|| behind.split_once('}')).flatten();
        let (written, next) = match (first, macros) {
            ('\\', _) => escape(behind),
            ('⏎', _) => (b"\r\n".to_vec(), behind),
            (_, Some(("me", next))) => (format!("Host: localhost:{port}\r\n").into(), next),
            (_, Some(("end", next))) => (b"Connection: close\r\n\r\n".to_vec(), next),
            (_, Some(("port", next))) => (port.to_string().into(), next),
            (_, Some((repeated, next))) if times(repeated).is_some() => {
                let (what, count) = times(repeated).unwrap();
                (bytes(what, port).repeat(count), next)
            }
            _ => (first.to_string().into(), behind),
        };
        out.extend(written);
        rest = next;
    }
    out
}

fn times(text: &str) -> Option<(&str, usize)> {
    let (what, count) = text.rsplit_once('*')?;
    Some((what, count.parse().ok()?))
}

/// What a backslash and the beginning of `behind` mean, and what follows.
fn escape(behind: &str) -> (Vec<u8>, &str) {
    let length = if behind.starts_with('x') { 3 } else { 1 };
    let (code, next) = behind.split_at(length);
    let byte = match code {
        "r" => b'\r',
        "n" => b'\n',
        "t" => b'\t',
        "\\" => b'\\',
        code => u8::from_str_radix(&code[1..], 16).unwrap(),
    };
    (vec![byte], next)
}

/// As [`bytes`], with the length of the body where `{len}` is.
fn request(text: &str, port: u16) -> Vec<u8> {
    let length = text.split_once("{end}").map_or(0, |(_, body)| bytes(body, port).len());
    bytes(&text.replace("{len}", &length.to_string()), port)
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
    let (mut rows, mut wrong) = (0, Vec::new());
    for row in CORPUS.lines().filter(|row| !row.starts_with('#')) {
        let [tcp, socket, text] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let request = request(text, port);
        rows += 1;
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
    assert!(wrong.is_empty(), "{} of {rows} requests:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= 250, "{rows}");
    assert_eq!((home.leases(), home.status().unwrap().pid), (leases, pid), "a request changed something");
}
