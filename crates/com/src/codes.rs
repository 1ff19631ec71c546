//! Words for the contract's numbers that this service never answers with: a program may ask for any of them.
//!
//! Owns a list and nothing else. Must never have a number that the service explains itself.

use bgcopy_model::HResult;

/// What a number of the contract means; `None` for one that is the service's, or nobody's.
pub fn meaning(code: HResult) -> Option<&'static str> {
    Some(match code.0 {
        // BITS, success.
        0x0020_0006 => "the error has no particular context",
        0x0020_002A => "the proxies were changed",
        0x0020_0055 => "a policy of the machine overrides the setting",

        // BITS, failure.
        0x8020_0007 => "the error's context is not known",
        0x8020_0008 => "the error happened in the queue",
        0x8020_0009 => "the error happened in the local file",
        0x8020_000A => "the error happened in the remote file",
        0x8020_000B => "the error happened in the connection",
        0x8020_000C => "the error happened while the client was notified",
        0x8020_000D => "the destination is locked",
        0x8020_000E => "the destination is on another volume than before",
        0x8020_0011 => "the server does not tell the file's size",
        0x8020_0012 => "the server does not support what HTTP/1.1 asks of it",
        0x8020_0014 => "the remote file cannot be fetched in this way",
        0x8020_0015 => "the new owner maps the drive differently",
        0x8020_001C => "there are too many files",
        0x8020_001E => "the error happened in the application on the server",
        0x8020_001F => "the server does not know the session",
        0x8020_0022 => "client and server speak different versions",
        0x8020_0029 => "the file is not there",
        0x8020_003E => "a policy of the machine forbids the transfer",
        0x8020_0040 => "the user name or the password has a form that cannot be used",
        0x8020_0041 => "the hash algorithm is not valid",
        0x8020_0042 => "the record was deleted",
        0x8020_0043 => "the job is being completed",
        0x8020_0044 => "the discovery of peers is under way",
        0x8020_0045 => "the router's UPnP service answers with an error",
        0x8020_0047 => "peer caching is switched off",
        0x8020_0048 => "the cache's record is in use",
        0x8020_0056 => "the job needs a token of its owner",
        0x8020_0059 | 0x80D0_3801 => "the network's cost does not allow the transfer now",
        0x8020_0060 => "the property is for downloads alone",
        0x8020_0061 => "the property can only be read once a file was added",
        0x8020_0062 => "the property can only be read once the job was resumed",
        0x8020_0063 => "the maximum size is not valid",
        0x8020_0064 => "the job is larger than its maximum size",
        0x8020_0065 => "the machine is about to sleep",
        0x8020_0066 => "stored credentials are not supported for this target",
        0x8020_0067 => "the battery policy does not allow the transfer now",
        0x8020_0068 => "the battery saver does not allow the transfer now",
        0x8020_0069 => "the transfer was stopped by its watchdog",
        0x8020_006D => "the server does not serve parts of the file",
        0x8020_0070 => "a policy of the system forbids the transfer",
        0x8020_0075 => "the property can only be read while the job is active",

        // Delivery Optimization.
        0x80D0_1001 => "the Delivery Optimization service cannot be reached",
        0x80D0_2005 => "there are no downloads",
        0x80D0_200B => "downloads to memory are not supported",
        0x80D0_200C => "the job is too old",
        0x80D0_200D => "the download has no local path",
        0x80D0_201A..=0x80D0_201D => {
            "the answer does not tell the file's size, or is not encrypted as expected"
        }
        0x80D0_201E => "the network may only be used with the user's consent",
        0x80D0_2201 => "the download has no content id",
        0x80D0_2202 => "the content id is not valid",
        0x80D0_2203 => "ranges are given where none may be",
        0x80D0_2204 => "ranges are missing",
        0x80D0_3001 => "this machine does not take part in the download",
        0x80D0_3002 => "the download's extended settings are missing",
        0x80D0_3803 => "cellular networks are not to be used",
        0x80D0_3804 => "the power state does not allow the transfer now",
        0x80D0_3807 => "a VPN is not to be used",
        0x80D0_3808 => "the machine is short of memory",
        0x80D0_380A => "the cloud service cannot be reached",
        0x80D0_380D => "the server answered with a status that was not expected",
        0x80D0_5001 => "the server sent a block of another size than asked for",
        0x80D0_6802 => "the Delivery Optimization service has a fault",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use bgcopy_client::{ErrorName, Profile};

    use super::*;

    #[test]
    fn what_the_service_says_itself_is_not_said_here() {
        let successes = [
            HResult::S_OK,
            HResult::S_FALSE,
            HResult::BG_S_PARTIAL_COMPLETE,
            HResult::BG_S_UNABLE_TO_DELETE_FILES,
        ];
        let statuses = (0..=u16::MAX).map(HResult::from_http_status);
        let refusals = ErrorName::ALL.iter().flat_map(|name| {
            let condition = name.condition(HResult::from_http_status(404));
            [Profile::Bits, Profile::Do].map(|profile| condition.hresult(profile))
        });
        for code in successes.into_iter().chain(statuses).chain(refusals) {
            assert_eq!(meaning(code), None, "{code:?}");
        }
        assert!(meaning(HResult(0x8020_003E)).is_some());
    }
}
