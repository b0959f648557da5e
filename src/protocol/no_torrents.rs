//! Without scrape sync its packets are not used.

use super::node::Node;
use super::nodes::Sender;
use super::received::Received;
use crate::reject::Reject;
use crate::types::TrackerId;
use crate::wire::Packet;

impl Node {
    pub(super) fn handle_torrents<'a>(
        &mut self,
        _: Sender,
        _: TrackerId,
        _: Packet<'a>,
    ) -> Result<Received<'a>, Reject> {
        Err(Reject::ScrapeUnsupported)
    }
}
