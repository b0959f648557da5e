//! Sockets: the multicast group as a place to send to and to receive from.

mod group;
mod sys;
mod waker;

pub(crate) use group::Group;
pub(crate) use sys::{NoSignals, receive, receive_capacity, wait};
pub(crate) use waker::Waker;
