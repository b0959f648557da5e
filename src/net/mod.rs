//! Sockets: the multicast group as a place to send to and to receive from; and standard error.

mod arrival;
mod group;
mod hints;
mod inbox;
mod listing;
mod membership;
#[cfg(target_os = "linux")]
mod mmsg;
#[cfg(not(target_os = "linux"))]
#[path = "no_mmsg.rs"]
mod mmsg;
mod poll_set;
mod process;
mod sender;
mod stderr;
mod sys;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod waker;

pub(crate) use group::Group;
pub(crate) use inbox::Inbox;
pub(crate) use poll_set::PollSet;
pub(crate) use process::{forks, nap, this_thread, watch_forks};
pub(crate) use stderr::{lines_dropped, log_line};
#[cfg(feature = "handles")]
pub(crate) use sys::with_errno_kept;
pub(crate) use sys::{
    NoCancel, NoSignals, Ready, effective_user, monotonic, monotonic_coarse, receive_capacity,
    thread_exists, thread_number, wait,
};
pub(crate) use waker::Waker;
