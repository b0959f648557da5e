//! The errors of setting up sync, and of calls into it.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The reason why sync could not be set up or started.
///
/// It displays as one line without a full stop. The line says what failed, for which address or
/// setting, and why, and often what to do. It shows no key.
///
/// # Examples
/// ```
/// use livesync::{Config, SetupError};
///
/// let error = Config::default().port(0u16).validate().unwrap_err();
/// assert!(matches!(error, SetupError::NoPort));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// An environment variable has a value that it must not have.
    Setting {
        /// The name of the variable.
        name: &'static str,
        /// The value of the variable, unless it looks like a key.
        value: String,
        /// A phrase that describes the permitted values.
        expected: &'static str,
    },
    /// An environment variable begins with `LIVESYNC_`, but no setting has this name.
    UnknownSetting {
        /// The name of the variable.
        name: String,
        /// The name of the variable that is probably meant.
        meant: Option<&'static str>,
    },
    /// The interface address is missing, or livesync cannot use it. The text says why.
    Address(&'static str),
    /// A field of the configuration has a value that it must not have.
    Field {
        /// The name of the field.
        name: &'static str,
        /// A phrase that describes the permitted values.
        expected: &'static str,
    },
    /// The key file cannot be used.
    KeyFile {
        /// The path of the file, unless it looks like a key.
        path: PathBuf,
        /// The reason why the file cannot be used.
        error: io::Error,
    },
    /// The address of the group is not a multicast address.
    NotMulticast(IpAddr),
    /// The port is 0, for which the kernel would choose another port on each node.
    NoPort,
    /// A system call on a socket failed.
    Socket {
        /// The purpose of the system call, as a verb phrase.
        action: &'static str,
        /// The address and port of the group.
        group: SocketAddr,
        /// The address of the interface.
        interface: IpAddr,
        /// The error that the system call returned.
        error: io::Error,
    },
    /// The receive thread could not be started, or the descriptors that wake it could not be
    /// created.
    Thread(io::Error),
    /// The instance is bound to a group already, and only a stop sets it free for another one.
    AlreadyBound,
    /// The instance is not bound to a group, or binding to another one has failed.
    NotBound,
    /// Sync is started already.
    AlreadyRunning,
    /// The receive thread of the previous run has not ended, because a call into the host has
    /// not returned.
    StillStopping,
    /// An internal error tripped this instance, which cannot be started again.
    Tripped,
    /// This process is a forked child of the process that started this instance.
    Forked,
    /// The program that this library is linked into is no tracker that livesync supports.
    NoHost {
        /// The symbols that the program does not define.
        missing: Vec<&'static str>,
    },
    /// The opentracker that this library is linked into is of a generation that needs an adapter.
    NeedsAdapter {
        /// A predicate that describes the generation.
        generation: &'static str,
        /// The path of the adapter's source file.
        adapter: &'static str,
    },
}

#[cfg(feature = "want_sync_live")]
impl SetupError {
    /// opentracker since it passes a workstruct to `livesync_tell`.
    pub(crate) const LATER_OPENTRACKER: Self = Self::NeedsAdapter {
        generation: "is of 22 April 2010 or later",
        adapter: "examples/opentracker/ot_livesync_workstruct.c",
    };
    /// An earlier opentracker that is built with `WANT_V6` and has peers of 20 bytes.
    pub(crate) const OPENTRACKER_WITH_V6: Self = Self::NeedsAdapter {
        generation: "is built with WANT_V6",
        adapter: "examples/opentracker/ot_livesync_v6.c",
    };
}

/// Displays as one line, because line feeds in a value or a path are escaped.
impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting {
                name,
                value,
                expected,
            } => write!(
                f,
                "{name}={} is invalid: it must be {expected}",
                value.escape_debug()
            ),
            Self::UnknownSetting { name, meant } => {
                write!(f, "{} is not a setting of livesync", name.escape_debug())?;
                meant.map_or(Ok(()), |meant| write!(f, "; {meant} may be meant"))
            }
            Self::Field { name, expected } => write!(f, "{name} must be {expected}"),
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
            Self::NoPort => f.write_str("cannot sync on port 0: set the port of the cluster"),
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
                "cannot start the receive thread, or create the descriptors that wake it: {error}"
            ),
            Self::AlreadyBound => f.write_str(
                "an address to sync on was given twice: another one may be given after a stop only",
            ),
            Self::NotBound => f.write_str(
                "no address to sync on was given: in opentracker livesync.cluster.listen gives one",
            ),
            Self::AlreadyRunning => {
                f.write_str("sync is started already: stop it before you start it again")
            }
            Self::StillStopping => f.write_str(
                "the receive thread of the last run is still busy in the tracker: try again later",
            ),
            Self::Tripped => f.write_str(
                "an internal error, which is in the log, has stopped sync: restart the program",
            ),
            Self::Forked => f.write_str(
                "sync was set up before this process was forked: a child must set it up itself",
            ),
            Self::NoHost { missing } => write!(
                f,
                "this program is not a tracker that livesync knows: it does not define {}",
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

/// The reason why an announce of the program was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnnounceError {
    /// Sync is not started, or [`Config::speak`](crate::Config::speak) is false.
    NotRunning,
    /// The peer has port 0, or the address 0.0.0.0 or ::, so no client can connect to it.
    BadPeer,
    /// The send queue is full. The program may try again later.
    Full,
}

impl fmt::Display for AnnounceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => NotRunning.fmt(f),
            Self::BadPeer => {
                f.write_str("the peer has port 0 or address 0, so no client can connect to it")
            }
            Self::Full => f.write_str("too many announces wait to be sent: try again later"),
        }
    }
}

impl std::error::Error for AnnounceError {}

impl From<NotRunning> for AnnounceError {
    fn from(_: NotRunning) -> Self {
        Self::NotRunning
    }
}

/// The error of a call that needs sync to be started, or to be started in another way.
///
/// For example, [`Livesync::process`](crate::Livesync::process) fails with it unless
/// [`Livesync::start_polling`](crate::Livesync::start_polling) has started sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotRunning;

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sync is not started, or not in the way that this call needs")
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
            "LIVESYNC_GROUP=a\\nb is invalid: it must be an IPv4 multicast address"
        );
        assert_eq!(key_file.to_string(), "cannot use the key file a\\nb\\0: no");
    }
}
