//! What the collector has not acknowledged, as a sealed file. Reads the spool from beside it and changes nothing.

use std::path::Path;

use suar_wire::carried::{Head, Key, Packing};
use suar_wire::push::{Clock, RECORDS_MAX, UNPACKED_BYTES_MAX};
use suar_wire::{Push, Record, decode_record};

use crate::clock::Clocks;
use crate::identity::Identity;
use crate::spool::Beside;

/// Most bytes of payloads in one push: as for pushes over the wire, columns may take twice that.
const PAYLOAD_BYTES_MAX: usize = UNPACKED_BYTES_MAX / 2;

/// The file's bytes and how many records are in them; `None` when nothing waits.
pub fn sealed(
    spool: &Path,
    identity: &Identity,
    plan_version: u32,
) -> anyhow::Result<Option<(Vec<u8>, u64)>> {
    let Some(packing) = pack(spool, identity, plan_version)?.filter(|packing| packing.records() > 0) else {
        return Ok(None);
    };
    let records = packing.records();
    Ok(Some((packing.seal(&Key::of_token(identity.token.reveal()))?, records)))
}

fn pack(spool: &Path, identity: &Identity, plan_version: u32) -> anyhow::Result<Option<Packing>> {
    let Some(spool) = Beside::open(spool)? else { return Ok(None) };
    let made = Clocks::system().now();
    let clock =
        Clock { boot: made.boot, boot_ms: made.boot_ms, wall_ms: made.wall_ms, last_exchange_ms: None };
    let (agent, epoch) = (identity.agent, spool.epoch());
    let mut packing = Packing::new(Head { agent, epoch, made })?;
    let mut add = |records: &mut Vec<Record>| {
        let records = std::mem::take(records);
        packing.add(&Push { agent, epoch, plan_version, clock, records })
    };
    let (mut records, mut bytes) = (Vec::new(), 0);
    for segment in spool.segments() {
        for (sequence, payload) in segment? {
            // What this version cannot read stays with the agent, which tells of it.
            let Ok(record) = decode_record(&payload) else { continue };
            if records.len() == RECORDS_MAX || bytes + payload.len() > PAYLOAD_BYTES_MAX {
                add(&mut records)?;
                bytes = 0;
            }
            bytes += payload.len();
            // The spool's number is the record's identity, whatever the payload says.
            records.push(Record { sequence, ..record });
        }
    }
    if !records.is_empty() {
        add(&mut records)?;
    }
    Ok(Some(packing))
}
