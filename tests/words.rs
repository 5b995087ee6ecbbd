//! A word that is typed for a service means the same server to each command, in each folder of the worktree (R160).

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::stack::{Stack, named};
use crate::support::{Agent, Output, PRINTS_PORT, finish, lacks_tool};

const FOLDERS: [&str; 5] = [".", "apps/api", "apps/web", "apps/web/src", "tools"];

/// A worktree with two packages, and beside them one that is none of the services.
fn worktree(services: &Value) -> Stack {
    let stack = Stack::new(services).with_own_dev();
    let root = stack.home.project();
    fs::create_dir_all(root.join("apps/web/src")).unwrap();
    for (folder, name) in [("apps/api", "api"), ("apps/web", "web"), ("tools", "tools")] {
        let (at, script) = (root.join(folder), format!("python3 server.py {name}"));
        fs::create_dir_all(&at).unwrap();
        let script = if name == "tools" { json!({}) } else { json!({ "dev": script }) };
        let package = json!({ "name": name, "scripts": script });
        fs::write(at.join("package.json"), package.to_string()).unwrap();
        fs::copy(root.join("server.py"), at.join("server.py")).unwrap();
    }
    stack
}

fn of_file() -> Stack {
    let server = |name: &str| format!("exec python3 server.py {name}");
    worktree(&json!({
        "api": { "run": server("api"), "cwd": "apps/api", "ready": "/" },
        "web": { "run": server("web"), "cwd": "apps/web", "type": "dev", "ready": "/" },
    }))
}

/// The same without a file: what says it instead.
fn of(file: &str, text: &str) -> Stack {
    let stack = worktree(&json!({}));
    let root = stack.home.project();
    fs::remove_file(root.join(".styxy.json")).unwrap();
    fs::write(root.join(file), text).unwrap();
    stack
}

fn styxy(stack: &Stack, folder: &str, words: &[&str]) -> Output {
    let folder: PathBuf = stack.home.project().join(folder);
    finish(stack.home.styxy_command(words).current_dir(folder))
}

/// Asks each command in each folder for the services `api` and `web`, which run.
fn is_one_server_to_all(stack: &Stack) {
    let up = stack.up();
    let keys = stack.home.leases().len();
    let ports = ["api", "web"].map(|word| (word, named(&up, word)["port"].to_string()));
    for folder in FOLDERS {
        for (word, port) in &ports {
            let json = |words: &[&str]| styxy(stack, folder, words).done().json();
            let at = format!("{word} in {folder}");
            let env = json(&["env", word, "--json"]);
            assert_eq!(env["PORT"], json!(port), "env {at}");
            assert_eq!(env[format!("STYXY_{}_PORT", word.to_uppercase())], json!(port), "env {at}");
            for command in ["check", "wait", "who", "open", "verify"] {
                let more: &[&str] = if command == "open" { &["--print"] } else { &[] };
                let said = json(&[&[command, word, "--json"], more].concat());
                assert_eq!(said["port"].to_string(), *port, "{command} {at}: {said}");
            }
            let said = styxy(stack, folder, &["run", "-s", word, "--once", "--", "false"]).done();
            assert_eq!(said.stdout.trim(), format!("http://localhost:{port}"), "run --once {at}");
        }
    }
    assert_eq!(stack.home.leases().len(), keys, "nothing else is leased");
    for (folder, (word, port)) in FOLDERS.iter().zip(ports.iter().cycle()) {
        styxy(stack, folder, &["kill", word, "--yes"]).done();
        assert_eq!(stack.service(word)["state"], "ended", "kill {word} in {folder}");
        let said = styxy(stack, folder, &[&["run", "-s", word, "--"], PRINTS_PORT].concat()).done();
        assert_eq!(said.stdout.trim(), port, "run {word} in {folder}");
        let said = styxy(stack, folder, &["allocate", "-s", word, "--reuse", "-q"]).done();
        assert_eq!(said.stdout.trim(), port, "allocate {word} in {folder}");
        styxy(stack, folder, &["release", word]).done();
        let place = stack.home.project().join(folder);
        let mut agent = Agent::new(&stack.home);
        let leased = agent.port(&json!({ "service": word, "project": place }));
        assert_eq!(leased.to_string(), *port, "allocate_port {word} in {folder}");
        // It is the worktree's, and stays when the session's server has ended (R68).
        drop(agent);
        assert_eq!(named(&stack.up(), word)["port"].to_string(), *port, "up {word} after {folder}");
    }
}

#[test]
fn a_word_is_the_service_of_the_file() {
    is_one_server_to_all(&of_file());
}

#[test]
fn a_word_is_the_process_of_a_procfile() {
    is_one_server_to_all(&of("Procfile.dev", "web: python3 server.py web\napi: python3 server.py api\n"));
}

#[test]
fn a_word_is_the_package_of_a_workspace() {
    if lacks_tool("npm") {
        return;
    }
    let root = json!({ "workspaces": ["apps/*"], "scripts": { "dev": "npm run dev --workspaces" } });
    let stack = of("package.json", &root.to_string());
    is_one_server_to_all(&stack);
}

#[test]
fn another_server_of_the_type_is_not_the_service() {
    let stack = of("Procfile.dev", "web: python3 server.py web\napi: python3 server.py api\n");
    stack.styxy(&["up", "-d", "api"]).done();
    stack.styxy(&["down", "web"]);
    for command in ["who", "open", "verify"] {
        let said = stack.styxy(&[command, "web"]);
        assert_ne!(said.code, 0, "{command}: {said:?}");
    }
}

#[test]
fn a_word_that_means_nothing_is_refused_where_the_services_are_listed() {
    let stack = of_file();
    for folder in FOLDERS {
        let said = styxy(&stack, folder, &["env", "wbe"]).exits(2);
        assert_eq!(said.stdout, "");
        assert!(said.stderr.contains("there is no service \"wbe\"; there are api, web"), "{}", said.stderr);
        assert!(said.stderr.contains("styxy env web"), "{}", said.stderr);
    }
    assert!(stack.home.leases().is_empty());
    // A service type may be leased for what the file does not name, and so may any word by whoever leases.
    styxy(&stack, "tools", &["env", "dev"]).done();
    stack.home.configure(&json!({ "strict_service_types": false }));
    stack.styxy(&["daemon", "restart"]).done();
    let port = stack.home.spare_port().to_string();
    let said = stack.styxy(&["allocate", "-s", "wbe", "-p", &port, "-q"]).done();
    assert_eq!(stack.styxy(&["env", "wbe", "--json"]).done().json()["PORT"], said.stdout.trim());
    // A word that is like none of the services is a type, as in 0.1.0.
    let mut command = stack.home.styxy_command(&["env", "metrics"]);
    let said = finish(command.env("PORT", stack.home.spare_port().to_string())).done();
    assert!(
        said.stderr.contains("metrics is none of this worktree's services (api, web)"),
        "{}",
        said.stderr
    );
    let said = stack.styxy(&["env", "web", "web"]).exits(2);
    assert!(said.stderr.contains("name each service once"), "{}", said.stderr);
}

#[test]
fn what_the_file_gives_no_port_leases_none_in_any_folder() {
    let server = "exec python3 server.py web";
    let stack = worktree(&json!({
        "css": { "run": "exec sleep 1000", "port": false },
        "web": { "type": "dev", "run": server, "cwd": "apps/web", "ready": "/" },
    }));
    for folder in FOLDERS {
        for words in [&["env", "css"][..], &["env", "web", "css"], &["allocate", "-s", "css", "-q"]] {
            let said = styxy(&stack, folder, words).exits(2);
            assert!(said.stderr.contains("css takes no port"), "{words:?} in {folder}: {}", said.stderr);
        }
        let said = styxy(&stack, folder, &["run", "-s", "css", "--", "sh", "-c", "echo ${PORT-none}"]).done();
        assert_eq!(said.stdout.trim(), "none", "in {folder}");
        assert!(said.stderr.contains("css takes no port"), "{}", said.stderr);
        let mut agent = Agent::new(&stack.home);
        let asked = json!({ "service": "css", "project": stack.home.project().join(folder) });
        assert!(agent.refused("allocate_port", &asked).text().contains("css takes no port"));
    }
    assert!(stack.home.leases().is_empty(), "{:?}", stack.home.leases());
    let both = [&["run", "-s", "css", "-s", "web", "--"], PRINTS_PORT].concat();
    let port = styxy(&stack, "tools", &both).done().stdout;
    assert!(port.trim().parse::<u16>().is_ok(), "{port}");
    // With a name it is a type.
    stack.styxy(&["env", "dev", "-n", "other"]).done();
}

#[test]
fn a_service_without_a_port_is_said_to_run_and_is_waited_for() {
    let stack = worktree(&json!({
        "job": { "run": "exec sleep 1000", "port": false },
        "once": { "run": "exit 0", "port": false },
        "bad": { "run": "exit 3", "port": false },
    }));
    let early = stack.styxy(&["wait", "job", "--timeout", "0"]).exits(1);
    assert!(early.stderr.contains("styxy up has not started it"), "{}", early.stderr);
    let refused = stack.styxy(&["env", "job"]).exits(2);
    assert!(refused.stderr.contains("job takes no port"), "{}", refused.stderr);
    stack.styxy(&["up", "-d", "job", "once"]).done();
    for folder in [".", "apps/web"] {
        let waited = styxy(&stack, folder, &["wait", "job", "--timeout", "20"]).done();
        assert!(waited.stdout.starts_with("job: running, pid "), "{}", waited.stdout);
        for command in ["who", "open", "check", "verify", "release"] {
            let said = styxy(&stack, folder, &[command, "job"]).exits(1);
            assert!(said.stderr.contains("job takes no port; it runs (pid "), "{command}: {}", said.stderr);
        }
    }
    let waited = stack.styxy(&["wait", "once", "--json"]).done().json();
    assert_eq!(waited["success"], json!(true));
    let said = stack.styxy(&["kill", "job", "--yes"]).exits(1);
    assert!(said.stderr.contains("styxy down job"), "{}", said.stderr);
    stack.styxy(&["up", "-d", "bad"]).exits(1);
    let said = stack.styxy(&["wait", "bad"]).exits(1);
    assert!(said.stderr.contains("bad: failed"), "{}", said.stderr);
    stack.styxy(&["wait", "job", "--http", "/"]).exits(2);
    assert!(stack.home.leases().is_empty());
}
