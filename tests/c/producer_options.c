/* Where records go: settings and a function of the application's own. What producers count. SmartModules on the way. */
#include "control.h"

static fluvio_producer_t *open_with(fluvio_client_t *client, const char *topic, const char *json, fluvio_queue_t *queue)
{
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_config_t *config = fluvio_config_new();
  OK(fluvio_config_set_json(config, json, &error));
  OK(fluvio_producer_open(client, topic, config, queue, LONG, &producer, &error));
  fluvio_config_free(config);
  return producer;
}

/* Counts the records of each partition of a topic with at most 8. */
static void count_records(fluvio_client_t *client, const char *topic, int *count)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, topic, "end");
  fluvio_batch_t *batch;
  fluvio_batch_view_t view;
  fluvio_status_t status;
  memset(count, 0, 8 * sizeof *count);
  view.struct_size = sizeof view;
  while ((status = fluvio_consumer_poll(consumer, LONG, &batch, &error)) == FLUVIO_OK) {
    CHECK(fluvio_batch_view(batch, &view) == FLUVIO_OK && view.partition < 8);
    count[view.partition] += (int)view.count;
    fluvio_batch_release(batch);
  }
  STATUS(FLUVIO_ERR_END, status);
  fluvio_consumer_free(consumer);
}

static void send_n(fluvio_producer_t *producer, const char *key, int n)
{
  fluvio_error_t *error = NULL;
  while (n-- > 0)
    OK(fluvio_producer_send(producer, key, key != NULL ? strlen(key) : 0, "value", 5, 0, LONG, &error));
}

static void settings(fluvio_client_t *client)
{
  static const char *const bad[][2] = {
    { "{\"partition\": 3}", "partition 3 does not exist: the topic has 3, 0 to 2" },
    { "{\"partitioner\": \"fixed\"}", "partition: is needed for the partitioner fixed" },
    { "{\"partitioner\": \"murmur\"}", "is not one of siphash, round_robin, sticky, fixed" },
    { "{\"smartmodules\": [{\"nmae\": \"x\"}]}", "smartmodules[0].nmae: there is no such setting, did you mean name?" },
    { "{\"smartmodules\": [{\"name\": \"x\", \"path\": \"y\"}]}", "smartmodules[0]: give one of name, path and wasm" },
  };
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_config_t *config;
  int count[8];
  size_t i;
  PART("settings");
  make_topic(client, "c-settings", "3");
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    config = fluvio_config_new();
    OK(fluvio_config_set_json(config, bad[i][0], &error));
    CHECK(fluvio_producer_open(client, "c-settings", config, NULL, LONG, &producer, &error) == FLUVIO_ERR_INVALID_ARGUMENT);
    CHECK(strstr(fluvio_error_message(error), bad[i][1]) != NULL);
    fluvio_error_free(error);
    error = NULL;
    fluvio_config_free(config);
  }
  config = fluvio_config_new();
  OK(fluvio_config_set(config, "partition", "2", &error)); /* as text */
  OK(fluvio_producer_open(client, "c-settings", config, NULL, LONG, &producer, &error));
  fluvio_config_free(config);
  send_n(producer, NULL, 5);
  send_n(producer, "a key that would go elsewhere", 5);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  count_records(client, "c-settings", count);
  CHECK(count[0] == 0 && count[1] == 0 && count[2] == 10);
  producer = open_with(client, "c-settings", "{\"partitioner\": \"round_robin\"}", NULL);
  send_n(producer, "one key", 9);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  count_records(client, "c-settings", count);
  CHECK(count[0] == 3 && count[1] == 3 && count[2] == 13);
  producer = open_with(client, "c-settings", "{\"partitioner\": \"sticky\", \"linger_ms\": 60000}", NULL);
  send_n(producer, NULL, 20);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  count_records(client, "c-settings", count);
  CHECK(count[0] == 23 || count[1] == 23 || count[2] == 33); /* one batch */
}

/* What the function of the application is given and has seen. */
struct choice {
  fluvio_client_t *client;
  pthread_mutex_t lock;
  pthread_cond_t gone;
  int asked, freed, available;
  fluvio_producer_t *inner; /* to send through while choosing */
};

/* By the first byte of the value; without a value by the key, which must then be there. */
static int32_t choose(const void *key, size_t key_len, const void *value, size_t value_len, int32_t partitions, const int32_t *available, size_t available_count, void *ctx)
{
  struct choice *c = (struct choice *)ctx;
  size_t i;
  CHECK(partitions == 4);
  for (i = 1; i < available_count; i++)
    CHECK(available[i - 1] < available[i]);
  pthread_mutex_lock(&c->lock);
  c->asked++;
  c->available = (int)available_count;
  pthread_mutex_unlock(&c->lock);
  CHECK(fluvio_client_platform_version(c->client)[0] != '\0');
  if (c->inner != NULL)
    send_n(c->inner, NULL, 1); /* no lock is held */
  if (value_len > 0)
    return ((const char *)value)[0] - '0';
  CHECK(key != NULL && key_len == 0);
  return 3;
}

static void gone(void *ctx)
{
  struct choice *c = (struct choice *)ctx;
  pthread_mutex_lock(&c->lock);
  c->freed++;
  pthread_cond_signal(&c->gone);
  pthread_mutex_unlock(&c->lock);
}

static void own_partitioner(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_record_in_t records[3] = { FLUVIO_RECORD_INIT, FLUVIO_RECORD_INIT, FLUVIO_RECORD_INIT };
  uint32_t key_len[3] = { 1, FLUVIO_NO_KEY, 0 };
  uint32_t value_len[3] = { 1, 1, 0 };
  struct choice c;
  fluvio_producer_t *producer;
  fluvio_event_t *event;
  size_t sent = 9;
  int count[8];
  PART("own partitioner");
  make_topic(client, "c-own", "4");
  memset(&c, 0, sizeof c);
  c.client = client;
  pthread_mutex_init(&c.lock, NULL);
  pthread_cond_init(&c.gone, NULL);
  producer = open_with(client, "c-own", "{\"partitioner\": \"sticky\"}", queue);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_set_partitioner(producer, NULL, &c, gone, &error));
  OK(fluvio_producer_set_partitioner(producer, choose, &c, gone, &error));
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_producer_set_partitioner(producer, choose, &c, gone, &error));
  OK(fluvio_producer_send(producer, NULL, 0, "1", 1, 0, LONG, &error));
  CHECK(c.asked == 1 && c.available == 4);
  OK(fluvio_producer_send(producer, "", 0, NULL, 0, 0, LONG, &error)); /* 3 */
  records[0].value = "2";
  records[1].value = "0"; /* with a partition of its own */
  records[1].partition = 1;
  records[2].value = "7";
  records[0].value_len = records[1].value_len = records[2].value_len = 1;
  CHECK(fluvio_producer_send_batch(producer, records, 3, LONG, &sent, &error) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(sent == 2 && c.asked == 4);
  CHECK(strstr(fluvio_error_message(error), "the partitioner chose partition 7, which does not exist: the topic has 4, 0 to 3") != NULL);
  fluvio_error_free(error);
  error = NULL;
  OK(fluvio_producer_send_columns(producer, "k20", 3, key_len, value_len, 3, 0, LONG, &sent, &error)); /* 2, 0 and 3 */
  CHECK(sent == 3 && c.asked == 7);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send(producer, NULL, 0, "/", 1, 0, LONG, &error)); /* -1 */
  OK(fluvio_producer_flush(producer, LONG, &error));
  count_records(client, "c-own", count);
  CHECK(count[0] == 1 && count[1] == 2 && count[2] == 2 && count[3] == 2);
  OK(fluvio_producer_close(producer, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_send(producer, NULL, 0, "1", 1, 0, LONG, &error));
  pthread_mutex_lock(&c.lock);
  CHECK(c.asked == 8 && c.freed == 0);
  pthread_mutex_unlock(&c.lock);
  fluvio_producer_free(producer);
  while ((event = fluvio_queue_poll(queue, 0)) != NULL)
    fluvio_event_free(event);
  pthread_mutex_lock(&c.lock);
  while (c.freed == 0) /* Go drops its reference a little later than close returns */
    pthread_cond_wait(&c.gone, &c.lock);
  CHECK(c.freed == 1);
  pthread_mutex_unlock(&c.lock);

  producer = open_with(client, "c-own", "{}", NULL);
  send_n(producer, NULL, 1);
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_producer_set_partitioner(producer, choose, &c, gone, &error));
  OK(fluvio_producer_close(producer, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_set_partitioner(producer, choose, &c, gone, &error));
  fluvio_producer_free(producer);
  CHECK(c.freed == 1); /* a call that fails keeps nothing */
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_set_partitioner(NULL, choose, &c, gone, &error));
  pthread_mutex_destroy(&c.lock);
  pthread_cond_destroy(&c.gone);
  fluvio_queue_free(queue);
}

static void *send_some(void *producer)
{
  fluvio_error_t *error = NULL;
  int i;
  for (i = 0; i < 500; i++)
    OK(fluvio_producer_send((fluvio_producer_t *)producer, NULL, 0, i % 2 ? "1" : "2", 1, 0, LONG, &error));
  return NULL;
}

/* Several threads choose at once, each sending through another producer meanwhile; an SPU goes and comes. */
static void partitioner_in_threads(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  pthread_t threads[4];
  struct choice c;
  fluvio_producer_t *producer;
  int count[8], i;
  PART("partitioner in threads");
  make_topic(client, "c-threads", "4");
  make_topic(client, "c-inner", "1");
  memset(&c, 0, sizeof c);
  c.client = client;
  pthread_mutex_init(&c.lock, NULL);
  c.inner = open_with(client, "c-inner", "{}", NULL);
  producer = open_with(client, "c-threads", "{}", NULL);
  OK(fluvio_producer_set_partitioner(producer, choose, &c, NULL, &error));
  for (i = 0; i < 4; i++)
    CHECK(pthread_create(&threads[i], NULL, send_some, producer) == 0);
  for (i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  CHECK(c.asked == 2000);
  OK(fluvio_producer_flush(producer, LONG, &error));
  count_records(client, "c-threads", count);
  CHECK(count[0] == 0 && count[1] == 1000 && count[2] == 1000 && count[3] == 0);
  control("/v1/spu/5002/stop");
  while (c.available != 2) { /* until the news have come */
    OK(fluvio_producer_send(producer, "", 0, NULL, 0, 0, LONG, &error));
    usleep(1000);
  }
  control("/v1/spu/5002/start");
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  OK(fluvio_producer_close(c.inner, LONG, &error));
  fluvio_producer_free(c.inner);
  pthread_mutex_destroy(&c.lock);
}

/* A member of the stats, which must be there. */
static double member(fluvio_text_t *stats, const char *name)
{
  char quoted[64];
  const char *at;
  snprintf(quoted, sizeof quoted, "\"%s\":", name);
  at = strstr(fluvio_text_get(stats), quoted);
  if (at == NULL)
    fprintf(stderr, "no %s in %s\n", name, fluvio_text_get(stats));
  CHECK(at != NULL);
  return atof(at + strlen(quoted));
}

static fluvio_text_t *stats_of(fluvio_producer_t *producer)
{
  fluvio_error_t *error = NULL;
  fluvio_text_t *stats = NULL;
  OK(fluvio_producer_stats(producer, LONG, &stats, &error));
  CHECK(stats != NULL);
  return stats;
}

static void stats(fluvio_client_t *client)
{
  static const char *const zero[] = {
    "records_failed", "bytes_failed", "records_maybe", "bytes_maybe", "records_queued", "bytes_queued", "batches_queued",
    "records_in_flight", "bytes_in_flight", "batches_in_flight", "requests_in_flight", "retries",
  };
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer;
  fluvio_record_in_t nowhere = FLUVIO_RECORD_INIT;
  fluvio_text_t *text;
  fluvio_op_t *op;
  fluvio_event_t *event;
  size_t i;
  PART("stats");
  make_topic(client, "c-stats", "1");
  producer = open_with(client, "c-stats", "{\"linger_ms\": 60000, \"compression\": \"gzip\", \"batch_size\": 512}", NULL);
  text = stats_of(producer);
  CHECK(member(text, "records_accepted") == 0 && member(text, "batch_fill") == 0 && member(text, "latency_max_us") == 0);
  fluvio_text_free(text);
  send_n(producer, "key", 30);
  text = stats_of(producer);
  CHECK(member(text, "records_accepted") == 30 && member(text, "bytes_accepted") == 240);
  CHECK(member(text, "records_queued") + member(text, "records_in_flight") + member(text, "records_acknowledged") == 30);
  CHECK(member(text, "bytes_queued") + member(text, "bytes_in_flight") + member(text, "bytes_acknowledged") == 240);
  fluvio_text_free(text);
  OK(fluvio_producer_flush(producer, LONG, &error));
  text = stats_of(producer);
  CHECK(member(text, "records_acknowledged") == 30 && member(text, "bytes_acknowledged") == 240);
  for (i = 0; i < sizeof zero / sizeof *zero; i++)
    CHECK(member(text, zero[i]) == 0);
  CHECK(member(text, "batches") == 2 && member(text, "records_per_batch") == 15 && member(text, "compression_ratio") > 1);
  CHECK(member(text, "requests") >= 1 && member(text, "batches_per_request") >= 1 && member(text, "records_per_request") >= 15);
  CHECK(member(text, "batch_fill") > 0.5 && member(text, "batch_fill") < 1);
  CHECK(member(text, "latency_p50_us") > 0 && member(text, "latency_p90_us") >= member(text, "latency_p50_us"));
  CHECK(member(text, "latency_p99_us") >= member(text, "latency_p90_us") && member(text, "latency_max_us") >= member(text, "latency_p99_us"));
  fluvio_text_free(text);
  nowhere.value = "lost";
  nowhere.value_len = 4;
  nowhere.partition = 9;
  OK(fluvio_producer_send_batch(producer, &nowhere, 1, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_flush(producer, LONG, &error));
  op = fluvio_producer_stats_async(producer, LONG, queue, 17);
  event = fluvio_queue_poll(queue, LONG);
  CHECK(fluvio_event_type(event) == FLUVIO_EVENT_OP && fluvio_event_opaque(event) == 17);
  fluvio_event_free(event);
  CHECK(fluvio_op_take_producer(op) == NULL);
  text = fluvio_op_take_text(op);
  CHECK(member(text, "records_accepted") == 31 && member(text, "records_failed") == 1 && member(text, "bytes_failed") == 4);
  fluvio_text_free(text);
  CHECK(fluvio_op_take_text(op) == NULL);
  fluvio_op_free(op);
  OK(fluvio_producer_close(producer, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_stats(producer, LONG, &text, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_stats(producer, LONG, NULL, &error));
  CHECK(strcmp(fluvio_text_get(NULL), "") == 0);
  fluvio_text_free(NULL);
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);
}

static fluvio_event_t *next_report(fluvio_queue_t *queue, int64_t timeout_ms, fluvio_delivery_t *d)
{
  fluvio_event_t *event = fluvio_queue_poll(queue, timeout_ms);
  d->struct_size = sizeof *d;
  CHECK(fluvio_event_delivery(event, d) == FLUVIO_OK);
  return event;
}

/* Hands a record over without waiting, and has it leave without waiting for linger_ms, of which nothing passes. */
static void at_once(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer, *other;
  fluvio_event_t *event;
  fluvio_delivery_t d;
  char *large = (char *)calloc(1, 4 << 20);
  int64_t offset;
  PART("at once");
  make_topic(client, "c-at-once", "1");
  producer = open_with(client, "c-at-once", "{\"linger_ms\": 600000, \"delivery_timeout_ms\": 3600000}", queue);
  OK(fluvio_producer_hurry(producer, &error)); /* there is nothing */
  for (offset = 0; offset < 3; offset++) {
    CHECK(fluvio_producer_try_send(producer, offset == 1 ? "k" : NULL, offset == 1, "v", 1, UINT32_MAX) == FLUVIO_OK);
    OK(fluvio_producer_hurry(producer, &error));
    event = next_report(queue, LONG, &d);
    CHECK(d.status == FLUVIO_OK && d.base_offset == offset && d.count == 1 && d.opaque[0] == UINT32_MAX && d.consecutive == 1);
    fluvio_event_free(event);
  }
  other = open_with(client, "c-at-once", "{}", queue);
  OK(fluvio_producer_send(other, NULL, 0, "v", 1, 7, LONG, &error));
  OK(fluvio_producer_hurry(other, &error));
  event = next_report(queue, LONG, &d);
  CHECK(d.status == FLUVIO_OK && d.producer == other && d.opaque[0] == 7);
  fluvio_event_free(event);
  CHECK(fluvio_producer_try_send(producer, NULL, 0, large, 4 << 20, 0) == FLUVIO_ERR_TOO_LARGE);
  CHECK(fluvio_producer_try_send(producer, NULL, 0, NULL, 1, 0) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(fluvio_producer_try_send(NULL, NULL, 0, "v", 1, 0) == FLUVIO_ERR_INVALID_ARGUMENT);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_hurry(NULL, &error));
  OK(fluvio_producer_close(producer, LONG, &error));
  CHECK(fluvio_producer_try_send(producer, NULL, 0, "v", 1, 0) == FLUVIO_ERR_CLOSED);
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_hurry(producer, &error));
  CHECK(fluvio_queue_poll(queue, 0) == NULL);
  fluvio_producer_free(producer);
  fluvio_producer_free(other);
  fluvio_queue_free(queue);
  free(large);
}

/* Sends n records numbered from first on, and waits until their report is in the queue. */
static void send_numbered(fluvio_producer_t *producer, uint64_t first, int n)
{
  fluvio_error_t *error = NULL;
  while (n-- > 0)
    OK(fluvio_producer_send(producer, NULL, 0, "v", 1, first++, LONG, &error));
  OK(fluvio_producer_flush(producer, LONG, &error));
}

/* Reports that nobody takes are joined where the records lie behind each other. */
static void joined_reports(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer, *other;
  fluvio_record_in_t nowhere = FLUVIO_RECORD_INIT;
  fluvio_event_t *event;
  fluvio_delivery_t d;
  uint64_t i;
  PART("joined reports");
  make_topic(client, "c-joined", "1");
  producer = open_with(client, "c-joined", "{\"batch_size\": 2000}", queue);
  other = open_with(client, "c-joined", "{}", queue);
  nowhere.partition = 9;
  send_numbered(producer, 100, 1000);
  send_numbered(producer, 1100, 1000);
  send_numbered(other, 2100, 1);
  send_numbered(producer, 2100, 1);
  send_numbered(producer, 7, 2);
  OK(fluvio_producer_send_batch(producer, &nowhere, 1, LONG, NULL, &error));
  send_numbered(producer, 9, 1);
  event = next_report(queue, 0, &d);
  CHECK(d.status == FLUVIO_OK && d.base_offset == 0 && d.count == 2000 && d.producer == producer && d.consecutive == 1);
  for (i = 0; i < d.count; i++)
    CHECK(d.opaque[i] == 100 + i);
  fluvio_event_free(event);
  event = next_report(queue, 0, &d);
  CHECK(d.status == FLUVIO_OK && d.base_offset == 2000 && d.count == 1 && d.producer == other);
  fluvio_event_free(event);
  event = next_report(queue, 0, &d);
  CHECK(d.base_offset == 2001 && d.count == 3 && d.producer == producer && d.consecutive == 0);
  CHECK(d.opaque[0] == 2100 && d.opaque[1] == 7 && d.opaque[2] == 8);
  fluvio_event_free(event);
  event = next_report(queue, 0, &d);
  CHECK(d.status == FLUVIO_ERR_INVALID_ARGUMENT && d.count == 1 && d.base_offset == -1);
  fluvio_event_free(event);
  event = next_report(queue, 0, &d);
  CHECK(d.status == FLUVIO_OK && d.base_offset == 2004 && d.count == 1 && d.opaque[0] == 9);
  fluvio_event_free(event);
  CHECK(fluvio_queue_poll(queue, 0) == NULL);
  OK(fluvio_producer_close(producer, LONG, &error));
  OK(fluvio_producer_close(other, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_producer_free(other);
  fluvio_queue_free(queue);
}

/* Through a module that refuses a record: what came before it, then an error that tells of it. */
static void refused(fluvio_client_t *client)
{
  static const char chain[] = "{\"start\": \"beginning\", \"smartmodules\": [{\"path\": \"tests/smartmodules/fails.wasm\", \"params\": {\"at\": \"r1\"}}]}";
  static const char *details[][2] = { { "smartmodule", "fails.wasm" }, { "smartmodule_kind", "filter" }, { "offset", "1" },
    { "smartmodule_hint", "the record is refused\n\nCaused by:\n    it was told to fail here" }, { "record_key", "aw==" }, { "record_value", "cjE=" } };
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_producer_t *producer;
  size_t i;
  PART("SmartModules that refuse");
  make_topic(client, "c-refused", "1");
  producer = open_with(client, "c-refused", "{\"linger_ms\": 60000}", NULL);
  OK(fluvio_producer_send(producer, NULL, 0, "r0", 2, -1, -1, &error));
  OK(fluvio_producer_send(producer, "k", 1, "r1", 2, -1, -1, &error));
  OK(fluvio_producer_flush(producer, LONG, &error));
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  OK(fluvio_config_set_json(config, chain, &error));
  OK(fluvio_consumer_open(client, "c-refused", config, LONG, &consumer, &error));
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
  CHECK(fluvio_batch_count(batch) == 1);
  fluvio_batch_release(batch);
  CHECK(fluvio_consumer_poll(consumer, LONG, &batch, &error) == FLUVIO_ERR_SMARTMODULE);
  for (i = 0; i < sizeof details / sizeof *details; i++)
    CHECK(strcmp(fluvio_error_detail(error, details[i][0]), details[i][1]) == 0);
  fluvio_error_free(error);
  error = NULL;
  fluvio_consumer_free(consumer);
  fluvio_config_free(config);
}

/* Of a name that it does not know, the cluster says so. */
static void smart_modules(fluvio_client_t *client)
{
  static const char modules[] = "{\"start\": \"beginning\", \"smartmodules\": [{\"name\": \"nope\", \"params\": {\"a\": \"b\"}, \"lookback\": {\"last\": 5}}]}";
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer;
  fluvio_consumer_t *consumer = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_config_t *config = fluvio_config_new();
  PART("SmartModules");
  make_topic(client, "c-modules", "1");
  producer = open_with(client, "c-modules", "{\"smartmodules\": [{\"name\": \"nope\"}]}", NULL);
  send_n(producer, NULL, 1);
  CHECK(fluvio_producer_flush(producer, LONG, &error) == FLUVIO_ERR_NOT_FOUND);
  CHECK(strcmp(fluvio_error_detail(error, "smartmodule"), "nope") == 0 && fluvio_error_server_code(error) == 6001);
  fluvio_error_free(error);
  error = NULL;
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  OK(fluvio_config_set_json(config, modules, &error));
  OK(fluvio_consumer_open(client, "c-modules", config, LONG, &consumer, &error));
  CHECK(fluvio_consumer_poll(consumer, LONG, &batch, &error) == FLUVIO_ERR_NOT_FOUND);
  CHECK(strcmp(fluvio_error_detail(error, "smartmodule"), "nope") == 0);
  fluvio_error_free(error);
  error = NULL;
  fluvio_consumer_free(consumer);
  OK(fluvio_config_set(config, "smartmodules", "nope", &error)); /* text does not do */
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_open(client, "c-modules", config, LONG, &consumer, &error));
  fluvio_config_free(config);
}

int main(int argc, char **argv)
{
  fluvio_client_t *client;
  fluvio_error_t *error = NULL;
  CHECK(argc == 3);
  control_address = argv[2];
  client = connect_to(argv[1]);
  settings(client);
  own_partitioner(client);
  partitioner_in_threads(client);
  stats(client);
  at_once(client);
  joined_reports(client);
  smart_modules(client);
  refused(client);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
