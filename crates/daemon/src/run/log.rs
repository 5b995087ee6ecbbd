//! Where the daemon's log goes.

use std::io;
use std::sync::Mutex;

use styxy_core::config::LogLevel;
use styxy_core::layout::Layout;
use styxy_core::printable::coloured;
use tracing_subscriber::filter::LevelFilter;

use super::Mode;
use super::logfile::LogFile;

/// Sends the log of this process to its bounded file, or to the terminal if the daemon runs in the foreground.
pub(super) fn start(mode: Mode, level: LogLevel, layout: &Layout) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_target(false);
    // A second subscriber in one process (in tests) is refused, and the first stays.
    let _ = match mode {
        Mode::Detached => tracing::subscriber::set_global_default(
            log.with_ansi(false).with_writer(Mutex::new(LogFile::new(layout.log()))).finish(),
        ),
        Mode::Foreground => {
            let ansi = io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none();
            tracing::subscriber::set_global_default(log.with_ansi(ansi).with_writer(|| Terminal).finish())
        }
    };
}

/// stderr, on which nothing but the log's own colours controls a terminal.
struct Terminal;

impl io::Write for Terminal {
    /// Takes whole lines, as all that writes to it does.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(coloured(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
