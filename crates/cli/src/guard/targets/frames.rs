//! What is open at some point of a script (subshells, branches, loops, functions), and what is known there.

use super::odds::{Chain, Chance, Outcome, if_there};
use super::{Place, What};
use crate::devserver::shell::After;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Script,
    Subshell,
    Braces,
    If,
    While,
    Until,
    For,
    /// `case` and `select`: which way is taken is not known.
    Choice,
    /// A function that is defined, which is not to be run.
    Function,
}

/// Something that is open.
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// How likely it is that it is come to.
    base: Chance,
    /// How likely its next body is to run, by the conditions so far.
    guard: Chance,
    /// How likely it is that all of its conditions so far fail.
    otherwise: Chance,
    /// How likely it is that the body that is read now is not run, if it is come to.
    besides: Chance,
    conditions: usize,
    /// How its bodies so far end.
    worst: Outcome,
    pub(super) chain: Chain,
    /// What was known before it, for where that counts again.
    outside: Place,
    /// What was known where the list began, which counts again behind a `&`.
    list: Place,
    /// A `cd` in this list ran perhaps only.
    pub(super) moved: bool,
    part: Part,
    turned: bool,
    piped: bool,
    /// Whose pids a loop reads.
    pub(super) feed: Vec<What>,
    /// How likely there is anything to go through: the words of a `for`, the lines that a `while` reads. Surely, if it does
    /// neither.
    pub(super) feeds: Chance,
    left: Option<Left>,
}

/// What of a compound command is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Condition,
    Body,
}

/// An `exit` or the like was met inside.
#[derive(Clone)]
struct Left {
    /// How likely what stands behind it is to run.
    rest: Chance,
    /// How likely what stands behind the branch that it is in is to run.
    besides: Chance,
    /// It stands behind no condition, as far as the innermost frame goes.
    always: bool,
    /// No more than a loop was left.
    only_loop: bool,
}

/// How far a command leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Script,
    Loop,
}

/// The text cannot be a script.
pub(super) struct Malformed;

/// The frames of a script, and what is known where it is read now.
pub(super) struct State<'p> {
    pub(super) place: &'p mut Place,
    /// There is a `!` before what comes next.
    pub(super) turned: bool,
    frames: Vec<Frame>,
}

impl<'p> State<'p> {
    /// The beginning of a script that runs by `chance`.
    pub(super) fn new(place: &'p mut Place, chance: Chance) -> Self {
        let frame = Frame::new(Kind::Script, chance, place);
        Self { place, turned: false, frames: vec![frame] }
    }

    /// What is open innermost.
    pub(super) fn top(&mut self) -> Result<&mut Frame, Malformed> {
        self.frames.last_mut().ok_or(Malformed)
    }

    /// # Errors
    /// Something was not closed.
    pub(super) fn is_over(&self) -> Result<(), Malformed> {
        if self.frames.len() == 1 { Ok(()) } else { Err(Malformed) }
    }

    /// Opens something behind `after`.
    pub(super) fn open(&mut self, kind: Kind, after: After) -> Result<&mut Frame, Malformed> {
        self.go_on(after)?;
        let base = match kind {
            Kind::Function | Kind::Choice => Chance::Unknown,
            _ => self.top()?.chain.chance(),
        };
        let turned = std::mem::take(&mut self.turned);
        let frame = Frame { turned, piped: after == After::Pipe, ..Frame::new(kind, base, self.place) };
        self.frames.push(frame);
        self.top()
    }

    /// Goes to the next command of what is open.
    pub(super) fn go_on(&mut self, after: After) -> Result<(), Malformed> {
        let top = self.frames.last_mut().ok_or(Malformed)?;
        if matches!(after, After::End | After::Background) {
            if after == After::Background {
                self.place.clone_from(&top.list);
            } else if self.place.ends_on_failure {
                top.chain.must_succeed();
            }
            if std::mem::take(&mut top.moved) {
                self.place.folder = None;
            }
            top.list.clone_from(self.place);
        }
        if after == After::Pipe && self.place.fails_by_any {
            top.chain.feeds();
        }
        top.chain.next(after);
        Ok(())
    }

    /// `then`, `elif`, `else`, `do`.
    pub(super) fn turn(&mut self, keyword: &str) -> Result<(), Malformed> {
        let top = self.frames.last_mut().ok_or(Malformed)?;
        let fits = match top.kind {
            Kind::If => keyword != "do",
            Kind::While | Kind::Until | Kind::For | Kind::Choice => keyword == "do",
            Kind::Script | Kind::Subshell | Kind::Braces | Kind::Function => false,
        };
        if !fits {
            return Err(Malformed);
        }
        if matches!(keyword, "then" | "do") {
            let (succeeds, fails) = (top.chain.succeeds(), top.chain.fails());
            let (now, later) = if top.kind == Kind::Until { (fails, succeeds) } else { (succeeds, fails) };
            let before = top.otherwise.clone();
            top.otherwise = top.guard.clone().and(later);
            top.besides = if keyword == "then" && top.conditions == 0 {
                top.otherwise.clone()
            } else {
                Chance::Unknown
            };
            top.conditions += 1;
            top.guard = before.and(now).and(top.feeds.clone()).and(Chance::Likely);
        } else {
            top.besides = if top.conditions == 1 { top.guard.clone() } else { Chance::Unknown };
            top.guard = top.otherwise.clone();
        }
        if top.part == Part::Body {
            top.worst = std::mem::replace(&mut top.worst, Outcome::Unknown).and(top.chain.ends_by());
        }
        top.part = if keyword == "elif" { Part::Condition } else { Part::Body };
        top.chain = top.chain.another(top.guard.clone());
        if std::mem::take(&mut top.moved) {
            self.place.folder = None;
        }
        top.list.clone_from(self.place);
        Ok(())
    }

    /// Closes what is open innermost, which has to be one of `kinds`.
    pub(super) fn close(&mut self, kinds: &[Kind], into_pipe: bool) -> Result<(), Malformed> {
        let mut frame = self.frames.pop().filter(|frame| kinds.contains(&frame.kind)).ok_or(Malformed)?;
        let outcome = frame.outcome();
        if frame.moved {
            self.place.folder = None;
        }
        let alone = frame.kind == Kind::Subshell || frame.piped || into_pipe;
        match frame.kind {
            _ if alone => self.place.clone_from(&frame.outside),
            Kind::Script | Kind::Subshell | Kind::Braces => {}
            Kind::If | Kind::While | Kind::Until | Kind::For | Kind::Choice => {
                self.place.forget_changes(&frame.outside);
            }
            Kind::Function => {
                let functions = std::mem::take(&mut self.place.functions);
                *self.place = Place { functions, ..frame.outside.clone() };
            }
        }
        let moved = self.place.folder != frame.outside.folder;
        let top = self.top()?;
        top.moved |= moved && frame.base != *top.chain.base();
        top.chain.ends(outcome);
        if frame.kind != Kind::Function {
            top.chain.holds(frame.chain.gets_past());
        }
        if matches!(frame.kind, Kind::While | Kind::Until) && (frame.feeds == Chance::Surely || !frame.piped)
        {
            // It may well wait until there is nobody any more, or for ever.
            top.chain.holds(Chance::Unknown);
        }
        if let Some(left) = frame.left.filter(|_| !alone) {
            let here = frame.guard.and(frame.otherwise);
            match frame.kind {
                Kind::Function | Kind::Subshell => {}
                Kind::While | Kind::Until | Kind::For | Kind::Choice if left.only_loop => {}
                Kind::Braces | Kind::Script if left.always => {
                    self.leave(if left.only_loop { Leaves::Loop } else { Leaves::Script })?;
                }
                Kind::If if left.always => {
                    let rest = left.besides.clone().and(Chance::Likely);
                    self.top()?.go_on_by(Left { rest, always: false, besides: Chance::Unknown, ..left });
                }
                Kind::While | Kind::Until | Kind::For | Kind::Choice if left.always => {
                    self.top()?.go_on_by(Left { rest: here, always: false, ..left });
                }
                _ => {
                    let rest = left.rest.clone().and(here).and(Chance::Likely);
                    self.top()?.go_on_by(Left { rest, always: false, ..left });
                }
            }
        }
        // The body of a function is over with the first thing that closes in it.
        if self.top()?.kind == Kind::Function { self.close(&[Kind::Function], false) } else { Ok(()) }
    }

    /// The command that is read now is an `exit` or the like.
    pub(super) fn leave(&mut self, leaves: Leaves) -> Result<(), Malformed> {
        let top = self.top()?;
        let always = top.chain.is_at_its_beginning();
        let (rest, besides) = (top.chain.rest(), top.besides.clone());
        top.go_on_by(Left { rest, besides, always, only_loop: leaves == Leaves::Loop });
        Ok(())
    }

    /// From here on nobody knows what runs, and where.
    pub(super) fn lose(&mut self) -> Result<(), Malformed> {
        self.place.folder = None;
        let (rest, besides) = (Chance::Unknown, Chance::Unknown);
        self.top()?.go_on_by(Left { rest, besides, always: false, only_loop: false });
        Ok(())
    }
}

impl Frame {
    fn new(kind: Kind, base: Chance, place: &Place) -> Self {
        Self {
            kind,
            guard: base.clone(),
            otherwise: base.clone(),
            besides: Chance::Unknown,
            conditions: 0,
            worst: Outcome::Success,
            chain: Chain::new(base.clone()),
            base,
            outside: place.clone(),
            list: place.clone(),
            moved: false,
            part: match kind {
                Kind::If | Kind::While | Kind::Until => Part::Condition,
                _ => Part::Body,
            },
            turned: false,
            piped: false,
            feed: Vec::new(),
            feeds: Chance::Surely,
            left: None,
        }
    }

    /// Whose pids a `read` gets here; none if it stands in no loop's condition.
    pub(super) fn read(&mut self) -> Option<Vec<What>> {
        if self.kind != Kind::While || self.part != Part::Condition {
            return None;
        }
        self.feeds = if_there(self.feed.clone());
        Some(self.feed.clone())
    }

    /// How what was open ends.
    fn outcome(&mut self) -> Outcome {
        let outcome = match self.kind {
            Kind::Function => Outcome::Success,
            _ if self.left.is_some() => Outcome::Unknown,
            // Only the last way is at hand.
            Kind::Choice => Outcome::Unknown,
            // Without a body that is come to it ends with 0.
            _ => match self.worst.clone().and(self.chain.ends_by()) {
                Outcome::Success => Outcome::Success,
                _ if self.guard == Chance::Unknown => Outcome::Unknown,
                worst => worst,
            },
        };
        if self.turned { outcome.turned() } else { outcome }
    }

    /// What stands behind an `exit` or the like runs less likely from here on.
    fn go_on_by(&mut self, left: Left) {
        self.chain.lessen(left.rest.clone());
        self.left = Some(self.left.take().map_or(left.clone(), |before| Left {
            rest: before.rest.and(left.rest),
            besides: before.besides.and(left.besides),
            always: before.always || left.always,
            only_loop: before.only_loop && left.only_loop,
        }));
    }
}
