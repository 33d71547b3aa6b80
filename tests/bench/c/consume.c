/* The C program's consumers. */
#define _XOPEN_SOURCE 700

#include "bench.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int follow;
  size_t count, warmup;
  int64_t *next; /* the offset that each partition's next record should have */
  size_t partitions;
  /* What has come. The clocks start behind the record, or batch, with which the warm-up is over. */
  uint64_t seen, bytes, missing;
  uint64_t seen_before, bytes_before, last;
  int started;
  clocks_t clocks;
  latencies_t latencies;
  /* Of callbacks: guarded by lock. */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int done;
} job_t;

/* Checks that a record is the one that comes next in its partition. */
static void check(job_t *job, int32_t partition, int64_t offset) {
  if (partition < 0 || (size_t)partition >= job->partitions || offset < job->next[partition]) {
    fprintf(stderr, "bench-c: partition %" PRId32 ": the record at %" PRId64 " came twice\n", partition, offset);
    exit(1);
  }
  job->missing += (uint64_t)(offset - job->next[partition]);
  job->next[partition] = offset + 1;
}

static void time_it(job_t *job, const uint8_t *value) {
  int64_t sent;
  memcpy(&sent, value, sizeof sent);
  if (job->latencies.count < job->count) job->latencies.ns[job->latencies.count++] = now_ns() - sent;
}

/* Looks at the clocks behind a record, or a batch. 1: that was all. */
static int counted(job_t *job) {
  if (!job->started && job->seen >= job->warmup) {
    job->started = 1;
    job->seen_before = job->seen;
    job->bytes_before = job->bytes;
    job->last = (job->follow ? job->warmup : job->seen) + job->count; /* who is followed sends no more */
    start_clocks(&job->clocks);
  } else if (job->started && job->seen >= job->last) {
    stop_clocks(&job->clocks);
    return 1;
  }
  return 0;
}

static void see(job_t *job, const fluvio_record_t *record) {
  check(job, record->partition, record->offset);
  job->bytes += record->value_len;
  if (job->follow && job->started) time_it(job, record->value);
  job->seen++;
}

static int take_batch(job_t *job, const fluvio_batch_t *batch) {
  fluvio_batch_view_t v;
  uint64_t i;
  v.struct_size = sizeof v;
  if (fluvio_batch_view(batch, &v)) die("no batch came", NULL);
  for (i = 0; i < v.count; i++) {
    check(job, v.partition, v.offset[i]);
    job->bytes += v.value_len[i];
    if (job->follow && job->started) time_it(job, v.data + v.value_pos[i]);
  }
  job->seen += v.count;
  return counted(job);
}

/* Says what a callback returns. */
static int32_t on(job_t *job, int done) {
  if (!done) return FLUVIO_CONTINUE;
  pthread_mutex_lock(&job->lock);
  job->done = 1;
  pthread_cond_signal(&job->changed);
  pthread_mutex_unlock(&job->lock);
  return FLUVIO_STOP;
}

static int32_t on_batch(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx) {
  if (!batch) die("read", error);
  return on(ctx, take_batch(ctx, batch));
}

static int32_t on_record(const fluvio_record_t *record, const fluvio_error_t *error, void *ctx) {
  job_t *job = ctx;
  if (!record) die("read", error);
  see(job, record);
  return on(job, counted(job));
}

/* The records of a batch, one call for each. */
static int take_records(job_t *job, const fluvio_batch_t *batch) {
  fluvio_record_t record;
  size_t i;
  record.struct_size = sizeof record;
  for (i = 0; fluvio_batch_get(batch, i, &record) == FLUVIO_OK; i++) see(job, &record);
  return counted(job);
}

/* Lists of at most so many records. */
static void poll_many(job_t *job, fluvio_consumer_t *consumer, size_t most) {
  fluvio_error_t *error = NULL;
  fluvio_record_list_t *list = NULL;
  fluvio_record_t record;
  int done = 0;
  size_t i;
  record.struct_size = sizeof record;
  while (!done) {
    must(fluvio_consumer_poll_many(consumer, most, 0, WAIT_MS, &list, &error), "poll", &error);
    for (i = 0; fluvio_record_list_get(list, i, &record) == FLUVIO_OK; i++) see(job, &record);
    fluvio_record_list_free(list);
    done = counted(job);
  }
}

static void poll(job_t *job, fluvio_consumer_t *consumer, int (*take)(job_t *, const fluvio_batch_t *)) {
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  int done = 0;
  while (!done) {
    must(fluvio_consumer_poll(consumer, WAIT_MS, &batch, &error), "poll", &error);
    done = take(job, batch);
    fluvio_batch_release(batch);
  }
}

static void wait_for_callbacks(job_t *job) {
  pthread_mutex_lock(&job->lock);
  while (!job->done) pthread_cond_wait(&job->changed, &job->lock);
  pthread_mutex_unlock(&job->lock);
}

/* Tells that the sender may begin. */
static void announce(void) {
  printf("ready\n");
  fflush(stdout);
}

static fluvio_consumer_t *open_consumer(fluvio_client_t *client, const options_t *o) {
  fluvio_config_t *config = need(fluvio_config_new());
  fluvio_consumer_t *consumer = NULL;
  fluvio_error_t *error = NULL;
  fluvio_config_set(config, "start", "beginning", NULL);
  if (option(o, "max_bytes")) fluvio_config_set(config, "max_bytes", option(o, "max_bytes"), NULL);
  must(fluvio_consumer_open(client, required(o, "topic"), config, WAIT_MS, &consumer, &error), "open the consumer", &error);
  fluvio_config_free(config);
  return consumer;
}

int consume(const options_t *o) {
  const char *api = required(o, "api");
  fluvio_client_t *client;
  fluvio_consumer_t *consumer;
  fluvio_error_t *error = NULL;
  job_t job;
  memset(&job, 0, sizeof job);
  pthread_mutex_init(&job.lock, NULL);
  pthread_cond_init(&job.changed, NULL);
  job.follow = strcmp(required(o, "mode"), "follow") == 0;
  job.count = required_number(o, "count");
  job.warmup = required_number(o, "warmup");
  job.partitions = required_number(o, "partitions");
  job.next = need(calloc(job.partitions, sizeof *job.next));
  if (job.follow) job.latencies.ns = need(calloc(job.count, sizeof *job.latencies.ns));

  client = connect_to(required(o, "endpoint"));
  consumer = open_consumer(client, o);
  if (job.follow) announce();
  if (strcmp(api, "poll") == 0) {
    poll(&job, consumer, take_batch);
  } else if (strcmp(api, "get") == 0) {
    poll(&job, consumer, take_records);
  } else if (strcmp(api, "poll_many") == 0) {
    poll_many(&job, consumer, required_number(o, "group"));
  } else if (strcmp(api, "callback") == 0) {
    must(fluvio_consumer_start(consumer, on_batch, &job, NULL, &error), "start the callback", &error);
    wait_for_callbacks(&job);
  } else if (strcmp(api, "records") == 0) {
    must(fluvio_consumer_start_records(consumer, on_record, &job, NULL, &error), "start the callback", &error);
    wait_for_callbacks(&job);
  } else {
    die("there is no such api in this mode", NULL);
  }
  must(fluvio_consumer_close(consumer, WAIT_MS, &error), "close", &error);
  print_result(job.seen - job.seen_before, job.seen_before, job.bytes - job.bytes_before, &job.clocks, &job.missing, &job.latencies);
  must(fluvio_client_close(client, WAIT_MS, &error), "close", &error);
  fluvio_consumer_free(consumer);
  fluvio_client_free(client);
  free(job.next);
  free(job.latencies.ns);
  return 0;
}
