//! The least that a proxy made of hyper does: no names, no looks at who listens, no waiting. `bench/door.mjs` measures what the door adds
//! to this, which is what any second process between a client and a server costs.
//!
//! `bare_proxy LISTEN_PORT SERVER_PORT`

use std::error::Error;

use hyper::body::Incoming;
use hyper::http::uri::{Authority, Scheme};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

fn main() -> Result<(), Box<dyn Error>> {
    let ports: Result<Vec<u16>, _> = std::env::args().skip(1).map(|port| port.parse()).collect();
    let [listen, server] = ports?[..] else { return Err("LISTEN_PORT and SERVER_PORT are needed".into()) };
    let server: Authority = format!("127.0.0.1:{server}").parse()?;
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).set_host(false).build(connector);
        let listener = TcpListener::bind(("127.0.0.1", listen)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream, client.clone(), server.clone()));
        }
    })
}

async fn serve(stream: TcpStream, client: Client<HttpConnector, Incoming>, server: Authority) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(server.clone());
        // The path of a request that was read is there, so this is always a URI.
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        client.request(request)
    });
    // What is wrong with a connection is its client's business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
