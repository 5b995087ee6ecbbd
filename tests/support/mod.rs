//! What the tests share: a daemon's folder, free ports, commands with a deadline, forged HTTP, real servers.

#![cfg_attr(
    windows,
    expect(dead_code, unused_imports, reason = "some of it is for tests that run on Unix only")
)]

mod agent;
mod asker;
pub(crate) mod corpus;
mod finds;
#[cfg(unix)]
mod firebase;
mod helper;
mod home;
mod http;
#[cfg(unix)]
mod needs;
#[cfg(target_os = "linux")]
mod old_daemon;
#[cfg(windows)]
mod pipe;
mod ports;
mod process;
mod run;
#[cfg(target_os = "linux")]
mod sandbox;
mod schema;
#[cfg(windows)]
mod service;
#[cfg(unix)]
pub(crate) mod session;
mod skip;
#[cfg(target_os = "linux")]
pub(crate) mod stack;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod touches;
mod wait;
pub(crate) mod web;

pub(crate) use agent::{Agent, initialize};
pub(crate) use finds::finds;
#[cfg(unix)]
pub(crate) use firebase::Suite;
pub(crate) use helper::{Server, forked_server, helper, helper_under, listener};
pub(crate) use home::{Home, real, sort};
pub(crate) use http::{Answer, Request, Way, proper};
#[cfg(unix)]
pub(crate) use needs::{lacks, lacks_root, nobody};
#[cfg(target_os = "linux")]
pub(crate) use needs::{lacks_namespaces, lacks_tool};
#[cfg(target_os = "linux")]
pub(crate) use old_daemon::{is_stopped_by_request, old_daemon, old_daemon_for};
#[cfg(unix)]
pub(crate) use ports::is_in_time_wait;
pub(crate) use ports::{addresses, names_process};
#[cfg(windows)]
pub(crate) use process::end;
#[cfg(target_os = "linux")]
pub(crate) use process::is_stopped;
#[cfg(unix)]
pub(crate) use process::kill;
pub(crate) use process::{Running, alive, has_ended, pid_of};
pub(crate) use run::{NOTHING, Output, PRINTS_PORT, finish, program, words};
#[cfg(target_os = "linux")]
pub(crate) use sandbox::{Argument, DIAGNOSTICS, Denied, deny, without_connections};
pub(crate) use schema::mismatches;
pub(crate) use skip::wine_lacks;
#[cfg(unix)]
pub(crate) use skip::{Need, skipped};
#[cfg(target_os = "linux")]
pub(crate) use terminal::open as open_terminal;
#[cfg(unix)]
pub(crate) use terminal::{Terminal, on_terminal};
pub(crate) use wait::{DEADLINE, eventually, until};
