//! What each call does: it reads its arguments, asks the daemon and converts the answer. Every argument of a user is JSON
//! text.

use std::path::Path;

use styxy_client::release::{self, Claim};
use styxy_client::{Environment, Options, Start, Terms, leases};
use styxy_core::api::{self, BeatRequest, CleanupRequest, Code, Refusal, ScanQuery};
use styxy_core::{InstanceId, Invalid, LockId, Pid, Port, ServiceType};

use crate::answers::{
    Beat, Check, Cleanup, EndedInstance, Grant, Instance, LeaseInfo, Registration, Released, Scan, Status,
    Suggestions, leases as all,
};
use crate::error::{Result, failed, invalid, refused, unplaced, wrong};
use crate::events::Events;
use crate::options::{
    CleanupOptions, ConnectOptions, EventsOptions, ListOptions, RegisterOptions, ScanOptions, SuggestOptions,
    Target, allocation, port, read, released, server, text,
};
use crate::surroundings::Caller;

/// The calls of one client. Each call gets a clone, so that it does not depend on an object that JavaScript may free.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    client: styxy_client::Client,
}

impl Calls {
    /// `daemon` is the binary that is started if no daemon runs.
    pub(crate) fn new(options: &str, mut environment: Environment, daemon: String) -> Result<Self> {
        let ConnectOptions { home, socket, auto_start, timeout_ms } = read(options)?;
        for (field, path) in [("home", &home), ("socket", &socket)] {
            // An empty path would mean the user's own daemon, which was not asked for.
            if path.as_ref().is_some_and(String::is_empty) {
                return Err(wrong(field, Invalid::text("", "is not a path", "an absolute path")));
            }
        }
        if let Some(home) = home {
            if !Path::new(&home).is_absolute() {
                return Err(wrong("home", Invalid::text(&home, "is relative", "an absolute path")));
            }
            environment.insert("STYXY_HOME".into(), home.into());
        }
        let mut options = Options::from_env(daemon.into(), environment).map_err(|error| failed(&error))?;
        options.start = match (auto_start, &socket) {
            (Some(true), Some(_)) => {
                let allowed = "false, since no daemon can be started for a socket";
                return Err(invalid("autoStart", "true beside socket", allowed));
            }
            (Some(true), None) => Start::Auto,
            (Some(false), _) | (None, Some(_)) => Start::Never,
            (None, None) => options.start,
        };
        options.socket = socket.map(Into::into);
        if let Some(timeout) = timeout_ms {
            options.timeout = timeout.duration();
        }
        let client = styxy_client::Client::new(options).map_err(|error| failed(&error))?;
        Ok(Self { client })
    }

    pub(crate) async fn allocate(
        self,
        options: String,
        beside: Option<String>,
        caller: Caller,
    ) -> Result<Vec<Grant>> {
        let request = allocation(&options, beside.as_deref(), &caller.look())?;
        let answer = self.client.allocate(&request).await.map_err(|error| failed(&error))?;
        if let Some(block) = request.block.filter(|block| answer.grants().len() < usize::from(*block)) {
            return Err(self.no_block(block, answer.grants()).await);
        }
        Ok(answer.grants().iter().cloned().map(Into::into).collect())
    }

    /// The refusal of a block by a daemon that does not know blocks, and gave one port. That port is released.
    async fn no_block(&self, block: u8, grants: &[api::Grant]) -> napi::Error {
        for id in grants.iter().filter_map(|grant| grant.lock_id) {
            // If this fails, the lease ends with its owner.
            let _ = self.client.release(id).await;
        }
        let error = format!("block: the running daemon is too old for {block} consecutive ports");
        refused(
            Refusal::new(Code::InvalidRequest, error).hint("styxy daemon restart").detail("field", "block"),
        )
    }

    pub(crate) async fn running(self, options: String, caller: Caller) -> Result<Option<u16>> {
        let (port, terms) = server(&options, &caller.look())?;
        let running = leases::running(&self.client, &port, &terms).await;
        Ok(running.map_err(|error| failed(&error))?.map(Port::get))
    }

    pub(crate) async fn release(self, target: String, caller: Caller) -> Result<Released> {
        let id = match released(&target)? {
            Target::Lease(id) => id,
            Target::Port(port) => self.own_on(port, &caller).await?,
        };
        self.client.release(id).await.map(Into::into).map_err(|error| failed(&error))
    }

    /// The lease of `port`, if it is this process' or for the caller's project. A number alone does not show that the caller
    /// means the lease of somebody else.
    async fn own_on(&self, port: Port, caller: &Caller) -> Result<LockId> {
        let terms = Terms { pid: Pid::new(std::process::id()), ..Terms::default() };
        let claim = Claim::OursAlone(terms.or(&caller.look()).map_err(|error| unplaced(&error))?);
        let lease = release::on_port(&self.client, port, &claim).await.map_err(|error| failed(&error))?;
        Ok(lease.lock_id)
    }

    pub(crate) async fn check(self, number: String) -> Result<Check> {
        self.client.check(port(&number)?).await.map(Into::into).map_err(|error| failed(&error))
    }

    pub(crate) async fn suggest(self, service: String, options: String) -> Result<Suggestions> {
        let service = text("service", &service, ServiceType::new)?;
        let SuggestOptions { count } = read(&options)?;
        let answer = self.client.suggest(&service, count.map(|count| count.0)).await;
        answer.map(Into::into).map_err(|error| failed(&error))
    }

    pub(crate) async fn list(self, options: String, caller: Caller) -> Result<Vec<LeaseInfo>> {
        let query = read::<ListOptions>(&options)?.query(&caller.look())?;
        let answer = self.client.allocations(&query).await.map_err(|error| failed(&error))?;
        Ok(all(answer.allocations))
    }

    pub(crate) async fn scan(self, options: String) -> Result<Scan> {
        let ScanOptions { start, end } = read(&options)?;
        self.client.scan(&ScanQuery { start, end }).await.map(Into::into).map_err(|error| failed(&error))
    }

    pub(crate) async fn instances(self) -> Result<Vec<Instance>> {
        let answer = self.client.instances().await.map_err(|error| failed(&error))?;
        Ok(answer.instances.into_iter().map(Into::into).collect())
    }

    pub(crate) async fn register(self, options: String, caller: Caller) -> Result<Registration> {
        let request = read::<RegisterOptions>(&options)?.request(&caller.look())?;
        self.client.register(&request).await.map(Into::into).map_err(|error| failed(&error))
    }

    pub(crate) async fn heartbeat(self, id: String) -> Result<Beat> {
        let request = BeatRequest { instance_id: instance(&id)? };
        self.client.heartbeat(&request).await.map(Into::into).map_err(|error| failed(&error))
    }

    pub(crate) async fn unregister(self, id: String) -> Result<EndedInstance> {
        self.client.end_instance(&instance(&id)?).await.map(Into::into).map_err(|error| failed(&error))
    }

    pub(crate) async fn cleanup(self, options: String) -> Result<Cleanup> {
        let CleanupOptions { force } = read(&options)?;
        let answer = self.client.cleanup(&CleanupRequest { force }).await.map_err(|error| failed(&error))?;
        answer.try_into()
    }

    pub(crate) async fn status(self) -> Result<Status> {
        self.client.status().await.map_err(|error| failed(&error))?.try_into()
    }

    pub(crate) async fn events(self, options: String) -> Result<Events> {
        let EventsOptions { after } = read(&options)?;
        self.client.events(after.map(|seen| seen.0)).await.map(Events::new).map_err(|error| failed(&error))
    }
}

fn instance(id: &str) -> Result<InstanceId> {
    text("instanceId", id, InstanceId::new)
}
