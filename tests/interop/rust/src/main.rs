//! Jobs for the official Rust client, in a process of its own because a call of it may never return.
//!
//! Reads one JSON object from standard input, `{"endpoint": "host:port", "jobs": [...]}`, and writes one to standard output,
//! `{"results": [...]}`, with `{"ok": ...}` or `{"error": "..."}` for each job in order. Keys and values are hexadecimal, a
//! record without a key has null. The same for every client: tests/interop/matrix/README.md.

mod objects;

use std::collections::HashMap;
use std::io::{Read, Write};

use fluvio::consumer::{ConsumerConfigExtBuilder, ConsumerStream, OffsetManagementStrategy, RetryMode};
use fluvio::metadata::topic::TopicSpec;
use fluvio::{Compression, Fluvio, FluvioConfig, Isolation, Offset, RecordKey, TopicProducerConfigBuilder, TopicProducerPool};
use futures_util::StreamExt;
use serde_json::{json, Value};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("standard input is UTF-8");
    let request: Value = serde_json::from_str(&text).expect("standard input is JSON");
    let results = fluvio_future::task::run_block_on(run(&request)).expect("the cluster can be reached");
    println!("{}", json!({ "results": results }));
    std::io::stdout().flush().expect("somebody reads standard output");
    std::process::exit(0); // the client's tasks may not let the process end
}

/// Runs every job on one connection.
async fn run(request: &Value) -> Result<Vec<Value>, Error> {
    let mut config = FluvioConfig::new(text(request, "endpoint")?);
    config.tls = fluvio::config::TlsPolicy::Disabled;
    let client = Fluvio::connect_with_config(&config).await?;
    let mut results = Vec::new();
    for job in request["jobs"].as_array().ok_or("jobs is not a list")? {
        results.push(match one(&client, job).await {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": format!("{error:#}") }),
        });
    }
    Ok(results)
}

pub(crate) async fn one(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    match text(job, "do")? {
        "create_topic" => create_topic(client, job).await,
        "delete_topic" => {
            client.admin().await.delete::<TopicSpec>(text(job, "topic")?.to_owned()).await?;
            Ok(Value::Null)
        }
        "list_topics" => list_topics(client).await,
        "produce" => produce(client, job).await,
        "consume" => consume(client, job).await,
        "commit" => commit(client, job).await,
        "list_offsets" => list_offsets(client).await,
        "delete_offset" => delete_offset(client, job).await,
        "create_object" => objects::create(client, job).await,
        "delete_object" => objects::delete(client, job).await,
        "update_object" => objects::update(client, job).await,
        "list_objects" => objects::list(client, job).await,
        "watch_objects" => objects::watch(client, job).await,
        other => Err(format!("unknown job {other}").into()),
    }
}

/// Creates a topic with a number of partitions and a compression policy; with more it is an object, see objects.rs.
async fn create_topic(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let partitions = job["partitions"].as_u64().unwrap_or(1) as u32;
    let mut spec = TopicSpec::new_computed(partitions, 1, None);
    if let Some(policy) = job["compression"].as_str() {
        spec.set_compression_type(policy.parse()?);
    }
    client.admin().await.create(text(job, "topic")?.to_owned(), false, spec).await?;
    Ok(Value::Null)
}

/// Name and number of partitions of every topic that is not the cluster's own.
async fn list_topics(client: &Fluvio) -> Result<Value, Error> {
    let mut topics = Vec::new();
    for topic in client.admin().await.all::<TopicSpec>().await? {
        if !topic.spec.is_system() {
            topics.push((topic.name, topic.spec.partitions()));
        }
    }
    topics.sort();
    Ok(json!(topics))
}

/// A producer for the job's topic. A chosen partition needs a producer of its own: the client chooses by its partitioner.
async fn producer(client: &Fluvio, job: &Value, partition: Option<u32>) -> Result<TopicProducerPool, Error> {
    let mut config = TopicProducerConfigBuilder::default();
    if let Some(codec) = job["compression"].as_str() {
        config.compression(codec.parse::<Compression>()?);
    }
    if let Some(partition) = partition {
        config.set_specific_partitioner(partition);
    }
    Ok(client.topic_producer_with_config(text(job, "topic")?, config.build()?).await?)
}

/// Sends the records in order; returns partition and offset of each.
async fn produce(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let mut producers = HashMap::new();
    let mut outputs = Vec::new();
    for record in job["records"].as_array().ok_or("records is not a list")? {
        if !record["timestamp"].is_null() {
            return Err("the official client cannot choose a record's timestamp".into());
        }
        let partition = record["partition"].as_u64().map(|p| p as u32);
        if !producers.contains_key(&partition) {
            producers.insert(partition, producer(client, job, partition).await?);
        }
        let key = match record["key"].as_str() {
            Some(key) => RecordKey::from(unhex(key)?),
            None => RecordKey::NULL,
        };
        outputs.push(producers[&partition].send(key, unhex(text(record, "value")?)?).await?);
    }
    for producer in producers.values() {
        producer.flush().await?;
    }
    let mut reports = Vec::new();
    for output in outputs {
        let report = output.wait().await?;
        reports.push((report.partition_id(), report.offset()));
    }
    Ok(json!(reports))
}

/// What every stream of this program has in common: the topic, a partition of it or all, where it starts, and that it stops
/// at the end.
fn stream_config(job: &Value) -> Result<ConsumerConfigExtBuilder, Error> {
    let mut config = ConsumerConfigExtBuilder::default();
    let start = match job["start"].as_str().unwrap_or("beginning") {
        "beginning" => Offset::beginning(),
        start => match start.strip_prefix("end-") {
            Some(count) => Offset::from_end(count.parse()?),
            None => Offset::absolute(start.parse()?)?,
        },
    };
    config
        .topic(text(job, "topic")?)
        .offset_start(start)
        .disable_continuous(true)
        .retry_mode(RetryMode::Disabled);
    if let Some(partition) = job["partition"].as_u64() {
        config.partition(partition as u32);
    }
    if job["isolation"] == "read_committed" {
        config.isolation(Isolation::ReadCommitted);
    }
    Ok(config)
}

/// Reads until the end, or `count` records however long they take.
async fn consume(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let mut config = stream_config(job)?;
    config.disable_continuous(job["count"].is_null());
    let mut stream = client.consumer_with_config(config.build()?).await?;
    let count = job["count"].as_u64().unwrap_or(u64::MAX) as usize;
    let mut records = Vec::new();
    while records.len() < count {
        let Some(record) = stream.next().await else { break };
        let record = record?;
        let key = record.key().map(hex);
        records.push((record.partition(), record.offset(), record.timestamp(), key, hex(record.value())));
    }
    Ok(json!(records))
}

/// As a named consumer, reads `count` records from behind its stored offset, and stores the new one.
async fn commit(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let mut config = stream_config(job)?;
    config.offset_consumer(text(job, "consumer")?).offset_strategy(OffsetManagementStrategy::Manual);
    let mut stream = client.consumer_with_config(config.build()?).await?;
    let mut offsets = Vec::new();
    while (offsets.len() as u64) < job["count"].as_u64().ok_or("count is not a number")? {
        offsets.push(stream.next().await.ok_or("the stream ended")??.offset());
    }
    stream.offset_commit().await?;
    stream.offset_flush().await?;
    Ok(json!(offsets))
}

/// Consumer, topic, partition and offset of every stored consumer offset.
async fn list_offsets(client: &Fluvio) -> Result<Value, Error> {
    let mut offsets = Vec::new();
    for stored in client.consumer_offsets().await? {
        offsets.push((stored.consumer_id, stored.topic, stored.partition, stored.offset));
    }
    offsets.sort();
    Ok(json!(offsets))
}

async fn delete_offset(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let partition = job["partition"].as_u64().unwrap_or(0) as u32;
    client.delete_consumer_offset(text(job, "consumer")?, (text(job, "topic")?.to_owned(), partition)).await?;
    Ok(Value::Null)
}

/// A field that must be text.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> Result<&'a str, Error> {
    object[name].as_str().ok_or_else(|| format!("{name} is not text").into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Result<Vec<u8>, Error> {
    if !digits.is_ascii() || digits.len() % 2 != 0 {
        return Err(format!("{digits} is not hexadecimal").into());
    }
    let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16);
    Ok((0..digits.len()).step_by(2).map(byte).collect::<Result<_, _>>()?)
}
