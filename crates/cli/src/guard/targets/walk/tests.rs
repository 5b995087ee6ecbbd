//! What no shell command should be able to do to its reader, and which scripts of packages are read.

use std::path::Path;

use super::super::{LONGEST, read};
use super::*;

#[test]
fn what_nobody_typed_is_read_to_its_end_and_means_nothing() {
    // A script that starts itself again and again.
    let script = |_: &Path, _: &str| Some("npm run dev & npm run dev & npm run dev".to_owned());
    for part in [
        "$(",
        "`a` ",
        "\"$(",
        "(",
        "{ a; }; ",
        "a|",
        "a&",
        "a\n",
        "sudo ",
        "sudo -n ",
        "A=b ",
        "A=b; ",
        "! ",
        "cd a; ",
        "(a);",
        "f() { a; }; ",
        "$(a) ",
        "if a; then b; fi; ",
        "a && ",
        "npm run dev; ",
        "xargs kill|",
        "lsof -i:1 |",
        "bash -c a; ",
        "vite --port 3000; ",
        "kill 4242; ",
        "pkill node;",
        "lsof -ti:3000 | xargs kill; ",
        "for a in b; do c; done; ",
        "case a in b) c;; esac; ",
        "a <<A\nb\nA\n",
        "set -e; ",
        "{ ",
        "[[ a ]]; ",
        "eval a; ",
        "npx ",
        "exec ",
        "timeout 1 ",
        "kill $(lsof -ti:3000) ",
        "kill $A ",
        "read A; ",
        "export A=b; ",
        "echo \"a\" ",
        "env -u A ",
    ] {
        let text = part.repeat(LONGEST / part.len() / 4);
        for text in [
            text.clone(),
            format!("{text} vite --port 3000"),
            format!("bash -c '{text}'"),
            format!("$({text})"),
        ] {
            let found = read(&text, Path::new("/w/app"), None, &script);
            assert!(found.len() <= MOST, "{part}");
        }
    }
    let long = format!("{}vite --port 3000", " ".repeat(LONGEST));
    assert_eq!(read(&long, Path::new("/w/app"), None, &script), []);
    let behind = |count: usize| {
        let text = format!("{}kill 4242", "a $(b); ".repeat(count));
        read(&text, Path::new("/w/app"), None, &script).len()
    };
    assert_eq!((behind(COMMANDS / 2 - 1), behind(COMMANDS / 2)), (1, 0));
    let many = |count: usize| {
        let text: Vec<String> = (1..=count).map(|pid| format!("kill {}", pid + 1000)).collect();
        read(&text.join("; "), Path::new("/w/app"), None, &script).len()
    };
    assert_eq!((many(MOST), many(MOST + 1)), (MOST, 0));
}

#[test]
fn a_script_of_a_package_is_read_if_all_of_it_is_sure_to_run() {
    for sure in
        ["vite --port 3000", "vite build && vite preview", "next dev & tsc -w", "PORT=1 (next dev)", "a; b"]
    {
        assert!(runs_all(sure), "{sure}");
    }
    for perhaps in [
        "nc -z localhost 3000 || vite --port 3000",
        "./check && vite --port 3000",
        "[ -n \"$CI\" ] && vite",
        "if a; then vite; fi",
        "exit 0; vite",
        "vite 'x",
    ] {
        assert!(!runs_all(perhaps), "{perhaps}");
    }
}
