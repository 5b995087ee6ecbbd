//! Requests that wait for a server: while it starts, and while it starts again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use crate::directory::{Behind, Directory, Found};
use crate::dispatch::Host;
use crate::load::{Count, Full, Limits};

/// How often the door looks for a server that somebody waits for.
const LOOK: Duration = Duration::from_millis(5);

/// Everybody who waits, by the server's own name: those of an app's customers (`acme.web.shop.localhost`) wait for one server.
#[derive(Debug)]
pub(crate) struct Parking {
    lots: Mutex<HashMap<Host, Weak<Notify>>>,
    waiting: Count<Host>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// It may be worth another try.
    Something,
    /// The time is over.
    Nothing,
    /// There is no room for one more.
    Full(Full),
}

impl Parking {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { lots: Mutex::default(), waiting: Count::new(limits.waiting, limits.waiting_per_server) }
    }

    /// Waits until something has changed for `host`, until `deadline` at most. All who wait for one server share one look.
    pub(crate) async fn wait<D: Directory>(
        self: &Arc<Self>,
        host: &Host,
        deadline: Instant,
        directory: &Arc<D>,
    ) -> Waited {
        let _permit = match self.waiting.one_more(host) {
            Ok(permit) => permit,
            Err(full) => return Waited::Full(full),
        };
        let lot = self.lot(host, directory);
        match timeout_at(deadline, lot.notified()).await {
            Ok(()) => Waited::Something,
            Err(_) => Waited::Nothing,
        }
    }

    fn lot<D: Directory>(self: &Arc<Self>, host: &Host, directory: &Arc<D>) -> Arc<Notify> {
        let mut lots = self.lots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lot) = lots.get(host).and_then(Weak::upgrade) {
            return lot;
        }
        let lot = Arc::new(Notify::new());
        lots.insert(host.clone(), Arc::downgrade(&lot));
        tokio::spawn(look(Arc::clone(self), host.clone(), Arc::downgrade(&lot), Arc::clone(directory)));
        lot
    }
}

/// Looks for the server of `host` as long as somebody waits for it.
async fn look<D: Directory>(parking: Arc<Parking>, host: Host, lot: Weak<Notify>, directory: Arc<D>) {
    loop {
        sleep(LOOK).await;
        let is_news = match directory.find(&host).await {
            Found::Service(served) => match directory.behind(served.lease, served.port).await {
                Behind::Server { .. } | Behind::Stranger(_) => true,
                Behind::Nobody | Behind::Ended => served.past.as_ref().is_some_and(|past| past.is_over()),
            },
            Found::Past(past) => past.is_over(),
            Found::Worktree(_) | Found::Nobody => true,
        };
        let mut lots = parking.lots.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lot) = lot.upgrade() else {
            // Another lot may have its place by now.
            if lots.get(&host).is_some_and(|lot| lot.strong_count() == 0) {
                lots.remove(&host);
            }
            return;
        };
        drop(lots);
        if is_news {
            lot.notify_waiters();
        }
    }
}
