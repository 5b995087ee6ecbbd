//! The doctor finds what is wrong, says what to do about it, and changes nothing.

use std::fs;
#[cfg(unix)]
use std::fs::Permissions;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

#[cfg(target_os = "linux")]
use serde_json::json;

use crate::restart::crc32c;
use crate::support::{Home, Output, Server, sort, until};
#[cfg(target_os = "linux")]
use crate::support::{finish, lacks_namespaces, old_daemon};
#[cfg(unix)]
use crate::support::{helper, nobody};

/// The doctor's finding for `check`: its verdict, message and hint.
fn finding(home: &Home, code: i32, check: &str) -> (String, String, String) {
    found(home.styxy(&["doctor", "--json"]), code, check)
}

/// As [`finding`], where this is a user to whom the system forbids what their files forbid: root may do all.
#[cfg(unix)]
fn finding_unprivileged(home: &Home, code: i32, check: &str) -> (String, String, String) {
    home.give_away();
    found(home.unprivileged(&["doctor", "--json"], &[]), code, check)
}

fn found(said: Output, code: i32, check: &str) -> (String, String, String) {
    let findings = said.exits(code).json();
    let found = findings.as_array().unwrap().iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no {check} in {findings}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("message"), text("hint"))
}

#[test]
fn a_healthy_machine_has_no_problems_with_and_without_a_daemon() {
    let home = Home::new();
    let without = home.styxy(&["doctor"]).done().stdout;
    assert!(without.contains("not running"), "{without}");
    assert!(home.status().is_none(), "the doctor started a daemon");
    home.start();
    let with = home.styxy(&["doctor"]).done().stdout;
    let everywhere = ["daemon", "version", "port", "config", "folder", "ranges", "descriptors", "journal"];
    let on_unix = if cfg!(unix) { &["disk"][..] } else { &[] };
    for check in everywhere.iter().chain(on_unix) {
        assert!(with.lines().any(|line| line.contains(check)), "{check}:\n{with}");
    }
    assert!(!with.contains("wrong"), "{with}");
}

#[test]
fn the_doctor_exits_1_for_a_mistake_in_the_configuration() {
    let home = Home::new();
    home.write_config("{ \"listenport\": 1 }");
    let (verdict, message, hint) = finding(&home, 1, "config");
    assert_eq!(verdict, "wrong");
    assert!(message.contains("config.json:1:3: ") && hint.contains("listen_port"), "{message} {hint}");
}

#[test]
#[cfg(unix)]
fn the_doctor_exits_1_for_a_folder_that_other_users_may_access() {
    let home = Home::new();
    fs::set_permissions(home.root(), Permissions::from_mode(0o755)).unwrap();
    let (verdict, _, hint) = finding(&home, 1, "folder");
    assert_eq!(verdict, "wrong");
    assert!(hint.contains("chmod 700"), "{hint}");
}

#[test]
#[cfg(unix)]
fn the_doctor_exits_1_for_a_folder_that_cannot_be_created() {
    let home = Home::empty();
    let above = home.top().join("closed");
    fs::create_dir(&above).unwrap();
    fs::set_permissions(&above, Permissions::from_mode(0o500)).unwrap();
    let home = home.at(above.join("deep/styxy"));
    let (verdict, message, hint) = finding_unprivileged(&home, 1, "folder");
    assert_eq!(verdict, "wrong");
    let above = above.to_str().unwrap();
    assert!(message.contains(above) && hint.contains("STYXY_HOME"), "{message} {hint}");
}

#[test]
#[cfg(target_os = "linux")]
fn where_no_folder_can_be_made_the_hint_says_what_to_set() {
    // Nobody can make one there, root neither.
    let home = Home::empty().at("/proc/styxy".into());
    let set = "export STYXY_HOME=/a/new/folder/of/yours";
    let (_, message, hint) = finding(&home, 1, "folder");
    assert!(message.starts_with("/proc/styxy cannot be made"), "{message}");
    assert_eq!(hint, set);
    let said = home.styxy(&["list"]).exits(3);
    assert!(said.stderr.contains(&format!("hint: {set}")), "{said:?}");
}

#[test]
fn the_doctor_exits_1_for_a_folder_whose_parent_is_a_file() {
    let home = Home::empty();
    let file = home.top().join("file");
    fs::write(&file, "").unwrap();
    let home = home.at(file.join("styxy"));
    let (verdict, message, hint) = finding(&home, 1, "folder");
    assert_eq!(verdict, "wrong");
    assert!(message.contains(file.to_str().unwrap()) && hint.contains("STYXY_HOME"), "{message} {hint}");
}

#[test]
#[cfg(unix)]
fn the_doctor_exits_1_for_a_journal_that_cannot_be_opened() {
    let home = Home::new();
    let journal = home.root().join("journal.0000000001");
    fs::write(&journal, "").unwrap();
    for mode in [0o000, 0o400, 0o200] {
        fs::set_permissions(&journal, Permissions::from_mode(mode)).unwrap();
        let (verdict, message, hint) = finding_unprivileged(&home, 1, "journal");
        assert_eq!(verdict, "wrong");
        assert!(message.contains(journal.to_str().unwrap()) && !hint.is_empty(), "{message} {hint}");
    }
}

#[test]
fn the_doctor_exits_1_for_a_journal_of_a_newer_version_and_leaves_it_alone() {
    let home = Home::new();
    let journal = home.root().join("journal.0000000001");
    let mut header = [0; 64];
    header[..8].copy_from_slice(b"styxyjnl");
    header[8] = 7;
    header[16] = 1;
    header[56..].copy_from_slice(b"complete");
    let sum = crc32c(&[&header[..12], &header[16..56]].concat());
    header[12..16].copy_from_slice(&sum.to_le_bytes());
    fs::write(&journal, header).unwrap();
    let (verdict, message, hint) = finding(&home, 1, "journal");
    assert_eq!((verdict.as_str(), hint.as_str()), ("wrong", "npm install -g styxy@latest"));
    assert!(message.contains("format 7") && message.contains(journal.to_str().unwrap()), "{message}");
    assert_eq!(fs::read(&journal).unwrap(), header);
}

#[test]
fn the_doctor_exits_1_for_a_listen_port_that_somebody_else_has() {
    let home = Home::new();
    let _holder = Server::on(&home, home.listen_port());
    let (verdict, message, hint) = finding(&home, 1, "port");
    assert_eq!(verdict, "wrong");
    assert!(message.contains(&home.listen_port().to_string()) && !hint.is_empty(), "{message} {hint}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_doctor_warns_about_ranges_that_outgoing_connections_use() {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first: u16 = text.split_whitespace().next().unwrap().parse().unwrap();
    let home = Home::new();
    home.configure(&json!({ "service_types": { "risky": { "range": [first, first + 9] } } }));
    let (verdict, message, hint) = finding(&home, 0, "ranges");
    assert_eq!(verdict, "warn");
    assert!(message.contains("risky") && !hint.is_empty(), "{message} {hint}");
}

#[test]
fn the_doctor_warns_about_a_stranger_on_a_leased_port() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let _stranger = Server::in_folder(&home, &home.other_project(), port);
    until("the stranger is seen", || home.styxy(&["list"]).done().stdout.contains("conflict"));
    let (verdict, message, hint) = finding(&home, 0, "leases");
    assert_eq!((verdict.as_str(), hint), ("warn", format!("styxy check {port}")));
    assert!(message.contains(&port.to_string()), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_doctor_is_not_content_with_a_full_disk() {
    if lacks_namespaces(&["--mount", "--map-root-user", "sh", "-ec", "mount -t tmpfs none /mnt"]) {
        return;
    }
    // A disk of its own, in a namespace of its own.
    let home = Home::empty();
    let disk = home.top().join("disk");
    fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o size=1m,mode=700 none \"$DISK\"\n\
                  mkdir -m 700 \"$STYXY_HOME\"\n\
                  head -c 2000000 /dev/zero > \"$DISK/full\" 2>/dev/null\n\
                  $STYXY doctor --json";
    let mut command = home.command("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script]);
    command.env("DISK", &disk).env("STYXY_HOME", disk.join("styxy")).env("STYXY", crate::support::program());
    let findings = finish(&mut command).exits(1).json();
    let found = findings.as_array().unwrap().iter().find(|finding| finding["check"] == "files");
    let message = found.unwrap()["message"].as_str().unwrap();
    assert!(message.contains("nothing can be written in"), "{findings}");
}

#[test]
fn the_doctor_tries_a_start_and_leaves_nothing_behind() {
    let home = Home::new();
    let names = || {
        let entries = fs::read_dir(home.root()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.collect();
        names.sort();
        names
    };
    let before = names();
    let (verdict, ..) = finding(&home, 0, "files");
    assert_eq!((verdict.as_str(), names()), ("ok", before));
    home.start();
    let before = names();
    let on_unix = if cfg!(unix) { &["inherited"][..] } else { &[] };
    for check in ["files", "processes", "lock"].iter().chain(on_unix) {
        assert_eq!(finding(&home, 0, check).0, "ok", "{check}");
    }
    assert_eq!(names(), before);
    assert_eq!(home.status().unwrap().notes, Vec::<String>::new(), "the running daemon does not mind");
}

#[test]
#[cfg(unix)]
fn the_doctor_tells_nobody_to_end_another_users_process() {
    let home = Home::new();
    let address = format!("127.0.0.1:{}", home.listen_port());
    let mut theirs = helper(&home, "listen", &[&address]);
    theirs.current_dir("/");
    if !nobody(&mut theirs) {
        return;
    }
    let _theirs = Server::listening(&mut theirs);
    let (verdict, message, hint) = finding(&home, 1, "port");
    assert_eq!(verdict, "wrong");
    assert!(message.contains("of user nobody") && !hint.contains("end "), "{message} {hint}");
    assert!(hint.contains("listen_port"), "{hint}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_doctor_says_what_replaces_an_older_daemon() {
    let home = Home::new();
    home.start();
    home.styxy(&["daemon", "stop"]).done();
    for (mode, verdict, word) in
        [("detached", "ok", "the next command"), ("foreground", "warn", "foreground")]
    {
        let old = old_daemon(&home, mode);
        // The stand-in knows no `GET /config`: its answer is not one.
        let findings = home.styxy(&["doctor", "--json"]).json();
        let found =
            findings.as_array().unwrap().iter().find(|finding| finding["check"] == "version").unwrap();
        assert_eq!(found["verdict"], verdict, "{found}");
        assert!(found["message"].as_str().unwrap().contains(word), "{found}");
        old.kill();
    }
}
