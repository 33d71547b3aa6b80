//! The official Rust client's program of the benchmarks: tests/bench/README.md says what it takes and prints.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fluvio::{Compression, Fluvio, FluvioConfig, ProduceOutput, RecordKey, TopicProducerConfigBuilder, TopicProducerPool};
use serde_json::{Value, json};

mod consume;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Of the records whose reports are taken, every so many is timed.
const SAMPLE: usize = 128;

fn main() {
    if let Err(error) = fluvio_future::task::run_block_on(run()) {
        eprintln!("bench-rust: {error:#}");
        std::process::exit(1);
    }
    std::process::exit(0); // the client's tasks may not let the process end
}

/// The arguments.
pub struct Options(HashMap<String, String>);

impl Options {
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn text(&self, name: &str) -> Result<&String, Error> {
        self.0.get(name).ok_or_else(|| format!("--{name} is missing").into())
    }

    pub fn number(&self, name: &str) -> Result<usize, Error> {
        Ok(self.text(name)?.parse()?)
    }
}

/// Reads the arguments: `--name value` each.
fn arguments() -> Result<Options, Error> {
    let mut found = HashMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let name = name.strip_prefix("--").ok_or_else(|| format!("{name} is not an option"))?.to_owned();
        found.insert(name, words.next().ok_or("an option lacks its value")?);
    }
    Ok(Options(found))
}

struct Job {
    producer: TopicProducerPool,
    payload: Vec<u8>,
    size: usize,
    api: String,
    take: bool,
    single: bool,
}

impl Job {
    /// The value of the i-th record.
    fn value(&self, i: usize) -> &[u8] {
        let at = i % (self.payload.len() / self.size) * self.size;
        &self.payload[at..at + self.size]
    }

    async fn work(&self, count: usize) -> Result<Vec<Duration>, Error> {
        if self.single { self.latency(count).await } else { self.throughput(count).await }
    }

    async fn send(&self, i: usize) -> Result<ProduceOutput, Error> {
        Ok(self.producer.send(RecordKey::NULL, self.value(i)).await?)
    }

    /// Sends as fast as it goes, until everything is acknowledged. Gives the latencies of the sampled records.
    async fn throughput(&self, count: usize) -> Result<Vec<Duration>, Error> {
        if !self.take {
            for i in 0..count {
                self.send(i).await?;
            }
            self.producer.flush().await?;
            return Ok(Vec::new());
        }
        let mut outputs = Vec::with_capacity(count);
        let mut sampled = Vec::new();
        for i in 0..count {
            let start = Instant::now();
            let output = self.send(i).await?;
            if i % SAMPLE == 0 {
                sampled.push(fluvio_future::task::spawn_task(async move {
                    output.wait().await.map(|_| start.elapsed()).map_err(Error::from)
                }));
            } else {
                outputs.push(output);
            }
        }
        self.producer.flush().await?;
        for output in outputs {
            output.wait().await?;
        }
        let mut latencies = Vec::new();
        for task in sampled {
            latencies.push(task.await?);
        }
        Ok(latencies)
    }

    /// Sends one record at a time and waits for each.
    async fn latency(&self, count: usize) -> Result<Vec<Duration>, Error> {
        let mut latencies = Vec::with_capacity(count);
        for i in 0..count {
            let start = Instant::now();
            let output = self.send(i).await?;
            if self.api == "send_flush" {
                self.producer.flush().await?;
            }
            output.wait().await?;
            latencies.push(start.elapsed());
        }
        Ok(latencies)
    }
}

async fn run() -> Result<(), Error> {
    let options = arguments()?;
    let mut config = FluvioConfig::new(options.text("endpoint")?);
    config.tls = fluvio::config::TlsPolicy::Disabled;
    let client = Fluvio::connect_with_config(&config).await?;
    let line = match options.text("mode")?.as_str() {
        "read" | "follow" => consume::consume(&client, &options).await?,
        _ => produce(&client, &options).await?,
    };
    println!("{line}");
    Ok(())
}

async fn produce(client: &Fluvio, options: &Options) -> Result<Value, Error> {
    let (size, count, warmup) = (options.number("size")?, options.number("count")?, options.number("warmup")?);
    let mut settings = TopicProducerConfigBuilder::default();
    if options.has("linger") {
        settings.linger(Duration::from_millis(options.number("linger")? as u64));
    }
    if options.has("compression") {
        settings.compression(options.text("compression")?.parse::<Compression>()?);
    }
    let job = Job {
        producer: client.topic_producer_with_config(options.text("topic")?.clone(), settings.build()?).await?,
        payload: std::fs::read(options.text("payload")?)?,
        size,
        api: options.text("api")?.clone(),
        take: options.text("reports")? == "take",
        single: options.text("mode")? == "latency",
    };
    let apis: &[&str] = if job.single { &["send", "send_flush"] } else { &["send"] };
    if !apis.contains(&job.api.as_str()) {
        return Err(format!("there is no api {} in this mode", job.api).into());
    }
    job.work(warmup).await?;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let latencies = job.work(count).await?;
    show(count, warmup, count * size, start.elapsed(), cpu_seconds() - cpu, latencies)
}

/// The result.
pub fn show(
    records: usize, warmup: usize, bytes: usize, time: Duration, cpu_seconds: f64, mut latencies: Vec<Duration>,
) -> Result<Value, Error> {
    latencies.sort();
    let n = latencies.len();
    let at = |per_mille: usize| latencies[(n * per_mille / 1000).min(n - 1)].as_nanos() as f64 / 1e3;
    let percentiles = (n > 0).then(|| {
        json!({"samples": n, "p10": at(100), "p25": at(250), "p50": at(500), "p75": at(750), "p90": at(900), "p99": at(990),
            "p999": at(999), "max": at(1000)})
    });
    Ok(json!({
        "records": records, "warmup": warmup, "bytes": bytes, "seconds": time.as_secs_f64(), "cpu_seconds": cpu_seconds,
        "max_rss_kb": max_rss_kb()?, "latency_us": percentiles,
    }))
}

/// CPU seconds of this process so far.
pub fn cpu_seconds() -> f64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// The largest resident memory of this process in KiB. That of getrusage begins with the parent's.
fn max_rss_kb() -> Result<u64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the system does not tell")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
