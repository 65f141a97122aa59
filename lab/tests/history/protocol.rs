//! Remote read by hand: both forms of an answer, who may ask, and what is said to bad input.

use std::collections::BTreeMap;

use prost::Message;
use suar_lab::programs::{Answer, Collector};

use super::plain_promql::where_label;
use super::truth::{DAY_S, Labels, Plain, Series};
use super::{READER_TOKEN, serving_a_week};

#[derive(Clone, PartialEq, Message)]
struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<Query>,
    #[prost(int32, repeated, tag = "2")]
    accepted: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct Query {
    #[prost(int64, tag = "1")]
    start_ms: i64,
    #[prost(int64, tag = "2")]
    end_ms: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<Matcher>,
}

#[derive(Clone, PartialEq, Message)]
struct Matcher {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    results: Vec<QueryResult>,
}

#[derive(Clone, PartialEq, Message)]
struct QueryResult {
    #[prost(message, repeated, tag = "1")]
    series: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ChunkedReadResponse {
    #[prost(message, repeated, tag = "1")]
    series: Vec<ChunkedSeries>,
    #[prost(int64, tag = "2")]
    query_index: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ChunkedSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    chunks: Vec<Chunk>,
}

#[derive(Clone, PartialEq, Message)]
struct Chunk {
    #[prost(int64, tag = "1")]
    min_ms: i64,
    #[prost(int64, tag = "2")]
    max_ms: i64,
    #[prost(int32, tag = "3")]
    encoding: i32,
    #[prost(bytes = "vec", tag = "4")]
    data: Vec<u8>,
}

fn query(start_s: i64, end_s: i64, matchers: &[(i32, &str, &str)]) -> Query {
    let matcher = |(kind, name, value): &(i32, &str, &str)| Matcher {
        kind: *kind,
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    Query { start_ms: start_s * 1000, end_ms: end_s * 1000, matchers: matchers.iter().map(matcher).collect() }
}

fn packed(request: &ReadRequest) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("it fits")
}

fn ask(collector: &Collector<'_>, token: Option<&str>, body: &[u8]) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
    headers.extend(bearer.as_ref().map(|bearer| ("authorization", bearer.as_str())));
    let client = collector.client().expect("a certificate");
    client.post(None, "/api/v1/read", &headers, body).expect("an answer and no broken connection")
}

type Found = Vec<(Labels, Vec<(i64, u64)>)>;

fn labels(labels: Vec<Label>) -> Labels {
    assert!(labels.is_sorted_by(|a, b| a.name < b.name), "{labels:?}");
    labels.into_iter().map(|label| (label.name, label.value)).collect()
}

fn plain_answer(answer: &Answer) -> Vec<Found> {
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (200, "application/x-protobuf"),
        "{}",
        answer.text()
    );
    let bytes = snap::raw::Decoder::new().decompress_vec(&answer.body).expect("snappy");
    let results = ReadResponse::decode(bytes.as_slice()).expect("a ReadResponse").results;
    let samples = |samples: Vec<Sample>| {
        samples.into_iter().map(|sample| (sample.timestamp, sample.value.to_bits())).collect()
    };
    let of = |result: QueryResult| {
        result.series.into_iter().map(|series| (labels(series.labels), samples(series.samples))).collect()
    };
    results.into_iter().map(of).collect()
}

/// Takes the frames apart: length, checksum, message; chunks of a series in order.
fn streamed_answer(answer: &Answer, queries: usize) -> Vec<Found> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.content_type, "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    let mut results: Vec<Found> = vec![Vec::new(); queries];
    let mut rest = answer.body.as_slice();
    while !rest.is_empty() {
        let length = prost::encoding::decode_varint(&mut rest).expect("a length") as usize;
        let (checksum, after) = rest.split_at(4);
        let (message, after) = after.split_at(length);
        assert_eq!(crc32c::crc32c(message).to_be_bytes(), checksum, "the checksum of a frame");
        rest = after;
        let frame = ChunkedReadResponse::decode(message).expect("a ChunkedReadResponse");
        let result = &mut results[frame.query_index as usize];
        for series in frame.series {
            let mut samples = Vec::new();
            for chunk in series.chunks {
                assert_eq!(chunk.encoding, 1, "XOR");
                let unpacked = unpack(&chunk.data);
                assert_eq!((unpacked[0].0, unpacked[unpacked.len() - 1].0), (chunk.min_ms, chunk.max_ms));
                samples.extend(unpacked);
            }
            let labels = labels(series.labels);
            match result.last_mut().filter(|(before, _)| *before == labels) {
                Some((_, before)) => before.extend(samples),
                None => result.push((labels, samples)),
            }
        }
    }
    for result in &results {
        let order: Vec<Vec<_>> = result.iter().map(|(labels, _)| labels.iter().collect()).collect();
        assert!(order.is_sorted_by(|a, b| a < b), "series come sorted, each once");
    }
    results
}

/// An XOR chunk bit by bit, from the format's description.
fn unpack(bytes: &[u8]) -> Vec<(i64, u64)> {
    let count = u16::from_be_bytes([bytes[0], bytes[1]]);
    let mut bits = bytes[2..].iter().flat_map(|byte| (0..8).rev().map(move |at| u64::from(byte >> at & 1)));
    let mut take = |width: u32| (0..width).fold(0u64, |value, _| value << 1 | bits.next().expect("a bit"));
    fn uvarint(take: &mut impl FnMut(u32) -> u64) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = take(8);
            value |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }
    let mut samples: Vec<(i64, u64)> = Vec::new();
    let (mut step, mut width, mut shift) = (0i64, 0, 0);
    for at in 0..count {
        let Some(&(time, mut value)) = samples.last() else {
            let zigzag = uvarint(&mut take);
            samples.push(((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64), take(64)));
            continue;
        };
        if at == 1 {
            step = uvarint(&mut take) as i64;
        } else {
            let ones = (0..4).take_while(|_| take(1) == 1).count();
            let (bits, sign) =
                ([0u32, 14, 17, 20, 64][ones], [0u64, 1 << 13, 1 << 16, 1 << 19, u64::MAX][ones]);
            let raw = take(bits);
            step += if raw > sign { raw as i64 - (1 << bits) } else { raw as i64 };
        }
        if take(1) == 1 {
            if take(1) == 1 {
                let leading = take(5) as u32;
                width = [take(6) as u32].map(|width| if width == 0 { 64 } else { width })[0];
                shift = 64 - leading - width;
            }
            value ^= take(width) << shift;
        }
        samples.push((time + step, value));
    }
    samples
}

fn expected(name: &str, series: Vec<Series>, from_s: i64, to_s: i64) -> BTreeMap<Labels, Vec<(i64, u64)>> {
    const STALE: u64 = 0x7ff0_0000_0000_0002;
    let range = from_s * 1000..=to_s * 1000;
    let points = |series: &Series| {
        let inside = series.points.iter().filter(|(ms, _)| range.contains(ms));
        inside.map(|(ms, value)| (*ms, value.map_or(STALE, f64::to_bits))).collect::<Vec<_>>()
    };
    let mut all = BTreeMap::new();
    for series in series {
        let mut labels = series.labels.clone();
        labels.insert("__name__".to_owned(), name.to_owned());
        let points = points(&series);
        // The end of what lies before the range is not part of it.
        let points: Vec<_> = points.iter().copied().skip_while(|(_, value)| *value == STALE).collect();
        if !points.is_empty() {
            all.insert(labels, points);
        }
    }
    all
}

#[test]
fn both_forms_say_the_same_and_bad_questions_are_refused_counted_and_harmless() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut collector, truth) = serving_a_week(directory.path());
    let plain = Plain::new(&truth, 1);
    let (from, to) = (truth.start_s + DAY_S + 4_000, truth.start_s + 3 * DAY_S + 5_000);
    let queries = vec![
        query(from, to, &[(0, "__name__", "suar_history_site_up"), (2, "site", "19\\.02.*")]),
        query(from, to, &[(2, "__name__", "suar_history_(rtt_seconds|site_down_cause)")]),
        query(from, to, &[(0, "__name__", "suar_history_site_up"), (0, "site", "nobody")]),
    ];
    let up = where_label(plain.up(), "site", |site| site.starts_with("19.02"));
    let mut both =
        expected("suar_history_rtt_seconds", plain.rtt(suar_wire::outcome::EchoMethod::Icmp), from, to);
    both.append(&mut expected("suar_history_site_down_cause", plain.down_cause(), from, to));
    let wanted = [expected("suar_history_site_up", up, from, to), both, BTreeMap::new()];
    let token = Some(READER_TOKEN);
    // Nothing, samples, an unknown form first, chunks first.
    for accepted in [vec![], vec![0], vec![9, 1], vec![1, 0]] {
        let request = ReadRequest { queries: queries.clone(), accepted: accepted.clone() };
        let answer = ask(&collector, token, &packed(&request));
        let found = if accepted.contains(&1) { streamed_answer(&answer, 3) } else { plain_answer(&answer) };
        for (at, (found, wanted)) in found.into_iter().zip(&wanted).enumerate() {
            let count = found.len();
            let found: BTreeMap<_, _> = found.into_iter().collect();
            assert_eq!(count, found.len(), "each series once");
            for (labels, points) in wanted {
                assert_eq!(found.get(labels), Some(points), "query {at}, accepted {accepted:?}: {labels:?}");
            }
            assert_eq!(found.len(), wanted.len(), "query {at}, accepted {accepted:?}");
        }
    }

    let good = packed(&ReadRequest { queries: queries.clone(), accepted: vec![1] });
    let one = |query: Query| packed(&ReadRequest { queries: vec![query], accepted: vec![1] });
    let year = |matchers| query(truth.end_s() - 366 * DAY_S, truth.end_s(), matchers);
    let snappy = |bytes: &[u8]| snap::raw::Encoder::new().compress_vec(bytes).expect("it fits");
    // A snappy block that says it holds 4 GiB.
    let mut liar = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    liar.extend_from_slice(&[0; 50]);
    let deep = (0..20_000).fold(Vec::new(), |_, _| vec![0x0a, 0x02, 0x0a, 0x00]);
    let long = "x".repeat(100_000);
    let many = vec![(0, "site", "x"); 65];
    let cases: Vec<(&str, u16, Vec<u8>)> = vec![
        ("no snappy", 400, b"hello".to_vec()),
        ("nothing at all", 400, Vec::new()),
        ("cut off", 400, good[..good.len() - 3].to_vec()),
        ("a lie about its length", 413, liar),
        ("a bomb", 413, snappy(&vec![0; 8 << 20])),
        ("too large", 413, vec![7; 300_000]),
        ("no protobuf", 400, snappy(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
        ("half a million empty queries", 400, snappy(&[0x0a, 0x00].repeat(500_000))),
        ("messages in messages", 400, snappy(&deep.repeat(2_000))),
        ("no matchers over a year", 400, one(year(&[]))),
        ("every name over a year", 400, one(year(&[(2, "__name__", ".+")]))),
        ("all of time", 400, one(Query { start_ms: i64::MIN, end_ms: i64::MAX, matchers: vec![] })),
        ("an unknown kind of matcher", 400, one(query(from, to, &[(9, "site", "x")]))),
        ("no pattern", 400, one(query(from, to, &[(2, "site", "((")]))),
        ("a pattern that explodes", 400, one(query(from, to, &[(2, "site", "((a{100}){100}){100}")]))),
        ("a long value", 400, one(query(from, to, &[(0, "site", &long)]))),
        ("many matchers", 400, one(query(from, to, &many))),
        ("no form that is known", 400, packed(&ReadRequest { queries: queries.clone(), accepted: vec![7] })),
    ];
    let before = resident_kib(&mut collector);
    for (what, status, body) in &cases {
        let answer = ask(&collector, token, body);
        assert_eq!(answer.status, *status, "{what}: {}", answer.text());
        assert!(answer.content_type.starts_with("text/plain"), "{what}: {}", answer.content_type);
        let said = answer.text();
        assert!(
            said.len() < 500 && said.trim_end().lines().count() == 1 && said.len() > 10,
            "{what}: {said}"
        );
    }
    assert_eq!(ask(&collector, None, &good).status, 401, "no token");
    assert_eq!(ask(&collector, Some("somebody"), &good).status, 403, "a wrong token");
    let after = resident_kib(&mut collector);
    assert!(after < before + 64 * 1024, "{before} KiB became {after} KiB");

    // A range turned round, a year without a series and names of others are empty and no error.
    for empty in [
        query(to, from, &[(0, "__name__", "suar_history_site_up")]),
        query(from, to, &[(0, "__name__", "node_load1")]),
        query(from, to, &[(0, "__name__", "suar_history_site_up"), (0, "agent", "x")]),
        year(&[(0, "__name__", "suar_history_site_up"), (0, "site", "nobody")]),
    ] {
        assert_eq!(streamed_answer(&ask(&collector, token, &one(empty)), 1), [vec![]]);
    }
    let bearer = format!("Bearer {READER_TOKEN}");
    let client = collector.client().expect("a certificate");
    let metrics = client
        .send(None, "/metrics", |client, url| client.get(url).header("authorization", bearer))
        .expect("metrics")
        .text();
    for line in [
        "suar_collector_remote_reads_total{status=\"400\",reason=\"malformed\"}",
        "suar_collector_remote_reads_total{status=\"400\",reason=\"range_too_long\"} 3",
        "suar_collector_remote_reads_total{status=\"400\",reason=\"matcher\"} 5",
        "suar_collector_remote_reads_total{status=\"413\",reason=\"too_large\"} 3",
        "suar_collector_remote_reads_total{status=\"200\",reason=\"ok\"}",
        "suar_collector_remote_read_samples_total{response=\"chunks\"}",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    assert!(!collector.process().expect("it runs").log().contains("panicked"));
}

fn resident_kib(collector: &mut Collector<'_>) -> u64 {
    collector.process().expect("it runs").resident_kib().expect("the kernel's account")
}
