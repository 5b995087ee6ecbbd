//! What the servers of one command are called.

use crate::devserver::program::program;
use crate::devserver::shell::Word;

/// The most characters of a name that comes from a command.
const MOST: usize = 40;

/// Files that say nothing about a server; the folder around them does.
const PLAIN: [&str; 7] = ["app", "dev", "index", "main", "run", "server", "start"];

/// The endings of files that an interpreter runs.
const ENDINGS: [&str; 13] =
    ["js", "mjs", "cjs", "ts", "mts", "cts", "tsx", "jsx", "py", "rb", "php", "sh", "go"];

/// A name for the server that `words` start: that of the file it is in, else that of its program.
pub(super) fn of_command(words: &[Word]) -> String {
    let file = words.iter().find_map(|word| of_file(&word.text));
    let first = words.first().map(|word| program(&word.text).to_owned());
    allowed(&file.or(first).unwrap_or_default())
}

/// The name in a path to a file that is run: `web` for `web.js`, `api` for `api/server.ts`.
pub(super) fn of_file(path: &str) -> Option<String> {
    let mut parts = path.rsplit(['/', '\\']);
    let (stem, ending) = parts.next()?.rsplit_once('.')?;
    if stem.is_empty() || path.starts_with('-') || !ENDINGS.contains(&ending) {
        return None;
    }
    let folder = parts.find(|part| !["src", "dist", "build", ".", "..", ""].contains(part));
    let is_plain = PLAIN.contains(&stem);
    Some(folder.filter(|_| is_plain).unwrap_or(stem).to_owned())
}

/// The last part of a folder's path.
pub(super) fn of_folder(path: &str) -> Option<String> {
    let last = path.rsplit('/').find(|part| !matches!(*part, "" | "." | ".."))?;
    Some(allowed(last))
}

/// `text` with the characters that a service name may have.
pub(crate) fn allowed(text: &str) -> String {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let plain: String =
        text.chars().take(MOST).map(|letter| if is_allowed(letter) { letter } else { '-' }).collect();
    let plain = plain.trim_matches(|letter| matches!(letter, '-' | '.'));
    if plain.is_empty() { "server".to_owned() } else { plain.to_owned() }
}

/// The same names, with a number behind each that was there before: `node`, `node-2`.
pub(super) fn distinct(names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !all.contains(name));
        all.extend(free);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_called_by_its_file_and_else_by_its_program() {
        for (line, name) in [
            ("node web.js", "web"),
            ("node --inspect api/server.js", "api"),
            ("tsx watch apps/api/src/index.ts", "api"),
            ("python app.py", "app"),
            ("./bin/worker --verbose", "worker"),
            ("/usr/bin/caddy run", "caddy"),
            ("go run ./cmd/api/main.go", "api"),
            ("node .", "node"),
            ("ünï", "n"),
            ("--", "server"),
        ] {
            let words: Vec<Word> =
                line.split(' ').map(|text| Word { text: text.to_owned(), ..Word::default() }).collect();
            assert_eq!(of_command(&words), name, "{line}");
        }
    }

    #[test]
    fn no_two_servers_have_one_name() {
        let names = |names: &[&str]| distinct(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(names(&["node", "node", "web"]), ["node", "node-2", "web"]);
        assert_eq!(names(&["a", "a-2", "a"]), ["a", "a-2", "a-3"]);
    }
}
