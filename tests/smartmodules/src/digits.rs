//! A filter_map: of values with digits, the digits; the rest becomes the key. Values without digits are left out.
use fluvio_smartmodule::{RecordData, Result, SmartModuleRecord, smartmodule};

#[smartmodule(filter_map)]
pub fn digits(record: &SmartModuleRecord) -> Result<Option<(Option<RecordData>, RecordData)>> {
    let (digits, rest): (Vec<u8>, Vec<u8>) = record.value.as_ref().iter().partition(|b| b.is_ascii_digit());
    if digits.is_empty() {
        return Ok(None);
    }
    Ok(Some(((!rest.is_empty()).then(|| rest.into()), digits.into())))
}
