//! Why something that arrived was not used.

use crate::counters::counters;

macro_rules! reasons {
    (() $($(#[$when:meta])+ $reject:ident, $counter:ident: $reason:literal;)+) => {
        /// The reason why a datagram, its tail or one of its records was dropped. Every drop is
        /// counted under exactly one reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(usize)]
        #[non_exhaustive]
        pub enum Reject {
            $($(#[$when])+ $reject,)+
        }

        impl Reject {
            /// Every reason, in the order of the numbers behind them.
            pub const ALL: &'static [Self] = &[$(Self::$reject),+];

            /// The reason as one word, as metrics have it.
            pub const fn name(self) -> &'static str {
                let counter = match self {
                    $(Self::$reject => stringify!($counter),)+
                };
                counter.split_at("drops_".len()).1
            }

            /// The reason in words, as the log has it.
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$reject => $reason,)+
                }
            }
        }
    };
}

counters!(drops => reasons!());

impl Reject {
    /// Whether an operator should hear of it: something is set up wrongly, or
    /// somebody speaks who should not.
    pub const fn is_alarming(self) -> bool {
        !matches!(
            self,
            Self::OwnPacket
                | Self::TruncatedTail
                | Self::ScrapeUnsupported
                | Self::Duplicate
                | Self::TooLate
                | Self::BadPeer
        )
    }
}

/// How many drops there were for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; Reject::ALL.len()]);

impl Drops {
    /// Counts one more.
    pub(crate) fn count(&mut self, reject: Reject) {
        self.add(reject, 1);
    }

    /// Counts so many more.
    pub(crate) fn add(&mut self, reject: Reject, drops: u64) {
        self.0[reject as usize] += drops;
    }

    /// The drops for one reason.
    pub fn of(&self, reject: Reject) -> u64 {
        self.0[reject as usize]
    }

    /// The drops of packets that do not prove to come from the cluster, and now.
    pub fn without_proof(&self) -> u64 {
        [
            Reject::Untagged,
            Reject::BadTag,
            Reject::Replayed,
            Reject::Skewed,
        ]
        .map(|reject| self.of(reject))
        .iter()
        .sum()
    }

    /// The drops for all reasons.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
