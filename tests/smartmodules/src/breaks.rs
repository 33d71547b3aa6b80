//! A filter that breaks the rules with every record, as the parameter `how` says: `loop` for ever, which it does without the
//! parameter, `trap`, or take all `memory`. With the parameter `early` it does so in init.
use std::sync::OnceLock;

use fluvio_smartmodule::dataplane::smartmodule::SmartModuleExtraParams;
use fluvio_smartmodule::{Result, SmartModuleRecord, smartmodule};

static HOW: OnceLock<String> = OnceLock::new();

#[smartmodule(init)]
fn init(params: SmartModuleExtraParams) -> Result<()> {
    let how = params.get("how").map_or("loop", String::as_str);
    let _ = HOW.set(how.to_owned());
    if params.get("early").is_some() {
        break_rules(how);
    }
    Ok(())
}

fn break_rules(how: &str) {
    match how {
        "trap" => panic!("it was told to"),
        "memory" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        }
        _ => loop {
            std::hint::black_box(how);
        },
    }
}

#[smartmodule(filter)]
pub fn breaks(_record: &SmartModuleRecord) -> Result<bool> {
    break_rules(HOW.get().map_or("", String::as_str));
    Ok(true)
}
