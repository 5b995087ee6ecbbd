//! `styxy hooks install` changes its own entries in an agent's settings, and nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use styxy_core::api::Code;

use crate::support::{Home, finish, lacks_root};

const OTHERS: &str = "{\n  // mine\n  \"model\": \"opus\",\n}\n";

fn settings(home: &Home, path: &str) -> PathBuf {
    let path = home.top().join("user").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn commands(json: &Value, event: &str) -> Vec<String> {
    let list = json["hooks"][event].as_array().unwrap_or_else(|| panic!("{event}: {json}"));
    let text = |hook: &Value| hook["command"].as_str().map(str::to_owned);
    list.iter()
        .flat_map(|item| item["hooks"].as_array().map_or_else(|| vec![item.clone()], Clone::clone))
        .filter_map(|hook| text(&hook))
        .collect()
}

#[test]
fn the_settings_of_every_agent_are_where_the_agent_looks() {
    let home = Home::new();
    let program = crate::support::program();
    for (agent, file, in_project, events) in [
        (
            "claude",
            ".claude/settings.json",
            ".claude/settings.local.json",
            "SessionStart CwdChanged PreToolUse SessionEnd",
        ),
        ("codex", ".codex/hooks.json", ".codex/hooks.json", "SessionStart PreToolUse"),
        (
            "cursor",
            ".cursor/hooks.json",
            ".cursor/hooks.json",
            "sessionStart beforeShellExecution sessionEnd",
        ),
        ("gemini", ".gemini/settings.json", ".gemini/settings.json", "SessionStart BeforeTool SessionEnd"),
    ] {
        let user = home.top().join("user").join(file);
        let said = home.styxy(&["hooks", "install", agent]).done();
        assert!(
            said.stdout.starts_with(&format!("--- {0}\n+++ {0}\n@@ -0,0 +1,", user.display())),
            "{}",
            said.stdout
        );
        let text = fs::read_to_string(&user).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        for event in events.split(' ') {
            assert_eq!(commands(&json, event), [format!("{program} hook {agent}")]);
        }
        assert_eq!(json["hooks"].as_object().unwrap().len(), events.split(' ').count());
        let again = home.styxy(&["hooks", "install", agent]).done();
        assert_eq!((again.stdout.as_str(), fs::read_to_string(&user).unwrap()), ("", text.clone()));
        home.styxy(&["hooks", "install", agent, "--project"]).done();
        assert_eq!(fs::read_to_string(home.project().join(in_project)).unwrap(), text);
        home.styxy(&["hooks", "install", agent, "--uninstall"]).done();
        assert!(!fs::read_to_string(&user).unwrap().contains("hook"));
    }
    assert!(!home.root().join("daemon.lock").exists(), "it needs no daemon");
}

#[test]
fn the_command_that_was_added_runs_and_answers() {
    let home = Home::new();
    home.styxy(&["hooks", "install", "claude"]).done();
    let text = fs::read_to_string(home.top().join("user/.claude/settings.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    home.configure(&json!({ "strict_service_types": false }));
    fs::write(home.project().join(".styxy.json"), r#"{"services": {"web": {}}}"#).unwrap();
    let event = json!({ "hook_event_name": "SessionStart", "cwd": home.project() }).to_string();
    let script = format!("printf %s \"$EVENT\" | {}", commands(&json, "SessionStart")[0]);
    let said = finish(home.shell(&script).env("EVENT", event)).done();
    assert_eq!(said.json()["hookSpecificOutput"]["hookEventName"], "SessionStart");
}

#[test]
fn what_is_not_ours_stays_and_a_dry_run_changes_nothing() {
    let home = Home::new();
    let path = settings(&home, ".claude/settings.json");
    fs::write(&path, OTHERS).unwrap();
    let dry = home.styxy(&["hooks", "install", "claude", "--dry-run"]).done();
    assert!(dry.stdout.contains("+  \"hooks\": {") && !dry.stdout.contains("\n-"), "{}", dry.stdout);
    assert_eq!(fs::read_to_string(&path).unwrap(), OTHERS);
    let done = home.styxy(&["hooks", "install", "claude"]).done();
    assert_eq!(done.stdout, dry.stdout);
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .starts_with("{\n  // mine\n  \"model\": \"opus\",\n  \"hooks\": {")
    );
    home.styxy(&["hooks", "install", "claude", "--uninstall"]).done();
    assert_eq!(fs::read_to_string(&path).unwrap(), OTHERS);
}

#[test]
fn a_link_still_leads_to_the_settings_and_their_permissions_stay() {
    let home = Home::new();
    let real = settings(&home, "dotfiles/claude.json");
    fs::write(&real, OTHERS).unwrap();
    fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
    let path = settings(&home, ".claude/settings.json");
    symlink("../dotfiles/claude.json", &path).unwrap();
    home.styxy(&["hooks", "install", "claude"]).done();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("hook claude"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(real.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn every_settings_file_of_the_collection_is_changed_byte_for_byte_and_back() {
    let home = Home::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/settings-files");
    let (mut changed, mut refused) = (0, 0);
    for case in fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()) {
        let name = case.file_name().unwrap().to_str().unwrap();
        let agent = name.split('-').next().unwrap();
        let file = match agent {
            "claude" | "gemini" => "settings.json",
            _ => "hooks.json",
        };
        let path = settings(&home, &format!(".{agent}/{file}"));
        let expected = |file: &str| {
            let text = fs::read_to_string(case.join(file)).unwrap();
            text.replace("/opt/styxy/styxy", crate::support::program())
        };
        let _ = fs::remove_file(&path);
        if case.join("before").exists() {
            fs::copy(case.join("before"), &path).unwrap();
        }
        let before = fs::read_to_string(&path).unwrap_or_default();
        let text = || fs::read_to_string(&path).unwrap_or_default();
        let install = &["hooks", "install", agent];
        if name.contains("-refused-") {
            home.styxy(install).exits(1);
            assert_eq!(text(), before, "{name}");
            refused += 1;
            continue;
        }
        for _ in ["once", "again"] {
            home.styxy(install).done();
            assert_eq!(text(), expected("after"), "{name}");
        }
        for _ in ["once", "again"] {
            home.styxy(&["hooks", "install", agent, "--uninstall"]).done();
            assert_eq!(text(), expected("uninstalled"), "{name}");
        }
        changed += 1;
    }
    assert!(changed >= 30 && refused >= 5, "{changed}, {refused}");
}

#[test]
fn a_file_with_two_hard_links_keeps_both() {
    let home = Home::new();
    let path = settings(&home, ".claude/settings.json");
    let other = settings(&home, "dotfiles/claude.json");
    fs::write(&other, OTHERS).unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(&other, &path).unwrap();
    let id = fs::metadata(&other).unwrap().ino();
    for (words, has_entries) in [(&["install"][..], true), (&["install", "--uninstall"], false)] {
        home.styxy(&[&["hooks"], words, &["claude"]].concat()).done();
        let texts = [&path, &other].map(|path| fs::read_to_string(path).unwrap());
        assert_eq!(texts[0], texts[1]);
        assert_eq!(texts[0].contains("hook claude"), has_entries);
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.ino(), found.nlink(), found.mode() & 0o777), (id, 2, 0o640));
    }
    // It became shorter, and nothing of the longer text remains after it.
    assert_eq!(fs::read_to_string(&path).unwrap(), OTHERS);
}

#[test]
fn settings_of_another_user_stay_theirs() {
    if lacks_root() {
        return;
    }
    let home = Home::new();
    let path = settings(&home, ".claude/settings.json");
    fs::write(&path, OTHERS).unwrap();
    chown(&path, Some(4321), Some(1234)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    home.styxy(&["hooks", "install", "claude"]).done();
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (4321, 1234, 0o640));
    assert!(fs::read_to_string(&path).unwrap().contains("hook claude"));
}

#[test]
fn settings_that_cannot_be_written_or_are_not_a_file_are_refused_and_not_changed() {
    let home = Home::new();
    let path = settings(&home, ".claude/settings.json");
    fs::write(&path, OTHERS).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    let refused = home.styxy(&["hooks", "install", "claude"]).exits(1);
    assert!(refused.stderr.contains("cannot be written") && refused.stderr.contains("nothing was changed"));
    assert_eq!(fs::read_to_string(&path).unwrap(), OTHERS);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    for (text, place) in [
        ("{\n  \"hooks\": [\n", ":2:13: "),
        ("{\r  \"hooks\": [,\r", ":2:13: "),
        ("[]", ":1:1: "),
        ("{\"hooks\": 3}", ":1:11: "),
    ] {
        fs::write(&path, text).unwrap();
        let refused = home.styxy(&["hooks", "install", "claude", "--json"]).exits(1).refusal();
        assert_eq!(refused.code, Code::InvalidRequest);
        assert!(refused.error.contains(place), "{}", refused.error);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    home.styxy(&["hooks", "install", "claude"]).exits(1);
    let mut outside = home.styxy_command(&["hooks", "install", "claude", "--project"]);
    finish(outside.current_dir(home.top())).exits(2);
}

#[test]
fn settings_in_a_folder_that_cannot_be_written_are_not_changed() {
    let home = Home::new();
    let path = settings(&home, ".claude/settings.json");
    fs::write(&path, OTHERS).unwrap();
    home.give_away();
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o555)).unwrap();
    let refused = home.unprivileged(&["hooks", "install", "claude"], &[]).exits(1);
    assert!(refused.stderr.contains("nothing was changed"), "{refused:?}");
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), OTHERS);
}

#[test]
fn the_plugin_has_the_hooks_that_are_installed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/claude-code");
    let json = |file: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap()
    };
    let home = Home::new();
    home.styxy(&["hooks", "install", "claude"]).done();
    let text = fs::read_to_string(home.top().join("user/.claude/settings.json")).unwrap();
    // The plugin's program is found in PATH: it moves from one machine to another.
    let expected: Value = serde_json::from_str(&text.replace(crate::support::program(), "styxy")).unwrap();
    assert_eq!(json("hooks/hooks.json")["hooks"], expected["hooks"]);
    assert_eq!(json(".claude-plugin/plugin.json")["name"], "styxy");
    assert_eq!(json(".claude-plugin/plugin.json")["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json(".mcp.json")["mcpServers"]["styxy"], json!({ "command": "styxy", "args": ["mcp"] }));
    let skill = fs::read_to_string(folder.join("skills/styxy/SKILL.md")).unwrap();
    assert!(skill.starts_with("---\nname: styxy\ndescription: "), "{skill}");
}
