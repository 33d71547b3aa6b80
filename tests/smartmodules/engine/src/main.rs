//! Reads questions from standard input, a list of chains and batches as JSON, and writes what the official engine makes of them
//! to standard output. Bytes are hexadecimal. What a panic of a module writes to standard error is of no interest.
use std::collections::BTreeMap;
use std::io::Cursor;

use anyhow::{Result, anyhow};
use fluvio_protocol::record::Record;
use fluvio_protocol::{Decoder, Encoder};
use fluvio_smartengine::{
    Lookback, SmartEngine, SmartModuleChainBuilder, SmartModuleChainInstance, SmartModuleConfig, SmartModuleInitialData,
};
use fluvio_smartmodule::dataplane::smartmodule::{SmartModuleExtraParams, SmartModuleInput};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Question {
    version: i16,
    modules: Vec<Module>,
    past: String,
    batches: Vec<Batch>,
}

#[derive(Deserialize)]
struct Module {
    file: String,
    params: BTreeMap<String, String>,
    accumulator: String,
    last: u64,
}

#[derive(Deserialize)]
struct Batch {
    base: i64,
    timestamp: i64,
    records: String,
}

#[derive(Serialize, Default)]
struct Answer {
    start: String,
    outputs: Vec<Output>,
}

/// What became of a batch: records and the error of one, or why there is nothing.
#[derive(Serialize, Default)]
struct Output {
    records: String,
    error: String,
    failure: String,
}

fn records(bytes: &[u8], version: i16) -> Result<Vec<Record>> {
    let mut out: Vec<Record> = vec![];
    Decoder::decode(&mut out, &mut Cursor::new(bytes), version)?;
    Ok(out)
}

fn start(q: &Question) -> Result<SmartModuleChainInstance> {
    let mut builder = SmartModuleChainBuilder::default();
    for m in &q.modules {
        let mut config = SmartModuleConfig::builder();
        config.smartmodule_names(vec![m.file.clone()]).version(q.version);
        let look = fluvio_smartmodule::dataplane::smartmodule::Lookback::last(m.last);
        config.params(SmartModuleExtraParams::new(m.params.clone(), (m.last > 0).then_some(look)));
        config.lookback((m.last > 0).then_some(Lookback::Last(m.last)));
        if !m.accumulator.is_empty() {
            config.initial_data(SmartModuleInitialData::with_aggregate(hex::decode(&m.accumulator)?));
        }
        builder.add_smart_module(config.build()?, std::fs::read(&m.file)?);
    }
    let mut chain = builder.initialize(&SmartEngine::new())?;
    let past = records(&hex::decode(&q.past)?, q.version)?;
    let read = |_| std::future::ready(Ok(past.clone()));
    chain.look_back(read).now_or_never().ok_or_else(|| anyhow!("it waits"))??;
    Ok(chain)
}

fn process(chain: &mut SmartModuleChainInstance, b: &Batch, version: i16) -> Result<Output> {
    let input = SmartModuleInput::new(hex::decode(&b.records)?, b.base, b.timestamp);
    let made = chain.process(input)?;
    let mut out = Output::default();
    let mut bytes = vec![];
    made.successes.encode(&mut bytes, version)?;
    out.records = hex::encode(bytes);
    if let Some(error) = made.error {
        let mut bytes = vec![];
        error.encode(&mut bytes, version)?;
        out.error = hex::encode(bytes);
    }
    Ok(out)
}

fn main() -> Result<()> {
    let questions: Vec<Question> = serde_json::from_reader(std::io::stdin())?;
    let mut answers = vec![];
    for q in &questions {
        let mut answer = Answer::default();
        match start(q) {
            Err(why) => answer.start = why.root_cause().to_string(),
            Ok(mut chain) => {
                for b in &q.batches {
                    let output = process(&mut chain, b, q.version);
                    let failed = output.is_err();
                    answer.outputs.push(output.unwrap_or_else(|why| Output { failure: why.to_string(), ..Default::default() }));
                    if failed {
                        break;
                    }
                }
            }
        }
        answers.push(answer);
    }
    serde_json::to_writer(std::io::stdout(), &answers)?;
    Ok(())
}
