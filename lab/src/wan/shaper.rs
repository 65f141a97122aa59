//! One direction of an emulated link: packets go in, and come out later, twice, in another order, or not.
//!
//! Pure: time is an argument in nanoseconds, randomness is seeded. Sizes are those of IP packets.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::seed::Random;

/// What the link does to packets from now on. Packets that are already under way keep their fate,
/// except when the link is blocked: a cut cable delivers nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// Bits a second; `None` is as fast as the machine.
    pub rate_bps: Option<u64>,
    /// After a rest, this much passes faster than the rate.
    pub bucket: Option<Bucket>,
    /// Most bytes that wait for the rate; what comes on top is dropped at the tail.
    pub queue_bytes_max: u64,
    pub delay: Duration,
    /// Added to each delay, even between zero and this; order is kept.
    pub jitter: Duration,
    pub loss: Loss,
    /// Share of packets that arrive twice.
    pub duplicated: f64,
    /// Share of packets that overtake: they skip delay and jitter.
    pub reordered: f64,
    /// Nothing passes, and nothing that is under way arrives.
    pub blocked: bool,
}

/// Tokens that gather while the line is not used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    pub bytes: u64,
    /// As fast as packets with tokens pass.
    pub peak_bps: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    None,
    /// Each packet with this probability.
    Random(f64),
    /// Two states (Gilbert): before each packet the line turns bad, or good again, with these probabilities;
    /// while it is bad, packets are lost with the third.
    Gilbert {
        turns_bad: f64,
        turns_good: f64,
        lost_when_bad: f64,
    },
    /// The first `lost` of every `of` packets, exactly.
    Exact {
        lost: u32,
        of: u32,
    },
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            rate_bps: None,
            bucket: None,
            queue_bytes_max: 256 * 1024,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss::None,
            duplicated: 0.0,
            reordered: 0.0,
            blocked: false,
        }
    }
}

impl Conditions {
    pub fn delayed(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }
}

/// The oracle: what really happened in one direction. `offered` is the sum of everything else but
/// duplicates, once nothing is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    pub offered: Tally,
    pub delivered: Tally,
    pub lost: Tally,
    pub overflowed: Tally,
    pub blocked: Tally,
    /// Extra copies; each is in `delivered` too.
    pub duplicated: Tally,
    /// Packets that left before one that came in earlier.
    pub reordered: Tally,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub packets: u64,
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

#[derive(Debug)]
pub struct Shaper {
    conditions: Conditions,
    random: Random,
    counters: Counters,
    /// When the last bit of what waits for the rate has left.
    line_free_at_ns: u64,
    /// When the bucket is full again.
    bucket_full_at_ns: u64,
    is_bad: bool,
    /// Departure of the last packet that kept its place.
    last_departure_ns: u64,
    under_way: BinaryHeap<Reverse<Departure>>,
    arrivals: u64,
    /// Packets since the conditions were set: exact loss counts from there.
    since_set: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Departure {
    at_ns: u64,
    /// Ties leave in the order they came.
    arrival: u64,
    packet: Vec<u8>,
}

impl Shaper {
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            random: Random::from_seed(seed),
            counters: Counters::default(),
            line_free_at_ns: 0,
            bucket_full_at_ns: 0,
            is_bad: false,
            last_departure_ns: 0,
            under_way: BinaryHeap::new(),
            arrivals: 0,
            since_set: 0,
        }
    }

    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    pub fn set(&mut self, conditions: Conditions) {
        if conditions.blocked {
            for Reverse(departure) in self.under_way.drain() {
                self.counters.blocked.add(departure.packet.len());
            }
            self.line_free_at_ns = 0;
        }
        self.conditions = conditions;
        self.since_set = 0;
    }

    /// Takes a packet that entered the link at `now_ns`.
    pub fn offer(&mut self, now_ns: u64, packet: Vec<u8>) {
        let bytes = packet.len();
        self.counters.offered.add(bytes);
        let turn = self.arrivals;
        self.arrivals += 1;
        if self.conditions.blocked {
            self.counters.blocked.add(bytes);
            return;
        }
        if self.loses() {
            self.counters.lost.add(bytes);
            return;
        }
        let Some(sent_at_ns) = self.through_the_queue(now_ns, bytes as u64) else {
            self.counters.overflowed.add(bytes);
            return;
        };
        let at_ns = self.departure(sent_at_ns, bytes);
        if self.random.chance(self.conditions.duplicated) {
            self.counters.duplicated.add(bytes);
            self.under_way.push(Reverse(Departure { at_ns, arrival: turn, packet: packet.clone() }));
        }
        self.under_way.push(Reverse(Departure { at_ns, arrival: turn, packet }));
    }

    /// A packet that has left the link by `now_ns`; ask until there is none.
    pub fn take_due(&mut self, now_ns: u64) -> Option<Vec<u8>> {
        self.under_way.peek().filter(|next| next.0.at_ns <= now_ns)?;
        let Reverse(departure) = self.under_way.pop()?;
        self.counters.delivered.add(departure.packet.len());
        Some(departure.packet)
    }

    pub fn next_due_ns(&self) -> Option<u64> {
        self.under_way.peek().map(|next| next.0.at_ns)
    }

    fn loses(&mut self) -> bool {
        let turn = self.since_set;
        self.since_set += 1;
        match self.conditions.loss {
            Loss::None => false,
            Loss::Random(probability) => self.random.chance(probability),
            Loss::Gilbert { turns_bad, turns_good, lost_when_bad } => {
                let turns = if self.is_bad { turns_good } else { turns_bad };
                self.is_bad ^= self.random.chance(turns);
                self.is_bad && self.random.chance(lost_when_bad)
            }
            Loss::Exact { lost, of } => of > 0 && turn % u64::from(of) < u64::from(lost),
        }
    }

    /// When the packet's last bit is on the line, or `None` where the queue has no room for it.
    fn through_the_queue(&mut self, now_ns: u64, bytes: u64) -> Option<u64> {
        let Some(rate_bps) = self.conditions.rate_bps else { return Some(now_ns) };
        let rate_bps = rate_bps.max(1);
        let wait_ns = self.line_free_at_ns.saturating_sub(now_ns);
        let waiting_bytes = u128::from(wait_ns) * u128::from(rate_bps) / 8_000_000_000;
        if waiting_bytes + u128::from(bytes) > u128::from(self.conditions.queue_bytes_max) {
            return None;
        }
        let takes_ns = |bytes: u64, bps: u64| (u128::from(bytes) * 8_000_000_000 / u128::from(bps)) as u64;
        self.line_free_at_ns = now_ns
            + wait_ns
            + match self.conditions.bucket {
                None => takes_ns(bytes, rate_bps),
                Some(bucket) => {
                    // Tokens for this packet are there when no more than the whole bucket is missing.
                    self.bucket_full_at_ns = self.bucket_full_at_ns.max(now_ns) + takes_ns(bytes, rate_bps);
                    let tokens_at_ns =
                        self.bucket_full_at_ns.saturating_sub(takes_ns(bucket.bytes, rate_bps));
                    tokens_at_ns.saturating_sub(now_ns + wait_ns).max(takes_ns(bytes, bucket.peak_bps.max(1)))
                }
            };
        Some(self.line_free_at_ns)
    }

    fn departure(&mut self, sent_at_ns: u64, bytes: usize) -> u64 {
        if self.random.chance(self.conditions.reordered) {
            if sent_at_ns < self.last_departure_ns {
                self.counters.reordered.add(bytes);
            }
            return sent_at_ns;
        }
        let jitter_ns = self.random.below(self.conditions.jitter.as_nanos() as u64 + 1);
        let at_ns = sent_at_ns + self.conditions.delay.as_nanos() as u64 + jitter_ns;
        // A shorter delay set while packets are under way must not let later ones overtake them.
        self.last_departure_ns = at_ns.max(self.last_departure_ns);
        self.last_departure_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn shaper(conditions: Conditions) -> Shaper {
        Shaper::new(conditions, 42)
    }

    fn packet(number: u32, bytes: usize) -> Vec<u8> {
        let mut packet = vec![0; bytes];
        packet[..4].copy_from_slice(&number.to_be_bytes());
        packet
    }

    /// Every packet that leaves, with the moment it does.
    fn drain(shaper: &mut Shaper) -> Vec<(u64, u32)> {
        let mut left = Vec::new();
        while let Some(at_ns) = shaper.next_due_ns() {
            let packet = shaper.take_due(at_ns).expect("it is due at its own time");
            left.push((at_ns, u32::from_be_bytes(packet[..4].try_into().expect("four bytes"))));
        }
        left
    }

    #[test]
    fn a_packet_leaves_after_exactly_the_delay_and_not_before() {
        let mut shaper = shaper(Conditions::delayed(Duration::from_millis(300)));
        shaper.offer(5 * MS, packet(1, 84));
        assert_eq!(shaper.take_due(305 * MS - 1), None);
        assert!(shaper.take_due(305 * MS).is_some());
        assert_eq!(shaper.next_due_ns(), None);
    }

    #[test]
    fn the_rate_spaces_packets_by_their_size() {
        // 1500 bytes at 1 Mbit/s take 12 ms.
        let mut shaper = shaper(Conditions { rate_bps: Some(1_000_000), ..Conditions::default() });
        (0..3).for_each(|number| shaper.offer(0, packet(number, 1500)));
        assert_eq!(drain(&mut shaper), vec![(12 * MS, 0), (24 * MS, 1), (36 * MS, 2)]);
    }

    #[test]
    fn a_full_queue_drops_at_the_tail_and_has_room_again_as_it_drains() {
        let conditions =
            Conditions { rate_bps: Some(1_000_000), queue_bytes_max: 3_000, ..Conditions::default() };
        let mut shaper = shaper(conditions);
        (0..5).for_each(|number| shaper.offer(0, packet(number, 1500)));
        assert_eq!(shaper.counters().overflowed, Tally { packets: 3, bytes: 4_500 });
        shaper.offer(12 * MS, packet(9, 1500));
        assert_eq!(
            drain(&mut shaper).into_iter().map(|(_, number)| number).collect::<Vec<_>>(),
            vec![0, 1, 9]
        );
    }

    #[test]
    fn exact_loss_loses_exactly_that_many() {
        let mut shaper =
            shaper(Conditions { loss: Loss::Exact { lost: 3, of: 10 }, ..Conditions::default() });
        (0..1_000).for_each(|number| shaper.offer(0, packet(number, 100)));
        assert_eq!(shaper.counters().lost, Tally { packets: 300, bytes: 30_000 });
        assert_eq!(drain(&mut shaper).len(), 700);
    }

    #[test]
    fn random_loss_is_near_its_probability_and_repeats_with_the_seed() {
        let conditions = Conditions { loss: Loss::Random(0.05), ..Conditions::default() };
        let run = |seed| {
            let mut shaper = Shaper::new(conditions.clone(), seed);
            (0..20_000).for_each(|number| shaper.offer(0, packet(number, 100)));
            drain(&mut shaper)
        };
        let lost = 20_000 - run(1).len();
        // Five standard deviations of a binomial: 5 * sqrt(20000 * 0.05 * 0.95) = 154.
        assert!((846..=1_154).contains(&lost), "{lost}");
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn a_bucket_lets_a_burst_pass_and_then_its_rate_and_fills_again() {
        // 1000 bytes take 8 ms at the rate and 1 ms at the peak.
        let bucket = Some(Bucket { bytes: 10_000, peak_bps: 8_000_000 });
        let mut shaper = shaper(Conditions { rate_bps: Some(1_000_000), bucket, ..Conditions::default() });
        (0..30).for_each(|number| shaper.offer(0, packet(number, 1_000)));
        let at_ms: Vec<u64> = drain(&mut shaper).into_iter().map(|(at_ns, _)| at_ns / MS).collect();
        assert_eq!(at_ms[..10], (1..=10).collect::<Vec<_>>(), "the burst");
        // What comes later leaves at the rate: the tenth kilobyte and 20 more at 8 ms each.
        assert_eq!(at_ms[29], 160, "{at_ms:?}");
        assert!(at_ms[12..].windows(2).all(|pair| pair[1] - pair[0] == 8), "{at_ms:?}");
        shaper.offer(1_000 * MS, packet(99, 1_000));
        assert_eq!(drain(&mut shaper), vec![(1_001 * MS, 99)]);
    }

    #[test]
    fn gilbert_loss_comes_in_runs_and_at_its_mean() {
        let loss = Loss::Gilbert { turns_bad: 0.01, turns_good: 0.2, lost_when_bad: 1.0 };
        let mut shaper = shaper(Conditions { loss, ..Conditions::default() });
        (0..50_000).for_each(|number| shaper.offer(0, packet(number, 100)));
        let arrived: Vec<u32> = drain(&mut shaper).into_iter().map(|(_, number)| number).collect();
        // The share of time in the bad state is 0.01 / 0.21.
        let lost = 50_000 - arrived.len();
        assert!((2_000..2_800).contains(&lost), "{lost}");
        let runs = arrived.windows(2).filter(|pair| pair[1] - pair[0] > 1).count();
        assert!((lost / runs) >= 4, "{lost} in {runs} runs");
    }

    #[test]
    fn jitter_stays_in_its_band_and_keeps_the_order() {
        let conditions = Conditions {
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(10),
            ..Conditions::default()
        };
        let mut shaper = shaper(conditions);
        for number in 0..500u32 {
            shaper.offer(u64::from(number) * MS, packet(number, 84));
        }
        let left = drain(&mut shaper);
        for (place, (at_ns, number)) in left.iter().enumerate() {
            assert_eq!(place as u32, *number, "order was not kept");
            let delay_ms = at_ns / MS - u64::from(*number);
            assert!((20..=30).contains(&delay_ms), "packet {number} took {delay_ms} ms");
        }
    }

    #[test]
    fn reordered_packets_overtake_and_are_counted() {
        let conditions =
            Conditions { delay: Duration::from_millis(50), reordered: 0.2, ..Conditions::default() };
        let mut shaper = shaper(conditions);
        (0..200).for_each(|number| shaper.offer(u64::from(number) * MS, packet(number, 84)));
        let left = drain(&mut shaper);
        let overtook = left.iter().filter(|(at_ns, number)| at_ns / MS == u64::from(*number)).count() as u64;
        assert_eq!(left.len(), 200);
        assert!(overtook > 10, "only {overtook} overtook");
        // The very first may have had nobody to overtake.
        assert!(overtook - shaper.counters().reordered.packets <= 1);
    }

    #[test]
    fn duplicates_arrive_twice_and_are_counted() {
        let mut shaper = shaper(Conditions { duplicated: 1.0, ..Conditions::default() });
        shaper.offer(0, packet(7, 84));
        assert_eq!(drain(&mut shaper), vec![(0, 7), (0, 7)]);
        assert_eq!(shaper.counters().duplicated.packets, 1);
        assert_eq!(shaper.counters().delivered.packets, 2);
    }

    #[test]
    fn a_block_delivers_nothing_not_even_what_was_under_way() {
        let mut shaper = shaper(Conditions::delayed(Duration::from_millis(100)));
        shaper.offer(0, packet(1, 84));
        shaper.set(Conditions { blocked: true, ..Conditions::default() });
        shaper.offer(MS, packet(2, 84));
        assert_eq!(shaper.next_due_ns(), None);
        shaper.set(Conditions::default());
        shaper.offer(200 * MS, packet(3, 84));
        assert_eq!(drain(&mut shaper), vec![(200 * MS, 3)]);
        assert_eq!(shaper.counters().blocked, Tally { packets: 2, bytes: 168 });
    }

    #[test]
    fn every_packet_is_accounted_for() {
        let conditions = Conditions {
            rate_bps: Some(2_000_000),
            bucket: None,
            queue_bytes_max: 20_000,
            delay: Duration::from_millis(3),
            jitter: Duration::from_millis(9),
            loss: Loss::Random(0.1),
            duplicated: 0.1,
            reordered: 0.1,
            blocked: false,
        };
        let mut shaper = shaper(conditions);
        (0..5_000).for_each(|number| shaper.offer(u64::from(number) * MS, packet(number, 400)));
        let left = drain(&mut shaper).len() as u64;
        let counted = shaper.counters();
        assert_eq!(left, counted.delivered.packets);
        assert_eq!(
            counted.offered.packets + counted.duplicated.packets,
            counted.delivered.packets
                + counted.lost.packets
                + counted.overflowed.packets
                + counted.blocked.packets
        );
    }
}
