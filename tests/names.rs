//! Each server has a name that stays the same, and every command shows and takes it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use styxy_core::api::{Code, Grant, KillAnswer, WaitAnswer, WhoAnswer, Whose};

use crate::support::{Home, Output, Server, finds, finish, sort};

/// `styxy` with these words, run in `folder`.
#[track_caller]
fn styxy_in(home: &Home, folder: &Path, words: &[&str]) -> Output {
    finish(home.styxy_command(words).current_dir(folder))
}

/// What a server of the type `web` is called that `styxy run` starts in `folder`.
#[track_caller]
fn name_in(home: &Home, folder: &Path) -> String {
    let words = ["run", "-q", "-s", sort::WEB, "--", "sh", "-c", "echo $STYXY_NAMED_URL"];
    let url = styxy_in(home, folder, &words).done().stdout;
    let end = format!(":{}\n", home.listen_port());
    url.strip_prefix("http://")
        .and_then(|url| url.strip_suffix(&end))
        .unwrap_or_else(|| panic!("{url}"))
        .to_owned()
}

/// git in `folder`, with nobody's settings.
#[track_caller]
fn git(home: &Home, folder: &Path, words: &[&str]) {
    let user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"];
    finish(home.command("git").current_dir(folder).args(user).args(words)).done();
}

/// A repository with one commit.
fn repository(home: &Home, path: &str) -> PathBuf {
    let folder = home.top().join(path);
    fs::create_dir_all(&folder).unwrap();
    git(home, &folder, &["init", "-q"]);
    git(home, &folder, &["commit", "-q", "--allow-empty", "-m", "first"]);
    folder
}

#[test]
fn a_worktree_keeps_its_name_over_restarts_on_other_branches_and_when_it_is_moved() {
    let home = Home::new();
    let shop = repository(&home, "one/shop");
    let [login, moved] = ["one/login", "elsewhere/moved"].map(|path| home.top().join(path));
    git(&home, &shop, &["worktree", "add", "-q", "-b", "feature/auth", login.to_str().unwrap()]);
    assert_eq!(name_in(&home, &shop), "web.shop.localhost");
    assert_eq!(name_in(&home, &login), "web.login-shop.localhost");
    home.kill_daemon();
    git(&home, &login, &["switch", "-q", "-c", "fix/auth"]);
    assert_eq!(name_in(&home, &login), "web.login-shop.localhost");
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    git(&home, &shop, &["worktree", "move", login.to_str().unwrap(), moved.to_str().unwrap()]);
    assert_eq!(name_in(&home, &moved), "web.login-shop.localhost");
    // In another folder of that name git itself calls it `login1`: the first one is still there.
    let second = home.top().join("two/login");
    git(&home, &shop, &["worktree", "add", "-q", "--detach", second.to_str().unwrap()]);
    assert_eq!(name_in(&home, &second), "web.login1-shop.localhost");
}

#[test]
fn of_two_clones_with_one_name_each_keeps_its_own_until_one_is_deleted() {
    let home = Home::new();
    let [first, second] = ["one/shop", "two/shop"].map(|path| repository(&home, path));
    assert_eq!(name_in(&home, &first), "web.shop.localhost");
    let apart = name_in(&home, &second);
    assert!(apart.starts_with("web.shop-") && apart.len() == "web.shop-abcd.localhost".len(), "{apart}");
    home.kill_daemon();
    assert_eq!(name_in(&home, &second), apart);
    assert_eq!(name_in(&home, &first), "web.shop.localhost");
    fs::remove_dir_all(&first).unwrap();
    let third = repository(&home, "three/shop");
    assert_eq!(name_in(&home, &third), "web.shop.localhost");
    assert_eq!(name_in(&home, &second), apart);
}

#[test]
fn the_file_of_the_project_may_name_the_repository() {
    let home = Home::new();
    let shop = repository(&home, "one/Some Shop");
    assert_eq!(name_in(&home, &shop), "web.some-shop.localhost");
    fs::write(shop.join(".styxy.json"), r#"{"name": "store"}"#).unwrap();
    assert_eq!(name_in(&home, &shop), "web.store.localhost");
    fs::write(shop.join(".styxy.json"), r#"{"name": "My Store"}"#).unwrap();
    let said = styxy_in(&home, &shop, &["run", "-s", sort::WEB, "--", "true"]).done();
    assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    assert!(said.stderr.contains("name: \"My Store\" is not a label of a host name"), "{said:?}");
}

#[test]
fn run_env_list_and_answers_show_the_name_beside_the_port() {
    let home = Home::new();
    let (door, project) = (home.listen_port(), home.project());
    let request = json!({"service_type": sort::WEB, "project_path": project, "label": "shop"});
    let grant: Grant = home.socket().post("/allocate", &request).ok();
    let named = format!("http://web.shop.localhost:{door}");
    assert_eq!((grant.host.as_deref(), grant.named_url.as_ref()), (Some("web.shop.localhost"), Some(&named)));
    assert_eq!(grant.url, format!("http://localhost:{}", grant.port), "the port's address stays what it is");
    let lease = home.lease_of(&grant).unwrap();
    assert_eq!((lease.host, lease.named_url), (grant.host, grant.named_url));
    let env = home.styxy(&["env", sort::WEB]).done().stdout;
    for line in [
        format!("export STYXY_URL='http://localhost:{}'", grant.port),
        format!("export STYXY_NAMED_URL='{named}'"),
        format!("export STYXY_WEB_NAMED_URL='{named}'"),
    ] {
        assert!(env.lines().any(|found| found == line), "{line} is not in {env}");
    }
    let list = home.styxy(&["list"]).done().stdout;
    assert!(list.lines().next().unwrap().ends_with("NAME") && list.contains("web.shop.localhost"), "{list}");
    let said =
        finish(home.styxy_command(&["run", "-s", sort::API, "--", "true"]).env("STYXY_SEEN", "1")).done();
    let api = format!(" and http://api.project.localhost:{door}\n");
    assert!(
        said.stderr.starts_with("styxy: api is http://localhost:") && said.stderr.ends_with(&api),
        "{said:?}"
    );
}

#[test]
fn a_label_that_no_host_can_have_is_refused_and_a_project_elsewhere_has_none() {
    let home = Home::new();
    home.start();
    for label in ["", "Shop", "-shop", "a.b", &"x".repeat(64)] {
        let request = json!({"service_type": sort::WEB, "project_path": home.project(), "label": label});
        let refused = home.socket().post("/allocate", &request).refused(400, "invalid_request");
        assert_eq!(refused.details["field"], "label", "{label}: {refused:?}");
    }
    let nobodys: Grant = home.socket().post("/allocate", &json!({"service_type": sort::WEB})).ok();
    assert_eq!((nobodys.host, nobodys.named_url), (None, None));
}

#[test]
fn each_command_takes_a_name_and_a_url_with_it() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-q", "-s", sort::WEB]).done().number();
    let server = Server::on(&home, port);
    home.styxy(&["wait", sort::WEB]).done();
    let door = home.listen_port();
    for form in [
        "web.project.localhost".to_owned(),
        "Web.Project.localhost.".to_owned(),
        "project.localhost".to_owned(),
        format!("web.project.localhost:{door}"),
        format!("http://web.project.localhost:{door}/login?next=/"),
        format!("ws://acme.web.project.localhost:{door}/socket"),
        "http://web.project.localhost".to_owned(),
        // The server's own port, for an app that looks at its host.
        format!("http://whatever.localhost:{port}/"),
    ] {
        let opened = finds(&home, &form, port);
        assert_eq!(opened.named_url, Some(format!("http://web.project.localhost:{door}")), "{form}");
    }
    let name = format!("http://web.project.localhost:{door}");
    let killed: KillAnswer = home.styxy(&["kill", &name, "--yes", "--json"]).done().wire();
    assert_eq!((killed.port.get(), killed.pid.get()), (port, server.pid()));
}

#[test]
fn a_name_that_nobody_has_is_refused_or_waited_for() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    let wrong = home.styxy(&["who", "wbe.project.localhost"]);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.stderr.contains("no server is called wbe.project.localhost"), "{wrong:?}");
    assert!(wrong.stderr.contains("hint: styxy who web.project.localhost"), "{wrong:?}");
    let refused = home.styxy(&["release", "wbe.project.localhost", "--json"]);
    assert!(
        refused.stderr.contains("unknown_lease") || refused.stdout.contains("unknown_lease"),
        "{refused:?}"
    );
    let late = home.styxy(&["wait", "api.project.localhost", "--timeout", "0.3"]);
    assert!(late.stderr.contains("api.project.localhost is not up after 0.3 s"), "{late:?}");
    let url = format!("http://api.project.localhost:{}", home.listen_port());
    let mut waits = home.styxy_command(&["wait", &url, "--json"]);
    let waits = std::thread::spawn(move || finish(&mut waits));
    let port = home.styxy(&["allocate", "-q", "-s", sort::API]).done().number();
    let _server = Server::on(&home, port);
    let waited: WaitAnswer = waits.join().unwrap().done().wire();
    assert_eq!(waited.port.get(), port);
    assert_eq!(home.socket().get("/check/0").refused(400, "invalid_request").code, Code::InvalidRequest);
}

#[test]
fn another_worktrees_server_is_not_ended_by_its_name() {
    let home = Home::new();
    let other = home.worktree("login");
    let port = styxy_in(&home, &other, &["allocate", "-q", "-s", sort::WEB]).done().number();
    let _server = Server::in_folder(&home, &other, port);
    styxy_in(&home, &other, &["wait", sort::WEB]).done();
    let name = format!("http://web.login-project.localhost:{}", home.listen_port());
    let answer: WhoAnswer = home.styxy(&["verify", &name, "--json"]).exits(5).wire();
    assert_eq!((answer.port.get(), answer.whose), (port, Whose::Sibling));
    for words in [&["kill", &name, "--yes"][..], &["open", &name, "--print"], &["release", &name]] {
        let refused = home.styxy(words);
        assert_ne!(refused.code, 0, "{words:?}: {refused:?}");
    }
    assert_eq!(home.leases().len(), 1);
}
