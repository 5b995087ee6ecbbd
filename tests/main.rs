//! The promises of the `styxy` binary, each on real processes and sockets: one file per promise.
//!
//! Every test has its own folder, daemon and block of ports, so all of them run at once, beside anything else that runs on
//! the machine. No test sleeps to wait for something: [`support::eventually`] checks the condition itself.

#![cfg(unix)]

#[cfg(test)]
mod adoption;
#[cfg(test)]
mod autostart;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod blocks;
#[cfg(test)]
mod chains;
#[cfg(test)]
mod cli;
// What is kept was answered on Linux; other systems leave out what they cannot find out.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod compat;
#[cfg(test)]
mod completion;
#[cfg(test)]
mod containers;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod design;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod env;
#[cfg(test)]
mod events;
#[cfg(test)]
mod firebase;
#[cfg(test)]
mod folders;
#[cfg(test)]
mod further_ports;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod home_folder;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod hooks_guard;
#[cfg(test)]
mod hooks_install;
#[cfg(test)]
mod hostile_values;
#[cfg(test)]
mod http_filter;
#[cfg(test)]
mod init;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod instances;
// Only Linux says cheaply what is above a process.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod kept_up;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod listeners;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod login;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod networks;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod older;
#[cfg(test)]
mod other_users;
#[cfg(test)]
mod output;
#[cfg(test)]
mod packages;
// Elsewhere the daemon learns of its files with the next sweep.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod place;
#[cfg(test)]
mod project_file;
#[cfg(test)]
mod race;
#[cfg(test)]
mod raw_requests;
#[cfg(test)]
mod release;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod reuse;
#[cfg(test)]
mod run;
#[cfg(test)]
mod run_always;
#[cfg(test)]
mod run_beside;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod run_reporter;
#[cfg(test)]
mod run_typed;
#[cfg(test)]
mod run_wishes;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod sandboxed;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod several;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod strays;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod support;
// Only Linux says who holds a lock.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod stuck;
#[cfg(test)]
mod swarm;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod uninstall;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod whose;
#[cfg(test)]
mod wire;
