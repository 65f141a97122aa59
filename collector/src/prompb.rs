//! What Prometheus' remote read and remote write (1.0) have in common, by hand: only the fields that are read
//! or written here. Field numbers are those of prompb/types.proto.

use prost::Message;

use crate::history::Labels;

#[derive(Clone, PartialEq, Message)]
pub struct Label {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Sample {
    #[prost(double, tag = "1")]
    pub value: f64,
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
}

pub fn labels(labels: Labels) -> Vec<Label> {
    labels.into_iter().map(|(name, value)| Label { name: name.to_owned(), value }).collect()
}

pub fn samples(samples: Vec<(i64, f64)>) -> Vec<Sample> {
    samples.into_iter().map(|(timestamp, value)| Sample { value, timestamp }).collect()
}

pub fn series(series: Labels, of_it: Vec<(i64, f64)>) -> TimeSeries {
    TimeSeries { labels: labels(series), samples: samples(of_it) }
}
