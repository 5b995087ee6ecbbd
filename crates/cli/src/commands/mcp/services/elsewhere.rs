//! The tools for a worktree's services, where there is no keeper.

use super::super::arguments::{ServiceLogs, StartService, StopService, WaitFor};
use super::super::calls::Answer;
use crate::here::context::Context;
use crate::say::failure::Failure;

pub(in crate::commands::mcp) async fn start(_: &Context, said: StartService) -> Result<Answer, Failure> {
    let StartService { service: _, project: _ } = said;
    none()
}

pub(in crate::commands::mcp) async fn stop(_: &Context, said: StopService) -> Result<Answer, Failure> {
    let StopService { service: _, project: _ } = said;
    none()
}

pub(in crate::commands::mcp) async fn logs(_: &Context, said: ServiceLogs) -> Result<Answer, Failure> {
    let ServiceLogs { service: _, lines: _, grep: _, project: _ } = said;
    none()
}

pub(in crate::commands::mcp) async fn wait(_: &Context, said: WaitFor) -> Result<Answer, Failure> {
    let WaitFor { service: _, path: _, timeout: _, project: _ } = said;
    none()
}

fn none() -> Result<Answer, Failure> {
    Err(Failure::usage(
        "styxy up does not exist on Windows yet",
        "allocate_port, and start the server on that port",
    ))
}
