/* What a client tells of itself: counters, Prometheus text, statistics at intervals, logs by callback, starts and ends. */
#include "control.h"

static const char *endpoint;

/* What callbacks saw. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t thread;
  int lines, lost, freed;
  char text[256];
} log_seen = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, "" };

static const char *field(const fluvio_field_t *fields, uint64_t count, const char *key)
{
  uint64_t i;
  for (i = 0; i < count; i++)
    if (strcmp(fields[i].key, key) == 0)
      return fields[i].value;
  return "";
}

static void on_log(fluvio_event_t *event, void *ctx)
{
  fluvio_log_t line;
  line.struct_size = sizeof line;
  CHECK(ctx == &log_seen && fluvio_event_opaque(event) == 77);
  CHECK(fluvio_event_type(event) == FLUVIO_EVENT_LOG && fluvio_event_log(event, &line) == FLUVIO_OK);
  CHECK(line.level >= FLUVIO_LOG_ERROR && line.level <= FLUVIO_LOG_INFO && line.time_us > 1500000000000000 && line.dropped == 0);
  CHECK(*line.message != '\0' && strncmp(field(line.fields, line.field_count, "client"), "ctest-", 6) == 0);
  pthread_mutex_lock(&log_seen.lock);
  log_seen.lines++;
  log_seen.thread = pthread_self();
  if (strcmp(line.message, "metadata watch lost") == 0 && line.level == FLUVIO_LOG_WARN) {
    log_seen.lost++;
    snprintf(log_seen.text, sizeof log_seen.text, "%s", field(line.fields, line.field_count, "code"));
  }
  pthread_cond_broadcast(&log_seen.changed);
  pthread_mutex_unlock(&log_seen.lock);
}

static void on_free(void *ctx)
{
  CHECK(ctx == &log_seen);
  log_seen.freed++;
}

static void await(int *count, int least)
{
  pthread_mutex_lock(&log_seen.lock);
  while (*count < least)
    pthread_cond_wait(&log_seen.changed, &log_seen.lock);
  pthread_mutex_unlock(&log_seen.lock);
}

static fluvio_client_t *connect_with(fluvio_config_t *config)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = NULL;
  OK(fluvio_config_set(config, "endpoint", endpoint, &error));
  OK(fluvio_config_set(config, "client_id", "ctest", &error));
  OK(fluvio_client_connect(config, LONG, &client, &error));
  return client;
}

static void counters(void)
{
  fluvio_error_t *error = NULL;
  fluvio_text_t *text = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_op_t *op;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_client_t *client = connect_with(config);
  PART("counters");
  fluvio_config_free(config);
  make_topic(client, "observed", "1");
  OK(fluvio_producer_open(client, "observed", NULL, NULL, LONG, &producer, &error));
  OK(fluvio_producer_send(producer, NULL, 0, "12345", 5, 0, LONG, &error));
  OK(fluvio_producer_flush(producer, LONG, &error));
  OK(fluvio_client_stats(client, LONG, &text, &error));
  CHECK(strstr(fluvio_text_get(text), "\"client\":\"ctest-") != NULL);
  CHECK(strstr(fluvio_text_get(text), "\"records_acknowledged\":1,\"bytes_acknowledged\":5,") != NULL);
  CHECK(strstr(fluvio_text_get(text), "\"records_accepted\":1,\"bytes_accepted\":5,") != NULL);
  fluvio_text_free(text);
  OK(fluvio_client_prometheus(client, LONG, &text, &error));
  CHECK(strstr(fluvio_text_get(text), "\n# TYPE fluvio_request_duration_seconds histogram\n") != NULL);
  CHECK(strstr(fluvio_text_get(text), "topic=\"observed\",outcome=\"acknowledged\"} 1\n") != NULL);
  fluvio_text_free(text);
  op = fluvio_client_prometheus_async(client, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  text = fluvio_op_take_text(op);
  CHECK(strstr(fluvio_text_get(text), "topic=\"observed\",outcome=\"acknowledged\"} 1\n") != NULL);
  fluvio_text_free(text);
  fluvio_op_free(op);
  op = fluvio_client_stats_async(client, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  text = fluvio_op_take_text(op);
  CHECK(strstr(fluvio_text_get(text), "\"api\":\"Produce\"") != NULL);
  fluvio_text_free(text);
  fluvio_op_free(op);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_client_stats(client, LONG, NULL, &error));
  OK(fluvio_client_close(client, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_client_prometheus(client, LONG, &text, &error));
  fluvio_producer_free(producer);
  fluvio_client_free(client);
}

static void logs(void)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  int lines;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  PART("logs");
  OK(fluvio_queue_start(queue, on_log, &log_seen, on_free, &error));
  OK(fluvio_config_set_log(config, queue, 77, &error));
  OK(fluvio_config_set_json(config, "{\"log_level\": \"info\", \"retry_backoff_ms\": 1, \"retry_backoff_max_ms\": 5}", &error));
  client = connect_with(config);
  fluvio_config_free(config);
  await(&log_seen.lines, 1);
  control("/v1/sc/stop");
  await(&log_seen.lost, 1);
  pthread_mutex_lock(&log_seen.lock); /* lines go on coming */
  CHECK(strcmp(log_seen.text, "CONNECTION") == 0 && !pthread_equal(log_seen.thread, pthread_self()));
  pthread_mutex_unlock(&log_seen.lock);
  fluvio_queue_free(queue); /* while the client goes on logging */
  lines = log_seen.lines;
  CHECK(log_seen.freed == 1);
  control("/v1/sc/start");
  make_topic(client, "after-the-log", "1");
  CHECK(log_seen.lines == lines);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
}

static void statistics(void)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = NULL;
  fluvio_event_t *event;
  int told = 0, happened = 0;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  PART("statistics");
  OK(fluvio_config_set(config, "statistics_interval_ms", "10", &error));
  OK(fluvio_config_set(config, "endpoint", endpoint, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_client_connect(config, LONG, &client, &error));
  OK(fluvio_config_set_events(config, queue, 5, &error));
  client = connect_with(config);
  fluvio_config_free(config);
  while (told < 2 || happened < 1) { /* one queue has both */
    event = fluvio_queue_poll(queue, LONG);
    CHECK(event != NULL && fluvio_event_opaque(event) == 5);
    if (fluvio_event_type(event) == FLUVIO_EVENT_STATS) {
      CHECK(strncmp(fluvio_event_stats(event), "{\"time_ms\":", 11) == 0);
      told++;
    } else {
      CHECK(fluvio_event_type(event) == FLUVIO_EVENT_CLIENT);
      happened++;
    }
    fluvio_event_free(event);
  }
  OK(fluvio_client_close(client, LONG, &error));
  while ((event = fluvio_queue_poll(queue, 0)) != NULL)
    fluvio_event_free(event);
  CHECK(fluvio_queue_poll(queue, 30) == NULL); /* nothing comes after close */
  fluvio_client_free(client);
  fluvio_queue_free(queue);
}

#define MOST 4096
static void hooks(void)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  fluvio_consumer_t *consumer;
  fluvio_batch_t *batch = NULL;
  fluvio_event_t *event;
  fluvio_span_t span;
  uint64_t open[MOST], batch_span = 0;
  int n = 0, i, kinds[6] = { 0 };
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  PART("hooks");
  OK(fluvio_config_set_hooks(config, queue, 9, &error));
  client = connect_with(config);
  fluvio_config_free(config);
  make_topic(client, "spans", "1");
  fill(client, "spans", 3);
  consumer = read_from_start(client, "spans", "end");
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
  fluvio_batch_release(batch);
  OK(fluvio_client_close(client, LONG, &error));
  while ((event = fluvio_queue_poll(queue, 0)) != NULL) {
    span.struct_size = sizeof span;
    CHECK(fluvio_event_opaque(event) == 9 && fluvio_event_span(event, &span) == FLUVIO_OK);
    CHECK(span.kind >= FLUVIO_SPAN_CONNECT && span.kind <= FLUVIO_SPAN_COMMIT && span.time_us > 1500000000000000);
    if (fluvio_event_type(event) == FLUVIO_EVENT_SPAN_START) {
      CHECK(n < MOST && span.error == NULL);
      open[n++] = span.id;
      kinds[span.kind]++;
      if (span.kind == FLUVIO_SPAN_PRODUCE_BATCH)
        batch_span = span.id;
      if (strcmp(span.name, "Produce") == 0)
        CHECK(span.parent == batch_span && batch_span != 0);
    } else {
      for (i = 0; i < n && open[i] != span.id; i++)
        ;
      CHECK(i < n); /* every end has its start */
      open[i] = open[--n];
      if (span.kind == FLUVIO_SPAN_FETCH_BATCH)
        CHECK(strcmp(field(span.fields, span.field_count, "topic"), "spans") == 0);
    }
    fluvio_event_free(event);
  }
  CHECK(n == 0); /* and every start its end */
  CHECK(kinds[FLUVIO_SPAN_CONNECT] >= 3 && kinds[FLUVIO_SPAN_REQUEST] >= 4 && kinds[FLUVIO_SPAN_PRODUCE_BATCH] >= 1 && kinds[FLUVIO_SPAN_FETCH_BATCH] >= 1);
  fluvio_consumer_free(consumer);
  fluvio_client_free(client);
  fluvio_queue_free(queue);
}

/* Takes what waits, and waits for more until the last event of a kind has come so often. */
static void take_until(fluvio_queue_t *queue, int32_t kind, int times)
{
  fluvio_client_event_t e;
  while (times > 0) {
    fluvio_event_t *event = fluvio_queue_poll(queue, LONG);
    e.struct_size = sizeof e;
    CHECK(event != NULL && fluvio_event_client(event, &e) == FLUVIO_OK && e.dropped == 0);
    times -= e.kind == kind;
    fluvio_event_free(event);
  }
}

/* Of a client whose events nobody takes the first 10,000 wait, another client of the queue does not notice, and what comes later
 * tells of those that were dropped. */
static void events_nobody_takes(void)
{
  enum { PARTITIONS = 2600, MOST_EVENTS = 10000 };
  fluvio_error_t *error = NULL;
  fluvio_client_event_t e;
  fluvio_event_t *event;
  fluvio_client_t *idle, *busy;
  uint64_t waited = 0, dropped = 0, of_busy = 0;
  int round;
  fluvio_queue_t *queue = fluvio_queue_new(), *taken = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  PART("events nobody takes");
  OK(fluvio_config_set_json(config, "{\"retry_backoff_ms\": 1, \"retry_backoff_max_ms\": 5}", &error));
  OK(fluvio_config_set_events(config, queue, 1, &error));
  idle = connect_with(config);
  OK(fluvio_config_set_events(config, taken, 2, &error));
  busy = connect_with(config);
  fluvio_config_free(config);
  config = fluvio_config_new();
  OK(fluvio_config_set_json(config, "{\"partitions\": 2600, \"replication\": 2}", &error));
  OK(fluvio_topic_create(busy, "many-leaders", config, LONG, &error));
  fluvio_config_free(config);
  for (round = 0; round < 8; round++) { /* the leaders of all partitions, at first of half of them, go to and fro */
    control(round % 2 == 0 ? "/v1/spu/5001/stop" : "/v1/spu/5002/stop");
    take_until(taken, FLUVIO_LEADER_MOVED, round == 0 ? PARTITIONS / 2 : PARTITIONS);
    control(round % 2 == 0 ? "/v1/spu/5001/start" : "/v1/spu/5002/start");
  }
  config = fluvio_config_new();
  OK(fluvio_config_set_events(config, queue, 3, &error));
  fluvio_client_free(connect_with(config)); /* its events find room */
  fluvio_config_free(config);
  while (waited < MOST_EVENTS) {
    event = fluvio_queue_poll(queue, LONG);
    e.struct_size = sizeof e;
    CHECK(event != NULL && fluvio_event_client(event, &e) == FLUVIO_OK && e.dropped == 0);
    waited += fluvio_event_opaque(event) == 1;
    of_busy += fluvio_event_opaque(event) == 3;
    fluvio_event_free(event);
  }
  for (round = 0; dropped == 0; round++) { /* until something happens to the client, which it then tells */
    CHECK(round < 200);
    control("/v1/sc/stop");
    control("/v1/sc/start");
    while (dropped == 0 && (event = fluvio_queue_poll(queue, 100)) != NULL) {
      e.struct_size = sizeof e;
      CHECK(fluvio_event_client(event, &e) == FLUVIO_OK);
      CHECK(e.dropped == 0 || fluvio_event_opaque(event) == 1);
      of_busy += fluvio_event_opaque(event) == 3;
      dropped += e.dropped;
      fluvio_event_free(event);
    }
  }
  printf("%" PRIu64 " events waited, %" PRIu64 " were dropped\n", waited, dropped);
  CHECK(of_busy > 0 && dropped > 1000);
  OK(fluvio_client_close(idle, LONG, &error));
  OK(fluvio_client_close(busy, LONG, &error));
  fluvio_client_free(idle);
  fluvio_client_free(busy);
  fluvio_queue_free(queue);
  fluvio_queue_free(taken);
}

/* The retries of the client's consumers, as its statistics count them. */
static long retries(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_text_t *text = NULL;
  const char *at;
  long sum = 0;
  OK(fluvio_client_stats(client, LONG, &text, &error));
  for (at = strstr(fluvio_text_get(text), "\"consumers\":"); (at = strstr(at, "\"retries\":")) != NULL;)
    sum += strtol(at += strlen("\"retries\":"), NULL, 10);
  fluvio_text_free(text);
  return sum;
}

/* Of a consumer whose events nobody takes the first 10,000 wait, and what comes later tells of those that were dropped. Another
 * consumer of the queue does not notice, and ends of operations are not dropped. */
static void consumer_events_nobody_takes(void)
{
  enum { PARTITIONS = 200, MOST_EVENTS = 10000 };
  fluvio_error_t *error = NULL;
  fluvio_consumer_event_t e;
  fluvio_event_t *event;
  fluvio_client_t *client;
  fluvio_op_t *op;
  fluvio_consumer_t *busy = NULL, *idle = NULL;
  long assigned = 0, waited = 0, dropped = 0, of_idle = 0, ended = 0;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  PART("consumer events nobody takes");
  OK(fluvio_config_set_json(config, "{\"retry_backoff_ms\": 1, \"retry_backoff_max_ms\": 5, \"breaker_reset_ms\": 5}", &error));
  client = connect_with(config);
  fluvio_config_free(config);
  config = fluvio_config_new();
  OK(fluvio_config_set_json(config, "{\"partitions\": 200}", &error));
  OK(fluvio_topic_create(client, "disturbed", config, LONG, &error));
  fluvio_config_free(config);
  make_topic(client, "undisturbed", "1");
  config = fluvio_config_new();
  OK(fluvio_config_set_events(config, queue, 1, &error));
  OK(fluvio_consumer_open(client, "disturbed", config, LONG, &busy, &error));
  control("/v1/spu/5001/stop");
  control("/v1/spu/5002/stop");
  while (retries(client) < MOST_EVENTS + 5000)
    usleep(10000);
  control("/v1/spu/5001/start");
  control("/v1/spu/5002/start");
  OK(fluvio_config_set_events(config, queue, 2, &error));
  OK(fluvio_consumer_open(client, "undisturbed", config, LONG, &idle, &error)); /* its event finds room */
  fluvio_config_free(config);
  op = fluvio_topic_list_async(client, LONG, queue, 3);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  control("/v1/spu/5001/stop"); /* so that more comes */
  control("/v1/spu/5002/stop");
  while (dropped == 0 || of_idle == 0 || ended == 0) {
    event = fluvio_queue_poll(queue, LONG);
    CHECK(event != NULL);
    e.struct_size = sizeof e;
    if (fluvio_event_type(event) == FLUVIO_EVENT_OP) {
      ended += fluvio_event_opaque(event) == 3;
    } else {
      CHECK(fluvio_event_consumer(event, &e) == FLUVIO_OK);
      if (fluvio_event_opaque(event) == 2) {
        CHECK(e.dropped == 0);
        of_idle += e.kind == FLUVIO_PARTITION_ASSIGNED;
      } else {
        dropped += (long)e.dropped;
        CHECK((dropped > 0) == (++waited > MOST_EVENTS));
        assigned += e.kind == FLUVIO_PARTITION_ASSIGNED;
      }
    }
    fluvio_event_free(event);
  }
  printf("%ld events came, %ld were dropped, %ld retries\n", waited, dropped, retries(client));
  CHECK(assigned == PARTITIONS && dropped > 4000);
  control("/v1/spu/5001/start");
  control("/v1/spu/5002/start");
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_consumer_free(busy);
  fluvio_consumer_free(idle);
  fluvio_client_free(client);
  fluvio_queue_free(queue);
}

int main(int argc, char **argv)
{
  CHECK(argc > 2);
  endpoint = argv[1];
  control_address = argv[2];
  counters();
  logs();
  statistics();
  hooks();
  consumer_events_nobody_takes();
  events_nobody_takes();
  return 0;
}
