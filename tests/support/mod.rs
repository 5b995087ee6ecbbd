//! What the tests share: a daemon's folder, free ports, commands with a deadline, forged HTTP, real servers.

mod agent;
pub(crate) mod corpus;
mod firebase;
mod helper;
mod home;
mod http;
#[cfg(target_os = "linux")]
mod old_daemon;
mod ports;
mod process;
mod run;
#[cfg(target_os = "linux")]
mod sandbox;
mod schema;
pub(crate) mod session;
mod terminal;
mod wait;

pub(crate) use agent::{Agent, initialize};
pub(crate) use firebase::Suite;
pub(crate) use helper::{Server, forked_server, helper, helper_under};
pub(crate) use home::{Home, sort};
pub(crate) use http::{Answer, Request, Way, proper};
#[cfg(target_os = "linux")]
pub(crate) use old_daemon::{is_stopped_by_request, old_daemon, old_daemon_for};
pub(crate) use ports::{addresses, is_in_time_wait};
#[cfg(target_os = "linux")]
pub(crate) use process::is_stopped;
pub(crate) use process::{Running, alive, has_ended, is_root, kill, nobody, pid_of};
pub(crate) use run::{Output, finish, words};
#[cfg(target_os = "linux")]
pub(crate) use sandbox::{without_connections, without_socket_diagnostics};
pub(crate) use schema::mismatches;
#[cfg(target_os = "linux")]
pub(crate) use terminal::open as open_terminal;
pub(crate) use terminal::{Terminal, on_terminal};
pub(crate) use wait::{DEADLINE, eventually, until};
