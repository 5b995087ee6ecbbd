//! Each file tests the promises of one module, on loopback and on ports from `bind(0)`.

mod disk;
mod lingering;

#[cfg(target_os = "linux")]
mod close_events;
#[cfg(target_os = "linux")]
mod exit;
#[cfg(target_os = "linux")]
mod folder_watch;
#[cfg(target_os = "linux")]
mod listeners;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
pub(in crate::system) mod support;
