//! The interfaces on which the kernel receives a group's packets: /proc/net/igmp.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::FileExt;

use super::sys::above_stdio;

/// The file of the network that the thread was in when it was opened. It goes on to show
/// that one, also when the thread has gone to another, or the process has changed its root
/// directory or lost its rights.
#[derive(Debug)]
pub(super) struct Listing {
    file: File,
}

/// An interface that is a member of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) name: String,
}

impl Listing {
    /// Nothing where there is no such file, as in a root directory without /proc.
    pub(super) fn open() -> Option<Self> {
        let file = File::open("/proc/thread-self/net/igmp").ok()?;
        let file = above_stdio(file).ok()?.into();
        Some(Self { file })
    }

    /// The interfaces on which somebody is a member of the group.
    pub(super) fn members(&self, group: Ipv4Addr) -> io::Result<Vec<Interface>> {
        // At offsets of its own: if the program has another file under this number by now,
        // that is left where it is.
        let mut text = Vec::new();
        let mut page = [0; 4096];
        loop {
            match self.file.read_at(&mut page, text.len() as u64)? {
                0 => break,
                read => text.extend_from_slice(&page[..read]),
            }
        }
        Ok(members(&String::from_utf8_lossy(&text), group))
    }
}

/// Below the line of each interface are those of its groups, which begin with a tab and the
/// address: the bytes of the packet as a number of this machine, in hexadecimal digits.
fn members(text: &str, group: Ipv4Addr) -> Vec<Interface> {
    let group = format!("{:08X}", u32::from_ne_bytes(group.octets()));
    let mut interface = None;
    let mut members = Vec::new();
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        if !line.starts_with('\t') {
            let index = words.next().and_then(|index| index.parse().ok());
            let name = words.next().map(|name| name.trim_end_matches(':'));
            interface = index.zip(name);
        } else if words.next() == Some(&group) {
            members.extend(interface.map(|(index, name)| Interface {
                index,
                name: name.to_owned(),
            }));
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interfaces_of_a_group_are_found() {
        let address = |group: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(group));
        let (ours, all) = (address([224, 0, 42, 5]), address([224, 0, 0, 1]));
        let text = format!(
            "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
             1\tlo        :     1      V3\n\
             \t\t\t\t{all}     1 0:00000000\t\t0\n\
             12\teth0      :     2      V3\n\
             \t\t\t\t{ours}     1 0:00000000\t\t0\n\
             \t\t\t\t{all}     1 0:00000000\t\t0\n\
             7\tvery-long.1000:     1      V2\n\
             \t\t\t\t{ours}     3 0:00000000\t\t1\n"
        );
        let expected = [(12, "eth0"), (7, "very-long.1000")].map(|(index, name)| Interface {
            index,
            name: name.to_owned(),
        });
        assert_eq!(members(&text, Ipv4Addr::new(224, 0, 42, 5)), expected);
        assert_eq!(members(&text, Ipv4Addr::new(224, 0, 42, 6)), []);
        assert_eq!(members("", Ipv4Addr::new(224, 0, 0, 1)), []);
    }
}
