//! What runs beside the requests: the timer, the schedule that looks for listeners, ends of processes, the sweep.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use styxy_core::ProcessKey;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::daemon::{Daemon, Outcome};
use crate::system::{self, CloseEvents, Closed};

/// The first look for a listener after an allocate comes this soon.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// Looks are never further apart than this, as long as there are any.
const LAST_LOOK: Duration = Duration::from_secs(2);
/// After this long without a change, only the sweep looks.
const QUIET: Duration = Duration::from_mins(1);
/// Processes without a handle are looked at this often.
const POLL: Duration = Duration::from_secs(1);
/// After a look for closed listeners, nobody looks for this many times as long as it took: whoever opens and closes a thousand times
/// a second takes a tenth of the serving thread's time at most.
const REST: u32 = 9;
/// No rest is longer.
const LONGEST_REST: Duration = Duration::from_millis(50);
/// After a failure of the journal, deadlines are tried again this much later.
const AGAIN: Duration = Duration::from_secs(1);

/// Starts everything that runs beside the requests, until the runtime ends.
pub(crate) fn start(daemon: &Arc<Daemon>, ended: mpsc::UnboundedReceiver<ProcessKey>) {
    tokio::spawn(exits(Arc::clone(daemon), ended));
    tokio::spawn(timer(Arc::clone(daemon)));
    tokio::spawn(listeners(Arc::clone(daemon)));
    tokio::spawn(closes(Arc::clone(daemon)));
    #[cfg(unix)]
    tokio::spawn(continues(Arc::clone(daemon)));
    tokio::spawn(place(Arc::clone(daemon)));
    tokio::spawn(sweep(Arc::clone(daemon)));
    tokio::spawn(poll(Arc::clone(daemon)));
}

/// Ends of processes, many at once if many were sent.
async fn exits(daemon: Arc<Daemon>, mut ended: mpsc::UnboundedReceiver<ProcessKey>) {
    let mut batch = Vec::new();
    while ended.recv_many(&mut batch, 256).await > 0 {
        daemon.exited(&batch).await;
        batch.clear();
    }
}

/// Sleeps until the next deadline, unless a nearer one arises.
async fn timer(daemon: Arc<Daemon>) {
    loop {
        let wait = daemon.arm().map(|at| Duration::from_millis(at.saturating_sub(system::now().awake)));
        match wait {
            Some(Duration::ZERO) => {
                // A signal that came with the deadline says whether we were stopped until now: it goes first.
                tokio::task::yield_now().await;
                // Nothing followed and it is still due: the journal does not accept it now.
                if daemon.tick().await != Outcome::Changed && daemon.is_overdue() {
                    sleep(AGAIN).await;
                }
            }
            Some(wait) => tokio::select! {
                () = sleep(wait) => {}
                () = daemon.nearer_deadline.notified() => {}
            },
            None => daemon.nearer_deadline.notified().await,
        }
    }
}

/// A daemon that was stopped (Ctrl-Z, a debugger) received no heartbeat: every instance gets its full TTL from here on.
#[cfg(unix)]
async fn continues(daemon: Arc<Daemon>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut continued) = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())) else {
        return;
    };
    while continued.recv().await.is_some() {
        daemon.resume();
    }
}

/// Looks for listeners while a lease has none: soon after an allocate, then less and less often.
async fn listeners(daemon: Arc<Daemon>) {
    loop {
        daemon.listener_expected.notified().await;
        let (mut gap, mut last_change) = (FIRST_LOOK, Instant::now());
        let mut next = Instant::now() + gap;
        while last_change.elapsed() < QUIET && daemon.awaits_listeners() {
            tokio::select! {
                () = sleep_until(next) => {
                    daemon.name_owners().await;
                    let outcome = daemon.refresh().await;
                    if outcome.max(daemon.seek_strays().await) == Outcome::Changed {
                        (gap, last_change) = (FIRST_LOOK, Instant::now());
                    } else {
                        gap = (gap * 2).min(LAST_LOOK);
                    }
                    next = Instant::now() + gap;
                }
                () = daemon.listener_expected.notified() => {
                    (gap, last_change) = (FIRST_LOOK, Instant::now());
                    next = next.min(last_change + gap);
                }
            }
        }
    }
}

/// Listening sockets that the kernel reports as closed. The table is read only if the port is leased, and once for all that have
/// closed by then.
async fn closes(daemon: Arc<Daemon>) {
    let mut events = match CloseEvents::subscribe() {
        Ok(events) => events,
        Err(error) => {
            tracing::warn!(%error, "closed listeners are noticed by the sweep only");
            return;
        }
    };
    loop {
        match events.next().await {
            Ok(Closed::Port { port, .. }) if !daemon.engine().registry().leased_ports().contains(port) => {}
            Ok(Closed::Port { .. } | Closed::Lost) => {
                // An error comes again.
                while let Some(Ok(_)) = events.next().now_or_never() {}
                let begun = Instant::now();
                daemon.refresh().await;
                // If nobody listened there before, a server came and went between two looks, and may come again.
                daemon.listener_expected.notify_one();
                sleep((begun.elapsed() * REST).min(LONGEST_REST)).await;
            }
            Err(error) => {
                tracing::warn!(%error, "closed listeners are noticed by the sweep only from here on");
                return;
            }
        }
    }
}

/// What happens to the daemon's own files. Whatever could not be put back is tried again.
async fn place(daemon: Arc<Daemon>) {
    let bell = daemon.engine().bell();
    loop {
        let rung = async {
            match &bell {
                Some(bell) => bell.rung(|| drop(daemon.check_standing())).await,
                None => std::future::pending().await,
            }
        };
        let unsettled = daemon.engine().is_unsettled();
        tokio::select! {
            rung = rung => if rung.is_err() { return },
            () = sleep(AGAIN), if unsettled => drop(daemon.settle()),
        }
    }
}

/// The safety net: checks everything again at long intervals.
async fn sweep(daemon: Arc<Daemon>) {
    let interval = Duration::from_millis(daemon.about.config.cleanup_interval.millis());
    loop {
        sleep(interval).await;
        daemon.recheck().await;
    }
}

/// Processes for which the system had no handle left.
async fn poll(daemon: Arc<Daemon>) {
    loop {
        let polled = daemon.engine().watches.polled();
        if polled == 0 {
            daemon.polling.notified().await;
        } else {
            sleep(POLL).await;
            daemon.engine().watches.poll();
        }
    }
}
