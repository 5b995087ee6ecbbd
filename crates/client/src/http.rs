//! One request and its answer over the socket, and whether it may be sent again after a failure.

use std::cmp::Ordering;
use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use styxy_core::api::{API_VERSION, Code, Refusal};

use crate::Error;

/// How many requests one client has under way at once, each on its own connection.
pub(crate) const UNDER_WAY: usize = 8;
/// How many connections are kept without a request. A connection that was just used is not free at once, and the next
/// request may open one more: both numbers together are the most that one client opens, which is sixteen.
const KEPT: usize = 8;
/// How long a connection is kept without a request. A new one takes some 50 µs.
const IDLE: Duration = Duration::from_secs(2);
/// After this time a pipe whose instances were all taken is opened again.
const AGAIN: Duration = Duration::from_millis(5);

/// One call of a route.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    last_event: Option<u64>,
    repeat: Repeat,
    daemons: Daemons,
}

/// Whether a request may be sent again if its connection broke and it is unknown whether the daemon has acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Safe,
    Never,
}

/// Which daemons' answers are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Daemons {
    /// Those of a daemon with our major version of the API.
    Ours,
    /// Also those of a daemon with an older major version, which must be stopped to be replaced.
    OursOrOlder,
}

impl Request {
    /// `path` begins with `/` and has neither query nor characters to escape.
    pub(crate) fn new(method: Method, path: &str) -> Self {
        // HTTP requires a host; over a socket it means nothing.
        let mut url = Url::parse("http://localhost").expect("a constant URL");
        url.set_path(path);
        let repeat = if method == Method::GET { Repeat::Safe } else { Repeat::Never };
        Self { method, url, body: None, last_event: None, repeat, daemons: Daemons::Ours }
    }
    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }
    pub(crate) fn post(path: &str, body: &impl Serialize) -> Result<Self, Error> {
        Ok(Self {
            body: Some(serde_json::to_vec(body).map_err(|error| unsendable(&error))?),
            ..Self::new(Method::POST, path)
        })
    }
    /// The fields that `query` sets become the URL's query.
    pub(crate) fn query(mut self, query: &impl Serialize) -> Result<Self, Error> {
        if let Value::Object(fields) = serde_json::to_value(query).map_err(|error| unsendable(&error))? {
            for (name, value) in &fields {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.url.query_pairs_mut().append_pair(name, &text);
            }
        }
        Ok(self)
    }
    pub(crate) fn after_event(self, last_event: Option<u64>) -> Self {
        Self { last_event, ..self }
    }
    /// Whether it may be sent twice; a `GET` always may.
    pub(crate) fn repeat(&self) -> Repeat {
        self.repeat
    }
    pub(crate) fn repeated(self, repeat: Repeat) -> Self {
        Self { repeat, ..self }
    }
    pub(crate) fn answered_by(self, daemons: Daemons) -> Self {
        Self { daemons, ..self }
    }
    /// `POST /allocate`
    pub(crate) fn route(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }
}

fn unsendable(error: &serde_json::Error) -> Error {
    Error::Refused(Refusal::new(
        Code::InvalidRequest,
        format!("the request cannot be written as JSON: {error}"),
    ))
}

/// Why there is no answer, sorted by what can be done about it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No daemon is there. It got nothing, so a start and a second try are safe.
    NoDaemon(Error),
    /// The connection did not take the whole request: the daemon has closed it since it was last used.
    Unheard(Error),
    /// The connection broke before the end of an answer.
    Died(Error),
    /// Trying again would not help, or not be safe.
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoDaemon(error)
            | Failure::Unheard(error)
            | Failure::Died(error)
            | Failure::Final(error) => error,
        }
    }
}

/// One socket. Its connections are kept and used again.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// How an error names the daemon: by its folder, or by the socket if that was given.
    place: PathBuf,
    socket: PathBuf,
    http: reqwest::Client,
}

impl Line {
    /// Connects to nothing yet.
    pub(crate) fn new(place: &Path, socket: PathBuf) -> Result<Self, Error> {
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let builder = builder.pool_max_idle_per_host(KEPT).pool_idle_timeout(IDLE);
        #[cfg(unix)]
        let builder = builder.unix_socket(socket.as_path());
        #[cfg(windows)]
        let builder = builder
            .windows_named_pipe(socket.as_os_str())
            .connector_layer(crate::ownership::OwnPipe::new(&socket));
        let unusable =
            |error| Error::Unreachable { socket: socket.clone(), source: Arc::new(io::Error::other(error)) };
        let http = builder.build().map_err(unusable)?;
        Ok(Self { place: place.to_owned(), socket, http })
    }

    /// Sends `request` and reads the whole answer, all within `timeout`.
    pub(crate) async fn exchange(&self, request: &Request, timeout: Duration) -> Result<Answer, Failure> {
        let failed = |error: reqwest::Error| self.failure(request, timeout, error);
        let response = self.connected(request, Some(timeout)).await.map_err(failed)?;
        check_version(response.headers(), request.daemons)?;
        let success = response.status().is_success();
        let body = response.bytes().await.map_err(failed)?;
        Ok(Answer { route: request.route(), success, body: body.into() })
    }

    /// Sends `request` and reads the answer's head within `timeout`; its body may take any time.
    pub(crate) async fn open(&self, request: &Request, timeout: Duration) -> Result<Response, Failure> {
        let failed = |error: reqwest::Error| self.failure(request, timeout, error);
        let opening = async {
            let response = self.connected(request, None).await.map_err(failed)?;
            check_version(response.headers(), request.daemons)?;
            if response.status().is_success() {
                return Ok(response);
            }
            let body = response.bytes().await.map_err(|error| Failure::Final(failed(error).into()))?;
            let answer = Answer { route: request.route(), success: false, body: body.into() };
            Err(Failure::Final(answer.refusal()))
        };
        let silent = |_| Failure::Final(Error::Silent { route: request.route(), after: timeout });
        tokio::time::timeout(timeout, opening).await.map_err(silent)?
    }

    /// Sends `request` as soon as the daemon takes a connection. All of it, the answer's body included, may take `timeout`.
    async fn connected(
        &self,
        request: &Request,
        timeout: Option<Duration>,
    ) -> Result<Response, reqwest::Error> {
        let begun = Instant::now();
        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
            match self.prepare(request, left).send().await {
                Err(error) if is_busy(&error) && left.is_none_or(|left| left > AGAIN) => {
                    tokio::time::sleep(AGAIN).await;
                }
                sent => return sent,
            }
        }
    }

    fn prepare(&self, request: &Request, timeout: Option<Duration>) -> reqwest::RequestBuilder {
        let mut builder = self.http.request(request.method.clone(), request.url.clone());
        if let Some(timeout) = timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        if let Some(seq) = request.last_event {
            builder = builder.header("last-event-id", seq);
        }
        builder
    }

    fn failure(&self, request: &Request, after: Duration, error: reqwest::Error) -> Failure {
        let route = request.route();
        if error.is_timeout() {
            return Failure::Final(Error::Silent { route, after });
        }
        let kind = io_cause(&error).map_or(io::ErrorKind::Other, io::Error::kind);
        if !error.is_connect() {
            let error = Error::BrokenOff { route, source: Arc::new(error) };
            // A pipe breaks only while it is written to: the daemon did not get the whole request and does not act on it.
            return if kind == io::ErrorKind::BrokenPipe {
                Failure::Unheard(error)
            } else {
                Failure::Died(error)
            };
        }
        #[cfg(windows)]
        if let Some(foreign) = cause::<Error>(&error) {
            return Failure::Final(foreign.clone());
        }
        // WouldBlock: the queue of the socket is full, which happens while a daemon starts or stops. ConnectionReset: it died
        // with this connection in its queue.
        if matches!(
            kind,
            io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::WouldBlock
        ) {
            return Failure::NoDaemon(Error::NotRunning { place: self.place.clone() });
        }
        let source = Arc::new(io_cause(&error).map_or_else(|| kind.into(), copy));
        Failure::Final(Error::Unreachable { socket: self.socket.clone(), source })
    }
}

/// Whether a daemon is there that had no instance of its pipe left at this moment: it makes one for each client that it
/// accepts. Sockets have a queue instead.
fn is_busy(error: &reqwest::Error) -> bool {
    /// `ERROR_PIPE_BUSY`
    const PIPE_BUSY: i32 = 231;
    cfg!(windows)
        && error.is_connect()
        && io_cause(error).is_some_and(|cause| cause.raw_os_error() == Some(PIPE_BUSY))
}

fn io_cause(error: &reqwest::Error) -> Option<&io::Error> {
    cause(error)
}

/// The first cause of this type.
fn cause<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    std::iter::successors(error.source(), |&error| error.source()).find_map(|error| error.downcast_ref())
}

fn copy(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// Every daemon sends its version of the API. An answer without one is read as it is.
fn check_version(headers: &HeaderMap, daemons: Daemons) -> Result<(), Error> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(theirs) = text("styxy-api").and_then(|version| version.trim().parse::<u32>().ok()) else {
        return Ok(());
    };
    match (theirs.cmp(&API_VERSION), daemons) {
        (Ordering::Equal, _) | (Ordering::Less, Daemons::OursOrOlder) => Ok(()),
        (Ordering::Greater, _) | (Ordering::Less, Daemons::Ours) => {
            let version = text("styxy-version").unwrap_or("of unknown version").to_owned();
            Err(Error::OtherApi { theirs, version })
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    route: String,
    success: bool,
    body: Vec<u8>,
}

impl Answer {
    /// The answer as its type, or the daemon's refusal.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.parse(self.granted()?)
    }
    /// The answer as it is, or the daemon's refusal.
    pub(crate) fn text(&self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(self.granted()?).into_owned())
    }
    /// The answer's bytes, or the daemon's refusal.
    pub(crate) fn granted(&self) -> Result<&[u8], Error> {
        if self.success { Ok(&self.body) } else { Err(self.refusal()) }
    }
    fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(body)
            .map_err(|source| Error::Unintelligible { route: self.route.clone(), source: Arc::new(source) })
    }
    fn refusal(&self) -> Error {
        self.parse(&self.body).map_or_else(|unintelligible| unintelligible, Error::Refused)
    }
}
