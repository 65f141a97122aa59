//! What is said of tests with somebody else's server.

use std::path::Path;

use super::direction_name;
use crate::bandwidth::ndt7::{CertificateFault, Cost, End, Found, NoAddress, NoTrust, Refused};
use crate::cli::words::picture::mbps;
use crate::cli::words::{mb, mb_of_all};

pub fn ndt7_no_address(why: NoAddress) -> String {
    match why {
        NoAddress::Scheme => {
            "Name the ndt7 server as wss://HOST or wss://HOST:PORT; nothing else is encrypted."
        }
        NoAddress::Path => {
            "This is no address of ndt7: after the server comes nothing, /ndt/v7/download or /ndt/v7/upload."
        }
        NoAddress::Query => "What follows the ? of this address is longer than ndt7 allows (4096 bytes).",
        NoAddress::Server => {
            "This address names no server; it is to look like wss://HOST or wss://HOST:PORT."
        }
        NoAddress::OtherDirection => "This is the address of a test of the other direction.",
    }
    .to_owned()
}

pub fn ndt7_no_trust(file: &Path, why: &NoTrust) -> String {
    let file = file.display();
    match why {
        NoTrust::Missing => format!("There is no file {file}."),
        NoTrust::Unreadable(error) => format!("{file} cannot be read: {error}."),
        NoTrust::NoCertificate => format!("{file} has no certificate of an authority in PEM."),
    }
}

pub fn ndt7_costs(server: &str, costs: &[Cost]) -> String {
    let mut text = format!("ndt7 fills the line for ten seconds in each direction. Server: {server}\n");
    for cost in costs {
        let direction = direction_name(cost.direction);
        let most = mb(cost.bound_bytes);
        text += &match cost.expected_bytes.zip(cost.believed_bps) {
            Some((expected, bps)) => {
                format!(
                    "  {direction}: about {}, at most {most} (earlier tests: {})\n",
                    mb(expected),
                    mbps(bps)
                )
            }
            None => format!("  {direction}: at most {most} (nothing is known of this line)\n"),
        };
    }
    let all = mb_of_all(costs, |cost| cost.bound_bytes);
    let ours = mb_of_all(costs, |cost| cost.ours_bytes);
    text + &format!("Altogether at most {all}. Tests of Suar's own (without --ndt7) cost about {ours}.\n")
}

pub fn ndt7_ask() -> String {
    "Shall it be done? [y/N]".to_owned()
}

pub fn ndt7_not_agreed() -> String {
    "Nothing was sent.".to_owned()
}

pub fn ndt7_nobody_to_ask() -> String {
    "Nothing was sent: there is nobody to ask here; whoever agrees to this cost adds --yes.".to_owned()
}

pub fn ndt7_refused(server: &str, why: &Refused) -> String {
    match why {
        Refused::Name => format!("The name of the server {server} cannot be resolved."),
        Refused::Connect(error) => format!("The server {server} cannot be reached: {error}."),
        Refused::Certificate(CertificateFault::UnknownAuthority) => format!(
            "The certificate of {server} is from no authority that is known here; that of a private server is named with --ca FILE."
        ),
        Refused::Certificate(CertificateFault::OtherName) => {
            format!("The certificate of {server} is for another name.")
        }
        Refused::Certificate(CertificateFault::Time) => {
            format!("The certificate of {server} is not valid now, or the clock of this machine is wrong.")
        }
        Refused::Certificate(CertificateFault::Other(error)) => {
            format!("The certificate of {server} cannot be used: {error}.")
        }
        Refused::Tls => format!("What answers at {server} speaks no TLS."),
        Refused::Status(status) => {
            format!("The server {server} begins no test: it answers {}.", status.as_u16())
        }
        Refused::NotNdt7 => format!("What answers at {server} is no ndt7 server."),
        Refused::Timeout => format!("The server {server} did not begin within 20 seconds."),
        Refused::Random => "The system gives no random numbers.".to_owned(),
    }
}

pub fn ndt7_found(found: &Found) -> String {
    let direction = direction_name(found.cost.direction);
    let cost = format!("{}, {:.1} s", mb(found.bytes), f64::from(found.elapsed_ms) / 1000.0);
    let why = match found.end {
        End::Complete | End::Bound => "nothing arrived",
        End::BrokenOff => "failed, the connection broke off during the test",
        End::Silent => "failed, the server began a test and then did nothing",
        End::Protocol => "failed, what the server sent is no ndt7",
    };
    let Some(rate_bps) = found.rate_bps else { return format!("{direction}: {why} ({cost})\n") };
    let mut text = format!("{direction}: {} ({cost})\n", mbps(rate_bps));
    if found.end == End::Bound {
        text += "  ! Cut off at what it may cost: the figure is that of a shorter test.\n";
    }
    if !found.by_receiver {
        text +=
            "  ! The server did not say what arrived: the figure is what was sent, and somewhat too high.\n";
    }
    text
}

pub fn ndt7_explained() -> String {
    "ndt7 counts without headers, about 4 % less than Suar does. This stays here; its cost counts as data used."
        .to_owned()
}
