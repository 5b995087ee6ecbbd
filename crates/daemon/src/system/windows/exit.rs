//! The end of processes that are not our children, by the system's own waiting threads: no polling.
#![expect(unsafe_code, reason = "the system's waits call back with a raw pointer")]

use std::ffi::c_void;
use std::io;
use std::ptr::null_mut;
use std::sync::Arc;

use styxy_core::ProcessKey;
use styxy_os::ProcessHandle;
use tokio::sync::Semaphore;
use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Threading::{
    INFINITE, RegisterWaitForSingleObject, UnregisterWaitEx, WT_EXECUTEONLYONCE,
};

/// Waits for the end of one process. It takes one handle; one thread of the system waits for up to 63 of them.
#[derive(Debug)]
pub struct ExitWatch {
    wait: Wait,
    /// Closed when the process ends; never has a permit.
    ended: Arc<Semaphore>,
    _process: ProcessHandle,
}

impl ExitWatch {
    /// Begins to watch the process of this key.
    ///
    /// # Errors
    /// `NotFound` if it has ended, or another process has its number. Otherwise the system's refusal: ask
    /// [`is_alive`](super::is_alive) from time to time then.
    pub fn open(key: &ProcessKey) -> io::Result<Self> {
        let process = ProcessHandle::open(key.pid)?;
        if process.has_ended() || process.started()? != key.started {
            return Err(io::ErrorKind::NotFound.into());
        }
        let ended = Arc::new(Semaphore::new(0));
        let mut wait = null_mut();
        // SAFETY: the process' handle is open, and stays so until the wait is over: fields are dropped in order, and
        // dropping the wait comes first. The same holds for the semaphore that the context points to.
        let done = unsafe {
            RegisterWaitForSingleObject(
                &raw mut wait,
                process.raw(),
                Some(has_ended),
                Arc::as_ptr(&ended).cast::<c_void>(),
                INFINITE,
                WT_EXECUTEONLYONCE,
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { wait: Wait(wait), ended, _process: process })
    }

    /// Resolves when the process has ended; at once if that was before.
    ///
    /// # Errors
    /// None on this system.
    pub async fn exited(&self) -> io::Result<()> {
        debug_assert!(!self.wait.0.is_null());
        // There are no permits: the only answer is that the semaphore was closed.
        let _closed = self.ended.acquire().await;
        Ok(())
    }
}

unsafe extern "system" fn has_ended(context: *mut c_void, _timed_out: bool) {
    // SAFETY: the context is the semaphore of a watch that cannot be dropped before this returns (see `Wait::drop`).
    unsafe { &*context.cast_const().cast::<Semaphore>() }.close();
}

#[derive(Debug)]
struct Wait(HANDLE);

// SAFETY: the handle names something of the process', not of a thread's; it is used only to be dropped.
unsafe impl Send for Wait {}
// SAFETY: as above; a shared reference allows nothing.
unsafe impl Sync for Wait {}

impl Drop for Wait {
    fn drop(&mut self) {
        // SAFETY: the wait was registered and is unregistered once. This returns after a callback that runs has ended.
        unsafe { UnregisterWaitEx(self.0, INVALID_HANDLE_VALUE) };
    }
}
