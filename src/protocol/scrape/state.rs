//! What scrape sync does at the moment.

/// What scrape sync does, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScrapeState {
    /// Telling all our torrents to a tracker that asked.
    Telling,
    /// About to ask a tracker that has more torrents, or waiting for it to tell.
    Inquiring,
    /// About to tell back what we know better than another tracker told.
    TellingBack,
    /// Nothing.
    Idle,
}

impl ScrapeState {
    /// Every state, with the word for it in metrics.
    pub(crate) const NAMES: [(Self, &'static str); 4] = [
        (Self::Idle, "idle"),
        (Self::Inquiring, "inquiring"),
        (Self::Telling, "telling"),
        (Self::TellingBack, "telling_back"),
    ];
}
