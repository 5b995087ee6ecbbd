//! Commands that print pids: whose they are.

use styxy_core::Port;

use super::names::{self, Name};
use super::{What, plain_port, without_keywords};
use crate::tools::shell::{After, Simple};
use crate::tools::words::{Word, program};

/// Whose pids the pipeline `commands` prints; nothing if that cannot be told.
pub(super) fn of(commands: &[Simple]) -> Vec<What> {
    let Some((first, filters)) = commands.split_first() else { return Vec::new() };
    if filters.iter().any(|filter| !matches!(filter.after, After::Pipe | After::Or)) {
        return Vec::new();
    }
    let filters: Vec<&[Word]> =
        filters.iter().filter(|one| one.after == After::Pipe).map(|one| one.words.as_slice()).collect();
    let mut words = without_keywords(&first.words, &mut 0);
    if words.first().is_some_and(|word| matches!(word.text.as_str(), "sudo" | "command")) {
        words = &words[1..];
    }
    let Some((first, args)) = words.split_first() else { return Vec::new() };
    match program(&first.text) {
        "lsof" => {
            if selects(&filters) {
                lsof(args)
            } else {
                Vec::new()
            }
        }
        "fuser" => fuser(args),
        "ss" | "netstat" => sockets(args, &filters),
        "pgrep" => names::pkill(args).into_iter().map(What::KillName).collect(),
        "pidof" => {
            let names = args.iter().filter(|word| !word.is_flag() && !word.expanded);
            names.map(|word| What::KillName(Name::exact(&word.text))).collect()
        }
        "ps" => processes(&filters),
        _ => Vec::new(),
    }
}

/// Whether filters let the listener's line through: they pick columns, or lines that say LISTEN or the port.
fn selects(filters: &[&[Word]]) -> bool {
    filters.iter().all(|filter| match filter.first().map(|word| program(&word.text)) {
        Some("awk" | "cut" | "head" | "tail" | "sort" | "uniq" | "tr" | "xargs" | "sed") => true,
        Some("grep" | "egrep") => {
            let inverted = filter.iter().any(|word| word.is_flag() && word.text.contains('v'));
            let patterns = filter[1..].iter().filter(|word| !word.is_flag());
            let of_socket = |word: &Word| {
                let text = word.text.trim_start_matches([':', '*']);
                text.eq_ignore_ascii_case("listen")
                    || text.eq_ignore_ascii_case("(listen)")
                    || text.parse::<u16>().is_ok()
            };
            !inverted && patterns.into_iter().all(of_socket)
        }
        Some(_) | None => false,
    })
}

/// The ports of `-i:3000`, `-ti tcp:3000`, `-nP -iTCP:3000,3001 -sTCP:LISTEN`.
fn lsof(args: &[Word]) -> Vec<What> {
    let mut found = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(word) = args.next() {
        if word.text.to_ascii_uppercase().contains("ESTABLISHED") {
            return Vec::new();
        }
        let Some((_, inline)) = word.text.strip_prefix('-').and_then(|flags| flags.split_once('i')) else {
            continue;
        };
        let address = if inline.is_empty() {
            let Some(next) = args.next_if(|next| next.text.contains(':')) else { continue };
            next.clone()
        } else {
            Word { text: inline.to_owned(), ..word.clone() }
        };
        if address.expanded {
            continue;
        }
        if let Some((_, ports)) = address.text.rsplit_once(':') {
            found.extend(ports.split(',').filter_map(|port| port.parse().ok()).map(What::KillPort));
        }
    }
    found
}

/// The ports of `3000/tcp`, and of `-n tcp 3000`.
pub(super) fn fuser(args: &[Word]) -> Vec<What> {
    let space = args.iter().position(|word| word.text == "-n" || word.text == "--namespace");
    let tcp = space.is_some_and(|at| args.get(at + 1).is_some_and(|word| word.text == "tcp"));
    let port = |word: &Word| {
        let text = word.text.strip_suffix("/tcp").or(tcp.then_some(word.text.as_str()))?;
        plain_port(&Word { text: text.to_owned(), ..word.clone() })
    };
    args.iter().filter_map(port).map(What::KillPort).collect()
}

/// `ss -ltnp 'sport = :3000'`, `netstat -tlnp | grep :3000 | awk …`: every `:port` that is asked for.
fn sockets(args: &[Word], filters: &[&[Word]]) -> Vec<What> {
    let greps =
        filters.iter().filter(|filter| filter.first().is_some_and(|word| program(&word.text) == "grep"));
    let words = args.iter().chain(greps.flat_map(|filter| filter[1..].iter()));
    let port = |word: &Word| -> Option<Port> {
        let (_, behind) = word.text.rsplit_once(':').filter(|_| !word.expanded)?;
        behind.trim_end_matches(|letter: char| !letter.is_ascii_digit()).parse().ok()
    };
    words.filter_map(port).map(What::KillPort).collect()
}

/// `ps aux | grep vite | grep -v grep | awk '{print $2}'`
fn processes(filters: &[&[Word]]) -> Vec<What> {
    let mut found = Vec::new();
    for filter in filters {
        let Some((first, args)) = filter.split_first() else { continue };
        if program(&first.text) != "grep" && program(&first.text) != "egrep" {
            continue;
        }
        let inverted = args.iter().any(|word| word.is_flag() && word.text.contains('v'));
        match args.iter().find(|word| !word.is_flag()) {
            Some(word) if !inverted && !word.expanded => found.push(Name::anywhere(&word.text)),
            Some(word) if inverted && word.text == "grep" => {}
            // What else is left out or let through is not known.
            Some(_) | None => return Vec::new(),
        }
    }
    // Several must all be in the line.
    if found.len() > 1 { Vec::new() } else { found.into_iter().map(What::KillName).collect() }
}
