//! Commands that end processes: by pid, by port, by name.

use std::collections::HashMap;

use super::names::{self, By, Name};
use super::victims::{Ends, Reader};
use super::{What, plain_port, victims};
use crate::devserver::options::{options, packaged};
use crate::devserver::program::{package, program};
use crate::devserver::shell::Simple;
use crate::devserver::shell::Word;

/// What the command `words` ends, with the output of `piped` for its input; `pids` are variables that hold pids.
pub(super) fn of(words: &[Word], piped: &[Simple], pids: &HashMap<String, Vec<What>>) -> Vec<What> {
    let Some((first, args)) = words.split_first() else { return Vec::new() };
    let Some(name) = names::known(&first.text) else { return Vec::new() };
    match name {
        "kill" => kill(args, pids),
        "pkill" => names::pkill(args, By::Pkill).into_iter().map(What::KillName).collect(),
        "killall" => names::killall(args).into_iter().map(What::KillName).collect(),
        "fuser" => match victims::fuser(args) {
            Some(asked) if asked.ends == Ends::Yes => asked.ports.into_iter().map(What::KillPort).collect(),
            Some(_) | None => Vec::new(),
        },
        "kill-port" | "kill-port-process" => kill_port(args).unwrap_or_default(),
        "fkill" | "fkill-cli" => fkill(args).unwrap_or_default(),
        "xargs" => xargs(args, piped).unwrap_or_default(),
        // With its ending it is typed in a Linux under Windows, and ends processes of Windows.
        "taskkill" if first.text == "taskkill" => taskkill(args).unwrap_or_default(),
        "Stop-Process" | "spps" => stop_process(args).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Replaces `npx -y kill-port@2 3000`, `pnpm kill-port 3000` and their like by `kill-port 3000`.
pub(super) fn unpack(words: &mut Vec<Word>) {
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let skip = match (program(text(0)), text(1)) {
        ("pnpm" | "yarn", "dlx" | "exec")
        | ("npm", "exec" | "x")
        | ("bun", "x")
        | ("yarn" | "bun", "run") => 2,
        // The last three know a package's tools by their mere names.
        ("npx" | "bunx" | "pnpx" | "pnpm" | "yarn" | "bun", _) => 1,
        _ => return,
    };
    let rest = packaged(words[skip..].to_vec(), &["-p", "--package"]);
    let Some(name) = rest.first().map(|word| package(&word.text).to_owned()) else { return };
    if names::PACKAGED.contains(&name.as_str()) {
        *words = rest;
        words[0].text = name;
    }
}

/// `kill-port 3000 3001`, `kill-port --port 3000,3001`
fn kill_port(args: &[Word]) -> Option<Vec<What>> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(word) = args.next() {
        let ports = match word.text.as_str() {
            "--port" => args.next()?,
            "--method" if args.as_slice().first()?.text == "tcp" => {
                args.next();
                continue;
            }
            "--method=tcp" | "--tcp" | "-y" | "--yes" | "-g" | "--graceful" => continue,
            // It takes the next word for its value.
            "-v" | "--verbose" if args.as_slice().first().is_none_or(Word::is_flag) => continue,
            _ => word,
        };
        let text = ports.text.strip_prefix("--port=").unwrap_or(&ports.text);
        for port in text.split(',') {
            found.push(What::KillPort(plain_port(&Word { text: port.to_owned(), ..ports.clone() })?));
        }
    }
    Some(found)
}

/// `fkill :3000 node 4242`
fn fkill(args: &[Word]) -> Option<Vec<What>> {
    let mut found = Vec::new();
    for word in args {
        match word.text.as_str() {
            "-f" | "--force" | "-s" | "--silent" => {}
            _ if word.expanded || word.is_flag() => return None,
            text => found.push(match (text.strip_prefix(':'), text.parse()) {
                (Some(port), _) => What::KillPort(port.parse().ok()?),
                (None, Ok(pid)) => What::KillPid(pid),
                (None, Err(_)) => What::KillName(Name::exact(text)),
            }),
        }
    }
    Some(found)
}

fn kill(args: &[Word], pids: &HashMap<String, Vec<What>>) -> Vec<What> {
    let Some(args) = after_signal(args) else { return Vec::new() };
    let victims = |word: &Word| -> Vec<What> {
        let text = word.text.as_str();
        if !word.inner.is_empty() {
            // With a minus before it, it would be a group's.
            let is_all =
                text.starts_with("$(") && text.ends_with(')') || text.starts_with('`') && text.ends_with('`');
            return match &word.inner[..] {
                [inner] if is_all => victims::of(&inner.commands),
                _ => Vec::new(),
            };
        }
        if let Some(name) = text.strip_prefix('$') {
            let name = name.trim_start_matches('{').trim_end_matches('}');
            return pids.get(name).cloned().unwrap_or_default();
        }
        let pid = if word.expanded { None } else { text.parse().ok() };
        pid.filter(|pid| *pid > 1).map(What::KillPid).into_iter().collect()
    };
    args.iter().flat_map(victims).collect()
}

/// The pids of `kill`, unless its signal ends nothing.
fn after_signal(args: &[Word]) -> Option<&[Word]> {
    let mut rest = args;
    while let Some((flag, more)) = rest.split_first().filter(|(word, _)| word.is_flag()) {
        rest = more;
        let signal = match flag.text.as_str() {
            "--" => return Some(rest),
            "-l" | "-L" | "--list" => return None,
            "-s" | "-n" | "--signal" => {
                let (signal, more) = rest.split_first()?;
                rest = more;
                signal.text.as_str()
            }
            other => other.trim_start_matches('-'),
        };
        if !names::ends(signal) {
            return None;
        }
    }
    Some(rest)
}

/// `lsof -ti:3000 | xargs kill`, `… | xargs -I{} kill -9 {}`
fn xargs(args: &[Word], piped: &[Simple]) -> Option<Vec<What>> {
    let mut words = args.to_vec();
    let (mut known, mut each, mut mark) = (true, false, None);
    options(&mut words, &["-I", "-n", "-P", "-L", "-d"], |flag, value| match (flag, value) {
        ("-n" | "-L", Some("1")) | ("-n1" | "-L1", None) => each = true,
        ("-r" | "--no-run-if-empty" | "-t" | "-x", None)
        | ("-n" | "-L" | "-P", Some(_))
        | ("-d", Some("\\n")) => {}
        ("-I", Some(text)) => mark = Some(text.to_owned()),
        ("-i", None) => mark = Some("{}".to_owned()),
        (flag, None) if flag.starts_with("-I") => mark = Some(flag[2..].to_owned()),
        (flag, None) if ["-n", "-P"].iter().any(|one| flag.starts_with(one)) => {}
        // It asks first, takes other words or reads a file.
        _ => known = false,
    });
    if words.first().is_some_and(|word| word.text == "sudo") {
        words.remove(0);
    }
    let (first, args) = words.split_first()?;
    if !known || names::known(&first.text) != Some("kill") {
        return None;
    }
    let rest = after_signal(args)?;
    let takes = match &mark {
        Some(mark) => rest.iter().any(|word| word.text == *mark),
        None => rest.is_empty(),
    };
    let reader = if each || mark.is_some() { Reader::Shell } else { Reader::Program };
    takes.then(|| victims::read_by(reader, piped))
}

/// `taskkill /F /IM node.exe`, also with the slashes doubled for a shell of MSYS.
fn taskkill(args: &[Word]) -> Option<Vec<What>> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(word) = args.next() {
        match word.text.trim_start_matches(['/', '-']).to_ascii_lowercase().as_str() {
            "f" | "t" => {}
            "im" => {
                let image = args.next().filter(|word| !word.expanded)?;
                found.push(What::KillName(Name::exact(program(&image.text))));
            }
            "pid" => found.push(What::KillPid(args.next()?.text.parse().ok()?)),
            // Those of another machine or user, or that a filter lets through.
            _ => return None,
        }
    }
    Some(found)
}

/// `Stop-Process -Name node -Force`, `Stop-Process -Id 4242`
fn stop_process(args: &[Word]) -> Option<Vec<What>> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(word) = args.next() {
        match word.text.to_ascii_lowercase().as_str() {
            "-force" | "-passthru" => {}
            "-erroraction" => drop(args.next()?),
            "-name" => {
                let name = args.next().filter(|word| !word.expanded)?;
                found.push(What::KillName(Name::exact(&name.text)));
            }
            "-id" => found.push(What::KillPid(args.next()?.text.parse().ok()?)),
            // It asks, or only says what it would do.
            _ => return None,
        }
    }
    Some(found)
}
