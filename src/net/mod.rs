//! The system calls: the sockets that reach other nodes, waiting, and writing to standard error.

mod arrival;
mod hints;
mod inbox;
mod link;
mod listing;
mod membership;
#[cfg(target_os = "linux")]
mod mmsg;
#[cfg(not(target_os = "linux"))]
#[path = "no_mmsg.rs"]
mod mmsg;
mod multicast;
mod nap;
mod poll_set;
mod process;
mod sender;
mod stderr;
mod sys;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod waker;

use std::sync::Arc;

use crate::config::Config;
use crate::error::SetupError;

pub(crate) use inbox::Inbox;
pub(crate) use link::Link;
pub(crate) use multicast::Multicast;
pub(crate) use nap::nap;
pub(crate) use poll_set::PollSet;
pub(crate) use process::{forks, this_thread, watch_forks};
pub(crate) use stderr::{lines_dropped, log_line};
#[cfg(lock_times)]
pub(crate) use sys::thread_time;
#[cfg(feature = "handles")]
pub(crate) use sys::with_errno_kept;
pub(crate) use sys::{
    Awaited, NoCancel, NoSignals, effective_user, monotonic, monotonic_coarse, receive_capacity,
    thread_exists, thread_number, wait,
};
pub(crate) use waker::Waker;

/// Opens all links of a configuration.
///
/// # Errors
/// [`SetupError::Socket`] with the system call that failed.
pub(crate) fn links(config: &Config) -> Result<Vec<Arc<dyn Link>>, SetupError> {
    Ok(vec![Arc::new(Multicast::join(config)?)])
}
