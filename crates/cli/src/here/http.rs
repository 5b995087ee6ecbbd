//! A request for one path of a server on this machine: `styxy wait --http`, and `ready` of a service.

use std::time::Duration;

use styxy_core::Port;
use styxy_core::api::{Code, Refusal};

use crate::here::reach::Host;
use crate::say::failure::Failure;

/// Requests one path from servers of this machine.
pub(crate) struct Http {
    pub(crate) path: String,
    client: reqwest::Client,
}

/// Why there is no status.
pub(crate) enum NoStatus {
    /// The server speaks TLS, which this command does not: waiting longer does not help.
    Tls,
    /// A fragment that says why.
    Yet(String),
}

impl Http {
    pub(crate) fn new(path: String) -> Result<Self, Failure> {
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = builder.build().map_err(|error| {
            Refusal::new(Code::NotRunning, format!("could not prepare the request for {path}: {error}"))
        })?;
        Ok(Self { path, client })
    }

    /// `http://localhost:3000/health`
    pub(crate) fn url(&self, host: Host, port: Port) -> String {
        format!("http://{host}:{port}{}", self.path)
    }

    /// The status of the answer, whatever is in it.
    ///
    /// At least one attempt is made, even with no `patience` left.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn get(
        &self,
        host: Host,
        port: Port,
        patience: Duration,
        least: Duration,
    ) -> Result<u16, NoStatus> {
        Ok(self.answer(host, port, patience.max(least)).await?.status().as_u16())
    }

    /// The same with the beginning of the answer's text.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn read(
        &self,
        host: Host,
        port: Port,
        patience: Duration,
    ) -> Result<(u16, String), NoStatus> {
        const MOST: usize = 64 << 10;
        let mut answer = self.answer(host, port, patience).await?;
        let (status, mut text) = (answer.status().as_u16(), Vec::new());
        while let Ok(Some(bytes)) = answer.chunk().await
            && text.len() < MOST
        {
            text.extend_from_slice(&bytes);
        }
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }

    async fn answer(
        &self,
        host: Host,
        port: Port,
        patience: Duration,
    ) -> Result<reqwest::Response, NoStatus> {
        let yet = |said: &str| Err(NoStatus::Yet(said.to_owned()));
        match self.client.get(self.url(host, port)).timeout(patience).send().await {
            // Some servers say in plain HTTP that they speak TLS only.
            Ok(response) if response.status().as_u16() == 400 && host.greets(port) => Err(NoStatus::Tls),
            Ok(response) => Ok(response),
            Err(error) if error.is_timeout() => yet("no answer"),
            Err(error) if error.is_connect() => yet("no connection"),
            Err(_) if host.greets(port) => Err(NoStatus::Tls),
            Err(error) => yet(&error.to_string()),
        }
    }
}
