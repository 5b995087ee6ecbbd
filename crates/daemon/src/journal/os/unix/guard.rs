//! SIGBUS in a mapped journal: somebody shortened the file, or the disk could not give a page back.
//!
//! The process goes on. From the page at fault to the end of the map there is memory of no file instead, and the map's
//! guard says that the map is lost. Any other SIGBUS goes to the handler that was there before.
#![expect(unsafe_code, reason = "a signal handler, and one map in the place of another")]

use std::{
    ffi::{c_int, c_void},
    io,
    mem::{self, MaybeUninit},
    ptr,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering, compiler_fence},
    },
};

use memmap2::MmapRaw;
use rustix::{
    mm::{MapFlags, ProtFlags, mmap_anonymous},
    param::page_size,
};

/// How many maps may be guarded at once; a journal has three at most.
const MAPS: usize = 64;

/// One guarded map. A handler may take no lock, so these are all there are.
struct Slot {
    taken: AtomicBool,
    /// The map's first byte; 0 while nothing is guarded.
    from: AtomicUsize,
    /// The end of its last page.
    to: AtomicUsize,
    lost: AtomicBool,
}

static SLOTS: [Slot; MAPS] = [const {
    Slot {
        taken: AtomicBool::new(false),
        from: AtomicUsize::new(0),
        to: AtomicUsize::new(0),
        lost: AtomicBool::new(false),
    }
}; MAPS];
/// Read once: a handler may not ask for it.
static PAGE: AtomicUsize = AtomicUsize::new(0);
/// What SIGBUS did before; set before our handler is.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Guards one map until it is dropped, which must be before the map is.
pub(in crate::journal) struct Guard {
    slot: &'static Slot,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Guard").field("is_lost", &self.is_lost()).finish()
    }
}

/// Guards `map`: from now on no access to it ends the process.
///
/// # Errors
/// The handler cannot be set, or too many maps are guarded.
pub(in crate::journal) fn guard(map: &MmapRaw) -> io::Result<Guard> {
    install()?;
    let free = |slot: &&Slot| !slot.taken.swap(true, Ordering::AcqRel);
    let slot = SLOTS.iter().find(free).ok_or_else(|| io::Error::other("too many journals are open"))?;
    let from = map.as_ptr().addr();
    slot.lost.store(false, Ordering::Relaxed);
    slot.to.store(from + map.len().next_multiple_of(PAGE.load(Ordering::Relaxed)), Ordering::Relaxed);
    slot.from.store(from, Ordering::Release);
    Ok(Guard { slot })
}

impl Guard {
    /// Whether an access to the map has failed since it was guarded, by this thread at any time before the call.
    pub(in crate::journal) fn is_lost(&self) -> bool {
        // The handler runs inside the store that fails; the compiler does not know that it may.
        compiler_fence(Ordering::SeqCst);
        self.slot.lost.load(Ordering::Acquire)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.slot.from.store(0, Ordering::Release);
        self.slot.taken.store(false, Ordering::Release);
    }
}

/// Sets the handler, once.
fn install() -> io::Result<()> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if *installed {
        return Ok(());
    }
    PAGE.store(page_size(), Ordering::Relaxed);
    let mut before = MaybeUninit::zeroed();
    // SAFETY: without a new action this only writes the present one to `before`.
    if unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), before.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: written by the call above, which succeeded.
    let _ = BEFORE.set(unsafe { before.assume_init() });
    // SAFETY: all zeros are a valid action: the default one, with no flags and an empty mask.
    let mut ours: libc::sigaction = unsafe { mem::zeroed() };
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_fault;
    ours.sa_sigaction = handler as libc::sighandler_t;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `ours` is a whole action, and its handler makes only calls that a handler may make.
    if unsafe { libc::sigaction(libc::SIGBUS, &raw const ours, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    *installed = true;
    Ok(())
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands over a whole `siginfo_t`; one with a positive code is its own, and has an address.
    let address = unsafe { ((*info).si_code > 0).then(|| (*info).si_addr().addr()) };
    if !address.is_some_and(replace) {
        pass_on(signal, info, context);
    }
}

/// Puts memory of no file in the place of a guarded map, from the page of `address` on; false if none is there.
///
/// To the map's end, since a file that was cut lacks everything behind: one fault instead of one for each page.
fn replace(address: usize) -> bool {
    for slot in &SLOTS {
        let (from, to) = (slot.from.load(Ordering::Acquire), slot.to.load(Ordering::Acquire));
        if from == 0 || !(from..to).contains(&address) {
            continue;
        }
        let page = address & !(PAGE.load(Ordering::Relaxed) - 1);
        let at = ptr::with_exposed_provenance_mut(page);
        // SAFETY: `page..to` are whole pages of a map that is alive, since its guard is dropped before it is and the
        // access at fault is an access through it. Nothing else is mapped there.
        let mapped = unsafe {
            mmap_anonymous(
                at,
                to - page,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::FIXED,
            )
        };
        slot.lost.store(true, Ordering::Release);
        return mapped.is_ok();
    }
    false
}

/// Does what SIGBUS did before.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(before) = BEFORE.get() else { return };
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // The access fails again at once, and then ends the process.
            // SAFETY: all zeros are the default action.
            unsafe { libc::sigaction(signal, &raw const *before, ptr::null_mut()) };
        }
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: the system took this address as a handler of this type.
            let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                unsafe { mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: the system took this address as a handler of this type.
            let handler: extern "C" fn(c_int) = unsafe { mem::transmute(handler) };
            handler(signal);
        }
    }
}
