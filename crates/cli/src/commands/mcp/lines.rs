//! The lines on stdin and stdout: one message of JSON-RPC each. What is not JSON, or not a message, has an answer that says so.
//!
//! The SDK's own transport writes. It reads nothing: it would drop a broken line in silence, and answer what is not a message without
//! the id that it has.

use rmcp::RoleServer;
use rmcp::model::{ErrorCode, ErrorData, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde::Deserialize as _;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, Empty};
use tokio::task::JoinHandle;

/// The longest line, in bytes: a client that never ends one does not fill the memory.
const LONGEST: usize = 16 * 1024 * 1024;

/// A transport that has an answer for every line.
pub(super) struct Lines<R, W: AsyncWrite> {
    read: R,
    /// What has arrived of a line. A read may be given up at any time, and goes on here.
    line: Vec<u8>,
    /// Whether the line is too long, so that its rest is not kept.
    is_too_long: bool,
    write: AsyncRwTransport<RoleServer, Empty, W>,
    /// An answer that has to be sent before anything more is read. It is a task: a read that is given up must not send it twice.
    owed: Option<JoinHandle<std::io::Result<()>>>,
}

/// What a line is.
enum Line {
    Message(Box<RxJsonRpcMessage<RoleServer>>),
    /// Nothing is expected: it is blank, or a notification that nobody knows.
    Nothing,
    Wrong(ErrorData, Option<RequestId>),
}

impl<R: AsyncBufRead + Send + Unpin, W: AsyncWrite + Send + Unpin + 'static> Lines<R, W> {
    pub(super) fn new(read: R, write: W) -> Self {
        let write = AsyncRwTransport::new_server(tokio::io::empty(), write);
        Self { read, line: Vec::new(), is_too_long: false, write, owed: None }
    }

    /// The next line, or the rest of the input; none at its end.
    async fn next(&mut self) -> Option<Line> {
        loop {
            let available = self.read.fill_buf().await.ok()?;
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |end| end + 1);
            let is_over = available.is_empty();
            self.is_too_long |= self.line.len() + taken > LONGEST;
            if self.is_too_long {
                self.line.clear();
            } else {
                self.line.extend_from_slice(&available[..taken]);
            }
            self.read.consume(taken);
            if end.is_none() && !is_over {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            return if std::mem::take(&mut self.is_too_long) {
                let message = format!("a message has at most {LONGEST} bytes");
                Some(Line::Wrong(ErrorData::new(ErrorCode::PARSE_ERROR, message, None), None))
            } else if is_over && line.is_empty() {
                None
            } else {
                Some(read(&line))
            };
        }
    }
}

fn read(line: &[u8]) -> Line {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Line::Nothing;
    }
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => {
            return Line::Wrong(ErrorData::new(ErrorCode::PARSE_ERROR, error.to_string(), None), None);
        }
    };
    let id = value.get("id").and_then(|id| RequestId::deserialize(id).ok());
    let is_notification = value.get("id").is_none() && value["method"].is_string();
    match RxJsonRpcMessage::<RoleServer>::deserialize(value) {
        Ok(message) => Line::Message(Box::new(message)),
        Err(_) if is_notification => Line::Nothing,
        Err(_) => Line::Wrong(ErrorData::invalid_request("this is not a message of JSON-RPC 2.0", None), id),
    }
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncBufRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = std::io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.write.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(owed) = &mut self.owed {
                owed.await.ok()?.ok()?;
                self.owed = None;
            }
            match self.next().await? {
                Line::Message(message) => return Some(*message),
                Line::Nothing => {}
                Line::Wrong(error, id) => {
                    let answer = self.write.send(TxJsonRpcMessage::<RoleServer>::error(error, id));
                    self.owed = Some(tokio::spawn(answer));
                }
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.write.close()
    }
}
