//! Which processes are watched: exactly those that a lease or an instance depends on.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use styxy_core::{ProcessKey, Registry};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use crate::system::{self, ExitWatch};

/// The watched processes. Each end is sent once, through the channel given at the start.
#[derive(Debug)]
pub(crate) struct Watches {
    watched: HashMap<ProcessKey, AbortHandle>,
    /// So many at most: the others are polled.
    most: usize,
    /// Those for which the system had no handle left, or that are too many: [`Watches::poll`] checks them.
    polled: HashSet<ProcessKey>,
    ended: mpsc::UnboundedSender<ProcessKey>,
    /// Notified when there is a process to poll.
    polling: Arc<Notify>,
}

impl Watches {
    /// With a handle for `most` processes at most.
    pub(crate) fn new(ended: mpsc::UnboundedSender<ProcessKey>, most: usize) -> Self {
        Self { watched: HashMap::new(), most, polled: HashSet::new(), ended, polling: Arc::default() }
    }

    /// Begins and ends watches so that they agree with the registry again; to be called after every change of it.
    pub(crate) fn follow(&mut self, registry: &mut Registry) {
        for process in registry.take_changed_processes() {
            match (registry.depends_on(process), self.has(process)) {
                (true, false) => self.begin(process),
                (false, true) => self.end(process),
                (true, true) | (false, false) => {}
            }
        }
    }

    /// Watches every process that the registry depends on: at start, when nothing has changed yet.
    pub(crate) fn follow_all(&mut self, registry: &Registry) {
        for process in registry.processes() {
            if !self.has(process) {
                self.begin(process);
            }
        }
    }

    fn has(&self, process: ProcessKey) -> bool {
        self.watched.contains_key(&process) || self.polled.contains(&process)
    }

    fn begin(&mut self, process: ProcessKey) {
        let ended = self.ended.clone();
        let opened = if self.watched.len() < self.most {
            ExitWatch::open(&process)
        } else if system::is_alive(&process) {
            Err(io::Error::other("the other descriptors are kept for connections and files"))
        } else {
            Err(io::ErrorKind::NotFound.into())
        };
        match opened {
            Ok(watch) => {
                let task = tokio::spawn(async move {
                    if let Err(error) = watch.exited().await {
                        tracing::warn!(owner = process.pid.get(), %error, "watch of a process failed");
                    }
                    let _ = ended.send(process);
                });
                self.watched.insert(process, task.abort_handle());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = ended.send(process);
            }
            Err(error) => {
                if self.polled.is_empty() {
                    tracing::warn!(owner = process.pid.get(), %error, "a process has no handle and is polled");
                }
                self.polled.insert(process);
                self.polling.notify_one();
            }
        }
    }

    fn end(&mut self, process: ProcessKey) {
        if let Some(task) = self.watched.remove(&process) {
            task.abort();
        }
        self.polled.remove(&process);
    }

    /// Checks the processes that have no handle, and sends those that have ended.
    ///
    /// Only the end of a process, or a change by [`Self::follow`], changes what a call finds. A process that has ended is
    /// sent at every call until [`Self::follow`] drops it.
    pub(crate) fn poll(&self) {
        for process in self.polled.iter().filter(|process| !system::is_alive(process)) {
            let _ = self.ended.send(*process);
        }
    }

    pub(crate) fn polling(&self) -> Arc<Notify> {
        Arc::clone(&self.polling)
    }

    pub(crate) fn watched(&self) -> usize {
        self.watched.len()
    }

    pub(crate) fn polled(&self) -> usize {
        self.polled.len()
    }
}
