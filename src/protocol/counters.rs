//! The counters of a node.

use std::fmt;

use crate::counters::{counters, counting_struct};
use crate::reject::{Drops, Reject};

counters!(node => counting_struct! {
    /// Everything that a node counts. Counters start at zero and only grow.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Counters {
        /// Datagrams, tails of datagrams and records that were dropped, by reason.
        pub drops: Drops,
        /// The counters of loss repair.
        pub repair: RepairCounters,
        /// The counters of scrape sync.
        #[cfg(feature = "want_sync_scrape")]
        pub scrape: ScrapeCounters,
    }
});

/// Writes packets, announces and drops by reason as one sentence, for the log.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} announces sent in {} packets, {} announces heard in {} packets",
            self.records_announced, self.packets_out, self.records_heard, self.packets_in
        )?;
        let lost = self.send_errors + self.packets_overflowed;
        if lost > 0 {
            write!(f, "; {lost} packets not sent")?;
        }
        if self.packets_unauthenticated > 0 {
            write!(
                f,
                "; {} unauthenticated packets used",
                self.packets_unauthenticated
            )?;
        }
        for &reject in Reject::ALL {
            let count = self.drops.of(reject);
            if count > 0 {
                write!(f, "; dropped {count}: {}", reject.reason())?;
            }
        }
        if self.repair != RepairCounters::default() {
            write!(f, "; {}", self.repair)?;
        }
        #[cfg(feature = "want_sync_scrape")]
        write!(f, "; {}", self.scrape)?;
        Ok(())
    }
}

counters!(repair => counting_struct! {
    /// Everything that loss repair counts.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct RepairCounters {}
});

impl fmt::Display for RepairCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} missing packets recovered, {} lost, {} retransmitted for other nodes",
            self.packets_recovered, self.packets_lost, self.packets_retransmitted
        )
    }
}

#[cfg(feature = "want_sync_scrape")]
counters!(scrape => counting_struct! {
    /// Everything that scrape sync counts.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct ScrapeCounters {}
});

#[cfg(feature = "want_sync_scrape")]
impl fmt::Display for ScrapeCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} torrents sent, {} heard",
            self.torrents_sent, self.torrents_heard
        )?;
        if self.torrents_failed > 0 {
            write!(f, ", {} of them could not be stored", self.torrents_failed)?;
        }
        if self.torrents_not_remembered > 0 {
            write!(f, ", {} not told back", self.torrents_not_remembered)?;
        }
        Ok(())
    }
}
