//! Whether a shell starts its child again when that ends: the text that the shell runs is a loop around the child.

use super::program::program;
use super::shell::{self, After, Script, Simple, is_keyword};
use super::shells::{self, Commands, is_shell};

/// Words before a program that do not make it another one.
const BEFORE: [&str; 8] = ["exec", "nohup", "env", "time", "nice", "setsid", "command", "sudo"];
/// Commands that start no server.
const NO_SERVERS: [&str; 16] = [
    ":", "true", "false", "[", "[[", "test", "sleep", "wait", "echo", "printf", "cd", "export", "set",
    "read", "date", "trap",
];
/// How deep `eval` may be nested.
const DEPTH: usize = 3;

/// Where the text is that a shell runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    /// In its command line: `sh -c TEXT`.
    Typed(&'a str),
    /// In a file.
    File(&'a str),
}

/// The text that the shell with this command line runs; none if it is no shell, or an interactive one.
pub(crate) fn text(words: &[String]) -> Option<Text<'_>> {
    let words = if program(words.first()?) == "busybox" { &words[1..] } else { words };
    let (first, args) = words.split_first()?;
    // A login shell's name begins with a dash.
    if !is_shell(program(first).trim_start_matches('-')) {
        return None;
    }
    Some(match shells::commands(args.iter().map(String::as_str))? {
        Commands::Text(at) => Text::Typed(&args[at]),
        Commands::File(at) => Text::File(&args[at]),
    })
}

/// One command of the text, without its reserved words.
struct Seen {
    words: Vec<String>,
    in_loop: bool,
    /// The function whose body it is in.
    function: Option<String>,
}

/// Whether a shell that runs `text` starts its child with the command line `child` again when that ends.
pub(crate) fn repeats(text: &str, child: &[String]) -> bool {
    let script = shell::read(text);
    if script.end.is_err_and(shell::Unreachable::is_unreadable) {
        return false;
    }
    let mut all = Vec::new();
    walk(&script, false, 0, &mut all);
    let is_called_in_loop = |name: &str| all.iter().any(|seen| seen.in_loop && seen.words[0] == name);
    let repeats = |seen: &Seen| match &seen.function {
        Some(name) => seen.in_loop || is_called_in_loop(name),
        None => seen.in_loop,
    };
    let starts = |seen: &&Seen| is_of(&seen.words, child);
    let mut matching = all.iter().filter(starts).peekable();
    if matching.peek().is_some() {
        return matching.all(repeats);
    }
    // A program may call itself something else, as `npx vite` does: the only commands there are must be the child's.
    let mut servers = all.iter().filter(|seen| !NO_SERVERS.contains(&seen.words[0].as_str())).peekable();
    servers.peek().is_some() && servers.all(repeats)
}

/// Whether the command with these words may have become the process with the command line `child`.
fn is_of(words: &[String], child: &[String]) -> bool {
    let wanted = program(&words[0]);
    child.iter().any(|word| program(word) == wanted)
}

fn walk(script: &Script, outer: bool, depth: usize, all: &mut Vec<Seen>) {
    // The loops that are open, and whether each has a condition. One without most often starts a server for each of several
    // values, in the background.
    let mut loops: Vec<bool> = Vec::new();
    let mut function: Option<(String, usize)> = None;
    let mut braces = 0;
    for (at, command) in script.commands.iter().enumerate() {
        let first = command.words.first().map(|word| word.text.as_str());
        if first == Some("function") {
            function = command.words.get(1).map(|name| (name.text.clone(), braces));
            continue;
        }
        let background = script.commands.get(at + 1).is_some_and(|next| next.after == After::Background);
        for keyword in command.words.iter().map(|word| word.text.as_str()).take_while(|word| is_keyword(word))
        {
            match keyword {
                "while" | "until" => loops.push(true),
                "for" | "select" => loops.push(false),
                "done" => drop(loops.pop()),
                "{" => braces += 1,
                "}" => {
                    braces -= 1;
                    function = function.filter(|(_, outside)| *outside != braces);
                }
                _ => {}
            }
        }
        let in_loop = outer || loops.contains(&true) || !loops.is_empty() && !background;
        seen(command, in_loop, function.as_ref().map(|(name, _)| name), depth, all);
    }
}

fn seen(command: &Simple, in_loop: bool, function: Option<&String>, depth: usize, all: &mut Vec<Seen>) {
    let is_for = command.words.iter().any(|word| matches!(word.text.as_str(), "for" | "select" | "case"));
    let is_before = |word: &&str| is_keyword(word) || BEFORE.contains(word) || word.starts_with('-');
    let words =
        command.words.iter().filter(|word| word.assignment().is_none()).map(|word| word.text.as_str());
    let words: Vec<String> = words.skip_while(is_before).map(str::to_owned).collect();
    match words.split_first() {
        Some((eval, text)) if eval == "eval" && depth < DEPTH => {
            walk(&shell::read(&text.join(" ")), in_loop, depth + 1, all);
        }
        Some(_) if !is_for => all.push(Seen { words, in_loop, function: function.cloned() }),
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_text_of_a_shell_is_in_its_command_line_or_in_a_file() {
        for (line, expected) in [
            ("sh -c TEXT", Some(Text::Typed("TEXT"))),
            ("busybox sh ./loop.sh", Some(Text::File("./loop.sh"))),
            ("/bin/sh -e loop.sh 3000", Some(Text::File("loop.sh"))),
            ("bash --norc loop.sh", Some(Text::File("loop.sh"))),
            ("-bash", None),
            ("zsh -i", None),
            ("node loop.sh", None),
        ] {
            assert_eq!(text(&words(line)), expected, "{line}");
        }
    }

    #[test]
    fn a_loop_around_the_server_starts_it_again() {
        for (text, child) in [
            ("while :; do node server.js; sleep 1; done", "node server.js"),
            ("while true\ndo\n  PORT=3000 node server.js\n  echo again\n  sleep 5\ndone", "node server.js"),
            ("until node server.js; do sleep 1; done", "/usr/bin/node server.js"),
            ("for i in 1 2 3; do npm run dev; sleep 1; done", "npm run dev"),
            ("cd web && while sleep 1; do exec env A=b vite; done", "node /w/node_modules/.bin/vite"),
            ("while :; do npx vite; sleep 2; done", "npm exec vite"),
            ("while :; do \"$@\"; sleep 1; done", "node server.js"),
            ("while :; do node server.js & wait; done", "node server.js"),
            ("serve() { node server.js; }\nwhile :; do serve; sleep 1; done", "node server.js"),
            ("source x && eval 'while :; do node server.js; sleep 1; done' && pwd", "node server.js"),
            ("(while :; do node server.js; done) | tee log", "node server.js"),
        ] {
            assert!(repeats(text, &words(child)), "{text}");
        }
    }

    #[test]
    fn a_server_outside_of_the_loop_is_not_started_again() {
        for (text, child) in [
            ("node server.js", "node server.js"),
            ("while ! curl localhost; do sleep 1; done; node server.js", "node server.js"),
            ("node server.js & while sleep 1; do curl localhost; done", "node server.js"),
            ("for port in 3000 3001; do node server.js $port & done; wait", "node server.js 3000"),
            ("for f in *.env; do . $f; done; npx vite", "npm exec vite"),
            ("echo 'while :; do node server.js; done'; node server.js", "node server.js"),
            ("while :; do node 'server.js; done", "node server.js"),
            ("", "node server.js"),
        ] {
            assert!(!repeats(text, &words(child)), "{text}");
        }
    }
}
