/* Runs jobs with libfluvio's C API, for the tests of tests/interop/matrix.
 *
 * It reads one JSON object from standard input, {"endpoint": "host:port", "jobs": [...]}, and writes one to standard
 * output, {"results": [...]}, with {"ok": ...} or {"error": "..."} for each job in order. Keys and values are hexadecimal,
 * a record without a key has null. The same for every client: tests/interop/matrix/README.md. */
#include "json.h"

#include <fluvio.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 60000 };

/* Where a record was stored. */
typedef struct {
  int32_t partition;
  int64_t offset;
} report_t;

static void *need(void *p) {
  if (!p) {
    fprintf(stderr, "interop: out of memory\n");
    exit(1);
  }
  return p;
}

/* All of standard input. */
static char *read_input(void) {
  size_t size = 0, used = 0, got;
  char *text = NULL;
  do {
    if (size - used < 2) text = need(realloc(text, size = 2 * size + 65536));
    got = fread(text + used, 1, size - used - 1, stdin);
    used += got;
  } while (got);
  text[used] = 0;
  return text;
}

/* Prints the result of a job that failed. */
static void print_error(fluvio_error_t *error, const char *what) {
  const char *p = error ? fluvio_error_message(error) : what;
  printf("{\"error\":\"");
  for (; *p; p++) {
    if (*p == '"' || *p == '\\') putchar('\\');
    putchar((unsigned char)*p < ' ' ? ' ' : *p);
  }
  printf("\"}");
  fluvio_error_free(error);
}

static void print_hex(const uint8_t *bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  size_t i;
  putchar('"');
  for (i = 0; i < length; i++) {
    putchar(digits[bytes[i] >> 4]);
    putchar(digits[bytes[i] & 15]);
  }
  putchar('"');
}

/* Prints {"ok":null}, or the error. */
static void print_done(fluvio_status_t status, fluvio_error_t *error) {
  if (status)
    print_error(error, fluvio_status_name(status));
  else
    printf("{\"ok\":null}");
}

/* Gives the config a setting that the job has as a number or as text. */
static void set(fluvio_config_t *config, json_t job, const char *name) {
  char number[24], *text = NULL;
  json_t value = json_member(job, name);
  if (!value) return;
  if (*value == '"') {
    text = json_text(job, name);
  } else {
    sprintf(number, "%lld", json_int(job, name, 0));
  }
  fluvio_config_set(config, name, text ? text : number, NULL);
  free(text);
}

static void create_topic(fluvio_client_t *client, json_t job, const char *topic) {
  static const char *const settings[] = {"partitions", "replication", "retention_seconds", "segment_size", "max_partition_size", "compression"};
  fluvio_config_t *config = need(fluvio_config_new());
  fluvio_error_t *error = NULL;
  json_t ignore = json_member(job, "ignore_rack");
  fluvio_status_t status;
  size_t i;
  for (i = 0; i < sizeof settings / sizeof *settings; i++) set(config, job, settings[i]);
  if (ignore) fluvio_config_set(config, "ignore_rack", *ignore == 't' ? "true" : "false", NULL);
  status = fluvio_topic_create(client, topic, config, WAIT_MS, &error);
  fluvio_config_free(config);
  print_done(status, error);
}

/* Prints name and number of partitions of every topic, or, as an object, all there is to know of it. */
static void list_topics(fluvio_client_t *client, int all) {
  fluvio_topic_list_t *list = NULL;
  fluvio_error_t *error = NULL;
  fluvio_topic_t t;
  fluvio_status_t status = fluvio_topic_list(client, WAIT_MS, &list, &error);
  size_t i;
  if (status) {
    print_error(error, fluvio_status_name(status));
    return;
  }
  memset(&t, 0, sizeof t);
  t.struct_size = sizeof t;
  printf("{\"ok\":%c", all ? '{' : '[');
  for (i = 0; fluvio_topic_list_get(list, i, &t) == FLUVIO_OK; i++) {
    if (i) putchar(',');
    if (!all) {
      printf("[\"%s\",%" PRIu32 "]", t.name, t.partitions);
      continue;
    }
    printf("\"%s\":{\"partitions\":%" PRIu32 ",\"replication\":%" PRIu32 ",\"compression\":\"%s\",\"status\":\"%s\",", t.name, t.partitions,
           t.replication, t.compression, t.status);
    printf("\"retention_seconds\":%" PRIu32 ",\"segment_size\":%" PRIu32 ",\"max_partition_size\":%" PRIu64 "}", t.retention_seconds,
           t.segment_size, t.max_partition_size);
  }
  printf("%c}", all ? '}' : ']');
  fluvio_topic_list_free(list);
}

/* Hands every record over; opaque is its number. *count gets how many were accepted. */
static fluvio_status_t send_all(fluvio_producer_t *producer, json_t job, size_t *count, fluvio_error_t **error) {
  json_t list = json_member(job, "records"), r;
  fluvio_status_t status = FLUVIO_OK;
  for (*count = 0, r = list ? json_first(list) : NULL; r && !status; r = json_next(r)) {
    fluvio_record_in_t in = FLUVIO_RECORD_INIT;
    unsigned char *key = json_hex(r, "key", &in.key_len), *value = json_hex(r, "value", &in.value_len);
    in.key = key;
    in.value = value;
    in.timestamp = json_int(r, "timestamp", 0);
    in.partition = (int32_t)json_int(r, "partition", -1);
    in.opaque = *count;
    status = fluvio_producer_send_batch(producer, &in, 1, WAIT_MS, NULL, error);
    *count += status == FLUVIO_OK;
    free(key);
    free(value);
  }
  return status;
}

/* Takes the reports of count records out of the queue. 0 when all are stored, else the error is printed. */
static int collect(fluvio_queue_t *queue, report_t *reports, size_t count) {
  size_t done = 0, i;
  while (done < count) {
    fluvio_event_t *event = fluvio_queue_poll(queue, WAIT_MS);
    fluvio_delivery_t d;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    if (!event || fluvio_event_delivery(event, &d) || d.status) {
      printf("{\"error\":\"%s\"}", event ? fluvio_status_name(d.status) : "no delivery report came");
      fluvio_event_free(event);
      return 1;
    }
    for (i = 0; i < d.count; i++) {
      reports[d.opaque[i]].partition = d.partition;
      reports[d.opaque[i]].offset = d.base_offset + (int64_t)i;
    }
    done += (size_t)d.count;
    fluvio_event_free(event);
  }
  return 0;
}

static size_t count_elements(json_t list) {
  size_t count = 0;
  json_t r;
  for (r = list ? json_first(list) : NULL; r; r = json_next(r)) count++;
  return count;
}

static void produce(fluvio_client_t *client, json_t job, const char *topic) {
  fluvio_config_t *config = need(fluvio_config_new());
  fluvio_queue_t *queue = need(fluvio_queue_new());
  fluvio_producer_t *producer = NULL;
  fluvio_error_t *error = NULL;
  report_t *reports = need(calloc(count_elements(json_member(job, "records")) + 1, sizeof *reports));
  char *codec = json_text(job, "compression");
  fluvio_status_t status;
  size_t count = 0, i;
  if (codec) fluvio_config_set(config, "compression", codec, NULL);
  status = fluvio_producer_open(client, topic, config, queue, WAIT_MS, &producer, &error);
  if (!status) status = send_all(producer, job, &count, &error);
  if (status) {
    print_error(error, fluvio_status_name(status));
  } else if (collect(queue, reports, count) == 0) {
    printf("{\"ok\":[");
    for (i = 0; i < count; i++) printf("%s[%" PRId32 ",%" PRId64 "]", i ? "," : "", reports[i].partition, reports[i].offset);
    printf("]}");
  }
  fluvio_producer_close(producer, WAIT_MS, NULL);
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);
  fluvio_config_free(config);
  free(reports);
  free(codec);
}

static fluvio_consumer_t *open_consumer(fluvio_client_t *client, json_t job, const char *topic, fluvio_error_t **error) {
  fluvio_config_t *config = need(fluvio_config_new());
  fluvio_consumer_t *consumer = NULL;
  long long partition = json_int(job, "partition", -1);
  char text[32], *name = json_text(job, "consumer");
  fluvio_config_set(config, "start", "beginning", NULL);
  fluvio_config_set(config, "stop_at", "end", NULL);
  set(config, job, "start");
  set(config, job, "isolation");
  if (!name && json_member(job, "count")) fluvio_config_set(config, "stop_at", "never", NULL);
  sprintf(text, "%lld", partition);
  if (partition >= 0) fluvio_config_set(config, "partitions", text, NULL);
  if (name) {
    fluvio_config_set(config, "consumer_id", name, NULL);
    fluvio_config_set(config, "offset_strategy", "manual", NULL);
  }
  free(name);
  fluvio_consumer_open(client, topic, config, WAIT_MS, &consumer, error);
  fluvio_config_free(config);
  return consumer;
}

/* Reads from start, by default the beginning, until the end, or count records however long they take to come. An error ends
 * the list and comes beside it, so that what is printed stays JSON. */
static void consume(fluvio_client_t *client, json_t job, const char *topic) {
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = open_consumer(client, job, topic, &error);
  fluvio_status_t status = FLUVIO_OK;
  long long left = json_int(job, "count", -1);
  const char *comma = "";
  if (!consumer) {
    print_error(error, "the consumer did not open");
    return;
  }
  printf("{\"ok\":[");
  while (left && status == FLUVIO_OK) {
    fluvio_batch_t *batch = NULL;
    fluvio_record_t r = {.struct_size = sizeof r};
    size_t i;
    status = fluvio_consumer_poll(consumer, WAIT_MS, &batch, &error);
    for (i = 0; left && !status && fluvio_batch_get(batch, i, &r) == FLUVIO_OK; i++, left--, comma = ",") {
      printf("%s[%" PRId32 ",%" PRId64 ",%" PRId64 ",", comma, r.partition, r.offset, r.timestamp);
      if (r.key)
        print_hex(r.key, r.key_len);
      else
        printf("null");
      putchar(',');
      print_hex(r.value, r.value_len);
      putchar(']');
    }
    fluvio_batch_release(batch);
  }
  if (status == FLUVIO_OK || status == FLUVIO_ERR_END)
    printf("]}");
  else
    printf("],\"error\":\"%s\"}", fluvio_status_name(status));
  fluvio_error_free(error);
  fluvio_consumer_close(consumer, WAIT_MS, NULL);
  fluvio_consumer_free(consumer);
}

/* Reads count records as a named consumer, from behind its stored offset, and stores that of the last one. */
static void commit(fluvio_client_t *client, json_t job, const char *topic) {
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = open_consumer(client, job, topic, &error);
  fluvio_status_t status = consumer ? FLUVIO_OK : fluvio_error_status(error);
  long long wanted = json_int(job, "count", 1), n = 0;
  int64_t *offsets = need(calloc((size_t)wanted + 1, sizeof *offsets));
  long long i;
  while (n < wanted && status == FLUVIO_OK) {
    fluvio_batch_t *batch = NULL;
    fluvio_record_t r = {.struct_size = sizeof r};
    status = fluvio_consumer_poll(consumer, WAIT_MS, &batch, &error);
    for (i = 0; n < wanted && !status && fluvio_batch_get(batch, (size_t)i, &r) == FLUVIO_OK; i++) offsets[n++] = r.offset;
    fluvio_batch_release(batch);
  }
  if (!status && n > 0) /* not fluvio_consumer_commit: the batch may hold more than count records */
    status = fluvio_consumer_commit_offset(consumer, NULL, (int32_t)json_int(job, "partition", 0), offsets[n - 1], WAIT_MS, &error);
  if (status) {
    print_error(error, fluvio_status_name(status));
  } else {
    printf("{\"ok\":[");
    for (i = 0; i < n; i++) printf("%s%" PRId64, i ? "," : "", offsets[i]);
    printf("]}");
  }
  free(offsets);
  if (consumer) fluvio_consumer_close(consumer, WAIT_MS, NULL);
  fluvio_consumer_free(consumer);
}

static void list_offsets(fluvio_client_t *client) {
  fluvio_consumer_offset_list_t *list = NULL;
  fluvio_error_t *error = NULL;
  fluvio_consumer_offset_t o;
  fluvio_status_t status = fluvio_consumer_offsets_list(client, WAIT_MS, &list, &error);
  size_t i;
  if (status) {
    print_error(error, fluvio_status_name(status));
    return;
  }
  memset(&o, 0, sizeof o);
  o.struct_size = sizeof o;
  printf("{\"ok\":[");
  for (i = 0; fluvio_consumer_offset_list_get(list, i, &o) == FLUVIO_OK; i++)
    printf("%s[\"%s\",\"%s\",%" PRId32 ",%" PRId64 "]", i ? "," : "", o.consumer_id, o.topic, o.partition, o.offset);
  printf("]}");
  fluvio_consumer_offset_list_free(list);
}

static void delete_offset(fluvio_client_t *client, json_t job, const char *topic) {
  fluvio_error_t *error = NULL;
  char *consumer = json_text(job, "consumer");
  fluvio_status_t status = fluvio_consumer_offset_delete(client, consumer, topic, (int32_t)json_int(job, "partition", 0), WAIT_MS, &error);
  print_done(status, error);
  free(consumer);
}

static void run(fluvio_client_t *client, json_t job) {
  char *what = json_text(job, "do"), *topic = json_text(job, "topic");
  fluvio_error_t *error = NULL;
  if (!what) what = need(calloc(1, 1));
  if (strcmp(what, "list_topics") == 0)
    list_topics(client, 0);
  else if (strcmp(what, "describe_topics") == 0)
    list_topics(client, 1);
  else if (strcmp(what, "list_offsets") == 0)
    list_offsets(client);
  else if (!topic)
    printf("{\"error\":\"the job has no topic\"}");
  else if (strcmp(what, "create_topic") == 0)
    create_topic(client, job, topic);
  else if (strcmp(what, "delete_topic") == 0) {
    fluvio_status_t status = fluvio_topic_delete(client, topic, WAIT_MS, &error);
    print_done(status, error);
  } else if (strcmp(what, "produce") == 0)
    produce(client, job, topic);
  else if (strcmp(what, "consume") == 0)
    consume(client, job, topic);
  else if (strcmp(what, "commit") == 0)
    commit(client, job, topic);
  else if (strcmp(what, "delete_offset") == 0)
    delete_offset(client, job, topic);
  else
    printf("{\"error\":\"unknown job %s\"}", what);
  free(what);
  free(topic);
}

int main(void) {
  char *text = read_input(), *endpoint;
  fluvio_config_t *config = need(fluvio_config_new());
  fluvio_client_t *client = NULL;
  fluvio_error_t *error = NULL;
  const char *comma = "";
  json_t jobs, job;
  json_check(text);
  endpoint = json_text(text, "endpoint");
  jobs = json_member(text, "jobs");
  if (!endpoint || !jobs) {
    fprintf(stderr, "interop: endpoint and jobs are needed\n");
    return 2;
  }
  fluvio_config_set(config, "endpoint", endpoint, NULL);
  if (fluvio_client_connect(config, WAIT_MS, &client, &error)) {
    fprintf(stderr, "interop: %s\n", fluvio_error_message(error));
    return 1;
  }
  printf("{\"results\":[");
  for (job = json_first(jobs); job; job = json_next(job), comma = ",") {
    printf("%s", comma);
    run(client, job);
  }
  printf("]}\n");
  fluvio_config_free(config);
  fluvio_client_close(client, WAIT_MS, NULL);
  fluvio_client_free(client);
  free(endpoint);
  free(text);
  return 0;
}
