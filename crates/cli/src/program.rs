//! The program of `--exec`, as the service can run it: by its absolute path.
//!
//! Owns the search of `PATH`, which is this command's: the service has surroundings of its own. Looks at the program
//! alone, and never runs it.

#![expect(
    clippy::disallowed_methods,
    reason = "whether the user's own program is there, looked at with the user's own rights"
)]

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use crate::failure::{Exit, Failure};

/// The absolute path of this program: what has a `/` is a path, anything else is looked for in `search_path`.
///
/// # Errors
/// A sentence for whoever wrote the name, when it is not there or cannot be run.
pub fn find(program: &str, search_path: Option<&OsStr>) -> Result<String, Failure> {
    let wrong = |sentence: String| Failure::new(Exit::Usage, sentence);
    let path = if program.contains('/') {
        let path = absolute(Path::new(program))?;
        if !path.exists() {
            return Err(wrong(format!(
                "--exec: there is no program {}",
                path.display()
            )));
        }
        if !is_program(&path) {
            return Err(wrong(format!(
                "--exec: {} cannot be run; it is no program, or `chmod +x` was forgotten",
                path.display()
            )));
        }
        path
    } else {
        let folders = search_path.into_iter().flat_map(env::split_paths);
        // An empty name in PATH is the working folder.
        let mut candidates = folders.map(|folder| folder.join(program));
        match candidates.find(|path| !program.is_empty() && is_program(path)) {
            Some(path) => absolute(&path)?,
            None => {
                return Err(wrong(format!(
                    "--exec: there is no program {program:?} in PATH; name it by its path"
                )));
            }
        }
    };
    path.into_os_string().into_string().map_err(|path| {
        let path = path.display();
        wrong(format!("--exec: the path {path} is not valid UTF-8"))
    })
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("--exec: {} cannot be named: {error}", path.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_program_is_found_by_its_path_or_in_path_and_must_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let (tool, text) = (folder.path().join("tool"), folder.path().join("text"));
        for path in [&tool, &text] {
            fs::write(path, "#!/bin/sh\n").unwrap();
        }
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&text, fs::Permissions::from_mode(0o644)).unwrap();
        let searched = env::join_paths([Path::new("/nonexistent"), folder.path()]).unwrap();
        let found = |program: &str| find(program, Some(&searched));

        let tool = tool.to_str().unwrap();
        assert_eq!(found("tool").unwrap(), tool);
        assert_eq!(found(tool).unwrap(), tool);
        assert_eq!(find(tool, None).unwrap(), tool);
        for (program, words) in [
            ("nothing", "in PATH"),
            ("text", "in PATH"),
            ("", "in PATH"),
            ("./nothing", "there is no program"),
            (text.to_str().unwrap(), "chmod +x"),
            (folder.path().to_str().unwrap(), "cannot be run"),
        ] {
            let failure = found(program).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(format!("{failure:?}").contains(words), "{failure:?}");
        }
    }
}
