//! When to try an upload again. Owns the count of failures; never learns why the network failed.
//!
//! The collector's destinations are tried again by the same rules.

/// What an upload came to, as far as the next try is concerned (protocol.md, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every event of the batch is stored, or refused for good.
    Settled,
    /// The collector asked to wait (RFC 9110, 10.2.3).
    AskedToWait {
        /// As it was asked; what is absurd is cut by [`Retry`].
        retry_after_s: u32,
    },
    /// 400: some event in it cannot be read.
    Unreadable,
    /// 413: too much at once.
    TooLarge,
    /// 401, 403: the key has not that right now.
    Locked,
    /// 410: the key is withdrawn.
    Withdrawn,
    /// No answer, or one that promises nothing: network, 408, 425, 5xx, a captive portal.
    Unanswered,
}

impl Outcome {
    /// Translates a status. A 2xx is believed only with the receipt `echoed`.
    pub fn of(status: u16, retry_after_s: Option<u32>, echoed: bool) -> Self {
        match (status, retry_after_s) {
            (200..=299, _) if echoed => Self::Settled,
            (429 | 503, Some(retry_after_s)) => Self::AskedToWait { retry_after_s },
            (400, _) => Self::Unreadable,
            (413, _) => Self::TooLarge,
            (401 | 403, _) => Self::Locked,
            (410, _) => Self::Withdrawn,
            _ => Self::Unanswered,
        }
    }
}

/// The pause before the next upload; one per client, since one collector answers for all batches.
#[derive(Debug, Default)]
pub struct Retry {
    failures: u32,
    pause: Pause,
}

/// What stands in the way of the next upload.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Pause {
    #[default]
    None,
    /// Our own guess: whoever knows better may end it.
    Guessed { until_ms: u64 },
    /// The collector's wish.
    Wished { until_ms: u64 },
    /// For good.
    Forever,
}

impl Retry {
    /// Takes note of an outcome. `now_ms` is monotonic, `entropy` the host's, so that a script replays exactly.
    ///
    /// Full jitter (AWS, "Exponential Backoff And Jitter"): a flapping network must not turn a million clients into
    /// one wave.
    pub fn note(&mut self, outcome: Outcome, now_ms: u64, entropy: u64) {
        let after = |delay_ms: u64| now_ms.saturating_add(delay_ms);
        let pause = match outcome {
            Outcome::Settled | Outcome::TooLarge => Pause::None,
            Outcome::Unreadable => Pause::Guessed { until_ms: after(entropy % (BASE_PAUSE_MS + 1)) },
            Outcome::AskedToWait { retry_after_s } => {
                Pause::Wished { until_ms: after((u64::from(retry_after_s) * 1_000).clamp(1_000, MAX_PAUSE_MS)) }
            }
            Outcome::Locked => Pause::Wished { until_ms: after(LOCKED_PAUSE_MS) },
            Outcome::Withdrawn => Pause::Forever,
            Outcome::Unanswered => {
                let ceiling = BASE_PAUSE_MS.saturating_mul(1 << self.failures.min(16)).min(MAX_PAUSE_MS);
                Pause::Guessed { until_ms: after(entropy % (ceiling + 1)) }
            }
        };
        self.failures = if outcome == Outcome::Unanswered { self.failures.saturating_add(1) } else { 0 };
        // Two uploads may be under way; the one that fared better must not overrule what the collector asked for.
        self.pause = match (self.pause, pause) {
            (Pause::Forever, _) => Pause::Forever,
            (Pause::Wished { until_ms }, Pause::None | Pause::Guessed { .. }) if until_ms > now_ms => self.pause,
            _ => pause,
        };
    }

    /// The network may be back. A pause of our own guess shrinks, jittered again: when a town's network comes back,
    /// it comes back for all of its pages at once.
    pub fn hurry(&mut self, now_ms: u64, entropy: u64) {
        if let Pause::Guessed { until_ms } = self.pause {
            let until_ms = until_ms.min(now_ms.saturating_add(entropy % (BASE_PAUSE_MS + 1)));
            self.pause = Pause::Guessed { until_ms };
        }
    }

    /// When the next upload may go, on the monotonic clock; `None`: never.
    pub fn ready_at_ms(&self) -> Option<u64> {
        match self.pause {
            Pause::None => Some(0),
            Pause::Guessed { until_ms } | Pause::Wished { until_ms } => Some(until_ms),
            Pause::Forever => None,
        }
    }

    /// Whether a page that closes may try once more: against a guess yes, against the collector's wish no.
    pub fn allows_farewell(&self, now_ms: u64) -> bool {
        match self.pause {
            Pause::None | Pause::Guessed { .. } => true,
            Pause::Wished { until_ms } => until_ms <= now_ms,
            Pause::Forever => false,
        }
    }
}

/// Shorter than a person waits for a page, so a blip goes unnoticed.
const BASE_PAUSE_MS: u64 = 500;
/// protocol.md, section 2: no wish and no outage holds a queue longer than five minutes.
const MAX_PAUSE_MS: u64 = 300_000;
/// protocol.md, section 2: a key is put right by a person, not by asking again.
const LOCKED_PAUSE_MS: u64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_with_every_failure_and_stops_at_five_minutes() {
        let ceilings: Vec<u64> = (0..12).map(longest_pause_after).collect();
        assert_eq!(ceilings[..4], [500, 1_000, 2_000, 4_000]);
        assert_eq!(ceilings[11], MAX_PAUSE_MS);
    }

    #[test]
    fn an_absurd_wish_is_cut_to_five_minutes_and_a_hasty_one_stretched_to_a_second() {
        for (retry_after_s, ready_at_ms) in [(u32::MAX, MAX_PAUSE_MS), (0, 1_000), (7, 7_000)] {
            let retry = after(&[Outcome::AskedToWait { retry_after_s }]);
            assert_eq!(retry.ready_at_ms(), Some(ready_at_ms));
        }
    }

    #[test]
    fn one_answer_forgets_the_failures() {
        let mut retry = Retry { failures: 9, pause: Pause::None };
        retry.note(Outcome::Settled, 0, 7);
        assert_eq!((retry.failures, retry.ready_at_ms()), (0, Some(0)));
    }

    #[test]
    fn a_2xx_without_the_echo_is_no_answer() {
        assert_eq!(Outcome::of(200, None, false), Outcome::Unanswered);
        assert_eq!(Outcome::of(204, None, false), Outcome::Unanswered);
        assert_eq!(Outcome::of(200, None, true), Outcome::Settled);
    }

    #[test]
    fn every_status_is_what_the_protocol_says() {
        for (status, retry_after_s, outcome) in [
            (0, None, Outcome::Unanswered),
            (302, None, Outcome::Unanswered),
            (400, None, Outcome::Unreadable),
            (401, None, Outcome::Locked),
            (403, None, Outcome::Locked),
            (404, None, Outcome::Unanswered),
            (408, None, Outcome::Unanswered),
            (410, None, Outcome::Withdrawn),
            (413, None, Outcome::TooLarge),
            (425, None, Outcome::Unanswered),
            (429, Some(9), Outcome::AskedToWait { retry_after_s: 9 }),
            (429, None, Outcome::Unanswered),
            (500, Some(9), Outcome::Unanswered),
            (503, Some(9), Outcome::AskedToWait { retry_after_s: 9 }),
            (999, None, Outcome::Unanswered),
        ] {
            assert_eq!(Outcome::of(status, retry_after_s, false), outcome, "{status}");
        }
    }

    #[test]
    fn a_refused_key_rests_for_an_hour_and_a_withdrawn_one_for_good() {
        assert_eq!(after(&[Outcome::Locked]).ready_at_ms(), Some(3_600_000));
        assert_eq!(after(&[Outcome::Withdrawn, Outcome::Settled]).ready_at_ms(), None);
    }

    #[test]
    fn a_wish_outlasts_the_better_luck_of_another_upload() {
        let wish = Outcome::AskedToWait { retry_after_s: 60 };
        assert_eq!(after(&[wish, Outcome::Settled, Outcome::Unanswered]).ready_at_ms(), Some(60_000));
    }

    #[test]
    fn news_of_the_network_ends_a_guess_but_not_a_wish() {
        let mut guess = Retry { failures: 12, pause: Pause::Guessed { until_ms: 200_000 } };
        guess.hurry(1_000, u64::MAX);
        assert!(guess.ready_at_ms().is_some_and(|ready_at_ms| ready_at_ms <= 1_000 + BASE_PAUSE_MS));
        let mut wish = after(&[Outcome::AskedToWait { retry_after_s: 60 }]);
        wish.hurry(1_000, 0);
        assert_eq!(wish.ready_at_ms(), Some(60_000));
    }

    #[test]
    fn a_closing_page_tries_against_a_guess_and_not_against_a_wish() {
        assert!(after(&[Outcome::Unanswered]).allows_farewell(0));
        assert!(!after(&[Outcome::Locked]).allows_farewell(0));
        assert!(after(&[Outcome::Locked]).allows_farewell(LOCKED_PAUSE_MS));
        assert!(!after(&[Outcome::Withdrawn]).allows_farewell(u64::MAX));
    }

    fn after(outcomes: &[Outcome]) -> Retry {
        let mut retry = Retry::default();
        for outcome in outcomes {
            retry.note(*outcome, 0, 0);
        }
        retry
    }

    /// The most that any entropy can give after that many failures.
    fn longest_pause_after(failures: u32) -> u64 {
        let pause = |entropy| {
            let mut retry = Retry { failures, pause: Pause::None };
            retry.note(Outcome::Unanswered, 0, entropy);
            retry.ready_at_ms()
        };
        (0..=MAX_PAUSE_MS).filter_map(pause).max().unwrap_or_default()
    }
}
