//! A packet that is to be used, and what is known of it.

use super::nodes::Sender;
use super::repair::{Arrival, Number};
use crate::types::TrackerId;
use crate::wire::{Frame, Trailer};

/// A packet that is to be used.
pub(super) struct Arrived<'a> {
    pub(super) frame: Frame<'a>,
    /// Which one it is, and how it comes, if it is numbered.
    pub(super) order: Option<(Number, Arrival)>,
    pub(super) sender: Sender,
    /// To which of the streams of its sender it belongs, if to any.
    pub(super) stream: Option<usize>,
}

/// What is known of the packet in which announces were heard.
pub(super) struct PeerPacket {
    pub(super) from: TrackerId,
    pub(super) trailer: Option<Trailer>,
    pub(super) order: Option<(Number, Arrival)>,
    pub(super) sender: Sender,
    /// To which of the streams of its sender it belongs, if to any.
    pub(super) stream: Option<usize>,
}
