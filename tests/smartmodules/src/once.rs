//! A filter with state: lets every value through once. What it was shown as lookback counts as seen; the value `broken` in there
//! is an error. With the parameter `tell`, the first record is refused, and the error tells what was seen.
use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock};

use fluvio_smartmodule::dataplane::smartmodule::SmartModuleExtraParams;
use fluvio_smartmodule::{Result, SmartModuleRecord, eyre, smartmodule};

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static TELL: OnceLock<()> = OnceLock::new();

#[smartmodule(init)]
fn init(params: SmartModuleExtraParams) -> Result<()> {
    if params.get("tell").is_some() {
        let _ = TELL.set(());
    }
    Ok(())
}

fn is_new(record: &SmartModuleRecord) -> bool {
    let value = String::from_utf8_lossy(record.value.as_ref()).into_owned();
    SEEN.lock().is_ok_and(|mut seen| seen.insert(value))
}

#[smartmodule(look_back)]
pub fn look_back(record: &SmartModuleRecord) -> Result<()> {
    if record.value.as_ref() == b"broken" {
        return Err(eyre!("a stored record is broken"));
    }
    is_new(record);
    Ok(())
}

#[smartmodule(filter)]
pub fn once(record: &SmartModuleRecord) -> Result<bool> {
    if TELL.get().is_some() {
        let seen: Vec<String> = SEEN.lock().map(|seen| seen.iter().cloned().collect()).unwrap_or_default();
        return Err(eyre!("seen: {}", seen.join(", ")));
    }
    Ok(is_new(record))
}
