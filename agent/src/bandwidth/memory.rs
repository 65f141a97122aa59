//! What earlier tests found of a line, by direction: the rate to begin with, and which method did not do.
//!
//! A line is known by the office's gateway address: with another router there is another line, perhaps. Pure
//! but for the file.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suar_wire::bandwidth::Direction;

use crate::files;

const FILE: &str = "lines.json";
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Lines that are remembered: an office has one, a laptop some.
const LINES_MAX: usize = 8;
/// Results of a direction of which the median is expected next.
const RATES_MAX: usize = 5;
/// Tests for which a method that failed is left out; then it is tried again.
const LEFT_OUT_FOR: u8 = 20;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The line that was tested last is the last.
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    gateway: Option<IpAddr>,
    download: Known,
    upload: Known,
}

/// One direction of one line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// The newest is the last.
    rates_bps: Vec<u64>,
    /// Tests to come for which datagrams are left out: they were blocked, or slower than TCP.
    udp_out: u8,
    /// Tests to come for which TCP is left out: it found no steady rate.
    tcp_out: u8,
    /// Tests to come for which datagrams are believed although they look policed: TCP found the same.
    udp_right: u8,
}

impl Known {
    pub fn prior_bps(&self) -> Option<u64> {
        let mut sorted = self.rates_bps.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// A test has found this rate.
    pub fn learn(&mut self, rate_bps: u64) {
        self.rates_bps.push(rate_bps);
        let surplus = self.rates_bps.len().saturating_sub(RATES_MAX);
        self.rates_bps.drain(..surplus);
        for left in [&mut self.udp_out, &mut self.tcp_out, &mut self.udp_right] {
            *left = left.saturating_sub(1);
        }
    }

    pub fn udp_failed(&mut self) {
        self.udp_out = LEFT_OUT_FOR;
    }

    pub fn udp_was_right(&mut self) {
        self.udp_right = LEFT_OUT_FOR;
    }

    pub fn tcp_was_unsteady(&mut self) {
        self.tcp_out = LEFT_OUT_FOR;
    }

    pub fn udp_is_out(&self) -> bool {
        self.udp_out > 0
    }

    pub fn tcp_is_out(&self) -> bool {
        self.tcp_out > 0
    }

    /// Whether datagrams that look policed are to be compared with TCP.
    pub fn must_compare(&self) -> bool {
        self.udp_right == 0
    }
}

impl Memory {
    pub fn known(&self, gateway: Option<IpAddr>, direction: Direction) -> Known {
        let line = self.lines.iter().find(|line| line.gateway == gateway);
        line.map(|line| match direction {
            Direction::Download => line.download.clone(),
            Direction::Upload => line.upload.clone(),
        })
        .unwrap_or_default()
    }

    pub fn keep(&mut self, gateway: Option<IpAddr>, direction: Direction, known: Known) {
        let found = self.lines.iter().position(|line| line.gateway == gateway);
        let mut line = found.map(|at| self.lines.remove(at)).unwrap_or_else(|| Line {
            gateway,
            download: Known::default(),
            upload: Known::default(),
        });
        match direction {
            Direction::Download => line.download = known,
            Direction::Upload => line.upload = known,
        }
        self.lines.push(line);
        let surplus = self.lines.len().saturating_sub(LINES_MAX);
        self.lines.drain(..surplus);
    }
}

fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

/// Nothing is known where the file is lost or damaged: the next test costs somewhat more.
pub fn read(state: &Path) -> Memory {
    let text = files::read_text(&path(state), FILE_BYTES_MAX).ok().flatten();
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

pub fn write(state: &Path, memory: &Memory) -> io::Result<()> {
    files::replace(&path(state), &serde_json::to_vec_pretty(memory)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_last_five_is_expected() {
        let mut known = Known::default();
        assert_eq!(known.prior_bps(), None);
        for rate in [900, 1, 5, 3, 4, 2] {
            known.learn(rate);
        }
        assert_eq!(known.prior_bps(), Some(3), "900 is forgotten");
    }

    #[test]
    fn a_method_that_failed_is_tried_again_some_day() {
        let mut known = Known::default();
        known.udp_failed();
        for _ in 0..LEFT_OUT_FOR {
            assert!(known.udp_is_out());
            known.learn(1);
        }
        assert!(!known.udp_is_out());
    }

    #[test]
    fn each_line_and_direction_is_known_by_itself_and_the_oldest_is_forgotten() {
        let state = tempfile::tempdir().expect("a directory");
        let mut memory = read(state.path());
        assert_eq!(memory, Memory::default());
        let gateway = |last: u8| Some(IpAddr::from([192, 168, 1, last]));
        let known = |rate| {
            let mut known = Known::default();
            known.learn(rate);
            known
        };
        for line in 0..10 {
            memory.keep(gateway(line), Direction::Download, known(u64::from(line) + 1));
        }
        memory.keep(gateway(9), Direction::Upload, known(7));
        write(state.path(), &memory).expect("written");
        let memory = read(state.path());
        assert_eq!(memory.known(gateway(1), Direction::Download).prior_bps(), None);
        assert_eq!(memory.known(gateway(9), Direction::Download).prior_bps(), Some(10));
        assert_eq!(memory.known(gateway(9), Direction::Upload).prior_bps(), Some(7));
        std::fs::write(path(state.path()), "{").expect("written");
        assert_eq!(read(state.path()), Memory::default());
    }
}
