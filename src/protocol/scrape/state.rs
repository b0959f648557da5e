//! The states of scrape sync.

/// The current state of scrape sync. The state that comes first here takes precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScrapeState {
    /// This node tells all its torrents to a tracker that has asked.
    Telling,
    /// This node is about to ask a tracker that has more torrents, or waits for its answer.
    Inquiring,
    /// This node is about to tell torrents of which it knows a larger count than another tracker
    /// has told.
    TellingBack,
    /// Nothing goes on.
    Idle,
}

impl ScrapeState {
    /// All states, with their names in the metrics.
    pub(crate) const NAMES: [(Self, &'static str); 4] = [
        (Self::Idle, "idle"),
        (Self::Inquiring, "inquiring"),
        (Self::Telling, "telling"),
        (Self::TellingBack, "telling_back"),
    ];
}
