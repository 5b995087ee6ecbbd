//! How much one checkout, one owner and all together may have.

use serde::{Deserialize, Serialize};

/// The quotas. What is there already is never taken away by one that was lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Quotas {
    /// Live leases of one checkout.
    pub leases_per_checkout: u32,
    /// Leases of one owner that wait for their server; an owner is a session in a checkout, or what there is of the two.
    pub waiting_per_owner: u32,
    /// Registered instances.
    pub instances: u32,
    /// Bytes of JSON in an instance's metadata.
    pub metadata_bytes: u32,
}

impl Quotas {
    /// The most that any of them but the last may be: there are no more ports.
    pub(super) const MOST: u32 = 65_535;
    /// The most that the last may be: a request's body has no more.
    pub(super) const MOST_BYTES: u32 = 16 * 1024;
    pub(super) const KEYS: [&str; 4] =
        ["leases_per_checkout", "waiting_per_owner", "instances", "metadata_bytes"];
}

impl Default for Quotas {
    fn default() -> Self {
        Self { leases_per_checkout: 256, waiting_per_owner: 64, instances: 1024, metadata_bytes: 1024 }
    }
}
