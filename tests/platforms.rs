//! `docs/PLATFORMS.md` says "measured" only where the test of that line runs.

use std::fs;
use std::path::Path;

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

/// The attributes that stand right above `item` in `source`, if it is there.
fn above<'a>(source: &'a str, item: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = source.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(item))?;
    Some(lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).copied().collect())
}

/// Whether the test of this name runs on this system; it must exist.
fn runs(test: &str, system: &str) -> bool {
    if test.starts_with("__test__/") {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(test);
        assert!(file.exists(), "there is no {test}");
        // On other Linuxes a Node for them runs it, if there is one.
        return match system {
            "Linux" => true,
            "musl" | "arm64" => OTHER_LINUX.contains(test),
            _ => false,
        };
    }
    let (module, name) = test.split_once("::").unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(format!("{module}.rs"));
    let source = fs::read_to_string(file).unwrap_or_else(|_| panic!("{test}: there is no such module"));
    let of_test = above(&source, &format!("fn {name}(")).unwrap_or_else(|| panic!("there is no test {test}"));
    let of_module =
        above(MODULES, &format!("mod {module};")).unwrap_or_else(|| panic!("{module} is not built"));
    let all = [of_test, of_module].concat();
    assert!(all.contains(&"#[test]"), "{test} is not a test");
    // Behind the attribute of a module stands what the module needs.
    let only_on = |what: &str| all.iter().any(|line| line.starts_with(&format!("#[cfg({what})]")));
    let is_unix = !only_on("windows");
    match system {
        "Linux" | "musl" => is_unix,
        "arm64" => is_unix && OTHER_LINUX.contains(&format!("'{module}::'")),
        "Windows" => {
            let is_ignored = all.iter().any(|line| line.starts_with("#[cfg_attr(windows, ignore"));
            !only_on("unix") && !only_on("target_os = \"linux\"") && !is_ignored
        }
        // No job has run there yet: nobody has seen it.
        "macOS" => false,
        other => panic!("no such system: {other}"),
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
