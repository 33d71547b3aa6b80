/* 64 threads call everything on shared handles, while others close these: each call gives a result that its comment knows, every
 * accepted record has exactly one report, and nothing is called after close. CROWD_SECONDS: how long, 2 by default. */
#include "crowd_calls.h"

#include <sched.h>

enum { THREADS = 64 };

struct member {
  pthread_t thread;
  struct crowd *crowd;
  uint32_t seed;
};

static uint32_t next_random(uint32_t *seed)
{
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

static void add(uint64_t *counter, uint64_t n)
{
  __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static void poll_batch(struct crowd *c, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_batch_view_t view;
  fluvio_record_t record;
  fluvio_status_t status = fluvio_consumer_poll(c->polled, timeout_ms, &batch, &error);
  if (status == FLUVIO_OK) {
    view.struct_size = sizeof view;
    record.struct_size = sizeof record;
    CHECK(fluvio_batch_view(batch, &view) == FLUVIO_OK && view.count == fluvio_batch_count(batch));
    CHECK(fluvio_batch_get(fluvio_batch_retain(batch), view.count - 1, &record) == FLUVIO_OK && record.value_len == 5);
    fluvio_batch_release(batch);
    fluvio_batch_release(batch);
  }
  expect("poll", status, &error);
}

static void poll_many(struct crowd *c, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  fluvio_record_list_t *list = NULL;
  fluvio_status_t status = fluvio_consumer_poll_many(c->polled, 10, 0, timeout_ms, &list, &error);
  CHECK(status != FLUVIO_OK || fluvio_record_list_count(list) <= 10);
  fluvio_record_list_free(list);
  expect("poll_many", status, &error);
}

static void take_report(struct crowd *c, int64_t timeout_ms)
{
  fluvio_delivery_t d;
  fluvio_event_t *event = fluvio_queue_poll(c->reports, timeout_ms);
  if (event == NULL)
    return;
  d.struct_size = sizeof d;
  CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK);
  add(&c->reported, d.count);
  fluvio_event_free(event);
}

static void send_some(struct crowd *c, int64_t timeout_ms, int how)
{
  static const uint32_t lengths[] = { 5, 5 };
  static const struct { size_t length, other; char bytes[8]; } block = { 5, 0, "value" };
  static const void *const blocks[] = { &block, &block, &block };
  fluvio_error_t *error = NULL;
  fluvio_record_in_t records[3] = { FLUVIO_RECORD_INIT, FLUVIO_RECORD_INIT, FLUVIO_RECORD_INIT };
  fluvio_status_t status;
  size_t sent = 0, i;
  for (i = 0; i < 3; i++) {
    records[i].value = "value";
    records[i].value_len = 5;
  }
  if (how == 0) {
    status = fluvio_producer_send(c->producer, "k", 1, "value", 5, 1, timeout_ms, &error);
    sent = status == FLUVIO_OK;
  } else if (how == 1) {
    status = fluvio_producer_try_send(c->producer, NULL, 0, "value", 5, 1);
    sent = status == FLUVIO_OK;
  } else if (how == 2) {
    status = fluvio_producer_send_batch(c->producer, records, 3, timeout_ms, &sent, &error);
  } else if (how == 3) {
    status = fluvio_producer_try_send_block(c->producer, NULL, block.bytes, 1);
    sent = status == FLUVIO_OK;
  } else if (how == 4) {
    status = fluvio_producer_send_blocks(c->producer, blocks, 0, 2 * sizeof block.length, 3, 7, timeout_ms, &sent, &error);
  } else {
    status = fluvio_producer_send_columns(c->producer, "valuevalue", 10, NULL, lengths, 2, 7, timeout_ms, &sent, &error);
  }
  add(&c->accepted, sent);
  expect("send", status, &error);
}

static void admin(struct crowd *c, uint32_t r, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  fluvio_topic_list_t *topics = NULL;
  fluvio_position_list_t *positions = NULL;
  fluvio_consumer_offset_list_t *offsets = NULL;
  fluvio_text_t *text = NULL;
  int64_t offset;
  switch (r % 8) {
  case 0: expect("topic_list", fluvio_topic_list(c->client, timeout_ms, &topics, &error), &error); break;
  case 1: expect("positions", fluvio_consumer_positions(c->polled, timeout_ms, &positions, &error), &error); break;
  case 2: expect("offsets_list", fluvio_consumer_offsets_list(c->client, timeout_ms, &offsets, &error), &error); break;
  case 3: expect("stats", fluvio_producer_stats(c->producer, timeout_ms, &text, &error), &error); break;
  case 4: expect("offset_for", fluvio_consumer_offset_for(c->polled, NULL, 0, "end", timeout_ms, &offset, &error), &error); break;
  case 5: expect("client_stats", fluvio_client_stats(c->client, timeout_ms, &text, &error), &error); break;
  case 6: expect("prometheus", fluvio_client_prometheus(c->client, timeout_ms, &text, &error), &error); break;
  default: finish("topic_list_async", fluvio_topic_list_async(c->client, timeout_ms, c->done, 3), r / 8, timeout_ms);
  }
  fluvio_topic_list_free(topics);
  fluvio_position_list_free(positions);
  fluvio_consumer_offset_list_free(offsets);
  fluvio_text_free(text);
}

static void control(struct crowd *c, uint32_t r, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  switch (r % 10) {
  case 0: expect("seek", fluvio_consumer_seek(c->polled, NULL, 0, "beginning", timeout_ms, &error), &error); break;
  case 1: expect("pause", fluvio_consumer_pause(c->called, NULL, 0, -1, timeout_ms, &error), &error); break;
  case 2: expect("resume", fluvio_consumer_resume(c->called, NULL, 0, timeout_ms, &error), &error); break;
  case 3: expect("commit", fluvio_consumer_commit(c->polled, timeout_ms, &error), &error); break;
  case 4: expect("flush", fluvio_producer_flush(c->producer, timeout_ms, &error), &error); break;
  case 5: expect("hurry", fluvio_producer_hurry(c->producer, &error), &error); break;
  case 6: finish("flush_async", fluvio_producer_flush_async(c->producer, timeout_ms, c->done, 1), r / 10, timeout_ms); break;
  case 7: finish("commit_async", fluvio_consumer_commit_async(c->polled, timeout_ms, c->done, 2), r / 10, timeout_ms); break;
  case 8: expect("op_wait", fluvio_op_wait(c->op, 0, &error), &error); break;
  default: fluvio_op_cancel(c->op);
  }
}

static void *take_part(void *arg)
{
  struct member *m = (struct member *)arg;
  struct crowd *c = m->crowd;
  while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
    uint32_t r = next_random(&m->seed);
    int64_t timeout_ms = (int64_t)(r >> 8) % 20;
    add(&c->calls, 1);
    switch (r % 19) {
    case 0: poll_batch(c, timeout_ms); break;
    case 1: poll_many(c, timeout_ms); break;
    case 2: take_report(c, timeout_ms); break;
    case 3: admin(c, r >> 12, timeout_ms); break;
    case 4: control(c, r >> 12, timeout_ms); break;
    case 5: fluvio_consumer_wakeup(c->polled); break;
    case 6: fluvio_queue_wakeup(c->reports); break;
    case 7: CHECK(fluvio_consumer_fd(c->polled) >= 0 && fluvio_queue_fd(c->done) >= 0); break;
    case 8: take_event(c->done, 0); break;
    case 9: take_event(c->events, 0); break;
    case 10: look(c); break;
    case 11: take_results(c); break;
    case 12: objects(c, r >> 12, timeout_ms); break;
    case 13: ask(c, r >> 12, timeout_ms); break;
    case 14: steer(c, r >> 12, timeout_ms); break;
    case 15: end_things(c, r >> 12, timeout_ms); break;
    default: send_some(c, timeout_ms, (int)(r >> 12) % 6);
    }
  }
  return NULL;
}

/* ------------------------- from here on, what one thread does before and after */

static int32_t on_record(const fluvio_record_t *record, const fluvio_error_t *error, void *ctx)
{
  (void)error;
  CHECK(__atomic_load_n((int *)ctx, __ATOMIC_ACQUIRE) == 0); /* never after close */
  CHECK(record == NULL || record->value_len == 5);
  return FLUVIO_CONTINUE;
}

static void on_free(void *ctx)
{
  CHECK(__atomic_exchange_n((int *)ctx, 1, __ATOMIC_ACQ_REL) == 0); /* once */
}

static void *close_all(void *arg)
{
  struct crowd *c = (struct crowd *)arg;
  fluvio_error_t *error = NULL;
  expect("close producer", fluvio_producer_close(c->producer, LONG, &error), &error);
  expect("close consumer", fluvio_consumer_close(c->polled, LONG, &error), &error);
  expect("close called consumer", fluvio_consumer_close(c->called, LONG, &error), &error);
  expect("close client", fluvio_client_close(c->client, LONG, &error), &error);
  return NULL;
}

/* A consumer whose offsets are kept by the threads, and all that does not change. */
static void prepare(struct crowd *c, const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *own = fluvio_config_new();
  fluvio_op_t *op;
  OK(fluvio_config_set(c->at, "endpoint", endpoint, &error));
  OK(fluvio_config_set(c->at, "statistics_interval_ms", "20", &error));
  OK(fluvio_config_set(c->at, "log_level", "debug", &error));
  OK(fluvio_config_set_events(c->at, c->events, 1, &error));
  OK(fluvio_config_set_log(c->at, c->notes, 2, &error));
  OK(fluvio_config_set_hooks(c->at, c->notes, 3, &error));
  OK(fluvio_client_connect(c->at, LONG, &c->victim, &error));
  OK(fluvio_producer_open(c->victim, "crowd", NULL, NULL, LONG, &c->victim_producer, &error));
  OK(fluvio_config_set_json(c->settings, "{\"start\": \"beginning\"}", &error));
  OK(fluvio_config_set_events(c->settings, c->events, 4, &error));
  OK(fluvio_consumer_open(c->victim, "crowd", c->settings, LONG, &c->victim_consumer, &error));
  OK(fluvio_config_set_json(own, "{\"consumer_id\": \"own\", \"offset_strategy\": \"manual\"}", &error));
  OK(fluvio_config_set_offset_store(own, c->store, 5, &error));
  op = fluvio_consumer_open_async(c->client, "crowd", own, LONG, c->store, 6);
  while (fluvio_op_wait(op, 0, NULL) == FLUVIO_ERR_TIMEOUT)
    take_event(c->store, LONG);
  OK(fluvio_op_wait(op, 0, &error));
  CHECK((c->stored = fluvio_op_take_consumer(op)) != NULL);
  fluvio_op_free(op);
  OK(fluvio_watch_open(c->client, "topic", LONG, &c->watch, &error));
  CHECK(fluvio_topic_create(c->client, "crowd", NULL, LONG, &c->error) == FLUVIO_ERR_ALREADY_EXISTS);
  OK(fluvio_topic_list(c->client, LONG, &c->topics, &error));
  OK(fluvio_consumer_offsets_list(c->client, LONG, &c->offsets, &error));
  OK(fluvio_consumer_positions(c->polled, LONG, &c->positions, &error));
  OK(fluvio_object_describe(c->client, "topic", "crowd", LONG, &c->value, &error));
  OK(fluvio_client_stats(c->client, LONG, &c->text, &error));
  OK(fluvio_producer_send(c->victim_producer, NULL, 0, "value", 5, 0, LONG, &error));
  OK(fluvio_producer_flush(c->victim_producer, LONG, &error));
  OK(fluvio_consumer_poll(c->victim_consumer, LONG, &c->batch, &error));
  OK(fluvio_consumer_poll_many(c->polled, 1, 0, LONG, &c->records, &error));
  c->offset_op = fluvio_consumer_offset_for_async(c->polled, NULL, 0, "end", LONG, c->done, 36);
  fluvio_config_free(own);
}

/* Nobody is there any more. */
static void clear(struct crowd *c)
{
  fluvio_error_t *error = NULL;
  expect("close victim", fluvio_client_close(c->victim, LONG, &error), &error);
  fluvio_op_free(c->op);
  fluvio_op_free(c->offset_op);
  fluvio_watch_free(c->watch);
  fluvio_consumer_free(c->stored);
  fluvio_consumer_free(c->victim_consumer);
  fluvio_producer_free(c->victim_producer);
  fluvio_client_free(c->victim);
  fluvio_consumer_free(c->called);
  fluvio_consumer_free(c->polled);
  fluvio_producer_free(c->producer);
  fluvio_client_free(c->client);
  fluvio_queue_free(c->reports);
  fluvio_queue_free(c->store);
  fluvio_queue_free(c->events);
  fluvio_queue_free(c->notes);
  fluvio_queue_free(c->done);
  fluvio_config_free(c->at);
  fluvio_config_free(c->settings);
  fluvio_error_free(c->error);
  fluvio_topic_list_free(c->topics);
  fluvio_consumer_offset_list_free(c->offsets);
  fluvio_position_list_free(c->positions);
  fluvio_record_list_free(c->records);
  fluvio_batch_release(c->batch);
  fluvio_value_free(c->value);
  fluvio_text_free(c->text);
}

/* Opens everything, lets the crowd in, and closes in another order each time, twice at once. */
static uint64_t run_round(const char *endpoint, int number)
{
  struct member members[THREADS];
  struct crowd c;
  pthread_t closers[2];
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  int i;
  memset(&c, 0, sizeof c);
  c.client = connect_to(endpoint);
  c.reports = fluvio_queue_new();
  c.done = fluvio_queue_new();
  c.events = fluvio_queue_new();
  c.store = fluvio_queue_new();
  c.notes = fluvio_queue_new();
  c.at = fluvio_config_new();
  c.settings = fluvio_config_new();
  OK(fluvio_config_set_json(config, "{\"start\": \"beginning\", \"consumer_id\": \"crowd\", \"offset_strategy\": \"manual\"}", &error));
  OK(fluvio_producer_open(c.client, "crowd", NULL, c.reports, LONG, &c.producer, &error));
  OK(fluvio_consumer_open(c.client, "crowd", config, LONG, &c.polled, &error));
  c.called = read_from_start(c.client, "crowd", NULL);
  OK(fluvio_consumer_start_records(c.called, on_record, &c.freed, on_free, &error));
  c.op = fluvio_topic_list_async(c.client, LONG, c.done, 9);
  prepare(&c, endpoint);
  for (i = 0; i < THREADS; i++) {
    members[i].crowd = &c;
    members[i].seed = (uint32_t)(number * THREADS + i);
    CHECK(pthread_create(&members[i].thread, NULL, take_part, &members[i]) == 0);
  }
  while (__atomic_load_n(&c.calls, __ATOMIC_RELAXED) < (uint64_t)(1000 + number % 5 * 1000))
    sched_yield();
  if (number % 3 == 0)
    OK(fluvio_client_close(c.client, LONG, &error));
  for (i = 0; i < 2; i++)
    CHECK(pthread_create(&closers[i], NULL, close_all, &c) == 0);
  for (i = 0; i < 2; i++)
    pthread_join(closers[i], NULL);
  CHECK(__atomic_load_n(&c.freed, __ATOMIC_ACQUIRE) == 1);
  __atomic_store_n(&c.stop, 1, __ATOMIC_RELEASE);
  for (i = 0; i < THREADS; i++)
    pthread_join(members[i].thread, NULL);
  fluvio_queue_wakeup(c.reports); /* or the wake-up of a thread that has left is still there */
  take_report(&c, 0);
  while (c.reported < c.accepted) { /* they are all in the queue: the producer is closed */
    uint64_t before = c.reported;
    take_report(&c, 0);
    CHECK(c.reported > before);
  }
  CHECK(c.reported == c.accepted && fluvio_queue_poll(c.reports, 0) == NULL);
  clear(&c);
  fluvio_config_free(config);
  return c.calls;
}

int main(int argc, char **argv)
{
  const char *seconds = getenv("CROWD_SECONDS");
  int64_t end = now_ms() + 1000 * (seconds != NULL ? atoi(seconds) : 2);
  fluvio_client_t *client;
  fluvio_error_t *error = NULL;
  uint64_t calls = 0;
  int rounds = 0;
  CHECK(argc > 1);
  client = connect_to(argv[1]);
  make_topic(client, "crowd", "2");
  do
    calls += run_round(argv[1], rounds++);
  while (now_ms() < end);
  printf("%llu calls in %d rounds\n", (unsigned long long)calls, rounds);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
