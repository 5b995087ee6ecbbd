//! Several logs as one text, as they are written: whole lines, each with the name of its service in front.

use std::io;
use std::path::PathBuf;

use crate::up::read::{self, From, Tail};

/// How lines are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they were written, for a terminal.
    AsWritten,
    /// Without colours and other codes.
    Plain,
}

/// Some logs.
pub(crate) struct Follow {
    logs: Vec<Log>,
    form: Form,
    /// How wide the names are; none if there is one log, which needs no name.
    names: Option<usize>,
}

struct Log {
    label: String,
    path: PathBuf,
    end: u64,
    /// A line that is not complete yet.
    open: Vec<u8>,
    /// How many looks have found it so.
    looks: u8,
}

/// After so many looks a line that is not complete is shown as if it were: it may be a question.
const PATIENCE: u8 = 5;

/// So many lines are shown at most of what a service has printed before its log was followed.
const LINES: usize = 200;

impl Follow {
    /// These logs, from where they end now.
    pub(crate) fn new(logs: impl IntoIterator<Item = (String, PathBuf)>, form: Form) -> Self {
        let logs = logs.into_iter().map(|(label, path)| {
            let end = path.metadata().map_or(0, |found| found.len());
            Log { label, path, end, open: Vec::new(), looks: 0 }
        });
        let logs: Vec<Log> = logs.collect();
        let names = names(&logs);
        Self { logs, form, names }
    }

    /// Follows one more log, from the last start in it: what it says since then.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn add(&mut self, label: &str, path: PathBuf) -> io::Result<Vec<u8>> {
        let Tail { bytes, end } = read::tail(&path, From::LastOfStart(LINES))?;
        self.logs.push(Log { label: label.to_owned(), path, end, open: Vec::new(), looks: 0 });
        self.names = names(&self.logs);
        let mut text = Vec::new();
        self.take(self.logs.len() - 1, &bytes, &mut text);
        Ok(text)
    }

    /// The ends of the logs, one after the other; what comes later follows.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub(crate) fn tails(&mut self, from: From) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        for at in 0..self.logs.len() {
            let Tail { bytes, end } = read::tail(&self.logs[at].path, from)?;
            self.logs[at].end = end;
            self.take(at, &bytes, &mut text);
        }
        Ok(text)
    }

    /// What was written since the last look.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub(crate) fn more(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        for at in 0..self.logs.len() {
            let log = &mut self.logs[at];
            let bytes = read::more(&log.path, &mut log.end)?;
            self.take(at, &bytes, &mut text);
        }
        Ok(text)
    }

    /// What is left, complete or not.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        for at in 0..self.logs.len() {
            let open = std::mem::take(&mut self.logs[at].open);
            if !open.is_empty() {
                self.line(at, &open, &mut text);
                if self.names.is_some() || self.form == Form::Plain {
                    text.push(b'\n');
                }
            }
        }
        text
    }

    fn take(&mut self, at: usize, bytes: &[u8], text: &mut Vec<u8>) {
        // One service on a terminal has it to itself.
        if self.names.is_none() && self.form == Form::AsWritten {
            return text.extend_from_slice(bytes);
        }
        let mut all = std::mem::take(&mut self.logs[at].open);
        all.extend_from_slice(bytes);
        for line in all.split_inclusive(|byte| *byte == b'\n') {
            if line.ends_with(b"\n") {
                self.line(at, line, text);
            } else {
                self.logs[at].open = line.to_vec();
            }
        }
        let log = &mut self.logs[at];
        log.looks = if bytes.is_empty() && !log.open.is_empty() { log.looks + 1 } else { 0 };
        if log.looks >= PATIENCE {
            let open = std::mem::take(&mut log.open);
            log.looks = 0;
            self.line(at, &open, text);
            text.push(b'\n');
        }
    }

    fn line(&self, at: usize, line: &[u8], text: &mut Vec<u8>) {
        if let Some(width) = self.names {
            text.extend(format!("{:width$} | ", self.logs[at].label).into_bytes());
        }
        match self.form {
            Form::AsWritten => text.extend_from_slice(line),
            Form::Plain => {
                text.extend(read::plain(line).into_bytes());
                if line.ends_with(b"\n") {
                    text.push(b'\n');
                }
            }
        }
    }
}

/// How wide the names of these are, if there are several.
fn names(logs: &[Log]) -> Option<usize> {
    (logs.len() > 1).then(|| logs.iter().map(|log| log.label.len()).max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_names_of_their_services_in_front_and_stay_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("web"), "one\n").unwrap();
        let logs = [("web".to_owned(), path("web")), ("a".to_owned(), path("a"))];
        let mut follow = Follow::new(logs, Form::Plain);
        assert_eq!(follow.more().unwrap(), b"");
        std::fs::write(path("web"), "one\n\x1b[1mtwo\x1b[0m\nthr").unwrap();
        std::fs::write(path("a"), "b\n").unwrap();
        assert_eq!(String::from_utf8(follow.more().unwrap()).unwrap(), "web | two\na   | b\n");
        std::fs::write(path("web"), "one\n\x1b[1mtwo\x1b[0m\nthree\n").unwrap();
        assert_eq!(String::from_utf8(follow.more().unwrap()).unwrap(), "web | three\n");
        std::fs::write(path("a"), "b\nsure? ").unwrap();
        let shown: Vec<u8> = (0..=PATIENCE).flat_map(|_| follow.more().unwrap()).collect();
        assert_eq!(String::from_utf8(shown).unwrap(), "a   | sure? \n");
    }

    #[test]
    fn one_log_is_shown_as_it_is_on_a_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web");
        std::fs::write(&path, "a\nb\n\x1b[1mc").unwrap();
        let mut follow = Follow::new([("web".to_owned(), path)], Form::AsWritten);
        assert_eq!(follow.tails(From::Last(2)).unwrap(), b"b\n\x1b[1mc");
        assert_eq!((follow.more().unwrap(), follow.rest()), (vec![], vec![]));
    }
    #[test]
    fn one_more_log_is_followed_from_its_last_start_and_both_have_names_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("web"), "").unwrap();
        std::fs::write(path("docs"), "old\n--- started 2\nnew\n").unwrap();
        let mut follow = Follow::new([("web".to_owned(), path("web"))], Form::Plain);
        let text = follow.add("docs", path("docs")).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "docs | --- started 2\ndocs | new\n");
        std::fs::write(path("web"), "a\n").unwrap();
        assert_eq!(String::from_utf8(follow.more().unwrap()).unwrap(), "web  | a\n");
    }
}
