//! `kill` and its relatives: what needs no question, and how the target is held while there is one (R90, R91).

use crate::ask::{self, Answer};
use crate::record::{EVERYBODY, GROUP, PROCESS};
use crate::sys::{self, Descriptor, ENOSYS, EPERM, call, plain};

/// The flag of `pidfd_send_signal` for the group that the process leads (Linux 6.9).
const PROCESS_GROUP: u32 = 4;

/// A signal's `siginfo_t`, as the kernel reads it.
pub(crate) type Info = [u32; 32];

/// What `kill` does.
pub(crate) fn kill(target: i32, signal: i32) -> isize {
    let send = || plain(sys::KILL, [target as isize, signal as isize]);
    match target {
        0 => send(),
        -1 => asked(EVERYBODY, 0, signal, send),
        i32::MIN..-1 => group(target.wrapping_neg(), signal, send),
        1.. => process(target, signal, send, |held| {
            plain(sys::PIDFD_SEND_SIGNAL, [held.0, signal as isize, 0, 0])
        }),
    }
}

/// What `tgkill` does.
pub(crate) fn tgkill(process_id: i32, thread: i32, signal: i32) -> isize {
    let send = || plain(sys::TGKILL, [process_id as isize, thread as isize, signal as isize]);
    // No call signals one thread through a descriptor; that it is of this process the kernel checks itself.
    process(process_id, signal, send, |_| send())
}

/// What `rt_sigqueueinfo` does.
///
/// # Safety
/// `info` is null or a `siginfo_t`.
pub(crate) unsafe fn sigqueueinfo(target: i32, signal: i32, info: *const Info) -> isize {
    let (number, value) = ((target as isize).cast_unsigned(), (signal as isize).cast_unsigned());
    // SAFETY: as for this function.
    let send = || unsafe { call(sys::RT_SIGQUEUEINFO, [number, value, info as usize, 0, 0, 0]) };
    process(target, signal, send, |held| {
        if info.is_null() {
            return send();
        }
        // `rt_sigqueueinfo` writes the signal's number into the structure; this call wants it there.
        // SAFETY: as for this function.
        let mut own = unsafe { info.read_unaligned() };
        own[0] = signal.cast_unsigned();
        let held = held.0.cast_unsigned();
        // SAFETY: it is a `siginfo_t`.
        unsafe { call(sys::PIDFD_SEND_SIGNAL, [held, value, core::ptr::from_ref(&own) as usize, 0, 0, 0]) }
    })
}

/// What `sigqueue` does: `rt_sigqueueinfo`, with this process and its user as the sender.
pub(crate) fn sigqueue(target: i32, signal: i32, value: usize) -> isize {
    const QUEUE: i32 = -1;
    let (process, user) = (plain(sys::GETPID, []), plain(sys::GETUID, []));
    let word = |number: isize| u32::try_from(number).unwrap_or_default();
    let mut info: Info = [0; 32];
    (info[0], info[2]) = (signal.cast_unsigned(), QUEUE.cast_unsigned());
    (info[4], info[5]) = (word(process), word(user));
    (info[6], info[7]) = (low(value), low(value >> 32));
    // SAFETY: it is a `siginfo_t`.
    unsafe { sigqueueinfo(target, signal, &raw const info) }
}

#[expect(clippy::cast_possible_truncation, reason = "the half that is meant")]
const fn low(value: usize) -> u32 {
    value as u32
}

/// What `rt_tgsigqueueinfo` does.
///
/// # Safety
/// `info` is null or a `siginfo_t`.
pub(crate) unsafe fn tgsigqueueinfo(of: i32, thread: i32, signal: i32, info: *const Info) -> isize {
    let [a, b, c] = [of, thread, signal].map(|number| (number as isize).cast_unsigned());
    // SAFETY: as for this function.
    let send = || unsafe { call(sys::RT_TGSIGQUEUEINFO, [a, b, c, info as usize, 0, 0]) };
    process(of, signal, send, |_| send())
}

/// What `pidfd_send_signal` does.
///
/// # Safety
/// `info` is null or a `siginfo_t`.
pub(crate) unsafe fn pidfd_send_signal(pidfd: i32, signal: i32, info: *const Info, flags: u32) -> isize {
    let [number, value] = [pidfd, signal].map(|number| (number as isize).cast_unsigned());
    let arguments = [number, value, info as usize, flags as usize, 0, 0];
    // SAFETY: as for this function.
    let send = || unsafe { call(sys::PIDFD_SEND_SIGNAL, arguments) };
    match behind(pidfd).filter(|_| signal != 0 && ask::is_on()) {
        Some(leader) if flags & PROCESS_GROUP != 0 => group(leader, signal, send),
        // The descriptor itself holds the process.
        Some(target) => process(target, signal, send, |_| send()),
        None => send(),
    }
}

/// Sends to a process group.
fn group(number: i32, signal: i32, send: impl Fn() -> isize) -> isize {
    let is_ours = || plain(sys::GETPGID, [0]) == number as isize || has_child(Id::Group, number);
    if signal == 0 || !ask::is_on() || is_ours() { send() } else { asked(GROUP, number, signal, send) }
}

/// Sends to one process by `send`; or, if it has to be asked about, by `send_held`, which is given the process that was
/// asked about: another one with its pid gets nothing.
fn process(
    target: i32,
    signal: i32,
    send: impl Fn() -> isize,
    send_held: impl Fn(&Descriptor) -> isize,
) -> isize {
    let is_ours = || plain(sys::GETPID, []) == target as isize || has_child(Id::Process, target);
    if target <= 0 || signal == 0 || !ask::is_on() || is_ours() {
        return send();
    }
    let Ok(held) = Descriptor::of_process(target) else {
        // No such process, a thread's number, or no descriptor is left: the kernel or the daemon says what is right.
        return asked(PROCESS, target, signal, send);
    };
    match ask::signal(PROCESS, target, sys::inode(held.0), signal) {
        Answer::Refused => -EPERM,
        Answer::Pass | Answer::Late => match send_held(&held) {
            // A sandbox has the one call and not the other.
            error if error == -ENOSYS => send(),
            answer => answer,
        },
    }
}

/// Sends unless the daemon refuses.
fn asked(kind: u8, target: i32, signal: i32, send: impl Fn() -> isize) -> isize {
    if signal != 0 && ask::is_on() && ask::signal(kind, target, 0, signal) == Answer::Refused {
        return -EPERM;
    }
    send()
}

/// What `waitid` waits for.
#[derive(Clone, Copy)]
enum Id {
    Process = 1,
    Group = 2,
}

/// Whether this process has this child, or a child in this group. No child is waited for.
fn has_child(kind: Id, number: i32) -> bool {
    const EXITED_NOHANG_NOWAIT_ALL: isize = 4 | 1 | 0x0100_0000 | 0x4000_0000;
    plain(sys::WAITID, [kind as isize, number as isize, 0, EXITED_NOHANG_NOWAIT_ALL, 0]) == 0
}

/// The process that a pidfd, or an open folder `/proc/PID`, stands for.
fn behind(descriptor: i32) -> Option<i32> {
    let mut path = [0; 32];
    let mut text = [0; 512];
    named(&mut path, b"/proc/self/fdinfo/", descriptor)?;
    let at = plain_path(sys::OPENAT, &path, 0o2_000_000, 0);
    if let Ok(file) = Descriptor::new(at) {
        let arguments = [file.0.cast_unsigned(), text.as_mut_ptr() as usize, text.len(), 0, 0, 0];
        // SAFETY: the buffer is as long as it is said to be.
        let length = unsafe { call(sys::READ, arguments) };
        let lines = text.get(..usize::try_from(length).ok()?)?;
        let pid = lines.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Pid:"));
        if let Some(pid) = pid {
            return number(pid.trim_ascii());
        }
    }
    named(&mut path, b"/proc/self/fd/", descriptor)?;
    let length = plain_path(sys::READLINKAT, &path, text.as_mut_ptr() as usize, text.len());
    number(text.get(..usize::try_from(length).ok()?)?.strip_prefix(b"/proc/")?)
}

/// A call whose first two arguments are the working directory and a path.
fn plain_path(operation: usize, path: &[u8; 32], third: usize, fourth: usize) -> isize {
    const HERE: isize = -100;
    // SAFETY: the path ends with a NUL, and a buffer that is written to is as long as it is said to be.
    unsafe { call(operation, [HERE.cast_unsigned(), path.as_ptr() as usize, third, fourth, 0, 0]) }
}

/// Writes `folder` and the number into `path`, with a NUL behind it.
fn named(path: &mut [u8; 32], folder: &[u8], descriptor: i32) -> Option<()> {
    let mut rest = u32::try_from(descriptor).ok()?;
    let mut digits = [0; 10];
    let mut first = digits.len();
    loop {
        first -= 1;
        *digits.get_mut(first)? = b'0' + u8::try_from(rest % 10).ok()?;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    *path = [0; 32];
    for (to, from) in path.iter_mut().zip(folder.iter().chain(digits.get(first..)?)) {
        *to = *from;
    }
    Some(())
}

fn number(digits: &[u8]) -> Option<i32> {
    let value = digits.iter().try_fold(0_i32, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(i32::from(digit))
    })?;
    (value > 0).then_some(value)
}
