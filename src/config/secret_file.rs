//! Names of files that hold secrets: the mistake that people make is to write the secret itself there,
//! which would then be told as a name is.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::node::Node;
use super::patterns;
use super::problem::Problem;
use super::reader::{Read, Reader};
use super::schema;
use super::values::name;

/// The name of a file that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretFileName(pub(crate) String);

impl Read for SecretFileName {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let name = name(node, reader, "the path of a file")?;
        if is_the_secret_itself(name) {
            let spot = reader.spot(node);
            // Not quoted: it is the secret.
            let message = "expected the path of a file, found the secret itself";
            let hint = "put it into a file of mode 0600, and name that file here";
            reader.tell(Problem::error(spot, message).hint(hint));
            return None;
        }
        Some(Self(name.to_owned()))
    }
}

/// The same as [`is_the_secret_itself`], for the schema.
const SECRET: &str = r"^\s*eyJ[A-Za-z0-9._+/=-]{17,}\s*$|://|^\s*[A-Za-z0-9_-]+: ";

impl JsonSchema for SecretFileName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretFileName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema::pattern_but_not(patterns::NAME, SECRET)
    }
}

/// True for a value that was pasted where the name of its file belongs: a token (JWT), an address, a
/// header.
pub(super) fn is_the_secret_itself(value: &str) -> bool {
    /// A shorter one is a name: the first part of a token is longer.
    const TOKEN_LEAST: usize = 20;
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "._-+/=".contains(c);
    let value = value.trim();
    let is_token =
        value.starts_with("eyJ") && value.len() >= TOKEN_LEAST && value.chars().all(is_of_token);
    let is_header = value.split_once(": ").is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    });
    is_token || is_header || value.contains("://")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::tz::TimeZone;

    use super::super::{Surroundings, read_bytes};

    #[test]
    fn a_secret_in_the_place_of_its_files_name_is_an_error_that_does_not_repeat_it() {
        let surroundings = Surroundings {
            system_zone: ("UTC".to_owned(), TimeZone::UTC),
            zone_trouble: None,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let read = |text: &str| {
            let text = format!("jobs: {}\n{text}\n", "{}");
            read_bytes(Path::new("jobs.yaml"), text.into_bytes(), &surroundings)
        };
        for secret in [
            "agent: {token_file: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.S3CRET}",
            "agent:\n  token_file: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.S3CRET",
            "agent: {login: {username: a, password_file: 'https://h/S3CRET'}}",
            "alerts:\n- {on: [failed], webhook: {url_file: 'https://h/T0/S3CRET'}}",
            "alerts:\n- on: [failed]\n  webhook:\n    url_file: https://S3CRET",
            "alerts:\n- {on: [failed], ping: {url_file: https://S3CRET}}",
            "alerts:\n- on: [failed]\n  webhook:\n    url: http://h\n    \
             headers_file: 'Authorization: Bearer S3CRET'",
        ] {
            let rejected = read(secret).unwrap_err();
            let told: Vec<_> =
                rejected.errors.iter().map(|error| error.render(false, 100)).collect();
            let told = told.join("\n");
            assert!(told.contains("found the secret itself"), "{secret}: {told}");
            assert!(
                !told.contains("S3CRET") && !format!("{:?}", rejected.errors).contains("S3CRET")
            );
        }
        for name in ["token", "/etc/transferd/token", "hooks/ops: a", "eyJ", "a b/c.d", "C:/x"] {
            assert!(read(&format!("agent: {{token_file: '{name}'}}")).is_ok(), "{name}");
        }
    }
}
