//! A filter: keeps values of at most `max` bytes, all of them without the parameter.
use std::sync::OnceLock;

use fluvio_smartmodule::dataplane::smartmodule::SmartModuleExtraParams;
use fluvio_smartmodule::{Result, SmartModuleRecord, smartmodule};

static MAX: OnceLock<usize> = OnceLock::new();

#[smartmodule(init)]
fn init(params: SmartModuleExtraParams) -> Result<()> {
    if let Some(max) = params.get("max") {
        let _ = MAX.set(max.parse()?);
    }
    Ok(())
}

#[smartmodule(filter)]
pub fn short(record: &SmartModuleRecord) -> Result<bool> {
    Ok(MAX.get().is_none_or(|max| record.value.as_ref().len() <= *max))
}
