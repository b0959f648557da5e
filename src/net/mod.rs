//! Sockets: the multicast group as a place to send to and to receive from.

mod arrival;
mod group;
mod inbox;
#[cfg(target_os = "linux")]
mod mmsg;
#[cfg(not(target_os = "linux"))]
#[path = "no_mmsg.rs"]
mod mmsg;
mod poll_set;
mod sender;
mod sys;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod waker;

pub(crate) use group::Group;
pub(crate) use inbox::Inbox;
pub(crate) use poll_set::PollSet;
#[cfg(feature = "handles")]
pub(crate) use sys::with_errno_kept;
pub(crate) use sys::{
    NoCancel, NoSignals, effective_user, receive_capacity, thread_exists, thread_number, wait,
};
pub(crate) use waker::Waker;
