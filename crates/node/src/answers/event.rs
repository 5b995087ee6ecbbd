//! What happens.

use napi_derive::napi;
use styxy_core::api;

use super::{Instance, LeaseInfo, number};
use crate::error::Result;

/// One event. `reset` has nothing but its type.
#[napi(object, object_from_js = false)]
pub struct RawEvent {
    /// `granted`, `ended`, …
    pub r#type: String,
    /// Ascending; numbers may be skipped.
    pub seq: Option<i64>,
    /// When, RFC 3339.
    pub at: Option<String>,
    /// The lease as it was right after the event.
    pub lease: Option<LeaseInfo>,
    /// The instance as it was right after the event.
    pub instance: Option<Instance>,
    /// Why a lease ended.
    pub reason: Option<String>,
    /// What the guard refused, as the program said it.
    pub message: Option<String>,
}

impl RawEvent {
    pub(crate) fn new(name: String, message: Option<api::EventMessage>) -> Result<Self> {
        let Some(message) = message else {
            return Ok(Self {
                r#type: name,
                seq: None,
                at: None,
                lease: None,
                instance: None,
                reason: None,
                message: None,
            });
        };
        let api::EventMessage { seq, at, lease, instance, reason, refused } = message;
        Ok(Self {
            r#type: name,
            seq: Some(number(seq)?),
            at: Some(at.to_string()),
            lease: lease.map(Into::into),
            instance: instance.map(Into::into),
            reason: reason.map(|reason| reason.as_str().to_owned()),
            message: refused.map(|refused| refused.message),
        })
    }
}
