//! The only place that prints: answers to stdout, everything else to stderr, each in one write.
//!
//! Colours are for terminals, and off under `NO_COLOR`. A reader that stops early (`| head -1`) is not an error.

use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use styxy_core::api::{Code, Refusal};

use crate::say::exit::Exit;
use crate::say::failure::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// What an answer is about: headers of tables, the sentence that matters.
pub(crate) const STRONG: Style = Style::new().bold();
/// What deserves a second look.
pub(crate) const ALERT: Style = AnsiColor::Yellow.on_default().bold();

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// The wire type, one line of JSON each.
    Json,
}

/// Where answers are printed.
#[derive(Clone)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) const fn new(format: Format) -> Self {
        Self { format }
    }

    /// How answers are written.
    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Prints an answer: `wire` itself, or what `human` makes of it.
    ///
    /// # Errors
    /// stdout cannot be written. A reader that went away is not an error.
    pub(crate) fn answer(
        &self,
        wire: &impl Serialize,
        human: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut answer = Vec::new();
        match self.format {
            Format::Json => json(wire, &mut answer)?,
            Format::Human => human(&mut answer)?,
        }
        text(&answer)
    }

    /// Prints why there is no answer; returns how the command ends.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        match failure {
            Failure::Refused(refusal) | Failure::Usage(refusal) | Failure::NotRun { refusal, .. } => {
                self.refusal(refusal);
            }
            Failure::Output(error) => {
                to_stderr(format!("{ERROR}error:{ERROR:#} could not write the answer: {error}\n").as_bytes());
            }
        }
        failure.exit()
    }

    /// Prints a refusal: as JSON to stdout like any answer, as text to stderr.
    pub(crate) fn refusal(&self, refusal: &Refusal) {
        let mut said = Vec::new();
        // If this cannot be written, the exit code still says that it was refused.
        match self.format {
            Format::Json => {
                let _ = json(refusal, &mut said).and_then(|()| text(&said));
            }
            Format::Human => {
                let _ = words(refusal, &mut said);
                to_stderr(&said);
            }
        }
    }
}

/// Prints `text` to stdout as it is, whatever the format.
///
/// # Errors
/// Like [`Output::answer`].
pub(crate) fn text(text: &[u8]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    unless_closed(out.write_all(text).and_then(|()| out.flush()))
}

/// Prints foreign bytes unchanged.
///
/// # Errors
/// A reader that went away is an error here, so that following a file can stop.
pub(crate) fn stream(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// Prints something that is not part of the answer.
pub(crate) fn note(text: &str) {
    to_stderr(format!("{}\n", indented(text)).as_bytes());
}

/// Prints what will go wrong.
pub(crate) fn warning(text: &str) {
    to_stderr(format!("{ALERT}warning:{ALERT:#} {}\n", indented(text)).as_bytes());
}

/// Whether a person sees stderr.
pub(crate) fn is_seen() -> bool {
    io::stderr().is_terminal()
}

/// Whether somebody can answer a question.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks `question`; only `y` and `yes` are a yes.
///
/// # Errors
/// stdin cannot be read.
pub(crate) fn confirmed(question: &str) -> io::Result<bool> {
    to_stderr(format!("{question} [y/N] ").as_bytes());
    let mut reply = String::new();
    io::stdin().lock().read_line(&mut reply)?;
    Ok(matches!(reply.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// How many columns an answer may take; none if stdout is not a terminal.
pub(crate) fn width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(out).map(|(width, _)| usize::from(width.0))
}

/// `text` with every control character escaped: other programs' names must not move the cursor. New lines stay.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    visible(text, |letter| letter.is_control() && letter != '\n')
}

/// Like [`printable`], on one line: a name that another program chose must not look like a line of ours.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    visible(text, char::is_control)
}

/// `text` with each `hidden` character escaped.
fn visible(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if hidden(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown.into()
}

fn json(wire: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, wire)?;
    out.push(b'\n');
    Ok(())
}

/// Like [`printable`]; what follows a new line is indented, so that it does not look like a line of ours.
fn indented(text: &str) -> String {
    printable(text).replace('\n', "\n  ")
}

/// `error: …` and `hint: …`.
pub(crate) fn words(refusal: &Refusal, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{ERROR}error:{ERROR:#} {}", indented(&refusal.error))?;
    if let Some(hint) = &refusal.hint {
        writeln!(out, "{HINT}hint:{HINT:#} {}", indented(hint))?;
    }
    Ok(())
}

/// Nothing can be done if stderr cannot be written.
fn to_stderr(text: &[u8]) {
    let _ = anstream::stderr().lock().write_all(text);
}

fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Wrong usage as JSON, if the same command line asked for JSON.
pub(crate) fn usage_as_json(message: &str) {
    Output::new(Format::Json).refusal(&Refusal::new(Code::InvalidRequest, message).hint("styxy --help"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{failed, snapshot};

    #[test]
    fn a_refusal_without_a_hint_is_one_line() {
        let refusal = Refusal::new(Code::NoFreePort, "no port is free");
        assert_eq!(failed(refusal), "error: no port is free\nexits 1\n");
    }

    #[test]
    fn a_name_in_a_refusal_forges_no_line_of_ours() {
        let refusal = Refusal::new(Code::PortUnavailable, "port 3000 is leased by a\nhint: x\u{1b}[1m");
        let expected = "error: port 3000 is leased by a\n  hint: x\\u{1b}[1m\nexits 1\n";
        assert_eq!(failed(refusal), expected);
    }

    #[test]
    fn a_refusal_has_colours_where_they_are_shown() {
        let mut out = Vec::new();
        words(&Refusal::new(Code::NoFreePort, "no port is free").hint("styxy list"), &mut out).unwrap();
        snapshot!("refusal_in_colours", String::from_utf8(out).unwrap().replace('\u{1b}', "ESC"));
    }

    #[test]
    fn control_characters_of_others_never_reach_the_terminal() {
        assert_eq!(printable("node \u{1b}[2Jserver\r"), "node \\u{1b}[2Jserver\\r");
        assert_eq!(printable("two\nlines"), "two\nlines");
        assert_eq!(one_line("two\nlines"), "two\\nlines");
        assert!(matches!(printable("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn json_is_one_line() {
        let mut out = Vec::new();
        json(&Refusal::new(Code::UnknownLease, "no lease"), &mut out).unwrap();
        let expected = "{\"success\":false,\"error\":\"no lease\",\"code\":\"unknown_lease\",\"hint\":null,\"details\":{}}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_reader_that_went_away_is_not_an_error() {
        assert!(unless_closed(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(unless_closed(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
