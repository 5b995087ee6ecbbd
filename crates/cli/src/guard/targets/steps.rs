//! How a command ends, as far as that lets those behind `&&` and `||` run: what succeeds as a rule, what tells whether
//! certain processes are there, and everything else, which may as well tell whose a server is.

use super::odds::Outcome;
use super::{Place, What, kills, victims};
use crate::devserver::program::program;
use crate::devserver::shell::Word;
use crate::devserver::shell::{self, Script, Simple};

/// How a pipeline that ends with the command `words` ends.
pub(super) fn outcome(pipeline: &[Simple], words: &[Word], place: &Place) -> Outcome {
    let Some((first, args)) = words.split_first() else { return Outcome::Success };
    let text = |at: usize| args.get(at).map_or("", |word| word.text.as_str());
    let has = |wanted: &[&str]| wanted.contains(&text(0));
    match program(&first.text) {
        "echo" | "printf" | "true" | ":" | "cd" | "pushd" | "popd" | "export" | "mkdir" | "sleep" | "set"
        | "unset" | "source" | "." | "clear" | "date" | "pwd" | "umask" | "ulimit" | "declare" | "local"
        | "readonly" | "shopt" | "trap" => Outcome::Success,
        // It may be a test for that file.
        "ls" | "cat" if pipeline.len() == 1 && args.iter().any(|word| !word.is_flag()) => Outcome::Unknown,
        "head" | "tail" | "tee" | "cat" | "wc" | "sort" | "cp" | "mv" | "rm" | "ln" | "touch" | "chmod"
        | "ls" | "tar" | "unzip" | "wait" | "npm" | "pnpm" | "yarn" | "corepack" | "nvm" | "fnm"
        | "volta" | "cargo" | "make" | "docker" | "docker-compose" | "podman" | "pip" | "pip3" | "poetry"
        | "pipenv" | "bundle" | "rake" | "rails" | "composer" | "tsc" | "go" | "mvn" | "gradle"
        | "gradlew" | "dotnet" => Outcome::Usual,
        "vite" | "next" | "nuxt" | "astro" | "ng" | "webpack" | "rollup" | "turbo" | "nx"
            if has(&["build", "generate"]) =>
        {
            Outcome::Usual
        }
        "prisma" if has(&["generate", "migrate", "db"]) => Outcome::Usual,
        "git"
            if has(&[
                "add",
                "checkout",
                "clean",
                "clone",
                "commit",
                "fetch",
                "init",
                "merge",
                "pull",
                "push",
                "rebase",
                "reset",
                "restore",
                "stash",
                "status",
                "submodule",
                "switch",
                "worktree",
            ]) =>
        {
            Outcome::Usual
        }
        "bun" if has(&["install", "i", "add", "run"]) => Outcome::Usual,
        "uv" if has(&["sync", "pip", "venv", "add"]) => Outcome::Usual,
        "npx" | "bunx" | "pnpx" => match outcome(&[], args, place) {
            Outcome::Usual => Outcome::Usual,
            Outcome::Success | Outcome::There(_) | Outcome::Missing(_) | Outcome::Unknown => Outcome::Unknown,
        },
        "python" | "python3" | "php"
            if ["manage.py", "artisan"].contains(&program(text(0)))
                || has(&["-m"]) && ["pip", "venv"].contains(&text(1)) =>
        {
            Outcome::Usual
        }
        "kill" | "pkill" | "killall" | "kill-port" | "kill-port-process" | "fkill" | "fkill-cli"
        | "xargs" => Outcome::there(kills::of(
            words,
            pipeline.split_last().map_or(&[], |(_, piped)| piped),
            &place.pids,
        )),
        "fuser" if pipeline.len() == 1 => {
            let asked = victims::fuser(args).map(|asked| asked.ports).unwrap_or_default();
            Outcome::there(asked.into_iter().map(What::KillPort).collect())
        }
        "test" => test(args, place),
        "[" => test(without_last(args, "]"), place),
        // What it prints are pids; but those of `ps` are looked through for one's own.
        _ if !pipeline.iter().any(|one| one.words.iter().any(|word| word.text == "ps")) => {
            Outcome::there(victims::of(pipeline))
        }
        _ => Outcome::Unknown,
    }
}

/// How a question for programs ends, whose words are the last of `pipeline`: those that end servers are there.
pub(super) fn asks(pipeline: &[Simple]) -> Outcome {
    let known = [
        "lsof", "fuser", "ss", "netstat", "kill", "pkill", "pgrep", "killall", "xargs", "node", "npm", "npx",
        "which", "type", "hash", "whereis", "command",
    ];
    let is_known =
        |word: &Word| known.contains(&word.text.as_str()) || word.is_flag() || shell::is_keyword(&word.text);
    match pipeline.last() {
        Some(last) if last.words.iter().all(is_known) => Outcome::Usual,
        Some(_) | None => Outcome::Unknown,
    }
}

/// `[[ … ]]` behind its first word.
pub(super) fn double_test(words: &[Word], place: &Place) -> Outcome {
    test(without_last(words, "]]"), place)
}

/// Whether pids are there; everything else may tell whose something is.
fn test(args: &[Word], place: &Place) -> Outcome {
    match args {
        [not, rest @ ..] if not.text == "!" => test(rest, place).turned(),
        [only] => Outcome::there(whose(only, place)),
        [flag, of] if flag.text == "-n" => Outcome::there(whose(of, place)),
        [flag, of] if flag.text == "-z" => Outcome::there(whose(of, place)).turned(),
        _ => Outcome::Unknown,
    }
}

/// Whose pids a word is, as a whole.
pub(super) fn whose(word: &Word, place: &Place) -> Vec<What> {
    let text = word.text.as_str();
    if let Some(name) = text.strip_prefix('$').filter(|_| word.expanded && word.inner.is_empty()) {
        let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        return place.pids.get(name).cloned().unwrap_or_default();
    }
    let is_whole =
        text.starts_with("$(") && text.ends_with(')') || text.starts_with('`') && text.ends_with('`');
    match &word.inner[..] {
        [Script { commands, .. }] if is_whole => victims::of(commands),
        _ => Vec::new(),
    }
}

/// `words` without a `closing` one at the end.
fn without_last<'w>(words: &'w [Word], closing: &str) -> &'w [Word] {
    words.split_last().filter(|(last, _)| last.text == closing).map_or(words, |(_, rest)| rest)
}
