//! A command's side of the keeper's socket: finding the keeper, starting one, and speaking to it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use styxy_core::api::{Code, Refusal};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, Lines};
use tokio::time::{Instant, sleep};

use crate::say::failure::Failure;
use crate::up::place::{Place, of};
use crate::up::system::{self, FromKeeper, ToKeeper};
use crate::up::wire::{Request, Said, VERSION};

/// How long a keeper may take to answer: it may be ending, and another one beginning.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);
/// A keeper's own log starts from empty when it is longer.
const LONGEST: u64 = 256 << 10;
/// The hidden command that is the keeper.
pub(crate) const KEEPER: &str = "keeper";

/// A connection to the keeper.
pub(crate) struct Keeper {
    said: Lines<tokio::io::BufReader<FromKeeper>>,
    ask: ToKeeper,
}

/// What answers on the socket.
enum Answers {
    Nobody,
    /// A keeper with other messages than this command's.
    Other(Keeper),
    This(Keeper),
}

impl Keeper {
    /// The keeper of this place, if one runs.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub(crate) async fn find(place: &Place) -> io::Result<Option<Self>> {
        Ok(match connect(place).await? {
            Answers::This(keeper) => Some(keeper),
            Answers::Nobody | Answers::Other(_) => None,
        })
    }

    /// The same; it is started if none runs, and replaced if it is of another version.
    ///
    /// # Errors
    /// It cannot be started, or does not answer.
    pub(crate) async fn find_or_start(place: &Place, root: &Path) -> Result<Self, Failure> {
        let deadline = Instant::now() + PATIENCE;
        place.make().map_err(|error| not_kept(&error.to_string()))?;
        loop {
            match connect(place).await.map_err(|error| not_kept(&error.to_string()))? {
                Answers::This(keeper) => return Ok(keeper),
                Answers::Other(mut keeper) => {
                    // Its services go on, and the next one adopts them.
                    let _ = keeper.ask(&Request::Leave).await;
                    while let Ok(Some(_)) = keeper.said.next_line().await {}
                }
                Answers::Nobody => {
                    if Instant::now() >= deadline {
                        return Err(not_kept("the process that keeps them does not answer"));
                    }
                    if start(place, root)? == Started::Taken {
                        sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The keeper has gone.
    pub(crate) async fn ask(&mut self, request: &Request) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.ask.write_all(&line).await
    }

    /// What it says next; none once it has gone. May be dropped and called again.
    pub(crate) async fn said(&mut self) -> Option<Said> {
        let line = self.said.next_line().await.ok()??;
        serde_json::from_slice(line.as_bytes()).ok()
    }
}

async fn connect(place: &Place) -> io::Result<Answers> {
    let Some((read, ask)) = system::connect(place.socket()).await? else { return Ok(Answers::Nobody) };
    let mut keeper = Keeper { said: tokio::io::BufReader::new(read).lines(), ask };
    let Ok(hello) = tokio::time::timeout(PATIENCE, keeper.said()).await else {
        let said = format!("it does not answer within {} s", PATIENCE.as_secs());
        return Err(io::Error::new(io::ErrorKind::TimedOut, said));
    };
    Ok(match hello {
        Some(Said::Hello { version: VERSION, .. }) => Answers::This(keeper),
        Some(_) => Answers::Other(keeper),
        // It was about to end.
        None => Answers::Nobody,
    })
}

/// What became of a start.
#[derive(Debug, PartialEq, Eq)]
enum Started {
    Open,
    /// Another keeper has the lock: it begins, or ends.
    Taken,
}

/// Starts a keeper, and waits until it can be asked.
fn start(place: &Place, root: &Path) -> Result<Started, Failure> {
    let cannot = |error: io::Error| not_kept(&error.to_string());
    let program = styxy_client::own_program().map_err(cannot)?;
    let path = place.own_log();
    let log = File::options().create(true).append(true).open(&path);
    let log = log.map_err(|error| cannot(of(&path, &error)))?;
    if log.metadata().is_ok_and(|found| found.len() > LONGEST) {
        system::empty(&log, &path).map_err(cannot)?;
    }
    let mut begun = system::start_keeper(&program, &[KEEPER, "--root"], root, log).map_err(cannot)?;
    match begun.first_line().map_err(cannot)?.trim_end() {
        super::keeper::OPEN => Ok(Started::Open),
        super::keeper::TAKEN => {
            begun.wait();
            Ok(Started::Taken)
        }
        _ => {
            begun.wait();
            Err(not_kept(&last_line(&path)))
        }
    }
}

/// The last thing that a keeper said which did not begin.
fn last_line(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    let last = read.ok().and_then(|_| text.lines().rev().find(|line| !line.trim().is_empty()));
    last.unwrap_or("it ended without a word").trim_start_matches("error: ").to_owned()
}

fn not_kept(why: &str) -> Failure {
    Refusal::new(Code::NotRunning, format!("the services cannot be kept: {why}")).hint("styxy doctor").into()
}
