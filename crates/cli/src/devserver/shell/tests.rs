//! How a shell would parse a text, and what is not looked into.

use super::*;

#[cfg(unix)]
mod bash;

fn words(text: &str) -> Vec<Vec<String>> {
    read(text)
        .commands
        .into_iter()
        .map(|command| command.words.into_iter().map(|word| word.text).collect())
        .collect()
}

#[test]
fn a_script_is_split_at_its_operators_and_quotes_hold_words_together() {
    assert_eq!(words("tsc -b && vite --host"), [vec!["tsc", "-b"], vec!["vite", "--host"]]);
    assert_eq!(words("a; b || c\nd"), [["a"], ["b"], ["c"], ["d"]]);
    assert_eq!(
        words(r#"vite --base "/a b/" 'c d' e\ f """#),
        [["vite", "--base", "/a b/", "c d", "e f", ""]]
    );
    assert_eq!(words("vite # not --this"), [["vite"]]);
    assert_eq!(words("vite \\\n  --host"), [["vite", "--host"]]);
}

#[test]
fn a_word_knows_where_it_begins_and_is_the_same_word_elsewhere() {
    let text = "a=$(b c) 'd e' && (f > \"g\" \\h)&é $(b c) $(b c)";
    let script = read(text);
    let begins = script.commands.iter().flat_map(|command| &command.words).map(|word| &text[word.at..]);
    let expected = ["a=$", "'d e'", "f >", "\\h)", "é $", "$(b c) $", "$(b c)"];
    assert!(begins.clone().zip(expected).all(|(rest, start)| rest.starts_with(start)), "{script:?}");
    assert_eq!(begins.count(), expected.len());
    let last = &script.commands[2].words;
    assert_eq!(last[1], last[2], "two equal substitutions are one question");
}

#[test]
fn words_reach_the_last_command_of_a_plain_list_only() {
    for plain in
        ["vite", "a && vite", "a; vite", "a || vite", "A=b vite --x=$Y", "echo 'a & b' && vite", "vite a#b"]
    {
        assert_eq!(read(plain).end, Ok(()), "{plain}");
    }
    for (text, why) in [
        ("vite & tsc -w", Unreachable::Background),
        ("vite &", Unreachable::Background),
        ("vite | tee log", Unreachable::Pipe),
        ("vite > log 2>&1", Unreachable::Redirection),
        ("(cd web && vite)", Unreachable::Subshell),
        ("vite --port $(port)", Unreachable::Subshell),
        ("vite --port `port`", Unreachable::Subshell),
        ("if true; then vite; fi", Unreachable::Control),
        ("{ vite; }", Unreachable::Control),
        ("vite;", Unreachable::Ends),
        ("vite && !", Unreachable::Ends),
        ("", Unreachable::Ends),
        ("vite # dev", Unreachable::Comment),
        ("vite 'x", Unreachable::Quotes),
    ] {
        assert_eq!(read(text).end, Err(why), "{text}");
    }
}

#[test]
fn a_word_that_the_shell_expands_is_known_as_such() {
    let expanded =
        |text: &str| read(text).commands[0].words.iter().map(|word| word.expanded).collect::<Vec<_>>();
    assert_eq!(expanded("vite --port $PORT"), [false, false, true]);
    assert_eq!(expanded("vite --port \"${PORT:-3000}\" '$PORT' \\$PORT"), [false, false, true, false, false]);
}

#[test]
fn redirections_and_here_documents_are_no_words_and_no_commands() {
    assert_eq!(words("vite --port 3000 > 8080 2>&1 < in"), [["vite", "--port", "3000"]]);
    assert_eq!(words("a &> log; b >| c 2>/dev/null"), [["a"], ["b"]]);
    assert_eq!(words("cat > f <<'EOF' && b\nvite --port 3000\nEOF\nc"), [vec!["cat"], vec!["b"], vec!["c"]]);
    assert_eq!(words("cat <<-E\n\tkill 1\n\tE\nc <<< 'x'"), [["cat"], ["c"]]);
}

#[test]
fn a_substitution_is_read_besides_and_stays_one_word() {
    let script = read("kill -9 $(lsof -ti:3000 | head -1) \"`pgrep -f 'a b'`\"");
    let [command] = &script.commands[..] else { panic!("{script:?}") };
    let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["kill", "-9", "$(lsof -ti:3000 | head -1)", "`pgrep -f 'a b'`"]);
}

#[test]
fn a_command_knows_what_stands_before_it_and_its_subshell() {
    let script = read("a && (b; c) &\nd ||\n e | f");
    let seen: Vec<_> = script.commands.iter().map(|one| (one.after, one.groups.len())).collect();
    let expected = [
        (After::End, 0),
        (After::And, 1),
        (After::End, 1),
        (After::Background, 0),
        (After::Or, 0),
        (After::Pipe, 0),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_bracket_in_a_document_a_quote_a_comment_or_a_pattern_closes_nothing() {
    for text in [
        "echo \"$(cat <<'E'\n1) `a b` it's :)\nE\n)\" x",
        "echo $(a ')' \")\" \\) # )\n) x",
        "echo $(case $1 in a) b;; (c|d) e;; esac) x",
        "echo $(a $((1 + (2))) `b ')'`) x",
        "echo ${a:-${b:-$(c \")\")}} x",
        "echo $'it\\'s )' x",
    ] {
        let script = read(text);
        let [command] = &script.commands[..] else { panic!("{text}: {script:#?}") };
        assert!(!script.end.is_err_and(Unreachable::is_unreadable), "{text}: {:?}", script.end);
        assert_eq!((command.words.len(), command.words[2].text.as_str()), (3, "x"), "{text}");
    }
}

#[test]
fn what_is_not_closed_is_not_readable_however_deep_it_is() {
    for (text, why) in [
        ("a (b", Unreachable::Brackets),
        ("(a", Unreachable::Brackets),
        ("a)", Unreachable::Brackets),
        ("a $(b", Unreachable::Brackets),
        ("a \"$(b 'c)\"", Unreachable::Quotes),
        ("a $(b `c)", Unreachable::Quotes),
        ("a ${b", Unreachable::Brackets),
        ("a $((1 + 2)", Unreachable::Brackets),
        ("[[ a", Unreachable::Brackets),
        ("case a in b) c", Unreachable::Brackets),
        ("a $(cat <<E\n)\n", Unreachable::Brackets),
    ] {
        assert_eq!(read(text).end, Err(why), "{text}");
    }
}

#[test]
fn functions_tests_and_patterns_are_told_from_commands() {
    for text in ["f() { a; }", "f () { a; }", "function f { a; }", "function f() { a; }", "f()\n{ a; }"] {
        assert_eq!(words(text), [vec!["function", "f"], vec!["{", "a"], vec!["}"]], "{text}");
    }
    assert_eq!(
        words("if [[ a && (b || c) < d ]]; then e; fi"),
        [vec!["if", "[[", "a", "&&", "(b", "||", "c)", "<", "d", "]]"], vec!["then", "e"], vec!["fi"]]
    );
    assert_eq!(
        words("case $1 in\n a|b) c ;;\n (d) e\nesac; f"),
        [vec!["case", "$1", "in"], vec!["c"], vec!["e"], vec!["esac"], vec!["f"]]
    );
    assert_eq!(
        words("if (a); then ! (b); fi"),
        [vec!["if"], vec!["a"], vec!["then", "!"], vec!["b"], vec!["fi"]]
    );
}

#[test]
fn no_text_however_deep_or_long_keeps_the_reader_from_coming_back() {
    for part in [
        "$(",
        "`",
        "\"",
        "'",
        "(",
        "((",
        "$((",
        "{",
        "|",
        "&",
        ";",
        "<<A ",
        "<<A\n",
        "${",
        "\"${",
        "$(\"",
        "\"`",
        "\\",
        "[[ ",
        "a(",
        "a=(",
        "case a in ",
        "case a in b) ",
        "if a; then ",
        "f() { ",
        "! ",
        "$'",
        "<(",
        "#",
        "\n",
        "a ",
        "$((a) ",
        "))",
        "$(case a in (",
        "a $(b) ",
        "(a) ",
        "\u{e4}$(",
        "{ a; } & ",
        "\\`",
        "\\\\`",
    ] {
        let text = part.repeat(64 * 1024 / part.len());
        for text in [format!("{text} x"), format!("$({text}"), format!("{text}{}", ")".repeat(20_000))] {
            let script = read(&text);
            assert!(script.commands.len() <= text.len());
        }
    }
}
