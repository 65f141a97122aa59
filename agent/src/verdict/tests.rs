//! The decision table, row by row.

use std::net::IpAddr;

use super::*;

const OK: Outcome = Outcome::Ok { elapsed_us: 40_000 };
const UNASKED: Outcome = Outcome::NotSent;

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed(failure)
}

fn echo(answered: bool) -> Echo {
    Echo {
        target: IpAddr::from([192, 0, 2, 1]),
        method: EchoMethod::Icmp,
        sent: 1,
        late: 0,
        duplicates: 0,
        error: None,
        rtt_us: if answered { vec![40_000] } else { Vec::new() },
    }
}

fn refused() -> Echo {
    Echo { sent: 0, error: Some(EchoError::NoPermission), ..echo(false) }
}

fn quiet_round() -> Findings<'static> {
    Findings {
        network: true,
        gateway: OK,
        gateway_seen: true,
        echoes: &[],
        dns: UNASKED,
        dns_public: UNASKED,
        online: UNASKED,
        collector: UNASKED,
        collector_near: false,
        clock_wrong: false,
    }
}

#[test]
fn the_decision_table_holds() {
    let timeout = failed(Failure::Timeout);
    let portal = failed(Failure::WrongAnswer);
    let answered = [echo(false), echo(true)];
    let lost = [echo(false), echo(false)];
    let forbidden = [refused(), refused()];
    let by_tcp = [refused(), Echo { method: EchoMethod::TcpConnect, ..echo(true) }];
    let up = |note| (Verdict::Up, note);
    let down = |cause| (Verdict::Down(cause), Note::None);
    let all_fail = Findings {
        echoes: &lost,
        dns: timeout,
        dns_public: timeout,
        online: timeout,
        collector: timeout,
        ..quiet_round()
    };
    let well = Findings { echoes: &answered, ..quiet_round() };
    let table = [
        ("one of several addresses answers", well, up(Note::None)),
        ("no interface", Findings { network: false, gateway: UNASKED, ..all_fail }, down(Cause::NoNetwork)),
        ("the router is silent", Findings { gateway: timeout, ..all_fail }, down(Cause::Gateway)),
        (
            "the router never answered at this site",
            Findings { gateway: timeout, gateway_seen: false, ..all_fail },
            down(Cause::Internet),
        ),
        ("a line without a router", Findings { gateway: UNASKED, ..all_fail }, down(Cause::Internet)),
        ("the router answers, nothing else", all_fail, down(Cause::Internet)),
        ("no time to confirm", Findings { echoes: &lost, ..quiet_round() }, down(Cause::Internet)),
        (
            "a cached name from the router is no internet",
            Findings { dns: OK, dns_public: OK, ..all_fail },
            down(Cause::Internet),
        ),
        ("a portal that drops pings", Findings { online: portal, ..all_fail }, down(Cause::CaptivePortal)),
        (
            "a portal that lets pings through",
            Findings { online: portal, collector: timeout, ..well },
            down(Cause::CaptivePortal),
        ),
        (
            "a portal that intercepts TLS",
            Findings { online: UNASKED, collector: failed(Failure::CertificateWrong), ..all_fail },
            down(Cause::CaptivePortal),
        ),
        (
            "a portal that answers TLS with a page",
            Findings { online: UNASKED, collector: portal, ..all_fail },
            down(Cause::CaptivePortal),
        ),
        (
            "a wrong online address in the plan is no portal",
            Findings { online: portal, collector: OK, ..well },
            up(Note::None),
        ),
        (
            "a new collector certificate is our trouble",
            Findings { online: OK, collector: failed(Failure::CertificateWrong), ..well },
            up(Note::CollectorUnreachable),
        ),
        (
            "a new collector certificate, without an online check",
            Findings { collector: failed(Failure::CertificateWrong), ..well },
            up(Note::CollectorUnreachable),
        ),
        (
            "the office's resolver is broken",
            Findings { dns: timeout, dns_public: OK, collector: OK, ..well },
            down(Cause::Dns),
        ),
        (
            "the office's resolver denies the name",
            Findings { dns: failed(Failure::NxDomain), dns_public: OK, ..well },
            down(Cause::Dns),
        ),
        (
            "both resolvers fail: the name may be to blame",
            Findings { dns: timeout, dns_public: timeout, collector: OK, ..well },
            up(Note::None),
        ),
        (
            "a resolver that fails while nobody asked another",
            Findings { dns: timeout, ..well },
            up(Note::None),
        ),
        (
            "the collector is away",
            Findings { dns: OK, online: timeout, collector: timeout, ..well },
            up(Note::CollectorUnreachable),
        ),
        (
            "only its TLS port is away",
            Findings { online: OK, collector: failed(Failure::Refused), ..well },
            up(Note::CollectorUnreachable),
        ),
        (
            "the clock is years off",
            Findings { online: OK, collector: failed(Failure::CertificateTime), ..well },
            up(Note::ClockWrong),
        ),
        (
            "the collector's time says so, and it is away now",
            Findings { collector: timeout, clock_wrong: true, ..well },
            up(Note::ClockWrong),
        ),
        (
            "a wrong clock is no reason for anything else",
            Findings { clock_wrong: true, ..all_fail },
            down(Cause::Internet),
        ),
        (
            "pings are dropped on the way",
            Findings { online: OK, collector: OK, ..all_fail },
            up(Note::IcmpUnavailable),
        ),
        (
            "pings are dropped, the collector answers",
            Findings { collector: OK, ..all_fail },
            up(Note::IcmpUnavailable),
        ),
        (
            "pings are forbidden, the collector is away, a public resolver answers",
            Findings { echoes: &forbidden, dns: OK, dns_public: OK, ..all_fail },
            up(Note::CollectorUnreachable),
        ),
        (
            "pings are forbidden, TCP connects",
            Findings { echoes: &by_tcp, ..quiet_round() },
            up(Note::IcmpUnavailable),
        ),
        (
            "only a collector in the same building answers",
            Findings { online: OK, collector: OK, collector_near: true, ..all_fail },
            down(Cause::Internet),
        ),
        (
            "a collector in the same building, and the internet",
            Findings { online: OK, collector: OK, collector_near: true, ..well },
            up(Note::None),
        ),
        (
            "pings are forbidden, TCP connects to a collector in the same building",
            Findings { echoes: &by_tcp, collector_near: true, ..quiet_round() },
            down(Cause::Internet),
        ),
        (
            "the same, and a public resolver answers",
            Findings { echoes: &by_tcp, dns_public: OK, collector_near: true, ..quiet_round() },
            up(Note::IcmpUnavailable),
        ),
        (
            "pings are forbidden, nothing answers",
            Findings { echoes: &forbidden, ..all_fail },
            down(Cause::Internet),
        ),
    ];
    for (row, found, expect) in table {
        assert_eq!(judge(&found), expect, "{row}");
    }
}

#[test]
fn the_shown_state_changes_after_two_equal_results() {
    let down = Verdict::Down(Cause::Internet);
    let mut debounce = Debounce::default();
    assert_eq!(debounce.observe(Verdict::Up), None);
    assert_eq!(debounce.shown(), Some(Verdict::Up), "the first result is shown at once");
    assert_eq!(debounce.observe(down), None, "one bad slot");
    assert_eq!(debounce.observe(Verdict::Up), None);
    assert_eq!(debounce.observe(down), None);
    assert_eq!(debounce.observe(down), Some(Verdict::Up), "two in a row");
    assert_eq!(debounce.observe(Verdict::Down(Cause::Gateway)), None);
    assert_eq!(debounce.shown(), Some(down));
    assert_eq!(debounce.observe(Verdict::Up), None);
    assert_eq!(debounce.observe(Verdict::Up), Some(down));
}
