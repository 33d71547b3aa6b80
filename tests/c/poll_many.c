/* Polls with limits, offsets for positions, and the reasons of ends. */
#include "check.h"

static int64_t next; /* the offset, and value, that comes next */

/* Takes records, and checks that they are want, one after the other. */
static void many(fluvio_consumer_t *consumer, size_t max_records, uint64_t max_bytes, int64_t timeout_ms, size_t want)
{
  fluvio_error_t *error = NULL;
  fluvio_record_list_t *list = NULL;
  fluvio_record_t r;
  char value[16];
  size_t i;
  r.struct_size = sizeof r;
  OK(fluvio_consumer_poll_many(consumer, max_records, max_bytes, timeout_ms, &list, &error));
  CHECK(fluvio_record_list_count(list) == want);
  for (i = 0; i < want; i++, next++) {
    CHECK(fluvio_record_list_get(list, i, &r) == FLUVIO_OK);
    snprintf(value, sizeof value, "%" PRId64, next);
    CHECK(r.offset == next && r.value_len == strlen(value) && memcmp(r.value, value, r.value_len) == 0 && r.key == NULL);
    CHECK(strcmp(r.topic, "many") == 0 && r.partition == 0);
  }
  CHECK(fluvio_record_list_get(list, want, &r) == FLUVIO_ERR_INVALID_ARGUMENT);
  fluvio_record_list_free(list);
}

/* A call on an empty topic ends at its deadline, not before and not never; the first record makes the descriptor readable. */
static void empty(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  const char *topic = make_topic(client, "empty", "1");
  fluvio_consumer_t *consumer = read_from_start(client, topic, NULL);
  int64_t begun = now_ms();
  PART("an empty topic");
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll(consumer, 100, &batch, &error));
  CHECK(batch == NULL && now_ms() - begun >= 99);
  CHECK(!readable(fluvio_consumer_fd(consumer), 0));
  fill(client, topic, 1);
  CHECK(readable(fluvio_consumer_fd(consumer), LONG));
  OK(fluvio_consumer_poll(consumer, 0, &batch, &error));
  fluvio_batch_release(batch);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
}

static fluvio_position_t position(fluvio_consumer_t *consumer)
{
  fluvio_error_t *error = NULL;
  fluvio_position_list_t *list = NULL;
  fluvio_position_t p;
  p.struct_size = sizeof p;
  OK(fluvio_consumer_positions(consumer, LONG, &list, &error));
  CHECK(fluvio_position_list_get(list, 0, &p) == FLUVIO_OK);
  fluvio_position_list_free(list);
  return p;
}

static int64_t committed(fluvio_consumer_t *consumer)
{
  fluvio_error_t *error = NULL;
  fluvio_position_t p;
  OK(fluvio_consumer_commit(consumer, LONG, &error));
  p = position(consumer);
  CHECK(p.position == next);
  return p.committed;
}

static fluvio_consumer_t *named(fluvio_client_t *client, const char *stop_at)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_config_t *config = fluvio_config_new();
  OK(fluvio_config_set_json(config, "{\"start\": \"beginning\", \"consumer_id\": \"many\", \"offset_strategy\": \"manual\"}", &error));
  OK(fluvio_config_set(config, "stop_at", stop_at, &error));
  OK(fluvio_consumer_open(client, "many", config, LONG, &consumer, &error));
  fluvio_config_free(config);
  return consumer;
}

static void limits(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_record_list_t *list = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_batch_view_t v;
  fluvio_consumer_t *consumer = named(client, "end");
  v.struct_size = sizeof v;
  PART("limits");
  CHECK(readable(fluvio_consumer_fd(consumer), LONG));
  many(consumer, 1, 0, LONG, 1);
  CHECK(committed(consumer) == 0); /* the rest of the batch does not count */
  many(consumer, 40, 0, LONG, 40);
  CHECK(committed(consumer) == 40);
  many(consumer, 0, 15, LONG, 7); /* of two bytes each */
  many(consumer, 0, 1, LONG, 1);  /* one comes whatever its size */
  many(consumer, 3, 1000, LONG, 3);
  PART("the rest of a batch");
  OK(fluvio_consumer_pause(consumer, NULL, 0, -1, LONG, &error)); /* the library's rest is not given either */
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll_many(consumer, 10, 0, 30, &list, &error));
  CHECK(list == NULL);
  OK(fluvio_consumer_resume(consumer, NULL, 0, LONG, &error));
  many(consumer, 8, 0, LONG, 8);
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
  CHECK(fluvio_batch_view(batch, &v) == FLUVIO_OK && v.offset[0] == next && fluvio_batch_count(batch) == v.count);
  CHECK(v.value_len[0] == 2 && memcmp(v.data + v.value_pos[0], "60", 2) == 0 && strcmp(v.topic, "many") == 0);
  next = v.offset[v.count - 1] + 1;
  CHECK(next == 100); /* 100 short records lie in one batch */
  fluvio_batch_release(batch);
  CHECK(committed(consumer) == 99);
  OK(fluvio_consumer_seek(consumer, NULL, 0, "90", LONG, &error));
  next = 90;
  many(consumer, 0, 0, LONG, 10); /* up to the end, which comes with the next call */
  CHECK(fluvio_consumer_poll_many(consumer, 1, 0, LONG, &list, &error) == FLUVIO_ERR_END && list == NULL);
  CHECK(fluvio_error_end_reason(error) == FLUVIO_END_REACHED);
  fluvio_error_free(error);
  error = NULL;
  OK(fluvio_consumer_seek(consumer, NULL, 0, "beginning", LONG, &error));
  next = 0;
  OK(fluvio_consumer_poll_many(consumer, 50, 0, LONG, &list, &error));
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  CHECK(fluvio_record_list_count(list) == 50); /* it outlives what it came from */
  {
    fluvio_record_t r;
    r.struct_size = sizeof r;
    CHECK(fluvio_record_list_get(list, 49, &r) == FLUVIO_OK && memcmp(r.value, "49", 2) == 0);
  }
  fluvio_record_list_free(list);
}

/* Collects the last five records, and waits for more. */
static void *wait_for_more(void *consumer)
{
  many((fluvio_consumer_t *)consumer, 10, 0, -1, 5);
  return NULL;
}

static void waits(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_record_list_t *list = NULL;
  fluvio_consumer_t *consumer = named(client, "never");
  pthread_t thread;
  PART("waits");
  OK(fluvio_consumer_seek(consumer, NULL, 0, "95", LONG, &error));
  next = 95;
  CHECK(readable(fluvio_consumer_fd(consumer), LONG));
  many(consumer, 0, 0, 300, 5); /* what is there, when the time is up */
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll_many(consumer, 0, 0, 0, &list, &error));
  OK(fluvio_consumer_seek(consumer, NULL, 0, "98", LONG, &error));
  next = 98;
  many(consumer, 0, 4, -1, 2); /* nothing more is waited for */
  OK(fluvio_consumer_seek(consumer, NULL, 0, "99", LONG, &error));
  next = 99;
  many(consumer, 0, 1, -1, 1); /* nor behind one that is larger */
  fluvio_consumer_wakeup(consumer);
  STATUS(FLUVIO_ERR_INTERRUPTED, fluvio_consumer_poll_many(consumer, 5, 0, -1, &list, &error));
  OK(fluvio_consumer_seek(consumer, NULL, 0, "95", LONG, &error));
  next = 95;
  CHECK(pthread_create(&thread, NULL, wait_for_more, consumer) == 0);
  while (position(consumer).position < 100) /* until it has collected them */
    usleep(1000);
  fluvio_consumer_wakeup(consumer);
  pthread_join(thread, NULL);
  CHECK(readable(fluvio_consumer_fd(consumer), 0)); /* what was collected comes first */
  STATUS(FLUVIO_ERR_INTERRUPTED, fluvio_consumer_poll_many(consumer, 5, 0, LONG, &list, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_poll_many(consumer, 0, 0, -1, &list, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_poll_many(consumer, 1, 0, 0, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_poll_many(NULL, 1, 0, 0, &list, &error));
  CHECK(fluvio_record_list_count(NULL) == 0);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  CHECK(fluvio_consumer_poll_many(consumer, 1, 0, LONG, &list, &error) == FLUVIO_ERR_CLOSED && list == NULL);
  CHECK(fluvio_error_end_reason(error) == FLUVIO_END_CLOSED);
  fluvio_error_free(error);
  fluvio_consumer_free(consumer);
}

static void offsets(fluvio_client_t *client)
{
  static const struct { const char *position; int64_t offset; } known[] = { { "beginning", 0 }, { "end", 100 }, { "end-3", 97 }, { "17", 17 }, { "time:1000", 0 }, { "time:2100-01-01T00:00:00Z", 100 } };
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = named(client, "never");
  fluvio_op_t *op;
  int64_t offset = 0;
  size_t i;
  PART("offsets for positions");
  for (i = 0; i < sizeof known / sizeof *known; i++) {
    OK(fluvio_consumer_offset_for(consumer, i % 2 ? "many" : NULL, 0, known[i].position, LONG, &offset, &error));
    CHECK(offset == known[i].offset);
  }
  op = fluvio_consumer_offset_for_async(consumer, NULL, 0, "end-1", LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  CHECK(fluvio_op_take_offset(op) == 99);
  fluvio_op_free(op);
  op = fluvio_consumer_offset_for_async(consumer, NULL, 0, "nowhere", LONG, NULL, 0);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_op_wait(op, LONG, &error));
  CHECK(fluvio_op_take_offset(op) == -1);
  fluvio_op_free(op);
  CHECK(fluvio_op_take_offset(NULL) == -1);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_for(consumer, NULL, 1, "end", LONG, &offset, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_for(consumer, NULL, 0, "end", LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_for(consumer, NULL, 0, NULL, LONG, &offset, &error));
  fluvio_consumer_free(consumer);
}

static void reasons(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, make_topic(client, "drained", "1"), NULL);
  fluvio_status_t status;
  PART("reasons of ends");
  CHECK(fluvio_error_end_reason(NULL) == FLUVIO_END_NONE);
  OK(fluvio_consumer_drain(consumer, LONG, &error));
  CHECK(fluvio_consumer_poll(consumer, LONG, &batch, &error) == FLUVIO_ERR_END);
  CHECK(fluvio_error_end_reason(error) == FLUVIO_END_DRAINED);
  fluvio_error_free(error);
  fluvio_consumer_free(consumer);
  error = NULL;
  consumer = read_from_start(client, make_topic(client, "deleted", "1"), NULL);
  OK(fluvio_topic_delete(client, "deleted", LONG, &error));
  status = fluvio_consumer_poll(consumer, LONG, &batch, &error);
  CHECK(status == FLUVIO_ERR_NOT_FOUND && fluvio_error_end_reason(error) == FLUVIO_END_NONE); /* of the partition */
  fluvio_error_free(error);
  error = NULL;
  status = fluvio_consumer_poll(consumer, LONG, &batch, &error);
  CHECK(status == FLUVIO_ERR_NOT_FOUND && fluvio_error_is_fatal(error) && fluvio_error_end_reason(error) == FLUVIO_END_TOPIC_DELETED);
  fluvio_error_free(error);
  fluvio_consumer_free(consumer);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc > 1);
  client = connect_to(argv[1]);
  empty(client);
  fill(client, make_topic(client, "many", "1"), 100);
  limits(client);
  waits(client);
  offsets(client);
  reasons(client);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
