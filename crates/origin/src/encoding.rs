//! The two text encodings that HTTP needs: percent-encoding (RFC 3986, section 2.1) and base64 (RFC 4648).

/// The bytes that a percent-encoded text stands for; `None` when a `%` is not followed by two hexadecimal digits.
pub(crate) fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            decoded.push(first);
            continue;
        }
        let (&[high, low], tail) = rest.split_first_chunk()?;
        decoded.push(digit(high)? << 4 | digit(low)?);
        rest = tail;
    }
    Some(decoded)
}

/// Base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let sextet = (bits >> (18 - 6 * i)) & 63;
            text.push(if i <= group.len() {
                char::from(ALPHABET[sextet as usize])
            } else {
                '='
            });
        }
    }
    text
}

/// The bytes of a base64 text with its padding; `None` for everything else.
pub(crate) fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    let sextet = |byte: u8| match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (groups, []) = text.as_chunks::<4>() else {
        return None;
    };
    for (at, group) in groups.iter().enumerate() {
        let padding = match group {
            [_, _, b'=', b'='] => 2,
            [_, _, _, b'='] => 1,
            _ => 0,
        };
        if padding > 0 && at + 1 < groups.len() {
            return None;
        }
        let mut bits = 0;
        for &byte in &group[..4 - padding] {
            bits = bits << 6 | sextet(byte)?;
        }
        bits <<= 6 * padding;
        let [_, group @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(&group[..3 - padding]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
            assert_eq!(base64_decode(encoded.as_bytes()), Some(text.into()));
        }
        for wrong in [
            "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9*", "Zm-_", " Zg==",
        ] {
            assert_eq!(base64_decode(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn percent_encoding_is_undone_or_refused() {
        assert_eq!(percent_decode(b"a%20%c3%A9"), Some("a é".into()));
        assert_eq!(percent_decode(b"100%"), None);
        assert_eq!(percent_decode(b"%zz"), None);
        assert_eq!(percent_decode(b"%2"), None);
    }
}
