//! A filter with state: lets every value through once. What it was shown as lookback counts as seen; the value `broken` in there
//! is an error.
use std::collections::BTreeSet;
use std::sync::Mutex;

use fluvio_smartmodule::{Result, SmartModuleRecord, eyre, smartmodule};

static SEEN: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());

fn is_new(record: &SmartModuleRecord) -> bool {
    SEEN.lock().is_ok_and(|mut seen| seen.insert(record.value.as_ref().to_vec()))
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
    Ok(is_new(record))
}
