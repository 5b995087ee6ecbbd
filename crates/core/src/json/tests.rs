//! What each form of JSON has, and where a mistake in it is said to be.

use super::{Form, Kind, Mistake, place, read};

fn mistake(text: &str, form: Form) -> Mistake {
    read(text, form).expect_err(text)
}

#[test]
fn settings_have_comments_and_trailing_commas_and_nothing_else_of_json5() {
    let text = "// a\n{\"a\": [1, /* , */ 1e999,], \"b\": {},\r\n} // z";
    let node = read(text, Form::Settings).unwrap();
    assert_eq!((node.at, node.end(), node.members().len()), (5, text.len() - 5, 2));
    assert_eq!(node.get("a").unwrap().items()[1].text, "1e999");
    for other in [
        "{a: 1}",
        "{'a': 1}",
        "{\"a\": 'b'}",
        "{\"a\": 1 \"b\": 2}",
        "{\"a\": 0x1}",
        "{\"a\": +1}",
        "{\"a\": .5}",
        "{\"a\": 5.}",
        "{\"a\": 007}",
        "{\"a\": NaN}",
        "{\"a\": \"\\v\"}",
        "{\"a\": \"b\\\nc\"}",
        "{\"a\": \"b\nc\"}",
        "{\"a\": \"b\tc\"}",
        "{,}",
        "[1,,]",
        "{\u{a0}}",
        "{\u{b}}",
        "{ /*/ }",
        "{} {}",
        "// a",
        "\u{feff}{}",
    ] {
        mistake(other, Form::Settings);
        mistake(other, Form::Strict);
    }
    for text in ["{\"a\": 1} // z", "{\"a\": /* b */ 1}", "{\"a\": 1,}", "[1,]", "[1e999]"] {
        assert!(read(text, Form::Settings).is_ok(), "{text}");
        mistake(text, Form::Strict);
    }
}

#[test]
fn a_comment_is_stepped_over_on_the_way_to_a_mistake() {
    let at = |text: &str| mistake(text, Form::Settings).at;
    assert_eq!(at("[1 /* a */ 2]"), 11);
    assert_eq!(at("// a\n{\"b\": // c\n}"), 16);
    assert_eq!(at("{} /* a */ x"), 11);
    let open = mistake("{}\n/* a", Form::Settings);
    assert_eq!((open.at, &*open.message), (3, "this comment is not closed; allowed: /* … */"));
    assert_eq!(mistake("{} # a", Form::Settings).hint, None);
    assert_eq!(mistake("{} # a", Form::Strict).hint.as_deref(), Some("JSON has no comments"));
}

#[test]
fn a_key_that_is_there_twice_is_seen_twice_and_means_the_last() {
    let node = read("{\"a\": 1, \"\\u0061\": \"\\u00e9\\\"\"}", Form::Strict).unwrap();
    assert_eq!(
        node.members().iter().map(|member| (member.at, &*member.key)).collect::<Vec<_>>(),
        [(1, "a"), (9, "a")]
    );
    assert_eq!(node.get("a").unwrap().kind, Kind::Text("é\"".into()));
}

#[test]
fn a_hostile_file_overflows_no_stack() {
    for (form, levels) in [(Form::Strict, 32), (Form::Settings, 64)] {
        for open in ["[", "{\"a\":"] {
            let hostile = open.repeat(100_000);
            let small = std::thread::Builder::new().stack_size(256 * 1024);
            let deep = small.spawn(move || mistake(&hostile, form)).unwrap().join().unwrap();
            assert_eq!(deep.at, open.len() * levels);
            assert_eq!(deep.message, format!("nested too deep; allowed: {levels} levels"));
        }
    }
}

#[test]
fn what_is_in_a_file_does_not_control_the_terminal() {
    for text in ["[\"\u{1b}[2J\"]", "[\"\u{9b}2J\\x\"]"] {
        let said = mistake(text, Form::Strict).message;
        assert!(!said.contains(char::is_control), "{said:?}");
    }
}

#[test]
fn a_line_ends_in_any_of_three_ways() {
    let text = "a\r\nb\nc\rdé‸";
    assert_eq!(place(text, text.find('‸').unwrap()), (4, 3));
    assert_eq!(place(text, 3), (2, 1));
    assert_eq!(place("", 0), (1, 1));
}
