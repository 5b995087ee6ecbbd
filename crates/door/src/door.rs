//! The way of one request through the door.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::Error as ClientError;
use styxy_core::{DoorRules, HostHeader, LockId};
use tokio::time::Instant;

use crate::answer::redirect;
use crate::body::{Body, Lender, Lent};
use crate::connection::Client;
use crate::directory::{Directory, Found, Past, Return, Served, Stranger};
use crate::dispatch::Host;
use crate::foreign::{self, Foreign};
use crate::headers::{self, MOST_HOPS, Sends};
use crate::load::{Count, Full, Limits, Permit};
use crate::parking::{Parking, Waited};
use crate::refused;
use crate::tunnel;
use crate::upstream::{self, Pool, Unreached, Which};

/// How long a request waits for a server that has a lease and does not listen.
const FOR_A_START: Duration = Duration::from_secs(30);
/// How long somebody who goes to a page waits before there is a page that says so.
const FOR_A_PAGE: Duration = Duration::from_secs(1);
/// How long a server that refuses a connection is left alone.
const PAUSE: Duration = Duration::from_millis(5);
/// How often a request that changes nothing is sent to one server, if each connection broke before there was an answer.
const TRIES: usize = 3;
/// How often in all, if the server was started again in between: the request itself may be what ends it.
const MOST_TRIES: usize = 10;

/// The front door.
#[derive(Debug)]
pub struct Door<D> {
    directory: Arc<D>,
    pool: Pool<D>,
    parking: Arc<Parking>,
    seats: Count<()>,
    load: Count<LockId>,
}

/// Why a request is not passed on, or has no answer of its server's.
#[derive(Debug)]
pub(crate) enum Cannot {
    /// A page of the Internet asks.
    Foreign(Foreign),
    /// The request has come through as many doors as it may.
    Loop,
    /// CONNECT: this is not that kind of proxy.
    Connect,
    /// Nobody has the name.
    Unknown(Vec<Arc<Served>>),
    /// A worktree has the name, and it is not clear which server is meant.
    Worktree(Vec<Arc<Served>>),
    /// Nothing listens, and the request has waited as long as it may.
    Silent { served: Arc<Served>, branch: Option<String> },
    /// Its server has ended.
    Past { past: Arc<Past>, returns: Return },
    /// Somebody else listens.
    Stranger { served: Arc<Served>, stranger: Stranger },
    /// Too many requests wait, for this server or for all.
    Crowded(Full),
    /// The server has as many requests as it may have.
    Busy,
    /// The server does not accept a connection, although it listens.
    Unreachable(Arc<Served>),
    /// The head of the server's answer is longer than the door takes, or has more lines.
    TooLong(Arc<Served>),
    /// What the server answered is not HTTP.
    Nonsense(Arc<Served>),
    /// The connection broke before there was an answer.
    Broken(Arc<Served>),
}

/// How often the connections of one request broke.
#[derive(Debug, Default)]
struct Breaks {
    by_this_server: usize,
    in_all: usize,
}

/// One request on its way.
struct Passage {
    /// The name that was asked for.
    host: Host,
    /// The head as the client sent it; each try makes its own of it.
    parts: Parts,
    body: Lender,
    from: Client,
    /// What the connection is to become, if the client asks for that.
    upgrade: Option<HeaderValue>,
    /// The client's connection, once it has become that.
    client: Option<OnUpgrade>,
    began: Instant,
}

impl<D: Directory> Door<D> {
    /// A door to what `directory` knows.
    #[must_use]
    pub fn new(directory: Arc<D>, limits: Limits) -> Self {
        let pool = upstream::pool(&directory);
        Self {
            directory,
            pool,
            parking: Arc::new(Parking::new(limits)),
            seats: Count::new(limits.connections, limits.connections),
            load: Count::new(usize::MAX, limits.per_server),
        }
    }

    /// A client with a seat for its connection; none if there are too many.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Client> {
        Some(Client { address, seat: Arc::new(self.seats.one_more(&()).ok()?) })
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.seats.all()
    }

    /// Passes a request to the server called `host`, and its answer back. It came from this address, on a connection that
    /// is not one of the door's: it takes a seat for itself.
    pub async fn serve_guest(&self, host: Host, request: Request<Incoming>, from: IpAddr) -> Response<Body> {
        match self.admit(from) {
            Some(client) => self.serve(host, request, client).await,
            None => refused::too_many().into_response(request.headers()),
        }
    }

    /// The same, on a connection of the door's.
    pub(crate) async fn serve(
        &self,
        host: Host,
        mut request: Request<Incoming>,
        from: Client,
    ) -> Response<Body> {
        let upgrade = headers::upgrade(request.headers());
        let client = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        let body = Lender::new(body);
        let mut passage = Passage { host, parts, body, from, upgrade, client, began: Instant::now() };
        match self.pass(&mut passage).await {
            Ok(response) => response,
            // A worktree with one server.
            Err(Cannot::Worktree(servers)) if servers.len() == 1 => {
                redirect(&format!("http://{}{}{}", servers[0].host, passage.port(), passage.path()))
            }
            Err(cannot) => refused::answer(cannot, &passage.host, &passage.port(), &passage.parts.headers)
                .into_response(&passage.parts.headers),
        }
    }

    async fn pass(&self, passage: &mut Passage) -> Result<Response<Body>, Cannot> {
        if passage.parts.method == Method::CONNECT {
            return Err(Cannot::Connect);
        }
        if headers::hops(&passage.parts.headers) >= MOST_HOPS {
            return Err(Cannot::Loop);
        }
        let foreign = foreign::check(&passage.parts.headers).err();
        // A server's rules go for it while it is away, too; without any, the Internet does not learn who is there.
        let admit = |rules: DoorRules| match foreign.filter(|_| !rules.open) {
            Some(foreign) => Err(Cannot::Foreign(foreign)),
            None => Ok(()),
        };
        let mut breaks = Breaks::default();
        loop {
            let served = match self.directory.find(&passage.host).await {
                Found::Service(served) => admit(served.rules).map(|()| served)?,
                Found::Past(past) => {
                    admit(past.rules)?;
                    self.wait_for_return(passage, past).await?;
                    continue;
                }
                Found::Worktree(servers) => {
                    admit(DoorRules::default())?;
                    return Err(Cannot::Worktree(servers));
                }
                Found::Nobody => {
                    admit(DoorRules::default())?;
                    return Err(Cannot::Unknown(self.directory.all().await));
                }
            };
            let permit = self.load.one_more(&served.lease).map_err(|_| Cannot::Busy)?;
            let which = if breaks.in_all == 0 { Which::Any } else { Which::New };
            let request =
                passage.request_to(&served, which).ok_or_else(|| Cannot::Nonsense(Arc::clone(&served)))?;
            match self.pool.request(request).await {
                Ok(response) => return Ok(passage.arrived(response, permit)),
                Err(error) => {
                    drop(permit);
                    self.after(&error, passage, served, &mut breaks).await?;
                }
            }
        }
    }

    /// What follows from a try that failed: another one, now or when there is a server; or none.
    async fn after(
        &self,
        error: &ClientError,
        passage: &Passage,
        served: Arc<Served>,
        breaks: &mut Breaks,
    ) -> Result<(), Cannot> {
        let unreached = upstream::unreached(error);
        if unreached.is_some() && !passage.body.is_whole() {
            return Err(Cannot::Broken(served));
        }
        match unreached {
            Some(Unreached::Stranger(stranger)) => {
                return Err(Cannot::Stranger { served, stranger: stranger.clone() });
            }
            Some(Unreached::Nobody | Unreached::Ended) => {
                breaks.by_this_server = 0;
                return match &served.past {
                    Some(past) => self.wait_for_return(passage, Arc::clone(past)).await,
                    None => self.wait_for_start(passage, served).await,
                };
            }
            // It listens, and its queue is full, or it has just closed.
            Some(Unreached::Refused(_) | Unreached::Slow) => {
                if passage.began.elapsed() > passage.patience(FOR_A_START) {
                    return Err(Cannot::Unreachable(served));
                }
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            }
            None => {}
        }
        match upstream::protocol(error) {
            Some(error) if error.is_parse_too_large() => return Err(Cannot::TooLong(served)),
            Some(error) if error.is_parse() => return Err(Cannot::Nonsense(served)),
            Some(_) | None => {}
        }
        breaks.by_this_server += 1;
        breaks.in_all += 1;
        let is_enough = breaks.by_this_server >= TRIES || breaks.in_all >= MOST_TRIES;
        // Whatever else was under way may have been carried out.
        if passage.may_be_repeated() && !is_enough { Ok(()) } else { Err(Cannot::Broken(served)) }
    }

    async fn wait_for_start(&self, passage: &Passage, served: Arc<Served>) -> Result<(), Cannot> {
        let deadline = passage.began + passage.patience(FOR_A_START);
        match self.parking.wait(&Host::of(&served.host), deadline, &self.directory).await {
            Waited::Something => Ok(()),
            Waited::Full(full) => Err(Cannot::Crowded(full)),
            Waited::Nothing => {
                let branch = match &served.folder {
                    Some(folder) if passage.is_page() => self.directory.branch(folder).await,
                    Some(_) | None => None,
                };
                Err(Cannot::Silent { served, branch })
            }
        }
    }

    async fn wait_for_return(&self, passage: &Passage, past: Arc<Past>) -> Result<(), Cannot> {
        let left = Duration::from_millis(past.returns_within_ms);
        // From now on: the lease may have ended while the request waited.
        let deadline = (Instant::now() + left).min(passage.began + passage.patience(FOR_A_START));
        if left.is_zero() || deadline <= Instant::now() {
            let returns = if left.is_zero() { Return::Over } else { Return::Possible };
            return Err(Cannot::Past { past, returns });
        }
        match self.parking.wait(&Host::of(&past.host), deadline, &self.directory).await {
            Waited::Something | Waited::Nothing => Ok(()),
            Waited::Full(full) => Err(Cannot::Crowded(full)),
        }
    }
}

impl Passage {
    /// The request as it is sent to the server of a lease.
    fn request_to(&self, served: &Served, which: Which) -> Option<Request<Lent>> {
        let authority = upstream::authority(served.lease, served.port, which)?;
        let mut uri = Uri::builder().scheme(Scheme::HTTP).authority(authority);
        let path = self.parts.uri.path_and_query().cloned();
        uri = uri.path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        let mut request = Request::new(self.body.lend());
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = uri.build().ok()?;
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = self.parts.headers.clone();
        headers::to_server(
            request.headers_mut(),
            &self.parts.method,
            self.from.address,
            self.body.sends(),
            self.upgrade.as_ref(),
        );
        if served.rules.host == HostHeader::Local {
            let local = format!("localhost:{}", served.port).try_into().ok()?;
            request.headers_mut().insert(HOST, local);
        }
        Some(request)
    }

    /// The server's answer as the client gets it.
    fn arrived(&mut self, mut response: Response<Incoming>, permit: Permit<LockId>) -> Response<Body> {
        let held = (permit, Arc::clone(&self.from.seat));
        let status = response.status();
        headers::to_client(status, response.headers_mut());
        // Each of the two connections ends bodies in its own way.
        *response.version_mut() = Version::HTTP_11;
        if status == StatusCode::SWITCHING_PROTOCOLS
            && let Some(client) = self.client.take()
        {
            tunnel::join(client, hyper::upgrade::on(&mut response), held);
            return response.map(|_| Body::whole(""));
        }
        if self.parts.method == Method::HEAD {
            return response.map(|_| Body::headless(held));
        }
        response.map(|body| Body::through(body, held))
    }

    /// Whether the request may be sent again although the server may have got it.
    fn may_be_repeated(&self) -> bool {
        let changes_nothing = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&self.parts.method);
        changes_nothing && self.body.sends() == Sends::Nothing
    }

    /// Whether a person goes to a page, so that one of the door's own may be shown in its place for a while.
    fn is_page(&self) -> bool {
        self.parts.method == Method::GET && self.upgrade.is_none() && is_page(&self.parts.headers)
    }

    fn patience(&self, usual: Duration) -> Duration {
        if self.is_page() { FOR_A_PAGE } else { usual }
    }

    /// The port that the client sees, with its colon; empty if it names none.
    fn port(&self) -> String {
        headers::port(&self.parts.headers).map_or_else(String::new, |port| format!(":{port}"))
    }

    fn path(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", PathAndQuery::as_str)
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    foreign::is_navigation(headers) && crate::answer::wants_html(headers)
}
