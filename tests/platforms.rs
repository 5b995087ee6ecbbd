//! `docs/PLATFORMS.md` says "measured" only where the test of that line runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::skips::{calls, functions, with_callers};

const PAGE: &str = include_str!("../docs/PLATFORMS.md");
const MODULES: &str = include_str!("main.rs");
const OTHER_LINUX: &str = include_str!("../scripts/other-linux.mjs");
const SYSTEMS: [&str; 5] = ["Linux", "musl", "arm64", "Windows", "macOS"];

/// A cell of one of the tables.
struct Cell {
    tests: Vec<&'static str>,
    system: &'static str,
    word: &'static str,
}

/// The cells of every table whose columns are a promise, its tests, and then systems.
fn cells() -> Vec<Cell> {
    let mut systems = Vec::new();
    let mut all = Vec::new();
    for line in PAGE.lines() {
        let Some(row) = line.strip_prefix("| ") else {
            systems.clear();
            continue;
        };
        let row: Vec<&str> = row.trim_end_matches(" |").split(" | ").map(str::trim).collect();
        let Some((tests, words)) = row.get(1).zip(row.get(2..)) else { continue };
        if *tests == "test" {
            systems = words.to_vec();
        } else if !systems.is_empty() && !tests.starts_with("---") {
            assert_eq!(words.len(), systems.len(), "a cell for each system: {line}");
            let tests: Vec<&str> = tests.split(", ").map(|test| test.trim_matches('`')).collect();
            let cell =
                |(system, word): (&&'static str, &&'static str)| Cell { tests: tests.clone(), system, word };
            all.extend(systems.iter().zip(words).map(cell));
        }
    }
    all
}

/// The tests of arm64 run as a user who is not root, in a namespace in which the kernel knows qemu.
const SKIPPED_UNDER_QEMU: [&str; 2] = ["lacks_root", "nobody"];

/// Whether the condition of a `cfg` holds on this system.
fn holds(condition: &str, system: &str) -> bool {
    let is_linux = ["Linux", "musl", "arm64"].contains(&system);
    if let Some((name, inner)) = condition.strip_suffix(')').and_then(|all| all.split_once('(')) {
        let mut parts = parts(inner).into_iter().map(|part| holds(part, system));
        return match name {
            "not" => !holds(inner, system),
            "any" => parts.any(|holds| holds),
            "all" => parts.all(|holds| holds),
            other => panic!("no such condition: {other}"),
        };
    }
    match condition {
        "test" => true,
        "unix" => system != "Windows",
        "windows" | "target_os = \"windows\"" => system == "Windows",
        "target_os = \"linux\"" => is_linux,
        "target_os = \"macos\"" => system == "macOS",
        other => panic!("no such condition: {other}"),
    }
}

/// The parts between the commas that are in no parentheses.
fn parts(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_between = |letter: char| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    };
    list.split(is_between).map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Whether an item with this attribute is there on this system, and not ignored.
fn allows(attribute: &str, system: &str) -> bool {
    // Behind an attribute may stand a reason.
    let inner = |start| Some(attribute.strip_prefix(start)?.rsplit_once(")]")?.0);
    if let Some(condition) = inner("#[cfg(").or_else(|| inner("#![cfg(")) {
        return holds(condition, system);
    }
    match inner("#[cfg_attr(").map(parts).as_deref() {
        Some([condition, rest @ ..]) if rest.iter().any(|part| part.starts_with("ignore")) => {
            !holds(condition, system)
        }
        _ => !attribute.starts_with("#[ignore"),
    }
}

/// Whether the test of this name in `source` ends early where these say that something is missing.
fn is_skipped_by(names: &[&str], source: &str, test: &str) -> bool {
    let says: BTreeSet<String> = names.iter().map(|&name| name.to_owned()).collect();
    let says = with_callers(source, says);
    let of_test = functions(source).into_iter().find(|function| function.name == test).unwrap();
    of_test.early_returns().iter().any(|condition| calls(condition, &says))
}

/// The attributes that stand right above `item` in `source`, if it is there.
fn above<'a>(source: &'a str, item: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = source.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(item))?;
    Some(lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).copied().collect())
}

/// Whether the test of this name runs on this system; it must exist.
fn runs(test: &str, system: &str) -> bool {
    if test.contains('/') {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(test);
        assert!(file.exists(), "there is no {test}");
        // It needs Node for that system, which is no part of the repository.
        return match system {
            "Linux" => test.starts_with("__test__/"),
            "musl" | "arm64" => OTHER_LINUX.contains(test),
            "Windows" => test.starts_with("scripts/wine-node/"),
            _ => false,
        };
    }
    let (module, name) = test.split_once("::").unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(format!("{module}.rs"));
    let source = fs::read_to_string(file).unwrap_or_else(|_| panic!("{test}: there is no such module"));
    let of_test = above(&source, &format!("fn {name}(")).unwrap_or_else(|| panic!("there is no test {test}"));
    let of_module =
        above(MODULES, &format!("mod {module};")).unwrap_or_else(|| panic!("{module} is not built"));
    let of_file = source.lines().filter(|line| line.starts_with("#![cfg("));
    let all: Vec<&str> = of_test.into_iter().chain(of_module).chain(of_file).collect();
    assert!(all.contains(&"#[test]"), "{test} is not a test");
    let is_there = all.iter().all(|attribute| allows(attribute, system));
    is_there
        && match system {
            "Linux" | "musl" => true,
            "arm64" => {
                OTHER_LINUX.contains(&format!("'{module}::'"))
                    && !is_skipped_by(&SKIPPED_UNDER_QEMU, &source, name)
            }
            "Windows" => !is_skipped_by(&["wine_lacks"], &source, name),
            // No job has run there yet: nobody has seen it.
            "macOS" => false,
            other => panic!("no such system: {other}"),
        }
}

#[test]
fn conditions_are_read_as_the_compiler_reads_them() {
    for (attribute, systems) in [
        ("#[cfg(unix)] // signals, modes (of files)", "Linux musl arm64 macOS"),
        ("#[cfg(not(windows))]", "Linux musl arm64 macOS"),
        ("#[cfg(any(windows, target_os = \"macos\"))]", "Windows macOS"),
        ("#[cfg(all(unix, not(any(target_os = \"macos\", windows))))]", "Linux musl arm64"),
        ("#![cfg(target_os = \"linux\")]", "Linux musl arm64"),
        ("#[cfg_attr(not(target_os = \"linux\"), ignore = \"why, and (why)\")]", "Linux musl arm64"),
        ("#[cfg_attr(windows, expect(dead_code))]", "Linux musl arm64 Windows macOS"),
        ("#[ignore = \"a child\"]", ""),
        ("#[test]", "Linux musl arm64 Windows macOS"),
    ] {
        let allowed: Vec<&str> = SYSTEMS.into_iter().filter(|system| allows(attribute, system)).collect();
        assert_eq!(allowed.join(" "), systems, "{attribute}");
    }
}

#[test]
fn a_promise_is_measured_only_where_its_test_runs() {
    let cells = cells();
    assert!(cells.len() > 100, "a table was not found");
    for Cell { tests, system, word } in cells {
        assert!(SYSTEMS.contains(&system), "no such system: {system}");
        // Each of them must exist, whatever the word is.
        let runs = tests.iter().map(|test| runs(test, system)).fold(false, |any, runs| any | runs);
        match word {
            "measured" => assert!(runs, "none of {tests:?} runs on {system}"),
            "by the book" | "not yet" | "–" => {}
            other => panic!("{tests:?}, {system}: {other:?} is not a word of the table"),
        }
    }
}
