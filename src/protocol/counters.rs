//! What a node has done so far.

use std::fmt;

use crate::reject::{Drops, Reject};

/// Everything a node counts. Counters only grow; a node starts with zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Announces told by the host.
    pub records_told: u64,
    /// Announces heard from others and handed to the host.
    pub records_heard: u64,
    /// Packets completed for sending.
    pub packets_out: u64,
    /// The bytes of their payloads.
    pub bytes_out: u64,
    /// Datagrams that arrived, used or not.
    pub packets_in: u64,
    /// The bytes of their payloads.
    pub bytes_in: u64,
    /// Packets lost because the network did not take them for too long, or not before the
    /// id changed in whose name they were to be sent again.
    pub packets_overflowed: u64,
    /// Packets that could not be sent at all.
    pub send_errors: u64,
    /// How often somebody else spoke under our id, and we drew a new one.
    pub id_collisions: u64,
    /// Packets that were used although nothing proves where they come from: there is a
    /// key, and it is not required.
    pub packets_unproven: u64,
    /// Datagrams, or tails of some, that were dropped.
    pub drops: Drops,
    /// What loss repair has done.
    pub repair: RepairCounters,
    /// What scrape sync has done.
    #[cfg(feature = "want_sync_scrape")]
    pub scrape: ScrapeCounters,
}

/// What was sent and heard, and the drops by reason, in one line.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} announces told in {} packets, {} announces heard in {} packets",
            self.records_told, self.packets_out, self.records_heard, self.packets_in
        )?;
        let lost = self.send_errors + self.packets_overflowed;
        if lost > 0 {
            write!(f, "; {lost} packets not sent")?;
        }
        if self.packets_unproven > 0 {
            write!(f, "; {} packets used without proof", self.packets_unproven)?;
        }
        for reject in Reject::ALL {
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

/// Everything that loss repair counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairCounters {
    /// Packets that were missing, and came after all.
    pub packets_repaired: u64,
    /// Packets that were missing, and did not come in time.
    pub packets_given_up: u64,
    /// NAKs sent.
    pub naks_sent: u64,
    /// NAKs heard that asked us.
    pub naks_heard: u64,
    /// Packets sent again.
    pub packets_sent_again: u64,
    /// Heartbeats sent.
    pub heartbeats_sent: u64,
}

impl fmt::Display for RepairCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} missing packets repaired, {} given up, {} sent again for others",
            self.packets_repaired, self.packets_given_up, self.packets_sent_again
        )
    }
}

/// Everything that scrape sync counts.
#[cfg(feature = "want_sync_scrape")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrapeCounters {
    /// Beacons sent.
    pub beacons_sent: u64,
    /// Beacons heard.
    pub beacons_heard: u64,
    /// Inquiries sent.
    pub inquiries_sent: u64,
    /// Inquiries heard, whomever they asked.
    pub inquiries_heard: u64,
    /// Torrents told.
    pub torrents_told: u64,
    /// Torrents heard and merged, or not.
    pub torrents_heard: u64,
    /// Torrents heard that the host could not store.
    pub torrents_failed: u64,
    /// Torrents known better than heard, for which there was no room to remember
    /// that they are to be told back.
    pub torrents_not_remembered: u64,
}

#[cfg(feature = "want_sync_scrape")]
impl fmt::Display for ScrapeCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} torrents told, {} heard",
            self.torrents_told, self.torrents_heard
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
