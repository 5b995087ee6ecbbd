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
use crate::calls::Way;
use crate::error::Result;
use crate::events::Events;
use crate::surroundings::Caller;

/// A way to the daemon.
#[napi]
pub struct Client {
    way: Way,
}

#[napi]
#[expect(clippy::needless_pass_by_value, reason = "what crosses from JavaScript is made for this call")]
impl Client {
    /// `daemon` is the binary that is started if no daemon runs. Connects to nothing yet.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: String, environment: HashMap<String, String>, daemon: String) -> Result<Self> {
        let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Ok(Self { way: Way::new(&options, environment, daemon)? })
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
        let way = self.way.clone();
        env.spawn_future(async move { way.allocate(options, beside, caller).await })
    }

    /// Ends a lease.
    #[napi(catch_unwind)]
    pub fn release<'env>(&self, env: &'env Env, lock_id: String) -> Result<PromiseRaw<'env, Released>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.release(lock_id).await })
    }

    /// Who has a port.
    #[napi(catch_unwind)]
    pub fn check<'env>(&self, env: &'env Env, number: String) -> Result<PromiseRaw<'env, Check>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.check(number).await })
    }

    /// Ports that an allocate would be given.
    #[napi(catch_unwind)]
    pub fn suggest<'env>(
        &self,
        env: &'env Env,
        service: String,
        options: String,
    ) -> Result<PromiseRaw<'env, Suggestions>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.suggest(service, options).await })
    }

    /// The live leases.
    #[napi(catch_unwind)]
    pub fn list<'env>(
        &self,
        env: &'env Env,
        options: String,
        caller: Caller,
    ) -> Result<PromiseRaw<'env, Vec<LeaseInfo>>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.list(options, caller).await })
    }

    /// Every listener and every lease in a range.
    #[napi(catch_unwind)]
    pub fn scan<'env>(&self, env: &'env Env, options: String) -> Result<PromiseRaw<'env, Scan>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.scan(options).await })
    }

    /// The live instances.
    #[napi(catch_unwind)]
    pub fn instances<'env>(&self, env: &'env Env) -> Result<PromiseRaw<'env, Vec<Instance>>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.instances().await })
    }

    /// Registers an instance.
    #[napi(catch_unwind)]
    pub fn register<'env>(
        &self,
        env: &'env Env,
        options: String,
        caller: Caller,
    ) -> Result<PromiseRaw<'env, Registration>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.register(options, caller).await })
    }

    /// Beats for an instance.
    #[napi(catch_unwind)]
    pub fn heartbeat<'env>(&self, env: &'env Env, id: String) -> Result<PromiseRaw<'env, Beat>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.heartbeat(id).await })
    }

    /// Ends an instance.
    #[napi(catch_unwind)]
    pub fn unregister<'env>(&self, env: &'env Env, id: String) -> Result<PromiseRaw<'env, EndedInstance>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.unregister(id).await })
    }

    /// Re-checks every owner and listener.
    #[napi(catch_unwind)]
    pub fn cleanup<'env>(&self, env: &'env Env, options: String) -> Result<PromiseRaw<'env, Cleanup>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.cleanup(options).await })
    }

    /// How the daemon is.
    #[napi(catch_unwind)]
    pub fn status<'env>(&self, env: &'env Env) -> Result<PromiseRaw<'env, Status>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.status().await })
    }

    /// What happens from now on, or from an event on.
    #[napi(catch_unwind)]
    pub fn events<'env>(&self, env: &'env Env, options: String) -> Result<PromiseRaw<'env, Events>> {
        let way = self.way.clone();
        env.spawn_future(async move { way.events(options).await })
    }

    /// As `allocate`, while the calling thread waits.
    #[napi(catch_unwind)]
    pub fn allocate_sync(&self, options: String, caller: Caller) -> Result<Vec<Grant>> {
        block_on(self.way.clone().allocate(options, None, caller))
    }

    /// The port that the server of these options listens on, if one of its project runs. The calling thread waits.
    #[napi(catch_unwind)]
    pub fn running_sync(&self, options: String, caller: Caller) -> Result<Option<u16>> {
        block_on(self.way.clone().running(options, caller))
    }
}
