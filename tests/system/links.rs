//! Links and folders that are put in the way: whatever the owner can do with names in its own folders, root's rights
//! are not to be had by it, and the bytes go nowhere else.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
};

use bgcopy_testkit::faulty::{Origin, Resource};

use crate::{
    files::{names, temporary},
    machine::{Account, Place, System, set_mode},
    peer::{JOB, Peer},
    wire::Value,
};

const CHANGED: Option<u32> = Some(0x8020_001d);
const ACCESS_DENIED: u32 = 0x8007_0005;
const NOT_THE_FOLDER: u32 = 0x8007_0003;

/// A file of root's that is to stay as it is.
struct Treasure {
    path: PathBuf,
    found: (u32, u32, u32, u64, i64),
}

impl Treasure {
    /// That others can read, when they are led to it.
    fn hidden_in(place: &Place) -> Self {
        let path = place.folder(&Account::ROOT, 0o755).join("treasure");
        fs::write(&path, "root's own").unwrap();
        set_mode(&path, 0o644);
        let found = Self::look(&path);
        Self { path, found }
    }

    fn look(path: &Path) -> (u32, u32, u32, u64, i64) {
        let found = fs::symlink_metadata(path).unwrap();
        let number = found.ino();
        (
            found.uid(),
            found.gid(),
            found.mode(),
            number,
            found.mtime_nsec(),
        )
    }

    fn assert_untouched(&self) {
        assert_eq!(fs::read(&self.path).unwrap(), b"root's own");
        assert_eq!(Self::look(&self.path), self.found);
        assert_eq!(names(self.path.parent().unwrap()), ["treasure"]);
    }
}

struct Scene {
    system: System,
    origin: Origin,
    url: String,
    treasure: Treasure,
}

impl Scene {
    fn set() -> Option<Self> {
        let system = System::start()?;
        let origin = Origin::start();
        let url = origin.serve("/file", Resource::pattern(1, 100_000));
        let treasure = Treasure::hidden_in(&system.place);
        Some(Self {
            system,
            origin,
            url,
            treasure,
        })
    }

    fn folder(&self) -> PathBuf {
        self.system.place.folder(&Account::owner(), 0o700)
    }

    /// A job with its one file, not started.
    fn job(&self, owner: &mut Peer, folder: &Path) -> String {
        let job = owner.create("in the way", &[("Umask", Value::U32(0o022))]);
        owner.add(&job, &self.url, &folder.join("file")).unwrap();
        job
    }
}

/// The file is there, and it is the one that was fetched.
fn assert_fetched(folder: &Path) {
    let made = fs::symlink_metadata(folder.join("file")).unwrap();
    assert!(made.is_file());
    assert_eq!((made.uid(), made.len()), (Account::owner().uid, 100_000));
    assert_eq!(names(folder), ["file"]);
}

fn cancel(owner: &mut Peer, job: &str) {
    owner.ok(job, JOB, "Cancel", &[]);
}

#[test]
fn a_link_under_the_final_name_is_replaced_and_not_followed() {
    let Some(scene) = Scene::set() else { return };
    for (mut owner, late) in scene
        .system
        .both_ways(&Account::owner())
        .into_iter()
        .zip([false, true])
    {
        let folder = scene.folder();
        let plant = || symlink(&scene.treasure.path, folder.join("file")).unwrap();
        if !late {
            plant();
        }
        let job = scene.job(&mut owner, &folder);
        owner.ok(&job, JOB, "Resume", &[]);
        owner.until(&job, "transferred");
        if late {
            plant();
        }
        owner.ok(&job, JOB, "Complete", &[]);
        assert_fetched(&folder);
        scene.treasure.assert_untouched();
    }
}

#[test]
fn a_link_under_the_temporary_name_stops_the_job_and_is_not_followed() {
    let Some(scene) = Scene::set() else { return };
    let mut owner = scene.system.on_bus(&Account::owner());
    let folder = scene.folder();
    let job = scene.job(&mut owner, &folder);
    let temporary = temporary(&mut owner, &job);
    symlink(&scene.treasure.path, &temporary).unwrap();
    owner.ok(&job, JOB, "Resume", &[]);
    owner.until(&job, "error");
    let code = owner.property(&job, JOB, "ErrorCode").as_u32();
    assert_eq!(Some(code), CHANGED);
    scene.treasure.assert_untouched();
    // It is somebody's, so it is not the service's to remove.
    assert_eq!(fs::read_link(&temporary).unwrap(), scene.treasure.path);

    fs::remove_file(&temporary).unwrap();
    owner.ok(&job, JOB, "Resume", &[]);
    owner.until(&job, "transferred");
    owner.ok(&job, JOB, "Complete", &[]);
    assert_fetched(&folder);
    scene.treasure.assert_untouched();
}

#[test]
fn a_link_that_takes_the_place_of_the_temporary_file_is_not_followed() {
    let Some(scene) = Scene::set() else { return };
    for (mut owner, transferred) in scene
        .system
        .both_ways(&Account::owner())
        .into_iter()
        .zip([false, true])
    {
        let folder = scene.folder();
        if !transferred {
            scene.origin.hold_after(50_000);
        }
        let job = scene.job(&mut owner, &folder);
        let temporary = temporary(&mut owner, &job);
        owner.ok(&job, JOB, "Resume", &[]);
        if transferred {
            owner.until(&job, "transferred");
        }
        let is_there = || fs::metadata(&temporary).is_ok_and(|found| found.len() > 0);
        assert!(bgcopy_testkit::process::wait_until(is_there));
        fs::rename(&temporary, folder.join("elsewhere")).unwrap();
        symlink(&scene.treasure.path, &temporary).unwrap();
        scene.origin.release();
        owner.until(&job, "transferred");
        let refusal = owner.call(&job, JOB, "Complete", &[]).unwrap_err();
        assert_eq!(refusal.code, CHANGED, "{refusal:?}");
        scene.treasure.assert_untouched();
        assert!(!folder.join("file").exists());
        cancel(&mut owner, &job);
        scene.treasure.assert_untouched();
        assert_eq!(fs::read_link(&temporary).unwrap(), scene.treasure.path);
    }
}

#[test]
fn a_folder_that_becomes_a_link_before_the_start_gives_no_rights() {
    let Some(scene) = Scene::set() else { return };
    for mut owner in scene.system.both_ways(&Account::owner()) {
        let folder = scene.folder();
        let job = scene.job(&mut owner, &folder);
        fs::remove_dir(&folder).unwrap();
        symlink(scene.treasure.path.parent().unwrap(), &folder).unwrap();
        // Resume goes to the folder of AddFile alone, and after that to where the path leads, with the owner's rights.
        for expected in [NOT_THE_FOLDER, ACCESS_DENIED] {
            owner.ok(&job, JOB, "Resume", &[]);
            owner.until(&job, "error");
            let code = owner.property(&job, JOB, "ErrorCode").as_u32();
            assert_eq!(code, expected);
        }
        scene.treasure.assert_untouched();
        cancel(&mut owner, &job);
    }
}

#[test]
fn a_folder_that_becomes_a_link_before_complete_leads_nowhere_else() {
    let Some(scene) = Scene::set() else { return };
    let open = scene.system.place.folder(&Account::owner(), 0o777);
    let closed = scene.treasure.path.parent().unwrap();
    let mut owner = scene.system.on_bus(&Account::owner());
    // To where root alone may write, and to where the owner may too; with all bytes there, and with half of them.
    for (elsewhere, held) in [
        (closed, false),
        (closed, true),
        (&open, false),
        (&open, true),
    ] {
        let folder = scene.folder();
        if held {
            scene.origin.hold_after(50_000);
        }
        let job = scene.job(&mut owner, &folder);
        owner.ok(&job, JOB, "Resume", &[]);
        let temporary = temporary(&mut owner, &job);
        if held {
            let is_there = || fs::metadata(&temporary).is_ok_and(|found| found.len() > 0);
            assert!(bgcopy_testkit::process::wait_until(is_there));
        } else {
            owner.until(&job, "transferred");
        }
        let moved = folder.with_extension("moved");
        fs::rename(&folder, &moved).unwrap();
        symlink(elsewhere, &folder).unwrap();
        scene.origin.release();
        owner.until(&job, "transferred");
        let refusal = owner.call(&job, JOB, "Complete", &[]).unwrap_err();
        assert_eq!(refusal.code, Some(NOT_THE_FOLDER), "{refusal:?}");
        scene.treasure.assert_untouched();
        assert!(names(&open).is_empty());

        // Put back, it has kept every byte.
        fs::remove_file(&folder).unwrap();
        fs::rename(&moved, &folder).unwrap();
        owner.ok(&job, JOB, "Complete", &[]);
        assert_fetched(&folder);
    }
}
