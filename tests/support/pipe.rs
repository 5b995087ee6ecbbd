//! The named pipe of Windows as a stream whose reads have a deadline.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use super::http::Stream;
use super::wait::{DEADLINE, eventually};

const PIPE_BUSY: i32 = 231;

/// One end of a pipe.
pub(super) struct Pipe(Arc<File>);

/// The pipe, as soon as an instance of it is free.
pub(super) fn local(path: &Path) -> io::Result<Pipe> {
    let pipe = eventually("a free instance of the pipe", || {
        let pipe = File::options().read(true).write(true).open(path);
        Some(pipe).filter(|pipe| !matches!(pipe, Err(error) if error.raw_os_error() == Some(PIPE_BUSY)))
    })?;
    Ok(Pipe(Arc::new(pipe)))
}

impl Stream for Pipe {
    /// One direction of a pipe cannot be closed.
    fn end(&self) {}
}

impl Read for Pipe {
    /// A pipe has no timeout of its own, so a thread waits for its bytes. It reads no more than it was asked for: a read that
    /// waits holds up every write.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (pipe, length) = (Arc::clone(&self.0), into.len());
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = vec![0; length];
            let read = (&*pipe).read(&mut bytes).map(|read| {
                bytes.truncate(read);
                bytes
            });
            let _ = send.send(read);
        });
        let bytes = receive.recv_timeout(DEADLINE).map_err(|_| io::ErrorKind::WouldBlock)??;
        into[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}
