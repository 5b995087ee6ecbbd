//! A panic ends the daemon, in every build profile, and says so in the log.
//!
//! State that a panic left half-changed must not answer anybody, and a task that a panic ended would be missed by nobody:
//! leases would just never end. What was acknowledged is in the journal, so the next command starts a daemon that has it.

use std::fmt::Display;
use std::io::Write as _;
use std::panic;
use std::path::PathBuf;
use std::process;

use super::Mode;
use super::logfile::LogFile;
use crate::system;

/// From here on a panic of any thread ends this process, with a line in the log at `log` if nobody sees standard error.
pub(super) fn end_the_process(mode: Mode, log: PathBuf) {
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        say(panicked);
        if mode == Mode::Detached {
            // Not through `tracing`: the panic may have come while it held the log.
            let _ = LogFile::new(log.clone()).write_all(line(panicked).as_bytes());
        }
        process::abort();
    }));
}

/// In the form of the log's other lines.
fn line(panicked: impl Display) -> String {
    let at = system::now().wall;
    let said = panicked.to_string().replace('\n', " ");
    format!("{at} ERROR the daemon ends, because it has {said}; please report this\n")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::env;
    use std::fs;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::*;

    const LOG: &str = "STYXY_TEST_PANIC_LOG";

    #[test]
    fn a_panic_of_any_thread_ends_the_process_and_is_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs/daemon.log");
        let name = "run::panics::tests::a_process_whose_other_thread_panics";
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", name, "--ignored"])
            .env(LOG, &log)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = command.status().unwrap();
        assert_eq!(status.signal(), Some(rustix::process::Signal::ABORT.as_raw()), "{status}");
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains(" ERROR ") && log.contains("panics.rs") && log.contains("a defect"), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }

    #[test]
    #[ignore = "run by another test, as a process of its own"]
    fn a_process_whose_other_thread_panics() {
        let Some(log) = env::var_os(LOG) else { return };
        end_the_process(Mode::Detached, log.into());
        // Without the hook this is an error that nobody looks at.
        let _ = std::thread::spawn(|| panic!("a defect")).join();
    }
}
