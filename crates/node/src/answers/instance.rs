//! Agent sessions.

use napi_derive::napi;
use styxy_core::api;

use super::{LeaseInfo, leases};

/// One live instance: an agent session.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Instance {
    /// Its name.
    pub instance_id: String,
    /// Where it works.
    pub working_directory: Option<String>,
    /// Its process, if it was registered with one.
    pub pid: Option<u32>,
    /// Since when it is known, RFC 3339.
    pub registered_at: String,
    /// Its last heartbeat, or its registration, RFC 3339.
    pub last_heartbeat: String,
    /// The leases asked for by it.
    pub active_allocations: Vec<LeaseInfo>,
    /// As registered; null if nothing was.
    #[napi(ts_type = "Record<string, unknown>")]
    pub metadata: Option<serde_json::Value>,
}

impl From<api::InstanceView> for Instance {
    fn from(instance: api::InstanceView) -> Self {
        let api::InstanceView {
            instance_id,
            working_directory,
            pid,
            registered_at,
            last_heartbeat,
            active_allocations,
            metadata,
        } = instance;
        Self {
            instance_id: instance_id.into(),
            working_directory: working_directory.map(Into::into),
            pid: pid.map(styxy_core::Pid::get),
            registered_at: registered_at.to_string(),
            last_heartbeat: last_heartbeat.to_string(),
            active_allocations: leases(active_allocations),
            metadata,
        }
    }
}

/// A registered instance.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Registration {
    /// Its name.
    pub instance_id: String,
    /// Send a heartbeat this often, in seconds; null if it has a process and needs none.
    pub heartbeat_interval: Option<f64>,
    /// It expires this many seconds after its last heartbeat; null if it has a process.
    pub expires_in: Option<f64>,
}

impl From<api::RegisterAnswer> for Registration {
    fn from(answer: api::RegisterAnswer) -> Self {
        let api::RegisterAnswer { success: _, instance_id, heartbeat_interval, expires_in } = answer;
        Self { instance_id: instance_id.into(), heartbeat_interval, expires_in }
    }
}

/// A heartbeat that the daemon received.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Beat {
    /// The name of the instance.
    pub instance_id: String,
    /// When the daemon received it, RFC 3339.
    pub last_heartbeat: String,
    /// Seconds until the instance expires without another; null if it has a process.
    pub expires_in: Option<f64>,
}

impl From<api::BeatAnswer> for Beat {
    fn from(answer: api::BeatAnswer) -> Self {
        let api::BeatAnswer { success: _, instance_id, last_heartbeat, expires_in } = answer;
        Self { instance_id: instance_id.into(), last_heartbeat: last_heartbeat.to_string(), expires_in }
    }
}

/// An instance that was unregistered.
#[napi(object, object_from_js = false)]
pub struct EndedInstance {
    /// Its name.
    pub instance_id: String,
    /// Its leases that ended with it; those that something listens on passed to the listener.
    pub released: Vec<LeaseInfo>,
}

impl From<api::EndInstanceAnswer> for EndedInstance {
    fn from(answer: api::EndInstanceAnswer) -> Self {
        let api::EndInstanceAnswer { success: _, instance_id, released } = answer;
        Self { instance_id: instance_id.into(), released: leases(released) }
    }
}
