//! `styxy hook`: a daemon that died is started again, one that a person stopped is not, and one that does not answer is not waited
//! for twice (R39).

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::session::{Session, home};
use crate::support::{kill, until};

#[test]
fn a_daemon_that_died_comes_back_with_the_next_command() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin();
    home.kill_daemon();
    assert_eq!(session.bash_with("ls", &[("STYXY", "off")]), "");
    assert_eq!(session.bash_with("ls", &[("STYXY_GUARD", "off")]), "");
    assert!(home.status().is_none(), "the guard is off");
    session.runs("ls");
    until("it is there again", || home.status().is_some());
}

#[test]
fn a_daemon_that_a_person_stopped_stays_away_until_somebody_starts_it() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin();
    home.styxy(&["daemon", "stop"]).done();
    session.runs("ls");
    assert!(home.status().is_none(), "a person stopped it");
    // What was started since is kept up again.
    home.start();
    home.kill_daemon();
    session.runs("ls");
    until("it is there again", || home.status().is_some());
    // A restart is no stop, and neither is a second stop without a daemon a start.
    home.styxy(&["daemon", "restart"]).done();
    home.kill_daemon();
    home.styxy(&["daemon", "stop"]).done();
    session.runs("ls");
    assert!(home.status().is_none());
}

#[test]
fn a_daemon_that_does_not_answer_delays_a_command_once() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin_as_before();
    let daemon = home.start().pid.get();
    let shortest = |event: &str, text: &str| -> Duration {
        let runs = (0..5).map(|_| {
            let begun = Instant::now();
            let tool = json!({ "tool_name": "Bash", "tool_input": { "command": text } });
            assert_eq!(session.hook(event, &tool), "");
            begun.elapsed()
        });
        runs.min().unwrap()
    };
    let answered = shortest("PreToolUse", "ls");
    kill(daemon, Signal::STOP);
    let silent = ["ls", "kill 4242"].map(|text| shortest("PreToolUse", text));
    let after = shortest("PostToolUse", "ls");
    kill(daemon, Signal::CONT);
    // 100 ms, whatever the event asks.
    let most = answered + Duration::from_millis(160);
    assert!(silent.iter().chain([&after]).all(|took| *took < most), "{answered:?} {silent:?} {after:?}");
}
