//! The collector's own counters: what it received, refused, committed. Few enough for a registry.

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry};

use super::families::{self, Family};
use super::text::{Page, Value};

/// Upper edges of the commit histogram, seconds: an SSD's fsync to a dying SD card's.
const COMMIT_EDGES: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

/// Shared by everything that counts; every method takes `&self` and is cheap.
#[derive(Debug, Clone)]
pub struct Own {
    pushes: IntCounterVec,
    refused: IntCounterVec,
    set_aside: IntCounterVec,
    connections: IntCounterVec,
    joins: IntCounterVec,
    others_refused: IntCounterVec,
    reads: IntCounterVec,
    read_samples: IntCounterVec,
    writes: IntCounterVec,
    write_samples: IntCounterVec,
    write_waiting: IntGauge,
    write_lag_s: IntGauge,
    queue: IntGauge,
    commit: Histogram,
    last_commit_ms: IntGauge,
    store_bytes: IntGauge,
    disk_free: IntGauge,
    disk_size: IntGauge,
    pack_lag_s: IntGauge,
    started_ms: i64,
    registry: Registry,
}

impl Own {
    /// `started_ms` is when the collector started, milliseconds since 1970.
    pub fn new(started_ms: i64) -> Self {
        let registry = Registry::new();
        let own = Self {
            pushes: counters(&families::COLLECTOR_PUSHES),
            refused: counters(&families::COLLECTOR_REFUSED),
            set_aside: counters(&families::COLLECTOR_SET_ASIDE),
            connections: counters(&families::COLLECTOR_CONNECTIONS),
            joins: counters(&families::COLLECTOR_JOINS),
            others_refused: counters(&families::COLLECTOR_OTHERS_REFUSED),
            reads: counters(&families::COLLECTOR_READS),
            read_samples: counters(&families::COLLECTOR_READ_SAMPLES),
            writes: counters(&families::COLLECTOR_WRITES),
            write_samples: counters(&families::COLLECTOR_WRITE_SAMPLES),
            write_waiting: gauge(&families::COLLECTOR_WRITE_WAITING),
            write_lag_s: gauge(&families::COLLECTOR_WRITE_LAG),
            queue: gauge(&families::COLLECTOR_QUEUE),
            commit: histogram(&families::COLLECTOR_COMMIT, &COMMIT_EDGES),
            last_commit_ms: gauge(&families::COLLECTOR_LAST_COMMIT),
            store_bytes: gauge(&families::COLLECTOR_STORE_BYTES),
            disk_free: gauge(&families::COLLECTOR_DISK_FREE),
            disk_size: gauge(&families::COLLECTOR_DISK_SIZE),
            pack_lag_s: gauge(&families::COLLECTOR_PACK_LAG),
            started_ms,
            registry,
        };
        let collectors: [Box<dyn Collector>; 18] = [
            Box::new(own.pushes.clone()),
            Box::new(own.refused.clone()),
            Box::new(own.set_aside.clone()),
            Box::new(own.connections.clone()),
            Box::new(own.joins.clone()),
            Box::new(own.others_refused.clone()),
            Box::new(own.reads.clone()),
            Box::new(own.read_samples.clone()),
            Box::new(own.writes.clone()),
            Box::new(own.write_samples.clone()),
            Box::new(own.write_waiting.clone()),
            Box::new(own.write_lag_s.clone()),
            Box::new(own.queue.clone()),
            Box::new(own.commit.clone()),
            Box::new(own.store_bytes.clone()),
            Box::new(own.disk_free.clone()),
            Box::new(own.disk_size.clone()),
            Box::new(own.pack_lag_s.clone()),
        ];
        for collector in collectors {
            own.registry.register(collector).expect("every family of the table has a name of its own");
        }
        own
    }

    /// A push was answered. `reason` is one of a closed set of words, `ok` for success: never text from
    /// outside, which could make series without end.
    pub fn push_answered(&self, status: u16, reason: &'static str) {
        self.pushes.with_label_values(&[status.to_string().as_str(), reason]).inc();
    }

    pub fn records_refused(&self, reason: &'static str, count: u64) {
        self.refused.with_label_values(&[reason]).inc_by(count);
    }

    pub fn records_quarantined(&self, reason: &'static str, count: u64) {
        self.set_aside.with_label_values(&[reason]).inc_by(count);
    }

    /// It is known what became of a connection.
    pub fn connection_ended(&self, fate: &'static str) {
        self.connections.with_label_values(&[fate]).inc();
    }

    /// A join was answered. `reason` is one of a closed set of words, `ok` for success.
    pub fn join_answered(&self, status: u16, reason: &'static str) {
        self.joins.with_label_values(&[status.to_string().as_str(), reason]).inc();
    }

    /// Somebody who asked for something else was turned away.
    pub fn request_refused(&self, what: &'static str, reason: &'static str) {
        self.others_refused.with_label_values(&[what, reason]).inc();
    }

    /// A question for history was answered. `reason` is one of a closed set of words, `ok` for success.
    pub fn read_answered(&self, status: u16, reason: &'static str) {
        self.reads.with_label_values(&[status.to_string().as_str(), reason]).inc();
    }

    /// Samples of history went out in this form of answer.
    pub fn read_samples(&self, response: &'static str, samples: u64) {
        self.read_samples.with_label_values(&[response]).inc_by(samples);
    }

    /// The receiver of remote write answered, or could not be reached (status 0). `reason` is one of a closed
    /// set of words, `ok` for success.
    pub fn write_answered(&self, status: u16, reason: &'static str) {
        self.writes.with_label_values(&[status.to_string().as_str(), reason]).inc();
    }

    /// It is known what became of samples that waited for the receiver.
    pub fn write_settled(&self, outcome: &'static str, samples: u64) {
        self.write_samples.with_label_values(&[outcome]).inc_by(samples);
    }

    /// What waits for the receiver, and how long the first of it has.
    pub fn write_waits(&self, bytes: u64, lag_s: i64) {
        self.write_waiting.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.write_lag_s.set(lag_s);
    }

    /// A group of pushes is on the disk.
    pub fn committed(&self, now_ms: i64, elapsed: std::time::Duration) {
        self.commit.observe(elapsed.as_secs_f64());
        self.last_commit_ms.set(now_ms);
    }

    pub fn queue_pushes(&self, waiting: usize) {
        self.queue.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    pub fn store_bytes(&self, bytes: u64) {
        self.store_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// What the disk of the data directory has left, and what it holds in all.
    pub fn disk(&self, free_bytes: u64, size_bytes: u64) {
        self.disk_free.set(i64::try_from(free_bytes).unwrap_or(i64::MAX));
        self.disk_size.set(i64::try_from(size_bytes).unwrap_or(i64::MAX));
    }

    pub fn pack_lag_seconds(&self, seconds: i64) {
        self.pack_lag_s.set(seconds);
    }

    pub(super) fn render(&self, page: &mut Page) {
        page.family(&families::COLLECTOR_INFO).sample(&[env!("CARGO_PKG_VERSION")], 1_u64);
        page.family(&families::COLLECTOR_STARTED).sample(&[], Value::millis(self.started_ms));
        page.family(&families::COLLECTOR_LAST_COMMIT).sample(&[], Value::millis(self.last_commit_ms.get()));
        let gathered = self.registry.gather();
        for family in families::ALL {
            let Some(found) = gathered.iter().find(|found| found.name() == family.name) else { continue };
            let mut samples = page.family(family);
            for metric in found.get_metric() {
                let values: Vec<&str> = (family.labels.iter())
                    .filter_map(|label| metric.get_label().iter().find(|pair| pair.name() == *label))
                    .map(|pair| pair.value())
                    .collect();
                match family.kind {
                    families::Kind::Counter => samples.sample(&values, metric.get_counter().get_value()),
                    families::Kind::Gauge => samples.sample(&values, metric.get_gauge().get_value()),
                    families::Kind::Histogram => {
                        let histogram = metric.get_histogram();
                        for bucket in histogram.get_bucket() {
                            let le = bucket.upper_bound().to_string();
                            let count = bucket.cumulative_count().into();
                            samples.suffixed("_bucket", &values, Some(&le), count);
                        }
                        let count = histogram.get_sample_count();
                        samples.suffixed("_bucket", &values, Some("+Inf"), count.into());
                        samples.suffixed("_sum", &values, None, histogram.get_sample_sum().into());
                        samples.suffixed("_count", &values, None, count.into());
                    }
                }
            }
        }
    }
}

fn counters(family: &Family) -> IntCounterVec {
    IntCounterVec::new(Opts::new(family.name, family.help), family.labels)
        .expect("the table holds valid names")
}

fn gauge(family: &Family) -> IntGauge {
    IntGauge::new(family.name, family.help).expect("the table holds valid names")
}

fn histogram(family: &Family, edges: &[f64]) -> Histogram {
    Histogram::with_opts(HistogramOpts::new(family.name, family.help).buckets(edges.to_vec()))
        .expect("the table holds valid names and the edges ascend")
}
