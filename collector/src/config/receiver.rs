//! `[remote_write]`: who gets a copy of every record.

use std::path::PathBuf;

use reqwest::Url;

use super::take::Taker;
use crate::remote_write::{Login, Options, Version};

const WAITING_MB: u64 = 1_000_000;

/// `None` without an address. The other keys are read anyway, so that their mistakes are told.
pub fn take(root: &mut Taker) -> Option<Options> {
    let mut section = root.section("remote_write");
    let file = |text: &str| Ok((!text.is_empty()).then(|| PathBuf::from(text)));
    // What stands there may have a password in it: it is not repeated.
    let text = section.take("url", String::new(), "an address in quotes");
    let url = address(&text).unwrap_or_else(|expected| {
        section.mistake("url", &expected);
        None
    });
    let version = section.take_between("version", 1, 1, 2);
    let ca_file = section.take_text("ca_file", "", file);
    let tenant = section.take_text("tenant", "", header);
    let token_file = section.take_text("bearer_token_file", "", file);
    let username = section.take_text("username", "", header);
    let password_file = section.take_text("password_file", "", file);
    let waiting_mb_max: u64 = section.take_between("waiting_mb_max", 1_000, 1, 1_000_000);
    let login = match (token_file, username, password_file) {
        (None, None, None) => Login::Nobody,
        (Some(token_file), None, None) => Login::Bearer { token_file },
        (None, Some(username), Some(password_file)) => Login::Basic { username, password_file },
        (Some(_), ..) => {
            section.mistake("bearer_token_file", "a token, or a username and its password, but not both");
            Login::Nobody
        }
        (None, ..) => {
            section.mistake("password_file", "username and password_file belong together");
            Login::Nobody
        }
    };
    if let Some(url) = url.as_ref().filter(|url| url.scheme() == "http")
        && login != Login::Nobody
        && !is_this_machine(url)
    {
        section.mistake("url", "a secret is sent over https:// only, or to this machine");
    }
    root.close(section);
    Some(Options {
        url: url?,
        version: if version == 2 { Version::Two } else { Version::One },
        ca_file,
        login,
        tenant,
        waiting_bytes_max: waiting_mb_max * WAITING_MB,
    })
}

fn address(text: &str) -> Result<Option<Url>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let expected = "expected an address like \"http://127.0.0.1:8428/api/v1/write\", or \"\" to send nothing";
    let url = Url::parse(text).map_err(|_| expected.to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a name and a password have keys of their own: username and password_file".to_owned());
    }
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(expected.to_owned());
    }
    Ok(Some(url))
}

/// A text that fits into a header.
fn header(text: &str) -> Result<Option<String>, String> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        Ok((!text.is_empty()).then(|| text.to_owned()))
    } else {
        Err("letters, digits and signs of ASCII".to_owned())
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn mistakes(section: &str) -> String {
        Config::parse(&format!("[remote_write]\n{section}")).expect_err("it is wrong").join("\n")
    }

    #[test]
    fn nothing_is_sent_without_an_address_and_all_keys_are_taken_with_one() {
        assert_eq!(Config::parse("").expect("defaults").remote_write, None);
        let config = Config::parse(
            "[remote_write]\nurl = \"https://mimir.example/api/v1/push\"\nversion = 2\ntenant = \"suar\"\n\
             username = \"u\"\npassword_file = \"/p\"\nca_file = \"/ca.pem\"\nwaiting_mb_max = 5\n",
        );
        let options = config.expect("right").remote_write.expect("a receiver");
        assert_eq!(options.url.as_str(), "https://mimir.example/api/v1/push");
        assert_eq!((options.version, options.tenant.as_deref()), (Version::Two, Some("suar")));
        assert_eq!(options.login, Login::Basic { username: "u".into(), password_file: "/p".into() });
        assert_eq!((options.ca_file, options.waiting_bytes_max), (Some("/ca.pem".into()), 5_000_000));
    }

    #[test]
    fn mistakes_say_what_would_be_right_and_never_repeat_a_secret() {
        for url in ["8428", "ftp://x/", "http://", "https://u:geheim@x/", "https://:geheim@x:99999/"] {
            let said = mistakes(&format!("url = {url:?}"));
            assert!(said.starts_with("remote_write.url: ") && !said.contains("geheim"), "{said}");
        }
        assert!(mistakes("version = 3").contains("a number from 1 to 2"));
        assert!(mistakes("username = \"u\"").contains("remote_write.password_file: username and"));
        assert!(mistakes("bearer_token_file = \"t\"\nusername = \"u\"").contains("not both"));
        let secret = "bearer_token_file = \"t\"";
        assert!(mistakes(&format!("url = \"http://10.0.0.1/\"\n{secret}")).contains("https:// only"));
        for url in ["http://127.0.0.1/", "http://[::1]:8428/", "http://localhost/", "https://10.0.0.1/"] {
            let right = Config::parse(&format!("[remote_write]\nurl = {url:?}\n{secret}"));
            assert!(right.is_ok(), "{url}: {right:?}");
        }
    }
}
