//! The methods of `org.bgcopy.Job1` about how requests go out, and what `CreateJob` says of the same: parsed here.
//!
//! Passwords pass through: what is refused is named, never repeated.

use bgcopy_bus::{CredentialArgs, JobOptions, Variables};
use bgcopy_engine::{Call as EngineCall, HttpSetting, Refusal, Setting};
use bgcopy_model::{
    AuthScheme, AuthTarget, Condition, Credential, FileId, Header, HeaderError, HttpOptionError,
    HttpOptions, ProxySettings, ProxyUsage, SecurityFlags,
};

use super::{
    call::{Call, Failure, Outcome},
    dispatch::no_method,
    intake::invalid,
    job,
};
use crate::driver::JobSnapshot;

pub(super) async fn call(call: &Call, job: &JobSnapshot, member: &str) -> Outcome {
    let refused = Failure::refused(job.profile);
    let setting = match member {
        "SetCredentials" => {
            let (target, scheme, user, password) = call.arguments()?;
            let arguments = CredentialArgs {
                target,
                scheme,
                user,
                password,
            };
            HttpSetting::SetCredentials(credential(arguments).map_err(refused)?)
        }
        "RemoveCredentials" => {
            let (target, scheme) = call.arguments::<(String, String)>()?;
            let target = AuthTarget::from_name(&target).map_err(refusal);
            let scheme = AuthScheme::from_name(&scheme).map_err(refusal);
            HttpSetting::RemoveCredentials(target.map_err(&refused)?, scheme.map_err(&refused)?)
        }
        "SetProxySettings" => {
            let (usage, proxies, bypass) =
                call.arguments::<(String, Vec<String>, Vec<String>)>()?;
            HttpSetting::Proxy(proxy_settings(&usage, &proxies, bypass).map_err(refused)?)
        }
        "SetCustomHeaders" => {
            HttpSetting::Headers(headers(call.arguments::<Variables>()?).map_err(refused)?)
        }
        "GetProxySettings" => {
            call.arguments::<()>()?;
            let shown = &job.http;
            return call.answer(&(shown.usage.name(), &shown.proxies, &shown.bypass));
        }
        "GetResponseHeaders" => {
            let index = call.arguments::<u32>()?;
            if job.files.get(index as usize).is_none() {
                let condition = Condition::NoSuchFile;
                let refusal = Refusal::new(condition, condition.description());
                return Err(refused(refusal));
            }
            let heads = call.service.handle().heads();
            let head = heads.of(FileId { job: job.id, index });
            return call.answer(&head.as_deref().unwrap_or_default());
        }
        _ => return Err(no_method(bgcopy_bus::names::JOB, member)),
    };
    let setting = Setting::Http(setting);
    job::change(call, job, EngineCall::Set(job.id, setting)).await?;
    call.done()
}

/// Where redirects may lead.
pub(super) fn security_flags(bits: u32) -> Result<SecurityFlags, Refusal> {
    SecurityFlags::from_bits(bits).map_err(refusal)
}

/// How the requests of a new job go out.
pub(super) fn options(options: &mut JobOptions) -> Result<HttpOptions, Refusal> {
    let security = options.security_flags.take().unwrap_or_default();
    let usage = options.proxy_usage.take();
    let usage = usage.as_deref().unwrap_or(ProxyUsage::default().name());
    let proxies = options.proxies.take().unwrap_or_default().0;
    let bypass = options.proxy_bypass.take().unwrap_or_default();
    let credentials = options.credentials.take().unwrap_or_default().into_iter();
    Ok(HttpOptions {
        security: security_flags(security)?,
        proxy: proxy_settings(usage, &proxies, bypass)?,
        credentials: credentials.map(credential).collect::<Result<_, _>>()?,
    })
}

/// Request header fields that a caller may set.
pub(super) fn headers(Variables(fields): Variables) -> Result<Vec<Header>, Refusal> {
    let fields = fields.into_iter();
    let parsed = fields.map(|(name, value)| Header::new(name, value));
    let parsed: Result<_, HeaderError> = parsed.collect();
    parsed.map_err(|error| invalid(error.to_string()))
}

fn credential(arguments: CredentialArgs) -> Result<Credential, Refusal> {
    let CredentialArgs {
        target,
        scheme,
        user,
        password,
    } = arguments;
    let target = AuthTarget::from_name(&target).map_err(refusal)?;
    let scheme = AuthScheme::from_name(&scheme).map_err(refusal)?;
    Credential::new(target, scheme, user, password).map_err(refusal)
}

fn proxy_settings(
    usage: &str,
    proxies: &[String],
    bypass: Vec<String>,
) -> Result<ProxySettings, Refusal> {
    let usage = ProxyUsage::from_name(usage).ok_or_else(|| {
        let all = ProxyUsage::ALL.map(ProxyUsage::name).join(", ");
        invalid(format!(
            "there is no proxy usage {usage:?}; there are {all}"
        ))
    })?;
    ProxySettings::new(usage, proxies, bypass).map_err(refusal)
}

fn refusal(error: HttpOptionError) -> Refusal {
    Refusal::new(error.condition, error.detail)
}
