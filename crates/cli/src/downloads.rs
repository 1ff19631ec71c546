//! `bgcopy list --downloads`: the service's downloads, which no list of jobs shows.
//!
//! Owns what of a download is told. Must never change one: they are their applications'.

use std::io::{self, Write as _};

use bgcopy_client::{
    Download, DownloadProperty, DownloadState, DownloadStatus, DownloadValue, Error, ErrorName,
    JobState, Manager,
};

use crate::{
    context::{Context, short_id},
    failure::{Exit, Failure},
    format::{Cell, Column, Table, clean, file_name_of, percent, size},
    json,
    terminal::style_of,
};

/// A download, as far as it is told.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its identity.
    pub id: bgcopy_client::JobId,
    /// How it is.
    pub status: DownloadStatus,
    /// The name that its application gave it.
    pub name: Option<String>,
    /// Where its file is.
    pub uri: Option<String>,
    /// Where its file goes.
    pub path: Option<String>,
    /// What stopped it, in a sentence.
    pub error: Option<String>,
}

impl Told {
    async fn of(download: &Download) -> Result<Self, Error> {
        let status = download.status().await?;
        let is_stopped = status.error.or(status.extended_error).is_some();
        Ok(Self {
            id: download.id(),
            name: text(download, DownloadProperty::DisplayName).await?,
            uri: text(download, DownloadProperty::Uri).await?,
            path: text(download, DownloadProperty::LocalPath).await?,
            error: if is_stopped {
                download.error_description().await?
            } else {
                None
            },
            status,
        })
    }

    /// What people call it: its name, else its file's.
    fn title(&self) -> String {
        let of_path = || {
            let path = std::path::Path::new(self.path.as_deref()?);
            Some(path.file_name()?.to_string_lossy().into_owned())
        };
        let of_uri = || Some(file_name_of(&url::Url::parse(self.uri.as_deref()?).ok()?));
        let name = self.name.clone().filter(|name| !name.is_empty());
        name.or_else(of_path).or_else(of_uri).unwrap_or_default()
    }
}

async fn text(download: &Download, property: DownloadProperty) -> Result<Option<String>, Error> {
    Ok(match download.property(property).await? {
        Some(DownloadValue::Text(text)) => Some(text),
        _ => None,
    })
}

/// Lists the downloads that are not final, the oldest first.
pub async fn list(
    manager: &Manager,
    all_users: bool,
    as_json: bool,
    context: &Context,
) -> Result<Exit, Failure> {
    let mut all = Vec::new();
    for download in manager.downloads(all_users).await? {
        match Told::of(&download).await {
            Ok(told) => all.push(told),
            // It was forgotten since it was listed.
            Err(error) if error.service_name() == Some(ErrorName::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if as_json {
        for told in &all {
            json::print(&json::Download::from(told))?;
        }
    } else if all.is_empty() && context.terminal.is_terminal() {
        writeln!(
            io::stdout(),
            "No downloads. Jobs are shown without --downloads."
        )?;
    } else {
        let mut out = io::stdout().lock();
        for line in table(&all).lines(context.terminal.columns, context.terminal.colour) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(Exit::Ok)
}

fn table(all: &[Told]) -> Table {
    let mut table = Table::new(vec![
        Column::text("ID"),
        Column::text("STATE"),
        Column::number("DONE"),
        Column::number("SIZE").expendable(1),
        Column::text("NAME"),
    ]);
    for told in all {
        let status = &told.status;
        let (done, total) = match status.bytes_total {
            Some(total) => (
                format!("{} %", percent(status.bytes_transferred, total)),
                size(total),
            ),
            None => (size(status.bytes_transferred), "?".to_owned()),
        };
        table.row(vec![
            Cell::from(short_id(told.id)),
            Cell {
                text: status.state.name().to_owned(),
                style: style_of(painted_as(status)),
            },
            Cell::from(done),
            Cell::from(total),
            Cell::from(clean(&told.title())),
        ]);
    }
    table
}

/// The state of a job that has the same colour.
const fn painted_as(status: &DownloadStatus) -> JobState {
    match status.state {
        DownloadState::Transferring => JobState::Transferring,
        DownloadState::Transferred => JobState::Transferred,
        DownloadState::Finalized => JobState::Acknowledged,
        DownloadState::Aborted => JobState::Cancelled,
        DownloadState::Paused if status.error.is_some() => JobState::Error,
        DownloadState::Paused if status.extended_error.is_some() => JobState::TransientError,
        DownloadState::Created | DownloadState::Paused => JobState::Suspended,
    }
}

#[cfg(test)]
pub mod tests {
    use bgcopy_client::{HResult, JobId};

    use super::*;

    pub fn told() -> Told {
        Told {
            id: JobId::from_u128(1),
            status: DownloadStatus {
                state: DownloadState::Paused,
                bytes_total: Some(24),
                bytes_transferred: 12,
                error: Some(HResult(0x8019_0194)),
                extended_error: None,
            },
            name: None,
            uri: Some("https://me:secret@example.org/a%20b".into()),
            path: Some("/tmp/a\nb".into()),
            error: Some("not found".into()),
        }
    }

    #[test]
    fn a_download_takes_a_line_and_is_called_by_its_name_or_its_file() {
        let named = Told {
            name: Some("an image".into()),
            ..told()
        };
        let nowhere = Told {
            path: None,
            ..told()
        };
        let lines = table(&[told(), named, nowhere]).lines(None, false);
        assert_eq!(
            lines,
            [
                "ID        STATE   DONE  SIZE  NAME",
                "00000000  paused  50 %  24 B  a\u{fffd}b",
                "00000000  paused  50 %  24 B  an image",
                "00000000  paused  50 %  24 B  a%20b",
            ]
        );
    }
}
