//! The guard's variables: what `styxy guard status` says of them, one guard inside another, and a file of the user's own (R94).

use std::fs;
use std::process::Stdio;

use crate::support::{Home, Output, finish};

/// `script` in bash, under the guard, which gets these variables.
fn bash(home: &Home, script: &str, variables: &[(&str, &str)]) -> Output {
    let mut agent = home.styxy_command(&["agent", "--", "bash", "-c", script]);
    agent.env("STYXY", crate::support::program()).envs(variables.iter().copied());
    finish(agent.current_dir(home.project()).stdin(Stdio::null())).done()
}

#[test]
fn a_guard_that_asks_nobody_is_not_called_live() {
    let home = Home::new();
    home.start();
    let status = |before: &str| bash(&home, &format!("{before} \"$STYXY\" guard status"), &[]).stdout;
    let live = status("");
    assert!(live.contains("library   loaded") && live.contains("daemon    listens"), "{live}");
    let unset = status("env -u STYXY_GUARD_SOCKET");
    let says = |line: &str| unset.lines().any(|said| said.starts_with(line));
    assert!(says("library   not asking") && says("shims     not asking"), "{unset}");
    let wrong = status("STYXY_GUARD_SOCKET=/nonexistent");
    assert!(wrong.contains("daemon    does not listen at /nonexistent"), "{wrong}");
    let json = bash(&home, "env -u STYXY_GUARD_SOCKET \"$STYXY\" guard status --json", &[]).json();
    assert_eq!([&json["library"], &json["shims"], &json["function"]], [false, false, false], "{json}");
}

#[test]
fn a_guard_inside_another_asks_its_own_daemon() {
    let outer = Home::new();
    outer.start();
    let inner = Home::new();
    inner.start();
    let own = inner.top().join("own.sh");
    fs::write(&own, "export OWN=\"own $STYXY_GUARD_SOCKET\"\n").unwrap();
    let asked = "bash -c 'echo \"$OWN|$STYXY_GUARD_SOCKET\"'";
    let script = format!("STYXY_HOME='{}' \"$STYXY\" agent -- {asked}", inner.root().display());
    let said = bash(&outer, &script, &[("BASH_ENV", own.to_str().unwrap())]).stdout;
    let socket = inner.root().join("guard.sock");
    assert_eq!(said.trim(), format!("own {0}|{0}", socket.display()));
    // A shell that reads the inner one's file: the same.
    let script =
        format!("eval \"$(STYXY_HOME='{}' \"$STYXY\" guard env)\"; {asked}; {asked}", inner.root().display());
    let said = bash(&outer, &script, &[]).stdout;
    assert!(said.lines().all(|line| line == format!("|{}", socket.display())), "{said}");
}

#[test]
fn the_users_own_file_is_read_as_bash_itself_would_read_it() {
    let home = Home::new();
    home.start();
    let folder = home.top().join("it's \"mine\"");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("own.sh"), "export OWN=read\n").unwrap();
    fs::write(home.project().join("own.sh"), "export OWN=here\n").unwrap();
    for value in [
        "$MINE/own.sh",
        "${MINE}/own.sh",
        "$(echo \"$MINE\")/own.sh",
        "~/own.sh",
        "own.sh",
        "$NONE",
        "/no/such",
    ] {
        let script = "printf '%s' \"${OWN-none}\"; echo \"${STYXY_OWN_FILE-}\"";
        let set =
            [("BASH_ENV", value), ("MINE", folder.to_str().unwrap()), ("HOME", folder.to_str().unwrap())];
        let mut bare = home.command("bash");
        let bare =
            finish(bare.args(["-c", script]).envs(set).current_dir(home.project()).stdin(Stdio::null()));
        let guarded = bash(&home, script, &set);
        assert_eq!((&guarded.stdout, &guarded.stderr), (&bare.stdout, &bare.stderr), "{value}");
    }
}
