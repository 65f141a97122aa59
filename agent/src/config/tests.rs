use super::*;

const EXAMPLE: &str = include_str!("../../../deploy/examples/agent.toml");

fn mistakes(text: &str) -> Vec<String> {
    match parse(Path::new("agent.toml"), text) {
        Ok(config) => panic!("taken as {config:?}"),
        Err(wrong) => wrong.mistakes,
    }
}

#[cfg(unix)]
#[test]
fn the_shipped_example_is_the_defaults() {
    assert_eq!(parse(Path::new("agent.toml"), EXAMPLE), Ok(Config::default()));
    assert_eq!(parse(Path::new("agent.toml"), ""), Ok(Config::default()));
    assert_eq!(render(&Config::default()), EXAMPLE);
}

#[test]
fn what_join_writes_reads_back_the_same() {
    let root = if cfg!(windows) { r"C:\a \ b" } else { "/a \"b\"" };
    let config = Config {
        collector: "[2001:db8::1]:9443".to_owned(),
        fingerprint: [0xab; 16],
        language: Language::En,
        state: PathBuf::from(root),
        runtime: PathBuf::from(root).join("run"),
        spool_bytes_max: 1024 * 1024,
        update_key: Some("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".parse().expect("a key")),
        trial_seconds: 60,
        log_level: "suar_agent=debug,warn".to_owned(),
    };
    assert_eq!(parse(Path::new("agent.toml"), &render(&config)), Ok(config));
}

#[test]
fn every_mistake_is_told_at_once_and_says_what_would_be_right() {
    let text = "\
collector = \"suar.example.go.id\"
fingerprint = \"00\"
language = \"jv\"
state = \"var/lib\"
colector = \"x:1\"
spool = 5
[log]
level = \"loud\"
colour = true
";
    assert_eq!(
        mistakes(text),
        [
            "collector: \"suar.example.go.id\" is not host:port, e.g. \"suar.example.go.id:8443\"",
            "fingerprint: \"00\" is not 32 hexadecimal digits, as `suar-agent join` writes them",
            "language: \"jv\" is not \"id\" or \"en\"",
            "state: \"var/lib\" is not the absolute path of a directory",
            "spool: 5 is not a section; write [spool]",
            "colector: unknown key; there are collector, fingerprint, language, state, runtime, [spool], [update], [log]",
            "log.level: \"loud\" is not error, warn, info, debug, or a tracing filter",
            "log.colour: unknown key; there are level",
        ]
    );
}

#[test]
fn a_number_of_bytes_has_bounds() {
    for wrong in ["0", "-1", "1000", "99999999999999", "\"32 MiB\"", "1.5"] {
        let found = mistakes(&format!("[spool]\nbytes_max = {wrong}\n"));
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
        assert!(
            found[0].starts_with(&format!("spool.bytes_max: {wrong} is not a number of bytes from")),
            "{found:?}"
        );
    }
}

#[test]
fn text_that_is_no_toml_is_told_with_its_line() {
    let found = mistakes("language = \"id\"\ncollector = \n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("line 2: "), "{found:?}");
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let found = read(Path::new("/nowhere/agent.toml")).expect_err("no such file").to_string();
    assert!(found.starts_with("/nowhere/agent.toml: cannot be read:"), "{found}");
    assert!(found.ends_with("; `suar-agent join CODE` writes it"), "{found}");
}

#[test]
fn addresses_are_checked_as_host_and_port() {
    for right in ["127.0.0.1:1", "suar.babelprov.go.id:8443", "[::1]:8443"] {
        assert!(address(&Value::from(right)).is_some(), "{right}");
    }
    for wrong in ["", "a", "a:", ":1", "a:0", "a:70000", "https://a:1", "::1", "2001:db8::1:8443", "a b:1"] {
        assert!(address(&Value::from(wrong)).is_none(), "{wrong}");
    }
}
