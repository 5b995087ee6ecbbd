//! `styxy uninstall` leaves a user's home as it was, byte by byte, and takes nothing away that is still used.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

#[cfg(target_os = "linux")]
use crate::support::finish;
use crate::support::{Home, has_ended, on_terminal, sort, until};

/// Every file and folder below `folder`, with its content and mode.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt;
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = path.symlink_metadata().unwrap();
        let content = if found.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if found.is_dir() {
            all.extend(everything(&path));
        }
        all.insert(path, (found.permissions().mode(), content));
    }
    all
}

/// A user's home with settings of two agents in it, and the daemon's folder in it.
fn lived_in() -> (Home, PathBuf) {
    let home = Home::empty();
    let user = home.top().join("user");
    let home = home.at(user.join(".styxy"));
    for (path, text) in [
        (".claude/settings.json", "{\n  // mine\n  \"model\": \"opus\",\n}\n"),
        (".gemini/settings.json", "{}"),
        (".config/other/file", "x"),
    ] {
        let path = user.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (home, user)
}

fn moves_in(home: &Home) {
    for agent in ["claude", "codex", "cursor"] {
        home.styxy(&["hooks", "install", agent]).done();
    }
    home.styxy(&["hooks", "install", "claude", "--project"]).done();
    home.configure(&json!({}));
    home.start();
    home.styxy(&["daemon", "logs"]).done();
}

#[test]
fn nothing_remains_and_what_was_there_is_as_it_was() {
    let (home, user) = lived_in();
    let before = (everything(&user), everything(&home.project()));
    moves_in(&home);
    let pid = home.daemon_file().unwrap().pid.get();
    let said = home.styxy(&["uninstall", "--yes"]).done();
    until("the daemon ends", || has_ended(pid));
    assert_eq!((everything(&user), everything(&home.project())), before);
    assert!(said.stdout.contains("To remove that too: "), "{said:?}");
    for part in [".claude/settings.json", ".codex/hooks.json", "settings.local.json", &format!("pid {pid}")] {
        assert!(said.stderr.contains(part), "{part} was not said: {said:?}");
    }
    let again = home.styxy(&["uninstall", "--yes"]).done();
    assert!(again.stdout.starts_with("Nothing of Styxy is here"), "{again:?}");
    assert_eq!(everything(&user), before.0);
}

#[test]
#[cfg(target_os = "linux")]
fn the_start_at_login_goes_too() {
    let systemd = crate::login::Systemd::new();
    fs::create_dir_all(systemd.home.top().join("user/.config")).unwrap();
    let before = everything(&systemd.home.top().join("user"));
    finish(&mut systemd.command(&["daemon", "install", "--yes"])).done();
    assert!(systemd.unit().exists());
    let said = finish(&mut systemd.command(&["uninstall", "--yes"])).done();
    assert!(said.stderr.contains("styxy.service"), "{said:?}");
    assert_eq!(everything(&systemd.home.top().join("user")), before);
}

#[test]
fn what_still_uses_it_is_listed_and_only_force_goes_on() {
    let home = Home::new();
    home.styxy(&["hooks", "install", "claude"]).done();
    let grant = home
        .allocate(&json!({ "service_type": sort::WEB, "service_name": "shop", "pid": std::process::id() }));
    home.socket().post("/instance/register", &json!({ "instance_id": "session-1" }));
    let user = home.top().join("user");
    let before = everything(&user);
    let said = home.styxy(&["uninstall", "--yes"]).exits(1);
    for part in ["session session-1", &format!("{} web/shop", grant.port), "styxy uninstall --force"] {
        assert!(said.stderr.contains(part), "{part}: {said:?}");
    }
    assert!(said.stderr.starts_with("error: "), "it refuses before it says what it would do: {said:?}");
    let dry = home.styxy(&["uninstall", "--dry-run", "--yes"]).done();
    let root = home.root().display().to_string();
    assert!(dry.stdout.starts_with("This would be done:\n") && dry.stdout.contains(&root), "{dry:?}");
    assert!(dry.stderr.starts_with("Only --force does it, ") && dry.stderr.contains("web/shop"), "{dry:?}");
    assert!(dry.stderr.ends_with("Nothing was changed.\n"), "{dry:?}");
    let dry: serde_json::Value = home.styxy(&["uninstall", "--dry-run", "--json"]).done().wire();
    assert_eq!(dry["blockers"]["sessions"][0]["instance_id"], "session-1", "{dry}");
    assert_eq!(dry["blockers"]["leases"][0]["port"], grant.port.get(), "{dry}");
    let forced = home.styxy(&["uninstall", "--dry-run", "--force", "--json"]).done();
    let answer: serde_json::Value = forced.wire();
    assert_eq!(answer["removed"], json!([]));
    assert_eq!(answer["blockers"], json!({ "sessions": [], "leases": [] }), "nothing blocks it then");
    assert!(answer["would_remove"].as_array().unwrap().contains(&json!(root)), "{answer}");
    assert_eq!(forced.stderr, "Nothing was changed.\n");
    assert_eq!(everything(&user), before);
    assert_eq!(home.leases().len(), 1);
    home.styxy(&["uninstall", "--yes", "--force"]).done();
    assert!(!home.root().exists() && !user.join(".claude").exists());
}

#[test]
fn it_asks_on_a_terminal_and_does_nothing_without_one() {
    let home = Home::new();
    home.start();
    let said = home.styxy(&["uninstall"]).exits(2);
    assert!(
        said.stderr.starts_with("This would be done:\n  ")
            && said.stderr.contains("stop the daemon")
            && said.stderr.contains("styxy uninstall --yes"),
        "{said:?}"
    );
    let (code, shown) = on_terminal(&mut home.styxy_command(&["uninstall"]), "n\n");
    assert!(code == 1 && shown.contains("Nothing was changed"), "{shown}");
    assert!(home.status().is_some());
    let (code, shown) = on_terminal(&mut home.styxy_command(&["uninstall"]), "yes\n");
    assert!(code == 0 && !home.root().exists(), "{shown}");
}

#[test]
fn files_of_others_stay_and_a_folder_of_others_is_not_touched() {
    let home = Home::new();
    home.start();
    fs::write(home.root().join("notes.txt"), "mine").unwrap();
    let said = home.styxy(&["uninstall", "--yes"]).done();
    assert!(said.stderr.contains("left there: notes.txt"), "{said:?}");
    let left: Vec<_> = fs::read_dir(home.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["notes.txt"]);
    // Without a journal it is a folder as any other.
    home.styxy(&["uninstall", "--yes"]).exits(1);
    assert_eq!(fs::read_to_string(home.root().join("notes.txt")).unwrap(), "mine");
}

#[test]
fn settings_that_cannot_be_changed_stop_it_before_anything_is() {
    let home = Home::new();
    home.start();
    let settings = home.top().join("user/.claude/settings.json");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    fs::write(&settings, "{ \"hooks\": \"styxy hook claude\" ").unwrap();
    let said = home.styxy(&["uninstall", "--yes"]).exits(1);
    assert!(
        said.stderr.contains("settings.json:1:") && said.stderr.contains("nothing was changed"),
        "{said:?}"
    );
    assert!(home.status().is_some());
}
