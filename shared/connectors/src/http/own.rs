//! Our own credentials in a product's words: an error may quote the token that it was shown.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::connection::Credentials;

/// What stands where a credential was.
const REMOVED: &str = "<credential>";

/// A shorter piece of an encoding may be a part of any word.
const SHORTEST_PIECE: usize = 8;

/// What of a connection's credentials may stand in no text that leaves the connector.
#[derive(Debug)]
pub(crate) struct Own(Vec<SecretString>);

impl Own {
    /// The credentials of a connection.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let every = credentials.signing_secrets.iter().chain([&credentials.api_token]);
        // Behind the prefix of Standard Webhooks and of Stripe stands the key itself.
        let keys =
            credentials.signing_secrets.iter().filter_map(|s| s.expose_secret().strip_prefix("whsec_"));
        let own = every.map(|s| s.expose_secret()).chain(keys).filter(|s| !s.is_empty());
        Self(own.map(SecretString::from).collect())
    }

    /// A text without them: as they are, in an address, in base64. Removed from a text that was cut,
    /// a part of one could be left; so this comes first.
    pub(crate) fn removed_from(&self, text: &str) -> String {
        let mut forms: Vec<String> = self.0.iter().flat_map(|secret| forms(secret.expose_secret())).collect();
        // One may be a part of another.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.iter().fold(text.to_owned(), |text, form| text.replace(form, REMOVED))
    }
}

/// The ways in which a secret may be written.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    if let Ok(address) = Url::parse_with_params("x:", [("", secret)]) {
        let written = address.query().and_then(|query| query.strip_prefix('=')).unwrap_or_default();
        forms.extend([written.to_owned(), lower_case_escapes(written)]);
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        // Alone or behind something else (`user:secret`), which shifts it by a byte or two: what is the same
        // in each case is all but the characters that it shares with its neighbours.
        for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret.as_bytes());
            let ragged = usize::from(bytes.len() % 3 != 0);
            let encoded = engine.encode(bytes);
            forms.extend(encoded.get(shared..encoded.len() - ragged).map(str::to_owned));
        }
    }
    forms.retain(|form| form == secret || form.len() >= SHORTEST_PIECE);
    forms
}

/// Some write `%2f` for `%2F`.
fn lower_case_escapes(written: &str) -> String {
    let mut parts = written.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (escape, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        format!("{text}%{}{rest}", escape.to_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "pat-na1/7f+Q3==k~9?zW";
    const SIGNING: &str = "whsec_c2lnbmluZy1rZXktb2Ytb3Vycw==";

    fn own() -> Own {
        let known = json!({ "signing_secrets": ["current-secret", SIGNING], "api_token": TOKEN });
        Own::of(&serde_json::from_value(known).expect("credentials"))
    }

    #[test]
    fn a_credential_is_removed_in_every_form_that_is_echoed() {
        for secret in [TOKEN, SIGNING, "current-secret", "c2lnbmluZy1rZXktb2Ytb3Vycw=="] {
            let lower: String = secret.bytes().map(|b| escaped(b, |b| format!("%{b:02x}"))).collect();
            let upper: String = secret.bytes().map(|b| escaped(b, |b| format!("%{b:02X}"))).collect();
            for written in [secret.to_owned(), lower, upper] {
                assert_eq!(
                    own().removed_from(&format!("no {written}.")),
                    format!("no {REMOVED}."),
                    "{written}"
                );
            }
        }
    }

    #[test]
    fn base64_is_removed_wherever_the_credential_stands_in_what_is_encoded() {
        for secret in [TOKEN, SIGNING, "current-secret"] {
            for around in [["", ""], [":", ""], ["x:", "\n"], ["Bearer ", ""], ["user:", "!!"]] {
                for engine in [STANDARD, URL_SAFE] {
                    let encoded = engine.encode(around.join(secret));
                    let said = own().removed_from(&format!("header {encoded} refused"));
                    assert!(said.contains(REMOVED), "{encoded}: {said}");
                    let rest = said.split_whitespace().nth(1).expect("what is left").replace(REMOVED, "");
                    let most = engine.encode(around.join("..")).len();
                    assert!(rest.len() <= most + 4, "{encoded}: {said}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_credential_stays() {
        let said = "422: field current is unknown; whsec_ is a prefix; 50% of cGF0 (%2f), secret of nobody";
        assert_eq!(own().removed_from(said), said);
        let none = Own::of(&serde_json::from_value(json!({})).expect("credentials"));
        assert_eq!(none.removed_from(said), said, "an empty token is in every text");
        assert!(!format!("{:?}", own()).contains("current"), "nor are they shown for debugging");
    }

    /// As products escape it: every character but letters, digits, and a few that need none.
    fn escaped(byte: u8, escape: fn(u8) -> String) -> String {
        let plain = byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if plain { char::from(byte).to_string() } else { escape(byte) }
    }
}
