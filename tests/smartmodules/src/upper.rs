//! A map: upper case, behind the parameter `label` if there is one. With the parameter `where`, the offset and timestamp of
//! the record follow. The key stays.
use std::sync::OnceLock;

use fluvio_smartmodule::dataplane::smartmodule::SmartModuleExtraParams;
use fluvio_smartmodule::{RecordData, Result, SmartModuleRecord, smartmodule};

static PARAMS: OnceLock<(String, bool)> = OnceLock::new();

#[smartmodule(init)]
fn init(params: SmartModuleExtraParams) -> Result<()> {
    let label = params.get("label").cloned().unwrap_or_default();
    let _ = PARAMS.set((label, params.get("where").is_some()));
    Ok(())
}

#[smartmodule(map)]
pub fn upper(record: &SmartModuleRecord) -> Result<(Option<RecordData>, RecordData)> {
    let (label, place) = PARAMS.get().map_or(("", false), |p| (p.0.as_str(), p.1));
    let mut out = label.as_bytes().to_vec();
    out.extend(record.value.as_ref().iter().map(u8::to_ascii_uppercase));
    if place {
        out.extend(format!("@{},{}", record.offset(), record.timestamp()).bytes());
    }
    Ok((record.key.clone(), out.into()))
}
