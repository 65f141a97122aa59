//! The wire seen from outside: what goes in comes out, old bytes decode for ever, hostile bytes do no harm.

use std::net::IpAddr;
use std::path::Path;

use proptest::prelude::*;
use suar_wire::bandwidth::{Bandwidth, Congestion, Direction, Method, TestEnd};
use suar_wire::push::{self, Clock};
use suar_wire::record::{
    Attachment, ClockStep, Disk, Dropped, Ending, Gap, GapReason, Health, Medium, Round, SessionEnd,
    SessionStart, Unknown,
};
use suar_wire::{
    AgentId, Body, BootId, Cause, DataUse, Echo, EchoError, EchoMethod, Epoch, Failure, Month, Note, Outcome,
    PlanFault, PlanRefused, Purpose, Push, PushError, Receipt, Record, Refusal, RefusalReason, Slot,
    SlotWidth, Stamp, Step, Use, Verdict, decode_record, encode_record,
};

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::NotSent),
        any::<u32>().prop_map(|elapsed_us| Outcome::Ok { elapsed_us }),
        prop::sample::select(Failure::ALL).prop_map(Outcome::Failed),
    ]
}

fn echo() -> impl Strategy<Value = Echo> {
    let target = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
        Just(IpAddr::from([1, 1, 1, 1])),
    ];
    let error = prop::option::of(prop::sample::select(EchoError::ALL));
    let rtts = prop::collection::vec(any::<u32>(), 0..6);
    (target, prop::sample::select(EchoMethod::ALL), 0u8..5, any::<u8>(), any::<u8>(), error, rtts).prop_map(
        |(target, method, lost, late, duplicates, error, rtt_us)| Echo {
            target,
            method,
            sent: rtt_us.len() as u8 + lost,
            late,
            duplicates,
            error,
            rtt_us,
        },
    )
}

fn round() -> impl Strategy<Value = Round> {
    let verdict =
        prop_oneof![Just(Verdict::Up), prop::sample::select(Cause::ALL.to_vec()).prop_map(Verdict::Down),];
    let width = prop::sample::select(vec![1u32, 60, 300, 3600])
        .prop_map(|seconds| SlotWidth::from_seconds(seconds).expect("these divide a day"));
    let probes = [outcome(), outcome(), outcome(), outcome(), outcome()];
    (
        any::<i64>(),
        width,
        verdict,
        prop::sample::select(Note::ALL.to_vec()),
        probes,
        prop::collection::vec(echo(), 0..5),
    )
        .prop_map(|(index, width, verdict, note, probes, echoes)| {
            let [gateway, dns, dns_public, online, collector] = probes;
            let slot = Slot { index, width };
            Round { slot, verdict, note, gateway, dns, dns_public, online, collector, echoes }
        })
}

fn data_use() -> impl Strategy<Value = DataUse> {
    let used = prop::collection::btree_map(prop::sample::select(Purpose::ALL), any::<(u64, u64)>(), 0..9);
    let step = prop::sample::select(Step::ALL);
    (0u32..120_000, used, any::<Option<u64>>(), step, any::<Option<bool>>()).prop_map(
        |(month, used, allowance_bytes, step, metered)| DataUse {
            month: Month::from_number(month).expect("before the year 10000"),
            used: used
                .into_iter()
                .map(|(purpose, (sent, received))| Use { purpose, sent, received })
                .collect(),
            allowance_bytes,
            step,
            metered,
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        6 => round().prop_map(Body::Round),
        1 => (any::<Option<u32>>(), any::<Option<u64>>(), any::<Option<i32>>(), any::<u64>(), any::<Option<i64>>(), prop::option::of(attachment()))
            .prop_map(|(cpu, memory, temperature, spool, offset, attachment)| Body::Health(Box::new(Health {
                attachment,
                cpu_permille: cpu,
                memory_total_kib: memory,
                temperature_dc: temperature,
                spool_records: spool,
                spool_bytes_max: memory,
                clock_offset_ms: offset,
                disks: vec![Disk { mount: "/".into(), total_mib: spool, free_mib: 3, read_only: cpu.is_some() }],
                ..Health::default()
            }))),
        1 => (prop::sample::select(Ending::ALL), prop::option::of((any::<[u8; 16]>(), any::<u64>(), any::<i64>())))
            .prop_map(|(previous_ended, last)| Body::SessionStart(SessionStart {
                agent_version: "0.1.0".into(),
                system: "linux x86_64".into(),
                previous_ended,
                previous_last: last.map(|(boot, boot_ms, wall_ms)| Stamp { boot: BootId(boot), boot_ms, wall_ms }),
            })),
        1 => prop::sample::select(Ending::ALL).prop_map(|ending| Body::SessionEnd(SessionEnd { ending })),
        1 => (prop::sample::select(GapReason::ALL), any::<u64>())
            .prop_map(|(reason, from_boot_ms)| Body::Gap(Gap { reason, from_boot_ms })),
        1 => any::<(u64, u64)>().prop_map(|(first, last)| Body::Dropped(Dropped { first, last })),
        1 => any::<i64>().prop_map(|by_ms| Body::ClockStep(ClockStep { by_ms })),
        1 => bandwidth().prop_map(Body::Bandwidth),
        1 => (any::<u32>(), prop::sample::select(PlanFault::ALL), ".{0,75}")
            .prop_map(|(version, fault, reason)| Body::PlanRefused(PlanRefused { version, fault, reason })),
        1 => data_use().prop_map(Body::DataUse),
        1 => prop::collection::vec(any::<u8>(), 0..100).prop_map(|content| unknown(&message_of_kind(1_000, &content)).expect("kind 1000")),
    ]
}

fn attachment() -> impl Strategy<Value = Attachment> {
    let medium = prop::option::of(prop::sample::select(Medium::ALL));
    (medium, any::<Option<u32>>(), any::<Option<bool>>(), any::<Option<u32>>()).prop_map(
        |(medium, speed_mbps, on_mains, battery_percent)| Attachment {
            medium,
            speed_mbps,
            on_mains,
            battery_percent,
        },
    )
}

fn bandwidth() -> impl Strategy<Value = Bandwidth> {
    let how = (
        prop::sample::select(Direction::ALL),
        prop::sample::select(TestEnd::ALL),
        prop::option::of(prop::sample::select(Method::ALL)),
        prop::option::of(prop::sample::select(Congestion::ALL)),
    );
    let rates = any::<[Option<u64>; 4]>();
    let rest = any::<(u64, u32, Option<u32>, Option<u32>, Option<u32>)>();
    (how, rates, rest).prop_map(|((direction, end, method, congestion), rates, rest)| {
        let [rate_bps, prior_bps, cross_bps, burst_bps] = rates;
        let (bytes, elapsed_ms, loss_permille, idle_rtt_us, loaded_rtt_us) = rest;
        Bandwidth {
            direction,
            end,
            method,
            congestion,
            rate_bps,
            bytes,
            elapsed_ms,
            prior_bps,
            cross_bps,
            burst_bps,
            loss_permille,
            idle_rtt_us,
            loaded_rtt_us,
        }
    })
}

/// A protobuf message with one length-delimited field.
fn message_of_kind(tag: u32, content: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    prost::encoding::encode_key(tag, prost::encoding::WireType::LengthDelimited, &mut message);
    prost::encoding::encode_varint(content.len() as u64, &mut message);
    message.extend_from_slice(content);
    message
}

/// As a collector meets it in a push written as JSON.
fn unknown(message: &[u8]) -> Result<Body, serde_json::Error> {
    serde_json::from_value(serde_json::json!({ "kind": "unknown", "message": message }))
}

fn record() -> impl Strategy<Value = Record> {
    let boot = prop::sample::select(vec![BootId([1; 16]), BootId([2; 16]), BootId([255; 16])]);
    (any::<u64>(), boot, any::<u64>(), any::<i64>(), body()).prop_map(
        |(sequence, boot, boot_ms, wall_ms, body)| Record {
            sequence,
            stamp: Stamp { boot, boot_ms, wall_ms },
            body,
        },
    )
}

fn push_of(records: Vec<Record>) -> Push {
    Push {
        agent: AgentId([3; 16]),
        epoch: Epoch([4; 8]),
        plan_version: 7,
        clock: Clock { boot: BootId([1; 16]), boot_ms: 99, wall_ms: -5, last_exchange_ms: Some(640) },
        records,
    }
}

proptest! {
    #[test]
    fn any_record_comes_back_alone(record in record()) {
        prop_assert_eq!(decode_record(&encode_record(&record)), Ok(record));
    }

    #[test]
    fn any_batch_comes_back_as_protobuf_and_as_json(records in prop::collection::vec(record(), 0..12)) {
        let push = push_of(records);
        prop_assert_eq!(Push::decode(&push.encode()), Ok(push.clone()));
        let json = serde_json::to_string(&push).expect("a push is plain data");
        prop_assert_eq!(serde_json::from_str::<Push>(&json).expect("what we wrote"), push);
    }

    #[test]
    fn any_bytes_are_refused_or_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Push::decode(&bytes);
        let _ = decode_record(&bytes);
        let _ = push::decompress(&bytes);
        let _ = Receipt::decode(&bytes);
    }

    #[test]
    fn a_receipt_comes_back(acknowledged in prop::collection::vec(any::<(u64, u64)>(), 0..9), server_ms in any::<i64>()) {
        let refused = vec![Refusal { sequence: 9, reason: RefusalReason::SlotTaken }];
        let receipt = Receipt { acknowledged, refused, server_ms, plan_version: 3 };
        prop_assert_eq!(Receipt::decode(&receipt.encode()), Some(receipt));
    }
}

/// A morning at an office: what a steady agent sends, with one failure and one event in it.
fn morning() -> Push {
    let boot = BootId([0x5a; 16]);
    let start_ms = 1_790_000_040_000i64;
    let mut records = vec![Record {
        sequence: 1,
        stamp: Stamp { boot, boot_ms: 30_000, wall_ms: start_ms - 20_000 },
        body: Body::SessionStart(SessionStart {
            agent_version: "0.1.0".into(),
            system: "linux x86_64".into(),
            previous_ended: Ending::None,
            previous_last: None,
        }),
    }];
    for n in 0..5i64 {
        let down = n == 3;
        let ok = |elapsed_us| Outcome::Ok { elapsed_us };
        records.push(Record {
            sequence: 2 + n as u64,
            stamp: Stamp {
                boot,
                boot_ms: 50_000 + 60_000 * n as u64 + n as u64,
                wall_ms: start_ms + 60_000 * n + n,
            },
            body: Body::Round(Round {
                slot: SlotWidth::STANDARD.slot_at(start_ms + 60_000 * n),
                verdict: if down { Verdict::Down(Cause::Internet) } else { Verdict::Up },
                note: Note::None,
                gateway: ok(900 + 10 * n as u32),
                dns: if n == 0 { ok(41_000) } else { Outcome::NotSent },
                dns_public: if n == 0 { ok(39_500) } else { Outcome::NotSent },
                online: if down { Outcome::Failed(Failure::Timeout) } else { Outcome::NotSent },
                collector: if down { Outcome::Failed(Failure::Timeout) } else { Outcome::NotSent },
                echoes: [[1, 1, 1, 1], [8, 8, 8, 8], [9, 9, 9, 9]]
                    .into_iter()
                    .enumerate()
                    .map(|(at, address)| Echo {
                        target: IpAddr::from(address),
                        method: EchoMethod::Icmp,
                        sent: if down { 2 } else { 1 },
                        late: 0,
                        duplicates: 0,
                        error: None,
                        rtt_us: if down { vec![] } else { vec![38_000 + 1_000 * at as u32 + 137 * n as u32] },
                    })
                    .collect(),
            }),
        });
    }
    push_of(records)
}

/// Renewed with `SUAR_RENEW=1`, which must only ever add files, never change one: agents on islands are
/// updated last.
#[test]
fn version_1_of_the_wire_decodes_for_ever() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let push = morning();
    let bytes = push.encode();
    if std::env::var_os("SUAR_RENEW").is_some() {
        std::fs::write(golden.join("push-v1.bin"), &bytes).expect("golden bytes");
        let json = serde_json::to_string_pretty(&push).expect("plain data");
        std::fs::write(golden.join("push-v1.json"), json + "\n").expect("golden json");
    }
    let kept = std::fs::read(golden.join("push-v1.bin")).expect("push-v1.bin is in the repository");
    let read: Push =
        serde_json::from_slice(&std::fs::read(golden.join("push-v1.json")).expect("push-v1.json"))
            .expect("the golden JSON reads");
    assert_eq!(Push::decode(&kept), Ok(read), "old bytes mean something else now");
    assert_eq!(kept, bytes, "version 1 is written differently now");
}

#[test]
fn no_cut_and_no_flipped_byte_of_a_push_makes_it_panic_or_grow() {
    let bytes = morning().encode();
    for end in 0..bytes.len() {
        // A cut may still be a message (protobuf has no end mark), but never the whole one.
        if let Ok(push) = Push::decode(&bytes[..end]) {
            assert_ne!(push, morning());
        }
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << bit;
            if let Ok(push) = Push::decode(&broken) {
                assert!(push.records.len() <= morning().records.len() + 1);
            }
        }
    }
}

#[test]
fn a_bomb_is_refused_at_the_bound() {
    let bomb = zstd_of(&vec![0u8; push::UNPACKED_BYTES_MAX + 1]);
    assert!(bomb.len() < 2_000);
    assert_eq!(push::decompress(&bomb), Err(PushError::TooLarge));
    let fits = zstd_of(&vec![0u8; push::UNPACKED_BYTES_MAX]);
    assert_eq!(push::decompress(&fits).map(|bytes| bytes.len()), Ok(push::UNPACKED_BYTES_MAX));
}

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    let (packed, is_zstd) = push::compress(bytes.to_vec());
    assert!(is_zstd);
    packed
}

#[test]
fn another_version_says_which() {
    let mut bytes = morning().encode();
    assert_eq!(&bytes[..2], &[0x08, 1], "the version is the first field");
    bytes[1] = 2;
    let error = Push::decode(&bytes).expect_err("version 2 is unknown");
    assert_eq!(error.to_string(), "version 2, this collector understands 1");
}

#[test]
fn a_kind_of_a_later_version_is_kept_whole_and_costs_no_record_beside_it() {
    let mut push = morning();
    let stamp = push.records[0].stamp;
    // A session that ended in a way without a name yet: kind 3, code 99.
    for message in [message_of_kind(1_000, b"wind"), message_of_kind(1_000, &[]), vec![0x18, 99]] {
        let body = unknown(&message).expect("nothing this version knows");
        push.records.push(Record { sequence: 900, stamp, body });
    }
    let read = Push::decode(&push.encode()).expect("a push");
    assert_eq!(read, push);
    assert_eq!(read.encode(), push.encode(), "as it came");
}

#[test]
fn an_unknown_kind_is_bounded_and_cannot_pretend() {
    let longest = message_of_kind(1_000, &vec![7; Unknown::MESSAGE_BYTES_MAX - 4]);
    assert_eq!(longest.len(), Unknown::MESSAGE_BYTES_MAX);
    unknown(&longest).expect("at the bound");
    let refused = [
        (
            message_of_kind(1_000, &vec![7; Unknown::MESSAGE_BYTES_MAX]),
            "unknown record is longer than 4096 bytes",
        ),
        (vec![], "a record has an empty body"),
        (vec![0x18, 2], "this is the message of a known kind"),
        (vec![0xff], "not a protobuf message"),
    ];
    for (message, reason) in refused {
        let error = unknown(&message).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error} instead of {reason}");
    }
}

#[test]
fn more_records_than_allowed_are_refused() {
    let record = Record {
        sequence: 1,
        stamp: Stamp { boot: BootId([0; 16]), boot_ms: 0, wall_ms: 0 },
        body: Body::ClockStep(ClockStep { by_ms: 1 }),
    };
    let bytes = push_of(vec![record; push::RECORDS_MAX + 1]).encode();
    assert!(matches!(Push::decode(&bytes), Err(PushError::Records(_))));
}

/// The size the design counts on; printed, and bounded so that a careless field shows.
#[test]
fn five_minutes_of_a_steady_office_stay_small() {
    let mut push = morning();
    push.records.remove(0);
    let plain = push.encode();
    let (packed, _) = push::compress(plain.clone());
    println!("five rounds: {} bytes, {} compressed", plain.len(), packed.len());
    assert!(packed.len() < 300, "{} bytes", packed.len());
}

/// A look at a machine that tells everything, with its attachment and without.
#[test]
fn what_a_machine_hangs_on_costs_a_few_bytes_in_the_look_that_tells_it() {
    let stamp = Stamp { boot: BootId([9; 16]), boot_ms: 86_400_000, wall_ms: 1_790_000_000_000 };
    let size = |attachment| {
        let disk = Disk { mount: "/".into(), total_mib: 60_000, free_mib: 9_000, read_only: false };
        let health = Health {
            cpu_permille: Some(120),
            memory_total_kib: Some(4_000_000),
            memory_available_kib: Some(1_500_000),
            swap_used_kib: Some(0),
            uptime_s: Some(86_400),
            temperature_dc: Some(512),
            disks: vec![disk],
            interface_rx_bytes: Some(50_000_000),
            interface_tx_bytes: Some(9_000_000),
            interface_errors: Some(0),
            agent_rss_kib: Some(5_200),
            agent_cpu_ms: Some(900),
            spool_records: 5,
            spool_bytes: 65_536,
            spool_bytes_max: Some(33_554_432),
            spool_dropped: 0,
            clock_offset_ms: Some(-250),
            attachment,
        };
        encode_record(&Record { sequence: 1, stamp, body: Body::Health(Box::new(health)) }).len()
    };
    let laptop = Attachment {
        medium: Some(Medium::Cable),
        speed_mbps: Some(1_000),
        on_mains: Some(true),
        battery_percent: Some(97),
    };
    let (without, with) = (size(None), size(Some(laptop)));
    println!("a look at a machine: {without} bytes, {with} with what it hangs on");
    assert!(with - without <= 16, "{} bytes", with - without);
}

#[test]
fn a_medium_of_a_later_version_passes_through() {
    // Field 18 of a look: an attachment whose field 1, the medium, is 77.
    let look = [0x92, 0x01, 2, 0x08, 77];
    unknown(&message_of_kind(1, &look)).expect("kept as it came");
}

/// Fields of a data use record: month, numbers of purposes, step.
fn data_use_message(month: u64, used: &[u64], step: u64) -> Vec<u8> {
    let mut inner = Vec::new();
    prost::encoding::uint64::encode(1, &month, &mut inner);
    prost::encoding::uint64::encode_packed(2, used, &mut inner);
    prost::encoding::uint64::encode(4, &step, &mut inner);
    message_of_kind(7, &inner)
}

#[test]
fn a_purpose_or_step_of_a_later_version_passes_through_and_a_muddled_one_is_refused() {
    let november = u64::from("2026-11".parse::<Month>().expect("a month").number());
    for later in [data_use_message(november, &[1, 10, 20, 77, 1, 1], 4), data_use_message(november, &[], 9)] {
        unknown(&later).expect("kept as it came");
    }
    let refused = [
        (data_use_message(november, &[1, 10, 20, 6, 5, 7], 4), "a known kind"),
        (data_use_message(november, &[6, 1, 1, 1, 1, 1], 1), "not in order"),
        (data_use_message(november, &[1, 1, 1, 1, 1, 1], 1), "not in order"),
        (data_use_message(november, &[1, 1], 1), "not in order"),
        (data_use_message(120_000, &[], 1), "beyond the year 9999"),
    ];
    for (message, reason) in refused {
        let error = unknown(&message).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error} instead of {reason}");
    }
}
