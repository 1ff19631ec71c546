//! Which changes of names survive a crash, and the tree of names that they leave.
//!
//! Owns the rules of directories, as a pure function of log and seed. Files' contents are `pages`'s.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::log::{Change, Event, Log, Object, Place};
use super::rng::{Luck, Rng};

/// The names after a crash.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    dirs: HashMap<Object, BTreeMap<Vec<u8>, Object>>,
}

impl Tree {
    /// The names in a directory.
    pub(super) fn entries(&self, dir: &str) -> impl Iterator<Item = (&[u8], &Object)> {
        self.dirs
            .get(dir)
            .into_iter()
            .flatten()
            .map(|(name, object)| (name.as_slice(), object))
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Add(at, object) => self.add(at, object),
            Change::Remove(at, object) => self.remove(at, object),
            Change::Rename(from, to, object) => {
                self.remove(from, object);
                self.add(to, object);
            }
            Change::Exchange(a, b) => {
                let (x, y) = (self.look_up(a), self.look_up(b));
                for (at, old, new) in [(a, &x, &y), (b, &y, &x)] {
                    if let Some(old) = old {
                        self.remove(at, old);
                    }
                    if let Some(new) = new {
                        self.add(at, new);
                    }
                }
            }
        }
    }

    fn look_up(&self, at: &Place) -> Option<Object> {
        self.dirs.get(&at.dir)?.get(&at.name).cloned()
    }

    fn add(&mut self, at: &Place, object: &Object) {
        self.dirs
            .entry(at.dir.clone())
            .or_default()
            .insert(at.name.clone(), object.clone());
    }

    fn remove(&mut self, at: &Place, object: &Object) {
        if self.look_up(at).as_ref() == Some(object)
            && let Some(dir) = self.dirs.get_mut(&at.dir)
        {
            dir.remove(&at.name);
        }
    }
}

/// The places that a change builds upon and alters.
fn places(change: &Change) -> impl Iterator<Item = &Place> {
    let (a, b) = match change {
        Change::Add(at, _) | Change::Remove(at, _) => (at, None),
        Change::Rename(from, to, _) | Change::Exchange(from, to) => (from, Some(to)),
    };
    std::iter::once(a).chain(b)
}

/// Chooses what survives and returns the tree with the number of changes that were lost.
pub(super) fn settle(log: &Log, rng: &mut Rng) -> (Tree, usize) {
    let (changes, durable) = durability(log);
    let survives = if rng.coin() {
        journalled(&durable, rng)
    } else {
        any(&changes, &durable, rng)
    };
    let mut tree = Tree::default();
    for change in &log.base {
        tree.apply(change);
    }
    for (change, _) in changes
        .iter()
        .zip(&survives)
        .filter(|(_, survives)| **survives)
    {
        tree.apply(change);
    }
    (tree, survives.iter().filter(|survives| !**survives).count())
}

/// The changes since the shadow was armed, and for each whether it is durable.
fn durability(log: &Log) -> (Vec<&Change>, Vec<bool>) {
    let mut changes: Vec<&Change> = Vec::new();
    let mut durable: Vec<bool> = Vec::new();
    for event in &log.events {
        match event {
            Event::Change(change) => {
                changes.push(change);
                durable.push(false);
            }
            Event::Sync(dir) => {
                for (change, durable) in changes.iter().zip(&mut durable) {
                    *durable |= places(change).any(|place| place.dir == *dir);
                }
            }
        }
    }
    // A durable change of a name takes along what was done to that name before it: a rename into a synced
    // directory cannot be there without its source having been.
    let mut touched: HashSet<&Place> = HashSet::new();
    for (change, durable) in changes.iter().zip(&mut durable).rev() {
        *durable |= places(change).any(|place| touched.contains(place));
        if *durable {
            touched.extend(places(change));
        }
    }
    (changes, durable)
}

/// A file system with a journal: everything up to some moment, which is not before the last durable change.
fn journalled(durable: &[bool], rng: &mut Rng) -> Vec<bool> {
    let least = durable
        .iter()
        .rposition(|durable| *durable)
        .map_or(0, |last| last + 1);
    let pending = (durable.len() - least) as u64;
    let survivors = match rng.luck() {
        Luck::None => 0,
        Luck::All => pending,
        Luck::Coin => rng.below(pending + 1),
    };
    (0..durable.len())
        .map(|i| ((i.saturating_sub(least)) as u64) < survivors || i < least)
        .collect()
}

/// A file system that orders nothing: any changes, except those that build upon a lost one.
fn any(changes: &[&Change], durable: &[bool], rng: &mut Rng) -> Vec<bool> {
    let luck = rng.luck();
    let mut lost: HashSet<&Place> = HashSet::new();
    let mut survives = Vec::new();
    for (change, durable) in changes.iter().zip(durable) {
        let builds_upon_lost = places(change).any(|place| lost.contains(place));
        let here = *durable || (!builds_upon_lost && luck.survives(rng));
        if !here {
            lost.extend(places(change));
        }
        survives.push(here);
    }
    survives
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Change, Event, Log, Place, Rng, settle};

    fn at(dir: &str, name: &str) -> Place {
        Place {
            dir: dir.to_owned(),
            name: name.as_bytes().to_vec(),
        }
    }

    fn add(dir: &str, name: &str, object: &str) -> Event {
        Event::Change(Change::Add(at(dir, name), object.to_owned()))
    }

    fn rename(from: (&str, &str), to: (&str, &str), object: &str) -> Event {
        Event::Change(Change::Rename(
            at(from.0, from.1),
            at(to.0, to.1),
            object.to_owned(),
        ))
    }

    fn sync(dir: &str) -> Event {
        Event::Sync(dir.to_owned())
    }

    /// Every tree that a crash may leave, each directory as `name=object …`.
    fn outcomes(events: Vec<Event>, dirs: &[&str]) -> BTreeSet<String> {
        let log = Log {
            events,
            ..Log::default()
        };
        let describe = |seed| {
            let (tree, _) = settle(&log, &mut Rng::new(seed));
            let describe = |dir: &&str| {
                let entries: Vec<String> = tree
                    .entries(dir)
                    .map(|(name, object)| format!("{}={object}", String::from_utf8_lossy(name)))
                    .collect();
                entries.join(" ")
            };
            dirs.iter().map(describe).collect::<Vec<_>>().join(" | ")
        };
        (0..2000).map(describe).collect()
    }

    fn set(expected: &[&str]) -> BTreeSet<String> {
        expected.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn an_unsynced_name_may_be_lost_and_a_synced_one_may_not() {
        assert_eq!(
            outcomes(vec![add("d", "a", "1")], &["d"]),
            set(&["", "a=1"])
        );
        assert_eq!(
            outcomes(vec![add("d", "a", "1"), sync("d")], &["d"]),
            set(&["a=1"])
        );
        assert_eq!(
            outcomes(vec![add("d", "a", "1"), sync("e")], &["d"]),
            set(&["", "a=1"])
        );
    }

    #[test]
    fn a_rename_happens_whole_or_not_at_all() {
        let begin = || vec![add("d", "t", "1"), sync("d")];
        let with = |more: Vec<Event>| begin().into_iter().chain(more).collect::<Vec<_>>();
        let moved = || rename(("d", "t"), ("d", "f"), "1");
        assert_eq!(outcomes(with(vec![moved()]), &["d"]), set(&["t=1", "f=1"]));
        assert_eq!(
            outcomes(with(vec![moved(), sync("d")]), &["d"]),
            set(&["f=1"])
        );
        let away = || rename(("d", "t"), ("e", "f"), "1");
        assert_eq!(
            outcomes(with(vec![away()]), &["d", "e"]),
            set(&["t=1 | ", " | f=1"])
        );
        assert_eq!(
            outcomes(with(vec![away(), sync("e")]), &["d", "e"]),
            set(&[" | f=1"])
        );
    }

    #[test]
    fn a_synced_rename_does_not_bring_back_its_unsynced_source() {
        let events = vec![
            add("d", "t", "1"),
            rename(("d", "t"), ("e", "f"), "1"),
            sync("e"),
        ];
        assert_eq!(outcomes(events, &["d", "e"]), set(&[" | f=1"]));
    }

    #[test]
    fn independent_changes_survive_in_any_combination_but_never_upon_a_lost_one() {
        let events = vec![add("d", "a", "1"), add("d", "b", "2")];
        assert_eq!(
            outcomes(events, &["d"]),
            set(&["", "a=1", "b=2", "a=1 b=2"])
        );
        let chain = vec![add("d", "a", "1"), rename(("d", "a"), ("d", "b"), "1")];
        assert_eq!(outcomes(chain, &["d"]), set(&["", "a=1", "b=1"]));
    }

    #[test]
    fn a_replaced_file_may_come_back() {
        let events = vec![
            add("d", "f", "old"),
            add("d", "t", "new"),
            sync("d"),
            rename(("d", "t"), ("d", "f"), "new"),
        ];
        assert_eq!(outcomes(events, &["d"]), set(&["f=old t=new", "f=new"]));
    }
}
