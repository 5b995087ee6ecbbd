//! The client against daemons that are not: a thread that answers canned HTTP, and a process that can be started.

#![cfg(unix)]

#[cfg(test)]
mod calls;
#[cfg(test)]
mod events;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod start;
#[cfg(test)]
mod stop;
