//! Running a command to its end, with a deadline.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use styxy_core::api::Refusal;

use super::process::Running;
use super::wait::{DEADLINE, eventually};

/// The `styxy` that is tested: the one that cargo has built, or the one that `STYXY_TEST_PROGRAM` names, such as a program for
/// another C library or another processor.
pub(crate) fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let other = std::env::var("STYXY_TEST_PROGRAM").ok().filter(|path| !path.is_empty());
        other.unwrap_or_else(|| env!("CARGO_BIN_EXE_styxy").to_owned())
    })
}

/// The words of a command line without quotes.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The words of a command that does nothing, and does it well.
pub(crate) const NOTHING: &[&str] = if cfg!(windows) { &["cmd.exe", "/c", "exit 0"] } else { &["true"] };

/// Those of one that prints the port that it was given, on a line.
pub(crate) const PRINTS_PORT: &[&str] =
    if cfg!(windows) { &["cmd.exe", "/c", "echo %PORT%"] } else { &["sh", "-c", "echo $PORT"] };

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command` to its end, and until nobody can write to its stdout and stderr any more.
///
/// # Panics
/// It does not end, or somebody keeps its output open after its end, for longer than the deadline.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Output {
    let shown = command_line(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::spawn(command);
    let stdout = drain(running.child().stdout.take().unwrap());
    let stderr = drain(running.child().stderr.take().unwrap());
    let status = eventually(&format!("{shown} ends"), || running.child().try_wait().unwrap());
    let said = |from: &Receiver<Vec<u8>>, which: &str| {
        let bytes = from.recv_timeout(DEADLINE);
        let bytes =
            bytes.unwrap_or_else(|_| panic!("{shown} has ended, and somebody keeps its {which} open"));
        String::from_utf8(bytes).unwrap()
    };
    let (stdout, stderr) = (said(&stdout, "stdout"), said(&stderr, "stderr"));
    let code = status.code().unwrap_or_else(|| panic!("{shown} was killed: {status}\n{stderr}"));
    Output { code, stdout, stderr }
}

fn drain(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until then tells more than the error.
        let _ = from.read_to_end(&mut bytes);
        let _ = send.send(bytes);
    });
    receive
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

impl Output {
    /// It exited with `code`.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// It exited with 0.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        self.exits(0)
    }

    /// stdout is one number and its newline, and stderr is empty.
    #[track_caller]
    pub(crate) fn number(&self) -> u16 {
        let number = self.stdout.strip_suffix('\n').and_then(|line| line.parse().ok());
        assert_eq!(self.stderr, "");
        number.unwrap_or_else(|| panic!("not a number and a newline: {:?}", self.stdout))
    }

    /// The number that stdout is, whatever stderr is.
    #[track_caller]
    pub(crate) fn number_of_first_line(&self) -> u16 {
        let number = self.stdout.lines().next().and_then(|line| line.parse().ok());
        number.unwrap_or_else(|| panic!("not a number: {self:?}"))
    }

    /// stdout as JSON: one line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.trim_end().lines().count(), 1, "not one line: {:?}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {:?}", self.stdout))
    }

    /// stdout as the wire type, with no key more and none less than that has.
    #[track_caller]
    pub(crate) fn wire<T: DeserializeOwned + Serialize>(&self) -> T {
        exactly(&self.json())
    }

    /// The refusal that `--json` prints to stdout.
    #[track_caller]
    pub(crate) fn refusal(&self) -> Refusal {
        self.wire()
    }
}

/// `json` as a `T`, with no key more and none less than a `T` has.
#[track_caller]
pub(super) fn exactly<T: DeserializeOwned + Serialize>(json: &Value) -> T {
    let wire: T = serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(&serde_json::to_value(&wire).unwrap(), json, "not exactly the wire type");
    wire
}
