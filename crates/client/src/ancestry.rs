//! What is above a process, and with which words a program was started.
//!
//! On Linux the words come from its own files: sysinfo takes more than eight times as long, and would make the program 49 KB larger,
//! compressed. Elsewhere sysinfo asks.

use styxy_core::Pid;

#[cfg(target_os = "linux")]
pub(crate) use by_files::words;
#[cfg(not(target_os = "linux"))]
pub(crate) use by_sysinfo::words;

/// The pids of the ancestors of the process with this pid: [`styxy_os::ancestors`].
pub(crate) fn above(pid: u32) -> impl Iterator<Item = u32> {
    Pid::new(pid).into_iter().flat_map(styxy_os::ancestors).map(Pid::get)
}

/// The words of a program's title or command line, each of which ends with a NUL.
fn split(line: &str) -> Vec<String> {
    let line = line.trim_end_matches('\0');
    // Some programs write their whole title into one word. A path may contain spaces, too.
    let between = if line.contains('\0') || std::path::Path::new(line).exists() { '\0' } else { ' ' };
    line.split(between).map(str::to_owned).collect()
}

#[cfg(target_os = "linux")]
mod by_files {
    use std::fs::File;
    use std::io::Read as _;

    /// More bytes than most command lines have: then they are read at once.
    const USUAL: usize = 4096;

    /// The words that the process was started with, or its title.
    pub(crate) fn words(pid: u32) -> Option<Vec<String>> {
        // The kernel does not say how long such a file is.
        let mut line = Vec::with_capacity(USUAL);
        File::open(format!("/proc/{pid}/cmdline")).ok()?.read_to_end(&mut line).ok()?;
        Some(super::split(&String::from_utf8_lossy(&line)))
    }
}

// On Linux it is compiled for a test only, which compares the two.
#[cfg(any(not(target_os = "linux"), test))]
mod by_sysinfo {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

    /// The words that the process was started with, or its title.
    pub(crate) fn words(pid: u32) -> Option<Vec<String>> {
        let wanted = ProcessRefreshKind::nothing().without_tasks().with_cmd(UpdateKind::Always);
        let system = look(pid, wanted)?;
        let words = system.process(Pid::from_u32(pid))?.cmd();
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        // The system may name the process and not its words.
        (!words.is_empty()).then(|| super::split(&words.join("\0")))
    }

    fn look(pid: u32, wanted: ProcessRefreshKind) -> Option<System> {
        let mut system = System::new().ok()?;
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[Pid::from_u32(pid)]), true, wanted);
        Some(system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip::wine_lacks;

    #[test]
    fn a_process_is_known_by_its_parent_and_its_words() {
        let own = std::process::id();
        let program = std::env::args().next().unwrap();
        if !wine_lacks("the words of a process") {
            assert_eq!(words(own).map(|words| words[0].clone()), Some(program));
        }
        assert!(above(own).next().is_some());
        assert_eq!(words(u32::MAX - 1), None);
        assert_eq!(above(u32::MAX - 1).next(), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn sysinfo_says_the_same_as_the_files_of_linux() {
        let own = std::process::id();
        let parent = above(own).next().unwrap();
        for pid in [own, parent] {
            assert_eq!(by_sysinfo::words(pid), words(pid));
        }
    }

    /// `cargo test -p styxy-client --lib ancestry -- --ignored --nocapture`
    #[test]
    #[ignore = "it measures"]
    #[cfg(target_os = "linux")]
    fn what_sysinfo_costs_against_the_files_of_linux() {
        const TIMES: u32 = 2_000;
        let own = std::process::id();
        let time = |ask: fn(u32) -> Option<Vec<String>>| {
            let begun = std::time::Instant::now();
            for _ in 0..TIMES {
                assert!(ask(own).is_some());
            }
            begun.elapsed() / TIMES
        };
        // In turn, so that other work on the machine meets both.
        let rounds = (0..5).map(|_| (time(words), time(by_sysinfo::words)));
        let (files, sysinfo) = rounds.min_by_key(|(files, sysinfo)| *files + *sysinfo).unwrap();
        let ratio = sysinfo.as_secs_f64() / files.as_secs_f64();
        println!("a process' words: files {files:?}, sysinfo {sysinfo:?}, {ratio:.1} times");
    }

    #[test]
    fn a_title_in_one_word_is_split_and_a_path_with_a_space_is_not() {
        let top = tempfile::tempdir().unwrap();
        let tool = top.path().join("claude code");
        std::fs::write(&tool, "").unwrap();
        let tool = tool.to_str().unwrap();
        assert_eq!(split("claude --resume"), ["claude", "--resume"]);
        assert_eq!(split("codex\0exec\0"), ["codex", "exec"]);
        assert_eq!(split("node\0/w/Cursor Projects/app/dev.js\0"), ["node", "/w/Cursor Projects/app/dev.js"]);
        assert_eq!(split(tool), [tool]);
    }
}
