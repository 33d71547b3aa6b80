/* The C program's producers. */
#define _XOPEN_SOURCE 700

#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  SAMPLE = 128, /* of the records whose reports are taken, every so many is timed */
  GROUP = 1000, /* records in one call of send_batch, unless the command line says otherwise */
  PACE_NS = 1000000 /* between two records in mode pace */
};

/* The values of the records, one behind the other; record i has value i % values. */
typedef struct {
  uint8_t *bytes;
  size_t size, values;
} payload_t;

typedef struct {
  fluvio_producer_t *producer;
  fluvio_queue_t *queue; /* NULL when nobody takes reports */
  payload_t payload;
  const char *api;
  size_t group;
  int64_t *sent_at; /* of every sampled record, before its report is taken */
  latencies_t latencies;
  /* Of the callback, guarded by lock. */
  pthread_mutex_t lock;
  pthread_cond_t done;
  uint64_t reported, expected;
} job_t;

/* Ends the program unless records are stored. */
static fluvio_delivery_t stored(const fluvio_event_t *event) {
  fluvio_delivery_t d;
  memset(&d, 0, sizeof d);
  d.struct_size = sizeof d;
  if (fluvio_event_delivery(event, &d)) die("no report came", NULL);
  if (d.status) die("a record failed", d.error);
  return d;
}

static payload_t read_payload(const char *path, size_t size) {
  payload_t p = {NULL, size, 0};
  FILE *f = fopen(path, "rb");
  long length = 0;
  if (!f || fseek(f, 0, SEEK_END) || (length = ftell(f)) < (long)size) die(path, NULL);
  rewind(f);
  p.values = (size_t)length / size;
  p.bytes = need(malloc(p.values * size));
  if (fread(p.bytes, size, p.values, f) != p.values) die(path, NULL);
  fclose(f);
  return p;
}

static const uint8_t *value(const payload_t *p, size_t i) {
  return p->bytes + i % p->values * p->size;
}

/* Takes the reports of a batch. Their opaque values are the records' numbers. */
static void report(fluvio_event_t *event, void *ctx) {
  job_t *job = ctx;
  fluvio_delivery_t d = stored(event);
  int64_t now = now_ns();
  uint64_t i;
  pthread_mutex_lock(&job->lock);
  for (i = 0; i < d.count; i++)
    if (d.opaque[i] % SAMPLE == 0) job->latencies.ns[job->latencies.count++] = now - job->sent_at[d.opaque[i] / SAMPLE];
  job->reported += d.count;
  if (job->reported >= job->expected) pthread_cond_signal(&job->done);
  pthread_mutex_unlock(&job->lock);
}

static void send_one_by_one(job_t *job, size_t count) {
  fluvio_error_t *error = NULL;
  size_t i;
  for (i = 0; i < count; i++) {
    if (job->queue && i % SAMPLE == 0) job->sent_at[i / SAMPLE] = now_ns();
    must(fluvio_producer_send(job->producer, NULL, 0, value(&job->payload, i), job->payload.size, i, -1, &error), "send", &error);
  }
}

static void send_batches(job_t *job, size_t count) {
  static const fluvio_record_in_t empty = FLUVIO_RECORD_INIT;
  fluvio_record_in_t *records = need(calloc(job->group, sizeof *records));
  fluvio_error_t *error = NULL;
  size_t i, n;
  for (i = 0; i < count; i += n) {
    int64_t now = job->queue ? now_ns() : 0;
    for (n = 0; n < job->group && i + n < count; n++) {
      records[n] = empty;
      records[n].value = value(&job->payload, i + n);
      records[n].value_len = job->payload.size;
      records[n].opaque = i + n;
      if (job->queue && (i + n) % SAMPLE == 0) job->sent_at[(i + n) / SAMPLE] = now;
    }
    must(fluvio_producer_send_batch(job->producer, records, n, -1, NULL, &error), "send_batch", &error);
  }
  free(records);
}

static void send_columns(job_t *job, size_t count) {
  uint32_t *lengths = need(calloc(job->payload.values, sizeof *lengths));
  fluvio_error_t *error = NULL;
  size_t i, k, n;
  for (i = 0; i < job->payload.values; i++) lengths[i] = (uint32_t)job->payload.size;
  for (i = 0; i < count; i += n) {
    int64_t now = job->queue ? now_ns() : 0;
    n = count - i < job->payload.values ? count - i : job->payload.values;
    for (k = 0; job->queue && k < n; k++)
      if ((i + k) % SAMPLE == 0) job->sent_at[(i + k) / SAMPLE] = now;
    must(fluvio_producer_send_columns(job->producer, job->payload.bytes, n * job->payload.size, NULL, lengths, n, i, -1, NULL, &error),
         "send_columns", &error);
  }
  free(lengths);
}

/* Sends as fast as it goes, until everything is acknowledged and, with a queue, reported. */
static void throughput(job_t *job, size_t count) {
  fluvio_error_t *error = NULL;
  job->latencies.count = 0;
  pthread_mutex_lock(&job->lock);
  job->reported = 0;
  job->expected = count;
  pthread_mutex_unlock(&job->lock);
  if (strcmp(job->api, "send") == 0)
    send_one_by_one(job, count);
  else if (strcmp(job->api, "send_batch") == 0)
    send_batches(job, count);
  else if (strcmp(job->api, "send_columns") == 0)
    send_columns(job, count);
  else
    die("there is no such api in this mode", NULL);
  must(fluvio_producer_flush(job->producer, WAIT_MS, &error), "flush", &error);
  pthread_mutex_lock(&job->lock);
  while (job->queue && job->reported < count) pthread_cond_wait(&job->done, &job->lock);
  pthread_mutex_unlock(&job->lock);
}

/* Sends one record at a time and waits for each: for its report, or with send_flush by flush. */
static void latency(job_t *job, size_t count) {
  fluvio_error_t *error = NULL;
  size_t i;
  if (strcmp(job->api, "send") != 0 && strcmp(job->api, "send_flush") != 0) die("there is no such api in this mode", NULL);
  job->latencies.count = 0;
  for (i = 0; i < count; i++) {
    int64_t start = now_ns();
    must(fluvio_producer_send(job->producer, NULL, 0, value(&job->payload, i), job->payload.size, i, -1, &error), "send", &error);
    if (job->queue) {
      fluvio_event_t *event = fluvio_queue_poll(job->queue, WAIT_MS);
      stored(event);
      fluvio_event_free(event);
    } else {
      must(fluvio_producer_flush(job->producer, WAIT_MS, &error), "flush", &error);
    }
    job->latencies.ns[job->latencies.count++] = now_ns() - start;
  }
}

/* Sends 1,000 records a second. Each begins with the time at which it was sent, for who follows. */
static void pace(job_t *job, size_t count) {
  fluvio_error_t *error = NULL;
  uint8_t *record = need(malloc(job->payload.size));
  int64_t start = now_ns(), now;
  size_t i;
  if (job->payload.size < sizeof now) die("records are too small for the time", NULL);
  for (i = 0; i < count; i++) {
    int64_t at = start + (int64_t)i * PACE_NS;
    struct timespec t;
    t.tv_sec = at / 1000000000;
    t.tv_nsec = at % 1000000000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL)) continue;
    memcpy(record, value(&job->payload, i), job->payload.size);
    now = now_ns();
    memcpy(record, &now, sizeof now);
    must(fluvio_producer_send(job->producer, NULL, 0, record, job->payload.size, i, -1, &error), "send", &error);
  }
  free(record);
  must(fluvio_producer_flush(job->producer, WAIT_MS, &error), "flush", &error);
}

static fluvio_producer_t *open_producer(fluvio_client_t *client, const options_t *o, fluvio_queue_t *queue) {
  fluvio_config_t *config = need(fluvio_config_new());
  fluvio_producer_t *producer = NULL;
  fluvio_error_t *error = NULL;
  if (option(o, "linger")) fluvio_config_set(config, "linger_ms", option(o, "linger"), NULL);
  if (option(o, "compression")) fluvio_config_set(config, "compression", option(o, "compression"), NULL);
  if (option(o, "batch")) fluvio_config_set(config, "batch_size", option(o, "batch"), NULL);
  must(fluvio_producer_open(client, required(o, "topic"), config, queue, WAIT_MS, &producer, &error), "open the producer", &error);
  fluvio_config_free(config);
  return producer;
}

int produce(const options_t *o) {
  size_t size = required_number(o, "size"), count = required_number(o, "count"), warmup = required_number(o, "warmup");
  size_t most = count > warmup ? count : warmup;
  const char *mode = required(o, "mode");
  int single = strcmp(mode, "latency") == 0;
  void (*work)(job_t *, size_t) = single ? latency : strcmp(mode, "pace") == 0 ? pace : throughput;
  fluvio_client_t *client;
  fluvio_error_t *error = NULL;
  clocks_t clocks;
  job_t job;

  memset(&job, 0, sizeof job);
  pthread_mutex_init(&job.lock, NULL);
  pthread_cond_init(&job.done, NULL);
  job.payload = read_payload(required(o, "payload"), size);
  job.api = required(o, "api");
  job.group = option(o, "group") ? required_number(o, "group") : GROUP;
  job.sent_at = need(calloc(most / SAMPLE + 1, sizeof *job.sent_at));
  job.latencies.ns = need(calloc(single ? most + 1 : most / SAMPLE + 1, sizeof *job.latencies.ns));
  if (single ? strcmp(job.api, "send") == 0 : strcmp(required(o, "reports"), "take") == 0) {
    job.queue = need(fluvio_queue_new());
    if (!single) must(fluvio_queue_start(job.queue, report, &job, NULL, &error), "start the callback", &error);
  }
  client = connect_to(required(o, "endpoint"));
  job.producer = open_producer(client, o, job.queue);

  work(&job, warmup);
  start_clocks(&clocks);
  work(&job, count);
  stop_clocks(&clocks);

  print_result(count, warmup, count * size, &clocks, NULL, &job.latencies);
  must(fluvio_client_close(client, WAIT_MS, &error), "close", &error);
  fluvio_producer_free(job.producer);
  fluvio_client_free(client);
  fluvio_queue_free(job.queue);
  free(job.payload.bytes);
  free(job.sent_at);
  free(job.latencies.ns);
  return 0;
}
