/* Seek, pause, resume, drain, positions, events and resets of stored offsets, by poll and by callback. */
#include "check.h"

/* Takes batches until n records of partition p or, for -1, of any came; the first has offset first unless that is -1. */
static void take(fluvio_consumer_t *consumer, int32_t p, int64_t first, int64_t n)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_batch_view_t v;
  int64_t next = first;
  v.struct_size = sizeof v;
  while (n > 0) {
    OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
    CHECK(fluvio_batch_view(batch, &v) == FLUVIO_OK);
    CHECK(p < 0 || v.partition == p);
    if (first >= 0)
      CHECK(v.offset[0] == next);
    next = v.offset[v.count - 1] + 1;
    n -= (int64_t)v.count;
    fluvio_batch_release(batch);
  }
  CHECK(n == 0);
}

static fluvio_position_t position(fluvio_consumer_t *consumer, size_t i)
{
  fluvio_error_t *error = NULL;
  fluvio_position_list_t *list = NULL;
  fluvio_position_t p;
  p.struct_size = sizeof p;
  OK(fluvio_consumer_positions(consumer, LONG, &list, &error));
  CHECK(fluvio_position_list_get(list, i, &p) == FLUVIO_OK);
  CHECK(fluvio_position_list_get(list, fluvio_position_list_count(list), &p) == FLUVIO_ERR_INVALID_ARGUMENT);
  p.topic = NULL; /* it goes with the list */
  fluvio_position_list_free(list);
  return p;
}

static void seek_by_poll(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_consumer_t *consumer;
  fluvio_position_t p;
  fluvio_op_t *op;
  const char *topic = make_topic(client, "pos-seek", "1");
  PART("seek");
  fill(client, topic, 100);
  consumer = read_from_start(client, topic, "end");
  p = position(consumer, 0);
  CHECK(p.position == 0 && p.lag == 100 && p.high_watermark == 100 && p.log_end_offset == 100 && p.committed == -1);
  CHECK(readable(fluvio_consumer_fd(consumer), LONG)); /* the library has read ahead */
  OK(fluvio_consumer_seek(consumer, NULL, 0, "90", LONG, &error));
  take(consumer, 0, 90, 10);
  p = position(consumer, 0);
  CHECK(p.position == 100 && p.lag == 0);
  STATUS(FLUVIO_ERR_END, fluvio_consumer_poll(consumer, LONG, &batch, &error));
  OK(fluvio_consumer_seek(consumer, topic, 0, "beginning", LONG, &error)); /* also after the end */
  CHECK(position(consumer, 0).position == 0);
  take(consumer, 0, 0, 100);
  STATUS(FLUVIO_ERR_END, fluvio_consumer_poll(consumer, LONG, &batch, &error));
  op = fluvio_consumer_seek_async(consumer, topic, 0, "end-1", LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  take(consumer, 0, 99, 1);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_seek(consumer, topic, 0, "somewhere", LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_seek(consumer, topic, 0, NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_seek(consumer, topic, 7, "0", LONG, &error));
  OK(fluvio_consumer_close(consumer, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_consumer_seek(consumer, topic, 0, "0", LONG, &error));
  fluvio_consumer_free(consumer);
}

static void pause_by_poll(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_consumer_t *consumer;
  fluvio_position_list_t *list;
  fluvio_position_t p;
  fluvio_op_t *op;
  const char *topic = make_topic(client, "pos-pause", "1");
  PART("pause and resume");
  fill(client, topic, 50);
  consumer = read_from_start(client, topic, NULL);
  CHECK(readable(fluvio_consumer_fd(consumer), LONG));
  OK(fluvio_consumer_pause(consumer, NULL, 0, -1, LONG, &error)); /* what waits in the library's ring is not given either */
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll(consumer, 30, &batch, &error));
  CHECK(position(consumer, 0).paused == 1 && position(consumer, 0).position == 0);
  OK(fluvio_consumer_resume(consumer, NULL, 0, LONG, &error));
  take(consumer, 0, 0, 50);
  OK(fluvio_consumer_pause(consumer, NULL, 0, -1, LONG, &error));
  fill(client, topic, 5);
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll(consumer, 30, &batch, &error));
  OK(fluvio_consumer_resume(consumer, NULL, 0, LONG, &error));
  take(consumer, 0, 50, 5);
  OK(fluvio_consumer_pause(consumer, NULL, 0, 52, LONG, &error)); /* three records go back */
  CHECK(position(consumer, 0).position == 52 && position(consumer, 0).lag == 3);
  OK(fluvio_consumer_resume(consumer, NULL, 0, LONG, &error));
  take(consumer, 0, 52, 3);
  done(fluvio_consumer_pause_async(consumer, NULL, 0, 53, LONG, NULL, 0), FLUVIO_OK);
  op = fluvio_consumer_positions_async(consumer, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  list = fluvio_op_take_position_list(op);
  CHECK(fluvio_op_take_position_list(op) == NULL); /* it was taken */
  fluvio_op_free(op);
  p.struct_size = sizeof p;
  CHECK(fluvio_position_list_count(list) == 1 && fluvio_position_list_get(list, 0, &p) == FLUVIO_OK);
  CHECK(p.paused == 1 && p.position == 53 && strcmp(p.topic, topic) == 0);
  fluvio_position_list_free(list);
  done(fluvio_consumer_resume_async(consumer, NULL, 0, LONG, NULL, 0), FLUVIO_OK);
  take(consumer, 0, 53, 2);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_pause(consumer, "other", 0, -1, LONG, &error));

  PART("drain");
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll(consumer, 0, &batch, &error)); /* after which readable means something */
  fill(client, topic, 1); /* more could come in two frames, of which drain may leave the second */
  CHECK(readable(fluvio_consumer_fd(consumer), LONG));
  OK(fluvio_consumer_drain(consumer, LONG, &error));
  take(consumer, 0, 55, 1);
  CHECK(fluvio_consumer_poll(consumer, LONG, &batch, &error) == FLUVIO_ERR_END);
  CHECK(strstr(fluvio_error_message(error), "drained") != NULL);
  fluvio_error_free(error);
  error = NULL;
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_consumer_seek(consumer, topic, 0, "0", LONG, &error));
  fluvio_consumer_free(consumer);
  consumer = read_from_start(client, topic, NULL);
  done(fluvio_consumer_drain_async(consumer, LONG, NULL, 0), FLUVIO_OK);
  while (fluvio_consumer_poll(consumer, LONG, &batch, &error) == FLUVIO_OK)
    fluvio_batch_release(batch);
  CHECK(fluvio_error_end_reason(error) == FLUVIO_END_DRAINED);
  fluvio_error_free(error);
  fluvio_consumer_free(consumer);
}

/* A record callback that seeks back once, at the third record. */
struct jumper {
  fluvio_consumer_t *consumer;
  int64_t seen[64];
  int count;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int ended; /* guarded by lock */
};

static int32_t jump(const fluvio_record_t *record, const fluvio_error_t *e, void *ctx)
{
  struct jumper *j = (struct jumper *)ctx;
  fluvio_error_t *error = NULL;
  if (record == NULL) {
    CHECK(fluvio_error_status(e) == FLUVIO_ERR_END);
    pthread_mutex_lock(&j->lock);
    j->ended = 1;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
    return FLUVIO_CONTINUE;
  }
  CHECK(j->count < 64);
  j->seen[j->count++] = record->offset;
  if (j->count == 3)
    OK(fluvio_consumer_seek(j->consumer, NULL, 0, "7", LONG, &error));
  return FLUVIO_CONTINUE;
}

static void seek_in_callback(fluvio_client_t *client)
{
  static const int64_t wanted[] = { 0, 1, 2, 7, 8, 9 };
  fluvio_error_t *error = NULL;
  struct jumper j;
  const char *topic = make_topic(client, "pos-callback", "1");
  PART("seek inside a callback");
  fill(client, topic, 10);
  memset(&j, 0, sizeof j);
  pthread_mutex_init(&j.lock, NULL);
  pthread_cond_init(&j.changed, NULL);
  j.consumer = read_from_start(client, topic, "end");
  OK(fluvio_consumer_start_records(j.consumer, jump, &j, NULL, &error));
  pthread_mutex_lock(&j.lock);
  while (!j.ended)
    pthread_cond_wait(&j.changed, &j.lock);
  pthread_mutex_unlock(&j.lock);
  CHECK(j.count == 6 && memcmp(j.seen, wanted, sizeof wanted) == 0);
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_consumer_seek(j.consumer, NULL, 0, "0", LONG, &error));
  fluvio_consumer_close(j.consumer, LONG, NULL);
  fluvio_consumer_free(j.consumer);
}

static void events(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  fluvio_consumer_t *consumer = NULL;
  fluvio_consumer_event_t e;
  fluvio_delivery_t delivery;
  fluvio_event_t *event;
  const char *topic = make_topic(client, "pos-events", "1");
  PART("events, patterns");
  fill(client, topic, 10);
  OK(fluvio_config_set_json(config, "{\"start\": 50, \"offset_reset\": \"earliest\", \"topics\": \"^pos-ev.*\"}", &error));
  OK(fluvio_config_set_events(config, queue, 42, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set_events(config, (fluvio_queue_t *)config, 42, &error));
  OK(fluvio_consumer_open(client, NULL, config, LONG, &consumer, &error));
  fluvio_config_free(config);
  memset(&e, 0, sizeof e);
  e.struct_size = sizeof e;
  delivery.struct_size = sizeof delivery;
  while (e.kind != FLUVIO_OFFSET_RESET) {
    event = fluvio_queue_poll(queue, LONG);
    CHECK(event != NULL && fluvio_event_type(event) == FLUVIO_EVENT_CONSUMER && fluvio_event_opaque(event) == 42);
    CHECK(fluvio_event_delivery(event, &delivery) == FLUVIO_ERR_INVALID_ARGUMENT);
    CHECK(fluvio_event_consumer(event, &e) == FLUVIO_OK);
    CHECK(strcmp(e.topic, topic) == 0 && e.partition == 0);
    if (e.kind == FLUVIO_OFFSET_RESET) {
      CHECK(e.offset == 50 && e.next == 0);
      CHECK(e.error != NULL && fluvio_error_status(e.error) != FLUVIO_OK);
    }
    fluvio_event_free(event);
  }
  take(consumer, 0, 0, 10);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_pause(consumer, NULL, 0, -1, LONG, &error)); /* which topic? */
  OK(fluvio_consumer_pause(consumer, topic, 0, -1, LONG, &error));
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  fluvio_queue_free(queue);
}

/* The offset that is stored for a consumer, -1 for none. */
static int64_t stored(fluvio_client_t *client, const char *consumer_id, const char *topic)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_offset_list_t *list = NULL;
  fluvio_consumer_offset_t o;
  int64_t offset = -1;
  size_t i;
  OK(fluvio_consumer_offsets_list(client, LONG, &list, &error));
  for (i = 0; i < fluvio_consumer_offset_list_count(list); i++) {
    o.struct_size = sizeof o;
    CHECK(fluvio_consumer_offset_list_get(list, i, &o) == FLUVIO_OK);
    if (strcmp(o.consumer_id, consumer_id) == 0 && strcmp(o.topic, topic) == 0)
      offset = o.offset;
  }
  fluvio_consumer_offset_list_free(list);
  return offset;
}

/* Of topics that come and go nothing passes over to those that come later, though they take their places. */
static void topics_come_and_go(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  fluvio_consumer_t *consumer = NULL;
  fluvio_consumer_event_t e;
  fluvio_event_t *event;
  char topic[32];
  int i;
  PART("topics come and go");
  OK(fluvio_config_set_json(config, "{\"topics\": \"^come-.*\", \"consumer_id\": \"goer\", \"offset_strategy\": \"manual\"}", &error));
  OK(fluvio_config_set_events(config, queue, 1, &error));
  OK(fluvio_consumer_open(client, NULL, config, LONG, &consumer, &error));
  fluvio_config_free(config);
  for (i = 0; i < 12; i++) { /* the first has the most records; every third one stays */
    snprintf(topic, sizeof topic, "come-%d", i);
    make_topic(client, topic, "1");
    fill(client, topic, 20 - i);
    if (i % 4 == 3)
      OK(fluvio_consumer_commit(consumer, LONG, &error)); /* with nothing of the place's new topic yet, or not all */
    take(consumer, 0, 0, 20 - i);
    CHECK(position(consumer, (size_t)(i / 3)).position == 20 - i);
    if (i % 2 == 0) {
      OK(fluvio_consumer_commit(consumer, LONG, &error));
      CHECK(stored(client, "goer", topic) == 19 - i);
    }
    if (i % 3 == 2)
      continue;
    OK(fluvio_topic_delete(client, topic, LONG, &error));
    do {
      event = fluvio_queue_poll(queue, LONG);
      e.struct_size = sizeof e;
      CHECK(event != NULL && fluvio_event_consumer(event, &e) == FLUVIO_OK);
      CHECK(e.kind != FLUVIO_PARTITION_LOST || strcmp(e.topic, topic) == 0);
      fluvio_event_free(event);
    } while (e.kind != FLUVIO_PARTITION_LOST);
    STATUS(FLUVIO_ERR_NOT_FOUND, fluvio_consumer_commit_offset(consumer, topic, 0, 0, LONG, &error));
  }
  OK(fluvio_consumer_commit(consumer, LONG, &error));
  for (i = 2; i < 12; i += 3) {
    snprintf(topic, sizeof topic, "come-%d", i);
    CHECK(stored(client, "goer", topic) == 19 - i);
  }
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  fluvio_queue_free(queue);
}

static void resets(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_config_t *config = fluvio_config_new();
  const char *topic = make_topic(client, "pos-reset", "1");
  PART("resets");
  fill(client, topic, 20);
  done(fluvio_consumer_offset_reset_async(client, "me", topic, 0, "beginning", LONG, NULL, 0), FLUVIO_OK);
  OK(fluvio_consumer_offset_reset(client, "me", topic, 0, "end-5", LONG, &error));
  OK(fluvio_config_set(config, "consumer_id", "me", &error));
  OK(fluvio_consumer_open(client, topic, config, LONG, &consumer, &error));
  take(consumer, 0, 15, 5);
  fluvio_consumer_free(consumer);
  fluvio_config_free(config);
  STATUS(FLUVIO_ERR_NOT_FOUND, fluvio_consumer_offset_reset(client, "me", topic, 1, "0", LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_reset(client, "me", topic, 0, "never", LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_reset(client, NULL, topic, 0, "0", LONG, &error));
}

/* An offset store of the application: one partition's offset, kept here; told by the queue's thread. */
struct shelf {
  char topic[64];
  int64_t offset; /* -1: none */
  int refuse;
};

static void on_shelf(fluvio_event_t *event, void *ctx)
{
  struct shelf *shelf = (struct shelf *)ctx;
  fluvio_error_t *error = NULL;
  fluvio_offsets_event_t q;
  fluvio_consumer_offset_t o;
  CHECK(fluvio_event_type(event) == FLUVIO_EVENT_OFFSETS && fluvio_event_opaque(event) == 7);
  q.struct_size = sizeof q;
  CHECK(fluvio_event_offsets(event, &q) == FLUVIO_OK);
  CHECK(strcmp(q.consumer_id, "me") == 0);
  if (shelf->refuse == 2)
    return; /* which is an answer too */
  if (shelf->refuse) {
    OK(fluvio_event_offsets_reply(event, NULL, 0, "no room", &error));
    return;
  }
  memset(&o, 0, sizeof o);
  o.struct_size = sizeof o;
  o.topic = shelf->topic;
  o.offset = shelf->offset;
  if (q.save) {
    CHECK(q.count == 1 && strcmp(q.offsets[0].topic, shelf->topic) == 0 && q.offsets[0].partition == 0);
    shelf->offset = q.offsets[0].offset;
    OK(fluvio_event_offsets_reply(event, NULL, 0, NULL, &error));
  } else {
    CHECK(q.count == 0);
    OK(fluvio_event_offsets_reply(event, &o, shelf->offset >= 0 ? 1 : 0, NULL, &error));
  }
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_event_offsets_reply(event, NULL, 0, NULL, &error));
}

static void own_store(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  fluvio_consumer_t *consumer = NULL;
  struct shelf shelf;
  const char *topic = make_topic(client, "pos-store", "1");
  PART("an offset store of the application");
  fill(client, topic, 20);
  memset(&shelf, 0, sizeof shelf);
  strcpy(shelf.topic, topic);
  shelf.offset = -1;
  OK(fluvio_queue_start(queue, on_shelf, &shelf, NULL, &error));
  OK(fluvio_config_set_json(config, "{\"consumer_id\": \"me\", \"offset_strategy\": \"manual\", \"start\": \"beginning\"}", &error));
  OK(fluvio_config_set_offset_store(config, queue, 7, &error));
  OK(fluvio_consumer_open(client, topic, config, LONG, &consumer, &error));
  take(consumer, 0, 0, 20);
  OK(fluvio_consumer_commit_offset(consumer, NULL, 0, 11, LONG, &error));
  CHECK(shelf.offset == 11);
  shelf.refuse = 1;
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_consumer_commit(consumer, LONG, &error));
  shelf.refuse = 2;
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_consumer_commit(consumer, LONG, &error));
  shelf.refuse = 0;
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  OK(fluvio_consumer_open(client, topic, config, LONG, &consumer, &error));
  take(consumer, 0, 12, 8);
  fluvio_config_free(config);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  fluvio_queue_free(queue);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc > 1);
  client = connect_to(argv[1]);
  seek_by_poll(client);
  pause_by_poll(client);
  seek_in_callback(client);
  events(client);
  topics_come_and_go(client);
  resets(client);
  own_store(client);
  OK(fluvio_client_close(client, LONG, &error)); /* free alone would close while the program ends */
  fluvio_client_free(client);
  return 0;
}
