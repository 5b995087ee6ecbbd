//! `docs/PLATFORMS.md` says "measured" only where the test of that line runs.

use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../docs/PLATFORMS.md");
const MODULES: &str = include_str!("main.rs");
const OTHER_LINUX: &str = include_str!("../scripts/other-linux.mjs");
const SYSTEMS: [&str; 5] = ["Linux", "musl", "arm64", "Windows", "macOS"];

/// The lines of the table: the test, and a word for each system.
fn lines() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows =
        TABLE.lines().filter_map(|line| line.strip_prefix("| ")).map(|line| line.trim_end_matches('|'));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let tests = cells.filter(|cells| cells.len() == 2 + SYSTEMS.len() && cells[1].contains("::"));
    tests.map(|cells| (cells[1].trim_matches('`'), cells[2..].to_vec())).collect()
}

/// The attributes that stand right above `item` in `source`, if it is there.
fn above<'a>(source: &'a str, item: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = source.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(item))?;
    Some(lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).copied().collect())
}

/// Whether the test of this name runs on this system; it must exist.
fn runs(test: &str, system: &str) -> bool {
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
    let lines = lines();
    assert!(lines.len() > 10, "the table was not found");
    for (test, words) in lines {
        for (system, word) in SYSTEMS.into_iter().zip(words) {
            match word {
                "measured" => assert!(runs(test, system), "{test} does not run on {system}"),
                "by the book" | "not yet" | "" => {}
                other => panic!("{test}, {system}: {other:?} is not a word of the table"),
            }
        }
    }
}
