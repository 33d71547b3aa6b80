//! An aggregate: the running total of integers. The accumulator is a decimal number, none is 0; a value that is no number is
//! the record's error.
use fluvio_smartmodule::{RecordData, Result, SmartModuleRecord, eyre, smartmodule};

fn number(what: &str, text: &[u8]) -> Result<i64> {
    let text = std::str::from_utf8(text).map_err(|_| eyre!("the {what} is no text"))?;
    text.parse().map_err(|_| eyre!("the {what} {text:?} is no number"))
}

#[smartmodule(aggregate)]
pub fn total(accumulator: RecordData, record: &SmartModuleRecord) -> Result<RecordData> {
    let before = if accumulator.as_ref().is_empty() { 0 } else { number("accumulator", accumulator.as_ref())? };
    Ok((before + number("value", record.value.as_ref())?).to_string().into())
}
