//! Real servers: this very test binary, run again to be one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use rustix::process::Signal;
use serde_json::json;
use styxy_core::api::AllocateAnswer;

use super::asker;
use super::home::Home;
use super::http::Way;
use super::process::{Running, end};
use super::wait::{DEADLINE, eventually};

/// Names what the helper is to be, and with which words.
pub(super) const ROLE: &str = "STYXY_TEST_ROLE";

/// What makes this test binary a helper.
pub(super) const ARGUMENTS: [&str; 4] =
    ["--exact", "support::helper::a_helper_does_as_it_is_told", "--ignored", "--nocapture"];

/// This test binary as a helper in `role`, in the environment and project of `home`.
///
/// It ends with its standard input, so that none outlives the test.
pub(crate) fn helper(home: &Home, role: &str, words: &[&str]) -> Command {
    let mut command = home.command(std::env::current_exe().unwrap());
    command.args(ARGUMENTS);
    command.env(ROLE, std::iter::once(&role).chain(words).copied().collect::<Vec<_>>().join(" "));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// As [`helper`], run by `styxy` with these words before it.
pub(crate) fn helper_under(home: &Home, styxy: &[&str], role: &str, words: &[&str]) -> Command {
    let helper = helper(home, role, words);
    let mut command = home.styxy_command(styxy);
    command.arg(helper.get_program()).args(helper.get_args());
    command.envs(helper.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A helper that runs: what is told to it, and what it says.
#[derive(Debug)]
pub(crate) struct Server {
    running: Running,
    tell: Option<ChildStdin>,
    says: Receiver<String>,
}

impl Server {
    /// Runs what [`helper`] gave.
    #[track_caller]
    pub(crate) fn run(command: &mut Command) -> Self {
        // What libtest says of its own accord has no mark.
        Self::spawn(command, |line| line.split_once("> ").map(|(_, said)| said.to_owned()))
    }

    /// Sends it `signal`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Whether it has ended.
    #[cfg(windows)]
    pub(crate) fn has_ended(&mut self) -> bool {
        self.running.child().try_wait().unwrap().is_some()
    }

    /// The code it ends with, and the words it says before.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Option<i32>, Vec<String>) {
        let ended = eventually("the helper ends", || self.running.child().try_wait().unwrap());
        let words = std::iter::from_fn(|| self.says.recv_timeout(DEADLINE).ok()).collect();
        (ended.code(), words)
    }

    /// Runs any command, and hears every line of it.
    #[track_caller]
    pub(crate) fn reading(command: &mut Command) -> Self {
        Self::spawn(command, |line| Some(line.to_owned()))
    }

    #[track_caller]
    fn spawn(command: &mut Command, word: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        let mut running = Running::spawn(command);
        let tell = running.child().stdin.take();
        let out = running.child().stdout.take().unwrap();
        let (send, says) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(said) = word(&line) {
                    let _ = send.send(said);
                }
            }
        });
        Self { running, tell, says }
    }

    /// A server on each of `addresses`, listening when this returns.
    #[track_caller]
    pub(crate) fn listen(home: &Home, addresses: &[SocketAddr]) -> Self {
        Self::listening(&mut helper(home, "listen", &words(addresses)))
    }

    /// As [`Server::listen`], from a command that may have been changed.
    #[track_caller]
    pub(crate) fn listening(command: &mut Command) -> Self {
        let server = Self::run(command);
        server.expect("ready");
        server
    }

    /// A server on 127.0.0.1.
    #[track_caller]
    pub(crate) fn on(home: &Home, port: u16) -> Self {
        Self::listen(home, &[local(port)])
    }

    /// A server on 127.0.0.1 whose working folder is `folder`.
    #[track_caller]
    pub(crate) fn in_folder(home: &Home, folder: &Path, port: u16) -> Self {
        let address = local(port).to_string();
        Self::listening(helper(home, "listen", &[address.as_str()]).current_dir(folder))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// The next line it says.
    #[track_caller]
    pub(crate) fn hear(&self) -> String {
        self.says.recv_timeout(DEADLINE).expect("a word of the helper before the deadline")
    }

    #[track_caller]
    fn expect(&self, word: &str) {
        assert_eq!(self.hear(), word);
    }

    /// Nobody can write to its stdout any more: it has ended, and so have all that inherited it.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub(crate) fn falls_silent(&self) {
        loop {
            match self.says.recv_timeout(DEADLINE) {
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("somebody still holds its stdout"),
            }
        }
    }

    /// Tells it one line.
    pub(crate) fn tell(&mut self, word: &str) {
        writeln!(self.tell.as_mut().unwrap(), "{word}").unwrap();
    }

    /// Presses keys of the terminal it reads from.
    pub(crate) fn press(&mut self, keys: &str) {
        self.tell.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Closes its sockets, and lives on.
    pub(crate) fn close(&mut self) {
        self.tell("close");
        self.expect("closed");
    }

    /// Listens again.
    pub(crate) fn reopen(&mut self) {
        self.tell("open");
        self.expect("ready");
    }

    /// kill -9, and gone when this returns. Its children live until this returns.
    pub(crate) fn kill(self) {
        self.running.kill();
    }

    /// Ends its standard input, and so the helper and its children.
    pub(crate) fn hang_up(&mut self) {
        self.tell = None;
    }

    /// kill -9, while its children live on.
    pub(crate) fn kill_alone(&mut self) {
        end(self.pid());
        let _ = self.running.child().wait();
    }
}

/// A process whose child listens on `address`: the parent, and the child's pid.
///
/// The child ends with the standard input that it shares with its parent.
pub(crate) fn forked_server(home: &Home, address: SocketAddr) -> (Server, u32) {
    let server = Server::run(&mut helper(home, "parent", &words(&[address])));
    // Whichever of the two speaks first.
    let mut said = [server.hear(), server.hear()];
    said.sort_unstable_by_key(|word| word == "ready");
    assert_eq!(said[1], "ready");
    let child = said[0].parse().unwrap();
    (server, child)
}

fn words(addresses: &[SocketAddr]) -> Vec<&'static str> {
    // A few dozen bytes per server, for the length of a test run.
    addresses.iter().map(|address| &*address.to_string().leak()).collect()
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Says `word` to the test; libtest's own words are told from it by the mark.
pub(super) fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n> {word}").and_then(|()| out.flush());
}

/// Not a test: what [`helper`] runs.
#[test]
#[ignore = "run by other tests, as a process of its own"]
fn a_helper_does_as_it_is_told() {
    let Ok(role) = std::env::var(ROLE) else { return };
    // For the length of this process.
    let mut words = role.leak().split(' ');
    let role = words.next().unwrap();
    let words: Vec<&'static str> = words.collect();
    match role {
        "listen" => listen(&addresses(&words)),
        "parent" => parent("listen", &words),
        "late-parent" => parent("listen-late", &words),
        "listen-late" => listen_when_told(&addresses(&words)),
        "race" => race(words[0], words[1]),
        "get" => asker::get(words[0], words[1]),
        "allocate" => asker::allocate(words[0], words[1]),
        "asks" => words[1..].iter().for_each(|request| asker::asks(words[0], request)),
        #[cfg(windows)]
        "leaves" => leaves(&words),
        #[cfg(windows)]
        "service" => super::service::service(words[0], words.get(1).copied()),
        #[cfg(windows)]
        "sleeps" => loop {
            thread::park();
        },
        #[cfg(windows)]
        "words" => std::env::args().for_each(|word| say(&format!("{word:?}"))),
        "idle" => drop(std::io::stdin().lines().count()),
        "web" => super::web::web(words[0].parse().unwrap(), words[1], words.get(2).copied()),
        "variables" => say(&words
            .iter()
            .map(|name| std::env::var(name).unwrap_or_default())
            .collect::<Vec<_>>()
            .join(" ")),
        "port" => {
            say(&std::env::var("PORT").unwrap_or_default());
            let _ = std::io::stdin().lines().count();
        }
        #[cfg(unix)]
        "touches" => super::touches::touches(words[0], &words[1..]),
        #[cfg(unix)]
        "firebase" => super::firebase::stub(&words),
        #[cfg(target_os = "linux")]
        "old-daemon" => super::old_daemon::serve(words[0], words[1], words[2].parse().unwrap()),
        "half-asks" => asker::half_asks(words[0], words[1].parse().unwrap()),
        other => panic!("no such role: {other}"),
    }
}

fn addresses(words: &[&str]) -> Vec<SocketAddr> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

/// A listener that the system's table shows with its process, if [`names_process`](super::ports::names_process) says so.
pub(crate) fn listener(address: &SocketAddr) -> TcpListener {
    let listener = TcpListener::bind(address).unwrap();
    if cfg!(windows) && address.is_ipv4() {
        // Windows names the process of every socket. Wine names it once the process has set an option that Wine leaves to Linux.
        listener.set_ttl(listener.ttl().unwrap()).unwrap();
    }
    listener
}

/// Listens until the end of standard input, which may say `close` and `open` before.
fn listen(addresses: &[SocketAddr]) {
    let open = || addresses.iter().map(listener).collect::<Vec<_>>();
    let mut listeners = open();
    say("ready");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.as_str() {
            "close" => {
                listeners.clear();
                say("closed");
            }
            "open" => {
                listeners = open();
                say("ready");
            }
            // One client is served, and this side closes first.
            "serve" => {
                let (mut stream, _) = listeners[0].accept().unwrap();
                stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
                drop(stream);
                say("served");
            }
            other => panic!("no such order: {other}"),
        }
    }
}

/// Listens only after a word on standard input, then until its end.
fn listen_when_told(addresses: &[SocketAddr]) {
    let _ = std::io::stdin().read_line(&mut String::new());
    listen(addresses);
}

/// Has a child of `role`, and does nothing itself.
fn parent(role: &str, words: &[&str]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(std::env::args_os().skip(1)).env(ROLE, format!("{role} {}", words.join(" ")));
    let mut child = command.spawn().unwrap();
    say(&child.id().to_string());
    let _ = child.wait();
}

/// Starts a server that listens, and ends before it. The server ends with its input, which it has from the test.
#[cfg(windows)]
#[expect(clippy::zombie_processes, reason = "it outlives this process, which is the point")]
fn leaves(words: &[&str]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(ARGUMENTS).env(ROLE, format!("listen {}", words.join(" "))).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let ready = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(ready.into_iter().any(|line| line.ends_with("> ready")));
}

/// Allocates as soon as it is told to, binds 50 ms later, and says how that went.
fn race(socket: &str, service: &str) {
    let way = Way::Unix(socket.into());
    say("ready");
    let mut lines = std::io::stdin().lines().map_while(Result::ok);
    while lines.next().is_some() {
        let answer = way.post("/allocate", &json!({ "service_type": service, "pid": std::process::id() }));
        if answer.status != 200 {
            say(&format!("refused {}", answer.text()));
            continue;
        }
        let AllocateAnswer::One(grant) = answer.ok() else { panic!("a group") };
        // The scenario itself: a dev server takes its time to start.
        thread::sleep(Duration::from_millis(50));
        let bound = TcpListener::bind(local(grant.port.get()));
        say(&match &bound {
            Ok(_) => format!("bound {}", grant.port),
            Err(error) => format!("failed {} {error}", grant.port),
        });
        // The port is kept until all have bound.
        lines.next();
        drop(bound);
        way.delete(&format!("/allocate/{}", grant.lock_id.unwrap()));
        say("ready");
    }
}
