//! Further ports of a command (R67): which there are, and how each is handed over.

use std::ffi::OsString;

use styxy_core::{Port, ServiceType};

use super::rows::{becomes_with, plan_with};
use super::{By, Obstacle};

type Package = &'static [(&'static str, &'static str)];

const APP: Package = &[
    ("dev", "wrangler dev"),
    ("fixed", "wrangler dev --inspector-port 9230"),
    ("logged", "wrangler dev | tee log"),
    ("bare", "node --inspect server.js"),
    ("number", "node --inspect=9230 server.js"),
    ("deno", "deno serve --inspect main.ts"),
    ("before", "browser-sync start --server --port 3000"),
];

/// The further ports of a command: the service, the port that it names, and how it gets another.
fn further(line: &str) -> Vec<(&'static str, Option<u16>, By)> {
    let more = plan_with(line, APP).0.more;
    more.iter().map(|more| (more.second.service, more.port.map(Port::get), more.by)).collect()
}

#[test]
fn a_further_port_is_handed_over_by_words_or_variables_or_named_by_a_script() {
    for (line, expected) in [
        ("wrangler dev", ("inspector", None, By::Words)),
        ("npm run dev", ("inspector", None, By::Words)),
        ("wrangler dev --inspector-port 9300", ("inspector", Some(9300), By::Words)),
        ("npm run fixed", ("inspector", Some(9230), By::Script)),
        ("npm run bare", ("inspector", None, By::Variables)),
        ("npm run number", ("inspector", Some(9230), By::Script)),
        ("node --inspect=127.0.0.1:9300 server.js", ("inspector", Some(9300), By::Words)),
        ("caddy run", ("admin", None, By::Variables)),
        ("cargo leptos watch", ("reload", None, By::Variables)),
    ] {
        assert_eq!(further(line), [expected], "{line}");
    }
    for line in [
        "vite",
        "node server.js --inspect",
        "node --test",
        "wrangler dev --inspector-port 0",
        "wrangler dev --port {port}",
        "npm run logged",
        "npm run deno",
        "parcel index.html",
        "browser-sync start --no-ui",
    ] {
        assert_eq!(further(line), [], "{line}");
    }
}

#[test]
fn a_script_keeps_the_further_port_that_it_names() {
    assert_eq!(becomes_with("npm run dev", APP), "npm run dev -- --port 4242 --inspector-port 9797");
    assert_eq!(becomes_with("npm run fixed", APP), "npm run fixed -- --port 4242");
    assert_eq!(becomes_with("npm run number", APP), "npm run number");
    assert_eq!(becomes_with("npm run before", APP), "npm run before -- --ui-port 4848");
    assert!(matches!(plan_with("npm run logged", APP).0.obstacle, Some(Obstacle::OutOfReach(_))));
}

#[test]
fn words_of_a_further_port_that_was_not_leased_are_left_out() {
    let dev: [(ServiceType, Port); 1] = [("dev".parse().unwrap(), Port::new(4242).unwrap())];
    for (line, expected) in [
        ("wrangler dev", "wrangler dev --port 4242"),
        ("wrangler dev --inspector-port 9300", "wrangler dev --inspector-port 9300 --port 4242"),
        ("node --inspect server.js", "node --inspect server.js"),
        ("npm run before", "npm run before"),
    ] {
        let (plan, typed) = plan_with(line, APP);
        let words: Vec<OsString> = plan.apply(typed, &dev);
        assert_eq!(words.join(" ".as_ref()).into_string().unwrap(), expected, "{line}");
    }
}
