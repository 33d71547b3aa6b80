/* Delivery by callback: order, one at a time, never after close, and what is refused inside one. */
#include "check.h"

/* What a callback saw; guarded by lock. */
struct seen {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  fluvio_client_t *client;
  fluvio_consumer_t *consumer;
  int64_t next;
  int inside, ended, freed, calls_after_free, refused, stop_at;
  fluvio_batch_t *kept;
};

static void seen_init(struct seen *s, fluvio_client_t *client, fluvio_consumer_t *consumer)
{
  memset(s, 0, sizeof *s);
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->changed, NULL);
  s->client = client;
  s->consumer = consumer;
  s->stop_at = -1;
}

static void enter(struct seen *s)
{
  pthread_mutex_lock(&s->lock);
  CHECK(!s->inside);
  s->inside = 1;
  s->calls_after_free += s->freed;
}

static void leave(struct seen *s)
{
  s->inside = 0;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

static void on_free(void *ctx)
{
  struct seen *s = (struct seen *)ctx;
  pthread_mutex_lock(&s->lock);
  s->freed++;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

/* Blocking calls on the callback's own objects must be refused, not hang. */
static void try_to_block(struct seen *s)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  STATUS(FLUVIO_ERR_WOULD_DEADLOCK, fluvio_consumer_close(s->consumer, LONG, &error));
  STATUS(FLUVIO_ERR_WOULD_DEADLOCK, fluvio_client_close(s->client, LONG, &error));
  STATUS(FLUVIO_ERR_WOULD_DEADLOCK, fluvio_consumer_poll(s->consumer, LONG, &batch, &error));
  s->refused++;
}

static int32_t on_batch(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx)
{
  struct seen *s = (struct seen *)ctx;
  fluvio_batch_view_t v;
  enter(s);
  if (batch == NULL) {
    CHECK(fluvio_error_status(error) == FLUVIO_ERR_END);
    s->ended++;
  } else {
    CHECK(error == NULL);
    v.struct_size = sizeof v;
    CHECK(fluvio_batch_view(batch, &v) == FLUVIO_OK);
    CHECK(v.offset[0] == s->next);
    s->next += (int64_t)v.count;
    if (s->kept == NULL)
      s->kept = fluvio_batch_retain(batch);
    if (s->refused == 0)
      try_to_block(s);
  }
  leave(s);
  return FLUVIO_CONTINUE;
}

static int32_t on_record(const fluvio_record_t *record, const fluvio_error_t *error, void *ctx)
{
  struct seen *s = (struct seen *)ctx;
  int32_t answer = FLUVIO_CONTINUE;
  enter(s);
  if (record == NULL) {
    CHECK(fluvio_error_status(error) == FLUVIO_ERR_END);
    s->ended++;
  } else {
    CHECK(record->offset == s->next++);
    if (s->next == s->stop_at)
      answer = FLUVIO_STOP;
  }
  leave(s);
  return answer;
}

static void wait_ended(struct seen *s)
{
  pthread_mutex_lock(&s->lock);
  while (!s->ended)
    pthread_cond_wait(&s->changed, &s->lock);
  pthread_mutex_unlock(&s->lock);
}

static void batches(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, "c-callback", "end");
  struct seen s;
  PART("batches");
  seen_init(&s, client, consumer);
  OK(fluvio_consumer_start(consumer, on_batch, &s, on_free, &error));
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_consumer_start(consumer, on_batch, &s, on_free, &error));
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_consumer_poll(consumer, 0, &batch, &error));
  wait_ended(&s);
  CHECK(s.next == 1000 && s.ended == 1 && s.refused == 1 && s.freed == 0);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  CHECK(s.freed == 1 && s.calls_after_free == 0);
  fluvio_consumer_free(consumer);
  CHECK(fluvio_batch_count(s.kept) > 0);
  fluvio_batch_release(s.kept);
}

static void records(fluvio_client_t *client, int stop_at)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, "c-callback", "end");
  struct seen s;
  PART(stop_at < 0 ? "records" : "records, stopped");
  seen_init(&s, client, consumer);
  s.stop_at = stop_at;
  OK(fluvio_consumer_start_records(consumer, on_record, &s, on_free, &error));
  if (stop_at < 0) {
    wait_ended(&s);
    CHECK(s.next == 1000);
  } else {
    pthread_mutex_lock(&s.lock);
    while (s.next < stop_at)
      pthread_cond_wait(&s.changed, &s.lock);
    pthread_mutex_unlock(&s.lock);
  }
  OK(fluvio_consumer_close(consumer, LONG, &error));
  CHECK(s.freed == 1 && (stop_at < 0 || s.next == stop_at) && s.ended == (stop_at < 0));
  fluvio_consumer_free(consumer);
}

static int32_t close_in_callback(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx)
{
  struct seen *s = (struct seen *)ctx;
  fluvio_error_t *refused = NULL;
  fluvio_op_t *op;
  (void)error;
  enter(s);
  CHECK(batch != NULL && s->next == 0);
  s->next = 1;
  op = fluvio_consumer_close_async(s->consumer, LONG, NULL, 0);
  CHECK(fluvio_op_wait(op, LONG, &refused) == FLUVIO_ERR_WOULD_DEADLOCK);
  fluvio_error_free(refused);
  fluvio_op_free(op); /* a close goes on */
  leave(s);
  return FLUVIO_CONTINUE;
}

static void close_async_inside(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, "c-callback", NULL);
  struct seen s;
  PART("close_async inside a callback");
  seen_init(&s, client, consumer);
  OK(fluvio_consumer_start(consumer, close_in_callback, &s, on_free, &error));
  pthread_mutex_lock(&s.lock);
  while (!s.freed)
    pthread_cond_wait(&s.changed, &s.lock);
  pthread_mutex_unlock(&s.lock);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  CHECK(s.next == 1 && s.freed == 1 && s.calls_after_free == 0);
  fluvio_consumer_free(consumer);
}

/* A callback that does not return until it is told to. */
struct gate {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int calls, open, freed;
};

static int32_t wait_in_callback(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx)
{
  struct gate *g = (struct gate *)ctx;
  (void)batch;
  (void)error;
  pthread_mutex_lock(&g->lock);
  g->calls++;
  pthread_cond_broadcast(&g->changed);
  while (!g->open)
    pthread_cond_wait(&g->changed, &g->lock);
  CHECK(!g->freed);
  pthread_mutex_unlock(&g->lock);
  return FLUVIO_CONTINUE;
}

static void gate_freed(void *ctx)
{
  struct gate *g = (struct gate *)ctx;
  pthread_mutex_lock(&g->lock);
  g->freed++;
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->lock);
}

/* close waits for a running callback, up to its timeout; ctx is freed when the callback has returned, in any case. */
static void close_during(fluvio_client_t *client, int64_t timeout_ms, fluvio_status_t wanted)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, "c-callback", NULL);
  fluvio_op_t *op;
  struct gate g;
  PART(wanted == FLUVIO_OK ? "close waits for a callback" : "close gives up on a callback");
  memset(&g, 0, sizeof g);
  pthread_mutex_init(&g.lock, NULL);
  pthread_cond_init(&g.changed, NULL);
  OK(fluvio_consumer_start(consumer, wait_in_callback, &g, gate_freed, &error));
  pthread_mutex_lock(&g.lock);
  while (g.calls == 0)
    pthread_cond_wait(&g.changed, &g.lock);
  pthread_mutex_unlock(&g.lock);
  op = fluvio_consumer_close_async(consumer, timeout_ms, NULL, 0);
  if (wanted == FLUVIO_OK)
    CHECK(fluvio_op_wait(op, 50, NULL) == FLUVIO_ERR_TIMEOUT && fluvio_op_wait(op, 0, &error) == FLUVIO_ERR_TIMEOUT && error == NULL);
  else
    STATUS(wanted, fluvio_op_wait(op, LONG, &error));
  CHECK(g.freed == 0);
  pthread_mutex_lock(&g.lock);
  g.open = 1;
  pthread_cond_broadcast(&g.changed);
  pthread_mutex_unlock(&g.lock);
  STATUS(wanted, fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  pthread_mutex_lock(&g.lock);
  CHECK(wanted != FLUVIO_OK || g.freed == 1); /* before close has ended */
  while (!g.freed)
    pthread_cond_wait(&g.changed, &g.lock);
  CHECK(g.calls == 1 && g.freed == 1);
  pthread_mutex_unlock(&g.lock);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
}

/* The client's close waits for the callbacks of its consumers. */
static void client_close(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_consumer_t *consumer = read_from_start(client, "c-callback", NULL);
  struct seen s;
  PART("client close");
  seen_init(&s, client, consumer);
  OK(fluvio_consumer_start_records(consumer, on_record, &s, on_free, &error));
  OK(fluvio_client_close(client, LONG, &error));
  CHECK(s.freed == 1 && s.calls_after_free == 0 && !s.inside);
  STATUS(FLUVIO_ERR_CLOSED, fluvio_consumer_start(consumer, on_batch, &s, NULL, &error));
  fluvio_client_free(client);
  fluvio_consumer_free(consumer);
}

/* A queue's callback gets the same events as its poll. */
struct taken {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t records, ops, freed;
};

static void on_event(fluvio_event_t *event, void *ctx)
{
  struct taken *t = (struct taken *)ctx;
  fluvio_delivery_t d;
  pthread_mutex_lock(&t->lock);
  if (fluvio_event_type(event) == FLUVIO_EVENT_DELIVERY) {
    d.struct_size = sizeof d;
    CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK && d.status == FLUVIO_OK);
    t->records += d.count;
  } else {
    CHECK(fluvio_event_type(event) == FLUVIO_EVENT_OP && fluvio_event_opaque(event) == 77);
    t->ops++;
  }
  fluvio_event_free(event); /* does nothing in here */
  pthread_cond_broadcast(&t->changed);
  pthread_mutex_unlock(&t->lock);
}

static void on_taken_free(void *ctx)
{
  ((struct taken *)ctx)->freed++;
}

static void queue_callback(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  fluvio_op_t *op;
  struct taken t;
  int i;
  PART("queue");
  memset(&t, 0, sizeof t);
  pthread_mutex_init(&t.lock, NULL);
  pthread_cond_init(&t.changed, NULL);
  make_topic(client, "c-queue-callback", "2");
  OK(fluvio_queue_start(queue, on_event, &t, on_taken_free, &error));
  STATUS(FLUVIO_ERR_INVALID_STATE, fluvio_queue_start(queue, on_event, &t, NULL, &error));
  CHECK(fluvio_queue_poll(queue, LONG) == NULL);
  OK(fluvio_producer_open(client, "c-queue-callback", NULL, queue, LONG, &producer, &error));
  for (i = 0; i < 100; i++)
    OK(fluvio_producer_send(producer, NULL, 0, "x", 1, (uint64_t)i, LONG, &error));
  op = fluvio_producer_flush_async(producer, LONG, queue, 77);
  pthread_mutex_lock(&t.lock);
  while (t.records < 100 || t.ops < 1)
    pthread_cond_wait(&t.changed, &t.lock);
  CHECK(t.records == 100 && t.ops == 1);
  pthread_mutex_unlock(&t.lock);
  OK(fluvio_op_wait(op, 0, &error));
  fluvio_op_free(op);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);
  CHECK(t.freed == 1);
}

/* What the callback of free_hands_out waits for, and how often it was called. */
struct slow {
  pthread_mutex_t gate;
  int calls;
};

static void on_slow(fluvio_event_t *event, void *ctx)
{
  struct slow *s = (struct slow *)ctx;
  CHECK(fluvio_event_type(event) == FLUVIO_EVENT_DELIVERY);
  pthread_mutex_lock(&s->gate);
  s->calls++;
  pthread_mutex_unlock(&s->gate);
}

/* Freeing a queue loses no report that came before. */
static void free_hands_out(fluvio_client_t *client)
{
  enum { REPORTS = 200 };
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer[2] = { NULL, NULL };
  struct slow s;
  int i;
  PART("free hands out what waits");
  pthread_mutex_init(&s.gate, NULL);
  s.calls = 0;
  pthread_mutex_lock(&s.gate);
  OK(fluvio_queue_start(queue, on_slow, &s, NULL, &error));
  for (i = 0; i < 2; i++)
    OK(fluvio_producer_open(client, "c-callback", NULL, queue, LONG, &producer[i], &error));
  for (i = 0; i < REPORTS; i++) { /* in turns and with a flush, so that every record has a report of its own */
    OK(fluvio_producer_send(producer[i % 2], NULL, 0, "x", 1, 0, LONG, &error));
    OK(fluvio_producer_flush(producer[i % 2], LONG, &error));
  }
  for (i = 0; i < 2; i++) {
    OK(fluvio_producer_close(producer[i], LONG, &error));
    fluvio_producer_free(producer[i]);
  }
  pthread_mutex_unlock(&s.gate);
  fluvio_queue_free(queue);
  CHECK(s.calls == REPORTS);
  pthread_mutex_destroy(&s.gate);
}

static int32_t free_in_callback(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx)
{
  struct seen *s = (struct seen *)ctx;
  (void)error;
  enter(s);
  CHECK(batch != NULL && s->next == 0);
  s->next = 1;
  fluvio_consumer_free(s->consumer);
  CHECK(fluvio_batch_count(batch) > 0);
  leave(s);
  return FLUVIO_CONTINUE;
}

static void free_queue_in_callback(fluvio_event_t *event, void *ctx)
{
  fluvio_delivery_t d;
  d.struct_size = sizeof d;
  fluvio_queue_free(*(fluvio_queue_t **)ctx);
  CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK && d.count == 1 && d.opaque[0] == 3);
}

static pthread_mutex_t queue_freed_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_freed_changed = PTHREAD_COND_INITIALIZER;
static int queue_freed;

static void on_queue_freed(void *ctx)
{
  (void)ctx;
  pthread_mutex_lock(&queue_freed_lock);
  queue_freed++;
  pthread_cond_broadcast(&queue_freed_changed);
  pthread_mutex_unlock(&queue_freed_lock);
}

/* What a callback frees stays until the callback has returned. */
static void free_inside(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, "c-callback", NULL);
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  struct seen s;
  PART("free inside callbacks");
  seen_init(&s, client, consumer);
  OK(fluvio_consumer_start(consumer, free_in_callback, &s, on_free, &error));
  pthread_mutex_lock(&s.lock);
  while (!s.freed)
    pthread_cond_wait(&s.changed, &s.lock);
  pthread_mutex_unlock(&s.lock);
  CHECK(s.next == 1 && s.calls_after_free == 0);

  OK(fluvio_queue_start(queue, free_queue_in_callback, &queue, on_queue_freed, &error));
  OK(fluvio_producer_open(client, "c-queue-callback", NULL, queue, LONG, &producer, &error));
  OK(fluvio_producer_send(producer, NULL, 0, "x", 1, 3, LONG, &error));
  pthread_mutex_lock(&queue_freed_lock);
  while (!queue_freed)
    pthread_cond_wait(&queue_freed_changed, &queue_freed_lock);
  CHECK(queue_freed == 1);
  pthread_mutex_unlock(&queue_freed_lock);
  OK(fluvio_producer_send(producer, NULL, 0, "x", 1, 4, LONG, &error)); /* its report goes nowhere */
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc >= 2);
  client = connect_to(argv[1]);
  make_topic(client, "c-callback", "1");
  fill(client, "c-callback", 1000);
  batches(client);
  records(client, -1);
  records(client, 10);
  close_async_inside(client);
  close_during(client, LONG, FLUVIO_OK);
  close_during(client, 50, FLUVIO_ERR_TIMEOUT);
  client_close(argv[1]);
  queue_callback(client);
  free_hands_out(client);
  free_inside(client);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
