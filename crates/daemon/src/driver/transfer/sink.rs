//! What takes the bytes of a run: a temporary file, or the stream that a client handed over.
//!
//! Owns what differs between the two outside their inner loops: how they begin, what is durable, whether they can begin
//! again, how they end. What a stream has taken is never asked for again.

use std::sync::Arc;

use bgcopy_disk::{DiskError, FolderAt, OwnerDisk, TempFile};
use bgcopy_engine::{Outcome, Report};
use bgcopy_model::{Condition, FileRecord, Inode, Layout, Naming, PIECE, RangeSet, Validator};
use bgcopy_transfer::Facts;
use bytes::Bytes;

use super::{Halt, Picker, Run, halt, sources::ORIGIN};
use crate::{
    crash,
    driver::{names::Names, streams::Stream},
};

/// What takes the bytes.
pub(super) enum Sink {
    /// A temporary file.
    File(Local),
    /// A stream.
    Stream(Arc<Stream>),
}

/// A temporary file and what it takes to make it.
pub(super) struct Local {
    disk: OwnerDisk,
    names: Names,
    /// Made when the first answer is there, so that a refused request leaves no file.
    temporary: Option<TempFile>,
}

impl Sink {
    /// A file that is not open yet.
    pub(super) const fn file(disk: OwnerDisk, names: Names) -> Self {
        Self::File(Local {
            disk,
            names,
            temporary: None,
        })
    }

    /// Whether what it has taken cannot be taken back.
    pub(super) const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }
}

impl Local {
    /// Whether there is a temporary file.
    pub(super) const fn is_made(&self) -> bool {
        self.temporary.is_some()
    }
}

impl Run<'_> {
    /// Opens the temporary file that an earlier run left.
    pub(super) async fn reopen(&mut self) -> Result<(), Halt> {
        let Sink::File(local) = &mut self.sink else {
            return Ok(());
        };
        if self.durable.is_empty() {
            return Ok(());
        }
        let folder = folder(&self.file)?;
        let written = self.durable.clone();
        let found = local.disk.reopen(folder, &self.file.temporary, written);
        let Some(found) = found.await? else {
            let path = self.file.path.with_file_name(&*self.file.temporary);
            let detail = format!("the temporary file {} is gone or too short", path.display());
            return Err(Halt::local(Condition::LocalFileChanged, detail));
        };
        found.expect(self.expected().map(|checksum| checksum.algorithm));
        self.place(found);
        Ok(())
    }

    /// Makes the temporary file if there is none and the bytes are not gathered first, and reports what the answer of a
    /// place told.
    pub(super) async fn open(
        &mut self,
        place: usize,
        size: Option<u64>,
        version: &Validator,
        facts: &Facts,
    ) -> Result<(), Halt> {
        if !self.gathers(size) {
            self.make(size).await?;
        }
        // A mirror has no say in where the file is or what it is called.
        let of_origin = (place == ORIGIN).then_some(facts);
        self.reporter.told_by(facts, of_origin.is_some());
        let mut name = None;
        if let Sink::File(local) = &self.sink
            && self.file.name_pending()
        {
            let proposed = of_origin
                .and_then(|facts| facts.name.clone())
                .or_else(|| bgcopy_origin::name::from_url(&self.file.url))
                .unwrap_or_else(|| "download".to_owned());
            let (job, folder) = (self.reporter.id.job, folder(&self.file)?);
            let free = local.names.choose(job, &local.disk, folder, &proposed);
            name = Some(free.await?);
            self.file.naming = Naming::Chosen;
        }
        self.reporter.report(Report::Opened {
            size,
            version: version.clone(),
            name,
            modified: facts.modified,
        });
        Ok(())
    }

    /// Makes the temporary file if there is none.
    pub(super) async fn make(&mut self, size: Option<u64>) -> Result<(), Halt> {
        let Sink::File(local) = &self.sink else {
            return Ok(());
        };
        if local.is_made() {
            return Ok(());
        }
        let made = local.disk.create(folder(&self.file)?, &self.file.temporary);
        let made = made.await?;
        crash::point("temporary-created");
        if let Some(size) = size {
            made.allocate(size).await?;
        }
        made.expect(self.expected().map(|checksum| checksum.algorithm));
        self.place(made);
        Ok(())
    }

    /// Makes the temporary file with all its bytes, which are durable then.
    pub(super) async fn put(&mut self, content: Vec<Bytes>) -> Result<(), Halt> {
        if let Sink::File(local) = &self.sink {
            let algorithm = self.expected().map(|checksum| checksum.algorithm);
            let folder = folder(&self.file)?;
            let put = local
                .disk
                .put(folder, &self.file.temporary, content, algorithm);
            let made = put.await?;
            self.place(made);
        }
        Ok(())
    }

    /// Empties the temporary file. That its bytes no longer count is durable before the first new byte is written:
    /// otherwise a crash could leave the old version's validator beside bytes of the new one. A stream ends the run:
    /// what it has taken stays.
    pub(super) async fn restart(&mut self, changed: bool) -> Result<(), Halt> {
        let Sink::File(_) = &self.sink else {
            return Err(self.cannot_start_again(changed));
        };
        self.reporter
            .report_durably(Report::Restarted { changed })
            .await?;
        if let Sink::File(local) = &self.sink
            && let Some(temporary) = &local.temporary
        {
            temporary.truncate().await?;
        }
        self.picker = Picker::new(None, RangeSet::new());
        self.size = None;
        self.durable = RangeSet::new();
        self.version = None;
        self.sources.begin_anew();
        self.layout = Layout::checked(&self.file.ranges);
        Ok(())
    }

    /// Why a file that would have to begin again does not go on into its stream.
    pub(super) fn cannot_start_again(&self, changed: bool) -> Halt {
        let (host, taken) = (self.host(ORIGIN), self.picker.here().len());
        if changed {
            let detail = format!(
                "{host} has another version of the file than the one of which the stream has taken {taken} bytes"
            );
            return halt(Condition::RemoteFileChanged, detail);
        }
        let detail = format!(
            "the stream has taken {taken} bytes, and {host} cannot go on behind them: it serves no ranges, or tells by \
             nothing that two answers are of one version"
        );
        halt(Condition::InsufficientRangeSupport, detail)
    }

    /// Makes what is written durable and reports it. What a stream has taken is that already.
    pub(super) async fn checkpoint(&mut self) -> Result<(), DiskError> {
        let here = self.picker.here().clone();
        if here == self.durable {
            return Ok(());
        }
        if let Sink::File(local) = &self.sink {
            let Some(temporary) = &local.temporary else {
                return Ok(());
            };
            temporary.sync().await?;
            crash::point("bytes-synced");
        }
        self.durable = here.clone();
        self.reporter.report(Report::Progress(here.len()));
        self.report_spent();
        self.reporter.report(Report::Durable(here));
        Ok(())
    }

    /// Every byte is here: verifies and syncs a file.
    pub(super) async fn finish(&mut self) -> Result<Outcome, Halt> {
        let size = self.picker.here().len();
        let inode = if self.sink.is_stream() {
            None
        } else {
            Some(self.verify(size).await?)
        };
        Ok(Outcome::Finished {
            size,
            length_unverified: !self.length_verified,
            inode,
        })
    }

    async fn verify(&self, size: u64) -> Result<Inode, Halt> {
        let temporary = self.temporary()?;
        if let Some(expected) = self.expected() {
            let found = temporary.digest(expected.algorithm, size).await?;
            if found != expected.digest {
                let found = bgcopy_model::Checksum {
                    digest: found,
                    ..expected
                };
                temporary.truncate().await?;
                return Err(self.has_another_digest(found, expected));
            }
        }
        let unsynced = size.saturating_sub(self.durable.len());
        if unsynced > PIECE {
            // Others would have to wait for it.
            temporary.sync().await?;
        } else if unsynced > 0 || size == 0 {
            temporary.settle().await?;
        }
        crash::point("file-finished");
        Ok(temporary.inode())
    }

    pub(super) fn temporary(&self) -> Result<&TempFile, Halt> {
        let found = match &self.sink {
            Sink::File(local) => local.temporary.as_ref(),
            Sink::Stream(_) => None,
        };
        found.ok_or_else(|| {
            let detail = format!("{} has no temporary file", self.reporter.id);
            Halt::local(Condition::Internal, detail)
        })
    }

    /// Takes a temporary file over. Notes which folder it is in, if that was left open.
    fn place(&mut self, temporary: TempFile) {
        if self.file.folder.is_none() {
            self.file.folder = Some(temporary.folder());
            self.reporter.report(Report::Placed(temporary.folder()));
        }
        if let Sink::File(local) = &mut self.sink {
            local.temporary = Some(temporary);
        }
    }
}

fn folder(file: &FileRecord) -> Result<FolderAt<'_>, Halt> {
    let folder = file.path.parent().ok_or_else(|| {
        let detail = format!("{} names no file in a folder", file.path.display());
        Halt::local(Condition::InvalidName, detail)
    })?;
    Ok(FolderAt::new(folder, file.folder))
}
