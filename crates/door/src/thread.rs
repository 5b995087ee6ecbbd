//! The door's own thread: no lease waits for a stylesheet.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use tokio::runtime;
use tokio::sync::mpsc;

use crate::connection::{self, Api, Arrival};
use crate::directory::Directory;
use crate::door::Door;

/// The door's thread, to which connections are handed over. It starts with the first of them, and ends with this.
#[derive(Debug)]
pub struct DoorThread<D, A> {
    door: Arc<Door<D>>,
    begins: fn(),
    running: Mutex<Option<Running<A>>>,
}

#[derive(Debug)]
struct Running<A> {
    arrivals: mpsc::UnboundedSender<(TcpStream, Arrival<A>)>,
    runtime: runtime::Handle,
}

/// The door's thread could not be started, or has ended.
#[derive(Debug, thiserror::Error)]
#[error("the door's thread does not run")]
pub struct Closed(#[source] io::Error);

impl<D: Directory, A: Api> DoorThread<D, A> {
    /// No thread so far. It calls `begins` before it serves anybody.
    #[must_use]
    pub fn new(door: Arc<Door<D>>, begins: fn()) -> Self {
        Self { door, begins, running: Mutex::new(None) }
    }

    /// The door.
    #[must_use]
    pub const fn door(&self) -> &Arc<Door<D>> {
        &self.door
    }

    /// Hands over a connection: whatever is asked on it is answered on the door's thread.
    ///
    /// # Errors
    /// The thread cannot be started. The connection is closed then.
    pub fn take(&self, stream: TcpStream, arrival: Arrival<A>) -> Result<(), Closed> {
        self.running(|running| running.arrivals.send((stream, arrival)))?
            .map_err(|_| Closed(io::ErrorKind::BrokenPipe.into()))
    }

    /// The runtime of the door's thread.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn runtime(&self) -> Result<runtime::Handle, Closed> {
        self.running(|running| running.runtime.clone())
    }

    fn running<T>(&self, use_it: impl FnOnce(&Running<A>) -> T) -> Result<T, Closed> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            *running = Some(self.start().map_err(Closed)?);
        }
        match &*running {
            Some(running) => Ok(use_it(running)),
            None => Err(Closed(io::ErrorKind::NotFound.into())),
        }
    }

    fn start(&self) -> io::Result<Running<A>> {
        let runtime = runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
        let (arrivals, mut arriving) = mpsc::unbounded_channel::<(TcpStream, Arrival<A>)>();
        let (handle, door) = (runtime.handle().clone(), Arc::clone(&self.door));
        let serve = async move {
            while let Some((stream, arrival)) = arriving.recv().await {
                tokio::spawn(connection::serve(stream, arrival, Arc::clone(&door)));
            }
        };
        let begins = self.begins;
        let run = move || {
            begins();
            runtime.block_on(serve);
            // What still looks for the holder of a socket need not be waited for.
            runtime.shutdown_background();
        };
        thread::Builder::new().name("styxy-door".into()).spawn(run)?;
        Ok(Running { arrivals, runtime: handle })
    }
}
