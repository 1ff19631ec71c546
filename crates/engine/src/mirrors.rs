//! Which mirrors a file may have.
//!
//! One rule: a file has mirrors only with a checksum of its caller's. Nothing else tells that what another host sends is
//! the same file, and a mirror that counted for some files and was passed over for others would be a surprise.

use bgcopy_model::{Checksum, Condition, Limits, Mirror};
use url::Url;

use crate::{Refusal, intake};

/// The mirrors of a file at `url`, in the order in which they are asked: by priority, equals as they were given. What is
/// named twice counts once.
pub(crate) fn checked(
    mut mirrors: Vec<Mirror>,
    url: &Url,
    checksum: Option<Checksum>,
) -> Result<Vec<Mirror>, Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Condition::InvalidArgument, detail));
    if mirrors.is_empty() {
        return Ok(mirrors);
    }
    if checksum.is_none() {
        return refuse(
            "a file with mirrors needs a checksum: without one nothing tells that what they send is the same file"
                .to_owned(),
        );
    }
    let (count, most) = (mirrors.len(), Limits::MIRRORS);
    if count > most {
        return refuse(format!("the file has {count} mirrors, {most} are allowed"));
    }
    for mirror in &mirrors {
        intake::check_url(&mirror.url)?;
    }
    mirrors.sort_by_key(|mirror| mirror.priority);
    let mut seen = vec![url.clone()];
    mirrors.retain(|mirror| {
        let is_new = !seen.contains(&mirror.url);
        if is_new {
            seen.push(mirror.url.clone());
        }
        is_new
    });
    Ok(mirrors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(url: &str, priority: u32) -> Mirror {
        Mirror::new(url.parse().unwrap(), priority).unwrap()
    }

    fn checksum() -> Option<Checksum> {
        format!("sha256:{}", "0".repeat(64)).parse().ok()
    }

    fn url() -> Url {
        "http://origin/f".parse().unwrap()
    }

    #[test]
    fn mirrors_are_asked_by_priority_and_each_once() {
        let given = vec![
            mirror("http://c/f", 0),
            mirror("http://a/f", 1),
            mirror("http://origin/f", 1),
            mirror("http://b/f", 1),
            mirror("http://a/f", 7),
        ];
        let hosts: Vec<_> = checked(given, &url(), checksum())
            .unwrap()
            .into_iter()
            .map(|mirror| mirror.url.host_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(hosts, ["a", "b", "c"]);
    }

    #[test]
    fn mirrors_without_a_checksum_too_many_of_them_and_other_schemes_are_refused() {
        assert_eq!(checked(vec![], &url(), None), Ok(vec![]));
        let refused = |mirrors, checksum| checked(mirrors, &url(), checksum).unwrap_err().condition;
        let one = vec![mirror("http://a/f", 1)];
        assert_eq!(refused(one, None), Condition::InvalidArgument);
        let many = |n| vec![mirror("http://a/f", 1); n];
        assert!(checked(many(32), &url(), checksum()).is_ok());
        assert_eq!(refused(many(33), checksum()), Condition::InvalidArgument);
        let other = vec![mirror("ftp://a/f", 1)];
        assert_eq!(refused(other, checksum()), Condition::SchemeUnsupported);
    }
}
