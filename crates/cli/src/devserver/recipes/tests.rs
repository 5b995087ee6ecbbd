//! What a Makefile and a justfile say about their targets.

use super::*;
use crate::devserver::inward::around::Told;

fn words(line: &str) -> Vec<Word> {
    line.split_whitespace().map(|text| Word { text: text.to_owned(), ..Word::default() }).collect()
}

fn book(tool: &str, text: &'static str) -> Book {
    let file: &'static [(&str, &str)] =
        Vec::leak(vec![(if tool == "make" { "Makefile" } else { "justfile" }, text)]);
    Book::find(tool, &[], None, &Told { files: file, ..Told::NOTHING }).unwrap()
}

/// The text for each target of a call.
fn scripts(tool: &str, text: &'static str, args: &str) -> Vec<String> {
    let book = book(tool, text);
    let recipes = book.recipes();
    let of = |target: &String| {
        let own = recipes.iter().filter(|recipe| recipe.names.contains(target));
        own.map(|recipe| book.script(recipe)).collect::<String>()
    };
    book.targets(&words(args), &recipes).iter().map(of).collect()
}

const MAKE: &str = "\
NODE ?= node
.PHONY: web api
all: web api
web: build # first
\t@$(NODE) web.js \\
\t  --host
\t-echo $$PORT $(shell date) ${NODE}
%.js: %.ts
\ttsc $<
api: PORT = 3
api: ; node api.js $@
";

#[test]
fn a_makefiles_recipe_is_what_the_shell_gets() {
    assert_eq!(scripts("make", MAKE, "web"), ["(node web.js  --host\n)\n(echo $PORT $unknown node\n)\n"]);
    assert_eq!(
        scripts("make", MAKE, "-j 2 -C x web api X=1"),
        [scripts("make", MAKE, "web")[0].as_str(), "(node api.js api\n)\n"]
    );
    let recipes = book("make", MAKE).recipes();
    assert_eq!(recipes[0].needs, ["web", "api"]);
    assert_eq!(recipes[1].needs, ["build"]);
    assert_eq!(recipes.len(), 3);
    assert_eq!(book("make", MAKE).targets(&[], &recipes), ["all"]);
    assert_eq!(book("make", ".DEFAULT_GOAL := b\na:\n\tx\nb:\n\ty\n").targets(&[], &[]), ["b"]);
    assert_eq!(scripts("make", ".ONESHELL:\na:\n\tcd x\n\ty\n", "a"), ["cd x\ny\n"]);
}

#[test]
fn make_runs_recipes_together_if_it_is_told_to() {
    let with = |args: &str, flags: Option<&str>| book("make", MAKE).is_parallel(&words(args), flags);
    let is_parallel = |args: &str| with(args, None);
    for line in ["-j", "-j2 web", "-j 4", "--jobs", "--jobs=3", "-j1 -j2"] {
        assert!(is_parallel(line), "{line}");
    }
    for line in ["", "-j1", "-j 1 web", "--jobs=1", "-k"] {
        assert!(!is_parallel(line), "{line}");
    }
    assert!(book("make", "MAKEFLAGS += -j2\na:\n").is_parallel(&[], None));
    for flags in ["-j2", "j2", "kj", "-k -j4", " -j2 --jobserver-auth=3,4", " --jobs=8"] {
        assert!(with("web", Some(flags)), "{flags}");
    }
    for (args, flags) in [("web", "k"), ("-j1", "-j2"), ("web", ""), ("web", " k"), ("web", "NODE=j2")] {
        assert!(!with(args, Some(flags)), "{args} {flags}");
    }
}

#[test]
fn a_call_that_only_shows_something_runs_no_recipe() {
    let is_idle = |tool: &str, args: &str, flags: Option<&str>| {
        book(tool, if tool == "make" { MAKE } else { JUST }).is_idle(&words(args), flags)
    };
    for line in ["-n -j2", "-nj2 web", "-kn", "--dry-run web", "-q", "-t", "--version"] {
        assert!(is_idle("make", line, None), "{line}");
    }
    assert!(is_idle("make", "web", Some("n")));
    for line in ["-j2 web", "-k -C shop n", "web N=n"] {
        assert!(!is_idle("make", line, None), "{line}");
    }
    for line in ["-n dev", "--list", "--dry-run dev"] {
        assert!(is_idle("just", line, None), "{line}");
    }
    for line in ["dev", "serve -n", "-q dev"] {
        assert!(!is_idle("just", line, None), "{line}");
    }
}

const JUST: &str = "\
set dotenv-load
port := '3000'
alias s := serve
# serve: it all
[parallel]
dev: web (serve \"x:y\") && last
@web:
    node web.js {{port}} {{ env('X') }}
serve name=\"a:b\" *rest:
  #!/usr/bin/env bash
  node a.js &
  node b.js
py:
  #!/usr/bin/env python3
  node & node
";

#[test]
fn a_justfiles_recipe_is_what_the_shell_gets() {
    assert_eq!(scripts("just", JUST, "web py"), ["(node web.js 3000 $unknown\n)\n", "exit\n"]);
    assert_eq!(scripts("just", JUST, "s web"), ["\nnode a.js &\nnode b.js\n"]);
    let recipes = book("just", JUST).recipes();
    assert_eq!(recipes[0].needs, ["web", "serve", "\"x:y\"", "&&", "last"]);
    assert!(recipes[0].is_parallel && !recipes[1].is_parallel);
    assert_eq!(book("just", JUST).targets(&words("--set port 3 -q"), &recipes), ["dev"]);
    for (shell, count) in [
        ("['pwsh', '-c']", 0),
        ("[\"pwsh\", \"-c\"]", 0),
        ("['fish', '-c']", 0),
        ("['bash', '-uc']", 1),
        ("[\"/bin/bash\", \"-c\"]", 1),
    ] {
        let text: &'static str = format!("set shell := {shell}\na:\n  b & c\n").leak();
        assert_eq!(book("just", text).recipes().len(), count, "{shell}");
    }
    for (line, expected) in [
        ("#!/bin/bash -e", "\nb & c\n"),
        ("#!/usr/bin/env -S bash -e", "\nb & c\n"),
        ("#!/usr/bin/env fish", "exit\n"),
        ("#!/usr/bin/env pwsh", "exit\n"),
    ] {
        let text: &'static str = format!("a:\n  {line}\n  b & c\n").leak();
        assert_eq!(scripts("just", text, "a"), [expected], "{line}");
    }
    for (line, expected) in [
        ("[parallel]", true),
        ("[group('web'), parallel]", true),
        ("[doc('not parallel')]", false),
        ("[group(\"parallel\")]", false),
        ("[private]", false),
    ] {
        let text: &'static str = format!("{line}\na: b\nb:\n  c\n").leak();
        assert_eq!(book("just", text).recipes()[0].is_parallel, expected, "{line}");
    }
}
