//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// Waits until `condition` holds, at most for `deadline`. `what` is what the test then did not see.
pub fn wait_until(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) -> Result<(), TimedOut> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > deadline {
            return Err(TimedOut { what: what.to_owned(), deadline });
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Ok(())
}

/// The condition did not come to hold.
#[derive(Debug, thiserror::Error)]
#[error("not within {deadline:?}: {what}")]
pub struct TimedOut {
    what: String,
    deadline: Duration,
}

/// Short beside any commit, long beside a look.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
