//! Whether a shell starts its child again when that ends: the text that the shell runs is a loop around the child.

use super::program::program;
use super::shell::{self, AndOr, Command, Word};
use super::shells::{self, BEFORE, Commands, is_shell};

/// Commands that start no server.
const NO_SERVERS: [&str; 15] = [
    ":", "true", "false", "[", "test", "sleep", "wait", "echo", "printf", "cd", "export", "set", "read",
    "date", "trap",
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

/// One simple command of the text.
struct Seen {
    words: Vec<String>,
    in_loop: bool,
    /// The function whose body it is in.
    function: Option<String>,
}

/// Whether a shell that runs `text` starts its child with the command line `child` again when that ends.
pub(crate) fn repeats(text: &str, child: &[String]) -> bool {
    let mut all = Vec::new();
    walk(&shell::list(text).unwrap_or_default(), Place::default(), &mut all);
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

/// Where commands are in the text.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    in_loop: bool,
    /// In a loop over values, which most often starts a server in the background for each of them.
    over_values: bool,
    function: Option<&'a str>,
    /// In so many `eval`s.
    depth: usize,
}

fn walk(list: &[AndOr], place: Place<'_>, all: &mut Vec<Seen>) {
    for and_or in list {
        let over_values = place.over_values && !and_or.is_background;
        for command in and_or.pipelines.iter().flatten() {
            let mut inner = Place { over_values, ..place };
            match command {
                Command::Simple(words) => simple(words, inner, all),
                Command::While { .. } => inner.in_loop = true,
                Command::For(_) => inner.over_values = true,
                Command::Function { name, .. } => inner.function = Some(name),
                Command::Group(_)
                | Command::Subshell(_)
                | Command::If(_)
                | Command::Case(_)
                | Command::Coproc(_)
                | Command::Test => {}
            }
            command.lists().into_iter().for_each(|list| walk(list, inner, all));
        }
    }
}

fn simple(words: &[Word], place: Place<'_>, all: &mut Vec<Seen>) {
    let is_before = |word: &&str| BEFORE.contains(word) || word.starts_with('-');
    let words = words.iter().filter(|word| word.assignment().is_none()).map(|word| word.text.as_str());
    let words: Vec<String> = words.skip_while(is_before).map(str::to_owned).collect();
    let in_loop = place.in_loop || place.over_values;
    match words.split_first() {
        Some((eval, text)) if eval == "eval" && place.depth < DEPTH => {
            let inner = Place { in_loop, depth: place.depth + 1, ..Place::default() };
            walk(&shell::list(&text.join(" ")).unwrap_or_default(), inner, all);
        }
        Some(_) => all.push(Seen { words, in_loop, function: place.function.map(str::to_owned) }),
        None => {}
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
