//! Memory that requests under way may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are free for all.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    free: Arc<AtomicUsize>,
}

/// What one stream has taken; given back on drop.
#[derive(Debug)]
pub(super) struct Share {
    free: Arc<AtomicUsize>,
    held: usize,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            free: Arc::new(AtomicUsize::new(bytes)),
        }
    }

    /// A share without bytes.
    pub(super) fn share(&self) -> Share {
        Share {
            free: Arc::clone(&self.free),
            held: 0,
        }
    }
}

impl Share {
    /// Takes or gives back until the share has so many bytes; false when that many are not free.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        if bytes <= self.held {
            self.free.fetch_add(self.held - bytes, Ordering::Relaxed);
            self.held = bytes;
            return true;
        }
        let more = bytes - self.held;
        let taken = self
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                free.checked_sub(more)
            });
        if taken.is_ok() {
            self.held = bytes;
        }
        taken.is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Budget::new(100);
        let (mut first, mut second) = (budget.share(), budget.share());
        assert!(first.resize(70));
        assert!(!second.resize(31));
        assert!(first.resize(10) && second.resize(90));
        drop(first);
        assert!(second.resize(100) && !second.resize(101));
    }
}
