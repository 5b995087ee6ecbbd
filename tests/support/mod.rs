//! What the tests share: a daemon's folder, free ports, commands with a deadline, forged HTTP, real servers.

mod helper;
mod home;
mod http;
mod ports;
mod process;
mod run;
mod schema;
mod terminal;
mod wait;

pub(crate) use helper::{Server, forked_server, helper};
pub(crate) use home::{Home, sort};
pub(crate) use http::{Answer, Events, Request, Way, proper};
pub(crate) use process::{Running, alive, is_root, kill, nobody};
pub(crate) use run::{Output, finish};
pub(crate) use terminal::on_terminal;
pub(crate) use schema::mismatches;
pub(crate) use wait::{DEADLINE, eventually, until};
