//! What `STYXY_HOME` may name: only a folder that is Styxy's is used, and any other stays as it is.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};

use serde_json::json;
use styxy_core::api::{Code, Refusal};

use crate::support::{Home, finish, sort};
#[cfg(target_os = "linux")]
use crate::support::{Server, lacks_namespaces, nobody};

/// Everything that a start could change of a folder: its mode, its owner, and what is in it.
fn shape(folder: &Path) -> (u32, u32, Vec<String>) {
    let found = folder.metadata().unwrap();
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    (found.mode(), found.uid(), names)
}

/// What a start in the folder of `home` is refused with; the folder is as before.
#[track_caller]
fn refused(home: &Home) -> Refusal {
    let before = shape(home.root());
    let said = home.styxy(&["daemon", "start", "--json"]);
    assert_ne!(said.code, 0, "{said:?}");
    let refusal: Refusal = said.wire();
    assert_eq!(shape(home.root()), before, "{refusal}");
    refusal
}

#[test]
fn a_folder_with_other_files_is_refused_and_stays_as_it_is() {
    let home = Home::empty();
    let project = home.project();
    fs::write(project.join("package.json"), "{}").unwrap();
    fs::set_permissions(&project, Permissions::from_mode(0o1755)).unwrap();
    let refusal = refused(&home.at(project));
    assert_eq!((refusal.code, &refusal.details["rule"]), (Code::Forbidden, &json!("home")));
    assert!(refusal.error.contains("package.json"), "{refusal}");
}

#[test]
fn a_folder_that_others_may_write_to_and_a_home_are_refused() {
    let home = Home::new();
    fs::set_permissions(home.root(), Permissions::from_mode(0o777)).unwrap();
    assert!(refused(&home).hint.unwrap().starts_with("chmod go-w"));
    let home = Home::empty();
    let user = home.top().join("user");
    let refusal = refused(&home.at(user));
    assert!(refusal.error.contains("is your home folder"), "{refusal}");
}

#[test]
fn a_missing_home_is_not_made() {
    let home = Home::empty();
    let missing = home.top().join("nobody");
    let mut command = home.command(crate::support::program());
    command.args(["daemon", "start", "--json"]).env("HOME", &missing).env_remove("STYXY_HOME");
    let refusal: Refusal = finish(&mut command).wire();
    assert!(refusal.error.contains("nobody does not exist"), "{refusal}");
    assert!(!missing.exists());
}

#[test]
fn a_home_of_an_older_daemon_is_used_whatever_else_is_in_it() {
    let home = Home::new();
    let first = home.allocate(&json!({ "service_type": sort::WEB }));
    home.styxy(&["daemon", "stop"]).done();
    fs::write(home.root().join("notes.txt"), "").unwrap();
    home.start();
    assert!(home.lease_of(&first).is_some());
}

#[test]
fn no_file_in_the_folder_is_followed_elsewhere() {
    let home = Home::new();
    home.start();
    home.styxy(&["daemon", "stop"]).done();
    let target = home.top().join("target");
    for name in ["daemon.lock", "daemon.json", "token", "logs/daemon.log"] {
        let path = home.root().join(name);
        let _ = fs::remove_file(&path);
        symlink(&target, &path).unwrap();
        let said = home.styxy(&["daemon", "start"]);
        assert_eq!(said.code == 0, name != "daemon.lock", "{name}: {said:?}");
        home.styxy(&["daemon", "stop"]);
        assert!(!target.exists(), "{name} was followed");
        let _ = fs::remove_file(&path);
    }
}

#[test]
fn settings_kept_elsewhere_are_read_through_a_link() {
    let home = Home::new();
    let (path, elsewhere) = (home.root().join("config.json"), home.top().join("settings.json"));
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(home.start().listen.tcp.iter().any(|address| address.ends_with(&home.listen_port().to_string())));
    home.styxy(&["daemon", "stop"]).done();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o666)).unwrap();
    let said = home.styxy(&["daemon", "start"]);
    assert!(said.code != 0 && said.stderr.contains("other users may write to it"), "{said:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_lock_that_another_user_holds_is_refused_with_that_user() {
    let home = Home::new();
    let mut other = Command::new("sh");
    let script = "exec flock -x \"$0\" sh -c 'echo locked; cat'";
    other.args(["-c", script]).arg(home.root().join("daemon.lock"));
    if !nobody(&mut other) {
        return;
    }
    fs::write(home.root().join("daemon.lock"), "").unwrap();
    for path in [home.top().as_path(), home.root()] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let holder = Server::reading(other.stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert_eq!(holder.hear(), "locked");
    let refusal: Refusal = home.styxy(&["daemon", "start", "--json"]).wire();
    assert_eq!((refusal.code, &refusal.details["rule"]), (Code::Forbidden, &json!("lock")));
    assert!(refusal.error.contains("of user nobody"), "{refusal}");
}

/// In a mount namespace, `/` is a folder of the test's own: what the daemon would do to it is seen, and does no harm.
#[test]
#[cfg(target_os = "linux")]
fn the_root_of_the_file_system_is_refused_and_stays_as_it_is() {
    let home = Home::empty();
    let root = home.top().join("root");
    fs::create_dir(&root).unwrap();
    let script = r#"
        set -e
        mount -t tmpfs -o mode=1755 none "$1"
        for folder in bin lib lib64 usr etc dev proc; do
            [ -e "/$folder" ] || continue
            mkdir "$1/$folder"
            mount --rbind "/$folder" "$1/$folder"
        done
        touch "$1/styxy"
        mount --bind "$2" "$1/styxy"
        before=$(stat -c '%a %u' "$1"; ls -a "$1")
        for words in 'daemon start' 'allocate -s dev -q' 'daemon run'; do
            if STYXY_HOME=/ HOME=/home STYXY_AGENT=off chroot "$1" /styxy $words </dev/null; then
                echo "accepted: $words"
            fi
        done
        [ "$before" = "$(stat -c '%a %u' "$1"; ls -a "$1")" ] && echo 'as before'
    "#;
    if lacks_namespaces(&["--mount", "--map-root-user", "true"]) {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script, "sh"]);
    command.arg(&root).arg(crate::support::program());
    let said = finish(&mut command);
    assert_eq!(said.stdout, "as before\n", "{said:?}");
    assert_eq!(said.stderr.matches("is the root of the file system").count(), 3, "{said:?}");
}
