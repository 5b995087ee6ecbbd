//! Which port `styxy run` wishes for, and that it says so if it is not available.

use std::fs;
use std::net::TcpListener;

use serde_json::json;

use crate::support::{Home, Output, finish, sort, until};

/// `styxy run` of a command that says its port, in an environment with `variables`.
#[track_caller]
fn run(home: &Home, words: &[&str], variables: &[(&str, &str)]) -> (u16, Output) {
    let line = [&["run", "-s", sort::WEB], words, &["--", "sh", "-c", "echo $PORT"]].concat();
    let said = finish(home.styxy_command(&line).envs(variables.iter().copied())).done();
    until("the lease ends", || home.leases().iter().all(|lease| lease.owner.pid.is_none()));
    (said.number_of_first_line(), said)
}

#[test]
fn a_port_that_the_parent_sets_is_wished_for_unless_styxy_has_set_it() {
    let home = Home::new();
    let (wished, typed) = (home.spare_port(), home.spare_port());
    let text = wished.to_string();
    let (port, said) = run(&home, &[], &[("PORT", &text)]);
    assert_eq!((port, said.stderr.as_str()), (wished, ""));
    assert_eq!(
        run(&home, &["-p", &typed.to_string()], &[("PORT", &text)]).0,
        typed,
        "what was typed counts more"
    );
    let ours = home.spare_port().to_string();
    let first = *home.range(sort::WEB).start();
    for variable in ["STYXY_PORT", "STYXY_API_PORT"] {
        let (port, said) = run(&home, &["-n", variable], &[("PORT", &ours), (variable, &ours)]);
        assert!(port >= first && port.to_string() != ours && said.stderr.is_empty(), "{said:?}");
    }
    assert_eq!(run(&home, &[], &[("PORT", &text), ("STYXY_PORT", &ours)]).0, wished);
}

#[test]
fn the_parents_port_counts_more_than_the_file_and_the_file_more_than_the_script() {
    let home = Home::new();
    let [parent, file, script] = [home.spare_port(), home.spare_port(), home.spare_port()];
    let project =
        |name: &str, text: serde_json::Value| fs::write(home.project().join(name), text.to_string()).unwrap();
    project(
        "package.json",
        json!({ "scripts": { "dev": format!("PORT={script} sh -c 'echo $STYXY_PORT'") } }),
    );
    let dev = |variables: &[(&str, String)]| {
        let mut command =
            home.styxy_command(&["run", "-q", "-s", sort::WEB, "--", "npm", "run", "-s", "dev"]);
        let said = finish(
            command
                .env("npm_config_update_notifier", "false")
                .envs(variables.iter().map(|(name, value)| (*name, value))),
        )
        .done();
        until("the lease ends", || home.leases().is_empty());
        said.stdout.trim().parse::<u16>().unwrap()
    };
    assert_eq!(dev(&[]), script);
    project(".styxy.json", json!({ "services": { sort::WEB: { "port": file } } }));
    assert_eq!(dev(&[]), file);
    assert_eq!(dev(&[("PORT", parent.to_string())]), parent);
}

#[test]
fn a_wish_that_is_not_granted_is_said_in_one_line() {
    let home = Home::new();
    let busy = TcpListener::bind(("127.0.0.1", home.spare_port())).unwrap();
    let busy = busy.local_addr().unwrap().port().to_string();
    let first = *home.range(sort::WEB).start();
    let named = format!(" and http://web.project.localhost:{}", home.listen_port());
    let line = |why: &str| format!("styxy: web is http://localhost:{first}{named} ({why})\n");
    for (words, variables) in [
        (&["-p", &busy][..], &[][..]),
        (&["-q", "-p", &busy], &[]),
        (&[], &[("PORT", busy.as_str())]),
        (&["--no-start", "-p", &busy], &[]),
    ] {
        let said = run(&home, words, variables).1;
        let why = format!("port {busy} is in use by it-");
        assert!(said.stderr.starts_with(line(&why).trim_end_matches(")\n")), "{said:?}");
        assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    }
    let leased = home.allocate(&json!({ "service_type": sort::API, "project_path": "/w/other" })).port;
    let said = run(&home, &["-p", &leased.to_string()], &[]).1;
    assert_eq!(said.stderr, line(&format!("port {leased} is leased for api in /w/other")));
    fs::write(
        home.project().join(".styxy.json"),
        json!({ "services": { sort::WEB: { "port": leased } } }).to_string(),
    )
    .unwrap();
    let said = run(&home, &[], &[]).1;
    assert!(said.stderr.contains(&format!("preferred port {leased} is leased by")), "{said:?}");
    assert_eq!(run(&home, &["-q"], &[]).1.stderr, "");
    home.styxy(&["daemon", "stop"]).done();
    let said = run(&home, &["--no-start", "-p", &busy], &[]).1;
    assert!(said.stderr.contains(&format!("port {busy} is not free")), "{said:?}");
}

#[test]
fn a_port_of_another_server_here_is_not_wished_for() {
    let home = Home::new();
    let api = home.styxy(&["allocate", "-s", sort::API, "-q"]).done().number().to_string();
    let said = run(&home, &[], &[("PORT", &api)]).1;
    assert_eq!(said.stderr, "", "it was `PORT=$(styxy allocate -s api -q)`");
}

#[test]
fn a_wish_of_now_wins_over_a_lease_that_waits_but_not_over_an_outer_runs() {
    let home = Home::new();
    let told = home.styxy(&["env", sort::WEB, "--json"]).done().json()["PORT"].as_str().unwrap().to_owned();
    let wished = home.spare_port();
    let text = wished.to_string();
    assert_eq!(run(&home, &[], &[]).0.to_string(), told);
    assert_eq!(run(&home, &["-p", &text], &[]).0, wished);
    // What the session was told is in the environment too.
    assert_eq!(run(&home, &[], &[("PORT", &text), ("STYXY_PORT", &told)]).0, wished);
    let script = format!(
        "$STYXY run -s web -p {text} -- sh -c 'echo $PORT'; PORT={text} $STYXY run -s web -- sh -c 'echo $PORT'"
    );
    let mut outer = home.styxy_command(&["run", "-s", sort::WEB, "--", "sh", "-c", &script]);
    let said = finish(outer.env("STYXY", crate::support::program())).done();
    assert_eq!(said.stdout, format!("{told}\n{wished}\n"), "the outer run has told its port: {said:?}");
}
