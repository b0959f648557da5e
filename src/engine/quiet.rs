//! Which complaint was logged lately, and is not logged again.

use std::time::Duration;

use crate::log::Level;
use crate::reject::Reject;
use crate::time::Time;

/// The same complaint is logged again after this time at the earliest.
const QUIET: Duration = Duration::from_secs(60);

/// What an engine complains of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Complaint {
    /// A packet was dropped.
    Reject(Reject),
    SendError,
    ReceiveError,
    IdCollision,
    /// A packet was used that no key proves to be of the cluster.
    Unauthenticated,
    NoInterface,
}

const OTHERS: usize = 5;

/// Until when each complaint is not logged again.
pub(super) struct Quiet {
    until: [Time; Reject::ALL.len() + OTHERS],
}

impl Quiet {
    pub(super) fn new() -> Self {
        Self {
            until: [Time::START; Reject::ALL.len() + OTHERS],
        }
    }

    /// Whether to log this complaint now.
    pub(super) fn is_news(&mut self, complaint: Complaint, now: Time) -> bool {
        let others = Reject::ALL.len();
        let until = &mut self.until[match complaint {
            Complaint::Reject(reject) => reject as usize,
            Complaint::SendError => others,
            Complaint::ReceiveError => others + 1,
            Complaint::IdCollision => others + 2,
            Complaint::Unauthenticated => others + 3,
            Complaint::NoInterface => others + 4,
        }];
        let news = *until <= now;
        if news {
            *until = now + QUIET;
        }
        news
    }

    /// How seriously to log this complaint: as a warning only once in that time.
    pub(super) fn level(&mut self, complaint: Complaint, now: Time) -> Level {
        if self.is_news(complaint, now) {
            Level::Warn
        } else {
            Level::Debug
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_complaint_is_news_once_a_minute() {
        let mut quiet = Quiet::new();
        let others = [
            Complaint::SendError,
            Complaint::ReceiveError,
            Complaint::IdCollision,
            Complaint::Unauthenticated,
            Complaint::NoInterface,
        ];
        assert_eq!(others.len(), OTHERS);
        let rejects = Reject::ALL.iter().copied().map(Complaint::Reject);
        for complaint in others.into_iter().chain(rejects) {
            let news = (0..180).filter(|second| {
                let now = Time::START + Duration::from_secs(*second);
                quiet.is_news(complaint, now)
            });
            assert_eq!(news.collect::<Vec<_>>(), [0, 60, 120], "{complaint:?}");
        }
    }
}
