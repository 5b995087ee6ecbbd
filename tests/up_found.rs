//! What `styxy up` starts where no file names services: the processes of a Procfile, the packages of a workspace, one script (R150).

use std::fs;

use serde_json::{Value, json};
use styxy_core::api::State;

use crate::support::stack::{Stack, named, services};
use crate::support::{finish, lacks_tool, sort, until};

/// A worktree with these files, and `server.py`.
fn worktree(files: &[(&str, &str)]) -> Stack {
    let stack = Stack::new(&json!({}));
    let dev = stack.home.range(sort::MANY);
    let dev = json!({ "range": [dev.start(), dev.end()], "preferred_ports": [] });
    stack.home.configure(&json!({ "service_types": { "dev": dev } }));
    let root = stack.home.project();
    fs::remove_file(root.join(".styxy.json")).unwrap();
    for (file, text) in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    stack
}

fn workspace(dev: &str) -> Stack {
    let root = json!({ "workspaces": ["apps/*"], "scripts": { "dev": dev } }).to_string();
    let package = |name: &str| {
        let dev = format!("python3 ../../server.py {name}");
        json!({ "name": format!("@shop/{name}"), "version": "1.0.0", "scripts": { "dev": dev } }).to_string()
    };
    worktree(&[
        ("package.json", &root),
        ("apps/web/package.json", &package("web")),
        ("apps/api/package.json", &package("api")),
    ])
}

#[test]
fn the_processes_of_a_procfile_run_and_know_each_other() {
    let stack = worktree(&[
        (
            "Procfile.dev",
            "web: python3 server.py web\napi: cd api && python3 ../server.py api\nonce: echo done\n",
        ),
        ("api/package.json", "{}"),
    ]);
    let up = stack.up();
    let (web, api) = (named(&up, "web"), named(&up, "api"));
    assert_eq!((&web["state"], &api["state"]), (&json!("ready"), &json!("ready")), "{up:?}");
    assert!(named(&up, "once")["port"].is_null(), "echo serves nothing: {up:?}");
    assert!(stack.ask("web", "STYXY_API_URL").ends_with(api["url"].as_str().unwrap()));
    let leases = stack.home.leases();
    let of =
        |service: &Value| leases.iter().find(|lease| json!(lease.port) == service["port"]).unwrap().clone();
    assert_eq!(of(&web).service_name.unwrap().as_str(), "web");
    assert_eq!(of(&api).service_name.unwrap().as_str(), "api", "the name of its package");
    let said = stack.styxy(&["up", "--print"]).done();
    assert!(
        said.stdout
            .contains("web: the process web of Procfile.dev runs a program that gets its port in PORT"),
        "{said:?}"
    );
}

#[test]
fn the_variables_of_a_guessed_stack_are_those_of_its_services_and_nothing_else_is_leased() {
    let stack = worktree(&[("Procfile.dev", "web: python3 server.py web\napi: python3 server.py api\n")]);
    let env = stack.styxy(&["env", "--json"]).done().json();
    let leases = stack.home.leases();
    assert_eq!(leases.len(), 2, "{leases:?}");
    let up = stack.up();
    for (service, variable) in [("web", "STYXY_WEB_PORT"), ("web", "PORT"), ("api", "STYXY_API_PORT")] {
        assert_eq!(env[variable], json!(named_port(&up, service)), "{variable}: {env}");
    }
    assert_eq!(env["STYXY_API_URL"], named(&up, "api")["url"], "{env}");
    assert_eq!(stack.home.leases().len(), 2);
    let pid = stack.pid("web");
    stack.styxy(&["init", "--write"]).done();
    stack.up();
    assert_eq!(stack.pid("web"), pid, "the file says the same");
    assert_eq!(stack.styxy(&["down", "api", "web"]).done().stdout.lines().count(), 2);
}

fn named_port(services: &[Value], name: &str) -> String {
    named(services, name)["port"].to_string()
}

#[test]
fn the_packages_of_a_workspace_have_the_ports_that_they_have_by_styxy_run() {
    if lacks_tool("npm") {
        return;
    }
    let stack = workspace("npm run dev --workspaces");
    let up = stack.up();
    let port = |services: &[Value], name: &str| named(services, name)["port"].as_u64().unwrap();
    assert_eq!(up.len(), 2, "{up:?}");
    assert!(stack.ask("web", "STYXY_API_PORT").ends_with(&format!(" {}", port(&up, "api"))));
    stack.styxy(&["down"]).done();
    for name in ["web", "api"] {
        let folder = stack.home.project().join("apps").join(name);
        let mut run = stack.home.styxy_command(&["run", "-q", "--", "printenv", "PORT"]);
        let run = finish(run.current_dir(folder)).done();
        assert_eq!(run.stdout.trim(), port(&up, name).to_string(), "{name}");
    }
    // The file that is proposed is for the same services, on the same ports.
    stack.styxy(&["init", "--write"]).done();
    let again = stack.up();
    for name in ["web", "api"] {
        assert_eq!(port(&again, name), port(&up, name), "{name}: {again:?}");
    }
}

#[test]
fn a_script_that_does_more_than_start_packages_starts_nothing_and_a_file_is_proposed() {
    let stack = workspace("node translate.js && npm run dev --workspaces");
    let refusal = stack.styxy(&["up", "-d", "--json"]).exits(2).refusal();
    assert!(refusal.error.ends_with("starts packages, but it runs other commands too"), "{refusal}");
    assert!(refusal.details["proposal"].as_str().unwrap().contains(r#""cwd": "apps/web""#), "{refusal}");
    assert!(stack.home.leases().is_empty());
    let printed = stack.styxy(&["init"]).done();
    assert_eq!(json!(printed.stdout), refusal.details["proposal"]);
    assert!(
        printed.stderr.contains("note: what the script dev does beside that: it runs other commands too."),
        "{printed:?}"
    );
}

#[test]
fn what_would_run_is_printed_with_the_reason_for_each() {
    let stack = workspace("npm run dev --workspaces");
    let printed = stack.styxy(&["up", "--print"]).done().stdout;
    for line in [
        "api: npm run dev in apps/api (may serve): starts",
        "web: npm run dev in apps/web (may serve): starts",
        "the script dev is npm run dev --workspaces, which starts these packages",
        "web: the script dev of apps/web runs a program that gets its port in PORT",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}: {printed}");
    }
    assert!(stack.home.leases().is_empty());
    let empty = worktree(&[("readme", "")]);
    let refusal = empty.styxy(&["up", "--json"]).exits(2).refusal();
    assert!(refusal.error.contains("does not say what is to run"), "{refusal}");
    let broken = worktree(&[("package.json", "{")]);
    assert!(broken.styxy(&["up", "--json"]).exits(2).refusal().error.contains("package.json: EOF"));
    let services = services(&empty.styxy(&["ps", "--json"]).done());
    assert!(services.is_empty(), "{services:?}");
}

/// What runs each of its arguments in a shell, all together, as concurrently does.
const TOGETHER: &str = "#!/bin/sh\nfor command; do sh -c \"$command\" & done\nwait\n";

#[test]
fn the_first_of_several_servers_has_the_lease_of_the_service_in_whatever_package_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let runner = "node_modules/.bin/concurrently";
    let stack =
        worktree(&[(runner, TOGETHER), ("apps/web/package.json", "{}"), ("apps/api/package.json", "{}")]);
    let runner_file = stack.home.project().join(runner);
    fs::set_permissions(runner_file, fs::Permissions::from_mode(0o755)).unwrap();
    let server = |name: &str| format!("'cd apps/{name} && python3 ../../server.py {name}'");
    let run = format!("{runner} {} {}", server("web"), server("api"));
    stack.say(&json!({ "all": { "run": run, "type": "dev", "ready": "/" } }));
    let up = stack.up();
    let all = named(&up, "all");
    assert_eq!(all["state"], "ready");
    until("both listen, on leases of their own", || {
        let leases = stack.home.leases();
        leases.len() == 2 && leases.iter().all(|lease| lease.state == State::Active)
    });
    assert!(stack.ask("all", "").starts_with("web "));
}
