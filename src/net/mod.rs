//! Sockets: the multicast group as a place to send to and to receive from.

mod group;
mod poll_set;
mod sys;
mod waker;

pub(crate) use group::Group;
pub(crate) use poll_set::PollSet;
#[cfg(feature = "handles")]
pub(crate) use sys::with_errno_kept;
pub(crate) use sys::{
    NoCancel, NoSignals, effective_user, receive, receive_capacity, thread_exists, thread_number,
    wait,
};
pub(crate) use waker::Waker;
