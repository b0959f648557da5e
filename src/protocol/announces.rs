//! What becomes of announces that were heard.

use super::node::Node;
use super::received::Received;
use super::repair::{Arrival, Number};
use crate::reject::Reject;
use crate::wire::PeerList;

impl Node {
    /// Announces that come in time are for the host, in their order. Of those that come
    /// late it is what still holds.
    pub(super) fn handle_peers<'a>(
        &mut self,
        peers: PeerList<'a>,
        order: Option<(Number, Arrival)>,
        datagram: &'a [u8],
    ) -> Result<Received<'a>, Reject> {
        if matches!(peers, PeerList::V6(_)) && !self.hears_ipv6 {
            return Err(Reject::Ipv6Unsupported);
        }
        self.count_tail(peers.tail());
        let now = self.timers.elapsed();
        let Some(repair) = &mut self.repair else {
            self.counters.records_heard += peers.len() as u64;
            return Ok(Received::Peers(peers));
        };
        if let Some((number, Arrival::Late(at))) = order {
            let unsent = [self.ipv4.bytes(), self.ipv6.bytes()];
            let unsent = self.outbox.unsent().chain(unsent);
            let Some(announces) = repair.latest.of(peers, number, at, unsent) else {
                return Err(Reject::TooLate);
            };
            repair.latest.keep(now, at, Some(number), datagram.into());
            self.counters.records_heard += announces.len() as u64;
            return Ok(Received::Late(announces));
        }
        let number = order.map(|(number, _)| number);
        repair.latest.keep(now, now, number, datagram.into());
        self.counters.records_heard += peers.len() as u64;
        Ok(Received::Peers(peers))
    }
}
