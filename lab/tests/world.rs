//! The emulated internet breaks the way it is told to, piece by piece.

use std::net::Ipv4Addr;
use std::time::Duration;

use suar_lab::netns::{Namespace, can_run_here};
use suar_lab::seed::printed_seed;
use suar_lab::wan::Conditions;
use suar_lab::world::dns::Behaviour;
use suar_lab::world::{COLLECTOR, NAME, TARGETS, World};

fn answers(from: &Namespace, address: Ipv4Addr) -> bool {
    let mut fping = from.command("fping");
    fping.args(["-q", "-c", "1", "-t", "300", &address.to_string()]);
    fping.output().expect("fping runs").status.success()
}

#[test]
fn each_piece_of_an_office_fails_alone_and_the_neighbour_never_notices() {
    if !can_run_here("a world of two offices") {
        return;
    }
    let world = World::with_offices(2, &Conditions::delayed(Duration::from_millis(5)), printed_seed("world"))
        .expect("a world");
    let [office, neighbour] = &world.offices[..] else { panic!("two offices were asked for") };
    let reaches = |what: &str, gateway: bool, internet: bool| {
        assert_eq!(answers(&office.pc, office.gateway()), gateway, "{what}: the gateway");
        assert_eq!(answers(&office.pc, TARGETS[0]), internet, "{what}: the internet");
        assert!(answers(&neighbour.pc, TARGETS[1]), "{what}: the neighbour");
    };

    reaches("whole", true, true);
    assert!(answers(&office.pc, COLLECTOR));

    office.cut_uplink();
    reaches("uplink cut", true, false);
    office.mend_uplink();
    reaches("uplink mended", true, true);

    office.stop_router().expect("the router stops");
    reaches("router off", false, false);
    office.start_router().expect("the router starts");
    reaches("router on", true, true);

    office.pull_cable().expect("the cable comes out");
    let carrier = office.pc.exec("ip", &["link", "show", "eth0"]).expect("ip runs");
    assert!(carrier.contains("NO-CARRIER"), "{carrier}");
    office.plug_cable().expect("the cable goes in");
    reaches("cable back", true, true);

    let asks = || office.pc.exec("getent", &["ahostsv4", NAME]);
    assert!(asks().expect("the name resolves").starts_with(&TARGETS[0].to_string()));
    assert!(office.resolver.asked() > 0 && neighbour.resolver.asked() == 0);
    office.resolver.behave(Behaviour::Silent);
    assert!(asks().is_err(), "a silent resolver answered");
    reaches("resolver silent", true, true);
}
