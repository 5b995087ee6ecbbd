//! A service that has ended because somebody else has its port: which port that was, by what it has printed, and who listens there.

use std::path::Path;

use styxy_client::Client;
use styxy_core::Port;
use styxy_core::api::CheckAnswer;

use crate::here::caller::user_home;
use crate::say::facts;
use crate::say::output::one_line;
use crate::up::read::last_words;
use crate::up::wire::Order;

/// So many lines from the end of a log are read.
const LINES: usize = 20;
/// So many lines after the one that complains may name the port, as Node does.
const NEAR: usize = 12;

/// Who has the port that a service wanted and that was taken, and what to do about it; none if its log has no such complaint.
pub(crate) async fn advice(client: &Client, order: &Order, log: &Path) -> Option<String> {
    let complaint = complaint(&last_words(log, LINES).ok()?)?;
    let own = order.lease.as_ref().map(|key| key.port);
    let ports = match complaint {
        Complaint::Of(port) => vec![port],
        // Its own port, or one that its command has in it.
        Complaint::OfSome => own.into_iter().chain(after_marks(&order.shown)).collect(),
    };
    for port in &ports {
        let found = client.check(*port).await.ok()?;
        if let Some(who) = who(&found) {
            let free = match own.filter(|own| own != port) {
                Some(own) => format!("let {} listen on $PORT, which is {own}, or end that one", order.label),
                None => "to end that one".to_owned(),
            };
            return Some(format!("port {port} is in use by {who}; {free}: styxy kill {port}"));
        }
    }
    let Complaint::Of(port) = complaint else { return None };
    Some(format!("port {port} was in use, and nobody listens on it now; styxy up tries it again"))
}

/// `node (4242) in ~/shop (branch main)`
fn who(found: &CheckAnswer) -> Option<String> {
    let usage = found.listeners().next()?;
    let server = facts::server(usage).unwrap_or_else(|| "a process that cannot be seen".to_owned());
    let home = user_home();
    let place = usage.project_path.as_ref();
    let place =
        place.map(|place| format!(" in {}", styxy_core::printable::tilde(place.as_str(), home.as_deref())));
    let branch = usage.branch.as_ref().map(|branch| format!(" (branch {branch})"));
    let said = format!("{server}{}{}", place.unwrap_or_default(), branch.unwrap_or_default());
    Some(one_line(&said).into_owned())
}

/// What a program has complained of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Complaint {
    /// This port is taken.
    Of(Port),
    /// A port is taken, and it does not say which.
    OfSome,
}

/// The last complaint among `lines` that a port is taken.
fn complaint(lines: &[String]) -> Option<Complaint> {
    let at = lines.iter().rposition(|line| complains(line))?;
    let mut near = lines.iter().skip(at + 1).take(NEAR);
    let named = after_marks(&lines[at]).next_back().or_else(|| near.find_map(|line| after_word(line)));
    Some(named.map_or(Complaint::OfSome, Complaint::Of))
}

/// Whether a line says that an address or a port is taken, and not that another one is tried for that.
fn complains(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    let is_port = has(&["port"]) && has(&["already in use", "is in use", "in use by", "already allocated"]);
    let goes_on = has(&["trying", "instead", "using available"]);
    (is_port || has(&["eaddrinuse", "address already in use", "address in use"])) && !goes_on
}

/// `port: 3000`, `Port 3000`
fn after_word(line: &str) -> Option<Port> {
    numbers(line).find(|(before, _)| is_word(before)).and_then(|(_, digits)| digits.parse().ok())
}

/// The ports in a line: after the word, else after a colon, as in an address, or a comma, as in Python's.
fn after_marks(line: &str) -> impl DoubleEndedIterator<Item = Port> {
    let word = after_word(line);
    let is_address = |before: &str, digits: &str| {
        // Shorter ones are more often times.
        digits.len() > 2 && (before.ends_with(':') || before.ends_with("', ") || before.ends_with('='))
    };
    let marked = numbers(line).filter(|(before, digits)| is_address(before, digits));
    let marked: Vec<Port> = match word {
        Some(port) => vec![port],
        None => marked.filter_map(|(_, digits)| digits.parse().ok()).collect(),
    };
    marked.into_iter()
}

fn is_word(before: &str) -> bool {
    let before = before.trim_end_matches([' ', ':', '=', '#', '"', '\'', '(']).to_ascii_lowercase();
    before.ends_with("port") || before.ends_with(" -p")
}

/// Each number in a line, and what is before it.
fn numbers(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let bytes = line.as_bytes();
    let begins =
        |at: &usize| bytes[*at].is_ascii_digit() && (*at == 0 || !bytes[*at - 1].is_ascii_alphanumeric());
    (0..bytes.len()).filter(begins).map(move |at| {
        let rest = &line[at..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        (&line[..at], &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Complaint> {
        complaint(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_port_that_is_taken_is_read_as_programs_say_it() {
        for (text, port) in [
            (
                "Error: listen EADDRINUSE: address already in use :::3000\n    at Server.x (node:net:1817:16)",
                3000,
            ),
            ("Error: listen EADDRINUSE: address already in use 127.0.0.1:8080", 8080),
            ("Error: listen EADDRINUSE\n  code: 'EADDRINUSE',\n  errno: -98,\n  port: 4000\n}", 4000),
            ("Error: Port 5173 is already in use", 5173),
            ("2026/11/27 12:30:05 listen tcp :8080: bind: address already in use", 8080),
            (
                "ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
                8000,
            ),
            ("Address already in use - bind(2) for \"127.0.0.1\" port 3001 (Errno::EADDRINUSE)", 3001),
            ("Address already in use\nPort 5000 is in use by another program.", 5000),
            ("Web server failed to start. Port 8081 was already in use.", 8081),
            ("Failed to listen on localhost:8002 (reason: Address already in use)", 8002),
            ("Bind for 0.0.0.0:5432 failed: port is already allocated", 5432),
        ] {
            assert_eq!(of(text), Port::new(port).ok().map(Complaint::Of), "{text}");
        }
        for text in [
            "OSError: [Errno 98] Address already in use",
            "12:30:05 Error: Address already in use (os error 98)",
            "Error: That port is already in use.",
        ] {
            assert_eq!(of(text), Some(Complaint::OfSome), "{text}");
        }
        for text in [
            "Port 3000 is in use, trying another one...",
            "Port 3000 is in use by process 7, using available port 3001 instead.",
            "the name web is already in use",
            "listening on port 3000",
            "",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn a_command_may_name_the_port_that_it_wants() {
        let named = |text: &str| after_marks(text).map(Port::get).next();
        for text in [
            "serve --port 4000",
            "serve --port=4000",
            "PORT=4000 serve",
            "serve -p 4000",
            "serve :4000",
            "x.py runserver 0.0.0.0:4000",
        ] {
            assert_eq!(named(text), Some(4000), "{text}");
        }
        assert_eq!(named("serve v2 --workers 4000"), None);
    }
}
