//! Why sync could not be set up.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// A setup error: one clear line that says what failed, for which address or
/// setting, and why.
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// An environment variable does not hold what it should.
    Setting {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// An environment variable begins like ours, and is none.
    UnknownSetting {
        /// The variable.
        name: String,
        /// The one that is probably meant.
        meant: Option<&'static str>,
    },
    /// The interface address is missing or not one we can use.
    Address(&'static str),
    /// A field of the configuration does not hold what it should.
    Field {
        /// The field.
        name: &'static str,
        /// What it may hold.
        expected: &'static str,
    },
    /// The key file cannot be used.
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The group is not a multicast address.
    NotMulticast(IpAddr),
    /// The port is 0, which the members of a group cannot share.
    NoPort,
    /// A system call on a socket failed.
    Socket {
        /// What we were about to do.
        action: &'static str,
        /// For which group and port.
        group: SocketAddr,
        /// On which interface.
        interface: IpAddr,
        /// Why it failed.
        error: io::Error,
    },
    /// The receive thread, or what it waits on, could not be made.
    Thread(io::Error),
    /// Bound already.
    AlreadyBound,
    /// Not bound yet.
    NotBound,
    /// Started already.
    AlreadyRunning,
    /// The thread of the run before has not ended: the host holds it.
    StillStopping,
    /// A bug of ours stopped this instance.
    Tripped,
    /// This process is a child of the one that has started it.
    Forked,
    /// The program we are linked into lacks what we need of a tracker.
    NoHost {
        /// The symbols that it does not define.
        missing: Vec<&'static str>,
    },
    /// The tracker that we are linked into is of another generation: it needs an adapter.
    NeedsAdapter {
        /// Of which generation it is.
        generation: &'static str,
        /// The adapter's file.
        adapter: &'static str,
    },
}

#[cfg(feature = "want_sync_live")]
impl SetupError {
    /// opentracker as its tells have carried a workstruct.
    pub(crate) const LATER_OPENTRACKER: Self = Self::NeedsAdapter {
        generation: "is of 22 April 2010 or later",
        adapter: "examples/opentracker/ot_livesync_workstruct.c",
    };
    /// Before that, with 20-byte peers.
    pub(crate) const OPENTRACKER_WITH_V6: Self = Self::NeedsAdapter {
        generation: "is built with WANT_V6",
        adapter: "examples/opentracker/ot_livesync_v6.c",
    };
}

/// One line, whatever texts it is about.
impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting {
                name,
                value,
                expected,
            } => write!(f, "{name}={} is not {expected}", value.escape_debug()),
            Self::UnknownSetting { name, meant } => {
                write!(f, "{} is not a setting of livesync", name.escape_debug())?;
                meant.map_or(Ok(()), |meant| write!(f, "; {meant} may be meant"))
            }
            Self::Field { name, expected } => write!(f, "{name} is not {expected}"),
            Self::KeyFile { path, error } => {
                let path = path.to_string_lossy();
                write!(
                    f,
                    "cannot use the key file {}: {error}",
                    path.escape_debug()
                )
            }
            Self::Address(problem) => write!(f, "cannot sync on this address: {problem}"),
            Self::NotMulticast(group) => write!(f, "group {group} is not a multicast address"),
            Self::NoPort => f.write_str("cannot sync on port 0"),
            Self::Socket {
                action,
                group,
                interface,
                error,
            } => write!(
                f,
                "cannot {action} group {group} on interface {interface}: {error}"
            ),
            Self::Thread(error) => write!(
                f,
                "cannot start a thread, or make what is waited on: {error}"
            ),
            Self::AlreadyBound => f.write_str("an address to sync on was given twice"),
            Self::NotBound => f.write_str("no address to sync on was given"),
            Self::AlreadyRunning => f.write_str("started twice"),
            Self::StillStopping => {
                f.write_str("the receive thread of the last run is still busy in the tracker")
            }
            Self::Tripped => f.write_str("stopped by an internal error earlier"),
            Self::Forked => f.write_str("started before this process was forked"),
            Self::NoHost { missing } => write!(
                f,
                "this program is not a tracker we know: it does not define {}",
                missing.join(", ")
            ),
            Self::NeedsAdapter {
                generation,
                adapter,
            } => write!(
                f,
                "this opentracker {generation}, so the library cannot be linked unchanged: \
                 build it with {adapter}, as scripts/opentracker does"
            ),
        }
    }
}

/// The announce was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnnounceError {
    /// Sync is not started, or does not speak.
    NotRunning,
    /// The peer has port 0, or the address 0.0.0.0 or ::, so no client can connect to it.
    BadPeer,
    /// So many announces wait to be sent that there is no room for another one.
    Full,
}

impl fmt::Display for AnnounceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => NotRunning.fmt(f),
            Self::BadPeer => f.write_str("the peer has port 0 or address 0"),
            Self::Full => f.write_str("too many announces wait to be sent"),
        }
    }
}

impl std::error::Error for AnnounceError {}

impl From<NotRunning> for AnnounceError {
    fn from(_: NotRunning) -> Self {
        Self::NotRunning
    }
}

/// Sync is not started, or not in the way that this call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotRunning;

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sync is not started, or not in the way that this call is for")
    }
}

impl std::error::Error for NotRunning {}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::KeyFile { error, .. } | Self::Socket { error, .. } | Self::Thread(error) => {
                Some(error)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_whatever_it_is_about() {
        let setting = SetupError::Setting {
            name: "LIVESYNC_GROUP",
            value: "a\nb".to_owned(),
            expected: "an IPv4 multicast address",
        };
        let key_file = SetupError::KeyFile {
            path: "a\nb\0".into(),
            error: io::Error::other("no"),
        };
        assert_eq!(
            setting.to_string(),
            "LIVESYNC_GROUP=a\\nb is not an IPv4 multicast address"
        );
        assert_eq!(key_file.to_string(), "cannot use the key file a\\nb\\0: no");
    }
}
