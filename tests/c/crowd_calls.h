/* crowd_calls.h - what the threads of crowd.c call beside sending and polling: with crowd.c's part that threads run, every function
 * of fluvio.h that may be called on what others use, too (TestEveryFunctionIsInTheCrowd has the list of the others). */
#ifndef CROWD_CALLS_H
#define CROWD_CALLS_H

#include "check.h"

/* What the threads share, for one round. */
struct crowd {
  fluvio_config_t *at, *settings; /* how to connect; a consumer's settings; nobody changes them */
  fluvio_client_t *client;
  fluvio_producer_t *producer;
  fluvio_consumer_t *polled, *called;
  fluvio_queue_t *reports, *done, *events, *store, *notes;
  fluvio_op_t *op, *offset_op;
  fluvio_watch_t *watch;
  /* Those are closed by the threads themselves, at any time. */
  fluvio_client_t *victim;
  fluvio_producer_t *victim_producer;
  fluvio_consumer_t *victim_consumer, *stored;
  /* Those do not change. */
  fluvio_error_t *error;
  fluvio_topic_list_t *topics;
  fluvio_consumer_offset_list_t *offsets;
  fluvio_position_list_t *positions;
  fluvio_record_list_t *records;
  fluvio_batch_t *batch;
  fluvio_value_t *value;
  fluvio_text_t *text;
  uint64_t accepted, reported, calls;
  int stop, freed;
};

/* Takes the error. Whatever may come when handles are closed, deadlines are short and others do the same. */
static void expect(const char *name, fluvio_status_t status, fluvio_error_t **error)
{
  static const fluvio_status_t known[] = { FLUVIO_OK, FLUVIO_ERR_TIMEOUT, FLUVIO_ERR_CLOSED, FLUVIO_ERR_INTERRUPTED, FLUVIO_ERR_CANCELLED,
                                           FLUVIO_ERR_INVALID_STATE, FLUVIO_ERR_QUEUE_FULL, FLUVIO_ERR_NOT_FOUND, FLUVIO_ERR_ALREADY_EXISTS,
                                           FLUVIO_ERR_END };
  size_t i;
  for (i = 0; i < sizeof known / sizeof *known; i++) {
    if (known[i] == status) {
      CHECK(*error == NULL || fluvio_error_status(*error) == status);
      fluvio_error_free(*error);
      *error = NULL;
      return;
    }
  }
  fprintf(stderr, "%s: %s: %s\n", name, fluvio_status_name(status), fluvio_error_message(*error));
  exit(1);
}

/* The same where the call does not fit what is there, which is refused. */
static void refused_or(const char *name, fluvio_status_t status, fluvio_error_t **error)
{
  if (status == FLUVIO_ERR_INVALID_ARGUMENT || status == FLUVIO_ERR_SERVER || status == FLUVIO_ERR_UNSUPPORTED) {
    CHECK(*error == NULL || fluvio_error_message(*error)[0] != '\0');
    fluvio_error_free(*error);
    *error = NULL;
    return;
  }
  expect(name, status, error);
}

/* An operation: waited for, cancelled, or thrown away. */
static void finish(const char *name, fluvio_op_t *op, uint32_t how, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  CHECK(op != NULL);
  if (how % 3 == 0)
    fluvio_op_cancel(op);
  if (how % 3 != 1)
    refused_or(name, fluvio_op_wait(op, timeout_ms, &error), &error);
  fluvio_op_free(op);
}

/* Looks at what does not change. */
static void look(struct crowd *c)
{
  fluvio_topic_t topic;
  fluvio_consumer_offset_t offset;
  fluvio_position_t position;
  fluvio_record_t record;
  struct ArrowArray array;
  struct ArrowSchema schema;
  fluvio_error_t *error = NULL;
  const char *key, *value;
  size_t len = 0;
  topic.struct_size = sizeof topic;
  offset.struct_size = sizeof offset;
  position.struct_size = sizeof position;
  record.struct_size = sizeof record;
  CHECK(fluvio_version() == FLUVIO_VERSION_HEX && fluvio_version_string()[0] != '\0' && fluvio_check(fluvio_version()) == FLUVIO_OK && fluvio_forked() == 0);
  CHECK(fluvio_error_status(c->error) == FLUVIO_ERR_ALREADY_EXISTS && fluvio_error_server_code(c->error) >= 0);
  CHECK(fluvio_error_is_fatal(c->error) == 0 && fluvio_error_maybe_written(c->error) == 0 && fluvio_error_is_retriable(c->error) == 0);
  CHECK(fluvio_error_end_reason(c->error) == FLUVIO_END_NONE && fluvio_error_detail(c->error, "operation") != NULL);
  CHECK(fluvio_error_detail_at(c->error, 0, &key, &value) == 0 && key != NULL && value != NULL);
  CHECK(fluvio_topic_list_count(c->topics) > 0 && fluvio_topic_list_get(c->topics, 0, &topic) == FLUVIO_OK && topic.name[0] != '\0');
  CHECK(fluvio_consumer_offset_list_count(c->offsets) == 0 || fluvio_consumer_offset_list_get(c->offsets, 0, &offset) == FLUVIO_OK);
  CHECK(fluvio_position_list_count(c->positions) == 2 && fluvio_position_list_get(c->positions, 1, &position) == FLUVIO_OK);
  CHECK(fluvio_record_list_count(c->records) > 0 && fluvio_record_list_get(c->records, 0, &record) == FLUVIO_OK && record.value_len == 5);
  CHECK(fluvio_value_type(c->value, NULL) == FLUVIO_VALUE_MAP && strcmp(fluvio_value_text(c->value, "name"), "crowd") == 0);
  CHECK(fluvio_value_number(c->value, "partitions", -1) == fluvio_value_number(c->value, "partitions", -2));
  CHECK(fluvio_value_bytes(c->value, "name", &len) == NULL && fluvio_value_count(c->value, "") > 1);
  CHECK(fluvio_value_key(c->value, NULL, 0) != NULL && fluvio_value_json(c->value)[0] == '{' && fluvio_text_get(c->text)[0] == '{');
  CHECK(fluvio_client_platform_version(c->client)[0] != '\0');
  CHECK(fluvio_batch_export_arrow(c->batch, FLUVIO_ARROW_VIEW, &array, &schema, &error) == FLUVIO_OK && array.length > 0);
  array.release(&array);
  schema.release(&schema);
}

/* Whatever it is, it can be asked for everything; what does not fit is refused. */
static void look_at_event(fluvio_event_t *event)
{
  fluvio_delivery_t delivery;
  fluvio_consumer_event_t of_consumer;
  fluvio_client_event_t of_client;
  fluvio_log_t log;
  fluvio_span_t span;
  fluvio_offsets_event_t offsets;
  int32_t type = fluvio_event_type(event);
  delivery.struct_size = sizeof delivery;
  of_consumer.struct_size = sizeof of_consumer;
  of_client.struct_size = sizeof of_client;
  log.struct_size = sizeof log;
  span.struct_size = sizeof span;
  offsets.struct_size = sizeof offsets;
  CHECK(type >= FLUVIO_EVENT_OP && type <= FLUVIO_EVENT_CLIENT);
  CHECK((fluvio_event_delivery(event, &delivery) == FLUVIO_OK) == (type == FLUVIO_EVENT_DELIVERY));
  CHECK((fluvio_event_consumer(event, &of_consumer) == FLUVIO_OK) == (type == FLUVIO_EVENT_CONSUMER));
  CHECK((fluvio_event_client(event, &of_client) == FLUVIO_OK) == (type == FLUVIO_EVENT_CLIENT));
  CHECK((fluvio_event_log(event, &log) == FLUVIO_OK) == (type == FLUVIO_EVENT_LOG));
  CHECK((fluvio_event_span(event, &span) == FLUVIO_OK) == (type == FLUVIO_EVENT_SPAN_START || type == FLUVIO_EVENT_SPAN_END));
  CHECK((fluvio_event_offsets(event, &offsets) == FLUVIO_OK) == (type == FLUVIO_EVENT_OFFSETS));
  CHECK((fluvio_event_stats(event)[0] != '\0') == (type == FLUVIO_EVENT_STATS));
  CHECK(type == FLUVIO_EVENT_DELIVERY || fluvio_event_opaque(event) < 100);
}

static void on_note(fluvio_event_t *event, void *ctx)
{
  (void)ctx;
  look_at_event(event);
}

/* Takes an event, and answers what a store is asked: there is nothing, and everything is saved. */
static void take_event(fluvio_queue_t *queue, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  fluvio_event_t *event = fluvio_queue_poll(queue, timeout_ms);
  if (event == NULL)
    return;
  look_at_event(event);
  if (fluvio_event_type(event) == FLUVIO_EVENT_OFFSETS)
    expect("offsets_reply", fluvio_event_offsets_reply(event, NULL, 0, NULL, &error), &error);
  fluvio_event_free(event);
}

/* Results of an operation that all of them have: each is given once. */
static void take_results(struct crowd *c)
{
  fluvio_topic_list_free(fluvio_op_take_topic_list(c->op));
  CHECK(fluvio_op_take_client(c->op) == NULL && fluvio_op_take_producer(c->op) == NULL && fluvio_op_take_consumer(c->op) == NULL);
  CHECK(fluvio_op_take_consumer_offset_list(c->op) == NULL && fluvio_op_take_text(c->op) == NULL && fluvio_op_take_watch(c->op) == NULL);
  CHECK(fluvio_op_take_position_list(c->op) == NULL && fluvio_op_take_value(c->op) == NULL && fluvio_op_take_offset(c->op) == -1);
  CHECK(fluvio_op_take_offset(c->offset_op) >= -1);
}

/* Objects of the cluster, of few names, so that others make and delete them meanwhile. */
static void objects(struct crowd *c, uint32_t r, int64_t timeout_ms)
{
  static const char *const names[] = { "crowd-a", "crowd-b", "crowd-c" };
  const char *name = names[r / 32 % 3];
  fluvio_error_t *error = NULL;
  fluvio_text_t *stored_name = NULL;
  fluvio_value_t *value = NULL;
  fluvio_watch_t *watch = NULL;
  switch (r % 22) {
  case 0: expect("topic_create", fluvio_topic_create(c->client, name, NULL, timeout_ms, &error), &error); break;
  case 1: finish("topic_create_async", fluvio_topic_create_async(c->client, name, NULL, timeout_ms, c->done, 4), r / 32, timeout_ms); break;
  case 2: expect("topic_delete", fluvio_topic_delete(c->client, name, timeout_ms, &error), &error); break;
  case 3: finish("topic_delete_async", fluvio_topic_delete_async(c->client, name, timeout_ms, c->done, 5), r / 32, timeout_ms); break;
  case 4: expect("object_create", fluvio_object_create(c->client, "topic", name, NULL, timeout_ms, &stored_name, &error), &error); break;
  case 5: finish("object_create_async", fluvio_object_create_async(c->client, "topic", name, NULL, timeout_ms, c->done, 6), r / 32, timeout_ms); break;
  case 6: expect("object_delete", fluvio_object_delete(c->client, "topic", name, NULL, timeout_ms, &error), &error); break;
  case 7: finish("object_delete_async", fluvio_object_delete_async(c->client, "topic", name, NULL, timeout_ms, c->done, 7), r / 32, timeout_ms); break;
  case 8: expect("object_describe", fluvio_object_describe(c->client, "topic", name, timeout_ms, &value, &error), &error); break;
  case 9: finish("object_describe_async", fluvio_object_describe_async(c->client, "spu", "5001", timeout_ms, c->done, 8), r / 32, timeout_ms); break;
  case 10: expect("object_list", fluvio_object_list(c->client, "partition", NULL, timeout_ms, &value, &error), &error); break;
  case 11: finish("object_list_async", fluvio_object_list_async(c->client, "spu", NULL, timeout_ms, c->done, 9), r / 32, timeout_ms); break;
  case 12: refused_or("add_partitions", fluvio_topic_add_partitions(c->client, name, 1, timeout_ms, &error), &error); break;
  case 13: finish("add_partitions_async", fluvio_topic_add_partitions_async(c->client, name, 1, timeout_ms, c->done, 10), r / 32, timeout_ms); break;
  case 14: refused_or("add_mirror", fluvio_topic_add_mirror(c->client, name, "nobody", timeout_ms, &error), &error); break;
  case 15: finish("add_mirror_async", fluvio_topic_add_mirror_async(c->client, name, "nobody", timeout_ms, c->done, 11), r / 32, timeout_ms); break;
  case 16: expect("topic_wait", fluvio_topic_wait(c->client, name, timeout_ms, &error), &error); break;
  case 17: finish("topic_wait_async", fluvio_topic_wait_async(c->client, name, timeout_ms, c->done, 12), r / 32, timeout_ms); break;
  case 18: expect("watch_open", fluvio_watch_open(c->client, "topic", timeout_ms, &watch, &error), &error); break;
  case 19: finish("watch_open_async", fluvio_watch_open_async(c->client, "spu", timeout_ms, c->done, 13), r / 32, timeout_ms); break;
  case 20: expect("watch_next", fluvio_watch_next(c->watch, timeout_ms, &value, &error), &error); break;
  default: finish("watch_next_async", fluvio_watch_next_async(c->watch, timeout_ms, c->done, 14), r / 32, timeout_ms);
  }
  fluvio_text_free(stored_name);
  fluvio_value_free(value);
  fluvio_watch_free(watch);
}

/* Of the client, its offsets and its counters. */
static void ask(struct crowd *c, uint32_t r, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  fluvio_text_t *text = NULL;
  switch (r % 12) {
  case 0: expect("health", fluvio_client_health(c->client, timeout_ms, &text, &error), &error); break;
  case 1: finish("health_async", fluvio_client_health_async(c->client, timeout_ms, c->done, 15), r / 16, timeout_ms); break;
  case 2: finish("client_stats_async", fluvio_client_stats_async(c->client, timeout_ms, c->done, 16), r / 16, timeout_ms); break;
  case 3: finish("prometheus_async", fluvio_client_prometheus_async(c->client, timeout_ms, c->done, 17), r / 16, timeout_ms); break;
  case 4: finish("producer_stats_async", fluvio_producer_stats_async(c->producer, timeout_ms, c->done, 18), r / 16, timeout_ms); break;
  case 5: finish("offsets_list_async", fluvio_consumer_offsets_list_async(c->client, timeout_ms, c->done, 19), r / 16, timeout_ms); break;
  case 6: expect("offset_delete", fluvio_consumer_offset_delete(c->client, "crowd", "crowd", 0, timeout_ms, &error), &error); break;
  case 7: finish("offset_delete_async", fluvio_consumer_offset_delete_async(c->client, "crowd", "crowd", 0, timeout_ms, c->done, 20), r / 16, timeout_ms); break;
  case 8: expect("offset_reset", fluvio_consumer_offset_reset(c->client, "crowd", "crowd", 0, "beginning+1", timeout_ms, &error), &error); break;
  case 9: finish("offset_reset_async", fluvio_consumer_offset_reset_async(c->client, "crowd", "crowd", 0, "end", timeout_ms, c->done, 21), r / 16, timeout_ms); break;
  case 10: finish("positions_async", fluvio_consumer_positions_async(c->polled, timeout_ms, c->done, 22), r / 16, timeout_ms); break;
  default: finish("offset_for_async", fluvio_consumer_offset_for_async(c->polled, NULL, 0, "end", timeout_ms, c->done, 23), r / 16, timeout_ms);
  }
  fluvio_text_free(text);
}

/* What a consumer that others read is told. */
static void steer(struct crowd *c, uint32_t r, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  struct ArrowArrayStream stream;
  fluvio_status_t status;
  switch (r % 8) {
  case 0: refused_or("commit_offset", fluvio_consumer_commit_offset(c->polled, NULL, 0, 0, timeout_ms, &error), &error); break;
  case 1: finish("commit_offset_async", fluvio_consumer_commit_offset_async(c->polled, NULL, 0, 0, timeout_ms, c->done, 24), r / 8, timeout_ms); break;
  case 2: finish("seek_async", fluvio_consumer_seek_async(c->polled, NULL, 0, "beginning", timeout_ms, c->done, 25), r / 8, timeout_ms); break;
  case 3: finish("pause_async", fluvio_consumer_pause_async(c->polled, NULL, 1, -1, timeout_ms, c->done, 26), r / 8, timeout_ms); break;
  case 4: finish("resume_async", fluvio_consumer_resume_async(c->polled, NULL, 1, timeout_ms, c->done, 27), r / 8, timeout_ms); break;
  case 5: expect("commit to a store of ours", fluvio_consumer_commit(c->stored, timeout_ms, &error), &error); break;
  case 6: take_event(c->store, timeout_ms); break;
  default:
    status = fluvio_consumer_export_arrow(c->polled, FLUVIO_ARROW_BINARY, &stream, &error);
    if (status == FLUVIO_OK)
      stream.release(&stream);
    expect("export_arrow", status, &error);
  }
}

static int32_t first_partition(const void *key, size_t key_len, const void *value, size_t value_len, int32_t partitions, const int32_t *available, size_t available_count, void *ctx)
{
  (void)key, (void)key_len, (void)value, (void)value_len, (void)available, (void)available_count, (void)ctx;
  return partitions > 0 ? 0 : -1;
}

static int32_t stop_at_once(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx)
{
  (void)batch, (void)error, (void)ctx;
  return FLUVIO_STOP;
}

/* Opens what is thrown away, and starts, drains and closes what others use. */
static void end_things(struct crowd *c, uint32_t r, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  switch (r % 16) {
  case 0: finish("connect_async", fluvio_client_connect_async(c->at, timeout_ms, c->done, 28), r / 16, timeout_ms); break;
  case 1: finish("producer_open_async", fluvio_producer_open_async(c->client, "crowd", NULL, NULL, timeout_ms, c->done, 29), r / 16, timeout_ms); break;
  case 2: finish("consumer_open_async", fluvio_consumer_open_async(c->client, "crowd", c->settings, timeout_ms, c->done, 30), r / 16, timeout_ms); break;
  case 3: expect("set_partitioner", fluvio_producer_set_partitioner(c->victim_producer, first_partition, NULL, NULL, &error), &error); break;
  case 4: expect("queue_start", fluvio_queue_start(c->notes, on_note, NULL, NULL, &error), &error); break;
  case 5: expect("consumer_start", fluvio_consumer_start(c->victim_consumer, stop_at_once, NULL, NULL, &error), &error); break;
  case 6: expect("drain", fluvio_consumer_drain(c->victim_consumer, timeout_ms, &error), &error); break;
  case 7: finish("drain_async", fluvio_consumer_drain_async(c->victim_consumer, timeout_ms, c->done, 31), r / 16, timeout_ms); break;
  default: break;
  }
  if (r % 512 == 8)
    expect("watch_close", fluvio_watch_close(c->watch, timeout_ms, &error), &error);
  else if (r % 512 == 9)
    finish("watch_close_async", fluvio_watch_close_async(c->watch, timeout_ms, c->done, 32), r / 512, timeout_ms);
  else if (r % 256 == 10)
    finish("producer_close_async", fluvio_producer_close_async(c->victim_producer, timeout_ms, c->done, 33), r / 256, timeout_ms);
  else if (r % 256 == 11)
    finish("consumer_close_async", fluvio_consumer_close_async(c->victim_consumer, timeout_ms, c->done, 34), r / 256, timeout_ms);
  else if (r % 1024 == 12)
    finish("client_close_async", fluvio_client_close_async(c->victim, timeout_ms, c->done, 35), r / 1024, timeout_ms);
}

#endif
