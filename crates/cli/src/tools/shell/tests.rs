//! What a shell would make of a text, and what is not looked into.

use super::*;

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
    let inner = |at: usize| &command.words[at].inner[0].commands;
    assert_eq!(command.words.len(), 4);
    assert_eq!(inner(2)[0].words[1].text, "-ti:3000");
    assert_eq!(inner(2)[1].after, After::Pipe);
    assert_eq!(inner(3)[0].words[2].text, "a b");
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
