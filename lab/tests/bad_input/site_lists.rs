//! Site lists with mistakes: row and reason, and nothing imported halfway.

use suar_lab::programs::{Collector, free_address};

#[test]
fn a_list_with_mistakes_tells_every_row_and_imports_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = free_address().expect("two free ports");
    let collector = Collector::init(None, directory.path(), &address, "").expect("a data directory");
    let import = |name: &str, text: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).expect("a file");
        collector.administer(&["site", "import", &file.display().to_string()]).expect("it runs")
    };
    let listed = || collector.administer(&["site", "list"]).expect("it runs").ok().expect("a list");

    let wrong = import(
        "wrong.csv",
        "code,name,village,latitude,longitude\n\
         19.02.02.2009,Pulau Seliu,19.02.02.2009,-3.22,107.53\n\
         nowhere,Nowhere,19.99.99.9999,,\n\
         19.02.02.2009,Twice,19.02.02.2009,,\n\
         19.02.03.2001,Selat Nasik,19.02.03.2001,-912.0,107.4\n",
    );
    assert_ne!(wrong.code, Some(0), "{}", wrong.said());
    for part in ["row 3", "19.99.99.9999", "row 4", "row 5", "-912"] {
        assert!(wrong.said().contains(part), "{part:?} is missing in:\n{}", wrong.said());
    }
    assert!(!listed().contains("Pulau Seliu"), "imported halfway:\n{}", listed());

    let right = import(
        "right.csv",
        "code,name,village,latitude,longitude\n\
         19.02.02.2009,Pulau Seliu,19.02.02.2009,-3.22,107.53\n\
         19.02.03.2001,Selat Nasik,19.02.03.2001,,\n",
    );
    right.ok().expect("a list without mistakes");
    assert!(listed().contains("Selat Nasik"));
}
