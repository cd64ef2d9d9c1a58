//! A wall that the kernel builds around the child, behind SQLite's own: even a statement that broke the engine reaches no
//! file but those in the database's folder, no network, and no more rights than the child was born with.
//!
//! Landlock (<https://docs.kernel.org/userspace-api/landlock.html>), which takes no privilege and, since it covers files by
//! folders, does not tell the database from what else lies beside it: keys belong in another folder.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// What SQLite does with its file, log, index and journal.
fn database() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::ReadDir
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
}

/// What is read beside it: randomness for `randomblob`, and the zone of `localtime`.
const READ: [&str; 2] = ["/dev/urandom", "/etc/localtime"];

/// Confines this thread and those that it will start, for good. `false`: the kernel cannot do all of it.
pub(crate) fn confine(database: &Path) -> bool {
    matches!(restrict(database), Ok(RulesetStatus::FullyEnforced))
}

fn restrict(path: &Path) -> Result<RulesetStatus, RulesetError> {
    // The engine works where the file is, not where a link to it lies. What is not there will not be opened.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("/"));
    // Version 3 of Landlock (Linux 6.2) is the first that covers truncating; what came later is taken where it is.
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V3))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?;
    if let Ok(folder) = PathFd::new(folder) {
        rules = rules.add_rule(PathBeneath::new(folder, database()))?;
    }
    for file in READ {
        if let Ok(file) = PathFd::new(file) {
            rules = rules.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
        }
    }
    // This also forbids new privileges (prctl(2), PR_SET_NO_NEW_PRIVS), with or without Landlock.
    Ok(rules.restrict_self()?.ruleset)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::net::TcpStream;

    use rusqlite::Connection;

    use super::*;

    /// In a thread of its own: it is confined until it ends.
    #[test]
    fn only_the_databases_folder_is_left() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = dir.path().join("shop.sqlite");
        Connection::open(&path).unwrap();
        let key = other.path().join("root.key");
        fs::write(&key, "secret").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&key, &link).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let confined = std::thread::spawn(move || {
            if !confine(&path) {
                return false;
            }
            let denied = |result: std::io::Result<()>| {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied);
            };
            denied(File::open(&key).map(drop));
            denied(File::open(&link).map(drop));
            denied(fs::write(key.with_file_name("new"), ""));
            denied(File::open("/etc/passwd").map(drop));
            denied(TcpStream::connect(address).map(drop));
            denied(std::process::Command::new("/bin/true").status().map(drop));
            for mode in ["wal", "delete", "truncate"] {
                let connection = Connection::open(&path).unwrap();
                connection
                    .execute_batch(&format!(
                        "PRAGMA journal_mode = {mode}; CREATE TABLE a (b, c);
                         INSERT INTO a VALUES (datetime('now', 'localtime'), randomblob(9)); DROP TABLE a;"
                    ))
                    .unwrap();
            }
            true
        });
        if !confined.join().unwrap() {
            let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
            println!("skipped: no Landlock in Linux {}", release.trim());
        }
    }
}
