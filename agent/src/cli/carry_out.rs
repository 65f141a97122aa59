//! `suar-agent carry-out`: what the collector has not acknowledged as a sealed file, for an office whose link
//! stays away. Works beside a running agent; the agent keeps its records and sends them again later, which
//! the collector then knows already.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use suar_wire::carried::{self, Head, Key, Packing};
use suar_wire::push::{Clock, RECORDS_MAX, UNPACKED_BYTES_MAX};
use suar_wire::{Push, Record, decode_record};

use super::{EXIT_TROUBLE, words};
use crate::clock::Clocks;
use crate::config::Config;
use crate::files;
use crate::identity::Identity;
use crate::language::Language;
use crate::run;
use crate::spool::Beside;

/// Most bytes of payloads in one push: as for pushes over the wire, columns may take twice that.
const PAYLOAD_BYTES_MAX: usize = UNPACKED_BYTES_MAX / 2;

pub fn execute(config: &Config, language: Language, file: &Path) -> ExitCode {
    match carry_out(config, language, file) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", words::cannot_carry(language, &error));
            ExitCode::from(EXIT_TROUBLE)
        }
    }
}

fn carry_out(config: &Config, language: Language, file: &Path) -> anyhow::Result<String> {
    let identity = run::read_identity(&config.state)?;
    if would_replace(file) {
        bail!(words::would_replace(language, file));
    }
    let Some(packing) = pack(config, &identity)?.filter(|packing| packing.records() > 0) else {
        return Ok(words::nothing_to_carry(language));
    };
    let records = packing.records();
    let bytes = packing.seal(&Key::of_token(identity.token.reveal()))?;
    let path = std::path::absolute(file).with_context(|| file.display().to_string())?;
    files::replace(&path, &bytes).with_context(|| file.display().to_string())?;
    Ok(words::carried_out(language, &identity, file, records))
}

/// An older file of the same kind is replaced; anything else was named by mistake.
fn would_replace(file: &Path) -> bool {
    let mut start = Vec::new();
    match std::fs::File::open(file).and_then(|file| file.take(16).read_to_end(&mut start)) {
        Ok(_) => !carried::is_carried(&start),
        Err(_) => file.exists(),
    }
}

fn pack(config: &Config, identity: &Identity) -> anyhow::Result<Option<Packing>> {
    let Some(spool) = Beside::open(&config.spool())? else { return Ok(None) };
    let made = Clocks::system().now();
    let clock =
        Clock { boot: made.boot, boot_ms: made.boot_ms, wall_ms: made.wall_ms, last_exchange_ms: None };
    let (agent, epoch) = (identity.agent, spool.epoch());
    let plan_version = run::read_plan(&config.state)?.version;
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
