//! Programs that start several commands: what each of them is given to run.

use crate::devserver::program::program;
use crate::devserver::shell::Word;
use crate::devserver::shells::{self, Commands, is_shell};

/// One of the commands that a runner starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Child {
    /// The text of a command for a shell: this argument of the runner, and what the runner calls it.
    Text { word: usize, name: Option<String> },
    /// The scripts of the package whose names match a pattern, run by this package manager (none: the one that runs the
    /// runner); and the argument that says so.
    Scripts { manager: Option<&'static str>, pattern: String, word: usize },
}

/// Whether the commands of a runner run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Together,
    OneByOne,
}

/// The commands that the runner `name` starts with the arguments `args`; none if it is not a runner.
pub(crate) fn children(name: &str, args: &[Word]) -> Option<Vec<(Order, Child)>> {
    let texts: Vec<&str> = args.iter().map(|word| word.text.as_str()).collect();
    match program(name) {
        "concurrently" | "conc" => Some(concurrently(&texts)),
        "run-p" => Some(scripts(&texts, Order::Together)),
        "run-s" | "npm-run-all" | "npm-run-all2" => Some(scripts(&texts, Order::OneByOne)),
        "nodemon" => exec(&texts, &["-x", "--exec"]),
        _ if is_shell(name) => shell(&texts),
        _ => None,
    }
}

/// The short options of concurrently that have a value, and the long ones.
const SHORT: &str = "mnspclt";
const LONG: [&str; 15] = [
    "--max-processes",
    "--names",
    "--name-separator",
    "--success",
    "--hide",
    "--teardown",
    "--prefix",
    "--prefix-colors",
    "--prefix-length",
    "--timestamp-format",
    "--default-input-target",
    "--kill-signal",
    "--kill-timeout",
    "--restart-tries",
    "--restart-after",
];

fn concurrently(args: &[&str]) -> Vec<(Order, Child)> {
    let (mut names, mut separator, mut passes_on) = ("", ",", false);
    let mut commands = Vec::new();
    let mut at = 0;
    while let Some(&word) = args.get(at) {
        at += 1;
        if word == "--" {
            if !passes_on {
                commands.extend(at..args.len());
            }
            break;
        }
        if !word.starts_with('-') || word == "-" {
            commands.push(at - 1);
            continue;
        }
        let (flag, mut value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (word, None),
        };
        // `-kn web,api`: the last one of several short options may have a value.
        let short = flag.chars().last().filter(|_| !flag.starts_with("--"));
        if value.is_none() && (LONG.contains(&flag) || short.is_some_and(|last| SHORT.contains(last))) {
            value = args.get(at).copied();
            at += 1;
        }
        match (flag, short) {
            ("--names", _) | (_, Some('n')) => names = value.unwrap_or_default(),
            ("--name-separator", _) => separator = value.unwrap_or_default(),
            ("--passthrough-arguments", _) | (_, Some('P')) => passes_on = true,
            _ => {}
        }
    }
    let mut names = names.split(separator).map(str::trim);
    let child = |word: usize| {
        let name = names.next().filter(|name| !name.is_empty()).map(str::to_owned);
        match shortcut(args[word]) {
            Some((manager, pattern)) => Child::Scripts { manager: Some(manager), pattern, word },
            None => Child::Text { word, name },
        }
    };
    commands.into_iter().map(child).map(|child| (Order::Together, child)).collect()
}

/// `npm:web` is `npm run web`.
fn shortcut(text: &str) -> Option<(&'static str, String)> {
    let (manager, script) = text.split_once(':')?;
    let manager =
        ["npm", "pnpm", "yarn", "bun", "node", "deno"].into_iter().find(|known| *known == manager)?;
    let pattern = script.split_whitespace().next()?;
    Some((manager, pattern.to_owned()))
}

/// The scripts that npm-run-all, run-p and run-s are given, and in which order.
fn scripts(args: &[&str], from: Order) -> Vec<(Order, Child)> {
    let mut order = from;
    let mut all = Vec::new();
    let mut skipped = false;
    for (word, text) in args.iter().enumerate() {
        match *text {
            _ if std::mem::take(&mut skipped) => {}
            "--" => break,
            "-p" | "--parallel" => order = Order::Together,
            "-s" | "--sequential" | "--serial" => order = Order::OneByOne,
            "--max-parallel" | "--npm-path" => skipped = true,
            flag if flag.starts_with('-') => {}
            pattern => {
                let pattern = pattern.split_whitespace().next().unwrap_or_default().to_owned();
                all.push((order, Child::Scripts { manager: None, pattern, word }));
            }
        }
    }
    all
}

/// The text behind one of `flags`.
fn exec(args: &[&str], flags: &[&str]) -> Option<Vec<(Order, Child)>> {
    let at = args.iter().position(|word| flags.contains(word))?;
    args.get(at + 1)?;
    Some(vec![(Order::OneByOne, Child::Text { word: at + 1, name: None })])
}

/// The text behind `-c`.
fn shell(args: &[&str]) -> Option<Vec<(Order, Child)>> {
    match shells::commands(args.iter().copied())? {
        Commands::Text(word) => Some(vec![(Order::OneByOne, Child::Text { word, name: None })]),
        Commands::File(_) => None,
    }
}

/// Whether a script's name matches a pattern of these runners: `*` stands for all but `:`, `**` for all.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    let (after, any) = match after.strip_prefix('*') {
        Some(after) => (after, true),
        None => (after, false),
    };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.take_while(|at| any || !rest[..*at].contains(':')).any(|at| matches(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(args: &[&str]) -> Vec<Word> {
        args.iter().map(|text| Word { text: (*text).to_owned(), ..Word::default() }).collect()
    }

    fn named(args: &[&str]) -> Vec<(String, Option<String>)> {
        let all = children("concurrently", &words(args)).unwrap();
        let one = |(_, child)| match child {
            Child::Text { word, name } => (args[word].to_owned(), name),
            Child::Scripts { pattern, .. } => (pattern, None),
        };
        all.into_iter().map(one).collect()
    }

    #[test]
    fn the_commands_of_concurrently_are_told_from_the_values_of_its_options() {
        let some = |name: &str| Some(name.to_owned());
        for (args, expected) in [
            (&["-k", "a", "b"][..], vec![("a", None), ("b", None)]),
            (&["-kn", "web,api", "a", "b"][..], vec![("a", some("web")), ("b", some("api"))]),
            (&["--names=web", "a", "b"][..], vec![("a", some("web")), ("b", None)]),
            (&["-n", "x|y", "--name-separator", "|", "a", "b"][..], vec![("a", some("x")), ("b", some("y"))]),
            (&["-c", "red,blue", "--restart-tries", "3", "a"][..], vec![("a", None)]),
            (&["-P", "a {1}", "--", "x"][..], vec![("a {1}", None)]),
            (&["npm:web", "pnpm:api -- --x"][..], vec![("web", None), ("api", None)]),
        ] {
            let expected: Vec<_> =
                expected.into_iter().map(|(text, name): (&str, _)| (text.to_owned(), name)).collect();
            assert_eq!(named(args), expected, "{args:?}");
        }
    }

    #[test]
    fn scripts_run_together_or_one_by_one_as_the_runner_and_its_flags_say() {
        let orders = |name: &str, args: &[&str]| {
            let all = children(name, &words(args)).unwrap();
            all.into_iter().map(|(order, _)| order == Order::Together).collect::<Vec<_>>()
        };
        assert_eq!(orders("run-p", &["-l", "web", "api"]), [true, true]);
        assert_eq!(orders("run-s", &["build", "web"]), [false, false]);
        assert_eq!(
            orders("npm-run-all", &["build", "-p", "web", "api", "-s", "x"]),
            [false, true, true, false]
        );
    }

    #[test]
    fn a_pattern_of_scripts_matches_as_in_the_runners() {
        for (pattern, name, is_one) in [
            ("web", "web", true),
            ("dev:*", "dev:web", true),
            ("dev:*", "dev:web:hot", false),
            ("dev:**", "dev:web:hot", true),
            ("*:dev", "web:dev", true),
            ("dev:*", "dev", false),
            ("*", "a", true),
        ] {
            assert_eq!(matches(pattern, name), is_one, "{pattern} {name}");
        }
    }

    #[test]
    fn a_shell_has_its_text_behind_c() {
        let text = |name: &str, args: &[&str]| match children(name, &words(args))?.pop()?.1 {
            Child::Text { word, .. } => Some(word),
            Child::Scripts { .. } => None,
        };
        assert_eq!(text("sh", &["-c", "a & b"]), Some(1));
        assert_eq!(text("/bin/bash", &["-l", "-ec", "a"]), Some(2));
        assert_eq!(text("bash", &["-o", "pipefail", "-c", "a"]), Some(3));
        assert_eq!(text("bash", &["run.sh", "-c", "a"]), None);
        assert_eq!(text("nodemon", &["-w", "src", "--exec", "vite"]), Some(3));
    }
}
