//! Linux with less: each kernel or sandbox lacks one thing, and everything else works as documented.
//!
//! A seccomp filter denies the system call in every command of the test, hence in the daemon too. What needs a namespace says
//! that it is skipped where none can be made.

use std::net::TcpStream;
use std::process::Command;

use styxy_core::api::{Grant, JournalMode, State, StatusAnswer};

use crate::support::{
    Argument, DIAGNOSTICS, Denied, Home, Need, Output, Running, Server, deny, finish, lacks,
    lacks_namespaces, lacks_root, sort, until,
};

const NETLINK: &[Argument] = &[Argument::is(0, libc::AF_NETLINK.cast_unsigned())];
/// The length of a netlink address.
const TO_NETLINK: &[Argument] = &[Argument::is(5, 12)];
const IPV6: &[Argument] = &[Argument::is(0, libc::AF_INET6.cast_unsigned())];
const SHARED: &[Argument] = &[Argument { index: 3, mask: 3, value: libc::MAP_SHARED.cast_unsigned() }];

/// A home whose commands, and so its daemon, lack something.
struct Limited {
    home: Home,
    denied: Vec<Denied>,
}

impl Limited {
    fn new(denied: &[Denied]) -> Self {
        Self { home: Home::new(), denied: denied.to_vec() }
    }

    fn styxy(&self, words: &[&str]) -> Output {
        let mut command = self.home.styxy_command(words);
        deny(&mut command, &self.denied);
        finish(&mut command)
    }

    fn start(&self) -> StatusAnswer {
        self.styxy(&["daemon", "start", "--json"]).done().wire()
    }

    /// What the doctor says: nothing is wrong.
    fn doctor(&self) -> String {
        self.styxy(&["doctor"]).done().stdout
    }

    /// The promises: a port of one's own, its end with the owner, the server's name, and the end of the server alone. What
    /// `kill` said beside its answer is returned.
    fn keeps_the_promises(&self) -> String {
        self.start();
        let owner = Running::idle();
        let first = self.allocate(&["--pid", &owner.pid().to_string()]);
        let waiting = self.allocate(&[]);
        assert_ne!(first.port, waiting.port);
        owner.kill();
        until("the lease ends with its owner", || self.lease(&first).is_none());

        let port = waiting.port.get();
        let server = Server::on(&self.home, port);
        until("the server is seen", || self.lease(&waiting) == Some(State::Active));
        let number = port.to_string();
        let check = self.styxy(&["check", &number, "--json"]).exits(0).json();
        assert_eq!(check["system_usage"]["pid"], server.pid(), "{check}");
        let bystander = Running::idle();
        let killed = self.styxy(&["kill", &number, "--yes"]).done();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is free: {killed:?}");
        assert!(crate::support::alive(bystander.pid()));
        until("the lease ends with its server", || self.lease(&waiting).is_none());
        killed.stderr
    }

    fn allocate(&self, more: &[&str]) -> Grant {
        self.styxy(&[&["allocate", "-s", sort::WEB, "--json"], more].concat()).done().wire()
    }

    fn lease(&self, grant: &Grant) -> Option<State> {
        self.home.lease_of(grant).map(|lease| lease.state)
    }
}

#[test]
fn without_pidfds_owners_are_polled_and_kill_goes_by_the_start_time() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let limited = Limited::new(&[Denied::always(libc::SYS_pidfd_open, errno)]);
        let said = limited.keeps_the_promises();
        assert!(said.contains("no handles on processes here") && said.lines().count() == 1, "{said}");
        let owner = Running::idle();
        limited.allocate(&["--pid", &owner.pid().to_string()]);
        let doctor = limited.doctor();
        assert!(doctor.contains("1 processes are polled once a second"), "{doctor}");
        assert!(doctor.contains("styxy kill knows a process by its start time"), "{doctor}");
        assert!(!doctor.contains("ulimit"), "{doctor}");
        let status = limited.start();
        let told = status.notes.iter().filter(|note| note.contains("no handles on processes")).count();
        assert_eq!(told, 1, "{status:?}");
        // A doctor that has handles itself does not blame the limit of open files.
        let outside = limited.home.styxy(&["doctor"]).done().stdout;
        assert!(outside.contains("styxy daemon restart") && !outside.contains("ulimit"), "{outside}");
    }
}

#[test]
fn without_signals_through_pidfds_kill_works_all_the_same() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let limited = Limited::new(&[Denied::always(libc::SYS_pidfd_send_signal, errno)]);
        assert_eq!(limited.keeps_the_promises(), "");
    }
}

#[test]
fn without_socket_diagnostics_the_files_of_proc_are_read() {
    let netlink = |errno| Denied { call: libc::SYS_socket, when: NETLINK, errno };
    for denied in [DIAGNOSTICS, netlink(libc::EAFNOSUPPORT), netlink(libc::EPERM), netlink(libc::ENOENT)] {
        let limited = Limited::new(&[denied]);
        assert_eq!(limited.keeps_the_promises(), "");
        let doctor = limited.doctor();
        assert!(doctor.contains("listening sockets are read from /proc/net/tcp"), "{doctor}");
        let status = limited.start();
        let told = status.notes.iter().filter(|note| note.contains("no socket diagnostics")).count();
        assert_eq!(told, 1, "{status:?}");
    }
}

#[test]
fn answers_of_the_diagnostics_that_fail_later_are_read_from_the_files_too() {
    // The socket is there, and nothing can be sent to it.
    let limited = Limited::new(&[Denied { call: libc::SYS_sendto, when: TO_NETLINK, errno: libc::EPERM }]);
    assert_eq!(limited.keeps_the_promises(), "");
}

#[test]
fn without_ipv6_everything_is_on_ipv4() {
    let limited = Limited::new(&[Denied { call: libc::SYS_socket, when: IPV6, errno: libc::EAFNOSUPPORT }]);
    assert_eq!(limited.keeps_the_promises(), "");
    assert_eq!(limited.start().listen.tcp, [format!("127.0.0.1:{}", limited.home.listen_port())]);
}

#[test]
fn where_a_file_cannot_be_reserved_or_mapped_the_journal_is_appended_and_the_file_system_named() {
    for (denied, said) in [
        (Denied::always(libc::SYS_fallocate, libc::EOPNOTSUPP), "os error 95"),
        (Denied { call: libc::SYS_mmap, when: SHARED, errno: libc::ENODEV }, "os error 19"),
    ] {
        let limited = Limited::new(&[denied]);
        assert_eq!(limited.keeps_the_promises(), "");
        let kept = limited.allocate(&[]);
        let journal = limited.start().journal.unwrap();
        assert_eq!(journal.mode, JournalMode::Plain);
        let trouble = journal.trouble.unwrap();
        assert!(trouble.starts_with("the file system (") && trouble.contains(said), "{trouble}");
        let doctor = limited.doctor();
        assert!(doctor.contains(&trouble) && doctor.contains("put STYXY_HOME on a local disk"), "{doctor}");
        limited.home.kill_daemon();
        limited.start();
        assert_eq!(limited.lease(&kept), Some(State::Granted), "it is in the journal");
    }
}

#[test]
fn calls_that_older_kernels_lack_are_not_needed() {
    let newer = [
        libc::SYS_statx,
        libc::SYS_openat2,
        libc::SYS_close_range,
        libc::SYS_clone3,
        libc::SYS_faccessat2,
        libc::SYS_epoll_pwait2,
        libc::SYS_memfd_create,
    ];
    let limited = Limited::new(&newer.map(|call| Denied::always(call, libc::ENOSYS)));
    assert_eq!(limited.keeps_the_promises(), "");
}

#[test]
fn without_locks_on_files_no_daemon_starts_and_everybody_says_what_to_do() {
    let limited = Limited::new(&[Denied::always(libc::SYS_flock, libc::ENOLCK)]);
    let said = limited.styxy(&["allocate", "-s", sort::WEB]).exits(3);
    assert!(said.stderr.contains("daemon.lock cannot be locked"), "{said:?}");
    assert!(said.stderr.contains("hint: export STYXY_HOME=/a/folder/on/a/local/disk"), "{said:?}");
    let run = limited.styxy(&["run", "-s", sort::WEB, "--", "sh", "-c", "echo $PORT"]).done();
    assert!(limited.home.range(sort::WEB).contains(&run.number_of_first_line()), "{run:?}");
    assert!(run.stderr.contains("warning"), "{run:?}");
    let doctor = limited.styxy(&["doctor"]).exits(1).stdout;
    assert!(doctor.contains("cannot be locked") && doctor.contains("export STYXY_HOME="), "{doctor}");
}

#[test]
fn where_the_home_has_no_sockets_the_runtime_folder_has_the_socket() {
    let home = Home::new();
    // What `bind` gets for a path in the home: the family, the path and its NUL. Other addresses have other lengths.
    let lengths = ["styxy.sock", "doctor.sock"].map(|name| home.root().join(name).as_os_str().len() + 3);
    let denied = lengths.map(|length| Denied {
        call: libc::SYS_bind,
        when: vec![Argument::is(2, u32::try_from(length).unwrap())].leak(),
        errno: libc::EPERM,
    });
    let limited = Limited { home, denied: denied.to_vec() };
    let before = limited.doctor();
    assert!(before.contains("cannot be listened on") && before.contains("instead"), "{before}");
    assert!(!limited.home.top().join("styxy").exists(), "the doctor leaves nothing behind");

    assert_eq!(limited.keeps_the_promises(), "");
    let status = limited.start();
    assert!(
        status.listen.socket.starts_with(limited.home.top().join("styxy").to_str().unwrap()),
        "{status:?}"
    );
    assert_eq!(status.notes.iter().filter(|note| note.contains("instead")).count(), 1, "{status:?}");
    // Whoever lacks nothing, or has another runtime folder, finds the same daemon.
    let mut elsewhere = limited.home.styxy_command(&["daemon", "status", "--json"]);
    let seen: StatusAnswer = finish(elsewhere.env_remove("XDG_RUNTIME_DIR")).done().wire();
    assert_eq!(seen.pid, status.pid);
    limited.styxy(&["daemon", "stop"]).done();
    assert!(!std::path::Path::new(&status.listen.socket).exists());
}

/// What `script` says in a mount namespace of its own, with `$STYXY`; none, and a reason, if there can be none.
fn apart(home: &Home, prepare: &str, script: &str) -> Option<Output> {
    let namespace = ["--mount", "--propagation", "private", "sh", "-ec"];
    // The home was given away, and `setpriv` becomes that user.
    if lacks_root() || lacks_namespaces(&[&namespace[..], &[prepare]].concat()) {
        return None;
    }
    let shell = home.shell(script);
    let mut command = home.command("unshare");
    command.args(namespace).arg(format!("{prepare}; exec \"$@\"")).arg("sh");
    command.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(shell.get_program()).args(shell.get_args());
    command.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(finish(&mut command))
}

#[test]
fn where_proc_hides_other_users_processes_ones_own_are_seen() {
    let home = Home::new();
    home.give_away();
    let roots = home.spare_port();
    let _server = Server::on(&home, roots);
    let script = format!(
        "sleep 60 & port=$($STYXY allocate -s {web} --pid $! -q); $STYXY check $port --json; kill -9 $!; wait\n\
         $STYXY check {roots} --json; while $STYXY check $port --json | grep -q lock_id; do sleep 0.05; done; $STYXY doctor; \
         $STYXY allocate -s {web} --pid 1 || true; $STYXY daemon stop >/dev/null",
        web = sort::WEB,
    );
    let Some(said) = apart(&home, "mount -t proc -o hidepid=2 proc /proc", &script) else { return };
    let said = said.done();
    assert!(said.stdout.contains("\"process\":\"sleep\""), "{said:?}");
    let hidden = format!("\"port\":{roots},\"available\":false");
    let seen = said.stdout.lines().find(|line| line.contains(&hidden)).unwrap();
    assert!(seen.contains("\"pid\":null") && seen.contains("\"user\":\"root\""), "{seen}");
    assert!(said.stderr.contains("process 1 does not run"), "{said:?}");
    assert!(!said.stdout.contains("wrong"), "{said:?}");
}

#[test]
fn without_proc_a_command_runs_with_a_warning_and_the_rest_says_what_is_missing() {
    let home = Home::new();
    home.give_away();
    let run = format!("$STYXY run -s {} -- sh -c 'echo $PORT'", sort::WEB);
    let Some(said) = apart(&home, "mount -t tmpfs none /proc", &run) else { return };
    let said = said.done();
    assert!(home.range(sort::WEB).contains(&said.number_of_first_line()), "{said:?}");
    assert!(said.stderr.contains("warning"), "{said:?}");
    let doctor = format!("$STYXY allocate -s {}; echo $?; $STYXY doctor || true", sort::WEB);
    let said = apart(&home, "mount -t tmpfs none /proc", &doctor).unwrap().done();
    assert!(said.stdout.starts_with("3\n"), "{said:?}");
    for told in [&said.stdout, &said.stderr] {
        assert!(told.contains("does not say which processes run (/proc)"), "{said:?}");
        assert!(told.contains("mount -t proc proc /proc"), "{said:?}");
    }
}

/// What `script` says where the file system has nothing but the program, the libraries that it needs, and the home. `styxy` runs
/// the program there, with `/proc` or without.
fn alone(home: &Home, proc: &str, script: &str) -> Option<Output> {
    let prepare = r#"
        mount -t tmpfs none "$1"
        share() { mkdir -p "$root$(dirname "$1")"; touch "$root$1"; mount --bind "$1" "$root$1"; }
        root=$1
        for library in $(ldd "$STYXY" 2>/dev/null | grep -o '/[^ ]*'); do share "$library"; done
        share "$STYXY"
        mkdir -p "$root/proc" "$root$STYXY_HOME"
        mount --rbind "$STYXY_HOME" "$root$STYXY_HOME"
        styxy() { chroot "$root" "$STYXY" "$@"; }
    "#;
    let namespace = ["--mount", "--map-root-user", "sh", "-ec"];
    if lacks_namespaces(&[&namespace[..], &["mount -t tmpfs none /mnt"]].concat()) {
        return None;
    }
    let root = home.top().join("root");
    std::fs::create_dir_all(&root).unwrap();
    let mut command = home.command("unshare");
    command.env("STYXY", crate::support::program());
    command.args(namespace).arg(format!("{prepare}\n{proc}\n{script}")).arg("sh").arg(root);
    Some(finish(&mut command))
}

#[test]
fn where_there_is_nothing_but_the_program_every_flow_works() {
    let home = Home::new();
    let script = format!(
        "sleep 60 >/dev/null & port=$(styxy allocate -s {web} --pid $! -q); echo $port; styxy check $port --json\n\
         styxy run -q -s {web} -- $STYXY --version; kill -9 $!; wait $! || true\n\
         while styxy check $port --json | grep -q lock_id; do sleep 0.05; done; styxy list; styxy doctor; styxy daemon stop",
        web = sort::WEB
    );
    let Some(said) = alone(&home, "mount --rbind /proc \"$root/proc\"", &script) else { return };
    let said = said.done();
    assert!(home.range(sort::WEB).contains(&said.number_of_first_line()), "{said:?}");
    assert!(said.stdout.contains("\"process\":\"sleep\""), "{said:?}");
    assert!(!said.stdout.contains("wrong"), "{said:?}");
}

#[test]
fn where_there_is_nothing_but_the_program_and_no_proc_a_command_still_runs() {
    let home = Home::new();
    let script = format!(
        "styxy run -s {web} -- $STYXY --version; styxy allocate -s {web} || echo $?",
        web = sort::WEB
    );
    let Some(said) = alone(&home, "", &script) else { return };
    let said = said.done();
    assert!(said.stdout.starts_with("styxy ") && said.stdout.ends_with("\n3\n"), "{said:?}");
    assert!(said.stderr.contains("warning"), "{said:?}");
    assert!(said.stderr.contains("mount -t proc proc /proc"), "{said:?}");
}

/// `styxy` with these words in bubblewrap, as agents' sandboxes use it; none, and a reason, if that is unavailable.
fn wrapped(home: &Home, apart: &[&str], words: &[&str]) -> Option<Output> {
    let all = ["--dev-bind", "/", "/", "--proc", "/proc", "--unshare-pid"];
    if lacks(Need::Bubblewrap, Command::new("bwrap").args(all).args(apart).arg("true")) {
        return None;
    }
    let styxy = home.styxy_command(words);
    let mut command = home.command("bwrap");
    command.args(all).args(apart).arg(styxy.get_program()).args(styxy.get_args());
    Some(finish(&mut command))
}

#[test]
fn in_bubblewrap_a_command_owns_its_lease_and_in_a_network_of_its_own_it_takes_none() {
    let home = Home::new();
    home.start();
    let run = ["run", "-s", sort::WEB, "--", "sh", "-c", "echo $PORT"];
    let Some(said) = wrapped(&home, &[], &run) else { return };
    let said = said.done();
    assert!(
        home.range(sort::WEB).contains(&said.number_of_first_line()) && said.stderr.is_empty(),
        "{said:?}"
    );
    until("the lease ends with the command", || home.leases().is_empty());

    let said = wrapped(&home, &["--unshare-net"], &run).unwrap().done();
    assert!(home.range(sort::WEB).contains(&said.number_of_first_line()), "{said:?}");
    assert!(
        said.stderr.contains("another network namespace") && said.stderr.lines().count() == 1,
        "{said:?}"
    );
    assert_eq!(home.leases(), []);
    let said = wrapped(&home, &["--unshare-net"], &["list"]).unwrap().exits(3);
    assert!(said.stderr.contains("another network namespace"), "{said:?}");
}
