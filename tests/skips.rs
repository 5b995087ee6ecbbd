//! No test returns early but through `tests/support/skip.rs`, which says why and fails where nothing may be skipped.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What says that a test is skipped. Functions that call one of these say it too.
const SAYS: [&str; 2] = ["skipped", "wine_lacks"];

/// A function in a file: its attributes and comments, its name, and the lines of its body.
pub(crate) struct Function<'a> {
    attributes: Vec<&'a str>,
    pub(crate) name: &'a str,
    body: Vec<&'a str>,
}

impl Function<'_> {
    /// Another test runs what is ignored, or a command that says so.
    fn is_test(&self) -> bool {
        let has = |end: &str| self.attributes.iter().any(|line| line.ends_with(end));
        has("test]") && !self.attributes.iter().any(|line| line.starts_with("#[ignore"))
    }

    /// The places at which it ends before its end, with the condition of each: from the line that begins the block, or the
    /// statement, to the return.
    pub(crate) fn early_returns(&self) -> Vec<String> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let returns = |line: &&str| {
            let code = line.split("//").next().unwrap_or_default();
            ["return;", "return }", "return,"].iter().any(|word| code.contains(word))
                // A test whose whole body stands in such a condition may have run nothing.
                || code.contains("is_root() {")
        };
        let at = (0..self.body.len()).filter(|at| returns(&self.body[*at]));
        at.map(|at| {
            // A `return;` of its own belongs to the block around it, another one to its own statement.
            let own = indent(self.body[at]);
            let outer = if self.body[at].trim() == "return;" { own - 1 } else { own };
            let is_head = |line: &&str| {
                let after = line.trim_start();
                indent(line) <= outer && !line.is_empty() && !after.starts_with(['}', ')', '.', '|', '&'])
            };
            let head = (0..=at).rev().find(|at| is_head(&self.body[*at])).unwrap_or(0);
            // Behind a question for root stands what is said.
            let end = if self.body[at].contains("is_root() {") { at + 1 } else { at };
            self.body[head..self.body.len().min(end + 1)].join("\n")
        })
        .collect()
    }
}

/// The functions of a file. A body ends with the line that closes it, which is indented as the line that opens it.
pub(crate) fn functions(text: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut all = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once("fn ") else { continue };
        let words = ["", "pub", "pub(crate)", "pub(super)", "async", "const"];
        if !before.trim().split(' ').all(|word| words.contains(&word)) {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let attributes = lines[..at].iter().rev().map(|line| line.trim());
        let name = after.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap();
        all.push(Function {
            attributes: attributes
                .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
                .collect(),
            name,
            body: lines[at + 1..].iter().take_while(|line| **line != end).copied().collect(),
        });
    }
    all
}

/// Whether `text` calls one of `names`.
pub(crate) fn calls(text: &str, names: &BTreeSet<String>) -> bool {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let heads = text.match_indices('(').map(|(at, _)| &text[..at]);
    let called = heads.filter_map(|head| head.rsplit(|letter| !is_name(letter)).next());
    let mut called = called.filter(|name| !name.is_empty());
    called.any(|name| names.contains(name))
}

/// `known` and the functions in `text`, tests aside, that call one of them, or one that does.
pub(crate) fn with_callers(text: &str, mut known: BTreeSet<String>) -> BTreeSet<String> {
    let functions = functions(text);
    loop {
        let before = known.len();
        for function in functions.iter().filter(|function| !function.is_test()) {
            if calls(&function.body.join("\n"), &known) {
                known.insert(function.name.to_owned());
            }
        }
        if known.len() == before {
            return known;
        }
    }
}

fn root() -> PathBuf {
    crate::support::real(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// The files that have tests, but for this one, whose examples look like tests.
fn tested() -> impl Iterator<Item = PathBuf> {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let within = crates.flat_map(|krate| [krate.join("src"), krate.join("tests")]);
    let folders = within.chain([root().join("tests")]).filter(|folder| folder.is_dir());
    folders.flat_map(|folder| sources(&folder)).filter(|file| !file.ends_with("tests/skips.rs"))
}

/// What says that a test is skipped, everywhere: the place itself, and what `needs.rs` makes of it.
pub(crate) fn says() -> BTreeSet<String> {
    let needs = fs::read_to_string(root().join("tests/support/needs.rs")).unwrap();
    with_callers(&needs, SAYS.map(str::to_owned).into())
}

#[test]
fn no_test_returns_early_without_a_reason_that_can_fail() {
    let says = says();
    let (mut wrong, mut right) = (Vec::new(), 0);
    for file in tested() {
        let text = fs::read_to_string(&file).unwrap();
        let says = with_callers(&text, says.clone());
        for function in functions(&text).iter().filter(|function| function.is_test()) {
            let (said, unsaid): (Vec<_>, Vec<_>) =
                function.early_returns().into_iter().partition(|condition| calls(condition, &says));
            right += said.len();
            wrong.extend(
                unsaid.iter().map(|found| format!("{}, {}:\n{found}", file.display(), function.name)),
            );
        }
        if text.contains("!(\"skipped: ") {
            wrong.push(format!(
                "{} prints that something is skipped; tests/support/skip.rs does",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right > 20, "only {right} conditions were found");
}

#[test]
fn an_early_return_is_found_however_it_is_written() {
    let test = |body: &str| format!("#[test]\nfn a_test() {{\n{body}\n    assert!(x);\n}}\n");
    let helper =
        "fn apart() -> Option<u8> {\n    if lacks_root() {\n        return None;\n    }\n    Some(1)\n}\n";
    let missing = |text: &str| {
        let says = with_callers(text, says());
        let tests = functions(text).into_iter().filter(Function::is_test);
        let mut returns = tests.flat_map(|test| test.early_returns());
        returns.any(|condition| !calls(&condition, &says))
    };
    for silent in [
        "    if !is_root() {\n        return;\n    }",
        "    if !cfg!(target_os = \"linux\") {\n        println!(\"not here\");\n        return;\n    }",
        "    let Some(old) = old() else { return };",
        "    let Ok(full) = File::options()\n        .open(\"/dev/full\")\n    else {\n        return;\n    };",
        "    match tried() {\n        Ok(it) => it,\n        Err(_) => return,\n    }",
        "    if is_root() {\n        assert!(y);\n    }",
    ] {
        assert!(missing(&test(silent)), "{silent}");
    }
    for said in [
        "    if lacks_root() {\n        return;\n    }",
        "    if !nobody(&mut command) {\n        return;\n    }",
        "    let Some(said) = apart() else { return };",
        "    if no_such() {\n        skipped(Need::Root, \"why\");\n        return;\n    }",
        "    let two = one.map(|it| { return 3; });",
    ] {
        assert!(!missing(&format!("{}{helper}", test(said))), "{said}");
    }
    assert!(!missing(
        &test("    if later {\n        return;\n    }")
            .replace("#[test]", "#[test]\n#[ignore = \"a child\"]")
    ));
}
