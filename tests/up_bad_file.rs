//! What a project's file may not say is refused at its line and column by `styxy up` and `styxy env`, and does not reach an agent's
//! shell (R141, R142); nothing starts.

use std::fs;

use serde_json::json;

use crate::support::session::Session;
use crate::support::stack::Stack;

/// Variables that make a tool ask the address in them (12 of those that were tried, one with the user's token), or run something.
const NAMES: [&str; 15] = [
    "PIP_INDEX_URL",
    "npm_config_registry",
    "pnpm_config_registry",
    "COREPACK_NPM_REGISTRY",
    "http_proxy",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "DOCKER_HOST",
    "GOPROXY",
    "RUSTUP_DIST_SERVER",
    "TURBO_API",
    "UV_INDEX_URL",
    "LD_PRELOAD",
    "NODE_OPTIONS",
    "pnpm_config_script_shell",
];

/// A stack whose file has this as the variables of `web`, in its third line.
fn stack(env: &str) -> Stack {
    let stack = Stack::new(&json!({}));
    write(&stack, env);
    stack
}

fn write(stack: &Stack, env: &str) {
    let text = format!(
        "{{ \"services\": {{\n  \"api\": {{ \"run\": \"x\" }},\n  \"web\": {{ \"run\": \"touch started\", \"port\": false, {env} }}\n}} }}\n"
    );
    fs::write(stack.home.project().join(".styxy.json"), text).unwrap();
}

#[test]
fn a_variable_that_programs_act_on_is_refused_in_any_case_and_reaches_no_shell() {
    let stack = stack("");
    let session = Session::new(&stack.home, &stack.home.project());
    for name in NAMES {
        for name in [name.to_ascii_lowercase(), name.to_ascii_uppercase(), name.to_owned()] {
            write(&stack, &format!("\"env\": {{ \"{name}\": \"{{api.url}}\" }}"));
            for command in [&["up", "-d"][..], &["env"], &["env", "--json"]] {
                let refused = stack.styxy(command).exits(2);
                let said = format!("{}{}", refused.stdout, refused.stderr);
                let place = said.contains(".styxy.json:3:60: services.web.env");
                assert!(place && said.contains(&name), "{command:?} {name}: {said}");
            }
        }
        session.begin();
        let shell = session.shell(&stack.home.project(), &format!("printenv {name} || echo nothing"));
        // LD_PRELOAD is the guard's.
        assert!(!shell.contains("localhost"), "{name}: {shell}");
    }
    assert!(!stack.home.project().join("started").exists());
}

#[test]
fn an_unknown_place_and_a_circle_of_after_are_refused_and_a_circle_of_addresses_is_not() {
    let stack = stack("\"env\": { \"API\": \"{apl.url}\" }");
    let refused = |place: &str, text: &str| {
        let refused = stack.styxy(&["up", "-d"]).exits(2);
        assert!(refused.stderr.contains(place) && refused.stderr.contains(text), "{refused:?}");
    };
    refused(".styxy.json:3:68: services.web.env.API", "apl");
    write(&stack, "\"after\": [\"web\"]");
    refused(".styxy.json:3:", "services.web.after");
    write(&stack, "\"env\": { \"API\": \"{api.local}\" }");
    refused(".styxy.json:3:68: services.web.env.API", "api.local");
    let circle = json!({
        "web": { "run": "exec python3 server.py web", "ready": "/", "env": { "API": "{api.url}" } },
        "api": { "run": "exec python3 server.py api", "ready": "/", "env": { "WEB": "{web.url}" } },
    });
    stack.say(&circle);
    stack.up();
    assert!(stack.ask("api", "WEB").ends_with(&stack.service("web")["port"].to_string()));
}

#[test]
fn a_service_that_nothing_starts_is_said_with_its_place_and_the_others_start() {
    let stack = Stack::new(&json!({}));
    let text = "{ \"services\": {\n  \"web\": { \"run\": \"sleep 1000\", \"port\": false, \"after\": [\"api\"] },\n  \
                \"api\": { \"runn\": \"exec python3 server.py api\" },\n  \"db\": { \"port\": 4555 }\n} }\n";
    fs::write(stack.home.project().join(".styxy.json"), text).unwrap();
    let said = |service: &str, output: &crate::support::Output| {
        let line = format!("{service}: nothing says how to start it (\"run\" is missing)\n");
        output.stderr.matches(&line).count()
    };
    let first = stack.styxy(&["up", "-d"]).done();
    assert!(first.stderr.contains(".styxy.json:3:3: api: nothing"), "{first:?}");
    assert!(
        first.stderr.contains("runn is not a known key; did you mean run? (it is ignored)\n"),
        "{first:?}"
    );
    assert!(first.stderr.contains(".styxy.json:4:3: db: nothing"), "{first:?}");
    assert!(first.stdout.contains("web: running"), "{first:?}");
    // A service that only has a port is for `styxy run`: it is said once.
    let again = stack.styxy(&["up", "-d"]).done();
    assert_eq!((said("api", &again), said("db", &again)), (1, 0), "{again:?}");
    stack.styxy(&["up", "-d", "web"]).done();
    let named = stack.styxy(&["up", "-d", "db"]).exits(2);
    assert!(
        named.stderr.contains("error: ") && named.stderr.contains(".styxy.json:4:3: db: nothing"),
        "{named:?}"
    );
}

#[test]
fn what_up_has_said_of_the_file_is_not_in_the_log_of_a_service_that_reads_it_too() {
    let run = format!("{} run -- echo begins; exec sleep 1000", env!("CARGO_BIN_EXE_styxy"));
    let stack = Stack::new(&json!({ "web": { "run": run, "port": false, "rn": 1 } }));
    let up = stack.styxy(&["up", "-d"]).done();
    assert!(up.stderr.contains("rn is not a known key"), "{up:?}");
    let logs = stack.styxy(&["logs", "web"]).done().stdout;
    assert!(logs.contains("begins"), "{logs}");
    assert!(!logs.contains("is not a known key"), "{logs}");
}
