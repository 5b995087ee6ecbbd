//! `styxy hooks install` changes its own entries in an agent's settings, and nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use styxy_core::api::Code;

use crate::support::session::{Session, home};
use crate::support::{Home, finish, lacks_root};

const OTHERS: &str = "{\n  // mine\n  \"model\": \"opus\",\n}\n";

fn settings(home: &Home, path: &str) -> PathBuf {
    let path = home.top().join("user").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn commands(json: &Value, event: &str) -> Vec<String> {
    let list = json["hooks"][event].as_array().unwrap_or_else(|| panic!("{event}: {json}"));
    // Copilot has a command for each system's shell.
    let text = |hook: &Value| hook["command"].as_str().or(hook["bash"].as_str()).map(str::to_owned);
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
            "SessionStart SubagentStart CwdChanged PreToolUse PreSkillShellCommand PostToolUse PostToolUseFailure SessionEnd",
        ),
        (
            "codex",
            ".codex/hooks.json",
            ".codex/hooks.json",
            "SessionStart SubagentStart PreToolUse PostToolUse SessionEnd",
        ),
        (
            "cursor",
            ".cursor/hooks.json",
            ".cursor/hooks.json",
            "sessionStart beforeShellExecution postToolUse sessionEnd",
        ),
        (
            "gemini",
            ".gemini/settings.json",
            ".gemini/settings.json",
            "SessionStart BeforeTool AfterTool SessionEnd",
        ),
        (
            "qwen",
            ".qwen/settings.json",
            ".qwen/settings.json",
            "SessionStart SubagentStart PreToolUse PostToolUse SessionEnd",
        ),
        (
            "copilot",
            ".copilot/hooks/styxy.json",
            ".github/hooks/styxy.json",
            "sessionStart subagentStart preToolUse postToolUse sessionEnd",
        ),
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
        if agent == "copilot" {
            assert!(!user.exists(), "a file of Styxy's alone goes");
        } else {
            assert!(!fs::read_to_string(&user).unwrap().contains("hook"));
        }
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
fn entries_of_0_1_0_go_on_working_and_what_renews_them_is_said() {
    let home = home();
    let path = settings(&home, ".claude/settings.json");
    let program = crate::support::program();
    let hook = |timeout: u8| json!({ "type": "command", "command": format!("{program} hook claude"), "timeout": timeout });
    let old = json!({ "hooks": {
        "SessionStart": [{ "hooks": [hook(5)] }],
        "CwdChanged": [{ "hooks": [hook(5)] }],
        "PreToolUse": [{ "matcher": "Bash|PowerShell", "hooks": [hook(2)] }],
        "SessionEnd": [{ "hooks": [hook(1)] }],
    } });
    fs::write(&path, old.to_string()).unwrap();
    let session = Session::new(&home, &home.project());
    let renew = "`styxy hooks install claude` renews them.";
    assert!(session.begin().ends_with(renew));
    session.runs("git status");
    let resumed = session.hook("SessionStart", &json!({ "source": "resume" }));
    assert!(
        resumed.contains("Ports that Styxy") && !resumed.contains("renews"),
        "it is said once: {resumed}"
    );
    let found = home.styxy(&["doctor", "--json"]).json();
    let of_hooks = |found: &Value| -> Vec<Value> {
        found.as_array().unwrap().iter().filter(|finding| finding["check"] == "hooks").cloned().collect()
    };
    let named = of_hooks(&found);
    assert_eq!(
        (named.len(), &named[0]["verdict"], &named[0]["hint"]),
        (1, &json!("warn"), &json!("styxy hooks install claude"))
    );
    home.styxy(&["hooks", "install", "claude"]).done();
    assert!(!session.begin().contains("renews"));
    assert_eq!(of_hooks(&home.styxy(&["doctor", "--json"]).json())[0]["verdict"], "ok");
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
            "claude" | "gemini" | "qwen" => "settings.json",
            "copilot" => "hooks/styxy.json",
            _ => "hooks.json",
        };
        let path = settings(&home, &format!(".{agent}/{file}"));
        let expected = |file: &str| {
            let text = fs::read_to_string(case.join(file)).unwrap();
            let shell = home.root().join("guard/env.bash");
            let text = text.replace("/home/ada/.styxy/guard/env.bash", shell.to_str().unwrap());
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
            // Elsewhere there is no guard, and no variable for it.
            if cfg!(target_os = "linux") || agent != "claude" {
                assert_eq!(text(), expected("after"), "{name}");
            }
        }
        for _ in ["once", "again"] {
            home.styxy(&["hooks", "install", agent, "--uninstall"]).done();
            let left = expected("uninstalled");
            let is_ours_alone =
                agent == "copilot" && left.split_whitespace().eq(["{", "\"version\":", "1", "}"]);
            assert_eq!(text(), if is_ours_alone { String::new() } else { left }, "{name}");
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
#[cfg(target_os = "linux")]
fn codexs_shells_get_the_guards_file_and_every_byte_comes_back() {
    let home = Home::new();
    let path = settings(&home, ".codex/config.toml");
    let run = |more: &[&str]| home.styxy(&[&["hooks", "install", "codex"], more].concat());
    let text = || fs::read_to_string(&path).unwrap();
    for before in [
        Some("model = \"o\""),
        Some("[shell_environment_policy]\r\ninherit = \"core\"\r\n"),
        Some("[shell_environment_policy.set]\nA = \"1\" # mine\n\n[tui]\n"),
        None,
    ] {
        let _ = fs::remove_file(&path);
        if let Some(before) = before {
            fs::write(&path, before).unwrap();
        }
        assert!(run(&["--dry-run"]).done().stdout.contains("BASH_ENV = "));
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
        run(&[]).done();
        let file = text()
            .lines()
            .find_map(|line| line.strip_prefix("BASH_ENV = \"")?.strip_suffix('"').map(PathBuf::from));
        assert!(file.is_some_and(|file| file.is_file()), "{}", text());
        let once = text();
        assert!(run(&[]).done().stderr.contains("already has Styxy's entries"));
        assert_eq!(text(), once);
        run(&["--uninstall"]).done();
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
    }
    // What only a reader of TOML could change stays, and it is said what to add.
    let inline = "shell_environment_policy = { inherit = \"core\" }\n";
    fs::write(&path, inline).unwrap();
    let said = run(&[]).done();
    assert!(said.stderr.contains("add BASH_ENV = \"") && text() == inline, "{said:?}");
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
    let (plugin, marketplace) = (json(".claude-plugin/plugin.json"), json(".claude-plugin/marketplace.json"));
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    // What `claude plugin validate --strict` asks for.
    assert!(
        ["description", "license"].iter().all(|name| plugin[name].is_string())
            && plugin["author"]["name"].is_string()
    );
    let listed = marketplace["plugins"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["source"]), (1, &json!("./")));
    for name in ["name", "version", "description", "author", "license", "keywords"] {
        assert_eq!(listed[0][name], plugin[name], "{name}");
    }
    assert!(marketplace["owner"]["name"].is_string() && marketplace["description"].is_string());
    assert_eq!(json(".mcp.json")["mcpServers"]["styxy"], json!({ "command": "styxy", "args": ["mcp"] }));
    let skill = fs::read_to_string(folder.join("skills/styxy/SKILL.md")).unwrap();
    assert!(skill.starts_with("---\nname: styxy\ndescription: "), "{skill}");
}
