//! The daemon's own place: its folder, the lock in it, its socket and `daemon.json`.
//!
//! A cleaner of old files or a person can remove, move or replace any of them while the daemon runs. [`Place`] notices
//! that before the next answer. It puts back what is missing, as long as nobody else has become the daemon; if somebody
//! has, this process ends without another answer (R24). The journal is not its business: it only says when to look.

mod error;
mod home;
mod lock;
#[cfg(windows)]
mod pipe;
#[cfg(unix)]
mod socket;

use std::ffi::OsStr;
#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use styxy_core::api::Refusal;
use styxy_core::handshake::DaemonFile;
use styxy_core::layout::Layout;
use styxy_core::with_causes;
#[cfg(unix)]
use tokio::sync::mpsc;

pub(crate) use error::{Cannot, Expected, PlaceError};
pub(crate) use home::open;
use lock::Retaken;
pub(crate) use lock::{Held, check_holder, published, take};
#[cfg(windows)]
pub use pipe::inspect_pipe;
#[cfg(unix)]
pub use socket::inspect_socket;
#[cfg(unix)]
pub(crate) use socket::{Bound, bind_any};

#[cfg(unix)]
use crate::files::FileId;
use crate::system::{Bell, Entry, FolderWatch, Happened};

/// The most notes that are kept of what happened to the daemon's files.
const NOTES: usize = 8;

/// A folder to which nothing has happened for this long is not being removed.
const QUIET: Duration = Duration::from_millis(25);
/// How long that is waited for. Another daemon that starts in the meantime gives way for longer.
const LONGEST: Duration = Duration::from_millis(250);
/// For how long a look at the files stands for the next one, where no answer depends on it. Another daemon that starts
/// gives way a hundred times longer, so none can have begun to write.
const LATELY: Duration = Duration::from_millis(10);

/// What a daemon holds in its folder, for as long as it serves.
#[derive(Debug)]
pub struct Place {
    held: Held,
    /// As written to `daemon.json`.
    file: DaemonFile,
    socket: PathBuf,
    /// The socket that this process listens on, while it has its name; 0 names before it is bound.
    #[cfg(unix)]
    bound: Option<FileId>,
    /// Takes the listener that replaces the one whose name is gone.
    #[cfg(unix)]
    listeners: mpsc::UnboundedSender<UnixListener>,
    /// None where the system has none, or none left: then the lock is looked at before each decision.
    watch: Option<FolderWatch>,
    stage: Stage,
    /// When the watch was last asked.
    asked: Option<Instant>,
    /// Something happened to a file, and it was not looked at yet.
    touched: bool,
    /// A file was removed or moved away: perhaps the whole folder is about to be.
    removed: bool,
    /// Something could not be put back.
    trouble: Option<String>,
    notes: Vec<String>,
}

/// How far the daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not ready yet: `daemon.json` is still that of the last daemon, if there is one.
    Starting,
    Serving,
    /// This process is not the daemon of its folder any more, and cannot become it again.
    Lost,
}

/// Whether there are leases or instances, which must outlive the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    State,
    Nothing,
}

/// Whose the folder is, after a look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// This process', and nobody else's since the last look.
    Same,
    /// This process' again, after somebody else had a lock there: they may have written to the journal.
    Again,
    /// Not this process'.
    Lost,
}

impl Place {
    /// The place of the holder of the lock, which listens on `socket`. Within a tokio runtime.
    #[cfg(unix)]
    pub(crate) fn new(
        held: Held,
        file: DaemonFile,
        socket: PathBuf,
    ) -> (Self, mpsc::UnboundedReceiver<UnixListener>) {
        let (listeners, replaced) = mpsc::unbounded_channel();
        let bound = FileId::at(&socket).ok();
        let mut place = Self {
            held,
            file,
            socket,
            bound,
            listeners,
            watch: None,
            stage: Stage::Starting,
            asked: None,
            touched: true,
            removed: false,
            trouble: None,
            notes: Vec::new(),
        };
        place.watch = FolderWatch::open().inspect_err(warn_unwatched).ok();
        place.watch_folders();
        (place, replaced)
    }

    /// The place of the holder of the lock.
    #[cfg(windows)]
    pub(crate) fn new(held: Held, file: DaemonFile, socket: PathBuf) -> Self {
        let (watch, stage, asked, notes) = (None, Stage::Starting, None, Vec::new());
        Self { held, file, socket, watch, stage, asked, touched: true, removed: false, trouble: None, notes }
    }

    /// Writes `daemon.json`: from now on others may know where this daemon is.
    pub(crate) fn publish(&mut self) {
        self.stage = Stage::Serving;
        if let Err(error) = self.held.publish(&self.file) {
            tracing::error!(%error, "daemon.json could not be written");
        }
    }

    /// Removes what tells others where this daemon is, as the last thing that it does. Whoever has lost its place
    /// leaves it to the next one.
    pub(crate) fn withdraw(&self) {
        if self.stage != Stage::Lost && self.held.is_in_place() {
            let _ = self.held.withdraw(&self.socket);
        }
    }

    /// Whether nothing has happened to the daemon's files since the last [`Place::settle`]. `is_journal` says whether
    /// what happened to an entry of the folder concerns the journal.
    ///
    /// Costs one system call, which is no file call. Where nothing reports what happens to files, only the lock is
    /// looked at.
    pub(crate) fn is_sound(&mut self, is_journal: impl Fn(&OsStr, Entry) -> bool) -> bool {
        match &self.watch {
            Some(watch) => {
                let (socket, mut touched, mut removed) =
                    (self.socket.file_name(), self.touched, self.removed);
                watch.drain(|happened| {
                    let concerns = concerns(happened, socket, &is_journal);
                    touched |= concerns;
                    removed |= concerns && matches!(happened, Happened::To { entry: Entry::Gone, .. });
                });
                (self.touched, self.removed) = (touched, removed);
                self.asked = Some(Instant::now());
            }
            None => self.touched |= cfg!(unix) && !self.held.is_in_place(),
        }
        !self.touched && self.stage != Stage::Lost
    }

    /// Whether [`Place::is_sound`] was true a moment ago, and no daemon can have begun to write since. No system call.
    pub(crate) fn was_sound_lately(&self) -> bool {
        let is_recent = self.asked.is_some_and(|at| at.elapsed() < LATELY);
        is_recent && !self.touched && self.stage != Stage::Lost && self.held.others_give_way()
    }

    /// Looks at the lock, the socket and `daemon.json`, and puts back what is missing. Makes a dozen file calls.
    ///
    /// A folder that is gone is made again only for leases that must outlive it: whoever removes the folder of an idle
    /// daemon wants it gone.
    pub(crate) fn settle(&mut self, keep: Keep) -> Standing {
        if self.stage == Stage::Lost {
            return Standing::Lost;
        }
        self.touched = false;
        if std::mem::take(&mut self.removed)
            && let Some(watch) = &self.watch
        {
            // Somebody may be in the middle of removing the folder, and would fail if a file was made in it meanwhile.
            watch.await_quiet(QUIET, LONGEST);
        }
        let retaken = if self.held.is_in_place() { Retaken::Made } else { self.take_again(keep) };
        let standing = match retaken {
            // A journal that went with the folder is missed by whoever looks at it next.
            Retaken::Made => Standing::Same,
            Retaken::Found => Standing::Again,
            Retaken::No => {
                self.stage = Stage::Lost;
                return Standing::Lost;
            }
        };
        let mut trouble = None;
        #[cfg(unix)]
        if self.bound.is_none() || FileId::at(&self.socket).ok() != self.bound {
            trouble = self.listen_again().err();
        }
        if self.stage == Stage::Serving && !self.held.is_published(&self.file) {
            trouble = trouble.or(self
                .held
                .publish(&self.file)
                .map_err(Cannot::Write.at(&self.held.layout().daemon_file()))
                .err());
        }
        self.trouble = trouble.map(|error| with_causes(&error));
        if let Some(trouble) = &self.trouble {
            tracing::error!(trouble, "a file of the daemon's could not be put back");
        }
        standing
    }

    /// Whether something could not be put back: worth another [`Place::settle`] soon.
    pub(crate) fn is_troubled(&self) -> bool {
        self.trouble.is_some()
    }

    /// What a person should know of what happened to the files, the latest last.
    pub(crate) fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().chain(&self.trouble).map(String::as_str)
    }

    /// What rings when something happens to the files.
    pub(crate) fn bell(&self) -> Option<Bell> {
        self.watch.as_ref().map(FolderWatch::bell)
    }

    /// Whether this process is the daemon again: the folder is there or may be made, and nobody else has its lock.
    fn take_again(&mut self, keep: Keep) -> Retaken {
        let root = self.held.layout().root().to_owned();
        let is_gone = !root.exists();
        if is_gone && (keep == Keep::Nothing || !root.parent().is_some_and(Path::is_dir)) {
            tracing::warn!(path = %root.display(), "the daemon's folder is gone, and so is the daemon");
            return Retaken::No;
        }
        let file = self.file.clone();
        let taken = home::open(self.held.layout())
            .and_then(|()| self.held.take_again(|layout| was_served(layout, &file)));
        match taken {
            Ok(Retaken::No) => {
                tracing::warn!(path = %root.display(), "another daemon has taken this one's place");
                Retaken::No
            }
            Ok(retaken) => {
                let what = if is_gone { "the folder" } else { "daemon.lock" };
                self.note(format!("{what} was removed or replaced while the daemon ran, and was made again"));
                self.watch_folders();
                retaken
            }
            Err(error) => {
                tracing::error!(error = %with_causes(&error), "the daemon's folder cannot be used any more");
                Retaken::No
            }
        }
    }

    /// Binds the socket again, and hands the new listener to whoever accepts.
    #[cfg(unix)]
    fn listen_again(&mut self) -> Result<(), PlaceError> {
        self.bound = None;
        let listener = socket::bind(&self.held, &self.socket)?;
        self.bound = FileId::at(&self.socket).ok();
        // Whoever accepts is gone only if the daemon stops.
        let _ = self.listeners.send(listener);
        self.note("the socket was removed or replaced while the daemon ran, and was made again".to_owned());
        self.watch_folders();
        Ok(())
    }

    #[cfg(unix)]
    fn watch_folders(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let root = self.held.layout().root();
        let sockets = self.socket.parent().filter(|folder| *folder != root);
        let folders: Vec<&Path> = std::iter::once(root).chain(sockets).collect();
        if let Err(error) = watch.watch(&folders) {
            warn_unwatched(&error);
            self.watch = None;
        }
        // Whatever happened before the watch began was not reported.
        self.touched = true;
    }

    #[cfg(windows)]
    #[expect(clippy::unused_self, reason = "as on the other systems")]
    fn watch_folders(&mut self) {}

    fn note(&mut self, note: String) {
        tracing::warn!("{note}");
        self.notes.retain(|known| *known != note);
        self.notes.push(note);
        if self.notes.len() > NOTES {
            self.notes.remove(0);
        }
    }
}

#[cfg(unix)]
fn warn_unwatched(error: &std::io::Error) {
    tracing::warn!(%error, "the daemon's folder cannot be watched: its lock is looked at instead");
}

/// Whether one of the daemon's files may not be as it was.
fn concerns(
    happened: Happened<'_>,
    socket: Option<&OsStr>,
    is_journal: &impl Fn(&OsStr, Entry) -> bool,
) -> bool {
    let Happened::To { name, entry } = happened else { return true };
    match entry {
        // The socket is bound, and `daemon.json` written, by this process too: then nothing is found to be wrong.
        Entry::New | Entry::Gone if name == "daemon.lock" || Some(name) == socket => true,
        Entry::Gone if name == "daemon.json" => true,
        Entry::New | Entry::Gone | Entry::Changed => is_journal(name, entry),
    }
}

/// Checks whether a daemon may use `folder`, as its start does; what is made for that is gone afterwards.
///
/// # Errors
/// The refusal that the start would answer with.
pub fn inspect_home(folder: &Path) -> Result<(), Refusal> {
    home::inspect(folder).map_err(Refusal::from)
}

/// Whether another daemon may have served in the folder: it has a journal, and `daemon.json` is not this daemon's.
fn was_served(layout: &Layout, file: &DaemonFile) -> bool {
    let is_ours = lock::is_published(layout, file);
    let has_journal = || home::has_journal(layout.root());
    !is_ours && has_journal()
}
