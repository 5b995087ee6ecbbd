//! The client, one method per call of the API. Every argument that a user gave is JSON text.

use std::collections::HashMap;
use std::path::PathBuf;

use napi::bindgen_prelude::block_on;
use napi_derive::napi;
use styxy_client::{Options, Start};
use styxy_core::api::{AllocateRequest, BeatRequest, CleanupRequest, ScanQuery};
use styxy_core::{InstanceId, LockId, ProjectPath, RequestId, ServiceType};
use uuid::Uuid;

use crate::answers::{
    Beat, Check, Cleanup, EndedInstance, Grant, Instance, LeaseInfo, Registration, Released, Scan, Status,
    Suggestions, leases,
};
use crate::error::{Result, failed, invalid};
use crate::events::Events;
use crate::options::{
    CleanupOptions, ConnectOptions, EventsOptions, ListOptions, RegisterOptions, ScanOptions, SuggestOptions,
    allocation, port, read, text,
};
use crate::surroundings::Caller;

/// A way to the daemon.
#[napi]
pub struct Client {
    client: styxy_client::Client,
    environment: styxy_client::Environment,
}

#[napi]
#[expect(clippy::needless_pass_by_value, reason = "what crosses from JavaScript is made for this call")]
impl Client {
    /// `daemon` is the binary that is started if no daemon runs. Connects to nothing yet.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: String, environment: HashMap<String, String>, daemon: String) -> Result<Self> {
        let ConnectOptions { home, socket, auto_start, timeout_ms } = read(&options)?;
        let mut environment: styxy_client::Environment =
            environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        if let Some(home) = home {
            environment.insert("STYXY_HOME".into(), home.into());
        }
        let mut options =
            Options::from_env(daemon.into(), environment.clone()).map_err(|error| failed(&error))?;
        options.start = match (auto_start, &socket) {
            (Some(true), Some(_)) => {
                let found = "true beside socket; allowed: false, since no daemon can be started for a socket";
                return Err(invalid("autoStart", found));
            }
            (Some(true), None) => Start::Auto,
            (Some(false), _) | (None, Some(_)) => Start::Never,
            (None, None) => options.start,
        };
        options.socket = socket.map(PathBuf::from);
        if let Some(timeout) = timeout_ms {
            options.timeout = timeout.duration();
        }
        let client = styxy_client::Client::new(options).map_err(|error| failed(&error))?;
        Ok(Self { client, environment })
    }

    /// The grants, one for each service asked for.
    #[napi]
    pub async fn allocate(
        &self,
        options: String,
        beside: Option<String>,
        caller: Caller,
    ) -> Result<Vec<Grant>> {
        let request = self.request(&options, beside.as_deref(), &caller)?;
        self.granted(&request).await
    }

    /// As `allocate`, while the calling thread waits.
    #[napi(catch_unwind)]
    pub fn allocate_sync(&self, options: String, caller: Caller) -> Result<Vec<Grant>> {
        let request = self.request(&options, None, &caller)?;
        block_on(self.granted(&request))
    }

    /// Ends a lease.
    #[napi]
    pub async fn release(&self, lock_id: String) -> Result<Released> {
        let id = text("lockId", &lock_id, |id| LockId::parse(id).map_err(|error| error.to_string()))?;
        self.client.release(id).await.map(Into::into).map_err(|error| failed(&error))
    }

    /// Who has a port.
    #[napi]
    pub async fn check(&self, number: String) -> Result<Check> {
        self.client.check(port(&number)?).await.map(Into::into).map_err(|error| failed(&error))
    }

    /// Ports that an allocate would be given.
    #[napi]
    pub async fn suggest(&self, service: String, options: String) -> Result<Suggestions> {
        let service =
            text("service", &service, |name| ServiceType::new(name).map_err(|error| error.to_string()))?;
        let SuggestOptions { count } = read(&options)?;
        let answer = self.client.suggest(&service, count.map(|count| count.0)).await;
        answer.map(Into::into).map_err(|error| failed(&error))
    }

    /// The live leases.
    #[napi]
    pub async fn list(&self, options: String, caller: Caller) -> Result<Vec<LeaseInfo>> {
        self.listed(&options, &caller).await
    }

    /// What a server that is asked for by these options is called: the name given, else the project file's. Asks no daemon.
    #[napi(catch_unwind)]
    pub fn service_name(&self, options: String, caller: Caller) -> Result<Option<String>> {
        Ok(self.request(&options, None, &caller)?.service_name.map(Into::into))
    }

    /// As `list`, while the calling thread waits.
    #[napi(catch_unwind)]
    pub fn list_sync(&self, options: String, caller: Caller) -> Result<Vec<LeaseInfo>> {
        block_on(self.listed(&options, &caller))
    }

    /// Every listener and every lease in a range.
    #[napi]
    pub async fn scan(&self, options: String) -> Result<Scan> {
        let ScanOptions { start, end } = read(&options)?;
        self.client.scan(&ScanQuery { start, end }).await.map(Into::into).map_err(|error| failed(&error))
    }

    /// The live instances.
    #[napi]
    pub async fn instances(&self) -> Result<Vec<Instance>> {
        let answer = self.client.instances().await.map_err(|error| failed(&error))?;
        Ok(answer.instances.into_iter().map(Into::into).collect())
    }

    /// Registers an instance.
    #[napi]
    pub async fn register(&self, options: String, caller: Caller) -> Result<Registration> {
        let request = read::<RegisterOptions>(&options)?.request(&caller)?;
        self.client.register(&request).await.map(Into::into).map_err(|error| failed(&error))
    }

    /// Beats for an instance.
    #[napi]
    pub async fn heartbeat(&self, id: String) -> Result<Beat> {
        let request = BeatRequest { instance_id: instance(&id)? };
        self.client.heartbeat(&request).await.map(Into::into).map_err(|error| failed(&error))
    }

    /// Ends an instance.
    #[napi]
    pub async fn unregister(&self, id: String) -> Result<EndedInstance> {
        self.client.end_instance(&instance(&id)?).await.map(Into::into).map_err(|error| failed(&error))
    }

    /// Re-checks every owner and listener.
    #[napi]
    pub async fn cleanup(&self, options: String) -> Result<Cleanup> {
        let CleanupOptions { force } = read(&options)?;
        let answer = self.client.cleanup(&CleanupRequest { force }).await.map_err(|error| failed(&error))?;
        answer.try_into()
    }

    /// How the daemon is.
    #[napi]
    pub async fn status(&self) -> Result<Status> {
        self.client.status().await.map_err(|error| failed(&error))?.try_into()
    }

    /// What happens from now on, or from an event on.
    #[napi]
    pub async fn events(&self, options: String) -> Result<Events> {
        let EventsOptions { after } = read(&options)?;
        self.client.events(after).await.map(Events::new).map_err(|error| failed(&error))
    }
}

impl Client {
    fn request(&self, options: &str, beside: Option<&str>, caller: &Caller) -> Result<AllocateRequest> {
        let wishes = |folder: Option<&ProjectPath>| caller.wishes(folder, &self.environment);
        let mut request = allocation(options, beside, caller, wishes)?;
        if request.project_path.is_none() {
            request.project_path = caller.project(&self.environment)?;
        }
        if request.instance_id.is_none() {
            request.instance_id = caller.instance()?;
        }
        if request.pid.is_none() {
            request.pid = Some(Caller::pid()?);
        }
        if request.request_id.is_none() {
            let fresh = RequestId::new(&Uuid::new_v4().to_string());
            request.request_id = Some(fresh.map_err(|error| invalid("requestId", &error.to_string()))?);
        }
        Ok(request)
    }

    async fn granted(&self, request: &AllocateRequest) -> Result<Vec<Grant>> {
        let answer = self.client.allocate(request).await.map_err(|error| failed(&error))?;
        Ok(answer.grants().iter().cloned().map(Into::into).collect())
    }

    async fn listed(&self, options: &str, caller: &Caller) -> Result<Vec<LeaseInfo>> {
        let query = read::<ListOptions>(options)?.query(caller)?;
        let answer = self.client.allocations(&query).await.map_err(|error| failed(&error))?;
        Ok(leases(answer.allocations))
    }
}

fn instance(id: &str) -> Result<InstanceId> {
    text("instanceId", id, |id| InstanceId::new(id).map_err(|error| error.to_string()))
}
