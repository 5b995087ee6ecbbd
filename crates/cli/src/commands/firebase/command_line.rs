//! The firebase command line as it was typed, and as it is run: with our configuration and a project of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::devserver::options::{Value, value};
use crate::devserver::program::{package, program};

/// What of the command line matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    words: Vec<OsString>,
    /// Where `emulators:start`, or its like, is.
    subcommand: usize,
    /// Where the value of `--config` is, alone or behind a `=`.
    config: Option<Place>,
    project: Option<Place>,
    only: Option<Place>,
}

/// Where an option's value is: in a word, after this many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    word: usize,
    after: usize,
}

impl Line {
    /// None if it runs no emulators: none of the words is `emulators:start` or its like.
    pub(super) fn read(words: Vec<OsString>) -> Option<Self> {
        let text: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
        let subcommand = text.iter().position(|word| word.starts_with("emulators:"))?;
        // What is said to npx or pnpm before the program is not said to firebase.
        let program = text[..subcommand].iter().rposition(|word| is_firebase(word)).unwrap_or(subcommand);
        let find = |flags: &[&str]| find(&text, program + 1, flags);
        let (config, project, only) =
            (find(&["--config", "-c"]), find(&["--project", "-P"]), find(&["--only"]));
        Some(Self { words, subcommand, config, project, only })
    }

    fn value(&self, place: Option<Place>) -> Option<&str> {
        let place = place?;
        self.words.get(place.word)?.to_str()?.get(place.after..)
    }

    /// The configuration that was asked for.
    pub(super) fn config(&self) -> Option<PathBuf> {
        self.value(self.config).map(PathBuf::from)
    }

    pub(super) fn has_project(&self) -> bool {
        self.project.is_some()
    }

    pub(super) fn only(&self) -> Option<&str> {
        self.value(self.only)
    }

    /// The words to run: `config` in place of the one asked for, and `project` if none was.
    pub(super) fn with(&self, config: &Path, project: &str) -> Vec<OsString> {
        let mut words = self.words.clone();
        let mut more: Vec<OsString> = Vec::new();
        match self.config.and_then(|place| Some((place.after, words.get_mut(place.word)?))) {
            Some((after, word)) => {
                let mut whole =
                    OsString::from(word.to_str().and_then(|text| text.get(..after)).unwrap_or_default());
                whole.push(config);
                *word = whole;
            }
            None => more.extend(["--config".into(), config.into()]),
        }
        if !self.has_project() {
            more.extend(["--project".into(), project.into()]);
        }
        if more.is_empty() {
            return words;
        }
        let at = match self.npm_separator() {
            Separator::NotNeeded => self.subcommand + 1,
            Separator::At(index) => index + 1,
            Separator::Missing => {
                more.insert(0, "--".into());
                words.len()
            }
        };
        words.splice(at..at, more);
        words
    }

    /// npm keeps options for itself unless `--` goes before them.
    fn npm_separator(&self) -> Separator {
        let first = self.words.first().and_then(|word| word.to_str());
        let is_npm = first.is_some_and(|word| program(word) == "npm");
        match self.words.iter().position(|word| word == "--") {
            _ if !is_npm => Separator::NotNeeded,
            Some(index) if index < self.subcommand => Separator::NotNeeded,
            Some(index) => Separator::At(index),
            None => Separator::Missing,
        }
    }
}

enum Separator {
    NotNeeded,
    At(usize),
    Missing,
}

/// `firebase`, `firebase-tools@13` and paths to it.
fn is_firebase(word: &str) -> bool {
    matches!(package(program(word)), "firebase" | "firebase-tools" | "firebase.js")
}

/// Where the value of the last of these flags is, of the words from `from` on.
fn find(words: &[&str], from: usize, flags: &[&str]) -> Option<Place> {
    let place = |(at, word): (usize, &&str)| {
        Some(match flags.iter().find_map(|flag| value(word, flag))? {
            Value::Next => Place { word: Some(at + 1).filter(|next| *next < words.len())?, after: 0 },
            Value::Here(after) => Place { word: at, after },
        })
    };
    words.iter().enumerate().skip(from).filter_map(place).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::read(text.split(' ').map(OsString::from).collect()).expect(text)
    }

    #[track_caller]
    fn runs(typed: &str, run: &str) {
        let words = line(typed).with(Path::new("f.json"), "demo-x");
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(words.join(" "), run);
    }

    #[test]
    fn our_options_come_right_after_the_subcommand() {
        runs("firebase emulators:start", "firebase emulators:start --config f.json --project demo-x");
        runs(
            "npx firebase-tools@13 emulators:exec --only auth ./test",
            "npx firebase-tools@13 emulators:exec --config f.json --project demo-x --only auth ./test",
        );
        runs(
            "pnpm exec firebase emulators:start",
            "pnpm exec firebase emulators:start --config f.json --project demo-x",
        );
    }

    #[test]
    fn npm_is_told_where_its_own_options_end() {
        let ours = "--config f.json --project demo-x";
        runs("npm exec firebase emulators:start", &format!("npm exec firebase emulators:start -- {ours}"));
        runs("npm exec -- firebase emulators:start", &format!("npm exec -- firebase emulators:start {ours}"));
        runs(
            "npm exec firebase emulators:start -- --only auth",
            &format!("npm exec firebase emulators:start -- {ours} --only auth"),
        );
    }

    #[test]
    fn a_project_that_is_given_is_kept() {
        for project in ["--project x", "--project=x", "-P x", "-Px"] {
            let typed = format!("firebase emulators:start {project}");
            runs(&typed, &format!("firebase emulators:start --config f.json {project}"));
        }
        runs("firebase -P x emulators:start", "firebase -P x emulators:start --config f.json");
        assert!(!line("pnpm -P exec firebase emulators:start").has_project());
    }

    #[test]
    fn a_configuration_that_is_given_is_replaced_where_it_stands() {
        for (config, ours) in [
            ("--config a/b.json", "--config f.json"),
            ("--config=a/b.json", "--config=f.json"),
            ("-c a/b.json", "-c f.json"),
        ] {
            let typed = format!("firebase emulators:start {config} -P x");
            assert_eq!(line(&typed).config().as_deref(), Some(Path::new("a/b.json")));
            runs(&typed, &format!("firebase emulators:start {ours} -P x"));
        }
        assert_eq!(line("firebase emulators:start").config(), None);
    }

    #[test]
    fn only_is_read_in_both_forms() {
        assert_eq!(line("firebase emulators:start --only auth,ui").only(), Some("auth,ui"));
        assert_eq!(line("firebase emulators:start --only=auth").only(), Some("auth"));
        assert_eq!(line("firebase emulators:start").only(), None);
    }

    #[test]
    fn what_runs_no_emulators_is_not_for_us() {
        for typed in ["firebase deploy", "npm run emulators", ""] {
            assert_eq!(Line::read(typed.split(' ').map(OsString::from).collect()), None, "{typed}");
        }
    }
}
