//! The request of `--http`.

use std::time::Duration;

use styxy_core::Port;
use styxy_core::api::{Code, Refusal};

use crate::here::reach::Host;
use crate::say::failure::Failure;

/// Requests one path from servers of this machine.
pub(super) struct Http {
    pub(super) path: String,
    client: reqwest::Client,
}

/// Why there is no status.
pub(super) enum NoStatus {
    /// The server speaks TLS, which this command does not: waiting longer does not help.
    Tls,
    /// A fragment that says why.
    Yet(String),
}

impl Http {
    pub(super) fn new(path: String) -> Result<Self, Failure> {
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = builder.build().map_err(|error| {
            Refusal::new(Code::NotRunning, format!("could not prepare the request for {path}: {error}"))
        })?;
        Ok(Self { path, client })
    }

    /// `http://localhost:3000/health`
    pub(super) fn url(&self, host: Host, port: Port) -> String {
        format!("http://{host}:{port}{}", self.path)
    }

    /// The status of the answer, whatever is in it.
    ///
    /// At least one attempt is made, even with no `patience` left.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn get(
        &self,
        host: Host,
        port: Port,
        patience: Duration,
        least: Duration,
    ) -> Result<u16, NoStatus> {
        let yet = |said: &str| Err(NoStatus::Yet(said.to_owned()));
        match self.client.get(self.url(host, port)).timeout(patience.max(least)).send().await {
            // Some servers say in plain HTTP that they speak TLS only.
            Ok(response) if response.status().as_u16() == 400 && host.greets(port) => Err(NoStatus::Tls),
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) if error.is_timeout() => yet("no answer"),
            Err(error) if error.is_connect() => yet("no connection"),
            Err(_) if host.greets(port) => Err(NoStatus::Tls),
            Err(error) => yet(&error.to_string()),
        }
    }
}
