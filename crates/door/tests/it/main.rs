//! The door in front of real servers, with a table in the place of the daemon.

#[cfg(test)]
mod broken;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod through;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod world;
