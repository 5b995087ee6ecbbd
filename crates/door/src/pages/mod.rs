//! The pages that people see when there is no server to pass a request on to. No scripts, and every value is escaped.

use std::fmt::Write as _;

use styxy_core::nearest;
use styxy_core::order::Order as _;

use crate::directory::{Past, Return, Served, Stranger};
use crate::dispatch::Host;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
/// What browsers compare the style with.
const STYLE_HASH: &str = "sha256-JIz3RHRb07Yna73fSpwYBH/jWPwCvbwYKFwVJerSPvQ=";
/// What starts a server again: whatever has started it before.
pub(crate) const AGAIN: &str = "styxy up, or styxy run -- COMMAND";
/// How many names one page shows.
const MOST_NAMES: usize = 40;

/// What is allowed of a page: its own style, and nothing else.
pub(crate) fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
}

/// A page: HTML as its parts are added, so that nothing gets in unescaped.
#[derive(Debug)]
pub(crate) struct Page {
    title: String,
    body: String,
}

impl Page {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), body: String::new() }
    }

    /// A paragraph.
    pub(crate) fn says(mut self, text: &str) -> Self {
        let _ = writeln!(self.body, "<p>{}</p>", escaped(text));
        self
    }

    /// A paragraph that ends in something to type.
    pub(crate) fn advises(mut self, text: &str, command: &str) -> Self {
        let _ = writeln!(self.body, "<p>{} <code>{}</code></p>", escaped(text), escaped(command));
        self
    }

    /// Names and values; those without a value are left out.
    fn facts(mut self, facts: &[(&str, Option<&str>)]) -> Self {
        self.body.push_str("<dl>\n");
        for (name, value) in facts.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
            let _ = writeln!(self.body, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
        }
        self.body.push_str("</dl>\n");
        self
    }

    /// Links to servers.
    fn links(mut self, servers: &[&Served], port: &str) -> Self {
        self.body.push_str("<ul>\n");
        for served in servers.iter().take(MOST_NAMES) {
            let (host, service) = (escaped(&served.host), escaped(&served.service));
            let folder = served.folder.as_deref().map(escaped).unwrap_or_default();
            let _ = writeln!(
                self.body,
                "<li><a href=\"http://{host}{}/\">{host}</a> <span>{service} {folder}</span></li>",
                escaped(port)
            );
        }
        self.body.push_str("</ul>\n");
        match servers.len().checked_sub(MOST_NAMES) {
            Some(more) if more > 0 => self.advises(&format!("{more} more:"), "styxy list"),
            Some(_) | None => self,
        }
    }

    pub(crate) fn html(&self) -> String {
        // The style comes last, and is ours: no value is looked through for places to fill.
        let (head, rest) = PAGE.split_once("{style}").unwrap_or((PAGE, ""));
        let (middle, end) = rest.split_once("{body}").unwrap_or((rest, ""));
        let title = escaped(&self.title);
        let head = head.replace("{title}", &title);
        let middle = middle.replace("{title}", &title);
        format!("{head}{STYLE}{middle}{}{end}", self.body)
    }
}

/// Nobody has the name.
pub(crate) fn unknown(host: &Host, servers: &[&Served], port: &str) -> Page {
    let page = Page::new(format!("No server is called {host}"));
    if servers.is_empty() {
        return page.advises("Nothing has a name now. A server gets one when it starts with", "styxy run");
    }
    page.says("These servers have a name now:").links(servers, port)
}

/// The name is a worktree's.
pub(crate) fn worktree(host: &Host, servers: &[&Served], port: &str) -> Page {
    Page::new(host.to_string()).says("The servers of this worktree:").links(servers, port)
}

/// The server has a lease and does not listen yet.
pub(crate) fn waiting(served: &Served, branch: Option<&str>) -> Page {
    let (port, since) = (served.port.to_string(), served.since.to_string());
    let facts = [
        ("Service", Some(served.service.as_str())),
        ("Folder", served.folder.as_deref()),
        ("Branch", branch),
        ("Port", Some(port.as_str())),
        ("Leased since", Some(since.as_str())),
    ];
    Page::new(format!("{} is starting", served.host))
        .says("Nothing listens on its port yet. This page becomes the app as soon as something does.")
        .facts(&facts)
}

/// The server has ended, or is about to come back.
pub(crate) fn past(host: &Host, past: &Past, returns: Return) -> Page {
    let ended = past.ended.map(|ended| ended.to_string());
    let facts = [
        ("Service", Some(past.service.as_str())),
        ("Folder", past.folder.as_deref()),
        ("Ended", ended.as_deref()),
        ("Because", Some(past.why)),
    ];
    let page = Page::new(format!("{host} has ended"));
    let page = match returns {
        Return::Possible => {
            page.says("It may come back by itself. This page becomes the app as soon as it does.")
        }
        Return::Over => page,
    };
    page.facts(&facts).advises("To start it again:", AGAIN)
}

/// Somebody else listens on the port.
pub(crate) fn stranger(served: &Served, stranger: &Stranger) -> Page {
    let port = served.port.to_string();
    let process = match (&stranger.process, stranger.pid) {
        (Some(name), Some(pid)) => Some(format!("{name} (pid {pid})")),
        (Some(name), None) => Some(name.clone()),
        (None, Some(pid)) => Some(format!("pid {pid}")),
        (None, None) => None,
    };
    let facts = [
        ("Port", Some(port.as_str())),
        ("Leased to", Some(served.service.as_str())),
        ("Of", served.folder.as_deref()),
        ("Listens", Some(process.as_deref().unwrap_or("an unknown process"))),
        ("In", stranger.folder.as_deref()),
    ];
    Page::new(format!("Port {port} is used by another program"))
        .says("Nothing was passed on to it.")
        .facts(&facts)
        .advises("Who it is:", &format!("styxy who {port}"))
}

/// The servers in the order of how close their names are to `host`; those of the same worktree first.
pub(crate) fn by_nearness<'a>(host: &Host, servers: impl Iterator<Item = &'a Served>) -> Vec<&'a Served> {
    let worktree = |name: &str| name.split_once('.').map_or(String::new(), |(_, rest)| rest.to_owned());
    let wanted = worktree(host.as_str());
    let mut servers: Vec<&Served> = servers.collect();
    servers.order_by(|one, other| one.host.cmp(&other.host));
    let nearest = nearest(host.as_str(), servers.iter().map(|served| &*served.host)).map(str::to_owned);
    servers.order_by_key(|served| {
        let is_nearest = nearest.as_deref() == Some(&*served.host);
        (!is_nearest, worktree(&served.host) != wanted)
    });
    servers
}

/// A text as HTML has it, in content and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
