//! [`Pace`]: whether a download comes forward, and how far it may go.

use std::time::{Duration, Instant};

/// Bytes that must arrive in every window of time. A server that sends fewer could keep a download
/// going for years.
const LEAST: u64 = 1 << 20;
/// The window, in silences that a server may keep.
const WINDOW: u32 = 5;

/// How far a download has ever come. Only a byte further than that is progress: what was there
/// before and is sent once more is none, however often a server does so.
pub(super) struct Pace {
    furthest: u64,
    window: Duration,
    /// When this window ends, and from where the bytes count that arrive in it.
    ends: Instant,
    base: u64,
}

impl Pace {
    /// Of a download that has `here` bytes, from a server that may be silent for `patience`.
    pub(super) fn new(here: u64, patience: Duration) -> Self {
        let window = patience * WINDOW;
        Self {
            furthest: here,
            window,
            ends: Instant::now() + window,
            base: here,
        }
    }

    /// Notes that this many bytes are here. Whether that is further than ever before.
    pub(super) fn reach(&mut self, length: u64) -> bool {
        if length <= self.furthest {
            return false;
        }
        self.furthest = length;
        if length - self.base >= LEAST {
            self.base = length;
            self.ends = Instant::now() + self.window;
        }
        true
    }

    /// The furthest that it has come, in bytes.
    pub(super) fn furthest(&self) -> u64 {
        self.furthest
    }

    /// What is left of the window, nothing if it is over.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = self.ends.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// What a download that is too slow is told.
    pub(super) fn complaint(&self) -> String {
        format!(
            "it comes too slowly: fewer than {LEAST} new bytes in {:?}, after {}",
            self.window, self.furthest
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_further_than_ever_counts() {
        let mut pace = Pace::new(10, Duration::from_secs(3600));
        assert!(!pace.reach(10) && !pace.reach(3));
        assert!(pace.reach(11));
        // From the start again.
        assert!(!pace.reach(0) && !pace.reach(11));
        assert!(pace.reach(12));
        assert_eq!(pace.furthest(), 12);
        assert!(pace.left().is_some());
        assert!(Pace::new(0, Duration::ZERO).left().is_none());
    }

    #[test]
    fn a_window_begins_again_with_enough_bytes() {
        let mut pace = Pace::new(0, Duration::from_secs(3600));
        let ends = pace.ends;
        pace.reach(LEAST - 1);
        assert_eq!(pace.ends, ends);
        pace.reach(LEAST);
        assert!(pace.ends >= ends && pace.base == LEAST);
        pace.reach(2 * LEAST - 1);
        assert_eq!(pace.base, LEAST);
    }
}
