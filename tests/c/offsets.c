/* Stored offsets: what counts as taken although the library reads ahead, by poll and by callback, and the list of them. */
#include "check.h"

/* Opens a consumer called "me" from the beginning. */
static fluvio_consumer_t *named(fluvio_client_t *client, const char *topic, const char *strategy, const char *flush_ms)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_config_t *config = fluvio_config_new();
  OK(fluvio_config_set(config, "start", "beginning", &error));
  OK(fluvio_config_set(config, "consumer_id", "me", &error));
  OK(fluvio_config_set(config, "offset_strategy", strategy, &error));
  OK(fluvio_config_set(config, "offset_flush_ms", flush_ms, &error));
  OK(fluvio_consumer_open(client, topic, config, LONG, &consumer, &error));
  fluvio_config_free(config);
  return consumer;
}

#define NEVER "3600000"

/* What is stored for "me" in partition 0 of a topic; -1 for nothing. */
static int64_t stored(fluvio_client_t *client, const char *topic)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_offset_list_t *list = NULL;
  fluvio_consumer_offset_t o;
  int64_t found = -1;
  size_t i;
  OK(fluvio_consumer_offsets_list(client, LONG, &list, &error));
  o.struct_size = sizeof o;
  for (i = 0; i < fluvio_consumer_offset_list_count(list); i++) {
    CHECK(fluvio_consumer_offset_list_get(list, i, &o) == FLUVIO_OK);
    CHECK(o.struct_size == sizeof o);
    if (strcmp(o.topic, topic) == 0) {
      CHECK(strcmp(o.consumer_id, "me") == 0 && o.partition == 0);
      CHECK(o.modified > (int64_t)1000 * (time(NULL) - 3600) && o.modified < (int64_t)1000 * (time(NULL) + 3600));
      found = o.offset;
    }
  }
  CHECK(fluvio_consumer_offset_list_get(list, i, &o) == FLUVIO_ERR_INVALID_ARGUMENT);
  fluvio_consumer_offset_list_free(list);
  return found;
}

/* Takes a batch that begins at an offset; returns its last one. */
static int64_t take(fluvio_consumer_t *consumer, int64_t first)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_batch_view_t v;
  int64_t last;
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
  v.struct_size = sizeof v;
  CHECK(fluvio_batch_view(batch, &v) == FLUVIO_OK);
  CHECK(v.offset[0] == first);
  last = v.offset[v.count - 1];
  fluvio_batch_release(batch);
  return last;
}

static void by_poll(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer;
  fluvio_op_t *op;
  int64_t a, b;
  const char *topic = make_topic(client, "offsets-poll", "1");
  PART("manual, by poll");
  fill(client, topic, 10);
  consumer = named(client, topic, "manual", NEVER);
  OK(fluvio_consumer_commit(consumer, LONG, &error)); /* nothing was taken */
  CHECK(readable(fluvio_consumer_fd(consumer), LONG));
  OK(fluvio_consumer_commit(consumer, LONG, &error)); /* the library has read ahead; the application has taken nothing */
  CHECK(stored(client, topic) == -1);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_commit_offset(consumer, topic, 0, 0, LONG, &error));
  for (a = take(consumer, 0); a < 9;)
    a = take(consumer, a + 1);
  fill(client, topic, 10);
  CHECK(readable(fluvio_consumer_fd(consumer), LONG));
  OK(fluvio_consumer_commit(consumer, LONG, &error));
  CHECK(stored(client, topic) == 9);
  b = take(consumer, 10);
  op = fluvio_consumer_commit_async(consumer, LONG, NULL, 0);
  fill(client, topic, 10);
  a = take(consumer, b + 1); /* after the commit: it does not count, however late that is carried out */
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  CHECK(stored(client, topic) == b);

  OK(fluvio_consumer_commit_offset(consumer, topic, 0, 3, LONG, &error));
  CHECK(stored(client, topic) == 3);
  OK(fluvio_consumer_commit_offset(consumer, NULL, 0, a, LONG, &error)); /* it reads one topic only */
  CHECK(stored(client, topic) == a);
  op = fluvio_consumer_commit_offset_async(consumer, topic, 0, 4, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  CHECK(stored(client, topic) == 4);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_commit_offset(consumer, topic, 0, a + 1, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_commit_offset(consumer, topic, 0, -1, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_commit_offset(consumer, topic, 1, 0, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_commit_offset(consumer, "another", 0, 0, LONG, &error));
  OK(fluvio_consumer_close(consumer, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_consumer_commit(consumer, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_consumer_commit_offset(consumer, topic, 0, 0, LONG, &error));
  fluvio_consumer_free(consumer);
  CHECK(stored(client, topic) == 4); /* closing stores nothing with manual */

  consumer = named(client, topic, "none", NEVER);
  take(consumer, 5); /* the name sets the start */
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_consumer_commit(consumer, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_consumer_commit_offset(consumer, topic, 0, 0, LONG, &error));
  fluvio_consumer_free(consumer);
}

/* Whichever is carried out first: the latest call counts. A commit beside a seek does not undo it. */
static void in_order(fluvio_client_t *client)
{
  static const int64_t offsets[] = { 97, 3, 50, 98, 1 };
  enum { COUNT = sizeof offsets / sizeof *offsets };
  fluvio_error_t *error = NULL;
  fluvio_op_t *ops[COUNT + 1];
  fluvio_position_list_t *list = NULL;
  fluvio_position_t p;
  const char *topic = make_topic(client, "offsets-order", "1");
  fluvio_consumer_t *consumer = named(client, topic, "manual", NEVER);
  int64_t last;
  int turn, i;
  PART("commits keep their order");
  fill(client, topic, 100);
  for (turn = 0; turn < 50; turn++) {
    for (last = take(consumer, 0); last < 99;)
      last = take(consumer, last + 1);
    ops[COUNT] = fluvio_consumer_commit_async(consumer, LONG, NULL, 0);
    for (i = 0; i < COUNT; i++)
      ops[i] = fluvio_consumer_commit_offset_async(consumer, topic, 0, offsets[(i + turn) % COUNT], LONG, NULL, 0);
    for (i = 0; i <= COUNT; i++)
      done(ops[i], FLUVIO_OK);
    CHECK(stored(client, topic) == offsets[(COUNT - 1 + turn) % COUNT]);
    ops[0] = fluvio_consumer_commit_async(consumer, LONG, NULL, 0);
    OK(fluvio_consumer_seek(consumer, topic, 0, "0", LONG, &error));
    done(ops[0], FLUVIO_OK);
    OK(fluvio_consumer_positions(consumer, LONG, &list, &error));
    p.struct_size = sizeof p;
    CHECK(fluvio_position_list_get(list, 0, &p) == FLUVIO_OK && p.position == 0);
    fluvio_position_list_free(list);
  }
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
}

static void automatic(fluvio_client_t *client, const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer;
  fluvio_client_t *other;
  fluvio_batch_t *batch = NULL;
  int64_t a, b;
  const char *topic = make_topic(client, "offsets-auto", "1");
  PART("auto, by poll");
  fill(client, topic, 10);
  consumer = named(client, topic, "auto", NEVER);
  a = take(consumer, 0);
  fill(client, topic, 10);
  b = take(consumer, a + 1);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  CHECK(stored(client, topic) == a); /* b was taken by the latest poll */

  other = connect_to(endpoint); /* closing the client closes its consumers in the same way */
  consumer = named(other, topic, "auto", NEVER);
  b = take(consumer, a + 1);
  while (fluvio_consumer_poll(consumer, 0, &batch, NULL) == FLUVIO_OK) {
    fluvio_batch_view_t v;
    v.struct_size = sizeof v;
    CHECK(fluvio_batch_view(batch, &v) == FLUVIO_OK);
    b = v.offset[v.count - 1];
    fluvio_batch_release(batch);
  }
  OK(fluvio_client_close(other, LONG, &error));
  fluvio_consumer_free(consumer);
  fluvio_client_free(other);
  CHECK(stored(client, topic) == b); /* a poll that gave nothing came after it */

  consumer = named(client, topic, "auto", "5");
  fill(client, topic, 10);
  a = take(consumer, b + 1);
  fill(client, topic, 10);
  take(consumer, a + 1);
  while (stored(client, topic) != a)
    CHECK(stored(client, topic) <= a);
  fluvio_consumer_free(consumer);
}

/* What a callback does, and how far it is. */
struct visit {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  fluvio_consumer_t *consumer;
  int64_t at;   /* the record it is at */
  int64_t hold; /* the record at which it waits */
};

static int32_t on_record(const fluvio_record_t *record, const fluvio_error_t *error, void *ctx)
{
  struct visit *v = (struct visit *)ctx;
  fluvio_error_t *none = NULL;
  (void)error;
  if (record == NULL)
    return FLUVIO_CONTINUE;
  if (record->offset == 3) /* itself included, it is what the callback has just worked on */
    CHECK(fluvio_consumer_commit(v->consumer, LONG, &none) == FLUVIO_OK);
  if (record->offset == 5)
    CHECK(fluvio_consumer_commit_offset(v->consumer, NULL, 0, 5, LONG, &none) == FLUVIO_OK);
  pthread_mutex_lock(&v->lock);
  v->at = record->offset;
  pthread_cond_broadcast(&v->changed);
  while (v->at >= v->hold)
    pthread_cond_wait(&v->changed, &v->lock);
  pthread_mutex_unlock(&v->lock);
  return record->offset == 8 ? FLUVIO_STOP : FLUVIO_CONTINUE;
}

/* Lets the callback run up to a record, and returns while it is inside that call. */
static void until(struct visit *v, int64_t offset)
{
  pthread_mutex_lock(&v->lock);
  v->hold = offset;
  pthread_cond_broadcast(&v->changed);
  while (v->at != offset)
    pthread_cond_wait(&v->changed, &v->lock);
  pthread_mutex_unlock(&v->lock);
}

static void by_callback(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  struct visit v;
  const char *topic = make_topic(client, "offsets-callback", "1");
  PART("manual, by callback");
  memset(&v, 0, sizeof v);
  pthread_mutex_init(&v.lock, NULL);
  pthread_cond_init(&v.changed, NULL);
  v.at = -1;
  v.hold = 4;
  fill(client, topic, 20);
  v.consumer = named(client, topic, "manual", NEVER);
  OK(fluvio_consumer_start_records(v.consumer, on_record, &v, NULL, &error));
  until(&v, 4);
  CHECK(stored(client, topic) == 3); /* by the callback */
  OK(fluvio_consumer_commit_offset(v.consumer, topic, 0, 1, LONG, &error));
  OK(fluvio_consumer_commit(v.consumer, LONG, &error));
  CHECK(stored(client, topic) == 3); /* record 4 is in the making */
  OK(fluvio_consumer_commit_offset(v.consumer, topic, 0, 4, LONG, &error)); /* chosen: it was given */
  CHECK(stored(client, topic) == 4);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_commit_offset(v.consumer, topic, 0, 5, LONG, &error));
  until(&v, 6);
  CHECK(stored(client, topic) == 5);
  until(&v, 8);
  OK(fluvio_consumer_commit(v.consumer, LONG, &error));
  CHECK(stored(client, topic) == 7);
  pthread_mutex_lock(&v.lock);
  v.hold = 20; /* to the end */
  pthread_cond_broadcast(&v.changed);
  pthread_mutex_unlock(&v.lock);
  while (stored(client, topic) != 8) /* the call that said stop has finished its record, and none comes after it */
    OK(fluvio_consumer_commit(v.consumer, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_commit_offset(v.consumer, topic, 0, 9, LONG, &error));
  OK(fluvio_consumer_close(v.consumer, LONG, &error));
  fluvio_consumer_free(v.consumer);
  CHECK(stored(client, topic) == 8);
}

struct batches {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int64_t last;
};

static int32_t on_batch(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx)
{
  struct batches *b = (struct batches *)ctx;
  fluvio_batch_view_t v;
  (void)error;
  if (batch == NULL)
    return FLUVIO_CONTINUE;
  v.struct_size = sizeof v;
  CHECK(fluvio_batch_view(batch, &v) == FLUVIO_OK);
  pthread_mutex_lock(&b->lock);
  b->last = v.offset[v.count - 1];
  pthread_cond_signal(&b->changed);
  pthread_mutex_unlock(&b->lock);
  return FLUVIO_CONTINUE;
}

static void auto_callback(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer;
  struct batches b;
  const char *topic = make_topic(client, "offsets-auto-callback", "1");
  PART("auto, by callback");
  memset(&b, 0, sizeof b);
  pthread_mutex_init(&b.lock, NULL);
  pthread_cond_init(&b.changed, NULL);
  fill(client, topic, 20);
  consumer = named(client, topic, "auto", NEVER);
  OK(fluvio_consumer_start(consumer, on_batch, &b, NULL, &error));
  pthread_mutex_lock(&b.lock);
  while (b.last < 19)
    pthread_cond_wait(&b.changed, &b.lock);
  pthread_mutex_unlock(&b.lock);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  CHECK(stored(client, topic) == 19); /* the callback has returned */
}

static void lists(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_offset_list_t *list = NULL;
  fluvio_consumer_offset_t o;
  fluvio_topic_list_t *topics = NULL;
  fluvio_op_t *op;
  size_t n;
  PART("list and delete");
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offsets_list(client, LONG, NULL, &error));
  op = fluvio_consumer_offsets_list_async(client, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  CHECK(fluvio_op_take_topic_list(op) == NULL);
  list = fluvio_op_take_consumer_offset_list(op);
  CHECK(list != NULL && fluvio_op_take_consumer_offset_list(op) == NULL);
  fluvio_op_free(op);
  n = fluvio_consumer_offset_list_count(list);
  CHECK(n == 5);
  CHECK(fluvio_consumer_offset_list_get(list, 0, NULL) == FLUVIO_ERR_INVALID_ARGUMENT);
  o.struct_size = sizeof o;
  CHECK(fluvio_consumer_offset_list_get(list, 0, &o) == FLUVIO_OK);
  CHECK(strcmp(o.topic, "offsets-auto") == 0); /* in order */
  CHECK(fluvio_consumer_offset_list_count(NULL) == 0);
  OK(fluvio_topic_list(client, LONG, &topics, &error));
  CHECK(fluvio_consumer_offset_list_count((fluvio_consumer_offset_list_t *)topics) == 0); /* another kind */
  fluvio_topic_list_free(topics);

  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_delete(client, NULL, o.topic, 0, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_delete(client, "", o.topic, 0, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_delete(client, "me", NULL, 0, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_offset_delete(client, "me", o.topic, -1, LONG, &error));
  OK(fluvio_consumer_offset_delete(client, "me", o.topic, 0, LONG, &error));
  CHECK(stored(client, "offsets-auto") == -1);
  op = fluvio_consumer_offset_delete_async(client, "me", o.topic, 0, LONG, NULL, 0); /* there being nothing is success */
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  op = fluvio_consumer_offsets_list_async(client, LONG, NULL, 0); /* a result that nobody takes is freed */
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  fluvio_consumer_offset_list_free(list);
  fluvio_consumer_offset_list_free(NULL);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_consumer_t *consumer = NULL;
  CHECK(argc > 2);
  client = connect_to(argv[1]);
  by_poll(client);
  in_order(client);
  automatic(client, argv[1]);
  by_callback(client);
  auto_callback(client);
  lists(client);
  PART("settings");
  OK(fluvio_config_set(config, "offset_strategy", "manual", &error));
  CHECK(fluvio_consumer_open(client, "offsets-poll", config, LONG, &consumer, &error) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(strcmp(fluvio_error_detail(error, "setting"), "consumer_id") == 0);
  fluvio_error_free(error);
  error = NULL;
  fluvio_config_free(config);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
