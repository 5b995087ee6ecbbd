//! Bodies: the door's own, those that it passes on, and those that it can take back.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use styxy_core::LockId;

use crate::headers::Sends;
use crate::load::{Permit, Seat};

/// Whatever ended a body early.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The body of an answer.
pub struct Body {
    kind: Kind,
    /// Counts while the body is under way.
    _held: Option<(Permit<LockId>, Seat)>,
}

enum Kind {
    Whole(Full<Bytes>),
    /// A server's, unchanged: data, trailers and the way it ends.
    Through(Carried),
    /// As [`Kind::Through`], of an answer to HEAD: it has no body, whatever its head says, and hyper must not add a length.
    Headless,
    Other(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body {
    /// Bytes that are there.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Whole(Full::new(bytes.into())), _held: None }
    }

    pub(crate) fn through(body: Incoming, held: (Permit<LockId>, Seat)) -> Self {
        Self { kind: Kind::Through(Carried::new(body)), _held: Some(held) }
    }

    pub(crate) fn headless(held: (Permit<LockId>, Seat)) -> Self {
        Self { kind: Kind::Headless, _held: Some(held) }
    }

    /// A body that somebody else made: the API's.
    pub fn other<B>(body: B) -> Self
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        use http_body_util::BodyExt as _;
        Self { kind: Kind::Other(body.map_err(Into::into).boxed_unsync()), _held: None }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Body")
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.kind {
            Kind::Whole(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Kind::Through(carried) => carried.poll_frame(context).map_err(Into::into),
            Kind::Headless => Poll::Ready(None),
            Kind::Other(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Through(carried) => carried.body.is_end_stream(),
            Kind::Headless => false,
            Kind::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(body) => body.size_hint(),
            Kind::Through(carried) => carried.body.size_hint(),
            Kind::Headless => SizeHint::new(),
            Kind::Other(body) => body.size_hint(),
        }
    }
}

/// A body on its way through the door.
///
/// A thread that copies all the time runs until the next tick of the clock, 4 ms on many kernels, although others are ready. So after
/// each piece of this much it asks whether anybody else wants the processor: that costs a microsecond if nobody does.
#[derive(Debug)]
struct Carried {
    body: Incoming,
    /// Bytes since it has asked.
    since: usize,
}

/// After how many bytes others get their turn.
const PIECE: usize = 16 * 1024;

impl Carried {
    const fn new(body: Incoming) -> Self {
        Self { body, since: 0 }
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.since += frame.data_ref().map_or(0, Bytes::len);
            if self.since >= PIECE {
                self.since = 0;
                thread::yield_now();
            }
        }
        polled
    }
}

/// A client's body that is lent to one try, and that the next try gets if this one never touched it.
#[derive(Debug, Clone)]
pub(crate) struct Lender {
    /// None for a request without a body.
    body: Option<Arc<Mutex<Untouched>>>,
}

/// None once a try has begun to read it.
type Untouched = Option<Incoming>;

/// What one try has of it.
#[derive(Debug)]
pub(crate) struct Lent {
    lender: Lender,
    /// The body, once this try has begun to read it.
    taken: Option<Carried>,
    /// How long it is, while it is not read.
    hint: SizeHint,
}

impl Lender {
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body: (!body.is_end_stream()).then(|| Arc::new(Mutex::new(Some(body)))) }
    }

    /// Whether there is a body at all.
    pub(crate) const fn sends(&self) -> Sends {
        match self.body {
            Some(_) => Sends::Body,
            None => Sends::Nothing,
        }
    }

    /// Whether no try has begun to read it.
    pub(crate) fn is_whole(&self) -> bool {
        self.lock().is_none_or(|body| body.is_some())
    }

    pub(crate) fn lend(&self) -> Lent {
        let hint = match self.lock() {
            Some(body) => body.as_ref().map_or_else(SizeHint::new, hyper::body::Body::size_hint),
            None => SizeHint::with_exact(0),
        };
        Lent { lender: self.clone(), taken: None, hint }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Untouched>> {
        // No lock is ever poisoned: a panic ends the daemon.
        self.body.as_ref().map(|body| body.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if self.taken.is_none() {
            let body = self.lender.lock().and_then(|mut body| body.take());
            self.taken = body.map(Carried::new);
        }
        match &mut self.taken {
            Some(carried) => carried.poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.taken {
            Some(carried) => carried.body.is_end_stream(),
            None => self.lender.sends() == Sends::Nothing,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.taken.as_ref().map_or(self.hint, |carried| carried.body.size_hint())
    }
}
