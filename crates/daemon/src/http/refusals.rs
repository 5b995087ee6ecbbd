//! `/refusals`: what the guard has refused.

use std::sync::PoisonError;

use axum::extract::State;
use styxy_core::api::{RefusalsAnswer, RefusalsQuery, ReportRequest};

use super::Shared;
use super::answer::{Answer, Result};
use super::body::{Json, Query};

pub(super) async fn list(
    State(daemon): Shared,
    Query(query): Query<RefusalsQuery>,
) -> Result<RefusalsAnswer> {
    let refusals = daemon.refusals.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Answer(RefusalsAnswer { refusals: refusals.of(query.instance_id.as_ref()) }))
}

pub(super) async fn report(
    State(daemon): Shared,
    Json(request): Json<ReportRequest>,
) -> Result<RefusalsAnswer> {
    let mut refusals = daemon.refusals.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Answer(RefusalsAnswer { refusals: refusals.report(&request.instance_id) }))
}
