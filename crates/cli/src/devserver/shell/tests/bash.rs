//! Whatever bash reads, the reader reads, and as the same tree: `bash -n` judges the corpora, and generated texts with what is left
//! of them after random edits.
//!
//! `PROPTEST_CASES=100000` makes a fuzzer of it: so many texts, with another seed each time.

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

/// What the lines of `each` print for each of `texts`, a line each.
fn by_bash(texts: &[String], each: &str) -> Vec<String> {
    let each = format!("while IFS= read -r -d '' text; do\n{each}\ndone 2>/dev/null");
    let bash = Command::new("bash")
        .args(["-c", &each])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut bash = bash.unwrap();
    let mut input = bash.stdin.take().unwrap();
    let all: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
    let writes = std::thread::spawn(move || input.write_all(&all).unwrap());
    let answers = String::from_utf8(bash.wait_with_output().unwrap().stdout).unwrap();
    writes.join().unwrap();
    let answers: Vec<String> = answers.split_terminator('\0').map(str::to_owned).collect();
    assert_eq!(answers.len(), texts.len());
    answers
}

/// Those of `texts` that bash reads without an error. Nothing of them runs.
fn read_by_bash(texts: Vec<String>) -> Vec<String> {
    // An error between `[[` and `]]` does not always show in the exit code.
    let each = r#"said=$(bash -n -c "$text" 2>&1 </dev/null) && [[ -z $said || $said == *here-document* ]]
        printf '%d\0' $?"#;
    let answers = by_bash(&texts, each);
    texts.into_iter().zip(answers).filter(|(_, status)| status == "0").map(|(text, _)| text).collect()
}

/// Bash prints a function as it has read it. `texts` are lists without an error, so they only define what is printed.
fn printed_by_bash(texts: &[String]) -> Vec<String> {
    let each = r#"bash -c "f () {"$'\n'"$text"$'\n'"}; declare -f f" </dev/null; printf '\0'"#;
    by_bash(texts, each)
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

/// A text and its tree.
#[derive(Debug, Clone)]
struct Made {
    text: String,
    tree: String,
}

/// With each `@` of both in turn replaced by one of `parts`.
fn made(text: &str, tree: &str, parts: &[&Made]) -> Made {
    let filled = |whole: &str, part: fn(&Made) -> &str| {
        parts.iter().fold(whole.to_owned(), |whole, one| whole.replacen('@', part(one), 1))
    };
    Made { text: filled(text, |one| &one.text), tree: filled(tree, |one| &one.tree) }
}

/// A word as it is written, and as its program sees it.
const WORDS: [(&str, &str); 11] = [
    ("a", "a"),
    ("--b=c", "--b=c"),
    ("'d | e'", "d | e"),
    ("\"f; $G\"", "f; $G"),
    ("\\&h", "&h"),
    ("$(i | j)", "$(i | j)"),
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
        let seen: String = words.iter().flat_map(|(_, seen)| [" ", seen]).collect();
        Made { text: format!("run{written}{redirection}"), tree: format!("run{seen}") }
    })
}

fn command() -> impl Strategy<Value = Made> {
    simple().prop_recursive(4, 24, 3, |inner| {
        let pipeline = (select(vec!["@ | @", "! @ | @", "@ |& @"]), inner.clone(), inner.clone());
        let pipeline = pipeline.prop_map(|(text, one, other)| made(text, "@ | @", &[&one, &other]));
        let both = prop_oneof![inner, pipeline];
        let lists = vec![
            ("@ && @", "@ && @"),
            ("@ ||\n@", "@ && @"),
            ("@; @", "@; @"),
            ("@\n@", "@; @"),
            ("@ & @", "@ &; @"),
            ("@;@ &", "@; @ &"),
        ];
        let list = (both.clone(), both, select(lists));
        let list = list.prop_map(|(one, other, (text, tree))| made(text, tree, &[&one, &other]));
        let compounds = vec![
            ("( @ )", "subshell[@]"),
            ("( @)>a", "subshell[@]"),
            ("{ @\n}", "group[@]"),
            ("if @\nthen @\nelse @\nfi", "if[@, @, , @]"),
            ("if @\nthen @\nelif\n@\nthen a\nfi", "if[@, @, @, a]"),
            ("until @\ndo @\ndone", "while[@, @]"),
            ("while [[ a < b && (c || d) ]]\ndo @\ndone <b", "while[test[], @]"),
            ("for x in a do\ndo @\ndone", "for[@]"),
            ("for ((a=1; a<2; a++)); do @\ndone", "for[@]"),
            ("case $x in (a|b) ;; c) @\n;; esac", "case[, @]"),
            ("case $x in a) @\n;& *) @\nesac", "case[@, @]"),
            ("f() { @\n}", "f()[group[@]]"),
            ("function g\n{ @\n}", "g()[group[@]]"),
        ];
        (list.clone(), list.clone(), list, select(compounds))
            .prop_map(|(one, two, three, (text, tree))| made(text, tree, &[&one, &two, &three]))
    })
}

const LOOP: &str = "for ((a=1; a<2; a++))";

/// What an edit puts in.
const TOKENS: [&str; 27] = [
    "a",
    "$(",
    ")",
    "(",
    "{ ",
    "}",
    ";",
    "&",
    "&&",
    "|",
    "\n",
    "if ",
    "then ",
    "fi",
    "while ",
    "do ",
    "done",
    "case x in ",
    "esac",
    ";;",
    "! ",
    "[[ ",
    " ]]",
    "((",
    "f() ",
    " #",
    "<<E\n",
];

#[test]
fn generated_texts_are_read_as_they_were_made_and_as_bash_reads_them() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok());
    let mut runner = if cases.is_some() { TestRunner::default() } else { TestRunner::deterministic() };
    let edits = (select(TOKENS.to_vec()), any::<prop::sample::Index>(), any::<prop::sample::Index>());
    for _ in 0..cases.unwrap_or(200_usize).div_ceil(200) {
        let (mut whole, mut edited) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let made = command().new_tree(&mut runner).unwrap().current();
            assert_eq!(tree(&made.text), made.tree, "{}", made.text);
            let (token, from, at) = edits.new_tree(&mut runner).unwrap().current();
            let mut text = made.text.clone();
            text.remove(from.index(text.len()));
            edited.push(text.clone());
            text.insert_str(at.index(text.len()), token);
            edited.push(text);
            whole.push(made.text);
        }
        let mut good = read_by_bash(whole.clone());
        assert_eq!(whole.iter().find(|text| !good.contains(text)), None);
        // Bash reads what is between backticks and in double parentheses only when it runs.
        let count = |text: &str, part: &str| text.matches(part).count();
        edited.retain(|text| count(text, "`") == 2 * count(text, "`k l`"));
        edited.retain(|text| count(text, "for (") == count(text, LOOP));
        edited.retain(|text| count(text, "$((") == count(text, "$((1 + (2)))"));
        good.extend(read_by_bash(edited));
        let unread: Vec<&String> = good.iter().filter(|text| !is_read(text)).collect();
        assert!(unread.is_empty(), "{unread:#?}");
        for (text, printed) in good.iter().zip(printed_by_bash(&good)) {
            // Bash prints an `elif` as an `else` with an `if` in it, each body of a function in braces, what escapes stand for,
            // and a substitution as it has read it.
            let seen = tree(text);
            let is_kept = !["elif", "$'"].iter().any(|part| text.contains(part))
                && count(&seen, "()[") == count(&seen, "()[group[")
                && count(text, "$(")
                    == WORDS.iter().map(|(word, _)| count(text, word) * count(word, "$(")).sum::<usize>();
            if is_kept && !printed.is_empty() {
                assert_eq!(tree(&printed), format!("f()[group[{seen}]]"), "{text}\n{printed}");
            }
        }
    }
}
