//! Every folder of `tests/settings-files` is a settings file before, after, and with Styxy's entries removed again.
//!
//! The folder's name begins with the agent's. A missing file is an empty text. `STYXY_REGENERATE=1` writes the results;
//! then look at the difference.

use std::fs;
use std::path::{Path, PathBuf};

use styxy_client::agents::Agent;

use super::super::agents::has_variables;
use super::super::entry::{entries, nesting};
use super::*;

const PROGRAM: &str = "/opt/styxy/styxy";

fn cases() -> Vec<(String, PathBuf)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/settings-files");
    let mut cases: Vec<_> = fs::read_dir(top)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .collect();
    cases.sort();
    cases
}

fn agent(name: &str) -> Agent {
    match name.split('-').next() {
        Some("codex") => Agent::Codex,
        Some("cursor") => Agent::Cursor,
        Some("gemini") => Agent::Gemini,
        Some("qwen") => Agent::Qwen,
        Some("copilot") => Agent::Copilot,
        _ => Agent::Claude,
    }
}

fn shell(agent: Agent) -> Option<&'static str> {
    has_variables(agent).then_some("/home/ada/.styxy/guard/env.bash")
}

fn install(agent: Agent, text: &str) -> Result<String, Trouble> {
    with(
        text,
        Wanted { entries: &entries(agent), nesting: nesting(agent), program: PROGRAM, shell: shell(agent) },
    )
}

/// The files that are not the same after install and uninstall, and why.
const EXCEPTIONS: &[(&str, &[&str])] = &[
    (
        "there was no JSON: an empty object remains, which means the same to every agent",
        &[
            "claude-blank",
            "claude-crlf-empty",
            "claude-empty",
            "claude-missing",
            "codex-missing",
            "cursor-missing",
            "gemini-missing",
            "qwen-missing",
            "copilot-missing",
        ],
    ),
    (
        "entries of ours were there before, and are removed too",
        &[
            "claude-command-beside-hooks",
            "copilot-command-key",
            "claude-duplicate-key-with-ours",
            "claude-duplicates",
            "claude-duplicates-in-one-group",
            "claude-exec-form",
            "claude-half-installed",
            "claude-installed",
            "claude-installed-elsewhere",
            "claude-installed-quoted-path",
            "claude-npx",
            "claude-one-line-installed",
            "claude-ours-beside-another-in-one-group",
            "claude-ours-between-others",
            "claude-ours-commented",
            "claude-ours-in-anothers-group",
            "claude-wrong-fields",
            "claude-wrong-form",
            "codex-installed-crlf",
            "cursor-duplicates",
            "cursor-installed-elsewhere",
            "gemini-seconds",
        ],
    ),
];

#[test]
fn every_settings_file_becomes_exactly_what_it_should() {
    let cases = cases();
    for (name, folder) in &cases {
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        let agent = agent(name);
        let before = text("before");
        let after = match install(agent, &before) {
            Ok(after) => after,
            Err(trouble) => {
                assert!(name.contains("-refused-"), "{name}: {trouble:?}");
                assert!(!folder.join("after").exists(), "{name} is refused");
                continue;
            }
        };
        let uninstalled = without(&after).unwrap();
        if std::env::var_os("STYXY_REGENERATE").is_some() {
            fs::write(folder.join("after"), &after).unwrap();
            fs::write(folder.join("uninstalled"), &uninstalled).unwrap();
        }
        assert_eq!(after, text("after"), "{name}");
        assert_eq!(uninstalled, text("uninstalled"), "{name}");
        assert_eq!(install(agent, &after).unwrap(), after, "{name}: a second time changes nothing");
        let expected = EXCEPTIONS.iter().any(|(_, names)| names.contains(&name.as_str()));
        assert_eq!(uninstalled != before, expected, "{name}: {uninstalled:?}");
        assert_eq!(without(&uninstalled).unwrap(), uninstalled, "{name}");
        // Whatever the text looks like, every event has one entry of ours.
        let root = parse(without_mark(&after)).unwrap();
        for entry in entries(agent) {
            let list = root.get("hooks").and_then(|hooks| hooks.get(entry.event)).unwrap();
            assert_eq!(entries::all(list).len(), 1, "{name}: {}", entry.event);
        }
        assert!(!after.contains("WorktreeCreate") || before.contains("WorktreeCreate"), "{name}");
    }
    assert!(cases.len() >= 30, "{}", cases.len());
}

/// Every text made from `form` by replacing its `@`s with the `choices`, in order.
fn combined(form: &str, choices: &[&[&str]]) -> Vec<String> {
    let Some((choice, rest)) = choices.split_first() else { return vec![form.to_owned()] };
    choice.iter().flat_map(|part| combined(&form.replacen('@', part, 1), rest)).collect()
}

#[test]
fn uninstalling_restores_every_byte_in_any_layout() {
    let blanks: &[&str] =
        &["", " ", "\n", "\n\n  ", " // c, \n\t", "/* {c */", "\n/* a\n*/ // b, \n", "//\n\n"];
    let other: &[&str] = &["{\"hooks\": []}", "{\"command\": \"a, // b\"}"];
    let mut texts = combined("@{@}@", &[blanks, blanks, blanks]);
    texts.extend(combined("{@\"a\"@:1@,@}", &[blanks, &["", " "], blanks, blanks]));
    texts.extend(combined("{@\"a\":@[]@}", &[blanks, blanks, blanks]));
    texts.extend(combined("{@\"hooks\": {@}@,@}", &[blanks, blanks, blanks, blanks]));
    texts.extend(combined("{@\"hooks\": {@}@}", &[blanks, blanks, blanks]));
    texts.extend(combined("{\"hooks\": {@\"Stop\": []@,@}@}", &[blanks, blanks, blanks, blanks]));
    texts.extend(combined("{\"hooks\": {@\"PreToolUse\": [@]@}}", &[blanks, blanks, blanks]));
    texts.extend(combined("{\"hooks\": {\"PreToolUse\": [@@@@]}}", &[blanks, other, blanks, &["", ","]]));
    texts.extend(combined(
        "{\"hooks\": {\"SessionStart\": [@@@,@@@], \"SessionEnd\":[]}}",
        &[blanks, other, blanks, blanks, other, blanks],
    ));
    texts.extend(combined("{\"hooks\": {}@,@\"hooks\": {@}@}", &[blanks, blanks, blanks, blanks]));
    // All of them would take minutes. Every 61st covers every choice in every position, with most others.
    for (at, text) in texts.iter().enumerate().step_by(61) {
        let text = text.replace('\n', ["\n", "\r\n", "\r"][at % 3]);
        let installed =
            install(Agent::Claude, &text).unwrap_or_else(|trouble| panic!("{text:?}: {trouble:?}"));
        assert_eq!(install(Agent::Claude, &installed).as_ref(), Ok(&installed), "{text:?}");
        assert_eq!(without(&installed).as_ref(), Ok(&text), "{installed:?}");
    }
}

#[test]
fn a_text_with_the_wrong_content_is_not_returned() {
    let before = "{\n  \"model\": \"opus\",\n  \"hooks\": { // mine\n    \"Stop\": [{\"hooks\": [{\"command\": \"a\"}]}]\n  }\n}\n";
    let entries = entries(Agent::Claude);
    let wanted = Wanted { entries: &entries, nesting: Nesting::Groups, program: PROGRAM, shell: None };
    let installed = with(before, wanted).unwrap();
    assert!(check::is_installed(before, &installed, wanted));
    assert!(check::is_uninstalled(&installed, before));
    let line = format!("\"command\": \"{PROGRAM} hook claude\",");
    for (part, by) in [
        ("// mine\n", "// mine "),
        ("\"opus\"", "\"sonnet\""),
        ("\"model\": \"opus\",", ""),
        ("{\"command\": \"a\"}", ""),
        ("\"Bash|PowerShell\"", "\"Bash\""),
        ("\"timeout\": 2", "\"timeout\": 20"),
        (line.as_str(), ""),
        ("\"SessionEnd\"", "\"SessionEnds\""),
    ] {
        let broken = installed.replacen(part, by, 1);
        assert_ne!(broken, installed, "{part}");
        assert!(!check::is_installed(before, &broken, wanted), "{part}");
    }
    assert!(!check::is_installed(before, before, wanted));
    assert!(!check::is_uninstalled(&installed, &installed));
    assert!(!check::is_uninstalled(&installed, &before.replace("// mine\n", "// mine ")));
    assert!(!check::is_uninstalled(&installed, "{}"));
    assert_eq!(with(before, Wanted { program: "/opt/styxy/other", ..wanted }), Err(Trouble::Unsure));
}

#[test]
fn changes_of_others_after_the_install_stay_when_ours_are_removed() {
    let installed = install(Agent::Claude, "{\n  \"hooks\": {}\n}\n").unwrap();
    let changed = installed
        .replacen("\"hooks\": {", "\"hooks\": { // mine", 1)
        .replacen("    \"CwdChanged\"", "    \"Stop\": [],\n    \"CwdChanged\"", 1)
        .replacen("\n  }\n}", "\n  },\n  \"model\": \"opus\"\n}", 1);
    let expected = "{\n  \"hooks\": { // mine\n    \"Stop\": []\n\n  },\n  \"model\": \"opus\"\n}\n";
    assert_eq!(without(&changed).unwrap(), expected);
    let made = install(Agent::Claude, "{}").unwrap().replacen("\"hooks\": {", "\"hooks\": { // mine", 1);
    assert_eq!(without(&made).unwrap(), "{\n  \"hooks\": { // mine\n  }\n}");
    // A list that is not ours alone, because somebody else's hook is in it by now.
    let list =
        installed.replacen("\"SessionEnd\": [", "\"SessionEnd\": [{\"hooks\": [{\"command\": \"x\"}]},", 1);
    assert!(without(&list).unwrap().contains("\"SessionEnd\": [{\"hooks\": [{\"command\": \"x\"}]}\n    ]"));
}

#[test]
fn a_byte_order_mark_stays_in_front() {
    for text in ["\u{feff}{}\n", "\u{feff}{\r\n  \"hooks\": {}, // a\r\n}"] {
        let installed = install(Agent::Claude, text).unwrap();
        assert!(installed.starts_with("\u{feff}{") && installed.contains(PROGRAM), "{installed:?}");
        assert_eq!(install(Agent::Claude, &installed).unwrap(), installed);
        assert_eq!(without(&installed).unwrap(), text);
    }
    let seeded = install(Agent::Cursor, "\u{feff}").unwrap();
    assert!(seeded.starts_with("\u{feff}{\n  \"version\": 1"), "{seeded:?}");
}
