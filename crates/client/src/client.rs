//! One method per route.

use std::sync::Arc;

use reqwest::Method;
use serde::de::DeserializeOwned;
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, AllocationsAnswer, AllocationsQuery, BeatAnswer, BeatRequest,
    CheckAnswer, CleanupAnswer, CleanupRequest, Code, ConfigAnswer, EndInstanceAnswer, InstancesAnswer,
    Refusal, RefusalsAnswer, RegisterAnswer, RegisterRequest, ReleaseAnswer, ReleaseQuery, ReportRequest,
    ScanAnswer, ScanQuery, StatusAnswer, SuggestAnswer, SuggestQuery, ViewAnswer,
};
use styxy_core::{EndReason, InstanceId, LockId, Port, Seq, ServiceType};

use crate::connection::Connection;
use crate::events::Events;
use crate::http::{Answer, Repeat, Request};
use crate::start::Starter;
use crate::tries::{Acted, Tries};
use crate::{Error, Options};

/// A client of the user's daemon. Clones share their connections, and the start of a daemon.
///
/// Every call connects if necessary, and starts the daemon if none runs and the options allow it. It is tried again until
/// its time is over ([`Options::timeout`]), as far as that is safe. It fails with [`Error::Refused`] if the daemon
/// refuses. A call may be dropped at any time.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) connection: Connection,
    pub(crate) starter: Starter,
}

impl Client {
    /// A client of the daemon that `options` describe. It reads nothing and connects to nothing yet.
    ///
    /// # Errors
    /// The folder's path is relative.
    pub fn new(options: Options) -> Result<Self, Error> {
        if !options.home.is_absolute() {
            let found = options.home;
            return Err(styxy_core::layout::HomeError::Relative { variable: "STYXY_HOME", found }.into());
        }
        let shared = Shared { connection: Connection::new(options), starter: Starter::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Leases a port, or with `services` several.
    ///
    /// A request with a `request_id` is sent again if its connection breaks.
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
    ///
    /// It is sent again if its connection breaks. A lease that an earlier try has released counts as released.
    pub async fn release(&self, id: LockId) -> Result<ReleaseAnswer, Error> {
        let request = Request::new(Method::DELETE, &format!("/allocate/{id}")).repeated(Repeat::Safe);
        let mut tries = Tries::new(&self.shared, &request);
        let answer = tries.answer().await?.read();
        answer.or_else(|error| was_released(tries.acted(), &error).ok_or(error))
    }

    /// Ends a lease if it waits for a server that nobody has started; `success` of the answer says whether it did. It waits up to a second
    /// for a process that has ended to lose it. An older daemon ends it in any case.
    pub async fn release_waiting(&self, id: LockId) -> Result<ReleaseAnswer, Error> {
        let request = Request::new(Method::DELETE, &format!("/allocate/{id}"));
        self.call(request.query(&ReleaseQuery { waiting: Some(true) })?).await
    }

    /// Says whether a port could be leased now, and who has it.
    pub async fn check(&self, port: Port) -> Result<CheckAnswer, Error> {
        self.call(Request::get(&format!("/check/{port}"))).await
    }

    /// Says which ports an allocate would get, best first: `count` of them, or 5. Reserves nothing.
    pub async fn suggest(&self, service: &ServiceType, count: Option<u8>) -> Result<SuggestAnswer, Error> {
        self.call(Request::get(&format!("/suggest/{service}")).query(&SuggestQuery { count })?).await
    }

    /// Lists the live leases that match `query`.
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

    /// Registers an instance, or registers it again.
    pub async fn register(&self, request: &RegisterRequest) -> Result<RegisterAnswer, Error> {
        self.call(Request::post("/instance/register", request)?).await
    }

    /// Sends a heartbeat for an instance that has no process. It is sent again if its connection breaks.
    pub async fn heartbeat(&self, request: &BeatRequest) -> Result<BeatAnswer, Error> {
        self.call(Request::post("/instance/heartbeat", request)?.repeated(Repeat::Safe)).await
    }

    /// Unregisters an instance.
    ///
    /// It is sent again if its connection breaks. The answer then names no leases if an earlier try has ended them.
    pub async fn end_instance(&self, id: &InstanceId) -> Result<EndInstanceAnswer, Error> {
        let request = Request::new(Method::DELETE, &format!("/instance/{id}")).repeated(Repeat::Safe);
        let mut tries = Tries::new(&self.shared, &request);
        let answer = tries.answer().await?.read();
        answer.or_else(|error| was_unregistered(tries.acted(), &error, id).ok_or(error))
    }

    /// Re-checks every owner and listener now.
    pub async fn cleanup(&self, request: &CleanupRequest) -> Result<CleanupAnswer, Error> {
        self.call(Request::post("/cleanup", request)?).await
    }

    /// Lists what the guard has refused to programs of a session, each refusal once.
    pub async fn report(&self, request: &ReportRequest) -> Result<RefusalsAnswer, Error> {
        self.call(Request::post("/refusals/report", request)?).await
    }

    /// Shows everything that runs: worktrees, their services, other listeners, sessions, what the guard refused.
    pub async fn view(&self) -> Result<ViewAnswer, Error> {
        self.call(Request::get("/view")).await
    }

    /// Says how the daemon is.
    pub async fn status(&self) -> Result<StatusAnswer, Error> {
        self.call(Request::get("/status")).await
    }

    /// Says which configuration is in effect.
    pub async fn config(&self) -> Result<ConfigAnswer, Error> {
        self.call(Request::get("/config")).await
    }

    /// The daemon's metrics in the format of Prometheus.
    pub async fn metrics(&self) -> Result<String, Error> {
        self.send(&Request::get("/metrics")).await?.text()
    }

    /// The API as an `OpenAPI` document.
    pub async fn openapi(&self) -> Result<serde_json::Value, Error> {
        self.call(Request::get("/openapi.json")).await
    }

    /// Streams the events from now on, or those right `after` an event that was seen.
    pub async fn events(&self, after: Option<Seq>) -> Result<Events, Error> {
        let request = &Request::get("/events").after_event(after);
        let mut tries = Tries::new(&self.shared, request);
        loop {
            let left = tries.begin();
            match self.shared.connection.open(request, left).await {
                Ok(response) => return Ok(Events::new(request.route(), response)),
                Err(failure) => tries.recover(failure).await?,
            }
        }
    }

    async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.send(&request).await?.read()
    }

    async fn send(&self, request: &Request) -> Result<Answer, Error> {
        Tries::new(&self.shared, request).answer().await
    }
}

/// The answer that a broken connection swallowed: an earlier try ended the lease that this one finds ended.
fn was_released(acted: Acted, error: &Error) -> Option<ReleaseAnswer> {
    let (Acted::Perhaps, Error::Refused(refusal)) = (acted, error) else { return None };
    let detail = |name: &str| refusal.details.get(name);
    if refusal.code != Code::LeaseEnded || detail("reason")? != EndReason::Released.as_str() {
        return None;
    }
    let port = Port::new(detail("port")?.as_u64()?.try_into().ok()?).ok()?;
    Some(ReleaseAnswer { success: true, port, message: format!("Port {port} released") })
}

/// The same for an instance, whose leases ended with it, or passed to their servers.
fn was_unregistered(acted: Acted, error: &Error, id: &InstanceId) -> Option<EndInstanceAnswer> {
    let (Acted::Perhaps, Error::Refused(refusal)) = (acted, error) else { return None };
    let released = Vec::new();
    (refusal.code == Code::UnknownInstance).then(|| EndInstanceAnswer {
        success: true,
        instance_id: id.clone(),
        released,
    })
}

/// Removes from `request` the field that an older daemon does not know, if the request works without it. Returns whether
/// it did.
fn leave_out(request: &mut AllocateRequest, refusal: &Refusal) -> bool {
    let unknown = refusal.details.get("unknown").is_some_and(|unknown| unknown == true);
    let field = refusal.details.get("field").and_then(serde_json::Value::as_str).filter(|_| unknown);
    match field {
        // It only makes a repeat safe.
        Some("request_id") => request.request_id.take().is_some(),
        // It only makes one port more likely than another.
        Some("default_port") => {
            let members = request.services.iter_mut().flatten();
            let ports = members.map(|member| &mut member.default_port).chain([&mut request.default_port]);
            ports.filter_map(Option::take).count() > 0
        }
        // Without it every package of a checkout has the same key, as then.
        Some("default_name") => {
            let members = request.services.iter_mut().flatten();
            let names = members.map(|member| &mut member.default_name).chain([&mut request.default_name]);
            names.filter_map(Option::take).count() > 0
        }
        // It leaves one port, the first one; the answer's form says so.
        Some("block") => request.block.take().is_some(),
        // It only distinguishes a checkout from one that was at its path before.
        Some("project_id") => {
            let members = request.services.iter_mut().flatten();
            let ids = members.map(|member| &mut member.project_id).chain([&mut request.project_id]);
            ids.filter_map(Option::take).count() > 0
        }
        // Each session has a lease of its own then.
        Some("stack") => {
            let members = request.services.iter_mut().flatten();
            let stacks = members.map(|member| &mut member.stack).chain([&mut request.stack]);
            stacks.filter_map(Option::take).count() > 0
        }
        // There is no front door then.
        Some("door") => {
            let members = request.services.iter_mut().flatten();
            let rules = members.map(|member| &mut member.door).chain([&mut request.door]);
            rules.filter_map(Option::take).count() > 0
        }
        // There are no names then.
        Some("label") => {
            let members = request.services.iter_mut().flatten();
            let labels = members.map(|member| &mut member.label).chain([&mut request.label]);
            labels.filter_map(Option::take).count() > 0
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
            "services": [{ "service_type": "dev", "default_port": 5173, "default_name": "web", "stack": true }],
            "request_id": "r", "reuse": true, "project_id": "1:2:3", "block": 3, "label": "shop",
            "door": { "open": true },
        });
        let mut request: AllocateRequest = serde_json::from_value(json).unwrap();
        let unknown = |field: &str| Refusal::unknown_field(field, &["pid"]);
        assert!(leave_out(&mut request, &unknown("default_port")));
        assert!(!leave_out(&mut request, &unknown("default_port")), "it would be sent again and again");
        assert!(leave_out(&mut request, &unknown("request_id")));
        for field in ["default_name", "project_id", "block", "label", "door", "stack"] {
            assert!(leave_out(&mut request, &unknown(field)) && !leave_out(&mut request, &unknown(field)));
        }
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
