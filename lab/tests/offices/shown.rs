//! What people are shown: the report, the islands, in both languages.

use serde_json::{Value, json};

use super::evidence::{CUT_SLOTS, MENDANAU, Office, SELIU, evidence, island_standing};

#[test]
fn an_island_whose_offices_are_unreliable_is_named_so_everywhere() {
    let Some(evidence) = evidence() else { return };
    assert_eq!(island_standing(&evidence.metrics, SELIU.0).as_deref(), Some("unreliable"));
    assert_ne!(island_standing(&evidence.metrics, MENDANAU.0).as_deref(), Some("unreliable"));

    let islands = evidence.islands["islands"].as_array().expect("a list of islands");
    let seliu = islands.iter().find(|island| island["code"] == SELIU.0).expect("Pulau Seliuk");
    assert_eq!(seliu["standing"], "unreliable", "{seliu}");

    for (report, word) in [(&evidence.report_id, "tidak andal"), (&evidence.report_en, "unreliable")] {
        let line = report.lines().find(|line| line.contains(SELIU.1) && line.to_lowercase().contains(word));
        assert!(line.is_some(), "no line calls {} {word}:\n{report}", SELIU.1);
    }
}

#[test]
fn the_report_says_down_for_the_cut_and_for_nothing_else() {
    let Some(evidence) = evidence() else { return };
    for office in [Office::Killed, Office::Stopped] {
        let site = reported(office);
        assert_eq!(site["down_s"], 0, "{site}");
        assert_eq!(site["outages"], json!([]), "{site}");
    }
    let site = reported(Office::Cut);
    assert_eq!(site["down_s"], CUT_SLOTS, "{site}");
    assert_eq!(site["down_by_cause_s"], json!({ "internet": CUT_SLOTS }), "{site}");
    let outage = json!({
        "start_s": evidence.cut_from,
        "end_s": evidence.cut_from + CUT_SLOTS,
        "cause": "internet",
        "seconds_down": CUT_SLOTS,
    });
    assert_eq!(site["outages"], json!([outage]), "{site}");
}

#[test]
fn each_hole_has_its_own_reason_in_the_report() {
    let Some(evidence) = evidence() else { return };
    let (away_from, away_until) = evidence.agents_away;
    // Whole seconds that nobody can have measured.
    let away_s = (away_until - away_from) / 1_000 - 1;
    for (office, reason) in
        [(Office::Killed, "agent_died"), (Office::Stopped, "agent_stopped"), (Office::Cut, "power_lost")]
    {
        let site = reported(office);
        let reasons = &site["unobserved_by_reason_s"];
        let seconds = reasons[reason].as_i64().unwrap_or_else(|| panic!("no {reason} in {reasons}"));
        // A start takes a few slots more, and the rounds that were under way are lost with the agent.
        assert!(
            (away_s..away_s + 12).contains(&seconds),
            "{office:?}: {seconds} s {reason}, away {away_s} s"
        );
        for other in ["agent_died", "agent_stopped", "power_lost", "powered_off"] {
            assert!(other == reason || reasons[other].is_null(), "{office:?}: {reasons}");
        }
    }
}

/// An office in the JSON report.
fn reported(office: Office) -> &'static Value {
    let sites = evidence().expect("asked before").report["sites"].as_array().expect("a list of sites");
    sites.iter().find(|site| site["site"] == office.site()).expect("every site is in the report")
}
