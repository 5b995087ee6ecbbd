//! What is done so that the port arrives behind programs that drop it.

use super::*;
use crate::devserver::inward::around::Told;

fn of(line: &str, files: &'static [(&'static str, &'static str)]) -> Passing {
    let word = |(at, text): (usize, &str)| Word { text: text.to_owned(), typed: Some(at), ..Word::default() };
    find(&line.split(' ').enumerate().map(word).collect::<Vec<_>>(), &Told { files, ..Told::NOTHING })
}

/// The line with what is added and changed.
fn becomes(line: &str, files: &'static [(&'static str, &'static str)]) -> String {
    let found = of(line, files);
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    if let Some((at, text)) = found.changed {
        words[at] = text;
    }
    if let Some((at, added)) = found.added {
        words.splice(at..at, added);
    }
    words.join(" ")
}

#[test]
fn the_port_is_handed_to_programs_that_begin_without_variables() {
    for (line, expected) in [
        ("env -i PATH=/bin node x.js", "env -i PORT={port} PATH=/bin node x.js"),
        ("env - node x.js", "env - PORT={port} node x.js"),
        (
            "/usr/bin/env -u A --ignore-environment node x.js",
            "/usr/bin/env -u A --ignore-environment PORT={port} node x.js",
        ),
        ("nix-shell --pure --run x", "nix-shell --keep PORT --pure --run x"),
        ("nix develop -i -c node x.js", "nix develop --keep PORT -i -c node x.js"),
        ("systemd-run --user node x.js", "systemd-run --setenv=PORT={port} --user node x.js"),
    ] {
        assert_eq!(becomes(line, &[]), expected);
    }
    for same in [
        "env node x.js",
        "env -u A node x.js",
        "env -i PORT=3000 node x.js",
        "env -i",
        "nix-shell --run x",
        "nix-shell --pure --keep PORT --run x",
        "nix develop -c node x.js",
        "systemd-run --scope node x.js",
        "systemd-run -E PORT=3000 node x.js",
        "node x.js",
    ] {
        assert_eq!(of(same, &[]), Passing::default(), "{same}");
    }
}

#[test]
fn sudo_drops_the_port_unless_it_is_told_to_keep_it() {
    for line in ["sudo node x.js", "sudo -u ada node x.js", "sudo --preserve-env=PATH node x.js"] {
        assert!(of(line, &[]).lost.is_some(), "{line}");
    }
    for line in [
        "sudo -E node x.js",
        "sudo -nE node x.js",
        "sudo --preserve-env=A,PORT x",
        "sudo PORT=3000 x",
        "sudo -v",
    ] {
        assert_eq!(of(line, &[]).lost, None, "{line}");
    }
}

#[test]
fn the_one_published_port_of_a_container_is_the_wish() {
    for (line, expected, port) in [
        ("docker run -p 3000:80 nginx", "docker run -p {port}:80 nginx", 3000),
        (
            "docker run --rm -it -e A=b --publish=127.0.0.1:8080:80 x -p 1:2",
            "docker run --rm -it -e A=b --publish=127.0.0.1:{port}:80 x -p 1:2",
            8080,
        ),
        (
            "podman container run -p [::1]:3000:80/tcp x",
            "podman container run -p [::1]:{port}:80/tcp x",
            3000,
        ),
    ] {
        assert_eq!(becomes(line, &[]), expected);
        assert_eq!(of(line, &[]).typed_port.map(Port::get), Some(port));
    }
    for same in [
        "docker run -p 80 nginx",
        "docker run -p 3000:80 -p 3001:81 nginx",
        "docker run nginx -p 3000:80",
        "docker run -p 3000-3005:80-85 nginx",
        "docker compose run -p 3000:80 web",
        "docker ps",
    ] {
        assert_eq!(of(same, &[]), Passing::default(), "{same}");
    }
}

const SET: &[(&str, &str)] = &[
    ("Makefile", "export PORT := 3000\ndev:\n\tnode x.js\n"),
    ("justfile", "export PORT := '3000'\ndev:\n  node x.js\n"),
];

const IN_RECIPE: &[(&str, &str)] = &[
    (
        "Makefile",
        ".PHONY: dev\nX := 1\ndev: build\n\t@PORT=3000 node x.js\nraw:\n\tPORT=3000 node x.js\nbuild:\n\ttsc\n",
    ),
    ("justfile", "dev:\n    PORT=3000 node x.js\nbuild:\n    tsc\n"),
];

const READS: &[(&str, &str)] = &[
    ("Makefile", "PORT ?= 3000\ndev:\n\tnode x.js --port $(PORT)\n"),
    ("justfile", "PORT := '1'\ndev:\n  x\n"),
];

#[test]
fn a_port_that_a_makefile_or_justfile_sets_is_overridden_where_that_is_possible() {
    assert_eq!(becomes("make dev", SET), "make dev PORT={port}");
    assert_eq!(becomes("make", SET), "make PORT={port}");
    assert_eq!(becomes("just -q dev", SET), "just -q PORT={port} dev");
    assert_eq!(of("make dev", SET).file_port.map(Port::get), Some(3000));
    for same in
        ["make -e dev", "make dev PORT=4000", "make -C web dev", "make -f other.mk dev", "just PORT=1 dev"]
    {
        assert_eq!(of(same, SET), Passing::default(), "{same}");
    }
    for line in ["make dev", "make", "make raw", "just dev", "just"] {
        let lost = of(line, IN_RECIPE).lost;
        assert!(matches!(&lost, Some(Lost::Set { port, .. }) if port.get() == 3000), "{line}: {lost:?}");
    }
    assert_eq!(of("make build", IN_RECIPE), Passing::default());
    assert_eq!(of("just build", IN_RECIPE), Passing::default());
    assert_eq!(of("make dev", READS), Passing::default());
    assert_eq!(of("just dev", READS), Passing::default());
}
