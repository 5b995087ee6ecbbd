//! The pages of the program's code that are resident.
#![expect(unsafe_code, reason = "advice about a range of addresses is a raw pointer to the kernel")]

use std::ffi::c_void;
use std::ops::Range;

use rustix::mm::{Advice, madvise};

/// Lets go of the code that was used so far: most of it was for the start. What is used again comes back from the page cache, some
/// 16 pages at a time, which takes about a microsecond.
pub fn let_go_of_code() {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    for code in unchanged_code(&maps) {
        let start = std::ptr::with_exposed_provenance_mut::<c_void>(code.start);
        // SAFETY: the kernel has just named the range, and nothing here unmaps code. All of its pages are the file's, so what comes
        // back is what was there.
        let _ = unsafe { madvise(start, code.len(), Advice::LinuxDontNeed) };
    }
}

/// The addresses of code of which `/proc/self/smaps` says that all of it is as the file has it: a debugger or a tracer may have changed
/// some.
fn unchanged_code(maps: &str) -> impl Iterator<Item = Range<usize>> {
    let mut last = None;
    maps.lines().filter_map(move |line| {
        if let Some(size) = line.strip_prefix("Anonymous:") {
            return last.take().filter(|_| size.trim() == "0 kB");
        }
        last = code(line).or(last.take());
        None
    })
}

/// The addresses that the first line of a mapping tells of, if they are code of a file.
fn code(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (addresses, rights, inode) = (words.next()?, words.next()?, words.nth(2)?);
    let (start, end) = addresses.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    (rights == "r-xp" && inode != "0").then_some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_that_is_as_its_file_has_it_is_let_go_of() {
        let found = |mapping: &str, own: &str| {
            let text =
                format!("1000-3000 {mapping}\nSize: 8 kB\nRss: 8 kB\nAnonymous: {own}\nVmFlags: rd ex\n");
            unchanged_code(&text).map(|code| (code.start, code.end)).collect::<Vec<_>>()
        };
        let code = "r-xp 00002000 08:01 1234 /usr/bin/styxy";
        assert_eq!(found(code, "0 kB"), [(0x1000, 0x3000)]);
        assert_eq!(found(code, "4 kB"), []);
        for rights in ["r--p", "rw-p", "rwxp"] {
            assert_eq!(found(&code.replace("r-xp", rights), "0 kB"), [], "{rights}");
        }
        assert_eq!(found("r-xp 00000000 00:00 0 [vdso]", "0 kB"), []);
        assert_eq!(unchanged_code("").count(), 0);
    }

    /// The resident part of this program's code, in kB. The heap is left out, because other tests allocate at the same time.
    fn resident() -> usize {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut is_code = false;
        let sizes = maps.lines().filter_map(|line| {
            if line.starts_with(|first: char| first.is_ascii_hexdigit() && !first.is_ascii_uppercase()) {
                is_code = code(line).is_some();
            }
            line.strip_prefix("Rss:").filter(|_| is_code)?.trim().strip_suffix(" kB")?.parse::<usize>().ok()
        });
        sizes.sum()
    }

    #[test]
    fn a_program_goes_on_without_its_code_in_memory() {
        let before = resident();
        let_go_of_code();
        let after = resident();
        assert!(after < before, "{after} kB, and {before} kB before");
    }
}
