//! Sandboxes and kernels that lack something: a command whose system calls are denied by a seccomp filter.
#![expect(
    unsafe_code,
    reason = "a seccomp filter is installed between fork and exec, by calls that only libc has"
)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// A system call that fails at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Denied {
    pub(crate) call: libc::c_long,
    /// Only if all of these fit; always if there are none.
    pub(crate) when: &'static [Argument],
    pub(crate) errno: i32,
}

/// The low half of an argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Argument {
    /// 0 for the first.
    pub(crate) index: u32,
    /// These bits of it …
    pub(crate) mask: u32,
    /// … are this.
    pub(crate) value: u32,
}

impl Argument {
    /// All of the argument is `value`.
    pub(crate) const fn is(index: u32, value: u32) -> Self {
        Self { index, mask: u32::MAX, value }
    }
}

impl Denied {
    /// `call`, whatever its arguments are.
    pub(crate) const fn always(call: libc::c_long, errno: i32) -> Self {
        Self { call, when: &[], errno }
    }
}

/// `NETLINK_SOCK_DIAG` sockets, as gVisor and some Android systems do.
pub(crate) const DIAGNOSTICS: Denied = Denied {
    call: libc::SYS_socket,
    when: &[Argument::is(0, libc::AF_NETLINK.cast_unsigned()), Argument::is(2, 4)],
    errno: libc::EPROTONOSUPPORT,
};

/// Makes `command`, and all that it starts, get the errors of `denied`.
pub(crate) fn deny(command: &mut Command, denied: &[Denied]) {
    let steps = filter(denied);
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(move || install(&steps)) };
}

/// Makes `command`, and all that it starts, get `EPERM` for each connection, as Codex does.
pub(crate) fn without_connections(command: &mut Command) {
    deny(command, &[Denied::always(libc::SYS_connect, libc::EPERM)]);
}

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
// In `seccomp_data`: the call's number, and the low half of its first argument. The next ones follow after 8 bytes each.
const CALL: u32 = 0;
const FIRST: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };

const fn step(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

fn filter(denied: &[Denied]) -> Vec<libc::sock_filter> {
    let mut steps = Vec::new();
    for denied in denied {
        let to_next = |at: usize| u8::try_from(2 + 3 * denied.when.len() - at).unwrap();
        steps.push(step(LOAD, 0, 0, CALL));
        steps.push(step(IF_EQUAL, 0, to_next(1), u32::try_from(denied.call).unwrap()));
        for (argument, at) in denied.when.iter().zip((2..).step_by(3)) {
            steps.push(step(LOAD, 0, 0, FIRST + 8 * argument.index));
            steps.push(step(AND, 0, 0, argument.mask));
            steps.push(step(IF_EQUAL, 0, to_next(at + 2), argument.value));
        }
        steps.push(step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | denied.errno.cast_unsigned()));
    }
    steps.push(step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    steps
}

#[expect(clippy::cast_possible_truncation, reason = "some dozen steps")]
fn install(steps: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_ptr().cast_mut() };
    // SAFETY: the program outlives the call, which copies it and writes nothing.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if installed { Ok(()) } else { Err(io::Error::last_os_error()) }
}
