//! How a shell would parse a text, and what is not looked into.

use super::*;

#[cfg(unix)]
mod bash;

/// The simple commands of `text`.
fn simple(text: &str) -> Vec<Vec<Word>> {
    let mut all = Vec::new();
    each(&read(text).list, &mut |command, _| {
        if let Command::Simple(words) = command {
            all.push(words.clone());
        }
    });
    all
}

fn words(text: &str) -> Vec<Vec<String>> {
    simple(text).into_iter().map(|words| words.into_iter().map(|word| word.text).collect()).collect()
}

/// The tree of `text`: the names of compound commands with what they consist of.
fn tree(text: &str) -> String {
    shown(&read(text).list)
}

fn shown(list: &[AndOr]) -> String {
    let pipelines = |one: &AndOr| {
        let all: Vec<String> = one.pipelines.iter().map(|commands| joined(commands, " | ")).collect();
        all.join(" && ") + if one.is_background { " &" } else { "" }
    };
    list.iter().map(pipelines).collect::<Vec<_>>().join("; ")
}

fn joined(commands: &[Command], between: &str) -> String {
    commands.iter().map(command).collect::<Vec<_>>().join(between)
}

fn command(command: &Command) -> String {
    let name = match command {
        Command::Simple(words) => return words.iter().map(|word| &*word.text).collect::<Vec<_>>().join(" "),
        Command::Group(_) => "group",
        Command::Subshell(_) => "subshell",
        Command::For(_) => "for",
        Command::While { .. } => "while",
        Command::If(_) => "if",
        Command::Case(_) => "case",
        Command::Function { name, .. } => &format!("{name}()"),
        Command::Coproc(_) => "coproc",
        Command::Test => "test",
    };
    let lists: Vec<String> = command.lists().into_iter().map(|list| shown(list)).collect();
    format!("{name}[{}]", lists.join(", "))
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
    let commands = simple(text);
    let begins = commands.iter().flatten().map(|word| &text[word.at..]);
    let expected = ["a=$", "'d e'", "f >", "\\h)", "é $", "$(b c) $", "$(b c)"];
    assert!(begins.clone().zip(expected).all(|(rest, start)| rest.starts_with(start)), "{commands:?}");
    assert_eq!(begins.count(), expected.len());
    let last = &commands[2];
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
    let expanded = |text: &str| simple(text)[0].iter().map(|word| word.expanded).collect::<Vec<_>>();
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
    let found = words("kill -9 $(lsof -ti:3000 | head -1) \"`pgrep -f 'a b'`\"");
    assert_eq!(found, [["kill", "-9", "$(lsof -ti:3000 | head -1)", "`pgrep -f 'a b'`"]]);
}

#[test]
fn lists_pipelines_and_compound_commands_are_a_tree() {
    for (text, expected) in [
        ("a && (b; c) &\nd ||\n e | f", "a && subshell[b; c] &; d && e | f"),
        ("! a | { b; c & } |& d", "a | group[b; c &] | d"),
        ("if a; then b; elif c\nthen d & else e; fi | f", "if[a, b, c, d &, , e] | f"),
        ("for x in do done; do a; done & b", "for[a] &; b"),
        ("for x\ndo a; done; for ((i=0; i<3; i++)); do b; done", "for[a]; for[b]"),
        ("while a && >b\ndo c; done", "while[a, c]"),
        ("select x in a; { b; }; c", "for[b]; c"),
        ("while a; do b; done > log; until c; do d; done", "while[a, b]; while[c, d]"),
        ("case $1 in\n a|b) c ;;\n (d) e;& (esac) ;; *) f\nesac; g", "case[c, e, , f]; g"),
        (
            "f() { a; }; function g { b; }; function h() (c)\ni ()\n\n{ d; } 2>&1; f",
            "f()[group[a]]; g()[group[b]]; h()[subshell[c]]; i()[group[d]]; f",
        ),
        (
            "coproc a b; coproc N { c; }; coproc (d) ; coproc while e; do f; done",
            "coproc[a b]; coproc[group[c]]; coproc[subshell[d]]; coproc[while[e, f]]",
        ),
        ("if [[ a && (b || c) < d ]]; then e; fi", "if[test[], e]"),
        ("[[ $a =~ ^(#|<(x)|y;)$ ]] && ((b > 1)) || c", "test[] && test[] && c"),
        ("time a; time -p b; time (c); ((d) ; e)", "a; time -p b; subshell[c]; subshell[subshell[d]; e]"),
        ("a=(if b # it's\n for) c; echo *.!(d|e f) g", "a= c; echo *.!(d|e f) g"),
        (
            "if(a); then !(b); fi; for((;;)); do c; done; ls d(e) f",
            "if[subshell[a], subshell[b]]; for[c]; ls d f",
        ),
        ("\"if\" a; echo if then; \\done", "if a; echo if then; done"),
    ] {
        assert_eq!(tree(text), expected, "{text}");
        assert!(!read(text).end.is_err_and(Unreachable::is_unreadable), "{text}");
    }
}

#[test]
fn a_reserved_word_too_few_or_too_many_hides_no_command() {
    for (text, expected) in [
        ("if a; then b", "if[a, b]"),
        ("fi; a; done; b }", "a; b }"),
        ("while a; do if b; then c; done; d", "while[a, if[b, c]]; d"),
        ("echo $(if a,b,c) d", "echo $(if a,b,c) d"),
    ] {
        assert_eq!(tree(text), expected, "{text}");
    }
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
        let (commands, end) = (words(text), read(text).end);
        let [command] = &commands[..] else { panic!("{text}: {commands:#?}") };
        assert!(!end.is_err_and(Unreachable::is_unreadable), "{text}: {end:?}");
        assert_eq!((command.len(), command[2].as_str()), (3, "x"), "{text}");
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
            assert!(simple(&text).len() <= text.len());
        }
    }
}
