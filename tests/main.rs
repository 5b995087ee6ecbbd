//! The promises of the `styxy` binary, each on real processes and sockets: one file per promise.
//!
//! Every test has its own folder, daemon and block of ports, so all of them run at once, beside anything else that runs on
//! the machine. No test sleeps to wait for something: [`support::eventually`] checks the condition itself.
//!
//! A module of `cfg(unix)` needs signals, modes, a terminal or a shell. The others run everywhere, Windows included; what only
//! Windows has is in `windows`.

#[cfg(test)]
#[cfg(unix)]
mod adoption;
#[cfg(test)]
#[cfg(unix)]
mod autostart;
#[cfg(test)]
#[cfg(unix)]
mod bad_input;
#[cfg(test)]
#[cfg(unix)]
mod blocks;
#[cfg(test)]
#[cfg(unix)]
mod chains;
#[cfg(test)]
#[cfg(unix)]
mod cli;
// What is kept was answered on Linux; other systems leave out what they cannot find out.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod compat;
#[cfg(test)]
#[cfg(unix)]
mod completion;
#[cfg(test)]
#[cfg(unix)]
mod containers;
#[cfg(test)]
#[cfg(unix)]
mod crowd;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod design;
#[cfg(test)]
#[cfg(unix)]
mod doctor;
#[cfg(test)]
#[cfg(unix)]
mod env;
#[cfg(test)]
mod events;
#[cfg(test)]
#[cfg(unix)]
mod firebase;
#[cfg(test)]
#[cfg(unix)]
mod folders;
#[cfg(test)]
#[cfg(unix)]
mod further_ports;
#[cfg(test)]
mod grants;
#[cfg(test)]
#[cfg(unix)]
mod home_folder;
#[cfg(test)]
#[cfg(unix)]
mod hooks;
#[cfg(test)]
#[cfg(unix)]
mod hooks_guard;
#[cfg(test)]
#[cfg(unix)]
mod hooks_install;
#[cfg(test)]
#[cfg(unix)]
mod hostile_values;
#[cfg(test)]
#[cfg(unix)]
mod http_filter;
#[cfg(test)]
#[cfg(unix)]
mod init;
#[cfg(test)]
mod inspect;
#[cfg(test)]
#[cfg(unix)]
mod instances;
// Only Linux says cheaply what is above a process.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod kept_up;
#[cfg(test)]
#[cfg(unix)]
mod kill;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod kill_tree;
#[cfg(test)]
#[cfg(unix)]
mod leases;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod limits;
#[cfg(test)]
#[cfg(unix)]
mod listeners;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod login;
#[cfg(test)]
mod mcp;
#[cfg(test)]
#[cfg(unix)]
mod namespaces;
#[cfg(test)]
#[cfg(unix)]
mod networks;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod older;
#[cfg(test)]
#[cfg(unix)]
mod other_users;
#[cfg(test)]
#[cfg(unix)]
mod output;
#[cfg(test)]
#[cfg(unix)]
mod packages;
// Elsewhere the daemon learns of its files with the next sweep.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod place;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod platforms;
#[cfg(test)]
#[cfg(unix)]
mod project_file;
#[cfg(test)]
mod race;
#[cfg(test)]
#[cfg(unix)]
mod raw_requests;
#[cfg(test)]
#[cfg(unix)]
mod release;
#[cfg(test)]
#[cfg(unix)]
mod restart;
#[cfg(test)]
mod reuse;
#[cfg(test)]
#[cfg(unix)]
mod run;
#[cfg(test)]
#[cfg(unix)]
mod run_always;
#[cfg(test)]
#[cfg(unix)]
mod run_beside;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod run_reporter;
#[cfg(test)]
#[cfg(unix)]
mod run_typed;
#[cfg(test)]
#[cfg(windows)]
mod run_windows;
#[cfg(test)]
#[cfg(unix)]
mod run_wishes;
#[cfg(test)]
#[cfg(unix)]
mod sandbox;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod sandboxed;
#[cfg(test)]
#[cfg(unix)]
mod settings;
#[cfg(test)]
#[cfg(unix)]
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
#[cfg(unix)]
mod swarm;
#[cfg(test)]
#[cfg(unix)]
mod tables;
#[cfg(test)]
#[cfg(unix)]
mod targets;
#[cfg(test)]
#[cfg(unix)]
mod terminal;
#[cfg(test)]
#[cfg(unix)]
mod uninstall;
#[cfg(test)]
#[cfg(unix)]
mod waiting;
#[cfg(test)]
#[cfg(unix)]
mod watch;
#[cfg(test)]
#[cfg(unix)]
mod whose;
#[cfg(test)]
#[cfg(windows)]
mod windows;
#[cfg(test)]
#[cfg(unix)]
mod wire;
