//! The table: data only. A row is a tool, or several that get their port in the same way. `docs/FRAMEWORKS.md` is
//! generated from it.

mod bundlers;
mod others;
mod python;
mod runtimes;
mod sites;

use super::row::Framework;
use super::row::Place;
use super::row::Second;
use super::row::Twice::{LastWins, Wrong};
use super::row::Way::{self, Env, Flag, Joined};
use super::row::When;

/// Every row.
pub(super) fn rows() -> impl Iterator<Item = &'static Framework> {
    [sites::ROWS, bundlers::ROWS, runtimes::ROWS, python::ROWS, others::ROWS].into_iter().flatten()
}

/// Which registry has a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Npm,
    Python,
    Other,
}

/// Where the tool of `row` comes from.
pub(super) fn source(row: &Framework) -> Source {
    let is_in = |rows: &[Framework]| rows.contains(row);
    if is_in(sites::ROWS) || is_in(bundlers::ROWS) {
        Source::Npm
    } else if is_in(python::ROWS) {
        Source::Python
    } else {
        Source::Other
    }
}

/// What most rows share.
const ROW: Framework = Framework {
    name: "",
    commands: &[],
    when: When::Always,
    valued: &[],
    port: Env,
    place: Place::End,
    strict: &[],
    env: &[],
    service: "dev",
    more: &[],
    tried: "",
    note: "",
};

/// The value that most port flags have.
const VALUE: &str = "{port}";
/// The value of flags that need an address: nobody but this machine reaches the server, as with the tools' own defaults.
const LOOPBACK: &str = "127.0.0.1:{port}";

const PORT: Way = Flag { write: "--port", value: VALUE, also: &[], twice: LastWins };
const PORT_P: Way = Flag { write: "--port", value: VALUE, also: &["-p"], twice: LastWins };
const PORT_P_ONCE: Way = Flag { write: "--port", value: VALUE, also: &["-p"], twice: Wrong };
const PORT_ONCE: Way = Flag { write: "--port", value: VALUE, also: &[], twice: Wrong };
const P_PORT: Way = Flag { write: "-p", value: VALUE, also: &["--port"], twice: LastWins };

const MOVES: &str = "moves to another port by itself if a program that does not use Styxy has it";

/// The flags that open an inspector, in Node and Deno.
const INSPECT: &[&str] = &["--inspect", "--inspect-brk", "--inspect-wait"];

/// The inspector of Node, also behind scripts: a number behind `--inspect` counts for more than the variable.
const INSPECTOR: Second = Second {
    service: "inspector",
    default: 9229,
    when: When::Flag(INSPECT),
    port: Joined(&["--inspect", "--inspect-brk", "--inspect-wait", "--inspect-port"]),
    env: &[("NODE_OPTIONS", "{inherited} --inspect-port={port}")],
};
