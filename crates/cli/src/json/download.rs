//! The JSON of a download. It has the manner of a job's, and says what its application set.

use bgcopy_client::HResult;
use serde::Serialize;

use crate::{downloads::Told, format::redact};

/// A download: what `list --downloads` answers.
#[derive(Debug, Serialize)]
pub struct Download<'a> {
    id: String,
    name: Option<&'a str>,
    url: Option<String>,
    path: Option<&'a str>,
    state: &'static str,
    bytes_total: Option<u64>,
    bytes_transferred: u64,
    error: Option<Trouble<'a>>,
}

#[derive(Debug, Serialize)]
struct Trouble<'a> {
    code: String,
    passes: bool,
    description: &'a str,
}

impl<'a> From<&'a Told> for Download<'a> {
    fn from(told: &'a Told) -> Self {
        let status = &told.status;
        let description = told.error.as_deref().unwrap_or_default();
        let trouble = |code: HResult, passes| Trouble {
            code: code.to_string(),
            passes,
            description,
        };
        let for_good = status.error.map(|code| trouble(code, false));
        Self {
            id: told.id.to_string(),
            name: told.name.as_deref(),
            url: told.uri.as_deref().map(|uri| redact(uri).into_owned()),
            path: told.path.as_deref(),
            state: status.state.name(),
            bytes_total: status.bytes_total,
            bytes_transferred: status.bytes_transferred,
            error: for_good.or_else(|| status.extended_error.map(|code| trouble(code, true))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downloads::tests::told;

    #[test]
    fn a_download_is_told_without_its_password() {
        let download = told();
        let value = serde_json::to_value(Download::from(&download)).unwrap();
        assert_eq!(value["url"], "https://***@example.org/a%20b");
        assert_eq!(value["state"], "paused");
        assert_eq!(value["name"], serde_json::Value::Null);
        let error = serde_json::json!({
            "code": "0x80190194", "passes": false, "description": "not found"
        });
        assert_eq!(value["error"], error);
    }
}
