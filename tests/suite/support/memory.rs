//! Reads the memory of a process.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

const PAGE: usize = 4096;

/// A copy of all memory that a process may write to.
pub struct Memory(Vec<Vec<u8>>);

impl Memory {
    /// Copies the memory of a child process.
    pub fn of(process: u32) -> io::Result<Self> {
        let memory = File::open(format!("/proc/{process}/mem"))?;
        let mut regions = Vec::new();
        for line in fs::read_to_string(format!("/proc/{process}/maps"))?.lines() {
            let (range, rest) = line.split_once(' ').expect("a range");
            if !rest.starts_with("rw") {
                continue;
            }
            let (start, end) = range.split_once('-').expect("a start and an end");
            let number = |text| u64::from_str_radix(text, 16).expect("an address");
            let mut region = vec![0; (number(end) - number(start)) as usize];
            memory.read_exact_at(&mut region, number(start))?;
            regions.push(region);
        }
        Ok(Self(regions))
    }

    /// Returns whether these bytes, which must not all be zero, are somewhere in it.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|region| {
            let mut starts = (0..region.len()).step_by(PAGE);
            starts.any(|start| {
                // Searches a page, and the bytes that may have begun on it. Most pages were
                // never written to.
                let end = region.len().min(start + PAGE + bytes.len() - 1);
                let page = &region[start..end];
                page.iter().any(|byte| *byte != 0)
                    && page.windows(bytes.len()).any(|window| window == bytes)
            })
        })
    }
}
