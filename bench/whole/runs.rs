//! One run, and runs in pairs.
//!
//! Owns what is counted to whom, the order within a pair, and that nothing wrong is ever measured: each file's size is
//! compared after every run, and all bytes in the first run of a tool.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use crate::{
    cost::{self, Cost, Ended},
    lab::{Lab, same_bytes},
    service::Service,
    tools::{Tool, Work},
};

/// Longer than any transfer on the loopback takes.
const PATIENCE: Duration = Duration::from_mins(10);

/// What the runs of a row share.
pub struct Bench<'a> {
    pub lab: &'a Lab,
    pub service: &'a Service,
    /// Where the origin has the files, under the names of the work.
    pub originals: PathBuf,
    /// Whether what was fetched stays until the row ends. Many small files do: to remove them slows down what follows.
    pub keep: bool,
}

/// The costs of two tools, run for run.
#[derive(Debug, Default)]
pub struct Pairs {
    pub ours: Vec<Cost>,
    pub theirs: Vec<Cost>,
}

impl Pairs {
    /// Pair by pair: ours and theirs.
    pub fn both(&self) -> impl Iterator<Item = (&Cost, &Cost)> {
        self.ours.iter().zip(&self.theirs)
    }
}

impl Bench<'_> {
    /// Ours and a rival in turn, the order changing with each pair.
    pub fn pairs(&self, work: &Work, rival: Tool, count: usize) -> anyhow::Result<Pairs> {
        let mut pairs = Pairs::default();
        for pair in 0..count {
            let mut order = [Tool::Bgcopy, rival];
            if pair % 2 == 1 {
                order.reverse();
            }
            let mut folders = Vec::new();
            for tool in order {
                let folder = self.lab.fresh(&tool.to_string().replace(' ', ""))?;
                let cost = self.run(work, tool, &folder, pair == 0)?;
                eprintln!(
                    "  {tool:<12} {:8.3} s   CPU {:6.2} s",
                    cost.wall.as_secs_f64(),
                    cost.cpu.as_secs_f64()
                );
                match tool {
                    Tool::Bgcopy => pairs.ours.push(cost),
                    _ => pairs.theirs.push(cost),
                }
                folders.push(folder);
            }
            self.dispose(&folders)?;
        }
        Ok(pairs)
    }

    /// One run, checked; the folder is left as it is.
    pub fn run(
        &self,
        work: &Work,
        tool: Tool,
        folder: &Path,
        thorough: bool,
    ) -> anyhow::Result<Cost> {
        self.lab.settle()?;
        let mut commands = work.commands(tool, self.service, folder);
        let (children, service) = (cost::of_children()?, self.service.cpu()?);
        let ended = cost::time(&mut commands, PATIENCE).with_context(|| self.service.said())?;
        let mut cpu = cost::of_children()?.saturating_sub(children);
        // What was begun in the run is part of it: a rival's file is written back, and so is ours, and the service
        // may still tidy up.
        self.lab.settle()?;
        if tool == Tool::Bgcopy {
            cpu += self.service.cpu()?.saturating_sub(service);
        }
        let Ended::Whole {
            all: wall,
            first: fetch,
        } = ended
        else {
            bail!("{tool} does not end");
        };
        check(work, &self.originals, folder, thorough)
            .with_context(|| format!("{tool} fetched something wrong"))?;
        Ok(Cost { wall, cpu, fetch })
    }

    /// Removes what was fetched, unless it is to stay.
    pub fn dispose(&self, folders: &[PathBuf]) -> anyhow::Result<()> {
        if self.keep {
            return Ok(());
        }
        folders
            .iter()
            .try_for_each(|folder| self.lab.remove(folder))
    }
}

/// An error unless the folder has what the work asks for, and nothing else; thorough means each byte.
pub fn check(work: &Work, originals: &Path, folder: &Path, thorough: bool) -> anyhow::Result<()> {
    let found = fs::read_dir(folder)?.count();
    let names = work.names();
    ensure!(
        found == names.len(),
        "{found} files, and not {}",
        names.len()
    );
    for name in names {
        let (original, copy) = (originals.join(name), folder.join(name));
        let wanted = fs::metadata(&original)?.len();
        let size = fs::metadata(&copy)
            .with_context(|| format!("no {name}"))?
            .len();
        ensure!(size == wanted, "{name} has {size} bytes, and not {wanted}");
        if thorough {
            same_bytes(&original, &copy)?;
        }
    }
    Ok(())
}
