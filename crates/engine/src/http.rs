//! The settings of how a job's requests go out. They hold from the next run of a file on: a transfer that is under way
//! ends as it began.

use bgcopy_model::{
    AuthScheme, AuthTarget, Credential, Header, JobRecord, ProxySettings, SecurityFlags,
};

use crate::{Refusal, intake};

/// A setting of how requests go out, and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpSetting {
    /// The fields that every request carries, in place of all that there were; checked for length here.
    Headers(Vec<Header>),
    /// Where redirects may lead.
    Security(SecurityFlags),
    /// Which proxies are used.
    Proxy(ProxySettings),
    /// What answers a challenge, in place of what there was for the same target and scheme.
    SetCredentials(Credential),
    /// Nothing answers these challenges any more.
    RemoveCredentials(AuthTarget, AuthScheme),
}

/// Changes the record; says whether anything is different now.
pub(crate) fn set(record: &mut JobRecord, setting: HttpSetting) -> Result<bool, Refusal> {
    let (headers_before, before) = (record.headers.clone(), record.http.clone());
    match setting {
        HttpSetting::Headers(headers) => {
            intake::check_headers(&headers)?;
            record.headers = headers;
        }
        HttpSetting::Security(flags) => record.http.security = flags,
        HttpSetting::Proxy(settings) => record.http.proxy = settings,
        HttpSetting::SetCredentials(credential) => record.http.credentials.set(credential),
        HttpSetting::RemoveCredentials(target, scheme) => {
            record.http.credentials.remove(target, scheme);
        }
    }
    Ok(record.headers != headers_before || record.http != before)
}
