//! Sites with their versions, agents, plans, joining, other versions of the store, and backups.

use suar_wire::joining::JoinRefusal;
use suar_wire::release::Offer;
use suar_wire::{DataUse, Plan, Purpose, SiteCode, Step, Use};

use super::*;
use crate::audience::Audience;
use crate::rollout::{Rollout, StagedPlan};
use crate::store::{backup, retire};

#[test]
fn a_site_is_what_it_was_at_the_time() {
    let bench = Bench::new();
    let mut site = bench.reader().sites().expect("sites").remove(0);
    site.provider = "Lintas".to_owned();
    Admin::open(bench.dir.path()).expect("it opens").put_sites(&[site.clone()], 5_000).expect("a version");
    let provider = |at_ms| bench.reader().sites_at(at_ms).expect("sites")[0].provider.clone();
    assert_ne!(provider(4_999), "Lintas");
    assert_eq!(provider(5_000), "Lintas");
    assert_eq!(bench.reader().sites().expect("sites"), [site]);
    assert_eq!(bench.reader().sites_at(-1).expect("sites"), []);
}

#[test]
fn every_reason_to_refuse_a_join_code_is_told_apart() {
    let bench = Bench::new();
    let site: SiteCode = SITE.parse().expect("a code");
    let mut admin = Admin::open(bench.dir.path()).expect("it opens");
    admin.put_join_code([2; 32], &site, JOINED_MS, 1).expect("expired by now");
    admin.put_join_code([3; 32], &site, JOINED_MS + 1, 1).expect("for one");
    let mut join = |secret: u8, site: &str, agent: u8| {
        let joining = Joining {
            secret_hash: [secret; 32],
            attempt_hash: None,
            site: site.parse().expect("a code"),
            agent: AgentId([agent; 16]),
            token_hash: [agent; 32],
            agent_version: String::new(),
            system: String::new(),
            now_ms: JOINED_MS,
        };
        admin.join(&joining).expect("it answers")
    };
    assert_eq!(join(99, SITE, 20), Joined::Refused(JoinRefusal::UnknownCode));
    assert_eq!(join(2, SITE, 21), Joined::Refused(JoinRefusal::Expired));
    assert_eq!(join(3, "19.02.02.2008", 22), Joined::Refused(JoinRefusal::WrongSite));
    assert!(matches!(join(3, SITE, 23), Joined::Welcome { .. }));
    assert_eq!(join(3, SITE, 24), Joined::Refused(JoinRefusal::UsedUp));
    assert_eq!(bench.reader().agents().expect("agents").len(), 2);
}

#[test]
fn a_machine_whose_answer_was_lost_is_the_same_agent_for_a_day_and_nobody_else_is() {
    let bench = Bench::new();
    let site: SiteCode = SITE.parse().expect("a code");
    let mut admin = Admin::open(bench.dir.path()).expect("it opens");
    admin.put_join_code([2; 32], &site, JOINED_MS + 1, 1).expect("for one, and soon expired");
    let day_ms = i64::from(suar_wire::joining::AGAIN_SECONDS_MAX) * 1000;
    let asking = |attempt: Option<u8>, agent: u8, later_ms: i64| Joining {
        secret_hash: [2; 32],
        attempt_hash: attempt.map(|attempt| [attempt; 32]),
        site: site.clone(),
        agent: AgentId([agent; 16]),
        token_hash: [agent; 32],
        agent_version: String::new(),
        system: String::new(),
        now_ms: JOINED_MS + later_ms,
    };
    let mut join = |attempt, agent, later_ms| {
        let joined = admin.join(&asking(attempt, agent, later_ms)).expect("it answers");
        match joined {
            Joined::Welcome { agent, .. } => Ok(agent.0[0]),
            Joined::Refused(refusal) => Err(refusal),
        }
    };
    assert_eq!(join(Some(1), 20, 0), Ok(20));
    assert_eq!(join(Some(1), 21, 1_000), Ok(20), "expired by now, and asked in time");
    assert_eq!(join(Some(1), 22, day_ms - 1), Ok(20));
    assert_eq!(join(Some(1), 23, day_ms), Err(JoinRefusal::UsedUp));
    assert_eq!(join(Some(2), 24, 1_000), Err(JoinRefusal::UsedUp), "another machine");
    assert_eq!(join(None, 25, 1_000), Err(JoinRefusal::UsedUp), "one that says no number");
    let token =
        |hash: u8| bench.reader().agent_by_token(&[hash; 32]).expect("it answers").map(|agent| agent.id);
    assert_eq!(
        (token(20), token(21), token(22)),
        (None, None, Some(AgentId([20; 16]))),
        "one token, the last"
    );
    assert_eq!(bench.reader().agents().expect("agents").len(), 2, "and one agent beside the bench's own");

    // Who has pushed has had the answer; who was revoked does not come back.
    let main = rusqlite::Connection::open(schema::main_file(bench.dir.path())).expect("the main file");
    let twenty = AgentId([20; 16]).0;
    main.execute("UPDATE agent SET last_seen_ms = 1 WHERE id = ?1", [twenty]).expect("it pushed");
    assert_eq!(join(Some(1), 26, 2_000), Err(JoinRefusal::UsedUp));
    main.execute("UPDATE agent SET last_seen_ms = NULL, revoked_ms = 1 WHERE id = ?1", [twenty])
        .expect("revoked");
    assert_eq!(join(Some(1), 27, 2_000), Err(JoinRefusal::UsedUp));
}

#[test]
fn a_revoked_code_lets_nobody_in_not_even_who_asks_again() {
    let bench = Bench::new();
    let mut admin = Admin::open(bench.dir.path()).expect("it opens");
    assert!(!admin.revoke_join_code(&[99; 32], 5).expect("it answers"), "nobody made this one");
    assert!(admin.revoke_join_code(&[1; 32], 5).expect("it answers"));
    assert!(admin.revoke_join_code(&[1; 32], 9).expect("it answers"));
    assert_eq!(bench.join(AgentId([8; 16])), Joined::Refused(JoinRefusal::Revoked));
    let codes = bench.reader().join_codes().expect("a list");
    assert_eq!(codes.len(), 1);
    assert_eq!((codes[0].revoked_ms, codes[0].uses_left, codes[0].agents), (Some(5), 4, 1));
    assert_eq!(bench.reader().agents().expect("agents")[0].revoked_ms, None, "who joined with it stays");
}

#[test]
fn a_revoked_agent_is_still_known_by_its_token() {
    let bench = Bench::new();
    let mut admin = Admin::open(bench.dir.path()).expect("it opens");
    assert!(!admin.revoke(AgentId([99; 16]), 5).expect("it answers"), "nobody has this id");
    assert!(admin.revoke(AGENT, 5).expect("it answers"));
    assert!(admin.revoke(AGENT, 9).expect("it answers"));
    let agent = bench.reader().agent_by_token(&[7; 32]).expect("it answers").expect("an agent");
    assert_eq!(agent.revoked_ms, Some(5));
}

#[test]
fn a_plan_gets_a_new_version_only_when_it_changes() {
    let bench = Bench::new();
    let number = |plan: &Plan| {
        Admin::open(bench.dir.path()).expect("it opens").number_plan(plan).expect("a plan").version
    };
    let standard = Plan::standard();
    assert_eq!(number(&standard), 1);
    assert_eq!(number(&standard), 1);
    let changed = Plan { echoes: 6, ..standard.clone() };
    assert_eq!(number(&changed), 2);
    assert_eq!(number(&standard), 3, "going back is a change too: agents have version 2");
}

#[test]
fn a_receipt_names_another_plan_as_soon_as_a_site_or_its_agents_change() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let mut version = |minute: i64| {
        let (job, answer) = job(3_600 + minute, BOOT, vec![round(1 + minute as u64, minute)]);
        writer.commit(vec![job]);
        answer.blocking_recv().expect("an answer").expect("a receipt").plan_version
    };
    let first = version(0);
    assert_eq!(version(1), first);

    let mut admin = Admin::open(bench.dir.path()).expect("it opens");
    let mut site = bench.reader().sites().expect("sites").remove(0);
    site.allowance_mib = Some(30);
    admin.put_sites(std::slice::from_ref(&site), JOINED_MS + 1).expect("kept");
    let allowed = version(2);
    assert_ne!(allowed, first);
    let share = || bench.plan().and_then(|plan| plan.allowance_bytes);
    assert_eq!(share(), Some(30 * 1024 * 1024));

    bench.join(AgentId([8; 16]));
    let shared = version(3);
    assert_ne!(shared, allowed);
    assert_eq!(share(), Some(15 * 1024 * 1024));

    assert!(admin.revoke(AgentId([8; 16]), JOINED_MS + 2).expect("it answers"));
    assert_eq!((version(4), share()), (allowed, Some(30 * 1024 * 1024)));

    let offer = Offer { version: "0.2.0".parse().expect("a version"), older: false, files: Vec::new() };
    let to = Audience::Sites([SITE.parse().expect("a code")].into());
    admin.set_rollout(Some(&Rollout { offer: offer.clone(), to })).expect("kept");
    assert_ne!(version(5), allowed);
    assert_eq!(bench.plan().and_then(|plan| plan.program), Some(offer));
    admin.set_rollout(None).expect("kept");
    assert_eq!((version(6), bench.plan().and_then(|plan| plan.program)), (allowed, None));
}

#[test]
fn a_staged_plan_holds_from_its_moment_on_and_the_last_of_two_changes_counts() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let mut version = |minute: i64| {
        let (job, answer) = job(3_600 + minute, BOOT, vec![round(1 + minute as u64, minute)]);
        writer.commit(vec![job]);
        answer.blocking_recv().expect("an answer").expect("a receipt").plan_version
    };
    let before = version(0);
    let mut admin = Admin::open(bench.dir.path()).expect("it opens");
    let to = |code: &str| Audience::Sites([code.parse().expect("a code")].into());
    let mut stage = |echoes, from_ms, to| {
        let staged = StagedPlan { plan: Plan { echoes, ..Plan::standard() }, from_ms, to };
        admin.set_staged_plan(Some(&staged)).expect("kept");
    };
    let echoes = |at_ms| {
        let plan = bench.reader().plan_of(&Plan::standard(), &SITE.parse().expect("a code"), at_ms);
        plan.expect("a plan").echoes
    };
    stage(3, 0, to("19.02.02.9999"));
    assert_eq!((version(1), echoes(JOINED_MS)), (before, 1), "it is for others");
    // Two changes between two pushes.
    stage(4, 0, to(SITE));
    stage(6, 0, to(SITE));
    let six = version(2);
    assert_ne!(six, before);
    assert_eq!(echoes(JOINED_MS), 6);
    // A plan for the future: nothing is written when its moment comes.
    let moment_ms = JOINED_MS + (3_600 + 5) * 1000;
    stage(2, moment_ms, to(SITE));
    assert_eq!((version(3), version(4)), (before, before));
    assert_eq!((echoes(moment_ms - 1), echoes(moment_ms)), (1, 2));
    let two = version(5);
    assert!(two != before && two != six);
    admin.set_staged_plan(None).expect("kept");
    assert_eq!(version(6), before);
}

#[test]
fn the_newest_word_on_each_month_counts_whatever_comes_last() {
    let bench = Bench::new();
    let told = |sequence: u64, minute: i64, month: &str, sent: u64, step: Step| {
        let used = vec![Use { purpose: Purpose::Push, sent, received: 1 }];
        let month = month.parse().expect("a month");
        let body = Body::DataUse(DataUse { month, used, allowance_bytes: None, step, metered: None });
        other(sequence, BOOT, minute * 60, body)
    };
    bench.push(vec![told(3, 30, "2026-09", 300, Step::Frugal), told(4, 31, "2026-10", 5, Step::Full)]);
    bench.push(vec![told(1, 10, "2026-09", 100, Step::Full), told(2, 20, "2026-09", 200, Step::Standard)]);
    let [september, october] = ["2026-09", "2026-10"].map(|month| month.parse().expect("a month"));
    let site: SiteCode = SITE.parse().expect("a code");
    let months = |first, last| {
        let sites = bench.reader().data_use(first, last).expect("read");
        let months = sites.get(&site).cloned().unwrap_or_default();
        months.iter().map(|data| (data.month, data.paid_bytes, data.step)).collect::<Vec<_>>()
    };
    assert_eq!(months(september, october), [(september, 301, Step::Frugal), (october, 6, Step::Full)]);
    assert_eq!(months(october, october), [(october, 6, Step::Full)]);
    let sites = bench.reader().data_use(september, september).expect("read");
    assert_eq!(sites[&site][0].by_purpose, [(Purpose::Push, 301)].into());
}

#[test]
fn a_backup_made_while_rows_wait_holds_everything_and_is_a_data_directory() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    bench.pack();
    bench.push(vec![round(2, 1)]);
    let to = bench.dir.path().join("copy");
    backup::backup(bench.dir.path(), &to).expect("a backup");
    let restored = Reader::open(&to).expect("it opens");
    let records = |reader: &Reader| reader.all_records(AGENT).expect("records");
    assert_eq!(records(&restored), records(&bench.reader()));
    let again = backup::backup(bench.dir.path(), &to).expect_err("it is not empty").to_string();
    assert!(again.contains("not empty"), "{again}");
}

#[test]
fn months_that_are_too_old_are_deleted_and_the_rest_stays() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    bench.pack();
    let retire = |keep, later| retire::months(bench.dir.path(), keep, DAY + later).expect("it answers").len();
    assert_eq!(retire(0, 4_000), 0, "0 keeps everything");
    assert_eq!(retire(2, 31), 0);
    assert_eq!(bench.slots().len(), 1);
    assert_eq!(retire(2, 100), 1);
    assert_eq!(bench.slots().len(), 0);
}

#[test]
fn a_directory_that_is_none_and_one_of_another_version_are_said_clearly() {
    let empty = tempfile::tempdir().expect("a directory");
    let missing = Reader::open(empty.path()).expect_err("there is nothing").to_string();
    assert!(missing.contains("suar-collector init"), "{missing}");

    let bench = Bench::new();
    bench.writer().pretend_version(4_711);
    let other = Reader::open(bench.dir.path()).expect_err("another version").to_string();
    assert!(other.contains("another version") && other.contains("4711"), "{other}");
    assert!(schema::create(bench.dir.path()).is_err());
}
