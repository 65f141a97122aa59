//! Samples -> the body of a request, in either version of the protocol. Pure.

use std::collections::HashMap;

use prost::Message;

use crate::exposition::record_families;
use crate::history::records::Written;
use crate::prompb::{self, Sample, TimeSeries};

use super::Version;

/// `prometheus.WriteRequest`, without the metadata that nobody keeps with samples.
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

/// `io.prometheus.write.v2.Request`: every text stands once, the empty one first.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<SymbolSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct SymbolSeries {
    /// Name, value, name, value, ...
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(uint32, tag = "3")]
    help: u32,
}

/// `METRIC_TYPE_GAUGE`; all of what is written are gauges.
const GAUGE: i32 = 2;

pub fn content_type(version: Version) -> &'static str {
    match version {
        Version::One => "application/x-protobuf",
        Version::Two => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    }
}

/// The value of `X-Prometheus-Remote-Write-Version`.
pub fn number(version: Version) -> &'static str {
    match version {
        Version::One => "0.1.0",
        Version::Two => "2.0.0",
    }
}

/// The message, packed as a snappy block.
pub fn body(version: Version, written: Written) -> Result<Vec<u8>, snap::Error> {
    let message = match version {
        Version::One => one(written).encode_to_vec(),
        Version::Two => two(written).encode_to_vec(),
    };
    snap::raw::Encoder::new().compress_vec(&message)
}

fn one(written: Written) -> WriteRequest {
    let series = written.series.into_iter();
    WriteRequest { timeseries: series.map(|(labels, samples)| prompb::series(labels, samples)).collect() }
}

fn two(written: Written) -> Request {
    let mut symbols = Symbols::new();
    let mut timeseries = Vec::new();
    for (labels, samples) in written.series {
        let family = record_families::ALL.iter().find(|family| labels.iter().any(|(_, v)| v == family.name));
        let metadata =
            family.map(|family| Metadata { kind: GAUGE, help: symbols.of(family.help.to_owned()) });
        let labels =
            labels.into_iter().flat_map(|(name, value)| [symbols.of(name.to_owned()), symbols.of(value)]);
        let labels = labels.collect();
        timeseries.push(SymbolSeries { labels, samples: prompb::samples(samples), metadata });
    }
    Request { symbols: symbols.all, timeseries }
}

/// Texts by number.
struct Symbols {
    all: Vec<String>,
    known: HashMap<String, u32>,
}

impl Symbols {
    fn new() -> Self {
        Self { all: vec![String::new()], known: HashMap::from([(String::new(), 0)]) }
    }

    fn of(&mut self, text: String) -> u32 {
        if let Some(&known) = self.known.get(&text) {
            return known;
        }
        // A request has some thousand texts at most.
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(text.clone());
        self.known.insert(text, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::series::NAME;

    fn written() -> Written {
        let series = |site: &str, samples: &[(i64, f64)]| {
            (vec![(NAME, record_families::UP.name.to_owned()), ("site", site.to_owned())], samples.to_vec())
        };
        let series = [series("A", &[(1_000, 1.0), (2_000, 0.0)]), series("B", &[(-1, 1.0)])];
        Written { series: series.into() }
    }

    fn unpacked(version: Version) -> Vec<u8> {
        let body = body(version, written()).expect("it is packed");
        snap::raw::Decoder::new().decompress_vec(&body).expect("a snappy block")
    }

    fn text(tag: u8, text: &str) -> Vec<u8> {
        // Texts of the table are longer than 127 bytes at times: their length then takes two.
        let length = match text.len() {
            length @ 0..128 => vec![length as u8],
            length => vec![(length & 0x7f) as u8 | 0x80, (length >> 7) as u8],
        };
        [vec![tag << 3 | 2], length, text.as_bytes().to_vec()].concat()
    }

    fn message(tag: u8, inner: &[Vec<u8>]) -> Vec<u8> {
        let inner = inner.concat();
        [vec![tag << 3 | 2, inner.len() as u8], inner].concat()
    }

    /// A sample; 0 is left out, as proto3 wants it.
    fn sample(value: Option<f64>, time: &[u8]) -> Vec<u8> {
        let value = value.map(|value| [vec![1 << 3 | 1], value.to_le_bytes().to_vec()].concat());
        message(2, &[value.unwrap_or_default(), vec![2 << 3], time.to_vec()])
    }

    /// 1000, 2000 and -1 as they are sent.
    const TIMES: [&[u8]; 3] =
        [&[0xe8, 0x07], &[0xd0, 0x0f], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]];

    #[test]
    fn version_1_is_byte_for_byte_what_the_protocol_says() {
        let label = |name, value| message(1, &[text(1, name), text(2, value)]);
        let series = |site, samples: &[Vec<u8>]| {
            let labels = [label("__name__", "suar_record_up"), label("site", site)];
            message(1, &[&labels[..], samples].concat())
        };
        let a = series("A", &[sample(Some(1.0), TIMES[0]), sample(None, TIMES[1])]);
        let b = series("B", &[sample(Some(1.0), TIMES[2])]);
        assert_eq!(unpacked(Version::One), [a, b].concat());
    }

    #[test]
    fn version_2_is_byte_for_byte_what_the_protocol_says() {
        let help = record_families::UP.help;
        let symbols =
            ["", help, "__name__", "suar_record_up", "site", "A", "B"].map(|symbol| text(4, symbol));
        let series = |labels: [u8; 4], samples: &[Vec<u8>]| {
            let labels = message(1, &[labels.to_vec()]);
            // A gauge, whose help is symbol 1.
            let metadata = message(5, &[vec![1 << 3, 2, 3 << 3, 1]]);
            message(5, &[vec![labels], samples.to_vec(), vec![metadata]].concat())
        };
        let a = series([2, 3, 4, 5], &[sample(Some(1.0), TIMES[0]), sample(None, TIMES[1])]);
        let b = series([2, 3, 4, 6], &[sample(Some(1.0), TIMES[2])]);
        assert_eq!(unpacked(Version::Two), [symbols.concat(), a, b].concat());
        // Fields 1 to 3 are version 1's: a receiver that takes one for the other finds nothing.
        assert_eq!(WriteRequest::decode(unpacked(Version::Two).as_slice()), Ok(WriteRequest::default()));
    }
}
