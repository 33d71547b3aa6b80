//! An array_map: a record for each word of the value. The key of a record is its number among them.
use fluvio_smartmodule::{RecordData, Result, SmartModuleRecord, smartmodule};

#[smartmodule(array_map)]
pub fn words(record: &SmartModuleRecord) -> Result<Vec<(Option<RecordData>, RecordData)>> {
    let words = record.value.as_ref().split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
    Ok(words.enumerate().map(|(i, w)| (Some(i.to_string().into()), w.to_vec().into())).collect())
}
