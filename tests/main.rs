//! The promises of the `styxy` binary, each on real processes and sockets: one file per promise.
//!
//! Every test has its own folder, daemon and block of ports, so all of them run at once, beside anything else that runs on
//! the machine. No test sleeps to wait for something: [`support::eventually`] checks the condition itself.
//!
//! A module is built for every system, unless it stands in one of the shorter lists, with what it needs there. A test that needs
//! more than its module says so itself.

// Everywhere, Windows included.
#[cfg(test)]
mod adoption;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod blocks;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod design;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod door;
#[cfg(test)]
mod door_bodies;
#[cfg(test)]
mod door_many;
#[cfg(test)]
mod door_rules;
#[cfg(test)]
mod door_strangers;
#[cfg(test)]
mod env;
#[cfg(test)]
mod events;
#[cfg(test)]
mod folders;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod http_filter;
#[cfg(test)]
mod init;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod instances;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod mcp;
#[cfg(test)]
#[cfg(unix)] // sh
mod mcp_messages;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod mcp_services;
#[cfg(test)]
#[cfg(unix)] // sh and git
mod names;
#[cfg(test)]
mod output;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod project_file;
#[cfg(test)]
mod race;
#[cfg(test)]
mod release;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod reuse;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod support;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod whose;
#[cfg(test)]
mod wire;

// Only on Unix: each needs
#[cfg(test)]
#[cfg(unix)] // signals, modes, other users
mod autostart;
#[cfg(test)]
#[cfg(unix)] // a shell
mod chains;
#[cfg(test)]
#[cfg(unix)] // the shells that complete
mod completion;
#[cfg(test)]
#[cfg(unix)] // links
mod compose;
#[cfg(test)]
#[cfg(unix)] // links, and the socket of a container engine
mod containers;
#[cfg(test)]
#[cfg(unix)] // signals, limits of a process
mod crowd;
#[cfg(test)]
#[cfg(unix)] // a terminal, signals
mod firebase;
#[cfg(test)]
#[cfg(unix)] // shell scripts
mod further_ports;
#[cfg(test)]
#[cfg(unix)] // modes, links
mod home_folder;
#[cfg(test)]
#[cfg(unix)] // an agent's shell, links
mod hooks;
#[cfg(test)]
#[cfg(unix)] // an agent's shell
mod hooks_beside;
#[cfg(test)]
#[cfg(unix)] // an agent's shell, links
mod hooks_guard;
#[cfg(test)]
#[cfg(unix)] // modes, links
mod hooks_install;
#[cfg(test)]
#[cfg(unix)] // an agent's shell
mod hooks_shell;
#[cfg(test)]
#[cfg(target_os = "linux")] // a daemon that is stopped by SIGSTOP
mod hooks_upkeep;
#[cfg(test)]
#[cfg(unix)] // a terminal, links
mod hostile_values;
#[cfg(test)]
#[cfg(unix)] // processes that share a socket, signals
mod kill_forked;
#[cfg(test)]
#[cfg(unix)] // namespaces
mod namespaces;
#[cfg(test)]
#[cfg(unix)] // namespaces
mod networks;
#[cfg(test)]
#[cfg(unix)] // other users
mod other_users;
#[cfg(test)]
#[cfg(unix)] // closes one direction of a connection, which a pipe cannot
mod raw_requests;
#[cfg(test)]
#[cfg(unix)] // a shell; `run` becomes its command
mod run;
#[cfg(test)]
#[cfg(unix)] // a shell, signals
mod run_always;
#[cfg(test)]
#[cfg(unix)] // a shell
mod run_beside;
#[cfg(test)]
#[cfg(unix)] // shell scripts
mod run_typed;
#[cfg(test)]
#[cfg(unix)] // a shell
mod run_wishes;
#[cfg(test)]
#[cfg(unix)] // modes, other users
mod sandbox;
#[cfg(test)]
#[cfg(unix)] // shell scripts
mod several;
#[cfg(test)]
#[cfg(unix)] // signals, links
mod swarm;
#[cfg(test)]
#[cfg(unix)] // a terminal
mod tables;
#[cfg(test)]
#[cfg(unix)] // a terminal
mod terminal;
#[cfg(test)]
#[cfg(unix)] // a terminal
mod top;
#[cfg(test)]
#[cfg(unix)] // links, and files that are removed while they are open
mod uninstall;
#[cfg(test)]
#[cfg(unix)] // a terminal
mod watch;

// Only on Linux: each needs
#[cfg(test)]
#[cfg(target_os = "linux")] // answers that were kept on Linux
mod compat;
#[cfg(test)]
#[cfg(target_os = "linux")] // the guard
mod guard;
#[cfg(test)]
#[cfg(target_os = "linux")] // the guard
mod guard_input;
#[cfg(test)]
#[cfg(target_os = "linux")] // the guard
mod guard_report;
#[cfg(test)]
#[cfg(target_os = "linux")] // the guard
mod guard_reuse;
#[cfg(test)]
#[cfg(target_os = "linux")] // the guard
mod guard_session;
#[cfg(test)]
#[cfg(target_os = "linux")] // the guard
mod guard_shell;
#[cfg(test)]
#[cfg(target_os = "linux")] // the guard
mod guard_styxys;
#[cfg(test)]
#[cfg(target_os = "linux")] // the guard
mod guard_variables;
#[cfg(test)]
#[cfg(target_os = "linux")] // what is above a process, which only Linux says cheaply
mod kept_up;
#[cfg(test)]
#[cfg(target_os = "linux")] // /proc, sessions, subreapers
mod kill_tree;
#[cfg(test)]
#[cfg(target_os = "linux")] // seccomp
mod limits;
#[cfg(test)]
#[cfg(target_os = "linux")] // systemd
mod login;
#[cfg(test)]
#[cfg(target_os = "linux")] // a stand-in for an older daemon, on a Unix socket
mod older;
#[cfg(test)]
#[cfg(target_os = "linux")] // a daemon that learns at once of its files; elsewhere the next sweep tells it
mod place;
#[cfg(test)]
#[cfg(target_os = "linux")] // nothing; its result is the same everywhere
mod platforms;
#[cfg(test)]
#[cfg(target_os = "linux")] // a process beside the command that becomes `run`
mod run_reporter;
#[cfg(test)]
#[cfg(target_os = "linux")] // /proc of a sandbox
mod sandboxed;
#[cfg(test)]
#[cfg(target_os = "linux")] // nothing; its result is the same everywhere
mod skips;
#[cfg(test)]
#[cfg(target_os = "linux")] // /proc
mod strays;
#[cfg(test)]
#[cfg(target_os = "linux")] // who holds a lock
mod stuck;
#[cfg(test)]
#[cfg(target_os = "linux")] // /proc, to find the keeper
mod up;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_at_once;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_bad_file;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_bad_part;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_by_hand;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_compose;
#[cfg(test)]
#[cfg(target_os = "linux")] // a terminal, signals, /proc
mod up_endings;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_found;
#[cfg(test)]
#[cfg(target_os = "linux")] // holes in files, /proc
mod up_gone;
#[cfg(test)]
#[cfg(target_os = "linux")] // holes in files, /proc
mod up_kept;
#[cfg(test)]
#[cfg(target_os = "linux")] // /proc, the guard
mod up_known;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_names;
#[cfg(test)]
#[cfg(target_os = "linux")] // who holds a lock, how another process' child ended
mod up_outside;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_port;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_print;
#[cfg(test)]
#[cfg(target_os = "linux")] // /proc
mod up_said;
#[cfg(test)]
#[cfg(target_os = "linux")] // /proc
mod up_session;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_sessions;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod up_verdict;
#[cfg(test)]
#[cfg(target_os = "linux")] // the keeper
mod words;

// Only on Windows.
#[cfg(test)]
#[cfg(windows)]
mod jobs;
#[cfg(test)]
#[cfg(windows)]
mod run_windows;
#[cfg(test)]
#[cfg(windows)]
mod up_windows;
#[cfg(test)]
#[cfg(windows)]
mod windows;
