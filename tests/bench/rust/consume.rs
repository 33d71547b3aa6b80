//! The Rust program's consumer.

use std::time::{Duration, Instant};

use fluvio::consumer::ConsumerConfigExtBuilder;
use fluvio::{Fluvio, Offset};
use futures_util::StreamExt;
use serde_json::Value;

use crate::{Error, Options, cpu_seconds, show};

/// Nanoseconds by the clock of the sender, which all processes share.
fn monotonic() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Reads the topic from its beginning, and checks that each record is the one that comes next in its partition.
pub async fn consume(client: &Fluvio, options: &Options) -> Result<Value, Error> {
    let (count, warmup) = (options.number("count")?, options.number("warmup")?);
    let follow = options.text("mode")? == "follow";
    if options.text("api")? != "records" {
        return Err(format!("there is no api {} in this mode", options.text("api")?).into());
    }
    let mut config = ConsumerConfigExtBuilder::default();
    config.topic(options.text("topic")?).offset_start(Offset::beginning());
    if options.has("max_bytes") {
        config.max_bytes(options.number("max_bytes")? as i32);
    }
    let mut stream = client.consumer_with_config(config.build()?).await?;
    if follow {
        println!("ready"); // for the sender
    }
    let mut next = vec![0; options.number("partitions")?];
    let (mut missing, mut bytes, mut latencies) = (0, 0, Vec::new());
    let (mut start, mut cpu) = (Instant::now(), cpu_seconds());
    for seen in 0..warmup + count {
        if seen == warmup {
            (start, cpu, bytes) = (Instant::now(), cpu_seconds(), 0);
        }
        let record = stream.next().await.ok_or("the stream ended")??;
        let (partition, offset) = (record.partition() as usize, record.offset());
        if offset < next[partition] {
            return Err(format!("partition {partition}: the record at {offset} came twice").into());
        }
        missing += offset - next[partition];
        next[partition] = offset + 1;
        bytes += record.value().len();
        if follow && seen >= warmup {
            let sent = i64::from_ne_bytes(record.value()[..8].try_into()?);
            latencies.push(Duration::from_nanos((monotonic() - sent) as u64));
        }
    }
    let mut result = show(count, warmup, bytes, start.elapsed(), cpu_seconds() - cpu, latencies)?;
    result["missing"] = missing.into();
    Ok(result)
}
