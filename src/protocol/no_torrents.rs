//! Rejects the packets of scrape sync in a build without it.

use super::inbound::Arrived;
use super::node::Node;
use super::received::Received;
use crate::reject::Reject;
use crate::wire::Packet;

impl Node {
    pub(super) fn handle_torrents<'a>(
        &mut self,
        _: &Arrived,
        _: Packet<'a>,
    ) -> Result<Received<'a>, Reject> {
        Err(Reject::ScrapeUnsupported)
    }
}
