//! One program of a version: names it on disk and between launcher and child.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use suar_wire::release::{Digest, Version};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Build {
    pub version: Version,
    pub digest: Digest,
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.version, self.digest)
    }
}

impl FromStr for Build {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (version, digest) = text.split_once('-').ok_or(())?;
        let digest = Digest::try_from(digest.to_owned()).map_err(|_| ())?;
        Ok(Self { version: version.parse().map_err(|_| ())?, digest })
    }
}
