//! Progress bars: on standard error, only where it is a terminal, and only for work that takes a
//! moment.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redraws a second at most.
const REDRAWS_PER_SECOND: u8 = 8;

/// A count or a number of bytes on its way to a total.
pub struct Progress(ProgressBar);

impl Progress {
    /// Counts `total` things, named in `what` ("keys").
    pub fn count(visible: bool, total: u64, what: &'static str) -> Self {
        let bar = Self::bar(visible, Some(total));
        let shape = format!("{{bar:30}} {{pos}}/{{len}} {what} {{eta}}");
        Self(with_shape(bar, &shape))
    }

    /// Counts bytes; `total` where it is known.
    pub fn bytes(visible: bool, total: Option<u64>) -> Self {
        let bar = Self::bar(visible, total);
        let shape = match total {
            Some(_) => "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{spinner} {bytes} {bytes_per_sec}",
        };
        Self(with_shape(bar, shape))
    }

    fn bar(visible: bool, total: Option<u64>) -> ProgressBar {
        let target = if visible {
            ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        if visible && total.is_none() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        bar
    }

    /// `amount` more is done.
    pub fn advance(&self, amount: u64) {
        self.0.inc(amount);
    }

    /// Takes the bar away while `print` writes to the terminal.
    pub fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A shape that indicatif refuses leaves its own default in place.
fn with_shape(bar: ProgressBar, shape: &str) -> ProgressBar {
    match ProgressStyle::with_template(shape) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_bar_counts_all_the_same() {
        let progress = Progress::count(false, 3, "keys");
        progress.advance(2);
        assert_eq!(progress.0.position(), 2);
        assert!(progress.0.is_hidden());
        assert_eq!(progress.pause(|| 7), 7);
    }
}
