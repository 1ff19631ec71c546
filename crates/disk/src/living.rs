//! What somebody has, by its path.
//!
//! Owns no share of it: what nobody has any more is gone, and swept out in time.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

/// Shared things by their paths.
#[derive(Debug)]
pub(crate) struct Living<T> {
    by_path: HashMap<PathBuf, Weak<T>>,
    /// Size at which those that are gone are swept out.
    sweep_at: usize,
}

impl<T> Default for Living<T> {
    fn default() -> Self {
        Self {
            by_path: HashMap::new(),
            sweep_at: 0,
        }
    }
}

impl<T> Living<T> {
    pub(crate) fn get(&self, path: &Path) -> Option<Arc<T>> {
        self.by_path.get(path).and_then(Weak::upgrade)
    }

    pub(crate) fn put(&mut self, path: &Path, thing: &Arc<T>) {
        if self.by_path.len() >= self.sweep_at {
            self.by_path.retain(|_, thing| thing.strong_count() > 0);
            // Doubling makes the sweeps cost a constant share of the insertions.
            self.sweep_at = (2 * self.by_path.len()).max(64);
        }
        self.by_path.insert(path.to_owned(), Arc::downgrade(thing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_is_gone_and_takes_no_room_for_long() {
        let mut living = Living::default();
        let kept = Arc::new(0);
        living.put(Path::new("/kept"), &kept);
        for number in 1..10_000 {
            living.put(Path::new(&format!("/{number}")), &Arc::new(number));
            assert!(living.by_path.len() <= 64);
        }
        assert_eq!(living.get(Path::new("/kept")), Some(kept));
        assert_eq!(living.get(Path::new("/9999")), None);
    }
}
