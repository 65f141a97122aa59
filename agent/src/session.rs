//! Sessions: the agent's run from start to stop. The first record of a session explains the silence before
//! it, the last one says goodbye.

use suar_wire::record::{Ending, SessionEnd, SessionStart};
use suar_wire::{Body, Stamp, decode_record};

#[cfg(unix)]
#[path = "session_linux.rs"]
mod system;
#[cfg(windows)]
#[path = "session_windows.rs"]
mod system;

pub use system::os_is_stopping;

/// How the session before ended, told from the newest record that is on disk. A record that cannot be read
/// is still a record: somebody wrote it and did not say goodbye.
pub fn previous(last: Option<&[u8]>) -> (Ending, Option<Stamp>) {
    match last.map(decode_record) {
        None => (Ending::None, None),
        Some(Err(error)) => {
            tracing::warn!(%error, "the newest record in the spool cannot be read");
            (Ending::Abrupt, None)
        }
        Some(Ok(record)) => match record.body {
            Body::SessionEnd(SessionEnd { ending }) => (ending, Some(record.stamp)),
            _ => (Ending::Abrupt, Some(record.stamp)),
        },
    }
}

pub fn start(last: Option<&[u8]>) -> Body {
    let (previous_ended, previous_last) = previous(last);
    Body::SessionStart(SessionStart {
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        previous_ended,
        previous_last,
    })
}

pub fn end(os_stops: bool) -> Body {
    Body::SessionEnd(SessionEnd { ending: if os_stops { Ending::OsShutdown } else { Ending::Clean } })
}

#[cfg(test)]
mod tests {
    use suar_wire::record::ClockStep;
    use suar_wire::{BootId, Record, encode_record};

    use super::*;

    const STAMP: Stamp = Stamp { boot: BootId([1; 16]), boot_ms: 5_000, wall_ms: 7_000 };

    fn bytes(body: Body) -> Vec<u8> {
        encode_record(&Record { sequence: 3, stamp: STAMP, body })
    }

    #[test]
    fn the_newest_record_tells_how_the_session_before_ended() {
        assert_eq!(previous(None), (Ending::None, None));
        assert_eq!(previous(Some(&bytes(end(false)))), (Ending::Clean, Some(STAMP)));
        assert_eq!(previous(Some(&bytes(end(true)))), (Ending::OsShutdown, Some(STAMP)));
        let cut_off = bytes(Body::ClockStep(ClockStep { by_ms: 5_000 }));
        assert_eq!(previous(Some(&cut_off)), (Ending::Abrupt, Some(STAMP)));
        assert_eq!(previous(Some(b"no record")), (Ending::Abrupt, None));
    }

    #[test]
    fn a_session_start_fits_its_bounds() {
        let Body::SessionStart(start) = start(None) else { panic!("another kind") };
        assert!(start.agent_version.len() <= SessionStart::TEXT_BYTES_MAX);
        assert!(start.system.len() <= SessionStart::TEXT_BYTES_MAX);
        assert_eq!(start.previous_ended, Ending::None);
    }
}
