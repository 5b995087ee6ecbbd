//! Each package of a checkout has its own ports, whatever is started first.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use styxy_core::api::{AllocationsAnswer, WaitAnswer};

use crate::support::{Home, NOTHING, Output, PRINTS_PORT, Server, finish, program, sort};

/// A monorepo with the packages `web` and `api`, and a folder of `web` without a manifest.
fn packages(home: &Home) -> [PathBuf; 2] {
    fs::write(home.project().join("package.json"), r#"{"workspaces": ["packages/*"]}"#).unwrap();
    ["web", "api"].map(|name| {
        let package = home.project().join("packages").join(name);
        fs::create_dir_all(package.join("src")).unwrap();
        fs::write(package.join("package.json"), "{}").unwrap();
        package
    })
}

#[track_caller]
fn run_in(home: &Home, folder: &Path, words: &[&str]) -> Output {
    finish(home.styxy_command(words).current_dir(folder))
}

#[track_caller]
fn ran(home: &Home, folder: &Path) -> u16 {
    let said = run_in(home, folder, &[&["run", "-s", sort::WEB, "--"], PRINTS_PORT].concat()).done();
    assert_eq!(said.stderr, "");
    said.stdout.trim().parse().unwrap()
}

#[track_caller]
fn told(home: &Home, folder: &Path) -> u16 {
    let said = run_in(home, folder, &["env", sort::WEB, "--json"]).done().stdout;
    let variables: Value = serde_json::from_str(&said).unwrap();
    variables["PORT"].as_str().unwrap().parse().unwrap()
}

/// The names of the leases of the project, by port.
fn named(home: &Home, port: u16) -> Option<String> {
    let leases: AllocationsAnswer = home.styxy(&["list", "--json"]).done().wire();
    let lease = leases.allocations.into_iter().find(|lease| lease.port.get() == port).expect("a lease");
    lease.service_name.map(|name| name.as_str().to_owned())
}

#[test]
fn two_packages_keep_their_ports_in_whatever_order_they_start() {
    let home = Home::new();
    let [web, api] = packages(&home);
    let first = told(&home, &web);
    let second = told(&home, &api.join("src"));
    assert_ne!(first, second);
    assert_eq!(named(&home, first).as_deref(), Some("packages.web"));
    for _ in 0..2 {
        assert_eq!((ran(&home, &api), ran(&home, &web)), (second, first));
        assert_eq!((told(&home, &api), told(&home, &web)), (second, first));
    }
    let root = told(&home, &home.project());
    assert!(![first, second].contains(&root));
    assert_eq!(named(&home, root), None);
    let listed = home.styxy(&["list"]).done().stdout;
    assert!(listed.contains("web/packages.web") && listed.contains("web/packages.api"), "{listed}");
}

#[test]
fn open_and_wait_mean_the_packages_own_server_and_at_the_root_the_only_one() {
    let home = Home::new();
    let [web, api] = packages(&home);
    let port = told(&home, &web);
    let _server = Server::in_folder(&home, &web, port);
    let waited: WaitAnswer = run_in(&home, &web, &["wait", sort::WEB, "--json"]).done().wire();
    assert_eq!(waited.port.get(), port);
    run_in(&home, &api, &["wait", sort::WEB, "--timeout", "0"]).exits(1);
    let refused = run_in(&home, &api, &["open", sort::WEB, "--print"]).exits(1);
    assert!(refused.stderr.contains("no lease for web/packages.api"), "{}", refused.stderr);
    let url = format!("http://localhost:{port}\n");
    for folder in [&web, &home.project()] {
        assert_eq!(run_in(&home, folder, &["open", sort::WEB, "--print"]).done().stdout, url);
    }
    told(&home, &api);
    let refused = home.styxy(&["open", sort::WEB, "--print"]).exits(1);
    let both = "web/packages.api, web/packages.web";
    assert!(refused.stderr.contains(both), "{}", refused.stderr);
    assert!(home.styxy(&["wait", sort::WEB, "--timeout", "0"]).exits(1).stderr.contains(both));
    let named = home.styxy(&["open", sort::WEB, "-n", "packages.web", "--print"]).done();
    assert_eq!(named.stdout, url);
}

#[test]
fn a_name_that_was_typed_or_is_in_the_file_wins_over_the_packages() {
    let home = Home::new();
    let [web, api] = packages(&home);
    let typed = ["run", "-s", sort::WEB, "-n", "site", "--", program(), "list", "--json"];
    let command = |folder: &Path| {
        let listed = run_in(&home, folder, &typed).done().wire::<AllocationsAnswer>();
        listed.allocations[0].service_name.clone()
    };
    assert_eq!(command(&web).unwrap().as_str(), "site");
    let file = json!({ "services": { sort::WEB: { "name": "shop" } } });
    fs::write(api.join(".styxy.json"), file.to_string()).unwrap();
    assert_eq!(named(&home, told(&home, &api)).as_deref(), Some("shop"));
}

#[test]
fn a_port_in_the_roots_file_is_the_first_packages_and_stays_it() {
    let home = Home::new();
    let [web, api] = packages(&home);
    let port = home.spare_port();
    let file = json!({ "services": { sort::WEB: { "port": port } } });
    fs::write(home.project().join(".styxy.json"), file.to_string()).unwrap();
    assert_eq!(ran(&home, &web), port);
    let second = ran(&home, &api);
    assert_ne!(second, port, "whoever starts first does not take it");
    assert_eq!(ran(&home, &web), port);
    let own = home.spare_port();
    let file = json!({ "services": { sort::WEB: { "port": own } } });
    fs::write(api.join(".styxy.json"), file.to_string()).unwrap();
    assert_eq!(ran(&home, &api), own, "a file of its own counts");
    let typed = home.spare_port().to_string();
    run_in(&home, &web, &[&["run", "-s", sort::WEB, "-p", &typed, "--"], NOTHING].concat()).done();
}

#[test]
#[cfg(unix)]
fn what_was_started_at_the_root_hands_its_port_over_to_the_package() {
    let home = Home::new();
    let [web, _] = packages(&home);
    let inner =
        format!("cd {} && echo $PORT && $STYXY run -s {} -- sh -c 'echo $PORT'", web.display(), sort::WEB);
    let script = format!("$STYXY run -s {} -- sh -c \"{}\"", sort::WEB, inner.replace('$', "\\$"));
    let said = finish(&mut home.shell(&script)).done().stdout;
    let ports: Vec<&str> = said.lines().collect();
    assert_eq!(ports.len(), 2, "{said}");
    assert_eq!(ports[0], ports[1]);
}

#[test]
fn an_older_lease_without_a_name_gives_its_port_to_the_first_package() {
    let home = Home::new();
    let [web, api] = packages(&home);
    home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.other_project() }));
    // As 0.1.0 asked: no package, and not which folder it is.
    let before = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    home.styxy(&["release", &before.port.to_string()]).done();
    assert_eq!(ran(&home, &web), before.port.get());
    assert_ne!(ran(&home, &api), before.port.get());
    assert_eq!(ran(&home, &web), before.port.get());
}
