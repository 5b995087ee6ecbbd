//! How a program has ended.

/// By its own code, or by a signal, which not every system has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::up) enum End {
    Code(i32),
    #[cfg_attr(windows, expect(dead_code, reason = "there are no signals"))]
    Signal(i32),
}

impl End {
    pub(in crate::up) const fn is_good(self) -> bool {
        matches!(self, Self::Code(0))
    }

    /// `exit 3`, `signal 9`
    pub(in crate::up) fn shown(self) -> String {
        match self {
            Self::Code(code) => format!("exit {code}"),
            Self::Signal(signal) => format!("signal {signal}"),
        }
    }

    /// As shells say it.
    pub(in crate::up) const fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}
