//! Commands that end processes: by pid, by port, by name.

use std::collections::HashMap;

use super::names::{self, Name};
use super::{What, plain_port, victims};
use crate::tools::launch::{options, packaged};
use crate::tools::shell::Simple;
use crate::tools::words::{Word, package, program};

/// What the command `words` ends, with the output of `piped` for its input; `pids` are variables that hold pids.
pub(super) fn of(words: &[Word], piped: &[Simple], pids: &HashMap<String, Vec<What>>) -> Vec<What> {
    let Some((first, args)) = words.split_first() else { return Vec::new() };
    match program(&first.text) {
        "kill" => kill(args, pids),
        "pkill" => names::pkill(args).into_iter().map(What::KillName).collect(),
        "killall" => names::killall(args).into_iter().map(What::KillName).collect(),
        "fuser" if kills_by_fuser(args) => victims::fuser(args),
        "kill-port" | "kill-port-process" | "fkill" | "fkill-cli" => {
            let port = |word: &Word| plain_port(&Word { text: word.text.replace(':', ""), ..word.clone() });
            args.iter().filter_map(port).map(What::KillPort).collect()
        }
        "xargs" => xargs(args, piped),
        "taskkill" => taskkill(args),
        "Stop-Process" | "spps" => {
            let named = args.iter().position(|word| word.text.eq_ignore_ascii_case("-name"));
            let name = named.and_then(|at| args.get(at + 1)).filter(|word| !word.expanded);
            name.map(|word| What::KillName(Name::exact(&word.text))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Replaces `npx -y kill-port@2 3000` and its like by `kill-port 3000`.
pub(super) fn unpack(words: &mut Vec<Word>) {
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let skip = match (program(text(0)), text(1)) {
        ("npx" | "bunx" | "pnpx", _) => 1,
        ("pnpm" | "yarn", "dlx" | "exec") | ("npm", "exec" | "x") | ("bun", "x") => 2,
        _ => return,
    };
    let rest = packaged(words[skip..].to_vec(), &["-p", "--package"]);
    let name = rest.first().map(|word| package(&word.text).to_owned());
    if let Some(name) = name.filter(|name| name.starts_with("kill-port") || name.starts_with("fkill")) {
        *words = rest;
        words[0].text = name;
    }
}

fn kill(args: &[Word], pids: &HashMap<String, Vec<What>>) -> Vec<What> {
    let Some(args) = after_signal(args) else { return Vec::new() };
    let victims = |word: &Word| -> Vec<What> {
        if !word.inner.is_empty() {
            return word.inner.iter().flat_map(|inner| victims::of(&inner.commands)).collect();
        }
        let text = word.text.as_str();
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

fn kills_by_fuser(args: &[Word]) -> bool {
    let mut flags = args.iter().filter(|word| word.is_flag());
    flags.any(|word| {
        word.text == "--kill" || !word.text.starts_with("--") && word.text.contains('k') && !is_signal(word)
    })
}

/// `-KILL` and the like are no clusters of flags.
fn is_signal(word: &Word) -> bool {
    word.text[1..].bytes().all(|byte| byte.is_ascii_uppercase())
}

/// `lsof -ti:3000 | xargs kill`
fn xargs(args: &[Word], piped: &[Simple]) -> Vec<What> {
    let mut words = args.to_vec();
    options(&mut words, &["-I", "-n", "-P", "-L", "-d", "-a", "-s"], |_, _| {});
    if words.first().is_some_and(|word| word.text == "sudo") {
        words.remove(0);
    }
    match words.split_first() {
        Some((first, args)) if program(&first.text) == "kill" && after_signal(args).is_some() => {
            victims::of(piped)
        }
        Some(_) | None => Vec::new(),
    }
}

/// `taskkill /F /IM node.exe`, also with the slashes doubled for a shell of MSYS.
fn taskkill(args: &[Word]) -> Vec<What> {
    let mut found = Vec::new();
    for pair in args.windows(2) {
        let flag = pair[0].text.trim_start_matches(['/', '-']).to_ascii_lowercase();
        let value = &pair[1];
        match flag.as_str() {
            _ if value.expanded => {}
            "im" => found.push(What::KillName(Name::exact(program(&value.text)))),
            "pid" => found.extend(value.text.parse().ok().map(What::KillPid)),
            _ => {}
        }
    }
    found
}
