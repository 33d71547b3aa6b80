/*
 * consumer.c - consumers: a bounded ring of batches that Go fills and poll or a callback empties. Errors and the end of the
 * stream pass through it in their place among the batches.
 */
#include "internal.h"

/* Enough to keep both sides busy; the memory that waits is bounded by the core's prefetch_bytes and by this. */
#define RING_SIZE 256
#define RING_BATCHES 192
#define RING_BYTES (4 << 20)

struct entry {
  fluvio_batch_t *batch; /* or */
  fluvio_error_t *error;
  size_t bytes;
  int32_t place; /* the batch's partition; -1 for an error */
};

/* How far the application has come in a partition: offsets of records, -1 before the first. */
struct mark {
  int64_t given;   /* the last one it got */
  int64_t done;    /* the last one that a commit stores: taken by poll, or finished by a callback */
  int64_t settled; /* the last one that auto stores: after it the application came for more */
  bool unsettled;  /* settled may be behind: the place is in the list of those */
  bool retired;    /* the topic is gone: nothing of the place comes any more */
  uint32_t epoch;  /* changes when the application chooses another position */
  uint32_t era;    /* changes when the application is to have got less than it had */
};

struct fluvio_consumer {
  fluvioc_object_t object;
  fluvio_client_t *client;
  fluvio_queue_t *events, *store; /* references, or NULL */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct entry ring[RING_SIZE];
  size_t first, count, bytes;
  fluvio_error_t *end;  /* why nothing comes any more, or NULL */
  uint32_t waiters;
  bool woken;           /* fluvio_consumer_wakeup was called and nobody has seen it */
  bool go_waits;        /* Go waits for FLUVIOC_ROOM */
  fluvioc_ready_t ready;
  bool started;         /* a callback takes the batches */
  bool busy;            /* a callback may run */
  bool told;            /* the callback was told of the end */
  fluvio_batch_cb batch_callback;
  fluvio_record_cb record_callback;
  void *ctx;
  void (*ctx_free)(void *);
  struct mark *marks;   /* by place */
  int32_t *unsettled;   /* places that are to be settled by the next poll; room for all */
  size_t places, unsettled_count;
};

fluvio_consumer_t *fluvioc_consumer_new(uint64_t id, fluvio_client_t *client, fluvio_queue_t *events, fluvio_queue_t *store)
{
  fluvio_consumer_t *consumer = calloc(1, sizeof *consumer);
  if (consumer == NULL)
    return NULL;
  fluvioc_object_init(&consumer->object, FLUVIOC_KIND_CONSUMER, id);
  pthread_mutex_init(&consumer->lock, NULL);
  fluvioc_cond_init(&consumer->changed);
  consumer->ready = (fluvioc_ready_t)FLUVIOC_READY_INIT;
  consumer->client = client;
  fluvioc_client_hold(client);
  if (events != NULL)
    consumer->events = fluvioc_ref(events);
  if (store != NULL)
    consumer->store = fluvioc_ref(store);
  return fluvioc_ref(consumer);
}

/* Forgets what waits in the ring; the caller holds the lock or the last reference. */
static void drop_ring(fluvio_consumer_t *consumer)
{
  for (; consumer->count > 0; consumer->count--) {
    struct entry *e = &consumer->ring[consumer->first];
    fluvio_batch_release(e->batch);
    fluvio_error_free(e->error);
    consumer->first = (consumer->first + 1) % RING_SIZE;
  }
  consumer->bytes = 0;
}

void fluvioc_consumer_destroy(fluvio_consumer_t *consumer)
{
  drop_ring(consumer);
  fluvio_error_free(consumer->end);
  free(consumer->marks);
  free(consumer->unsettled);
  fluvioc_ready_close(&consumer->ready);
  pthread_mutex_destroy(&consumer->lock);
  pthread_cond_destroy(&consumer->changed);
  fluvioc_client_unhold(consumer->client);
  fluvioc_unref(consumer->events);
  fluvioc_unref(consumer->store);
  free(consumer);
}

fluvio_client_t *fluvioc_consumer_client(const fluvio_consumer_t *consumer)
{
  return consumer->client;
}

static bool is_open(const fluvio_consumer_t *consumer)
{
  return atomic_load_explicit(&consumer->object.state, memory_order_acquire) == FLUVIOC_OPEN;
}

/* Wakes waiters and makes the descriptor readable; the caller holds the lock and has changed the state before. */
static void announce(fluvio_consumer_t *consumer, bool everyone)
{
  if (consumer->waiters > 0) {
    if (everyone)
      pthread_cond_broadcast(&consumer->changed);
    else
      pthread_cond_signal(&consumer->changed);
  }
  fluvioc_ready_set(&consumer->ready);
}

void fluvioc_consumer_set_state(fluvio_consumer_t *consumer, enum fluvioc_state state)
{
  pthread_mutex_lock(&consumer->lock);
  fluvioc_set_state(&consumer->object, state);
  drop_ring(consumer);
  announce(consumer, true);
  pthread_mutex_unlock(&consumer->lock);
}

/* ------------------------------------------------------------ Go's side */

static bool is_full(const fluvio_consumer_t *consumer)
{
  return consumer->count >= RING_BATCHES || consumer->bytes >= RING_BYTES;
}

int fluvioc_consumer_full(fluvio_consumer_t *consumer)
{
  pthread_mutex_lock(&consumer->lock);
  consumer->go_waits = is_full(consumer) && is_open(consumer);
  bool full = consumer->go_waits;
  pthread_mutex_unlock(&consumer->lock);
  return full;
}

void fluvioc_consumer_push(fluvio_consumer_t *consumer, fluvio_batch_t *batch, int32_t place, fluvio_error_t *error)
{
  size_t bytes = 0;
  if (batch != NULL) {
    fluvio_batch_view_t view = { .struct_size = sizeof view };
    fluvio_batch_view(batch, &view);
    bytes = view.data_len + view.count * (2 * sizeof(int64_t) + 4 * sizeof(uint32_t));
  }
  pthread_mutex_lock(&consumer->lock);
  bool drop = !is_open(consumer) || consumer->count == RING_SIZE || (place >= 0 && consumer->marks[place].retired);
  if (!drop) {
    consumer->ring[(consumer->first + consumer->count++) % RING_SIZE] = (struct entry){ batch, error, bytes, place };
    consumer->bytes += bytes;
    fluvioc_ready_set(&consumer->ready);
  }
  bool wakes = !drop && consumer->waiters > 0;
  pthread_mutex_unlock(&consumer->lock);
  if (wakes) /* without the lock: who wakes up asks for it first */
    pthread_cond_signal(&consumer->changed);
  if (drop) {
    fluvio_batch_release(batch);
    fluvio_error_free(error);
  }
}

void fluvioc_consumer_end(fluvio_consumer_t *consumer, fluvio_error_t *error)
{
  pthread_mutex_lock(&consumer->lock);
  bool first = consumer->end == NULL;
  if (first) {
    consumer->end = error;
    announce(consumer, true);
  }
  pthread_mutex_unlock(&consumer->lock);
  if (!first)
    fluvio_error_free(error);
}

int fluvioc_consumer_busy(fluvio_consumer_t *consumer)
{
  pthread_mutex_lock(&consumer->lock);
  bool busy = consumer->busy;
  pthread_mutex_unlock(&consumer->lock);
  return busy;
}

/* ------------------------------------------------ how far the application is */

int fluvioc_consumer_places(fluvio_consumer_t *consumer, size_t count)
{
  pthread_mutex_lock(&consumer->lock);
  struct mark *marks = realloc(consumer->marks, count * sizeof *marks);
  if (marks != NULL)
    consumer->marks = marks;
  int32_t *unsettled = realloc(consumer->unsettled, count * sizeof *unsettled);
  if (unsettled != NULL)
    consumer->unsettled = unsettled;
  bool ok = marks != NULL && unsettled != NULL;
  for (; ok && consumer->places < count; consumer->places++)
    marks[consumer->places] = (struct mark){ .given = -1, .done = -1, .settled = -1 };
  pthread_mutex_unlock(&consumer->lock);
  return ok;
}

/* Lets Go read on; the caller holds the lock. */
static void wake_go(fluvio_consumer_t *consumer)
{
  if (consumer->go_waits) {
    consumer->go_waits = false;
    fluvioc_signal(&consumer->object, FLUVIOC_ROOM);
  }
}

/* Drops what waits in the ring of a place, and what a callback has still to get; the caller holds the lock. */
static void drop_place(fluvio_consumer_t *consumer, int32_t place)
{
  size_t count = consumer->count;
  consumer->count = 0;
  for (size_t i = 0; i < count; i++) {
    struct entry e = consumer->ring[(consumer->first + i) % RING_SIZE];
    if (e.batch != NULL && e.place == place) {
      consumer->bytes -= e.bytes;
      fluvio_batch_release(e.batch);
    } else {
      consumer->ring[(consumer->first + consumer->count++) % RING_SIZE] = e;
    }
  }
  consumer->marks[place].epoch++;
  wake_go(consumer);
}

int64_t fluvioc_consumer_purge(fluvio_consumer_t *consumer, int32_t place, int64_t next)
{
  pthread_mutex_lock(&consumer->lock);
  drop_place(consumer, place);
  struct mark *m = &consumer->marks[place];
  if (next >= 0) {
    m->era++;
    m->given = m->given < next ? m->given : next - 1;
    m->done = m->done < next ? m->done : next - 1;
    m->settled = m->settled < next ? m->settled : next - 1;
  }
  int64_t given = m->given;
  pthread_mutex_unlock(&consumer->lock);
  return given;
}

void fluvioc_consumer_retire(fluvio_consumer_t *consumer, int32_t place)
{
  pthread_mutex_lock(&consumer->lock);
  drop_place(consumer, place);
  consumer->marks[place].retired = true;
  pthread_mutex_unlock(&consumer->lock);
}

void fluvioc_consumer_reuse(fluvio_consumer_t *consumer, int32_t place)
{
  pthread_mutex_lock(&consumer->lock);
  struct mark *m = &consumer->marks[place];
  m->given = m->done = m->settled = -1;
  m->retired = false;
  m->epoch++; /* epoch and era go on: a callback, or a commit, may still have the old ones */
  m->era++;
  pthread_mutex_unlock(&consumer->lock);
}

int fluvioc_consumer_reopen(fluvio_consumer_t *consumer)
{
  pthread_mutex_lock(&consumer->lock);
  bool may = !consumer->told;
  if (may) {
    fluvio_error_free(consumer->end);
    consumer->end = NULL;
  }
  pthread_mutex_unlock(&consumer->lock);
  return may;
}

void fluvioc_consumer_event(fluvio_queue_t *events, uint64_t consumer, uint64_t opaque, int32_t kind, const char *topic, size_t topic_len, int32_t partition, int64_t offset, int64_t next, int32_t attempt, int64_t delay_ms, fluvio_error_t *error)
{
  char name[256]; /* a topic has 63 bytes at most */
  topic_len = topic_len < sizeof name ? topic_len : sizeof name - 1;
  memcpy(name, topic, topic_len);
  name[topic_len] = '\0';
  fluvio_consumer_event_t what = {
    .struct_size = sizeof what,
    .kind = kind,
    .topic = name,
    .partition = partition,
    .attempt = attempt,
    .offset = offset,
    .next = next,
    .delay_ms = delay_ms,
  };
  fluvioc_queue_push_consumer_event(events, consumer, opaque, &what, error);
}

void fluvioc_consumer_read_marks(fluvio_consumer_t *consumer, bool given, int64_t *marks, size_t count)
{
  pthread_mutex_lock(&consumer->lock);
  for (size_t i = 0; i < count; i++)
    marks[i] = i >= consumer->places ? -1 : given ? consumer->marks[i].given : consumer->marks[i].settled;
  pthread_mutex_unlock(&consumer->lock);
}

fluvioc_mark_t *fluvioc_consumer_marks(fluvio_consumer_t *consumer, bool given, size_t *count)
{
  pthread_mutex_lock(&consumer->lock);
  *count = consumer->places;
  fluvioc_mark_t *marks = malloc((consumer->places + 1) * sizeof *marks);
  for (size_t i = 0; marks != NULL && i < consumer->places; i++) {
    const struct mark *m = &consumer->marks[i];
    marks[i] = (fluvioc_mark_t){ .offset = given ? m->given : m->done, .era = m->era };
  }
  pthread_mutex_unlock(&consumer->lock);
  return marks;
}

void fluvioc_consumer_refresh(fluvio_consumer_t *consumer, fluvioc_mark_t *marks, size_t count)
{
  pthread_mutex_lock(&consumer->lock);
  for (size_t i = 0; i < count; i++)
    if (i >= consumer->places || marks[i].era != consumer->marks[i].era)
      marks[i].offset = -1;
  pthread_mutex_unlock(&consumer->lock);
}

/* The application has come for more; the caller holds the lock. */
static void settle(fluvio_consumer_t *consumer)
{
  while (consumer->unsettled_count > 0) {
    struct mark *m = &consumer->marks[consumer->unsettled[--consumer->unsettled_count]];
    m->settled = m->done;
    m->unsettled = false;
  }
}

static int64_t last_offset(const fluvio_batch_t *batch)
{
  fluvio_batch_view_t view = { .struct_size = sizeof view };
  fluvio_batch_view(batch, &view);
  return view.count > 0 ? view.offset[view.count - 1] : -1;
}

/* The application takes a batch by poll, up to an offset; the caller holds the lock. Marks only rise, in whatever order threads take. */
static void polled(fluvio_consumer_t *consumer, const struct entry *e, int64_t offset)
{
  struct mark *m = &consumer->marks[e->place];
  if (offset <= m->done)
    return;
  m->given = m->done = offset;
  if (!m->unsettled) {
    m->unsettled = true;
    consumer->unsettled[consumer->unsettled_count++] = e->place;
  }
}

/* A callback gets the records up to an offset, which were taken in an epoch. False: the application has chosen another
 * position, and must not get them. */
static bool called(fluvio_consumer_t *consumer, int32_t place, uint32_t epoch, int64_t offset)
{
  pthread_mutex_lock(&consumer->lock);
  struct mark *m = &consumer->marks[place];
  bool current = m->epoch == epoch;
  if (current)
    m->given = offset;
  pthread_mutex_unlock(&consumer->lock);
  return current;
}

/* A callback has finished what it got. */
static void finished(fluvio_consumer_t *consumer, int32_t place)
{
  pthread_mutex_lock(&consumer->lock);
  struct mark *m = &consumer->marks[place];
  m->settled = m->done = m->given;
  pthread_mutex_unlock(&consumer->lock);
}

/* ------------------------------------------------------------ the taking side */

/* Waits until the ring has an entry (OK), or says why there is none: the status is that of fluvio_consumer_poll. *deadline
 * is 0 at first, and kept from call to call. The caller holds the lock. */
static fluvio_status_t await(fluvio_consumer_t *consumer, int64_t timeout_ms, int64_t *deadline, fluvio_error_t **error)
{
  bool in_time = true;
  for (;;) {
    if (!is_open(consumer))
      return fluvioc_not_open(&consumer->object, "poll", error);
    if (consumer->started && fluvioc_current != consumer)
      return fluvioc_fail(error, FLUVIO_ERR_INVALID_STATE, "poll", "the consumer delivers to a callback");
    if (consumer->woken) {
      consumer->woken = false;
      return fluvioc_fail(error, FLUVIO_ERR_INTERRUPTED, "poll", "fluvio_consumer_wakeup was called");
    }
    if (consumer->count > 0)
      return FLUVIO_OK;
    if (consumer->end != NULL) {
      if (error != NULL)
        *error = fluvioc_error_ref(consumer->end);
      return fluvio_error_status(consumer->end);
    }
    fluvioc_ready_clear(&consumer->ready);
    if (!in_time)
      break;
    if (*deadline == 0)
      *deadline = fluvioc_deadline(timeout_ms);
    consumer->waiters++;
    in_time = fluvioc_cond_wait(&consumer->changed, &consumer->lock, *deadline);
    consumer->waiters--;
    if (!in_time && *deadline == 0)
      break;
  }
  if (error != NULL)
    *error = NULL;
  return FLUVIO_ERR_TIMEOUT;
}

/* Takes the first entry off the ring; the caller holds the lock. */
static struct entry shift(fluvio_consumer_t *consumer)
{
  struct entry e = consumer->ring[consumer->first];
  consumer->first = (consumer->first + 1) % RING_SIZE;
  consumer->count--;
  consumer->bytes -= e.bytes;
  if (consumer->count <= RING_BATCHES / 2 && consumer->bytes <= RING_BYTES / 2)
    wake_go(consumer);
  return e;
}

/* Gives an entry's error to the caller. */
static fluvio_status_t give_error(const struct entry *e, fluvio_error_t **error)
{
  fluvio_status_t status = fluvio_error_status(e->error);
  if (error != NULL)
    *error = e->error;
  else
    fluvio_error_free(e->error);
  return status;
}

/* Takes the next entry, waiting until the deadline, with the statuses of await. The caller holds the lock. */
static fluvio_status_t take(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_batch_t **batch, int32_t *place, uint32_t *epoch, fluvio_error_t **error)
{
  int64_t deadline = 0;
  fluvio_status_t status = await(consumer, timeout_ms, &deadline, error);
  if (status != FLUVIO_OK)
    return status;
  struct entry e = shift(consumer);
  *batch = e.batch;
  *place = e.place;
  if (e.batch == NULL)
    return give_error(&e, error);
  *epoch = consumer->marks[e.place].epoch;
  if (fluvioc_current != consumer)
    polled(consumer, &e, last_offset(e.batch));
  return FLUVIO_OK;
}

/* Whether the application may poll; result is where it wants what it gets. */
static fluvio_status_t may_poll(const fluvio_consumer_t *consumer, const char *name, const void *result, fluvio_error_t **error)
{
  static const char op[] = "poll";
  fluvio_status_t status = fluvioc_check(consumer, FLUVIOC_KIND_CONSUMER, op, error);
  if (status != FLUVIO_OK)
    return status;
  if (result == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "%s is NULL: there is no place for the result", name);
  if (fluvioc_current == consumer)
    return fluvioc_fail(error, FLUVIO_ERR_WOULD_DEADLOCK, op, "called inside the consumer's own callback");
  return FLUVIO_OK;
}

fluvio_status_t fluvio_consumer_poll(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_batch_t **batch, fluvio_error_t **error)
{
  if (batch != NULL)
    *batch = NULL;
  fluvio_status_t status = may_poll(consumer, "batch", batch, error);
  if (status != FLUVIO_OK)
    return status;
  pthread_mutex_lock(&consumer->lock);
  fluvioc_ref(consumer); /* a consumer that is freed while this waits stays until this returns */
  settle(consumer);
  int32_t place;
  uint32_t epoch;
  status = take(consumer, timeout_ms, batch, &place, &epoch, error);
  pthread_mutex_unlock(&consumer->lock);
  fluvioc_unref(consumer);
  return status;
}

/* What one call of fluvio_consumer_poll_many still takes; 0 in a limit: it is none. */
struct room {
  size_t max_records;
  uint64_t max_bytes, bytes;
  bool full;
};

/* How many records of a batch fit behind have others. */
static size_t fits(const fluvio_batch_view_t *v, size_t have, struct room *room)
{
  size_t n = 0;
  for (; n < v->count && !room->full; n++) {
    uint64_t size = v->value_len[n] + (v->key_len[n] != FLUVIO_NO_KEY ? v->key_len[n] : (uint64_t)0);
    room->full = (room->max_records > 0 && have + n >= room->max_records) ||
                 (room->max_bytes > 0 && have + n > 0 && (size > room->max_bytes || room->bytes > room->max_bytes - size));
    if (room->full)
      break;
    room->bytes += size;
  }
  room->full = room->full || (room->max_records > 0 && have + n >= room->max_records) || (room->max_bytes > 0 && room->bytes >= room->max_bytes);
  return n;
}

/* Moves records of the ring's first batch into a list; what does not fit stays. The caller holds the lock. */
static fluvio_status_t collect(fluvio_consumer_t *consumer, fluvio_record_list_t *list, struct room *room)
{
  struct entry *e = &consumer->ring[consumer->first];
  fluvio_batch_view_t view = { .struct_size = sizeof view };
  fluvio_batch_view(e->batch, &view);
  size_t n = fits(&view, fluvio_record_list_count(list), room);
  if (n == 0)
    return FLUVIO_OK;
  fluvio_batch_t *whole = e->batch, *tail = NULL;
  if ((n < view.count && (tail = fluvioc_batch_tail(whole, n)) == NULL) || !fluvioc_record_list_add(list, whole, n)) {
    fluvio_batch_release(tail);
    return FLUVIO_ERR_OUT_OF_MEMORY;
  }
  polled(consumer, e, view.offset[n - 1]);
  if (tail != NULL)
    e->batch = tail;
  else
    shift(consumer);
  fluvio_batch_release(whole);
  return FLUVIO_OK;
}

fluvio_status_t fluvio_consumer_poll_many(fluvio_consumer_t *consumer, size_t max_records, uint64_t max_bytes, int64_t timeout_ms, fluvio_record_list_t **list, fluvio_error_t **error)
{
  static const char op[] = "poll";
  if (list != NULL)
    *list = NULL;
  fluvio_status_t status = may_poll(consumer, "list", list, error);
  if (status != FLUVIO_OK)
    return status;
  if (max_records == 0 && max_bytes == 0 && timeout_ms < 0)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "max_records, max_bytes and timeout_ms are all without limit: it would not return");
  fluvio_record_list_t *found = fluvioc_record_list_new();
  if (found == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, op, "no memory for the records");
  struct room room = { .max_records = max_records, .max_bytes = max_bytes };
  int64_t deadline = fluvioc_deadline(timeout_ms);
  pthread_mutex_lock(&consumer->lock);
  fluvioc_ref(consumer); /* a consumer that is freed while this waits stays until this returns */
  settle(consumer);
  while (status == FLUVIO_OK && !room.full) {
    bool none = fluvio_record_list_count(found) == 0;
    if (!none && timeout_ms > 0 && fluvioc_now() >= deadline)
      break; /* more may come as fast as it is taken */
    status = await(consumer, timeout_ms, &deadline, none ? error : NULL);
    if (status != FLUVIO_OK) {
      consumer->woken = status == FLUVIO_ERR_INTERRUPTED && !none; /* the next call says so */
      break;
    }
    if (consumer->ring[consumer->first].batch != NULL) {
      status = collect(consumer, found, &room);
      if (status != FLUVIO_OK && none)
        status = fluvioc_fail(error, status, op, "no memory for the records");
    } else if (none) {
      struct entry e = shift(consumer);
      status = give_error(&e, error);
    } else {
      break; /* the error comes with the next call */
    }
  }
  pthread_mutex_unlock(&consumer->lock);
  fluvioc_unref(consumer);
  if (fluvio_record_list_count(found) == 0) {
    fluvio_record_list_free(found);
    return status;
  }
  *list = found;
  return FLUVIO_OK;
}

int32_t fluvio_consumer_fd(fluvio_consumer_t *consumer)
{
  if (fluvioc_forked || !fluvioc_is(consumer, FLUVIOC_KIND_CONSUMER))
    return -1;
  pthread_mutex_lock(&consumer->lock);
  bool now = consumer->count > 0 || consumer->end != NULL || consumer->woken || !is_open(consumer);
  int fd = fluvioc_ready_fd(&consumer->ready, now);
  pthread_mutex_unlock(&consumer->lock);
  return fd;
}

void fluvio_consumer_wakeup(fluvio_consumer_t *consumer)
{
  if (fluvioc_forked || !fluvioc_is(consumer, FLUVIOC_KIND_CONSUMER))
    return;
  pthread_mutex_lock(&consumer->lock);
  if (!consumer->started) {
    consumer->woken = true;
    announce(consumer, false);
  }
  pthread_mutex_unlock(&consumer->lock);
}

/* Calls back with a batch or an error; returns what the callback said. */
static int32_t call_back(fluvio_consumer_t *consumer, fluvio_batch_t *batch, int32_t place, uint32_t epoch, const fluvio_error_t *error)
{
  if (batch == NULL)
    return consumer->batch_callback != NULL ? consumer->batch_callback(NULL, error, consumer->ctx) : consumer->record_callback(NULL, error, consumer->ctx);
  if (consumer->batch_callback != NULL) {
    if (!called(consumer, place, epoch, last_offset(batch)))
      return FLUVIO_CONTINUE;
    int32_t answer = consumer->batch_callback(batch, NULL, consumer->ctx);
    finished(consumer, place);
    return answer;
  }
  fluvio_record_t record = { .struct_size = sizeof record };
  for (size_t i = 0; i < fluvio_batch_count(batch) && is_open(consumer); i++) {
    fluvio_batch_get(batch, i, &record);
    if (!called(consumer, place, epoch, record.offset))
      break;
    int32_t answer = consumer->record_callback(&record, NULL, consumer->ctx);
    finished(consumer, place);
    if (answer != FLUVIO_CONTINUE)
      return FLUVIO_STOP;
  }
  return FLUVIO_CONTINUE;
}

/* The thread of a consumer with a callback. It owns a reference to the consumer and lives until the consumer closes, so
 * that ctx stays valid until then. */
static void *dispatch(void *arg)
{
  fluvio_consumer_t *consumer = arg;
  bool stopped = false;
  fluvioc_current = consumer;
  pthread_mutex_lock(&consumer->lock);
  while (is_open(consumer)) {
    if (stopped) {
      consumer->waiters++;
      fluvioc_cond_wait(&consumer->changed, &consumer->lock, FLUVIOC_FOREVER);
      consumer->waiters--;
      continue;
    }
    fluvio_batch_t *batch = NULL;
    fluvio_error_t *error = NULL;
    int32_t place = -1;
    uint32_t epoch = 0;
    fluvio_status_t status = take(consumer, -1, &batch, &place, &epoch, &error);
    bool last = consumer->end != NULL && error == consumer->end;
    consumer->told = consumer->told || last;
    bool closed = !is_open(consumer);
    pthread_mutex_unlock(&consumer->lock);
    if (!closed && (status == FLUVIO_OK || error != NULL))
      stopped = call_back(consumer, batch, place, epoch, error) != FLUVIO_CONTINUE || last;
    fluvio_batch_release(batch);
    fluvio_error_free(error);
    pthread_mutex_lock(&consumer->lock);
  }
  pthread_mutex_unlock(&consumer->lock);
  if (consumer->ctx_free != NULL)
    consumer->ctx_free(consumer->ctx);
  pthread_mutex_lock(&consumer->lock);
  consumer->busy = false;
  fluvioc_signal(&consumer->object, FLUVIOC_QUIET);
  pthread_mutex_unlock(&consumer->lock);
  fluvioc_unref(consumer);
  return NULL;
}

static fluvio_status_t start(fluvio_consumer_t *consumer, fluvio_batch_cb on_batch, fluvio_record_cb on_record, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error)
{
  static const char op[] = "start consumer";
  fluvio_status_t status = fluvioc_check_open(consumer, FLUVIOC_KIND_CONSUMER, op, error);
  if (status != FLUVIO_OK)
    return status;
  if (on_batch == NULL && on_record == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the callback is NULL");
  pthread_mutex_lock(&consumer->lock);
  if (!is_open(consumer)) {
    status = fluvioc_not_open(&consumer->object, op, error);
  } else if (consumer->started) {
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_STATE, op, "the consumer has a callback already");
  } else {
    consumer->started = consumer->busy = true;
    consumer->woken = false;
    settle(consumer);
    consumer->batch_callback = on_batch;
    consumer->record_callback = on_record;
    consumer->ctx = ctx;
    consumer->ctx_free = ctx_free;
    fluvioc_ref(consumer);
    if (fluvioc_thread_start(dispatch, consumer) != 0) {
      consumer->started = consumer->busy = false;
      fluvioc_unref(consumer);
      status = fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, op, "a thread could not be started");
    }
    pthread_cond_broadcast(&consumer->changed); /* a poll that waits says INVALID_STATE */
  }
  pthread_mutex_unlock(&consumer->lock);
  return status;
}

fluvio_status_t fluvio_consumer_start(fluvio_consumer_t *consumer, fluvio_batch_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error)
{
  return start(consumer, callback, NULL, ctx, ctx_free, error);
}

fluvio_status_t fluvio_consumer_start_records(fluvio_consumer_t *consumer, fluvio_record_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error)
{
  return start(consumer, NULL, callback, ctx, ctx_free, error);
}

/* ------------------------------------------------------- opening and closing */

static fluvioc_request_t open_request(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms)
{
  fluvioc_request_t request = fluvioc_request_on(client, FLUVIOC_KIND_CLIENT, FLUVIOC_OPEN_CONSUMER, "open consumer", timeout_ms);
  request.topic = topic;
  request.has_topic = request.topic_optional = true;
  request.config = config;
  return request;
}

fluvio_status_t fluvio_consumer_open(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_consumer_t **consumer, fluvio_error_t **error)
{
  return fluvioc_op_give(open_request(client, topic, config, timeout_ms), "consumer", consumer, error);
}

fluvio_op_t *fluvio_consumer_open_async(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, open_request(client, topic, config, timeout_ms));
}

static fluvioc_request_t close_request(fluvio_consumer_t *consumer, int64_t timeout_ms)
{
  return fluvioc_request_on(consumer, FLUVIOC_KIND_CONSUMER, FLUVIOC_CLOSE_CONSUMER, "close consumer", timeout_ms);
}

fluvio_status_t fluvio_consumer_close(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = close_request(consumer, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_close_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, close_request(consumer, timeout_ms));
}

void fluvio_consumer_free(fluvio_consumer_t *consumer)
{
  if (fluvioc_forked || !fluvioc_is(consumer, FLUVIOC_KIND_CONSUMER))
    return;
  if (atomic_load(&consumer->object.state) != FLUVIOC_CLOSED) {
    fluvioc_request_t request = close_request(consumer, FLUVIOC_CLOSE_LATER_MS);
    fluvioc_op_close_later(&request);
  }
  fluvioc_unref(consumer);
}
