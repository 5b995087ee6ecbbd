//! `styxy daemon install` makes the daemon start at login, shows first what it does, and leaves nothing behind.
//!
//! `systemctl` is a stand-in, which does with the unit's link what the real one does.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Home, Need, finish, lacks, on_terminal};

const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> "$SAYS"
[ -e "$SAYS.broken" ] && { echo "Failed to connect to bus" >&2; exit 1; }
units="${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user"
case "$2" in
  enable) mkdir -p "$units/default.target.wants" && ln -sf "$units/$3" "$units/default.target.wants/$3" ;;
  disable) rm -f "$units/default.target.wants/$3" ;;
esac
"#;

pub(crate) struct Systemd {
    pub(crate) home: Home,
}

impl Systemd {
    pub(crate) fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let home = Home::new();
        let bin = home.top().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("systemctl"), SYSTEMCTL).unwrap();
        fs::set_permissions(bin.join("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
        Self { home }
    }

    fn says(&self) -> PathBuf {
        self.home.top().join("says")
    }

    /// What `systemctl` was called with.
    fn said(&self) -> String {
        fs::read_to_string(self.says()).unwrap_or_default()
    }

    pub(crate) fn unit(&self) -> PathBuf {
        self.home.top().join("user/.config/systemd/user/styxy.service")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.home.styxy_command(words);
        let path = format!("{}:/usr/bin:/bin", self.home.top().join("bin").display());
        command.env("PATH", path).env("SAYS", self.says());
        command
    }
}

#[test]
fn the_unit_is_shown_written_and_removed_without_a_trace() {
    let systemd = Systemd::new();
    let said = finish(&mut systemd.command(&["daemon", "install", "--yes"])).done();
    let unit = fs::read_to_string(systemd.unit()).unwrap();
    let program = crate::support::program();
    assert!(unit.contains(&format!("ExecStart=\"{program}\" daemon start\n")), "{unit}");
    let home = systemd.home.root().display();
    assert!(unit.contains(&format!("Environment=\"STYXY_HOME={home}\"\n")), "{unit}");
    for line in unit.lines() {
        assert!(said.stderr.contains(&format!("| {line}")), "{line} was not shown: {said:?}");
    }
    assert!(said.stderr.contains("systemctl --user enable styxy.service"), "{said:?}");
    assert_eq!(systemd.said(), "--user daemon-reload\n--user enable styxy.service\n");
    let again = finish(&mut systemd.command(&["daemon", "install", "--yes"])).done();
    assert!(again.stdout.contains("starts at login already"), "{again:?}");
    assert_eq!(systemd.said().lines().count(), 2);
    finish(&mut systemd.command(&["daemon", "uninstall", "--yes"])).done();
    let last = "--user disable styxy.service\n--user daemon-reload\n";
    assert!(systemd.said().ends_with(last), "{}", systemd.said());
    let config = systemd.home.top().join("user/.config");
    assert_eq!(fs::read_dir(config).unwrap().count(), 0, "nothing is left");
    let again = finish(&mut systemd.command(&["daemon", "uninstall"])).done();
    assert!(again.stdout.contains("did not start at login"), "{again:?}");
}

#[test]
fn it_asks_on_a_terminal_and_does_nothing_without_one() {
    let systemd = Systemd::new();
    let said = finish(&mut systemd.command(&["daemon", "install"])).exits(2);
    assert!(
        said.stderr.contains("| [Unit]") && said.stderr.contains("styxy daemon install --yes"),
        "{said:?}"
    );
    let (code, shown) = on_terminal(&mut systemd.command(&["daemon", "install"]), "n\n");
    assert!(code == 1 && shown.contains("Nothing was changed"), "{shown}");
    assert!(!systemd.unit().exists() && systemd.said().is_empty());
    let (code, shown) = on_terminal(&mut systemd.command(&["daemon", "install"]), "y\n");
    assert!(code == 0 && systemd.unit().exists(), "{shown}");
    finish(&mut systemd.command(&["daemon", "uninstall"])).exits(2);
    assert!(systemd.unit().exists());
}

#[test]
fn a_dry_run_shows_the_plan_and_does_nothing() {
    let systemd = Systemd::new();
    let run = |words: &[&str]| finish(&mut systemd.command(&[&["daemon"], words].concat())).done();
    let said = run(&["install", "--dry-run", "--yes"]);
    assert!(said.stdout.starts_with("This file would be written, "), "{said:?}");
    assert!(said.stdout.contains("| [Unit]") && said.stdout.contains("systemctl --user enable"), "{said:?}");
    assert_eq!(said.stderr, "Nothing was changed.\n");
    let answer: serde_json::Value = run(&["install", "--dry-run", "--json"]).wire();
    assert_eq!([&answer["changed"], &answer["would_change"]], [false, true]);
    let said = run(&["uninstall", "--dry-run"]);
    assert!(said.stdout.contains("did not start at login"), "{said:?}");
    assert!(!systemd.unit().exists() && systemd.said().is_empty());
    run(&["install", "--yes"]);
    let before = systemd.said();
    let said = run(&["uninstall", "--dry-run"]);
    assert!(said.stdout.starts_with("This would be run:\n") && said.stdout.contains("removed."), "{said:?}");
    assert!(run(&["install", "--dry-run"]).stdout.contains("starts at login already"));
    assert!(systemd.unit().exists());
    assert_eq!(systemd.said(), before);
}

#[test]
fn a_systemd_that_does_not_run_is_said_and_leaves_nothing() {
    let systemd = Systemd::new();
    fs::write(systemd.says().with_extension("broken"), "").unwrap();
    let said = finish(&mut systemd.command(&["daemon", "install", "--yes"])).exits(1);
    assert!(said.stderr.contains("systemctl --user daemon-reload: Failed to connect to bus"), "{said:?}");
    assert_eq!(fs::read_dir(systemd.home.top().join("user")).unwrap().count(), 0, "no folder stays either");
    fs::remove_file(systemd.home.top().join("bin/systemctl")).unwrap();
    let said = finish(systemd.command(&["daemon", "install", "--yes"]).env("PATH", "/nowhere")).exits(1);
    assert!(
        said.stderr.contains("no such program") && said.stderr.contains("styxy daemon start"),
        "{said:?}"
    );
    assert!(!systemd.unit().exists());
}

#[test]
fn a_unit_that_somebody_else_wrote_is_left_alone() {
    let systemd = Systemd::new();
    fs::create_dir_all(systemd.unit().parent().unwrap()).unwrap();
    fs::write(systemd.unit(), "[Service]\n").unwrap();
    for words in [["daemon", "install", "--yes"], ["daemon", "uninstall", "--yes"]] {
        let said = finish(&mut systemd.command(&words)).exits(1);
        assert!(said.stderr.contains("was not made by Styxy"), "{said:?}");
    }
    assert_eq!(fs::read_to_string(systemd.unit()).unwrap(), "[Service]\n");
}

#[test]
fn systemd_itself_finds_nothing_wrong_with_the_unit() {
    if lacks(Need::Systemd, Command::new("systemd-analyze").arg("--version")) {
        return;
    }
    let systemd = Systemd::new();
    finish(&mut systemd.command(&["daemon", "install", "--yes"])).done();
    let mut command = systemd.home.command("systemd-analyze");
    command.args(["--user", "verify"]).arg(systemd.unit());
    let output = command.output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
