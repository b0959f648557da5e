//! Limits how often the same complaint is logged as a warning.

use std::time::Duration;

use crate::log::Level;
use crate::reject::Reject;
use crate::time::Time;

/// The shortest time between two warnings of the same kind.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// The kinds of complaints that an engine logs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Complaint {
    /// A packet was dropped.
    Reject(Reject),
    SendError,
    ReceiveError,
    IdCollision,
    /// A packet was used although it was unauthenticated.
    Unauthenticated,
    NoInterface,
}

/// How many kinds of complaints there are besides dropped packets.
const OTHER_COMPLAINTS: usize = 5;

/// The time until which each kind of complaint is not news.
pub(super) struct Quiet {
    until: [Time; Reject::ALL.len() + OTHER_COMPLAINTS],
}

impl Quiet {
    pub(super) fn new() -> Self {
        Self {
            until: [Time::START; Reject::ALL.len() + OTHER_COMPLAINTS],
        }
    }

    /// Returns whether this complaint is to be logged now, and notes that it was.
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
            *until = now + COMPLAINT_INTERVAL;
        }
        news
    }

    /// Returns the level at which to log this complaint: a warning if it is news, or else debug.
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
        assert_eq!(others.len(), OTHER_COMPLAINTS);
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
