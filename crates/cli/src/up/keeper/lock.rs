//! The lock of a tool of which two servers in one folder do not both live, as Next's (16 and newer): whoever holds it is the server.

use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use super::happen::Server;

/// What Next (16.2 and newer) writes into its lock.
#[derive(Deserialize)]
struct Info {
    pid: u32,
    port: styxy_core::Port,
}

/// Longer than what is written into a lock.
const MOST: u64 = 4096;

/// The server that holds the lock; none if nobody does.
pub(super) fn holder(path: &Path) -> Option<Server> {
    let file = File::open(path).ok()?;
    // A shared lock is refused as long as one has it alone, and is given back at once.
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let known = styxy_daemon::system::lock_holder(&file).map(styxy_core::Pid::get);
    let mut text = String::new();
    let read = file.take(MOST).read_to_string(&mut text);
    let info = read.ok().and_then(|_| serde_json::from_slice::<Info>(text.as_bytes()).ok());
    let pid = known.or(info.as_ref().map(|info| info.pid));
    Some(Server { pid, port: info.map(|info| info.port), session: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_the_lock_is_the_server_and_a_file_that_was_left_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(holder(&path).is_none());
        let text = format!(
            r#"{{"pid":{},"port":3001,"hostname":"localhost","appUrl":"x","startedAt":1}}"#,
            std::process::id()
        );
        std::fs::write(&path, text).unwrap();
        assert!(holder(&path).is_none(), "nobody holds it");
        let lock = File::options().append(true).open(&path).unwrap();
        lock.lock().unwrap();
        let found = holder(&path).expect("it is held");
        assert_eq!(
            (found.pid, found.port.map(styxy_core::Port::get)),
            (Some(std::process::id()), Some(3001))
        );
        // Next 16.0 writes nothing.
        std::fs::write(&path, "").unwrap();
        assert_eq!(holder(&path).expect("it is held").port, None);
    }
}
