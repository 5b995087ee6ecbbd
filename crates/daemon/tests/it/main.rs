//! The daemon in this process, on a port that the system picks: tests that need no binary and no command line.

#![cfg(unix)]

#[cfg(test)]
mod by_name;
#[cfg(test)]
mod events;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod left;
#[cfg(test)]
mod live;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod time;
#[cfg(test)]
mod view;
