//! The client as the addon exports it: each method hands its arguments to a future of `calls`.
//!
//! No future borrows the object, and none is an `async fn` of it: a worker thread that ends frees its objects at once,
//! while the futures that it began go on in the addon's thread.

use std::collections::HashMap;

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, block_on};
use napi_derive::napi;

use crate::answers::{
    Beat, Check, Cleanup, EndedInstance, Grant, Instance, LeaseInfo, Registration, Released, Scan, Status,
    Suggestions,
};
use crate::calls::Calls;
use crate::error::Result;
use crate::events::Events;
use crate::surroundings::Caller;

/// A client of the daemon.
#[napi]
pub struct Client {
    calls: Calls,
}

#[napi]
#[expect(clippy::needless_pass_by_value, reason = "what crosses from JavaScript is made for this call")]
impl Client {
    /// `daemon` is the binary that is started if no daemon runs. Connects to nothing yet.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: String, environment: HashMap<String, String>, daemon: String) -> Result<Self> {
        let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Ok(Self { calls: Calls::new(&options, environment, daemon)? })
    }

    /// The grants, one for each service asked for.
    #[napi(catch_unwind)]
    pub fn allocate<'env>(
        &self,
        env: &'env Env,
        options: String,
        beside: Option<String>,
        caller: Caller,
    ) -> Result<PromiseRaw<'env, Vec<Grant>>> {
        env.spawn_future(self.calls.clone().allocate(options, beside, caller))
    }

    /// Ends a lease, named by its id or its port.
    #[napi(catch_unwind)]
    pub fn release<'env>(
        &self,
        env: &'env Env,
        target: String,
        caller: Caller,
    ) -> Result<PromiseRaw<'env, Released>> {
        env.spawn_future(self.calls.clone().release(target, caller))
    }

    /// Who has a port.
    #[napi(catch_unwind)]
    pub fn check<'env>(&self, env: &'env Env, number: String) -> Result<PromiseRaw<'env, Check>> {
        env.spawn_future(self.calls.clone().check(number))
    }

    /// Ports that an allocate would get.
    #[napi(catch_unwind)]
    pub fn suggest<'env>(
        &self,
        env: &'env Env,
        service: String,
        options: String,
    ) -> Result<PromiseRaw<'env, Suggestions>> {
        env.spawn_future(self.calls.clone().suggest(service, options))
    }

    /// The live leases.
    #[napi(catch_unwind)]
    pub fn list<'env>(
        &self,
        env: &'env Env,
        options: String,
        caller: Caller,
    ) -> Result<PromiseRaw<'env, Vec<LeaseInfo>>> {
        env.spawn_future(self.calls.clone().list(options, caller))
    }

    /// Every listener and every lease in a range.
    #[napi(catch_unwind)]
    pub fn scan<'env>(&self, env: &'env Env, options: String) -> Result<PromiseRaw<'env, Scan>> {
        env.spawn_future(self.calls.clone().scan(options))
    }

    /// The live instances.
    #[napi(catch_unwind)]
    pub fn instances<'env>(&self, env: &'env Env) -> Result<PromiseRaw<'env, Vec<Instance>>> {
        env.spawn_future(self.calls.clone().instances())
    }

    /// Registers an instance.
    #[napi(catch_unwind)]
    pub fn register<'env>(
        &self,
        env: &'env Env,
        options: String,
        caller: Caller,
    ) -> Result<PromiseRaw<'env, Registration>> {
        env.spawn_future(self.calls.clone().register(options, caller))
    }

    /// Sends a heartbeat for an instance.
    #[napi(catch_unwind)]
    pub fn heartbeat<'env>(&self, env: &'env Env, id: String) -> Result<PromiseRaw<'env, Beat>> {
        env.spawn_future(self.calls.clone().heartbeat(id))
    }

    /// Ends an instance.
    #[napi(catch_unwind)]
    pub fn unregister<'env>(&self, env: &'env Env, id: String) -> Result<PromiseRaw<'env, EndedInstance>> {
        env.spawn_future(self.calls.clone().unregister(id))
    }

    /// Re-checks every owner and listener.
    #[napi(catch_unwind)]
    pub fn cleanup<'env>(&self, env: &'env Env, options: String) -> Result<PromiseRaw<'env, Cleanup>> {
        env.spawn_future(self.calls.clone().cleanup(options))
    }

    /// How the daemon is.
    #[napi(catch_unwind)]
    pub fn status<'env>(&self, env: &'env Env) -> Result<PromiseRaw<'env, Status>> {
        env.spawn_future(self.calls.clone().status())
    }

    /// What happens from now on, or from an event on.
    #[napi(catch_unwind)]
    pub fn events<'env>(&self, env: &'env Env, options: String) -> Result<PromiseRaw<'env, Events>> {
        env.spawn_future(self.calls.clone().events(options))
    }

    /// As `allocate`, while the calling thread waits.
    #[napi(catch_unwind)]
    pub fn allocate_sync(&self, options: String, caller: Caller) -> Result<Vec<Grant>> {
        block_on(self.calls.clone().allocate(options, None, caller))
    }

    /// The port that the server of these options listens on, if one of its project runs. The calling thread waits.
    #[napi(catch_unwind)]
    pub fn running_sync(&self, options: String, caller: Caller) -> Result<Option<u16>> {
        block_on(self.calls.clone().running(options, caller))
    }
}
