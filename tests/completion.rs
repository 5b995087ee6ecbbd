//! Completion as a person meets it: Tab in a real shell on a real terminal. Shells that are not installed are skipped, and
//! the test says so; bash is always there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Home, Need, Server, Terminal, finish, kill, lacks, sort};

/// A home with a lease that listens, one that waits, a session, a file of the project and a package with scripts.
fn stage() -> (Home, u16, Server) {
    let home = Home::new();
    let project = home.project();
    fs::write(project.join(".styxy.json"), r#"{"services": {"web": {"name": "front"}, "docs": {}}}"#)
        .unwrap();
    fs::write(
        project.join("package.json"),
        r#"{"scripts": {"dev": "vite", "deploy:all": "true", "test": "true"}}"#,
    )
    .unwrap();
    let ask = json!({ "service_type": sort::WEB, "service_name": "front", "project_path": project });
    let port = home.allocate(&ask).port.get();
    let session = json!({ "instance_id": "claude-51204", "working_directory": project });
    home.socket().post("/instance/register", &session);
    let server = Server::on(&home, port);
    (home, port, server)
}

/// A shell with the completion script where its users put it. None if there is no such shell.
fn shell(home: &Home, name: &str) -> Option<Terminal> {
    if lacks(Need::Shells, Command::new(name).arg("--version")) {
        return None;
    }
    let folder = home.top().join("user");
    let script = home.styxy(&["completions", name]).done().stdout;
    let put = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let words: &[&str] = match name {
        "bash" => {
            put(
                "bashrc",
                &format!("{script}\nbind 'set bell-style none'; bind 'set enable-bracketed-paste off'\n"),
            );
            &["bash", "--noprofile", "--rcfile", "../user/bashrc", "-i"]
        }
        "zsh" => {
            put("functions/_styxy", &script);
            put(
                ".zshrc",
                "fpath=(~/functions $fpath); autoload -U compinit; compinit -u -D; PS1='$ '; unsetopt zle_bracketed_paste\n",
            );
            &["zsh", "-i"]
        }
        "fish" => {
            put(".config/fish/completions/styxy.fish", &script);
            put(
                ".config/fish/config.fish",
                "function fish_prompt; echo -n '$ '; end; function fish_greeting; end\n",
            );
            &["fish", "-i"]
        }
        _ => panic!("{name}"),
    };
    let mut terminal = Terminal::of(home, words, &folder);
    terminal.resizes(40, 160);
    terminal.types("echo rea\"\"dy\r");
    terminal.sees("ready\r\n");
    Some(terminal)
}

/// Types the beginning of a line and Tab, and waits for what is to be there then.
fn completes(terminal: &mut Terminal, typed: &str, expected: &str) {
    terminal.types(typed);
    terminal.types("\t");
    terminal.sees(expected);
    // Ctrl-U: the line is thrown away.
    terminal.types("\x15");
    terminal.types("echo nex\"\"t\r");
    terminal.sees("next\r\n");
}

#[test]
fn tab_completes_commands_options_ports_services_sessions_and_scripts_in_every_shell() {
    for name in ["bash", "zsh", "fish"] {
        let (home, leased, _server) = stage();
        // Nobody leased this one; no other port of this home begins with its first four digits.
        let other = home.spare_port();
        let _other = Server::on(&home, other);
        let Some(mut terminal) = shell(&home, name) else { continue };
        let [leased, other] = [leased, other].map(|port| port.to_string());
        for (typed, expected) in [
            ("styxy alloc", "ate"),
            ("styxy list --inst", "ance"),
            (&*format!("styxy check {}", &other[..4]), &other[4..]),
            (&*format!("styxy release {}", &leased[..4]), &leased[4..]),
            ("styxy open web/f", "ront"),
            ("styxy env doc", "s"),
            ("styxy list --instance cla", "ude-51204"),
            ("styxy list --instance=cla", "ude-51204"),
            ("styxy run -- npm run deplo", "y"),
        ] {
            println!("{name}: {typed}");
            completes(&mut terminal, typed, expected);
        }
    }
}

#[test]
fn behind_run_the_commands_own_completion_counts() {
    for name in ["bash", "zsh", "fish"] {
        let (home, _, _server) = stage();
        let Some(mut terminal) = shell(&home, name) else { continue };
        // Of a command of ours, and of a program in PATH.
        let define = match name {
            "bash" => {
                "_shop() { COMPREPLY=(checkout-$COMP_CWORD-${#COMP_WORDS[@]}); }; complete -F _shop shop"
            }
            "zsh" => "_shop() { compadd checkout-$((CURRENT - 1))-$#words }; compdef _shop shop",
            _ => "complete -c shop -f -a 'checkout-1-2'",
        };
        terminal.types(&format!("{define}\r"));
        completes(&mut terminal, "styxy run -q -- shop che", "ckout-1-2");
        completes(&mut terminal, "styxy run -- setsi", "d");
    }
}

#[test]
fn bash_offers_a_program_once_that_is_in_several_folders() {
    let (home, _, _server) = stage();
    let Some(mut terminal) = shell(&home, "bash") else { return };
    for folder in ["one", "two"] {
        for name in ["shoppe-a", "shoppe-b"] {
            let file = home.project().join(folder).join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    terminal.types("PATH=$PWD/one:$PWD/two:$PATH; bind 'set show-all-if-ambiguous on'\r");
    terminal.types("styxy run shoppe");
    terminal.sees("styxy run shoppe");
    terminal.types("\t");
    let listed = terminal.sees("styxy run shoppe-");
    for name in ["shoppe-a", "shoppe-b"] {
        assert_eq!(listed.matches(name).count(), 1, "{listed}");
    }
}

#[test]
fn the_project_of_a_list_is_completed_with_the_names_in_it() {
    let (home, _, _server) = stage();
    let names = complete(&home, &["list", "--project", ""]).0;
    let list = home.styxy(&["list", "--json"]).done().stdout;
    assert!(names.starts_with("project\t/"), "{names} {list}");
    assert_eq!(complete(&home, &["list", "--project", "pro"]).0, names);
    for folder in ["src", "./", "../pro", "/"] {
        assert_eq!(complete(&home, &["list", "--project", folder]).0, "\tfolders\n", "{folder}");
    }
}

#[test]
fn with_nothing_typed_behind_run_the_scripts_come_alone() {
    for name in ["bash", "zsh", "fish"] {
        let (home, _, _server) = stage();
        let Some(mut terminal) = shell(&home, name) else { continue };
        // Fish inserts one word only.
        let (inserted, rest) = if name == "fish" { ("npm ", "run deplo") } else { ("npm run ", "deplo") };
        terminal.types("styxy run -q \t");
        terminal.sees(inserted);
        completes(&mut terminal, rest, "y");
        fs::write(home.project().join("package.json"), r#"{"scripts": {"it's $HOME": "true"}}"#).unwrap();
        let whole = if name == "fish" { "npm " } else { r"npm run 'it'\''s $HOME'" };
        completes(&mut terminal, "styxy run ", whole);
    }
    let (home, _, _server) = stage();
    let said = |words: &[&str]| complete(&home, words).0;
    assert_eq!(said(&["run", ""]), "npm\truns deploy:all, dev, test\n");
    assert_eq!(
        [said(&["run", "n"]), said(&["run", "--", ""])],
        ["\t2\n", "\t3\n"],
        "what is in PATH, which the shell knows"
    );
    fs::remove_file(home.project().join("package.json")).unwrap();
    let said = said(&["run", ""]);
    assert!(said.contains("--service\t") && said.lines().all(|line| line.starts_with('-')), "{said}");
}

#[test]
fn folders_are_completed_by_the_shell() {
    for name in ["bash", "zsh", "fish"] {
        let (home, _, _server) = stage();
        fs::create_dir(home.project().join("a folder of mine")).unwrap();
        fs::write(home.project().join("a file of mine"), "").unwrap();
        let Some(mut terminal) = shell(&home, name) else { continue };
        completes(&mut terminal, "styxy list --project a", "\\ folder\\ of\\ mine");
    }
}

/// What `styxy complete` says, and how long that took.
fn complete(home: &Home, words: &[&str]) -> (String, Duration) {
    let index = words.len().to_string();
    let line = [&["complete", "fish", &index, "--", "styxy"], words].concat();
    let since = Instant::now();
    let said = home.styxy(&line);
    let took = since.elapsed();
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{words:?}");
    (said.stdout, took)
}

#[test]
fn without_a_daemon_none_is_started_and_nothing_is_said_of_it() {
    let home = Home::new();
    let (said, _) = complete(&home, &["open", ""]);
    assert!(said.lines().all(|line| line.starts_with("--")), "nothing but options: {said}");
    assert!(complete(&home, &["env", "we"]).0.starts_with("web"), "the configuration knows it");
    assert!(home.daemon_file().is_none(), "no daemon was started");
}

#[test]
fn a_daemon_that_does_not_answer_keeps_nobody_waiting() {
    let (home, _, _server) = stage();
    let pid = home.daemon_file().unwrap().pid.get();
    kill(pid, Signal::STOP);
    let said = complete(&home, &["check", ""]);
    kill(pid, Signal::CONT);
    // The limit is a quarter of a second; the machine may be busy.
    assert!(said.1 < Duration::from_secs(5), "{said:?}");
    assert!(said.0.contains("web/front") && !said.0.contains("node"), "what the file says: {said:?}");
}

#[test]
fn a_candidate_says_what_it_is_and_no_name_of_others_forges_one() {
    let (home, port, server) = stage();
    let (said, _) = complete(&home, &["kill", &port.to_string()]);
    assert!(said.starts_with(&format!("{port}\tweb/front, ")), "{said}");
    assert!(said.contains(&format!("({})", server.pid())) && said.trim_end().ends_with("project"), "{said}");
    fs::write(home.project().join("package.json"), r#"{"scripts": {"a\nstyxy-forged": "b\u001b[2J\nc"}}"#)
        .unwrap();
    let (said, _) = complete(&home, &["run", "--", "npm", "run", ""]);
    assert_eq!(said, "a\\nstyxy-forged\tb\\u{1b}[2J\\nc\n");
}

#[test]
fn broken_questions_have_no_answer() {
    let home = Home::new();
    fs::write(home.project().join(".styxy.json"), "{").unwrap();
    for words in [
        &["nonsense", ""][..],
        &["run", "--nonsense", ""],
        &["", ""],
        &["open", "--", ""],
        &["list", "--port=", ""],
    ] {
        complete(&home, words);
    }
    let far = finish(&mut home.styxy_command(&["complete", "bash", "99999999", "--", "styxy"]));
    assert_eq!((far.code, far.stdout.as_str()), (0, ""), "{far:?}");
}

#[test]
fn every_script_is_one_that_its_shell_reads() {
    let home = Home::new();
    for (shell, check) in [("bash", "bash -n"), ("zsh", "zsh -n"), ("fish", "fish --no-execute")] {
        let script = home.styxy(&["completions", shell]).done().stdout;
        let path = home.top().join(shell);
        fs::write(&path, script).unwrap();
        let words: Vec<&str> = check.split(' ').collect();
        if lacks(Need::Shells, Command::new(shell).arg("--version")) {
            continue;
        }
        let read = Command::new(words[0]).args(&words[1..]).arg(&path).output().unwrap();
        assert!(read.status.success(), "{read:?}");
    }
    let script = home.styxy(&["completions", "powershell"]).done().stdout;
    assert!(script.contains("Register-ArgumentCompleter -Native -CommandName styxy"));
}
