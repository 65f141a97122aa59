//! Where an ndt7 server is: `wss://HOST[:PORT]`, or the whole address of one test as M-Lab's locator hands it out,
//! token and all.

use hyper::http::Uri;
use suar_wire::bandwidth::Direction;

use crate::server::Server;

/// Longest query that the specification allows.
const QUERY_BYTES_MAX: usize = 4_096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub server: Server,
    /// As requests name it.
    pub authority: String,
    /// Path and query of the one test that it is the address of; else both have their usual paths.
    only: Option<(Direction, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAddress {
    /// Not `wss://`.
    Scheme,
    /// Neither that of a download nor that of an upload.
    Path,
    /// The query is too long.
    Query,
    /// It names no server.
    Server,
    /// It is the address of a test of the other direction than was asked for.
    OtherDirection,
}

fn path(direction: Direction) -> &'static str {
    match direction {
        Direction::Download => "/ndt/v7/download",
        Direction::Upload => "/ndt/v7/upload",
    }
}

impl Address {
    pub fn parse(text: &str) -> Result<Self, NoAddress> {
        let (scheme, rest) = text.split_once("://").ok_or(NoAddress::Scheme)?;
        if !scheme.eq_ignore_ascii_case("wss") {
            return Err(NoAddress::Scheme);
        }
        if rest.split_once('?').is_some_and(|(_, query)| query.len() > QUERY_BYTES_MAX) {
            return Err(NoAddress::Query);
        }
        let uri: Uri = text.parse().map_err(|_| NoAddress::Server)?;
        let authority = uri.authority().ok_or(NoAddress::Server)?.as_str().to_owned();
        // Whoever has a name and a password in an address expects them to be used.
        if authority.contains('@') {
            return Err(NoAddress::Server);
        }
        let server = Server::parse(&authority, 443).filter(|server| !server.host.is_empty());
        let server = server.ok_or(NoAddress::Server)?;
        let only = match uri.path() {
            "" | "/" if uri.query().is_none() => None,
            asked => {
                let direction = Direction::ALL.iter().copied().find(|way| path(*way) == asked);
                let whole = uri.path_and_query().map_or(asked, |whole| whole.as_str());
                Some((direction.ok_or(NoAddress::Path)?, whole.to_owned()))
            }
        };
        Ok(Self { server, authority, only })
    }

    /// The directions that can be tested there, of those that were asked for; `None`: all.
    pub fn directions(&self, asked: Option<Direction>) -> Result<Vec<Direction>, NoAddress> {
        match (asked, self.only.as_ref().map(|(only, _)| *only)) {
            (None, None) => Ok(Direction::ALL.to_vec()),
            (Some(one), None) | (None, Some(one)) => Ok(vec![one]),
            (Some(asked), Some(only)) if asked == only => Ok(vec![only]),
            _ => Err(NoAddress::OtherDirection),
        }
    }

    pub fn path_and_query(&self, direction: Direction) -> &str {
        match &self.only {
            Some((only, whole)) if *only == direction => whole,
            _ => path(direction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_alone_is_tested_both_ways_and_a_whole_address_in_its_own() {
        let both = Address::parse("wss://ndt.example:4443").expect("an address");
        assert_eq!((both.server.host.as_str(), both.server.port), ("ndt.example", 4443));
        assert_eq!(both.directions(None).as_deref(), Ok(Direction::ALL));
        assert_eq!(both.directions(Some(Direction::Upload)), Ok(vec![Direction::Upload]));
        assert_eq!(both.path_and_query(Direction::Upload), "/ndt/v7/upload");
        let one = Address::parse("wss://[2001:db8::1]/ndt/v7/upload?access_token=a.b").expect("an address");
        assert_eq!((one.server.host.as_str(), one.server.port), ("2001:db8::1", 443));
        assert_eq!(one.directions(None), Ok(vec![Direction::Upload]));
        assert_eq!(one.directions(Some(Direction::Download)), Err(NoAddress::OtherDirection));
        assert_eq!(one.path_and_query(Direction::Upload), "/ndt/v7/upload?access_token=a.b");
    }

    #[test]
    fn what_is_no_address_is_told_why() {
        let long = format!("wss://h/ndt/v7/upload?{}", "x".repeat(5_000));
        for (text, why) in [
            ("ws://ndt.example", NoAddress::Scheme),
            ("https://ndt.example", NoAddress::Scheme),
            ("ndt.example", NoAddress::Scheme),
            ("", NoAddress::Scheme),
            ("wss://ndt.example/ndt/v7/ping", NoAddress::Path),
            ("wss://ndt.example/?a=b", NoAddress::Path),
            ("wss://user:secret@ndt.example", NoAddress::Server),
            ("wss://", NoAddress::Server),
            ("wss://:443", NoAddress::Server),
            ("wss://two words", NoAddress::Server),
            (&long, NoAddress::Query),
        ] {
            assert_eq!(Address::parse(text), Err(why), "{text}");
        }
    }
}
