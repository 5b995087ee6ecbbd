//! Commands that print pids: whose they are. A flag or an address that is not known here means nobody.

mod filters;
mod grep;

use styxy_core::Port;

use super::names::{self, By, Name};
use super::{What, plain_port, without_keywords};
use crate::devserver::shell::Word;
use crate::devserver::shell::{After, Simple};
use filters::{Form, Ports, Printed, Spaces, Table, Who};

/// Nobody asks for more ports than this in one range.
const WIDEST: usize = 32;

/// Who reads the pids, and what it makes of words between them that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// It goes on.
    Shell,
    /// It ends nobody then.
    Program,
}

/// Whose pids the pipeline `commands` prints; nothing if that cannot be told.
pub(super) fn of(commands: &[Simple]) -> Vec<What> {
    read_by(Reader::Shell, commands)
}

/// The same, if `reader` gets them.
pub(super) fn read_by(reader: Reader, commands: &[Simple]) -> Vec<What> {
    let Some((first, rest)) = commands.split_first() else { return Vec::new() };
    // What stands behind `||` runs if nothing was printed.
    let piped = rest.iter().take_while(|one| one.after == After::Pipe).count();
    let (filters, others) = rest.split_at(piped);
    if others.iter().any(|one| !matches!(one.after, After::Pipe | After::Or)) {
        return Vec::new();
    }
    printed(without_keywords(&first.words, &mut 0))
        .and_then(|printed| filters.iter().try_fold(printed, |left, filter| left.through(&filter.words)))
        .map_or_else(Vec::new, |left| left.pids(reader))
}

/// What the command `words` prints.
fn printed(mut words: &[Word]) -> Option<Printed> {
    if words.first().is_some_and(|word| matches!(word.text.as_str(), "sudo" | "command")) {
        words = &words[1..];
    }
    let (first, args) = words.split_first()?;
    match names::known(&first.text)? {
        "lsof" => lsof(args),
        "fuser" => {
            let asked = fuser(args).filter(|asked| asked.prints == Prints::Pids)?;
            // Only whoever has the port itself, so speaks from it.
            let ports = Ports::These(asked.ports);
            let who = Who::Sockets { table: Table::Lsof, ports, all_listen: true };
            Some(Printed { who, form: Form::OneLine, header: 0 })
        }
        "ss" => ss(args),
        "netstat" => netstat(args),
        "pgrep" => {
            let who = Who::Processes(vec![names::pkill(args, By::Pgrep)?]);
            let is_long = args
                .iter()
                .any(|word| word.is_flag() && !word.text.starts_with("--") && word.text.contains(['a', 'l']));
            let form = if is_long { Form::Columns { pid: 1, spaces: Spaces::One } } else { Form::Pids };
            Some(Printed { who, form, header: 0 })
        }
        "pidof" => {
            if args.iter().any(|word| word.expanded || word.is_flag() && word.text != "-x") {
                return None;
            }
            let names = args.iter().filter(|word| !word.is_flag()).map(|word| Name::exact(&word.text));
            Some(Printed { who: Who::Processes(names.collect()), form: Form::OneLine, header: 0 })
        }
        "ps" => ps(args),
        _ => None,
    }
}

/// `-i:3000`, `-ti tcp:3000`, `-nP -iTCP:3000,3001 -sTCP:LISTEN`
fn lsof(args: &[Word]) -> Option<Printed> {
    let (mut ports, mut every, mut pids_only) = (Vec::new(), false, false);
    let (mut listen, mut numbers) = (false, false);
    let mut args = args.iter();
    while let Some(word) = args.next() {
        let flags = word.text.strip_prefix('-').filter(|_| !word.expanded)?;
        for (at, flag) in flags.char_indices() {
            // What is behind `i` and `s` is theirs: in this word, else in the next if that is no flag.
            let mut value = || {
                let inline = &flags[at + 1..];
                let next = args.as_slice().first().filter(|next| inline.is_empty() && !next.is_flag());
                next.map_or(Some(inline), |next| {
                    args.next();
                    (!next.expanded).then_some(next.text.as_str())
                })
            };
            match flag {
                't' => pids_only = true,
                'P' => numbers = true,
                // Several addresses mean any of them, also with `-a`.
                'n' | 'l' | 'w' | 'b' | 'a' => {}
                'i' => {
                    let more = addressed(value()?)?;
                    every |= more.is_empty();
                    ports.extend(more);
                    break;
                }
                's' if value()?.eq_ignore_ascii_case("tcp:listen") => {
                    listen = true;
                    break;
                }
                _ => return None,
            }
        }
    }
    let ports = if every { Ports::All } else { Ports::These(ports) };
    let table = if numbers { Table::LsofWithNumbers } else { Table::Lsof };
    let who = Who::Sockets { table, ports, all_listen: listen };
    let form = if pids_only { Form::Pids } else { Form::Columns { pid: 2, spaces: Spaces::Several } };
    Some(Printed { who, form, header: usize::from(!pids_only) })
}

/// The ports of `:3000`, `tcp:3000-3005`, `TCP:3000,3001`; empty, which means all, for `tcp` and nothing. None for a host,
/// which may be another one's, and what else there is.
fn addressed(address: &str) -> Option<Vec<Port>> {
    let (protocol, ports) = address.split_once(':').map_or((address, None), |(one, two)| (one, Some(two)));
    if !protocol.is_empty() && !protocol.eq_ignore_ascii_case("tcp") {
        return None;
    }
    let Some(ports) = ports else { return Some(Vec::new()) };
    let mut found = Vec::new();
    for part in ports.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
        found.extend((from..=to).take(WIDEST + 1).filter_map(|port| Port::new(port).ok()));
    }
    (!found.is_empty() && found.len() <= WIDEST).then_some(found)
}

/// What a `fuser` was asked.
pub(super) struct Fuser {
    pub(super) ports: Vec<Port>,
    pub(super) ends: Ends,
    prints: Prints,
}

/// Whether it ends whom it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prints {
    Pids,
    Nothing,
}

/// `3000/tcp`, `-k -9 3000/tcp`, `-n tcp 3000`
pub(super) fn fuser(args: &[Word]) -> Option<Fuser> {
    let mut asked = Fuser { ports: Vec::new(), ends: Ends::No, prints: Prints::Pids };
    let mut signal_ends = true;
    let mut space = String::new();
    let mut args = args.iter();
    while let Some(word) = args.next() {
        if !word.is_flag() {
            let (port, of) = word.text.split_once('/').unwrap_or((&word.text, &space));
            let port = Word { text: port.to_owned(), ..word.clone() };
            asked.ports.extend(plain_port(&port).filter(|_| of == "tcp"));
            continue;
        }
        match &word.text[1..] {
            // One of the two protocols only.
            "4" | "6" => return None,
            "-kill" => asked.ends = Ends::Yes,
            "n" | "-namespace" => space.clone_from(&args.next()?.text),
            "ntcp" | "-namespace=tcp" => "tcp".clone_into(&mut space),
            "kn" => {
                asked.ends = Ends::Yes;
                space.clone_from(&args.next()?.text);
            }
            signal
                if signal.starts_with(|first: char| first.is_ascii_uppercase() || first.is_ascii_digit()) =>
            {
                signal_ends = names::ends(signal);
            }
            flags => {
                for flag in flags.chars() {
                    match flag {
                        'k' => asked.ends = Ends::Yes,
                        's' => asked.prints = Prints::Nothing,
                        'v' | 'a' | 'u' => {}
                        // It asks, lists signals, looks at one protocol or at files.
                        _ => return None,
                    }
                }
            }
        }
    }
    signal_ends.then_some(asked)
}

/// The letters of flags like `-ltnp`, if there is nothing but these; and what is behind them.
fn letters<'w>(args: &'w [Word], known: &str, long: &[(&str, char)]) -> Option<(String, &'w [Word])> {
    let mut all = String::new();
    for (at, word) in args.iter().enumerate() {
        if !word.is_flag() {
            return Some((all, &args[at..]));
        }
        match long.iter().find(|(name, _)| *name == word.text) {
            Some((_, letter)) => all.push(*letter),
            None if word.text[1..].chars().all(|letter| known.contains(letter)) => {
                all.push_str(&word.text[1..]);
            }
            None => return None,
        }
    }
    Some((all, &[]))
}

/// Whether listeners of TCP are shown, and their pids.
fn shows_listeners(flags: &str) -> bool {
    let has = |letter| flags.contains(letter);
    has('p') && (has('l') || has('a')) && (has('t') || !has('u'))
}

/// `ss -ltnp`, `ss -ltnp 'sport = :3000'`
fn ss(args: &[Word]) -> Option<Printed> {
    let long = [
        ("--listening", 'l'),
        ("--processes", 'p'),
        ("--tcp", 't'),
        ("--numeric", 'n'),
        ("--all", 'a'),
        ("--no-header", 'H'),
    ];
    let (flags, asked) = letters(args, "ltunpaH", &long)?;
    if !shows_listeners(&flags) || asked.iter().any(|word| word.expanded) {
        return None;
    }
    let asked = asked.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let asked = asked.replace(['(', ')'], " ");
    let mut words: Vec<&str> = asked.split_whitespace().collect();
    if words.starts_with(&["state", "listening"]) {
        words.drain(..2);
    }
    let ports = match words[..] {
        [] => Ports::All,
        ["sport", "=" | "==" | "eq", port] | ["src", port] => {
            Ports::These(vec![port.strip_prefix(':')?.parse().ok()?])
        }
        // The other end's port, or more than one thing.
        _ => return None,
    };
    let table = if flags.contains('n') { Table::SsWithNumbers } else { Table::Ss };
    let who = Who::Sockets { table, ports, all_listen: !flags.contains('a') };
    Some(Printed { who, form: Form::Ss, header: usize::from(!flags.contains('H')) })
}

/// `netstat -tlnp`; other systems' have no pids.
fn netstat(args: &[Word]) -> Option<Printed> {
    let long = [("--listening", 'l'), ("--program", 'p'), ("--tcp", 't'), ("--numeric", 'n'), ("--all", 'a')];
    let (flags, rest) = letters(args, "tulnpaW", &long)?;
    if !shows_listeners(&flags) || !rest.is_empty() {
        return None;
    }
    let table = if flags.contains('n') { Table::NetstatWithNumbers } else { Table::Netstat };
    let who = Who::Sockets { table, ports: Ports::All, all_listen: !flags.contains('a') };
    Some(Printed { who, form: Form::Columns { pid: 7, spaces: Spaces::Several }, header: 2 })
}

/// `ps aux`, `ps -ef`, `ps -eo pid,args`: those that list everybody.
fn ps(args: &[Word]) -> Option<Printed> {
    let (mut flags, mut bsd, mut columns, mut header) = (String::new(), false, None, 1);
    let mut args = args.iter();
    while let Some(word) = args.next() {
        let text = word.text.as_str();
        match text {
            _ if word.expanded => return None,
            "--no-headers" | "--no-heading" => header = 0,
            _ if text.starts_with("--sort=") => {}
            _ => {
                let (letters, listed) = match text.strip_suffix('o') {
                    Some(letters) => (letters, Some(args.next()?)),
                    None => (text, None),
                };
                columns = listed.map(|word| word.text.as_str()).or(columns);
                // `-ax` is `ax`: only that style knows x.
                bsd |= !text.starts_with('-') || letters.contains('x');
                flags.push_str(letters.trim_start_matches('-'));
            }
        }
    }
    let has = |letter| flags.contains(letter);
    let known = if bsd { "axuwf" } else { "eAafw" };
    let everybody = if bsd { has('a') && has('x') } else { has('e') || has('A') };
    if !everybody || !flags.chars().all(|letter| known.contains(letter)) {
        return None;
    }
    let (pid, full) = match columns {
        Some(columns) => {
            let columns: Vec<&str> = columns.split(',').collect();
            let pid = columns.iter().position(|column| *column == "pid")?;
            // Columns before it that are one word each.
            if !columns[..pid].iter().all(|column| ["user", "uid", "ppid", "pgid"].contains(column)) {
                return None;
            }
            let full = columns.iter().any(|column| ["args", "cmd", "command"].contains(column));
            (pid + 1, full)
        }
        None if bsd => (if has('u') { 2 } else { 1 }, true),
        None => (if has('f') { 2 } else { 1 }, has('f')),
    };
    let names = columns.is_none_or(|columns| columns.split(',').any(|column| column == "comm"));
    let who = if full {
        Who::Everybody(names::Looks::InCommand)
    } else if names {
        Who::Everybody(names::Looks::InName)
    } else {
        return None;
    };
    // Only the names of users, which come first, are sure to stand at the left.
    let spaces = if bsd && has('u') { Spaces::Several } else { Spaces::Leading };
    Some(Printed { who, form: Form::Columns { pid, spaces }, header })
}
