//! The daemon in this process, on a port of the system's choosing: what needs no binary and no command line.

#![cfg(unix)]

mod events;
mod live;
mod owners;
mod time;
