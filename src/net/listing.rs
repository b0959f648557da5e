//! The interfaces on which the kernel is a member of a group, from /proc/net/igmp.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::FileExt;

use super::sys::above_stdio;

/// The open file /proc/net/igmp of the network namespace of the thread that has opened it.
///
/// It still shows that namespace when the thread has moved to another one, or the process has
/// changed its root directory or dropped its privileges.
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
    /// Opens the file. Returns nothing if there is no such file, for example because the root
    /// directory has no /proc.
    pub(super) fn open() -> Option<Self> {
        let file = File::open("/proc/thread-self/net/igmp").ok()?;
        let file = above_stdio(file).ok()?.into();
        Some(Self { file })
    }

    /// Returns the interfaces on which some socket is a member of the group.
    ///
    /// # Errors
    /// The error of reading the file.
    pub(super) fn members(&self, group: Ipv4Addr) -> io::Result<Vec<Interface>> {
        // Reading at explicit offsets does not move the offset of the file. If the program has
        // closed the descriptor and has another file under its number, that one stays unharmed.
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

/// Parses the file. The line of each interface precedes those of its groups, which begin with a tab
/// and the address: its bytes in network order, printed as a number of this machine in hexadecimal
/// digits.
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
