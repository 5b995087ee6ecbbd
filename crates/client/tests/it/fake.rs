//! Daemons that are not.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use styxy_client::{Client, Options, Start};
use styxy_core::Pid;
use styxy_core::api::{API_VERSION, Code, Refusal};
use styxy_core::handshake::{DaemonFile, Handshake, Mode};
use styxy_core::layout::Layout;

/// What a client asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// `GET /status`
    pub(crate) line: String,
    /// Lower case, one per line.
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// What a fake daemon does with a request.
pub(crate) enum Reply {
    /// A status and a JSON body.
    Json(u16, String),
    /// These bytes as they are, then the end.
    Raw(Vec<u8>),
    /// The connection's end.
    HangUp,
    /// Nothing, for longer than a test takes.
    Silence,
}

/// A thread that answers on a socket.
pub(crate) struct Fake {
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    most_open: Arc<AtomicUsize>,
    streams: Arc<Mutex<Vec<UnixStream>>>,
    stopped: Arc<AtomicBool>,
    socket: PathBuf,
}

impl Fake {
    pub(crate) fn serve(socket: &Path, reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let fake = Self {
            asked: Arc::default(),
            connections: Arc::default(),
            open: Arc::default(),
            most_open: Arc::default(),
            streams: Arc::default(),
            stopped: Arc::default(),
            socket: socket.to_owned(),
        };
        let (asked, connections) = (fake.asked.clone(), fake.connections.clone());
        let (streams, stopped) = (fake.streams.clone(), fake.stopped.clone());
        let (open, most_open) = (fake.open.clone(), fake.most_open.clone());
        let reply = Arc::new(reply);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                connections.fetch_add(1, Ordering::SeqCst);
                streams.lock().unwrap().push(stream.try_clone().unwrap());
                let now_open = open.fetch_add(1, Ordering::SeqCst) + 1;
                most_open.fetch_max(now_open, Ordering::SeqCst);
                let (asked, reply, open) = (asked.clone(), reply.clone(), open.clone());
                thread::spawn(move || {
                    serve_connection(&stream, &asked, &*reply);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        fake
    }

    /// Like `kill -9`: every connection ends, and the socket's file stays behind.
    pub(crate) fn kill(self) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(UnixStream::connect(&self.socket));
        for stream in self.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        wait_until("the socket refuses", || UnixStream::connect(&self.socket).is_err());
    }
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
    /// How many connections are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
    /// How many were open at once, at most.
    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve_connection(stream: &UnixStream, asked: &Mutex<Vec<Asked>>, reply: &dyn Fn(&Asked) -> Reply) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        asked.lock().unwrap().push(request.clone());
        let bytes = match reply(&request) {
            Reply::Json(status, body) => http(status, &body),
            Reply::Raw(bytes) => {
                let _ = (&mut &*stream).write_all(&bytes);
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
            Reply::HangUp => {
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
            Reply::Silence => continue,
        };
        if (&mut &*stream).write_all(&bytes).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if asked.line.is_empty() {
            line.trim_end_matches(" HTTP/1.1").clone_into(&mut asked.line);
            continue;
        }
        let line = line.to_lowercase();
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.parse().unwrap();
        }
        asked.headers.extend([line.as_str(), "\n"]);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).unwrap();
    Some(asked)
}

pub(crate) fn http(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} .\r\ncontent-type: application/json\r\nstyxy-api: {API_VERSION}\r\nstyxy-version: 0.1.0\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn status() -> Reply {
    let pid = process::id();
    Reply::Json(
        200,
        format!(
            r#"{{"status":"running","version":"0.1.0","api_version":1,"pid":{pid},"uptime":0.5,"allocations":0,
                "instances":0,"listen":{{"tcp":[],"socket":"s"}},"memory":{{"rss":1}}}}"#
        ),
    )
}

pub(crate) fn refuse(status: u16, refusal: &Refusal) -> Reply {
    Reply::Json(status, serde_json::to_string(refusal).unwrap())
}

pub(crate) fn nothing_here() -> Reply {
    refuse(404, &Refusal::new(Code::UnknownRoute, "no such route"))
}

/// A daemon's folder, and clients of it.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("test-binary"), env::current_exe().unwrap().to_str().unwrap()).unwrap();
        Self { folder }
    }
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.path().to_owned())
    }
    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("styxy.sock")
    }
    pub(crate) fn options(&self, start: Start) -> Options {
        let daemon = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-daemon.sh");
        let environment = env::vars_os().collect();
        let options = Options::from_env(daemon, environment).unwrap();
        Options { home: self.path().to_owned(), start, ..options }
    }
    pub(crate) fn client(&self, start: Start) -> Client {
        Client::new(self.options(start)).unwrap()
    }
    /// Writes a `daemon.json` that names this process.
    pub(crate) fn publish(&self, pid: Pid, socket: &Path, machine: Option<&str>) {
        let file = DaemonFile {
            pid,
            version: "0.1.0".into(),
            api_version: API_VERSION,
            tcp: Vec::new(),
            socket: socket.to_str().unwrap().into(),
            machine: machine.map(str::to_owned),
            mode: None,
        };
        fs::write(self.layout().daemon_file(), serde_json::to_string(&file).unwrap()).unwrap();
    }
    /// How each start of the fake daemon went: `ready`, `lost`, …
    pub(crate) fn starts(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path().join("starts")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
    /// What the fake daemon is to do instead of serving.
    pub(crate) fn plan(&self, plan: &str) {
        fs::write(self.path().join("plan"), plan).unwrap();
    }
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// `die 3`: how often a start is still to be killed.
fn deaths_left(plan: &str) -> Option<u32> {
    plan.strip_prefix("die ")?.parse().ok().filter(|left| *left > 0)
}

/// The process that `fake-daemon.sh` becomes: locks, binds, tells, serves until it is told to stop.
#[test]
#[ignore = "not a test: the daemon that tests start"]
fn daemon() {
    let Some(home) = env::var_os("STYXY_HOME").map(PathBuf::from) else { return };
    let Ok(mut tell) = File::options().write(true).open("/dev/fd/3") else { return };
    let layout = Layout::new(home.clone());
    let mut starts = File::options().create(true).append(true).open(home.join("starts")).unwrap();
    let mut say = |word: &str, handshake: &Handshake| {
        starts.write_all(format!("{word}\n").as_bytes()).unwrap();
        tell.write_all(handshake.to_line().unwrap().as_bytes()).unwrap();
    };
    if env::current_dir().unwrap() != Path::new("/") {
        return;
    }
    if fs::read_to_string(home.join("plan")).is_ok_and(|plan| plan == "refuse") {
        let refusal = Refusal::new(Code::PortUnavailable, "port 9876 is taken by node").hint("styxy list");
        return say("refused", &Handshake::Refused { refusal });
    }
    if let Some(left) = fs::read_to_string(home.join("plan")).ok().and_then(|plan| deaths_left(&plan)) {
        fs::write(home.join("plan"), format!("die {}", left - 1)).unwrap();
        starts.write_all(b"killed\n").unwrap();
        // As if somebody had killed it.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        return;
    }
    let lock = File::options().create(true).truncate(false).write(true).open(layout.lock()).unwrap();
    if lock.try_lock().is_err() {
        return say("lost", &Handshake::Lost);
    }
    let socket = layout.socket(Path::new("/nowhere"));
    let _ = fs::remove_file(&socket);
    let (at, stop) = (socket.clone(), Arc::new(AtomicBool::new(false)));
    let stopping = stop.clone();
    let _serving = Fake::serve(&socket, move |asked| match asked.line.as_str() {
        "POST /shutdown" => {
            let _ = fs::remove_file(&at);
            stopping.store(true, Ordering::SeqCst);
            Reply::Json(200, r#"{"success":true}"#.into())
        }
        _ => status(),
    });
    let daemon = DaemonFile {
        pid: Pid::new(process::id()).unwrap(),
        version: "0.1.0".into(),
        api_version: API_VERSION,
        tcp: Vec::new(),
        socket: socket.to_str().unwrap().into(),
        machine: None,
        mode: Some(Mode::Detached),
    };
    say("ready", &Handshake::Ready { daemon, notes: vec!["a note".into()] });
    // Told to stop, or its test is over.
    let deadline = Instant::now() + Duration::from_mins(1);
    while !stop.load(Ordering::SeqCst) && layout.lock().exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    // No orderly end, so that the harness has nothing to wait for.
    process::exit(0);
}
