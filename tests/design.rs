//! `docs/DESIGN.md` and the code name the same rules and files, and no document has a link that leads nowhere.

use std::fs;
use std::path::{Path, PathBuf};

const DESIGN: &str = include_str!("../docs/DESIGN.md");
const SECURITY: &str = include_str!("../docs/SECURITY.md");
const SOURCES: [&str; 4] = [".rs", ".js", ".mjs", ".ts"];
const SKIPPED: [&str; 3] = ["node_modules", "target", "dist"];

fn root() -> PathBuf {
    crate::support::real(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
}

/// The files below `folder` whose names end in one of `endings`.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let named = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let ours = entries.filter(|path| !named(path).starts_with('.') && !SKIPPED.contains(&&*named(path)));
    let all = ours.flat_map(|path| if path.is_dir() { files(&path, endings) } else { vec![path] });
    all.filter(|path| endings.iter().any(|ending| named(path).ends_with(ending))).collect()
}

/// `text` without its blocks of code.
fn prose(text: &str) -> String {
    text.split("\n```").step_by(2).collect()
}

/// The words in backticks that are paths from the root: into one of its folders, or to a source file.
fn paths(text: &str) -> Vec<&str> {
    let is_inside = |word: &str| {
        word.split_once('/').is_some_and(|(folder, _)| !folder.is_empty() && root().join(folder).is_dir())
    };
    let quoted = text.split('`').skip(1).step_by(2).filter(|word| !word.contains(' '));
    quoted.filter(|word| is_inside(word) || SOURCES.iter().any(|end| word.ends_with(end))).collect()
}

/// Whether `word` is `R7` or `I3`: the name of a rule or an invariant.
fn is_rule(word: &&str) -> bool {
    let number = word.strip_prefix(['R', 'I']).unwrap_or_default();
    (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name and the text of each rule and invariant: a paragraph that begins in bold, or a row of a table.
fn rules() -> Vec<(&'static str, &'static str)> {
    let paragraphs = DESIGN.split("\n\n").filter_map(|text| text.strip_prefix("**"));
    let rows = DESIGN.lines().filter_map(|line| line.strip_prefix("| "));
    let named = paragraphs.chain(rows).map(|text| (text.split(' ').next().unwrap(), text));
    named.filter(|(name, _)| is_rule(name)).collect()
}

/// Whether `file` has a heading of this anchor: lower case, hyphens for spaces, no punctuation.
fn has_heading(file: &Path, wanted: &str) -> bool {
    let is_kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
    let text = prose(&fs::read_to_string(file).unwrap());
    let mut headings = text
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| line.trim_start_matches('#').trim());
    headings.any(|heading| {
        heading.to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-") == wanted
    })
}

#[test]
fn every_rule_that_the_code_names_is_in_the_design() {
    let mut known: Vec<&str> = rules().into_iter().map(|(name, _)| name).collect();
    known.sort_unstable();
    assert!(known.windows(2).all(|two| two[0] != two[1]), "two rules have one name: {known:?}");
    for file in files(&root(), &SOURCES) {
        let text = fs::read_to_string(&file).unwrap();
        let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(is_rule);
        let unknown: Vec<&str> = words.filter(|word| !known.contains(word)).collect();
        assert!(unknown.is_empty(), "docs/DESIGN.md has no {unknown:?} of {}", file.display());
    }
}

#[test]
fn every_rule_says_where_it_is_and_every_path_in_the_design_exists() {
    for (name, text) in rules() {
        assert!(!paths(text).is_empty(), "{name} does not say where it is");
    }
    let text = prose(DESIGN);
    let missing: Vec<&str> = paths(&text).into_iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "docs/DESIGN.md names what is not there: {missing:#?}");
}

#[test]
fn every_test_path_and_rule_that_the_threat_model_names_exists() {
    let table = SECURITY.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 3);
    let named: Vec<&str> = table.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    let tests: Vec<&str> = named
        .into_iter()
        .filter(|word| word.matches('_').count() > 2 && !word.contains(['/', ' ']))
        .collect();
    assert!(tests.len() > 20, "{tests:?}");
    let code: String =
        files(&root(), &[".rs"]).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let missing: Vec<&&str> = tests.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "docs/SECURITY.md names tests that are not there: {missing:#?}");
    let missing: Vec<&str> = paths(SECURITY).into_iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "docs/SECURITY.md names what is not there: {missing:#?}");
    let known = rules();
    let words = SECURITY.split(|letter: char| !letter.is_alphanumeric()).filter(is_rule);
    let unknown: Vec<&str> = words.filter(|word| !known.iter().any(|(name, _)| name == word)).collect();
    assert!(unknown.is_empty(), "docs/DESIGN.md has no {unknown:?} of docs/SECURITY.md");
}

#[test]
fn every_link_in_a_document_leads_somewhere() {
    for file in files(&root(), &[".md"]) {
        let text = prose(&fs::read_to_string(&file).unwrap());
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains(':')) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let leads = target.exists() && (heading.is_empty() || has_heading(&target, heading));
            assert!(leads, "{} links to {link}", file.display());
        }
    }
}
