//! Windows: a data directory inherits the rights of the folder it is in; there are no mode bits.

use std::fs;
use std::io;
use std::path::Path;

pub fn private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

pub fn owner_only(_options: &mut fs::OpenOptions) {}
