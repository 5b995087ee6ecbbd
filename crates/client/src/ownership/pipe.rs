//! Whose pipe a connection is to: its name can be foreseen, and whoever makes it first has it.
//!
//! A connection is used only after its pipe's owner was seen. The owner is read through a second handle, while the connection is
//! open: the instances of one pipe share a security descriptor, and as long as one of them is open the name cannot become another
//! user's pipe. What cannot be seen counts as another user's.

use std::fs::File;
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use styxy_os::{Object, own_sid, owner_of_open};
use tokio::time::sleep;
use tower_layer::Layer;
use tower_service::Service;
use windows_sys::Win32::Foundation::ERROR_PIPE_BUSY;
use windows_sys::Win32::Storage::FileSystem::{READ_CONTROL, SECURITY_ANONYMOUS};

use crate::Error;

/// After this time a pipe whose instances were all taken is opened again.
const AGAIN: Duration = Duration::from_millis(5);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Lets through the connections to a pipe that this process' user made, and no others.
#[derive(Debug, Clone)]
pub(crate) struct OwnPipe(Arc<Path>);

impl OwnPipe {
    pub(crate) fn new(pipe: &Path) -> Self {
        Self(pipe.into())
    }
}

impl<Connects> Layer<Connects> for OwnPipe {
    type Service = Checked<Connects>;

    fn layer(&self, connects: Connects) -> Checked<Connects> {
        Checked { connects, pipe: Arc::clone(&self.0) }
    }
}

/// Connects, and then looks whose the pipe is.
#[derive(Debug, Clone)]
pub(crate) struct Checked<Connects> {
    connects: Connects,
    pipe: Arc<Path>,
}

impl<Connects, To> Service<To> for Checked<Connects>
where
    Connects: Service<To, Error = BoxError>,
    Connects::Future: Send + 'static,
    Connects::Response: Send + 'static,
{
    type Response = Connects::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connects::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connects.poll_ready(context)
    }

    fn call(&mut self, to: To) -> Self::Future {
        let (connecting, pipe) = (self.connects.call(to), Arc::clone(&self.pipe));
        Box::pin(async move {
            let foreign = || -> BoxError { Error::ForeignPipe { pipe: PathBuf::from(&*pipe) }.into() };
            let connection = match connecting.await {
                Err(error) if is_denied(&*error) => return Err(foreign()),
                connected => connected?,
            };
            match open(&pipe).await {
                Ok(pipe) if is_own_pipe(&pipe).unwrap_or(false) => Ok(connection),
                Ok(_) => Err(foreign()),
                Err(error) if is_denied(&error) => Err(foreign()),
                Err(error) => Err(error.into()),
            }
        })
    }
}

fn is_denied(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Opens the pipe to look at it. Whoever waits for that sets a time limit: a pipe may stay busy.
async fn open(pipe: &Path) -> io::Result<File> {
    let busy = i32::try_from(ERROR_PIPE_BUSY).ok();
    let mut options = File::options();
    // Whoever serves it learns nothing of this user.
    options.access_mode(READ_CONTROL).security_qos_flags(SECURITY_ANONYMOUS);
    loop {
        match options.open(pipe) {
            Err(error) if error.raw_os_error() == busy => sleep(AGAIN).await,
            opened => return opened,
        }
    }
}

/// Whether this process' user has made the pipe.
///
/// # Errors
/// The system does not say whose it is.
pub fn is_own_pipe(pipe: &File) -> io::Result<bool> {
    Ok(owner_of_open(pipe, Object::Pipe)? == own_sid()?)
}

#[cfg(test)]
#[expect(unsafe_code, reason = "tokio takes security attributes as a raw pointer")]
mod tests {
    use std::ptr::null_mut;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
    use windows_sys::Win32::Foundation::LocalFree;
    use windows_sys::Win32::Security::Authorization::{
        ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
    };
    use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;

    use super::*;
    use crate::http::{Failure, Line, Request};

    /// The owner of a pipe that an elevated process makes and says nothing about. No user is this group.
    const ADMINISTRATORS: &str = "BA";

    /// An instance of a pipe of this owner that everybody may open.
    fn instance_of(owner: &str, name: &str) -> NamedPipeServer {
        let text = format!("O:{owner}D:(A;;GA;;;WD)");
        let text: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let mut descriptor = null_mut();
        // SAFETY: `text` ends with NUL, `descriptor` is writable, and the size is not asked for.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        };
        assert_ne!(done, 0, "{}", io::Error::last_os_error());
        let length = u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap();
        let mut attributes =
            SECURITY_ATTRIBUTES { nLength: length, lpSecurityDescriptor: descriptor, bInheritHandle: 0 };
        // SAFETY: the attributes and the descriptor in them live through the call.
        let made = unsafe {
            ServerOptions::new().create_with_security_attributes_raw(name, (&raw mut attributes).cast())
        };
        // SAFETY: the memory came from the conversion, which says to free it so.
        unsafe { LocalFree(descriptor) };
        made.unwrap()
    }

    fn name(of: &str) -> String {
        format!(r"\\.\pipe\styxy-test-{of}-{}", std::process::id())
    }

    async fn ask(pipe: &str) -> Failure {
        let line = Line::new(Path::new("home"), pipe.into()).unwrap();
        line.exchange(&Request::get("/status"), Duration::from_millis(500)).await.unwrap_err()
    }

    /// All that the client of the instance wrote.
    async fn heard(mut instance: NamedPipeServer) -> Vec<u8> {
        let mut heard = Vec::new();
        instance.connect().await.unwrap();
        // A client that goes ends the reading with an error.
        let _ = instance.read_to_end(&mut heard).await;
        heard
    }

    #[tokio::test]
    async fn a_pipe_of_another_owner_gets_no_byte() {
        let name = name("theirs");
        let (first, second) = (instance_of(ADMINISTRATORS, &name), instance_of(ADMINISTRATORS, &name));
        let both = tokio::spawn(async { tokio::join!(heard(first), heard(second)) });
        let failure = ask(&name).await;
        assert!(matches!(failure, Failure::Final(Error::ForeignPipe { .. })), "{failure:?}");
        assert_eq!(both.await.unwrap(), (Vec::new(), Vec::new()));
    }

    #[tokio::test]
    async fn a_pipe_that_stays_busy_does_not_count_as_ours() {
        let name = name("busy");
        let heard = tokio::spawn(heard(instance_of(&own_sid().unwrap(), &name)));
        let failure = ask(&name).await;
        assert!(matches!(failure, Failure::Final(Error::Silent { .. })), "{failure:?}");
        assert_eq!(heard.await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_pipe_of_this_user_gets_the_request() {
        let name = name("ours");
        let (first, second) =
            (instance_of(&own_sid().unwrap(), &name), instance_of(&own_sid().unwrap(), &name));
        let both = tokio::spawn(async { tokio::join!(heard(first), heard(second)) });
        // Nothing answers it.
        let failure = ask(&name).await;
        assert!(matches!(failure, Failure::Final(Error::Silent { .. })), "{failure:?}");
        let (first, second) = both.await.unwrap();
        assert!(first.starts_with(b"GET /status") || second.starts_with(b"GET /status"));
    }
}
