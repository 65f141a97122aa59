//! Which region a store is about: a built-in one by its code, or the files that `init` was given.

use rusqlite::Connection;

use super::admin::Admin;
use super::reader::Reader;
use super::{StoreError, schema};
use crate::region::{Region, RegionTexts, builtin};

const CODE: &str = "region";
/// In the store and not beside it, so that a backup is whole.
const FILES: &str = "region_files";

impl Admin {
    /// The region of this store. One that was read from files lives as long as the program: it is asked for once.
    pub fn region(&mut self) -> Result<&'static Region, StoreError> {
        region(self.connection())
    }

    /// Chooses a built-in region.
    pub fn set_region(&mut self, code: &str) -> Result<(), StoreError> {
        self.set_meta(CODE, code)
    }

    /// Keeps a region's files; they must have been read without a mistake.
    pub fn set_region_files(&mut self, texts: &RegionTexts) -> Result<(), StoreError> {
        let json = serde_json::to_string(texts).map_err(|error| StoreError::Damaged(error.to_string()))?;
        self.set_meta(FILES, &json)?;
        self.set_meta(CODE, &texts.code)
    }
}

impl Reader {
    /// As [`Admin::region`].
    pub fn region(&self) -> Result<&'static Region, StoreError> {
        region(self.main())
    }
}

fn region(connection: &Connection) -> Result<&'static Region, StoreError> {
    let damaged = |problem: String| StoreError::Damaged(format!("the region: {problem}"));
    if let Some(json) = schema::meta(connection, FILES)? {
        let texts: RegionTexts = serde_json::from_str(&json).map_err(|error| damaged(error.to_string()))?;
        let region = Region::read(&texts.files()).map_err(|error| damaged(error.to_string()))?;
        return Ok(Box::leak(Box::new(region)));
    }
    let code = schema::meta(connection, CODE)?.unwrap_or_default();
    builtin(&code).ok_or_else(|| damaged(format!("{code:?} is not built in")))
}
