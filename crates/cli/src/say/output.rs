//! The only place that prints: answers to stdout, everything else to stderr, each in one write.
//!
//! Colours are for terminals, and off under `NO_COLOR`. A reader that stops early (`| head -1`) is not an error.

use std::io::{self, BufRead, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::ser::Formatter;
use styxy_core::api::{Code, Refusal};
use styxy_core::printable::{coloured, is_hidden};
pub(crate) use styxy_core::printable::{one_line, printable};

use crate::say::exit::Exit;
use crate::say::failure::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// What an answer is about: headers of tables, the sentence that matters.
pub(crate) const STRONG: Style = Style::new().bold();
/// What works.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is not there yet.
pub(crate) const PENDING: Style = AnsiColor::Yellow.on_default();
/// What is wrong.
pub(crate) const WRONG: Style = AnsiColor::Red.on_default().bold();
/// What is there for those who look for it.
#[cfg(unix)]
pub(crate) const FAINT: Style = Style::new().dimmed();
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
            Format::Human => {
                human(&mut answer)?;
                // Whatever a command forgot to escape.
                answer = coloured(&String::from_utf8_lossy(&answer)).into_bytes();
            }
        }
        text(&answer)
    }

    /// Prints why there is no answer; returns how the command ends.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        match failure {
            Failure::Refused(refusal)
            | Failure::Usage(refusal)
            | Failure::NoDaemon(refusal)
            | Failure::NotRun { refusal, .. } => {
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

/// Prints the next part of an answer that goes on.
///
/// # Errors
/// A reader that went away is an error here, so that nothing more is made for it.
pub(crate) fn next_text(text: &[u8]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let text = coloured(&String::from_utf8_lossy(text));
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// As [`next_text`], `value` as one line of JSON.
///
/// # Errors
/// Like [`next_text`].
pub(crate) fn next_value(value: &impl Serialize) -> io::Result<()> {
    let mut line = Vec::new();
    json(value, &mut line)?;
    let mut out = io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush())
}

/// Sends bytes to the terminal that draw on it.
///
/// # Errors
/// The terminal is gone.
pub(crate) fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // A console of Windows takes UTF-8 and nothing else.
    if cfg!(windows) && out.is_terminal() {
        out.write_all(String::from_utf8_lossy(bytes).as_bytes())?;
    } else {
        out.write_all(bytes)?;
    }
    out.flush()
}

/// Whether stdout shows colours.
#[cfg(unix)]
pub(crate) fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Prints what another program wrote or named: unchanged into a file or a program, printable on a terminal.
///
/// # Errors
/// Like [`Output::answer`].
pub(crate) fn foreign(bytes: &[u8]) -> io::Result<()> {
    if io::stdout().is_terminal() {
        return text(printable(&String::from_utf8_lossy(bytes)).as_bytes());
    }
    // Not through the stream that leaves out colours where nobody sees them: these bytes are not ours.
    let mut out = io::stdout().lock();
    unless_closed(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Prints a line of another program, which ends with its new line or is the last one.
///
/// # Errors
/// A reader that went away is an error here, so that following a file can stop.
pub(crate) fn foreign_line(line: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(printable(&String::from_utf8_lossy(line)).as_bytes()).and_then(|()| out.flush())
}

/// Prints `value` as one line of JSON, whatever the format.
///
/// # Errors
/// Like [`Output::answer`].
pub(crate) fn value(value: &impl Serialize) -> io::Result<()> {
    let mut line = Vec::new();
    json(value, &mut line)?;
    text(&line)
}

/// Prints something that is not part of the answer.
pub(crate) fn note(text: &str) {
    to_stderr(format!("{}\n", indented(text)).as_bytes());
}

/// Prints a line between those of another program, which may have changed how its terminal ends lines.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has something to say then"))]
pub(crate) fn aside(text: &str) {
    to_stderr(format!("\r{}\r\n", one_line(text)).as_bytes());
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
    to_stderr(format!("{} [y/N] ", printable(question)).as_bytes());
    let mut reply = String::new();
    io::stdin().lock().read_line(&mut reply)?;
    Ok(matches!(reply.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// How many columns an answer may take; none if stdout is not a terminal.
pub(crate) fn width() -> Option<usize> {
    io::stdout().is_terminal().then(|| size().0)
}

/// How many columns a note may take; none if stderr is not a terminal.
pub(crate) fn note_width() -> Option<usize> {
    io::stderr().is_terminal().then(|| size_or_usual(terminal_size::terminal_size_of(io::stderr())).0)
}

/// How many columns and rows a terminal on stdout has.
pub(crate) fn size() -> (usize, usize) {
    size_or_usual(terminal_size::terminal_size_of(io::stdout()))
}

fn size_or_usual(known: Option<(terminal_size::Width, terminal_size::Height)>) -> (usize, usize) {
    // One that does not say how large it is.
    const USUAL: (usize, usize) = (80, 24);
    if let Some((width, height)) = known {
        return (usize::from(width.0), usize::from(height.0));
    }
    // A terminal that somebody else draws may not know it: `script`, a build server.
    let said = |name: &str| std::env::var(name).ok()?.parse().ok().filter(|size| *size > 0);
    (said("COLUMNS").unwrap_or(USUAL.0), said("LINES").unwrap_or(USUAL.1))
}

fn json(wire: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    wire.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Harmless))?;
    out.push(b'\n');
    Ok(())
}

/// JSON in one line that has no hidden character. A parser reads the same value: what JSON lets stand is written as an escape.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            let (before, hidden) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            let mut behind = hidden.chars();
            for unit in behind.next().into_iter().flat_map(|hidden| hidden.encode_utf16(&mut [0; 2]).to_vec())
            {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = behind.as_str();
        }
        out.write_all(rest.as_bytes())
    }
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
pub(crate) fn usage_as_json(message: &str, hint: Option<String>) {
    let hint = hint.unwrap_or_else(|| "styxy --help".to_owned());
    Output::new(Format::Json).refusal(&Refusal::new(Code::InvalidRequest, message).hint(hint));
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
    fn json_is_one_line() {
        let mut out = Vec::new();
        json(&Refusal::new(Code::UnknownLease, "no lease"), &mut out).unwrap();
        let expected = "{\"success\":false,\"error\":\"no lease\",\"code\":\"unknown_lease\",\"hint\":null,\"details\":{}}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn json_has_no_hidden_character_and_the_same_value() {
        for hostile in ["\u{1b}[2J\u{9b}\u{7f}", "a\u{202e}b\u{2028}\u{2066}", "\u{e0041}\u{200b}x", "\"\\\n"]
        {
            let refusal = Refusal::new(Code::UnknownLease, hostile);
            let mut out = Vec::new();
            json(&refusal, &mut out).unwrap();
            let line = String::from_utf8(out).unwrap();
            assert!(!line.trim_end().contains(is_hidden), "{line:?}");
            assert_eq!(serde_json::from_str::<Refusal>(&line).unwrap(), refusal);
        }
    }

    #[test]
    fn a_reader_that_went_away_is_not_an_error() {
        assert!(unless_closed(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(unless_closed(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
