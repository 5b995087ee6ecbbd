//! Where and for whom a command runs: the checkout and the session, the ports they wish for, whose a server is, what may
//! be ended or released, and how to reach the daemon.

pub(crate) mod agent_settings;
pub(crate) mod allowed;
pub(crate) mod caller;
pub(crate) mod compose;
pub(crate) mod config_file;
pub(crate) mod context;
pub(crate) mod fallback;
#[cfg(target_os = "linux")]
pub(crate) mod guarded;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod installed;
pub(crate) mod login;
pub(crate) mod manager;
pub(crate) mod may_end;
pub(crate) mod named;
pub(crate) mod near;
pub(crate) mod off;
pub(crate) mod older;
pub(crate) mod ownership;
pub(crate) mod places;
pub(crate) mod reach;
pub(crate) mod release_target;
pub(crate) mod requests;
pub(crate) mod sandbox;
pub(crate) mod server;
#[cfg(unix)]
pub(crate) mod stack_tree;
pub(crate) mod stop;
pub(crate) mod target;
pub(crate) mod texts;
pub(crate) mod tree;
pub(crate) mod typed;
pub(crate) mod variables;
pub(crate) mod verb;
pub(crate) mod worktree;
pub(crate) mod worktrees;
