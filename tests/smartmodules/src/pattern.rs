//! A filter with a parameter it needs: keeps values in which `pattern` is found, a small regular expression of characters,
//! `.` for any, `*` for any number of the one before it, and `^` and `$` for the ends.
use std::sync::OnceLock;

use fluvio_smartmodule::dataplane::smartmodule::SmartModuleExtraParams;
use fluvio_smartmodule::{Result, SmartModuleRecord, eyre, smartmodule};

static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();

#[smartmodule(init)]
fn init(params: SmartModuleExtraParams) -> Result<()> {
    let Some(pattern) = params.get("pattern") else {
        return Err(eyre!("the parameter pattern is missing"));
    };
    let _ = PATTERN.set(pattern.clone().into_bytes());
    Ok(())
}

/// Whether `text` begins with something that `pattern` describes.
fn begins(pattern: &[u8], text: &[u8]) -> bool {
    let fits = |c: u8| text.first().is_some_and(|t| c == b'.' || c == *t);
    match pattern {
        [] => true,
        [b'$'] => text.is_empty(),
        [c, b'*', rest @ ..] => begins(rest, text) || (fits(*c) && begins(pattern, &text[1..])),
        [c, rest @ ..] => fits(*c) && begins(rest, &text[1..]),
    }
}

#[smartmodule(filter)]
pub fn found(record: &SmartModuleRecord) -> Result<bool> {
    let text = record.value.as_ref();
    Ok(match PATTERN.get().map(Vec::as_slice).unwrap_or_default() {
        [b'^', rest @ ..] => begins(rest, text),
        pattern => (0..=text.len()).any(|at| begins(pattern, &text[at..])),
    })
}
