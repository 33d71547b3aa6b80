//! A filter that fails: for every record whose value is that of the parameter `at`, `bad` without it, with an error that has a
//! cause. With the parameter `init`, init fails with its text.
use std::sync::OnceLock;

use fluvio_smartmodule::dataplane::smartmodule::SmartModuleExtraParams;
use fluvio_smartmodule::{Result, SmartModuleRecord, eyre, smartmodule};

static AT: OnceLock<String> = OnceLock::new();

#[smartmodule(init)]
fn init(params: SmartModuleExtraParams) -> Result<()> {
    if let Some(text) = params.get("init") {
        return Err(eyre!("{text}"));
    }
    let _ = AT.set(params.get("at").map_or("bad", String::as_str).to_owned());
    Ok(())
}

#[smartmodule(filter)]
pub fn fails(record: &SmartModuleRecord) -> Result<bool> {
    if AT.get().is_some_and(|at| record.value.as_ref() == at.as_bytes()) {
        return Err(eyre!("it was told to fail here").wrap_err("the record is refused"));
    }
    Ok(true)
}
