//! The official Rust client's program of the benchmarks: tests/bench/README.md says what it takes and prints.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fluvio::{Compression, Fluvio, FluvioConfig, ProduceOutput, RecordKey, TopicProducerConfigBuilder, TopicProducerPool};
use serde_json::json;

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

/// The arguments: `--name value` each.
fn arguments() -> Result<HashMap<String, String>, Error> {
    let mut found = HashMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let name = name.strip_prefix("--").ok_or_else(|| format!("{name} is not an option"))?.to_owned();
        found.insert(name, words.next().ok_or("an option lacks its value")?);
    }
    Ok(found)
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
    let text = |name: &str| options.get(name).ok_or_else(|| format!("--{name} is missing"));
    let number = |name: &str| -> Result<usize, Error> { Ok(text(name)?.parse()?) };
    let (size, count, warmup) = (number("size")?, number("count")?, number("warmup")?);

    let mut config = FluvioConfig::new(text("endpoint")?);
    config.tls = fluvio::config::TlsPolicy::Disabled;
    let client = Fluvio::connect_with_config(&config).await?;
    let mut settings = TopicProducerConfigBuilder::default();
    if options.contains_key("linger") {
        settings.linger(Duration::from_millis(number("linger")? as u64));
    }
    if let Some(codec) = options.get("compression") {
        settings.compression(codec.parse::<Compression>()?);
    }
    let job = Job {
        producer: client.topic_producer_with_config(text("topic")?.clone(), settings.build()?).await?,
        payload: std::fs::read(text("payload")?)?,
        size,
        api: text("api")?.clone(),
        take: text("reports")? == "take",
        single: text("mode")? == "latency",
    };
    let apis: &[&str] = if job.single { &["send", "send_flush"] } else { &["send"] };
    if !apis.contains(&job.api.as_str()) {
        return Err(format!("there is no api {} in this mode", job.api).into());
    }

    job.work(warmup).await?;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut latencies = job.work(count).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu;
    latencies.sort();
    let at = |i: usize| latencies[i].as_nanos() as f64 / 1e3;
    let n = latencies.len();
    let percentiles = (n > 0).then(|| json!({"samples": n, "p50": at(n / 2), "p99": at(n * 99 / 100), "max": at(n - 1)}));
    let line = json!({
        "records": count, "warmup": warmup, "bytes": count * size, "seconds": seconds, "cpu_seconds": cpu,
        "max_rss_kb": max_rss_kb()?, "latency_us": percentiles,
    });
    println!("{line}");
    Ok(())
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
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
