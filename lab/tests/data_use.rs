//! The agent's own ledger of what it costs, against the kernel's counters at the office's network card. The long
//! form, over an hour, is `lab/ledger.sh`.

use suar_lab::mixed_life;
use suar_lab::netns;

/// Of the bytes that the kernel counts, in each direction.
const OFF_PERMILLE_MAX: u64 = 30;

#[test]
fn the_ledger_says_what_the_kernel_counted() {
    if !netns::can_run_here("the_ledger_says_what_the_kernel_counted") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let accounts = mixed_life::short(directory.path()).expect("a mixed life");
    println!("{accounts:?}");
    assert!(accounts.off_permille() <= OFF_PERMILLE_MAX, "{accounts:#?}");
}
