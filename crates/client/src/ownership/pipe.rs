//! Whose pipe a connection is to: its name can be foreseen, and whoever makes it first has it.
//!
//! A connection is used only after its pipe's owner was seen. The owner is read through a second handle, while the connection is
//! open: the instances of one pipe share a security descriptor, and as long as one of them is open the name cannot become another
//! user's pipe. What cannot be seen counts as another user's.
#![expect(unsafe_code, reason = "the system's calls on security have no safe wrapper")]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::ptr::null_mut;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;
use tower_layer::Layer;
use tower_service::Service;
use windows_sys::Win32::Foundation::{ERROR_PIPE_BUSY, LocalFree};
use windows_sys::Win32::Security::Authorization::{GetSecurityInfo, SE_KERNEL_OBJECT};
use windows_sys::Win32::Security::{
    EqualSid, GetTokenInformation, OWNER_SECURITY_INFORMATION, PSID, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{READ_CONTROL, SECURITY_ANONYMOUS};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

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
                Ok(pipe) if owned_by_us(&pipe).unwrap_or(false) => Ok(connection),
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

fn owned_by_us(pipe: &File) -> io::Result<bool> {
    let (mut owner, mut descriptor): (PSID, *mut c_void) = (null_mut(), null_mut());
    // SAFETY: the handle is open for reading its descriptor. Only the owner, who lies in the descriptor, is asked for.
    let failed = unsafe {
        GetSecurityInfo(
            pipe.as_raw_handle(),
            SE_KERNEL_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed.cast_signed()));
    }
    let ours = is_ours(owner);
    // SAFETY: the call that gave the descriptor says to free it so.
    unsafe { LocalFree(descriptor) };
    ours
}

/// Whether the user, a valid SID, is the one that this process runs as.
fn is_ours(user: PSID) -> io::Result<bool> {
    // SAFETY: both SIDs are valid.
    with_own_sid(|own| unsafe { EqualSid(user, own) != 0 })
}

/// What `of` makes of the SID of the user that this process runs as. The SID is valid during the call.
fn with_own_sid<T>(of: impl FnOnce(PSID) -> T) -> io::Result<T> {
    let mut token = null_mut();
    // SAFETY: the handle always means this process; `token` is writable.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, open, and nobody else's.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    // Room for the struct and the longest SID there is (68 bytes), aligned as the struct needs it.
    let mut buffer = [0_u64; 16];
    let size = u32::try_from(size_of_val(&buffer)).map_err(io::Error::other)?;
    let filled = (&raw mut buffer).cast::<c_void>();
    let mut needed = 0;
    // SAFETY: the token is open for queries, and the buffer is writable for `size` bytes.
    if unsafe { GetTokenInformation(token.as_raw_handle(), TokenUser, filled, size, &raw mut needed) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call filled the buffer with this struct, for which it is aligned and large enough; its SID lies in the
    // buffer too.
    Ok(of(unsafe { (*filled.cast_const().cast::<TOKEN_USER>()).User.Sid }))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
    use windows_sys::Win32::Security::Authorization::{
        ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
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

    fn own_sid() -> String {
        let mut text = null_mut();
        // SAFETY: the SID is valid, and `text` is writable.
        let done = with_own_sid(|own| unsafe { ConvertSidToStringSidW(own, &raw mut text) });
        assert_ne!(done.unwrap(), 0);
        // SAFETY: the conversion made a text that ends with NUL. It stays until the end of the tests.
        let units = (0..).map(|at| unsafe { *text.add(at) }).take_while(|unit| *unit != 0);
        String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
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
        let heard = tokio::spawn(heard(instance_of(&own_sid(), &name)));
        let failure = ask(&name).await;
        assert!(matches!(failure, Failure::Final(Error::Silent { .. })), "{failure:?}");
        assert_eq!(heard.await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_pipe_of_this_user_gets_the_request() {
        let name = name("ours");
        let (first, second) = (instance_of(&own_sid(), &name), instance_of(&own_sid(), &name));
        let both = tokio::spawn(async { tokio::join!(heard(first), heard(second)) });
        // Nothing answers it.
        let failure = ask(&name).await;
        assert!(matches!(failure, Failure::Final(Error::Silent { .. })), "{failure:?}");
        let (first, second) = both.await.unwrap();
        assert!(first.starts_with(b"GET /status") || second.starts_with(b"GET /status"));
    }
}
