//! The command as a child process: styxy stays its parent, forwards signals, and ends with its exit code.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, ExitStatus};

use crate::process::Handle;

/// Signals from now on: they are for the command, and this process outlives it.
pub(super) struct Signals {
    #[cfg(unix)]
    listeners: Vec<(rustix::process::Signal, tokio::signal::unix::Signal)>,
    /// One has come.
    #[cfg(target_os = "linux")]
    were_received: bool,
    /// A child has ended.
    #[cfg(target_os = "linux")]
    children: tokio::signal::unix::Signal,
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The system cannot register the handlers.
    #[cfg(unix)]
    pub(super) fn catch() -> io::Result<Self> {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        let listeners = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT]
            .map(|number| Ok((number, signal(SignalKind::from_raw(number.as_raw()))?)));
        Ok(Self {
            listeners: listeners.into_iter().collect::<io::Result<_>>()?,
            #[cfg(target_os = "linux")]
            were_received: false,
            #[cfg(target_os = "linux")]
            children: signal(SignalKind::child())?,
        })
    }

    /// Like on Unix.
    ///
    /// # Errors
    /// The system cannot register the handlers.
    #[cfg(windows)]
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self { ctrl_c: tokio::signal::windows::ctrl_c()? })
    }

    /// Whether one has come.
    #[cfg(target_os = "linux")]
    pub(super) const fn were_received(&self) -> bool {
        self.were_received
    }

    /// Forwards signals to the process of `handle`, for ever; on Linux, lets go of orphans that have ended, but not of `child`.
    #[cfg(unix)]
    async fn pass_on(
        &mut self,
        handle: Option<&Handle>,
        #[cfg_attr(
            not(target_os = "linux"),
            expect(unused_variables, reason = "only Linux has orphans to reap")
        )]
        child: u32,
    ) {
        use std::task::Poll;
        loop {
            let received = std::future::poll_fn(|context| {
                #[cfg(target_os = "linux")]
                while self.children.poll_recv(context).is_ready() {
                    crate::process::orphans::reap(child);
                }
                let ready = self
                    .listeners
                    .iter_mut()
                    .find_map(|(signal, listener)| listener.poll_recv(context).is_ready().then_some(*signal));
                ready.map_or(Poll::Pending, Poll::Ready)
            });
            let signal = received.await;
            #[cfg(target_os = "linux")]
            {
                self.were_received = true;
            }
            if !has_it_already(signal)
                && let Some(handle) = handle
            {
                // If it has ended or may not be signalled, there is nothing to forward.
                let _ = handle.send(signal);
            }
        }
    }

    /// The console signals every program on it; this one only has to outlive the command.
    #[cfg(windows)]
    async fn pass_on(&mut self, _: Option<&Handle>, _: u32) {
        loop {
            let _ = self.ctrl_c.recv().await;
        }
    }
}

/// Whether the terminal has sent it to the command too: it signals the whole foreground process group, and firebase takes a
/// second Ctrl-C as an order to stop at once.
#[cfg(unix)]
fn has_it_already(signal: rustix::process::Signal) -> bool {
    use rustix::process::{Signal, getpgrp};
    let by_keys = signal == Signal::INT || signal == Signal::QUIT;
    let in_front = || {
        let terminal = std::fs::File::open("/dev/tty").ok()?;
        Some(rustix::termios::tcgetpgrp(&terminal).ok()? == getpgrp())
    };
    by_keys && in_front().unwrap_or(false)
}

/// Starts the command, in this process's group and on its terminal.
///
/// # Errors
/// It cannot be started.
pub(super) fn start(words: &[OsString], variables: &[(String, String)]) -> io::Result<Child> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(found(program));
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    command.spawn()
}

#[cfg(unix)]
fn found(program: &OsString) -> OsString {
    program.clone()
}

/// npm's programs are scripts for cmd.exe, which are found only by their full names.
#[cfg(windows)]
fn found(program: &OsString) -> OsString {
    let named = std::path::Path::new(program);
    if named.extension().is_some() || named.components().count() > 1 {
        return program.clone();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let files = std::env::split_paths(&path)
        .flat_map(|folder| ["exe", "cmd", "bat"].map(|end| folder.join(named).with_extension(end)));
    files.into_iter().find(|file| file.is_file()).map_or_else(|| program.clone(), Into::into)
}

/// Waits for the command's end, and forwards signals until then.
///
/// # Errors
/// The command cannot be waited for.
pub(super) async fn ended(mut child: Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    // Its pid cannot be reused before it is waited for, and a handle never refers to another process.
    let number = child.id();
    let handle = styxy_core::Pid::new(number).and_then(|pid| Handle::open(pid).ok().flatten());
    let waits = tokio::task::spawn_blocking(move || child.wait());
    tokio::select! {
        ended = waits => ended.map_err(io::Error::other)?,
        () = signals.pass_on(handle.as_ref(), number) => Err(io::ErrorKind::Interrupted.into()),
    }
}

/// The exit code as in a shell: 128 and the signal's number if a signal ended it.
pub(super) fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(1)
}
