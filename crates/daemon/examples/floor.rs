//! The least that a daemon like ours does for a lease: an axum handler that decodes the request, probes one port and encodes an answer.
//! `npm run bench` measures the daemon beside it.
//!
//! `floor SOCKET PORT` listens on that Unix socket and on that port of 127.0.0.1 until its standard input ends, and prints `ready`.

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    unix::main().await
}

#[cfg(unix)]
mod unix {
    use std::error::Error;
    use std::io::Write;

    use axum::extract::{Path, State};
    use axum::routing::{delete, post};
    use axum::serve::ListenerExt;
    use axum::{Json, Router};
    use serde_json::{Value, json};
    use socket2::{Domain, Socket, Type};

    pub(super) async fn main() -> Result<(), Box<dyn Error>> {
        let mut words = std::env::args().skip(1);
        let (Some(socket), Some(port)) = (words.next(), words.next()) else {
            return Err("floor SOCKET PORT".into());
        };
        let port: u16 = port.parse()?;
        let router = Router::new()
            .route("/allocate", post(allocate))
            .route("/allocate/{lock_id}", delete(release))
            .with_state(port);
        let tcp = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        let tcp = tcp.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let unix = tokio::net::UnixListener::bind(socket)?;
        writeln!(std::io::stdout(), "ready")?;
        let end = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        tokio::select! {
            served = axum::serve(tcp, router.clone()) => served?,
            served = axum::serve(unix, router) => served?,
            _ = end => {}
        }
        Ok(())
    }

    /// One probe of the port below our own: a bind on each of the two wildcard addresses, as the daemon's own probe begins.
    async fn allocate(State(ours): State<u16>, Json(request): Json<Value>) -> Json<Value> {
        let port = ours - 1;
        let is_free = [(Domain::IPV4, "0.0.0.0"), (Domain::IPV6, "::")].iter().all(|&(domain, address)| {
            let address: std::net::IpAddr = address.parse().expect("both are addresses");
            Socket::new(domain, Type::STREAM, None)
                .and_then(|socket| {
                    if domain == Domain::IPV6 {
                        socket.set_only_v6(true)?;
                    }
                    socket.bind(&std::net::SocketAddr::new(address, port).into())
                })
                .is_ok()
        });
        let service = request.get("service_type").cloned().unwrap_or_default();
        let (id, url) = (uuid::Uuid::new_v4(), format!("http://localhost:{port}"));
        let owner = json!({"kind": "listener", "pid": null, "process": null, "started_at": null});
        Json(json!({
            "success": is_free, "port": port, "lock_id": id, "service_type": service, "service_name": null,
            "state": "granted", "reused": false, "existing": false, "url": url, "owner": owner,
        }))
    }

    async fn release(State(ours): State<u16>, Path(lock_id): Path<uuid::Uuid>) -> Json<Value> {
        Json(json!({"success": !lock_id.is_nil(), "port": ours - 1}))
    }
}
