//! Jobs for every object of the SC, by the client's FluvioAdmin. Specs and statuses are JSON in the form that the client's own
//! types have there; the payload of a SmartModule is base64.

use std::time::{Duration, Instant};

use fluvio::metadata::customspu::{CustomSpuKey, CustomSpuSpec};
use fluvio::metadata::objects::{CommonCreateRequest, ListRequest, Metadata};
use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::smartmodule::SmartModuleSpec;
use fluvio::metadata::spg::SpuGroupSpec;
use fluvio::metadata::spu::SpuSpec;
use fluvio::metadata::tableformat::TableFormatSpec;
use fluvio::metadata::topic::{AddMirror, AddPartition, TopicSpec, UpdateTopicAction};
use fluvio::metadata::AdminSpec;
use fluvio::{Fluvio, FluvioAdmin};
use fluvio_protocol::{Decoder, Encoder};
use fluvio_sc_schema::message::MsgType;
use fluvio_sc_schema::mirror::MirrorSpec;
use fluvio_sc_schema::{ApiError, CreatableAdminSpec, DeletableAdminSpec};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::{json, Value};

use crate::{text, Error};

/// How long a list waits for objects that have to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls a function for the type that `$kind` names.
macro_rules! of_type {
    ($kind:expr, $call:ident $args:tt, $($name:literal $spec:ty),+) => {
        match $kind {
            $($name => $call::<$spec> $args.await,)+
            other => Err(format!("no such type here: {other}").into()),
        }
    };
}

pub async fn create(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let admin = client.admin().await;
    of_type!(text(job, "type")?, create_one(&admin, job), "topic" TopicSpec, "custom-spu" CustomSpuSpec,
        "spu-group" SpuGroupSpec, "smartmodule" SmartModuleSpec, "table-format" TableFormatSpec, "mirror" MirrorSpec)
}

async fn create_one<S>(admin: &FluvioAdmin, job: &Value) -> Result<Value, Error>
where
    S: CreatableAdminSpec + DeserializeOwned + Send + Sync,
{
    let config = CommonCreateRequest {
        name: text(job, "name")?.to_owned(),
        dry_run: job["dry_run"].as_bool().unwrap_or(false),
        timeout: job["timeout_ms"].as_u64().map(|ms| ms as u32),
    };
    let spec: S = serde_json::from_value(job["spec"].clone())?;
    admin.create_with_config(config, spec).await.map_err(refusal)?;
    Ok(Value::Null)
}

/// Deletes by name, a custom SPU also by id.
pub async fn delete(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let admin = client.admin().await;
    match job["id"].as_i64() {
        Some(id) => admin.delete::<CustomSpuSpec>(CustomSpuKey::Id(id as i32)).await.map_err(refusal)?,
        None if job["type"] == "custom-spu" => {
            let key = CustomSpuKey::Name(text(job, "name")?.to_owned());
            admin.delete::<CustomSpuSpec>(key).await.map_err(refusal)?
        }
        None => of_type!(text(job, "type")?, delete_one(&admin, job), "topic" TopicSpec, "spu-group" SpuGroupSpec,
            "smartmodule" SmartModuleSpec, "table-format" TableFormatSpec, "mirror" MirrorSpec)?,
    }
    Ok(Value::Null)
}

async fn delete_one<S>(admin: &FluvioAdmin, job: &Value) -> Result<(), Error>
where
    S: DeletableAdminSpec<DeleteKey = String> + Send + Sync,
{
    let name = text(job, "name")?.to_owned();
    let done = if job["force"] == true { admin.force_delete::<S>(name).await } else { admin.delete::<S>(name).await };
    Ok(done.map_err(refusal)?)
}

/// Adds partitions or a mirror to a topic.
pub async fn update(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let action = match job["partitions"].as_u64() {
        Some(count) => UpdateTopicAction::AddPartition(AddPartition { count: count as u32 }),
        None => UpdateTopicAction::AddMirror(AddMirror {
            remote_cluster: text(job, "mirror")?.to_owned(),
            home_to_mirror: job["home_to_mirror"].as_bool().unwrap_or(false),
        }),
    };
    client.admin().await.update::<TopicSpec>(text(job, "name")?.to_owned(), action).await.map_err(refusal)?;
    Ok(Value::Null)
}

/// What is there of a type: name, spec and status of each. Optional are names, summary and system, which the SC looks at, and
/// a prefix of names with the count of objects that is waited for.
pub async fn list(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let admin = client.admin().await;
    if job["type"] == "smartmodule" {
        // The length of a payload, which a summary has in its place, is no part of the spec's JSON.
        let all = listed::<SmartModuleSpec>(&admin, job).await?;
        let wasm_length = |module: &SmartModuleSpec| module.summary.as_ref().map(|summary| summary.wasm_length);
        let rows = all.iter().map(|each| Ok(json!([each.name, each.spec, wasm_length(&each.spec)])));
        return rows.collect();
    }
    of_type!(text(job, "type")?, list_one(&admin, job), "topic" TopicSpec, "partition" PartitionSpec, "spu" SpuSpec,
        "custom-spu" CustomSpuSpec, "spu-group" SpuGroupSpec, "table-format" TableFormatSpec, "mirror" MirrorSpec)
}

async fn list_one<S>(admin: &FluvioAdmin, job: &Value) -> Result<Value, Error>
where
    S: AdminSpec + Serialize,
    S::Status: Encoder + Decoder + Serialize,
{
    let all = listed::<S>(admin, job).await?;
    Ok(json!(all.iter().map(|each| (&each.name, &each.spec, &each.status)).collect::<Vec<_>>()))
}

async fn listed<S>(admin: &FluvioAdmin, job: &Value) -> Result<Vec<Metadata<S>>, Error>
where
    S: AdminSpec,
    S::Status: Encoder + Decoder,
{
    let names: Vec<String> = serde_json::from_value(job["names"].clone()).unwrap_or_default();
    let count = job["count"].as_u64().unwrap_or(0) as usize;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let filters = names.iter().cloned().map(Into::into).collect::<Vec<_>>();
        let request = ListRequest::new(filters, job["summary"] == true).system(job["system"] == true);
        let mut all = admin.list_with_config::<S, String>(request).await?;
        all.retain(|each| each.name.starts_with(job["prefix"].as_str().unwrap_or("")));
        all.sort_by(|one, other| one.name.cmp(&other.name));
        if all.len() >= count || Instant::now() > deadline {
            return Ok(all);
        }
        fluvio_future::timer::sleep(Duration::from_millis(20)).await;
    }
}

/// Watches a type while the job's own jobs run, each when the watch has told of the one before, until the object of the given
/// name is gone. Tells what came for it: "all" when it was in a full list, "update" and "delete" for changes.
pub async fn watch(client: &Fluvio, job: &Value) -> Result<Value, Error> {
    let admin = client.admin().await;
    of_type!(text(job, "type")?, watch_one(&admin, client, job), "topic" TopicSpec, "partition" PartitionSpec,
        "spu" SpuSpec, "custom-spu" CustomSpuSpec, "spu-group" SpuGroupSpec, "smartmodule" SmartModuleSpec,
        "table-format" TableFormatSpec, "mirror" MirrorSpec)
}

async fn watch_one<S>(admin: &FluvioAdmin, client: &Fluvio, job: &Value) -> Result<Value, Error>
where
    S: AdminSpec,
    S::Status: Encoder + Decoder,
{
    let name = text(job, "name")?;
    let mut updates = admin.watch::<S>().await?;
    let mut jobs = job["jobs"].as_array().ok_or("jobs is not a list")?.iter();
    let mut seen = Vec::new();
    let mut told = None;
    while seen.last() != Some(&"delete") {
        let update = updates.next().await.ok_or("the watch ended")??.inner();
        seen.extend(update.all.iter().filter(|each| each.name == name).map(|_| "all"));
        for change in update.changes.iter().filter(|change| change.content.name == name) {
            seen.push(if change.header == MsgType::UPDATE { "update" } else { "delete" });
        }
        if told.replace(seen.len()) != Some(seen.len()) {
            if let Some(each) = jobs.next() {
                Box::pin(crate::one(client, each)).await?;
            }
        }
    }
    Ok(json!(seen))
}

/// A refusal by its code's name and its text.
fn refusal(error: anyhow::Error) -> Error {
    match error.downcast_ref::<ApiError>() {
        Some(ApiError::Code(code, message)) => format!("{code:?}: {}", message.as_deref().unwrap_or("")).into(),
        _ => error.into(),
    }
}
