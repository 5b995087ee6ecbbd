//! How a daemon is described, after a start and as its status.

use std::io::{self, Write};

use styxy_core::api::{Journal, JournalMode, StatusAnswer};

use crate::say::age::span;
use crate::say::output::{ALERT, STRONG, one_line, printable};

/// `127.0.0.1:9876, [::1]:9876`, or that there is only the socket.
pub(crate) fn addresses(status: &StatusAnswer) -> String {
    if status.listen.tcp.is_empty() {
        "no TCP port, only the socket".to_owned()
    } else {
        status.listen.tcp.join(", ")
    }
}

/// `Styxy 0.1.0 is running with pid 42 on 127.0.0.1:9876, [::1]:9876`; `what` stands for `is running`.
pub(crate) fn headline(what: &str, status: &StatusAnswer) -> String {
    format!("Styxy {} {what} with pid {} on {}", status.version, status.pid, addresses(status))
}

/// The headline, the daemon's notes and those of its start.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn briefly(
    what: &str,
    status: &StatusAnswer,
    more_notes: &[String],
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "{STRONG}{}{STRONG:#}", headline(what, status))?;
    let new = more_notes.iter().filter(|note| !status.notes.contains(note));
    notes(status.notes.iter().chain(new), out)
}

/// The whole status.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn fully(status: &StatusAnswer, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{STRONG}Styxy {} is running.{STRONG:#}", status.version)?;
    writeln!(out, "  pid        {}", status.pid)?;
    writeln!(
        out,
        "  uptime     {}",
        span(std::time::Duration::from_secs_f64(status.uptime.max(0.0)).as_secs())
    )?;
    writeln!(out, "  listens    {}", addresses(status))?;
    writeln!(out, "  socket     {}", one_line(&status.listen.socket))?;
    writeln!(out, "  leases     {}", status.allocations)?;
    writeln!(out, "  instances  {}", status.instances)?;
    writeln!(out, "  memory     {}", bytes(status.memory.rss))?;
    if let Some(Journal { mode, generation, used, capacity, .. }) = &status.journal {
        let how = match mode {
            JournalMode::Mapped => "mapped",
            JournalMode::Plain => "written",
        };
        writeln!(
            out,
            "  journal    {how}, {} of {}, generation {generation}",
            bytes(*used),
            bytes(*capacity)
        )?;
    }
    notes(status.notes.iter(), out)
}

fn notes<'a>(notes: impl Iterator<Item = &'a String>, out: &mut impl Write) -> io::Result<()> {
    for note in notes {
        writeln!(out, "  {ALERT}note{ALERT:#}       {}", printable(note))?;
    }
    Ok(())
}

/// `6.2 MiB`
#[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
fn bytes(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{:.1} KiB", bytes as f64 / KIB as f64),
        MIB.. => format!("{:.1} MiB", bytes as f64 / MIB as f64),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::say::shown::{plain, snapshot};
    use serde_json::json;

    pub(crate) fn status(change: impl FnOnce(&mut serde_json::Value)) -> StatusAnswer {
        let mut wire = json!({
            "status": "running", "version": "0.1.0", "api_version": 1, "pid": 42, "uptime": 11000.5,
            "allocations": 7, "instances": 2,
            "listen": {"tcp": ["127.0.0.1:9876", "[::1]:9876"], "socket": "/home/ada/.styxy/styxy.sock"},
            "memory": {"rss": 6_500_000},
            "journal": {"mode": "mapped", "generation": 3, "used": 2048, "capacity": 1_048_576, "trouble": null},
        });
        change(&mut wire);
        serde_json::from_value(wire).unwrap()
    }

    #[test]
    fn a_status_says_everything() {
        let status = status(|wire| wire["notes"] = json!(["listens on 9877, because 9876 is taken"]));
        snapshot!("daemon_status", plain(|out| fully(&status, out)));
    }

    #[test]
    fn a_start_says_where_it_listens_and_each_note_once() {
        let status = status(|wire| wire["notes"] = json!(["one"]));
        let more = ["one".to_owned(), "two".to_owned()];
        snapshot!("daemon_started", plain(|out| briefly("started", &status, &more, out)));
    }
}
