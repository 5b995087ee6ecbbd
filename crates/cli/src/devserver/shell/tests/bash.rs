//! Whatever bash reads, the reader reads: `bash -n` judges the corpora, and generated texts and what is left of them without one
//! letter.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;

const CORPORA: [&str; 2] = [
    include_str!("../../../../../../tests/corpus/shell-commands.tsv"),
    include_str!("../../../../../../tests/corpus/agent-commands.tsv"),
];

/// Those of `texts` that bash reads without an error. Nothing of them runs.
fn read_by_bash(texts: Vec<String>) -> Vec<String> {
    let each = r#"while IFS= read -r -d '' text; do
        if bash -n -c "$text" </dev/null >/dev/null 2>&1; then echo 1; else echo 0; fi
    done"#;
    let bash = Command::new("bash").args(["-c", each]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut bash = bash.unwrap();
    let mut input = bash.stdin.take().unwrap();
    let all: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
    let writes = std::thread::spawn(move || input.write_all(&all).unwrap());
    let answers = bash.wait_with_output().unwrap().stdout;
    writes.join().unwrap();
    let answers = String::from_utf8(answers).unwrap();
    assert_eq!(answers.lines().count(), texts.len());
    texts.into_iter().zip(answers.lines()).filter(|(_, read)| *read == "1").map(|(text, _)| text).collect()
}

fn is_read(text: &str) -> bool {
    !read(text).end.is_err_and(Unreachable::is_unreadable)
}

#[test]
fn every_command_of_the_corpora_that_bash_reads_is_read() {
    let rows = CORPORA.iter().flat_map(|corpus| corpus.lines());
    let rows = rows.filter(|row| !row.is_empty() && !row.starts_with("# "));
    // Plain words are read anyway, and each question starts a bash.
    let rows = rows.filter(|row| row.contains(['|', '&', ';', '<', '(', '$', '`', '\\', '"', '\'', '{']));
    let texts: Vec<String> = rows.map(|row| row.replace("\\n", "\n").replace("\\\\", "\\")).collect();
    let count = texts.len();
    let good = read_by_bash(texts);
    assert!(good.len() > 600 && good.len() < count, "{} of {count}", good.len());
    let unread: Vec<&String> = good.iter().filter(|text| !is_read(text)).collect();
    assert!(unread.is_empty(), "{unread:#?}");
}

/// A text, and the words of its simple commands without reserved words.
#[derive(Debug, Clone)]
struct Made {
    text: String,
    commands: Vec<Vec<&'static str>>,
}

impl Made {
    /// Several, with texts before, between and behind them.
    fn of(parts: &[(&str, &Self)], end: &str) -> Self {
        let text: String = parts.iter().flat_map(|(before, part)| [*before, &part.text]).collect();
        let commands = parts.iter().flat_map(|(_, part)| part.commands.clone()).collect();
        Self { text: text + end, commands }
    }

    fn after(mut self, words: &[&'static str]) -> Self {
        self.commands.insert(0, words.to_vec());
        self
    }
}

/// A word as it is written, and as its program sees it.
const WORDS: [(&str, &str); 11] = [
    ("a", "a"),
    ("--b=c", "--b=c"),
    ("'d | e'", "d | e"),
    ("\"f; $G\"", "f; $G"),
    ("\\&h", "&h"),
    ("$(i | j)", "$(i | j)"),
    // Bash reads what is in it only when it runs.
    ("\"`k l`\"", "`k l`"),
    ("${m:-$(n \")\")}", "${m:-$(n \")\")}"),
    ("$((1 + (2)))", "$((1 + (2)))"),
    // Its escapes are left out.
    ("$'o\\'p'", "op"),
    ("done", "done"),
];

fn simple() -> impl Strategy<Value = Made> {
    let words = proptest::collection::vec(select(WORDS.to_vec()), 0..3);
    let redirection = select(vec!["", "", " > q", " 2>&1", " <<< r"]);
    (words, redirection).prop_map(|(words, redirection)| {
        let written: String = words.iter().flat_map(|(written, _)| [" ", written]).collect();
        let seen = std::iter::once("run").chain(words.iter().map(|(_, seen)| *seen)).collect();
        Made { text: format!("run{written}{redirection}"), commands: vec![seen] }
    })
}

fn command() -> impl Strategy<Value = Made> {
    simple().prop_recursive(4, 24, 3, |inner| {
        let pipeline = (select(vec!["", "! "]), inner.clone(), inner.clone(), select(vec![" | ", " |& "]));
        let pipeline =
            pipeline.prop_map(|(not, one, other, pipe)| Made::of(&[(not, &one), (pipe, &other)], ""));
        let both = prop_oneof![inner, pipeline];
        let list = (both.clone(), both, select(vec![" && ", " ||\n", "; ", " & ", "\n"]));
        let list =
            list.prop_map(|(one, other, between)| Made::of(&[("", &one), (between, &other)], "")).boxed();
        prop_oneof![
            list.clone().prop_map(|one| Made::of(&[("( ", &one)], " )")),
            list.clone().prop_map(|one| Made::of(&[("{ ", &one)], "; }")),
            (list.clone(), list.clone(), list.clone()).prop_map(|(one, two, three)| {
                Made::of(&[("if ", &one), ("; then ", &two), ("\nelse ", &three)], "; fi")
            }),
            (list.clone(), list.clone())
                .prop_map(|(one, two)| { Made::of(&[("until ", &one), ("; do ", &two)], " & done") }),
            list.clone().prop_map(|one| {
                Made::of(&[("for x in a b\ndo ", &one)], "; done").after(&["x", "in", "a", "b"])
            }),
            list.clone().prop_map(|one| {
                Made::of(&[("case $x in (a|b) ;; c) ", &one)], ";; esac").after(&["$x", "in"])
            }),
            list.prop_map(|one| Made::of(&[("f() { ", &one)], "\n}").after(&["f"])),
        ]
    })
}

#[test]
fn generated_texts_are_read_as_they_were_made_and_bash_reads_them() {
    let mut runner = TestRunner::deterministic();
    let letter = any::<proptest::sample::Index>();
    let (mut whole, mut less) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let Made { text, commands } = command().new_tree(&mut runner).unwrap().current();
        let found: Vec<Vec<String>> = read(&text)
            .commands
            .into_iter()
            .map(|command| command.words.into_iter().map(|word| word.text))
            .map(|words| words.skip_while(|word| is_keyword(word)).collect::<Vec<_>>())
            .filter(|words| !words.is_empty())
            .collect();
        assert_eq!(found, commands, "{text}");
        let at = letter.new_tree(&mut runner).unwrap().current().index(text.len());
        less.push(format!("{}{}", &text[..at], &text[at + 1..]));
        whole.push(text);
    }
    let good = read_by_bash(whole.clone());
    assert_eq!(whole.iter().find(|text| !good.contains(text)), None);
    let unread: Vec<String> = read_by_bash(less).into_iter().filter(|text| !is_read(text)).collect();
    assert!(unread.is_empty(), "{unread:#?}");
}
