//! How a command ends, as far as that lets those behind `&&` and `||` run: what succeeds as a rule, what tells whether
//! somebody is there, and everything else, which may as well tell whose a server is.

use super::odds::Outcome;
use super::{Place, victims};
use crate::tools::shell::{Script, Simple};
use crate::tools::words::{Word, program};

/// How a pipeline that ends with the command `words` ends.
pub(super) fn outcome(pipeline: &[Simple], words: &[Word], place: &Place) -> Outcome {
    let Some((first, args)) = words.split_first() else { return Outcome::Success };
    let text = |at: usize| args.get(at).map_or("", |word| word.text.as_str());
    let has = |wanted: &[&str]| wanted.contains(&text(0));
    match program(&first.text) {
        "echo" | "printf" | "true" | ":" | "cd" | "pushd" | "popd" | "export" | "mkdir" | "sleep" | "set"
        | "unset" | "source" | "." | "clear" | "date" | "pwd" | "umask" | "ulimit" | "declare" | "local"
        | "readonly" | "shopt" | "trap" => Outcome::Success,
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
            Outcome::Success | Outcome::Probe | Outcome::Unknown => Outcome::Unknown,
        },
        "python" | "python3" | "php"
            if ["manage.py", "artisan"].contains(&program(text(0)))
                || has(&["-m"]) && ["pip", "venv"].contains(&text(1)) =>
        {
            Outcome::Usual
        }
        "kill" | "pkill" | "killall" | "kill-port" | "fkill" | "xargs" => Outcome::Probe,
        "curl" | "wget" | "nc" if pipeline.len() == 1 => Outcome::Probe,
        "test" => test(args, place),
        "[" => test(args.strip_suffix(&[word("]")][..]).unwrap_or(args), place),
        // What it prints are pids; but those of `ps` are looked through for one's own.
        _ if !pipeline.iter().any(|one| one.words.iter().any(|word| word.text == "ps"))
            && !victims::of(pipeline).is_empty() =>
        {
            Outcome::Probe
        }
        _ => Outcome::Unknown,
    }
}

/// `[[ … ]]` behind its first word.
pub(super) fn double_test(words: &[Word], place: &Place) -> Outcome {
    test(words.strip_suffix(&[word("]]")][..]).unwrap_or(words), place)
}

/// Whether pids or a file are there; everything else may tell whose something is.
fn test(args: &[Word], place: &Place) -> Outcome {
    let args = match args {
        [not, rest @ ..] if not.text == "!" => rest,
        _ => args,
    };
    let is_probe = match args {
        [only] => !whose(only, place).is_empty(),
        [flag, of] => match flag.text.as_str() {
            "-n" | "-z" => !whose(of, place).is_empty(),
            "-d" | "-e" | "-f" | "-s" => !of.expanded,
            _ => false,
        },
        _ => false,
    };
    if is_probe { Outcome::Probe } else { Outcome::Unknown }
}

/// Whose pids a word is, as a whole.
pub(super) fn whose(word: &Word, place: &Place) -> Vec<super::What> {
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

fn word(text: &str) -> Word {
    Word { text: text.to_owned(), ..Word::default() }
}
