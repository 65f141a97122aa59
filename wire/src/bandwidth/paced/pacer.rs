//! When the packets of a round leave.

use super::Round;

/// When the packets of a round are due. A sender that was held up goes on later instead of sending all at
/// once what it missed: that would fill queues, not measure a line.
#[derive(Debug, Clone, Copy)]
pub struct Pacer {
    total: u32,
    sent: u32,
    packet_us: f64,
    /// When the packet that is next was due.
    due_us: f64,
}

impl Pacer {
    /// A sender may be this much behind without going slower.
    const BEHIND_US_MAX: f64 = 25_000.0;

    pub fn new(round: Round, packet_bytes: u64) -> Self {
        let packet_us = round.packet_us(packet_bytes);
        Self { total: round.packets(packet_bytes), sent: 0, packet_us, due_us: 0.0 }
    }

    /// The numbers of the packets that are to be sent at this moment of the round.
    pub fn take(&mut self, now_us: u64) -> std::ops::Range<u32> {
        let now_us = now_us as f64;
        self.due_us = self.due_us.max(now_us - Self::BEHIND_US_MAX - self.packet_us);
        let first = self.sent;
        while self.sent < self.total && self.due_us <= now_us {
            self.sent += 1;
            self.due_us += self.packet_us;
        }
        first..self.sent
    }

    pub fn is_done(&self) -> bool {
        self.sent >= self.total
    }

    pub fn sent(&self) -> u32 {
        self.sent
    }
}
