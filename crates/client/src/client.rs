//! One method per route.

#[cfg(unix)]
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, AllocationsAnswer, AllocationsQuery, BeatAnswer, BeatRequest,
    CheckAnswer, CleanupAnswer, CleanupRequest, ConfigAnswer, EndInstanceAnswer, InstancesAnswer, Refusal,
    RegisterAnswer, RegisterRequest, ReleaseAnswer, ScanAnswer, ScanQuery, StatusAnswer, SuggestAnswer,
    SuggestQuery,
};
use styxy_core::handshake::DaemonFile;
use styxy_core::layout::Layout;
use styxy_core::{InstanceId, LockId, Port, Seq, ServiceType};

use crate::events::Events;
use crate::http::{Answer, Failure, Line, Repeat, Request};
use crate::start::Starter;
use crate::{Error, Options, Start, own};

/// A way to the user's daemon. Clones share their connections and, if it must be started, the start.
///
/// Every call connects if need be, starts the daemon if none runs and the options say so, and fails with
/// [`Error::Refused`] if the daemon says no. A call may be dropped at any time.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    pub(crate) starter: Starter,
    /// The socket last used; empty at first and after a failure.
    line: Mutex<Option<Line>>,
}

impl Client {
    /// A client of the daemon that `options` describe. Looks at nothing and connects to nothing yet.
    ///
    /// # Errors
    /// The folder's path is relative.
    pub fn new(options: Options) -> Result<Self, Error> {
        if !options.home.is_absolute() {
            let found = options.home;
            return Err(styxy_core::layout::HomeError::Relative { variable: "STYXY_HOME", found }.into());
        }
        let layout = Layout::new(options.home.clone());
        let shared = Shared { options, layout, starter: Starter::default(), line: Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Leases a port, or with `services` several.
    ///
    /// With a `request_id` it is sent again if the connection dies under it.
    pub async fn allocate(&self, request: &AllocateRequest) -> Result<AllocateAnswer, Error> {
        let mut request = request.clone();
        loop {
            match self.allocate_once(&request).await {
                Err(Error::Refused(refusal)) if leave_out(&mut request, &refusal) => {}
                answer => return answer,
            }
        }
    }

    async fn allocate_once(&self, request: &AllocateRequest) -> Result<AllocateAnswer, Error> {
        let repeat = if request.request_id.is_some() { Repeat::Safe } else { Repeat::Never };
        self.call(Request::post("/allocate", request)?.repeated(repeat)).await
    }

    /// Ends a lease at once.
    pub async fn release(&self, id: LockId) -> Result<ReleaseAnswer, Error> {
        self.call(Request::new(Method::DELETE, &format!("/allocate/{id}"))).await
    }

    /// Says whether a port could be leased now, and who has it.
    pub async fn check(&self, port: Port) -> Result<CheckAnswer, Error> {
        self.call(Request::get(&format!("/check/{port}"))).await
    }

    /// Says which ports an allocate would be given, best first: `count` of them, 5 if none is given. Reserves nothing.
    pub async fn suggest(&self, service: &ServiceType, count: Option<u8>) -> Result<SuggestAnswer, Error> {
        self.call(Request::get(&format!("/suggest/{service}")).query(&SuggestQuery { count })?).await
    }

    /// Lists the live leases that `query` lets through.
    pub async fn allocations(&self, query: &AllocationsQuery) -> Result<AllocationsAnswer, Error> {
        self.call(Request::get("/allocations").query(query)?).await
    }

    /// Lists every listener and every lease in a range of ports.
    pub async fn scan(&self, query: &ScanQuery) -> Result<ScanAnswer, Error> {
        self.call(Request::get("/scan").query(query)?).await
    }

    /// Lists the live instances.
    pub async fn instances(&self) -> Result<InstancesAnswer, Error> {
        self.call(Request::get("/instance/list")).await
    }

    /// Registers an instance, or registers it anew.
    pub async fn register(&self, request: &RegisterRequest) -> Result<RegisterAnswer, Error> {
        self.call(Request::post("/instance/register", request)?).await
    }

    /// Beats for an instance that has no process.
    pub async fn heartbeat(&self, request: &BeatRequest) -> Result<BeatAnswer, Error> {
        self.call(Request::post("/instance/heartbeat", request)?).await
    }

    /// Unregisters an instance.
    pub async fn end_instance(&self, id: &InstanceId) -> Result<EndInstanceAnswer, Error> {
        self.call(Request::new(Method::DELETE, &format!("/instance/{id}"))).await
    }

    /// Re-checks every owner and listener now.
    pub async fn cleanup(&self, request: &CleanupRequest) -> Result<CleanupAnswer, Error> {
        self.call(Request::post("/cleanup", request)?).await
    }

    /// Says how the daemon is.
    pub async fn status(&self) -> Result<StatusAnswer, Error> {
        self.call(Request::get("/status")).await
    }

    /// Says what configuration is in force.
    pub async fn config(&self) -> Result<ConfigAnswer, Error> {
        self.call(Request::get("/config")).await
    }

    /// The daemon's metrics, as Prometheus reads them.
    pub async fn metrics(&self) -> Result<String, Error> {
        self.send(&Request::get("/metrics")).await?.text()
    }

    /// The contract as an `OpenAPI` document.
    pub async fn openapi(&self) -> Result<serde_json::Value, Error> {
        self.call(Request::get("/openapi.json")).await
    }

    /// Follows what happens from now on, or right `after` an event seen before.
    pub async fn events(&self, after: Option<Seq>) -> Result<Events, Error> {
        let request = &Request::get("/events").after_event(after);
        let starts = self.shared.starter.count();
        let response = match self.shared.open(request).await {
            Ok(response) => response,
            Err(failure) => {
                self.recover(request, failure, starts).await?;
                self.shared.open(request).await?
            }
        };
        Ok(Events::new(request.route(), response))
    }

    async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.send(&request).await?.read()
    }

    async fn send(&self, request: &Request) -> Result<Answer, Error> {
        let starts = self.shared.starter.count();
        match self.shared.once(request, self.shared.options.timeout).await {
            Ok(answer) => Ok(answer),
            Err(failure) => {
                self.recover(request, failure, starts).await?;
                Ok(self.shared.once(request, self.shared.options.timeout).await?)
            }
        }
    }

    /// If no daemon is there (or it died, and `request` may be sent again), starts one: the caller then tries once more.
    ///
    /// # Errors
    /// The failure itself if trying again would not help or not be safe, or why the start failed.
    async fn recover(&self, request: &Request, failure: Failure, starts: u64) -> Result<(), Error> {
        self.shared.forget_line();
        let start =
            if self.shared.options.socket.is_some() { Start::Never } else { self.shared.options.start };
        match (failure, start, request.repeat()) {
            (Failure::NoDaemon(_) | Failure::Unheard(_), Start::Auto, _)
            | (Failure::Died(_), Start::Auto, Repeat::Safe) => self.shared.start(starts).await.map(drop),
            (failure, Start::Auto | Start::Never, Repeat::Safe | Repeat::Never) => Err(failure.into()),
        }
    }
}

impl Shared {
    /// Sends `request` to a daemon that runs; starts none.
    pub(crate) async fn once(&self, request: &Request, timeout: Duration) -> Result<Answer, Failure> {
        match self.line()?.exchange(request, timeout).await {
            Err(Failure::Unheard(_)) => {
                self.forget_line();
                self.line()?.exchange(request, timeout).await
            }
            answer => answer,
        }
    }

    /// As [`Shared::once`], for an answer that goes on.
    async fn open(&self, request: &Request) -> Result<Response, Failure> {
        match self.line()?.open(request, self.options.timeout).await {
            Err(Failure::Unheard(_)) => {
                self.forget_line();
                self.line()?.open(request, self.options.timeout).await
            }
            response => response,
        }
    }

    /// The way to the daemon's socket, after a look at whose it is.
    fn line(&self) -> Result<Line, Failure> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = &*line {
            return Ok(line.clone());
        }
        let home = self.layout.root();
        let socket = if let Some(given) = &self.options.socket {
            given.clone()
        } else {
            own::check(home)?;
            self.socket().ok_or_else(|| Failure::NoDaemon(Error::NotRunning { place: home.to_owned() }))?
        };
        if let Some(folder) = socket.parent() {
            own::check(folder)?;
        }
        own::check(&socket)?;
        let place = self.options.socket.as_deref().unwrap_or(home);
        Ok(line.insert(Line::new(place, socket)?).clone())
    }

    /// The next call looks anew where the socket is and whose it is.
    pub(crate) fn forget_line(&self) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    #[cfg(windows)]
    fn socket(&self) -> Option<PathBuf> {
        let pipe = self.named().unwrap_or_else(|| self.layout.pipe().into());
        Some(pipe)
    }

    /// Where the socket is, if it is anywhere.
    #[cfg(unix)]
    fn socket(&self) -> Option<PathBuf> {
        let uid = rustix::process::geteuid().as_raw();
        let variable = |name: &str| self.options.environment.get(OsStr::new(name)).cloned();
        let own = self.layout.socket(&styxy_core::layout::runtime_folder(variable, uid));
        // A socket outside the folder is where the daemon's environment said, and ours may say otherwise.
        if own.starts_with(self.layout.root()) && own.exists() {
            return Some(own);
        }
        self.named().filter(|named| named.exists()).or_else(|| own.exists().then_some(own))
    }

    /// The socket that `daemon.json` names.
    fn named(&self) -> Option<PathBuf> {
        let json = std::fs::read(self.layout.daemon_file()).ok()?;
        let file: DaemonFile = serde_json::from_slice(&json).ok()?;
        Some(Path::new(&file.socket).to_owned())
    }
}

/// Takes out of `request` the field that an older daemon does not know, if it can do without. Says whether it did.
fn leave_out(request: &mut AllocateRequest, refusal: &Refusal) -> bool {
    let unknown = refusal.details.get("unknown").is_some_and(|unknown| unknown == true);
    let field = refusal.details.get("field").and_then(serde_json::Value::as_str).filter(|_| unknown);
    match field {
        // It only makes a repeat safe.
        Some("request_id") => request.request_id.take().is_some(),
        // It only makes one port likelier than another.
        Some("default_port") => {
            let members = request.services.iter_mut().flatten();
            let ports = members.map(|member| &mut member.default_port).chain([&mut request.default_port]);
            ports.filter_map(Option::take).count() > 0
        }
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_older_daemon_can_do_without_is_left_out() {
        let json = serde_json::json!({
            "services": [{ "service_type": "dev", "default_port": 5173 }], "request_id": "r", "reuse": true,
        });
        let mut request: AllocateRequest = serde_json::from_value(json).unwrap();
        let unknown = |field: &str| Refusal::unknown_field(field, &["pid"]);
        assert!(leave_out(&mut request, &unknown("default_port")));
        assert!(!leave_out(&mut request, &unknown("default_port")), "it would be sent for ever");
        assert!(leave_out(&mut request, &unknown("request_id")));
        assert!(!leave_out(&mut request, &unknown("reuse")));
        assert!(!leave_out(
            &mut request,
            &Refusal::invalid("request_id", "it is empty", "1 to 64 characters")
        ));
        let json = serde_json::json!({ "services": [{ "service_type": "dev" }], "reuse": true });
        assert_eq!(serde_json::to_value(request).unwrap(), json);
    }

    /// Compiled, never run: a runtime of many threads moves these from one to another.
    #[expect(dead_code, reason = "it is the compiler that tests it")]
    fn every_call_may_move_between_threads(
        client: &'static Client,
        mut events: Events,
        ask: &'static AllocateRequest,
    ) {
        fn moves(_: impl Future + Send + 'static) {}
        moves(client.allocate(ask));
        moves(client.status());
        moves(client.events(None));
        moves(client.connect());
        moves(client.stop());
        moves(async move { events.next().await });
    }
}
