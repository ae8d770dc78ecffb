//! Writes the seeds of all targets into a folder, one subfolder for each target.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or_else(|| io::Error::other("into which folder?"))?);
    for (index, (target, seed)) in sol_tests::fuzzing::seeds().into_iter().enumerate() {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{index:04}")), seed)?;
    }
    Ok(())
}
