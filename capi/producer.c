/*
 * producer.c - producers: send copies records into chunks, which a goroutine takes and hands to the core. The queue is
 * bounded in bytes; when the core's own budget is used up, the goroutine waits, the queue fills, and send waits too.
 */
#include "internal.h"

#define CHUNK_SIZE ((size_t)64 << 10)
#define MIN_ENCODED 4000 /* bytes of encoded records in a chunk: few records together are not worth it */
#define ENCODED_HEAD 32 /* bytes that an encoded record takes at most beside key and value */
#define REPORT_WEIGHT 160 /* bytes of a delivery report, opaque values apart */

/* Which partitions there are. Replaced as a whole when that changes. */
struct partitions {
  int32_t refs; /* guarded by the producer's lock */
  int32_t count;
  size_t available_count;
  int32_t available[];
};

struct fluvio_producer {
  fluvioc_object_t object;
  fluvio_client_t *client;
  fluvio_queue_t *deliveries; /* or NULL */
  uint64_t queue_limit;  /* bytes of records */
  uint64_t report_limit; /* bytes of reports the application has not taken */
  uint64_t record_limit; /* bytes of one key and value */
  size_t chunk_size;
  size_t batch_room; /* bytes of encoded records in a chunk; 0: records are not encoded here */
  pthread_mutex_t lock;
  pthread_cond_t room;
  fluvioc_chunk_t *head, *tail; /* queued */
  fluvioc_chunk_t *spare;
  size_t spares, most_spares; /* as many as a full queue has */
  uint64_t queued;   /* bytes queued or with Go */
  uint64_t fresh;    /* bytes that Go has not taken */
  uint64_t wake_at;  /* fresh bytes at which Go is to be sent FLUVIOC_DATA; 0: it comes by itself */
  uint64_t reports;  /* bytes of reports */
  uint64_t accepted; /* records ever */
  uint64_t accepted_bytes; /* of their keys and values */
  struct partitions *partitions;
  _Atomic(fluvio_partitioner_cb) partitioner; /* the application's, or NULL; set once, after ctx */
  void *ctx;
  void (*ctx_free)(void *);
  uint32_t waiters;
  bool pinned;       /* to one partition, by its settings */
  bool spreads;      /* one partition leaves the partitioner no choice */
  bool encodes;      /* there is one partition for all records that do not say another */
  bool lingers;      /* linger_ms is not 0 */
  bool hurry;        /* somebody waits for what was sent so far */
  bool aged;         /* the next record begins a chunk */
  const char *limited_by; /* where record_limit comes from */
  char topic[];
};

fluvio_producer_t *fluvioc_producer_new(uint64_t id, fluvio_client_t *client, fluvio_queue_t *deliveries, const char *topic, size_t topic_len, uint64_t queue_limit, uint64_t report_limit, uint64_t record_limit, uint32_t batch_room, bool by_segment, bool pinned, bool spreads, bool lingers)
{
  fluvio_producer_t *producer = calloc(1, sizeof *producer + topic_len + 1);
  if (producer == NULL)
    return NULL;
  fluvioc_object_init(&producer->object, FLUVIOC_KIND_PRODUCER, id);
  pthread_mutex_init(&producer->lock, NULL);
  fluvioc_cond_init(&producer->room);
  producer->queue_limit = queue_limit;
  producer->report_limit = report_limit;
  producer->record_limit = record_limit;
  producer->limited_by = by_segment ? "segment_size" : "max_request_size";
  memcpy(producer->topic, topic, topic_len);
  producer->pinned = producer->encodes = pinned;
  producer->spreads = spreads;
  producer->lingers = lingers;
  producer->chunk_size = queue_limit / 4 < CHUNK_SIZE ? (size_t)queue_limit / 4 : CHUNK_SIZE;
  size_t room = batch_room & ~(size_t)7;
  if (room >= MIN_ENCODED && room + room / 2 <= producer->chunk_size) {
    producer->batch_room = room;
    producer->chunk_size = room + room / 2; /* the half is for opaque values */
  }
  producer->most_spares = (size_t)queue_limit / (producer->batch_room > 0 ? producer->batch_room : producer->chunk_size);
  producer->client = client;
  fluvioc_client_hold(client);
  producer->deliveries = deliveries != NULL ? fluvioc_ref(deliveries) : NULL;
  return fluvioc_ref(producer);
}

/* Drops a reference; the caller holds the lock or the last reference to the producer. */
static void drop_partitions(struct partitions *partitions)
{
  if (partitions != NULL && --partitions->refs == 0)
    free(partitions);
}

static void free_chunks(fluvioc_chunk_t *chunk)
{
  while (chunk != NULL) {
    fluvioc_chunk_t *next = chunk->next;
    free(chunk);
    chunk = next;
  }
}

void fluvioc_producer_destroy(fluvio_producer_t *producer)
{
  free_chunks(producer->head);
  free_chunks(producer->spare);
  drop_partitions(producer->partitions);
  if (producer->ctx_free != NULL)
    producer->ctx_free(producer->ctx);
  pthread_mutex_destroy(&producer->lock);
  pthread_cond_destroy(&producer->room);
  fluvioc_unref(producer->deliveries);
  fluvioc_client_unhold(producer->client);
  free(producer);
}

uint64_t fluvioc_producer_set_state(fluvio_producer_t *producer, enum fluvioc_state state)
{
  pthread_mutex_lock(&producer->lock);
  fluvioc_set_state(&producer->object, state);
  uint64_t accepted = producer->accepted;
  pthread_cond_broadcast(&producer->room);
  pthread_mutex_unlock(&producer->lock);
  return accepted;
}

uint64_t fluvioc_producer_accepted(fluvio_producer_t *producer)
{
  pthread_mutex_lock(&producer->lock);
  uint64_t accepted = producer->accepted;
  pthread_mutex_unlock(&producer->lock);
  return accepted;
}

/* ------------------------------------------------------------ Go's side */

void fluvioc_producer_totals(fluvio_producer_t *producer, uint64_t *records, uint64_t *bytes)
{
  pthread_mutex_lock(&producer->lock);
  *records = producer->accepted;
  *bytes = producer->accepted_bytes;
  pthread_mutex_unlock(&producer->lock);
}

void fluvioc_producer_partitions(fluvio_producer_t *producer, int32_t count, const int32_t *available, size_t available_count)
{
  struct partitions *partitions = malloc(sizeof *partitions + available_count * sizeof *available);
  if (partitions == NULL)
    return; /* what was known before has to do */
  partitions->refs = 1;
  partitions->count = count;
  partitions->available_count = available_count;
  if (available_count > 0)
    memcpy(partitions->available, available, available_count * sizeof *available);
  pthread_mutex_lock(&producer->lock);
  struct partitions *old = producer->partitions;
  producer->partitions = partitions;
  producer->encodes = producer->pinned || (producer->spreads && count == 1);
  drop_partitions(old);
  pthread_mutex_unlock(&producer->lock);
}

/* Wakes Go, which waits; the caller holds the lock. */
static void wake(fluvio_producer_t *producer)
{
  producer->wake_at = 0;
  fluvioc_signal(&producer->object, FLUVIOC_DATA);
}

fluvioc_chunk_t *fluvioc_producer_take(fluvio_producer_t *producer, bool *hurry)
{
  pthread_mutex_lock(&producer->lock);
  fluvioc_chunk_t *chunks = producer->head, *tail = producer->tail;
  *hurry = producer->hurry && producer->lingers;
  /* A chunk that will be full soon makes a batch as it stands. */
  if (chunks != tail && tail->encoded && !producer->hurry && producer->waiters == 0) {
    fluvioc_chunk_t *last = chunks;
    while (last->next != tail)
      last = last->next;
    last->next = NULL;
    producer->head = tail;
    producer->fresh = tail->used;
  } else {
    producer->head = producer->tail = NULL;
    producer->fresh = 0;
    producer->aged = false;
  }
  producer->hurry = false;
  producer->wake_at = chunks == NULL && !*hurry ? 1 : 0;
  pthread_mutex_unlock(&producer->lock);
  int64_t now = chunks != NULL ? fluvioc_now() : 0;
  for (fluvioc_chunk_t *chunk = chunks; chunk != NULL; chunk = chunk->next)
    chunk->since = now - chunk->since;
  return chunks;
}

void fluvioc_producer_age(fluvio_producer_t *producer)
{
  pthread_mutex_lock(&producer->lock);
  producer->aged = true;
  pthread_mutex_unlock(&producer->lock);
}

int fluvioc_producer_gather(fluvio_producer_t *producer, uint64_t enough)
{
  pthread_mutex_lock(&producer->lock);
  bool waits = !producer->hurry && producer->waiters == 0 && producer->fresh < enough;
  if (waits)
    producer->wake_at = enough;
  pthread_mutex_unlock(&producer->lock);
  return waits;
}

void fluvioc_producer_done(fluvio_producer_t *producer, fluvioc_chunk_t *chunks)
{
  fluvioc_chunk_t *unwanted = NULL;
  pthread_mutex_lock(&producer->lock);
  while (chunks != NULL) {
    fluvioc_chunk_t *chunk = chunks;
    chunks = chunk->next;
    producer->queued -= chunk->used;
    if (chunk->size == producer->chunk_size && producer->spares < producer->most_spares) {
      chunk->next = producer->spare;
      producer->spare = chunk;
      producer->spares++;
    } else {
      chunk->next = unwanted;
      unwanted = chunk;
    }
  }
  /* Who waits goes on when much is free: to be woken for each chunk costs as much as what is in it. At its deadline it looks again. */
  bool room = producer->waiters > 0 && producer->queued <= producer->queue_limit / 2;
  pthread_mutex_unlock(&producer->lock);
  if (room) /* without the lock: who wakes up asks for it first */
    pthread_cond_broadcast(&producer->room);
  free_chunks(unwanted);
}

void fluvioc_producer_report(fluvio_producer_t *producer, fluvio_error_t *error, int32_t persisted, int32_t partition, int64_t base_offset, int64_t latency_us, uint64_t count, const uint64_t *opaque)
{
  fluvio_delivery_t delivery = {
    .struct_size = sizeof delivery,
    .status = fluvio_error_status(error),
    .persisted = persisted,
    .partition = partition,
    .base_offset = base_offset,
    .latency_us = latency_us,
    .count = count,
    .opaque = opaque,
  };
  uint64_t weight = REPORT_WEIGHT + count * sizeof *opaque;
  if (producer->deliveries == NULL) {
    fluvio_error_free(error);
    return;
  }
  pthread_mutex_lock(&producer->lock);
  producer->reports += weight;
  pthread_mutex_unlock(&producer->lock);
  fluvioc_ref(producer);
  if (!fluvioc_queue_push_delivery(producer->deliveries, &delivery, error, producer, weight)) {
    fluvioc_producer_report_taken(producer, weight);
    fluvioc_unref(producer);
    fluvio_error_free(error);
  }
}

void fluvioc_producer_report_taken(fluvio_producer_t *producer, uint64_t weight)
{
  pthread_mutex_lock(&producer->lock);
  producer->reports -= weight;
  if (producer->waiters > 0)
    pthread_cond_broadcast(&producer->room);
  pthread_mutex_unlock(&producer->lock);
}

/* ------------------------------------------------------------------ sending */

/* One call of a send function. */
struct sending {
  fluvio_producer_t *producer;
  int64_t timeout_ms;
  int64_t deadline; /* 0: not asked for yet */
  bool holds;       /* a reference to the producer */
  fluvio_error_t **error;
};

/* Keeps a producer that is freed by others while its lock is given up. */
static void hold(struct sending *s)
{
  if (!s->holds)
    fluvioc_ref(s->producer);
  s->holds = true;
}

static void unlock(struct sending *s)
{
  pthread_mutex_unlock(&s->producer->lock);
  if (s->holds)
    fluvioc_unref(s->producer);
}

static size_t size_of(size_t key_len, size_t value_len)
{
  return (sizeof(fluvioc_record_t) + key_len + value_len + 7) & ~(size_t)7;
}

static fluvio_status_t fail_full(const struct sending *s)
{
  const fluvio_producer_t *p = s->producer;
  if (p->reports > p->report_limit)
    return fluvioc_fail_at(s->error, FLUVIO_ERR_QUEUE_FULL, "send", p->topic, "buffer_memory",
                           "delivery reports of %llu bytes wait in the queue, more than buffer_memory; the application must take them",
                           (unsigned long long)p->reports);
  return fluvioc_fail_at(s->error, FLUVIO_ERR_QUEUE_FULL, "send", p->topic, "buffer_memory", "no room in buffer_memory within %lld ms", (long long)s->timeout_ms);
}

/* Whether a record of that size fits now; the caller holds the lock. A record larger than the limit goes in alone. Inside the
 * callback that takes the reports, waiting for reports to be taken would be waiting for oneself. */
static bool fits(const fluvio_producer_t *p, size_t need)
{
  return (p->queued == 0 || p->queued + need <= p->queue_limit) &&
         (p->reports <= p->report_limit || fluvioc_current == (const void *)p->deliveries);
}

/* Waits until a record of that size fits; the caller holds the lock. */
static fluvio_status_t wait_room(struct sending *s, size_t need)
{
  fluvio_producer_t *p = s->producer;
  bool in_time = true;
  for (;;) {
    fluvio_status_t status = fluvioc_not_open(&p->object, "send", s->error);
    if (status != FLUVIO_OK)
      return status;
    if (fits(p, need))
      return FLUVIO_OK;
    if (!in_time)
      return fail_full(s);
    if (p->wake_at != 0 && p->fresh > 0)
      wake(p);
    if (s->deadline == 0)
      s->deadline = fluvioc_deadline(s->timeout_ms);
    hold(s);
    p->waiters++;
    in_time = fluvioc_cond_wait(&p->room, &p->lock, s->deadline);
    p->waiters--;
  }
}

/* Begins a chunk with room for need bytes at the end of the queue; NULL when memory is short. The caller holds the lock. */
static fluvioc_chunk_t *new_chunk(fluvio_producer_t *p, size_t need)
{
  fluvioc_chunk_t *chunk;
  size_t size = need > p->chunk_size ? need : p->chunk_size;
  if (size == p->chunk_size && p->spare != NULL) {
    chunk = p->spare;
    p->spare = chunk->next;
    p->spares--;
  } else if ((chunk = malloc(sizeof *chunk + size)) == NULL) {
    return NULL;
  }
  *chunk = (fluvioc_chunk_t){ .since = fluvioc_now(), .size = (uint32_t)size };
  p->aged = false;
  if (p->tail != NULL)
    p->tail->next = chunk;
  else
    p->head = chunk;
  return p->tail = chunk;
}

/* Counts a record that was put into the last chunk; the caller holds the lock. */
static void count_in(fluvio_producer_t *p, size_t size, size_t payload)
{
  p->tail->used += (uint32_t)size;
  p->tail->count++;
  p->queued += size;
  p->fresh += size;
  p->accepted++;
  p->accepted_bytes += payload;
  if (p->wake_at != 0 && p->fresh >= p->wake_at)
    wake(p);
}

static inline uint64_t zigzag(int64_t v)
{
  return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

/* The bytes of a varint: one for every seven bits. */
static inline size_t varint_size(uint64_t u)
{
  return (size_t)(70 - __builtin_clzll(u | 1)) / 7;
}

static inline uint8_t *put_varint(uint8_t *at, uint64_t u)
{
  for (; u >= 0x80; u >>= 7)
    *at++ = (uint8_t)(u | 0x80);
  *at++ = (uint8_t)u;
  return at;
}

/* The chunk to put a record into, encoded: the last one or a new one. NULL: it is not to be encoded, or memory is short. The caller
 * holds the lock. need is what the record takes behind a head, most what it takes encoded. Records of kinds that alternate are
 * not encoded: they would make small chunks. */
static fluvioc_chunk_t *encoded_chunk(fluvio_producer_t *p, const fluvioc_record_t *head, size_t need, size_t most)
{
  fluvioc_chunk_t *chunk = p->tail;
  if (most > p->batch_room || !(p->encodes || head->partition >= 0))
    return NULL;
  if (chunk != NULL && !p->aged) {
    if (!chunk->encoded) {
      if (chunk->size - chunk->used >= need)
        return NULL;
    } else if (chunk->used + most <= p->batch_room && chunk->count < p->batch_room / 2 / sizeof(uint64_t)) {
      if (chunk->partition == head->partition && (chunk->first_timestamp == 0) == (head->timestamp == 0))
        return chunk;
      if (chunk->used < p->batch_room / 2)
        return NULL;
    }
  }
  if ((chunk = new_chunk(p, p->chunk_size)) == NULL)
    return NULL;
  chunk->encoded = true;
  chunk->partition = head->partition;
  chunk->first_timestamp = chunk->max_timestamp = head->timestamp;
  if (p->deliveries != NULL)
    chunk->opaque = (uint64_t *)(void *)(chunk->bytes + p->batch_room);
  return chunk;
}

/* Appends an encoded record to a chunk that has room for it. Format: core/internal/wire, AppendRecord. Gives its size. */
static size_t encode(fluvioc_chunk_t *chunk, const fluvioc_record_t *head, const void *key, size_t key_len, const void *value)
{
  bool keyed = head->key_len != FLUVIO_NO_KEY;
  uint64_t delta = zigzag(head->timestamp - chunk->first_timestamp), at = zigzag((int64_t)chunk->count);
  size_t body = 3 + varint_size(delta) + varint_size(at) + varint_size(zigzag(head->value_len)) + head->value_len;
  if (keyed)
    body += varint_size(zigzag((int64_t)key_len)) + key_len;
  uint8_t *begin = chunk->bytes + chunk->used, *end = put_varint(begin, zigzag((int64_t)body));
  *end++ = 0; /* attributes */
  end = put_varint(end, delta);
  end = put_varint(end, at);
  *end++ = keyed;
  if (keyed) {
    end = put_varint(end, zigzag((int64_t)key_len));
    if (key_len > 0)
      memcpy(end, key, key_len);
    end += key_len;
  }
  end = put_varint(end, zigzag(head->value_len));
  if (head->value_len > 0)
    memcpy(end, value, head->value_len);
  end += head->value_len;
  *end++ = 0; /* headers */
  return (size_t)(end - begin);
}

/* Puts one checked record into the queue; the caller holds the lock. */
static fluvio_status_t enqueue(struct sending *s, const fluvioc_record_t *head, const void *key, const void *value)
{
  fluvio_producer_t *p = s->producer;
  size_t key_len = head->key_len == FLUVIO_NO_KEY ? 0 : head->key_len, payload = key_len + head->value_len;
  size_t need = size_of(key_len, head->value_len);
  fluvio_status_t status = wait_room(s, need);
  if (status != FLUVIO_OK)
    return status;
  fluvioc_chunk_t *chunk = encoded_chunk(p, head, need, payload + ENCODED_HEAD);
  if (chunk != NULL) {
    if (chunk->opaque != NULL)
      chunk->opaque[chunk->count] = head->opaque;
    if (head->timestamp > chunk->max_timestamp)
      chunk->max_timestamp = head->timestamp;
    chunk->payload += (uint32_t)payload;
    count_in(p, encode(chunk, head, key, key_len, value), payload);
    return FLUVIO_OK;
  }
  chunk = p->tail;
  if ((chunk == NULL || chunk->encoded || chunk->size - chunk->used < need || p->aged) && (chunk = new_chunk(p, need)) == NULL)
    return fluvioc_fail(s->error, FLUVIO_ERR_OUT_OF_MEMORY, "send", "no memory for a record of %zu bytes", need);
  uint8_t *room = chunk->bytes + chunk->used;
  memcpy(room, head, sizeof *head);
  room += sizeof *head;
  if (key_len > 0)
    memcpy(room, key, key_len);
  if (head->value_len > 0)
    memcpy(room + key_len, value, head->value_len);
  count_in(p, need, payload);
  return FLUVIO_OK;
}

/* Lets the application's partitioner, if there is one, choose the partition of a record that has none. The caller holds the
 * lock; it is not held while the partitioner runs. */
static fluvio_status_t choose(struct sending *s, fluvioc_record_t *head, const void *key, const void *value)
{
  fluvio_producer_t *p = s->producer;
  fluvio_partitioner_cb partitioner = atomic_load_explicit(&p->partitioner, memory_order_acquire);
  if (partitioner == NULL || head->partition >= 0)
    return FLUVIO_OK;
  fluvio_status_t status = fluvioc_not_open(&p->object, "send", s->error);
  if (status != FLUVIO_OK)
    return status; /* closed since the first check: nothing of the application's runs any more */
  struct partitions *now = p->partitions;
  if (now == NULL)
    return fluvioc_fail(s->error, FLUVIO_ERR_OUT_OF_MEMORY, "send", "no memory for the list of partitions");
  now->refs++;
  hold(s);
  pthread_mutex_unlock(&p->lock);
  bool keyed = head->key_len != FLUVIO_NO_KEY;
  int32_t chosen = partitioner(keyed ? key : NULL, keyed ? head->key_len : 0, value, head->value_len, now->count, now->available,
                               now->available_count, p->ctx);
  pthread_mutex_lock(&p->lock);
  int32_t count = now->count;
  drop_partitions(now);
  if (chosen < 0 || chosen >= count)
    return fluvioc_fail_at(s->error, FLUVIO_ERR_INVALID_ARGUMENT, "send", p->topic, NULL,
                           "the partitioner chose partition %d, which does not exist: the topic has %d, 0 to %d", chosen, count, count - 1);
  head->partition = chosen;
  return FLUVIO_OK;
}

fluvio_status_t fluvio_producer_set_partitioner(fluvio_producer_t *producer, fluvio_partitioner_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error)
{
  static const char op[] = "set partitioner";
  fluvio_status_t status = fluvioc_check_open(producer, FLUVIOC_KIND_PRODUCER, op, error);
  if (status != FLUVIO_OK)
    return status;
  if (callback == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the callback is NULL");
  pthread_mutex_lock(&producer->lock);
  if (atomic_load(&producer->partitioner) != NULL) {
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_STATE, op, "the producer has a partitioner");
  } else if (producer->pinned) {
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_STATE, op, "the producer is set to one partition (settings partitioner, partition)");
  } else if (producer->accepted > 0) {
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_STATE, op, "records were sent before: it would place others like them elsewhere");
  } else {
    producer->ctx = ctx;
    producer->ctx_free = ctx_free;
    atomic_store_explicit(&producer->partitioner, callback, memory_order_release);
  }
  pthread_mutex_unlock(&producer->lock);
  return status;
}

/* Checks the sizes of a record. */
static fluvio_status_t check_size(const struct sending *s, uint64_t key_len, uint64_t value_len)
{
  const fluvio_producer_t *p = s->producer;
  uint64_t limit = p->record_limit;
  if (key_len <= limit && value_len <= limit && key_len + value_len <= limit)
    return FLUVIO_OK;
  return fluvioc_fail_at(s->error, FLUVIO_ERR_TOO_LARGE, "send", p->topic, p->limited_by,
                         "the record has %llu bytes of key and %llu of value, %s leaves room for %llu together",
                         (unsigned long long)key_len, (unsigned long long)value_len, p->limited_by, (unsigned long long)limit);
}

/* What is wrong with the key and value of a record; NULL: nothing. */
static const char *wrong_bytes(const void *key, size_t key_len, const void *value, size_t value_len)
{
  if (value == NULL && value_len > 0)
    return "value is NULL, but value_len is not 0";
  if (key == NULL && key_len > 0)
    return "key is NULL, but key_len is not 0";
  return NULL;
}

/* Checks a record and fills its head. */
static fluvio_status_t check_record(const struct sending *s, const fluvio_record_in_t *r, fluvioc_record_t *head)
{
  const char *what = wrong_bytes(r->key, r->key_len, r->value, r->value_len);
  if (what == NULL && r->partition < -1)
    what = "partition is below -1";
  if (what == NULL && r->timestamp < 0)
    what = "timestamp is negative";
  if (what == NULL && r->reserved != 0)
    what = "reserved is not 0: begin with FLUVIO_RECORD_INIT";
  if (what != NULL)
    return fluvioc_fail_at(s->error, FLUVIO_ERR_INVALID_ARGUMENT, "send", s->producer->topic, NULL, "%s", what);
  *head = (fluvioc_record_t){
    .key_len = r->key != NULL ? (uint32_t)r->key_len : FLUVIO_NO_KEY,
    .value_len = (uint32_t)r->value_len,
    .timestamp = r->timestamp,
    .opaque = r->opaque,
    .partition = r->partition,
  };
  return check_size(s, r->key_len, r->value_len);
}

/* Finds the partition of a checked record and puts the record into the queue; the caller holds the lock. */
static fluvio_status_t place(struct sending *s, fluvioc_record_t *head, const void *key, const void *value)
{
  fluvio_status_t status = choose(s, head, key, value);
  return status == FLUVIO_OK ? enqueue(s, head, key, value) : status;
}

fluvio_status_t fluvio_producer_send_batch(fluvio_producer_t *producer, const fluvio_record_in_t *records, size_t n, int64_t timeout_ms, size_t *sent, fluvio_error_t **error)
{
  if (sent != NULL)
    *sent = 0;
  fluvio_status_t status = fluvioc_check_open(producer, FLUVIOC_KIND_PRODUCER, "send", error);
  if (status != FLUVIO_OK)
    return status;
  if (records == NULL && n > 0)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, "send", "records is NULL");
  struct sending s = { .producer = producer, .timeout_ms = timeout_ms, .error = error };
  fluvioc_record_t head;
  size_t i = 0;
  pthread_mutex_lock(&producer->lock);
  for (; i < n; i++) {
    if ((status = check_record(&s, &records[i], &head)) != FLUVIO_OK ||
        (status = place(&s, &head, records[i].key, records[i].value)) != FLUVIO_OK)
      break;
  }
  unlock(&s);
  if (sent != NULL)
    *sent = i;
  return status;
}

fluvio_status_t fluvio_producer_send(fluvio_producer_t *producer, const void *key, size_t key_len, const void *value, size_t value_len, uint64_t opaque, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvio_status_t status = fluvioc_check_open(producer, FLUVIOC_KIND_PRODUCER, "send", error);
  if (status != FLUVIO_OK)
    return status;
  const char *what = wrong_bytes(key, key_len, value, value_len);
  if (what != NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, "send", "%s", what);
  struct sending s = { .producer = producer, .timeout_ms = timeout_ms, .error = error };
  if ((status = check_size(&s, key_len, value_len)) != FLUVIO_OK)
    return status;
  fluvioc_record_t head = {
    .key_len = key != NULL ? (uint32_t)key_len : FLUVIO_NO_KEY,
    .value_len = (uint32_t)value_len,
    .opaque = opaque,
    .partition = -1,
  };
  pthread_mutex_lock(&producer->lock);
  status = place(&s, &head, key, value);
  unlock(&s);
  return status;
}

fluvio_status_t fluvio_producer_try_send(fluvio_producer_t *producer, const void *key, uint32_t key_len, const void *value, uint32_t value_len, uint32_t opaque)
{
  return fluvio_producer_send(producer, key, key_len, value, value_len, opaque, 0, NULL);
}

/* The length of bytes that CPython keeps: two size_t before them. */
static size_t length_of(const void *bytes)
{
  size_t length = 0;
  if (bytes != NULL)
    memcpy(&length, (const uint8_t *)bytes - 2 * sizeof length, sizeof length);
  return length;
}

fluvio_status_t fluvio_producer_try_send_block(fluvio_producer_t *producer, const void *key, const void *value, uint32_t opaque)
{
  return fluvio_producer_send(producer, key, length_of(key), value, length_of(value), opaque, 0, NULL);
}

/* Checks that the lengths of columns add up. */
static fluvio_status_t check_columns(const struct sending *s, const void *data, size_t data_len, const uint32_t *key_len, const uint32_t *value_len, size_t n)
{
  if (value_len == NULL && n > 0)
    return fluvioc_fail(s->error, FLUVIO_ERR_INVALID_ARGUMENT, "send", "value_len is NULL");
  if (data == NULL && data_len > 0)
    return fluvioc_fail(s->error, FLUVIO_ERR_INVALID_ARGUMENT, "send", "data is NULL, but data_len is not 0");
  uint64_t sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += value_len[i] + (uint64_t)(key_len != NULL && key_len[i] != FLUVIO_NO_KEY ? key_len[i] : 0);
  if (sum != data_len)
    return fluvioc_fail(s->error, FLUVIO_ERR_INVALID_ARGUMENT, "send", "the lengths of %zu records add up to %llu bytes, data_len is %zu", n,
                        (unsigned long long)sum, data_len);
  return FLUVIO_OK;
}

fluvio_status_t fluvio_producer_send_columns(fluvio_producer_t *producer, const void *data, size_t data_len, const uint32_t *key_len, const uint32_t *value_len, size_t n, uint64_t first_opaque, int64_t timeout_ms, size_t *sent, fluvio_error_t **error)
{
  if (sent != NULL)
    *sent = 0;
  fluvio_status_t status = fluvioc_check_open(producer, FLUVIOC_KIND_PRODUCER, "send", error);
  if (status != FLUVIO_OK)
    return status;
  struct sending s = { .producer = producer, .timeout_ms = timeout_ms, .error = error };
  status = check_columns(&s, data, data_len, key_len, value_len, n);
  if (status != FLUVIO_OK)
    return status;
  const uint8_t *at = data;
  fluvioc_record_t head = { 0 };
  size_t i = 0;
  pthread_mutex_lock(&producer->lock);
  for (; i < n; i++) {
    head.key_len = key_len != NULL ? key_len[i] : FLUVIO_NO_KEY;
    head.value_len = value_len[i];
    head.opaque = first_opaque + i;
    head.partition = -1;
    uint32_t key_bytes = head.key_len != FLUVIO_NO_KEY ? head.key_len : 0;
    if ((status = check_size(&s, key_bytes, head.value_len)) != FLUVIO_OK || (status = place(&s, &head, at, key_bytes > 0 ? at + key_bytes : at)) != FLUVIO_OK)
      break;
    if (key_bytes + (uint64_t)head.value_len > 0) /* without any bytes data may be NULL */
      at += (size_t)key_bytes + head.value_len;
  }
  unlock(&s);
  if (sent != NULL)
    *sent = i;
  return status;
}

fluvio_status_t fluvio_producer_send_blocks(fluvio_producer_t *producer, const void *const *blocks, size_t length_at, size_t bytes_at, size_t n, uint64_t first_opaque, int64_t timeout_ms, size_t *sent, fluvio_error_t **error)
{
  if (sent != NULL)
    *sent = 0;
  fluvio_status_t status = fluvioc_check_open(producer, FLUVIOC_KIND_PRODUCER, "send", error);
  if (status != FLUVIO_OK)
    return status;
  if (blocks == NULL && n > 0)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, "send", "blocks is NULL");
  struct sending s = { .producer = producer, .timeout_ms = timeout_ms, .error = error };
  fluvioc_record_t head = { .key_len = FLUVIO_NO_KEY };
  size_t i = 0;
  pthread_mutex_lock(&producer->lock);
  for (; i < n; i++) {
    const uint8_t *block = blocks[i];
    if (block == NULL) {
      status = fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, "send", "blocks[%zu] is NULL", i);
      break;
    }
    size_t length;
    memcpy(&length, block + length_at, sizeof length);
    head.value_len = (uint32_t)length; /* what is cut off is refused before it counts */
    head.opaque = first_opaque + i;
    head.partition = -1;
    if ((status = check_size(&s, 0, length)) != FLUVIO_OK || (status = place(&s, &head, NULL, block + bytes_at)) != FLUVIO_OK)
      break;
  }
  unlock(&s);
  if (sent != NULL)
    *sent = i;
  return status;
}

fluvio_status_t fluvio_producer_hurry(fluvio_producer_t *producer, fluvio_error_t **error)
{
  fluvio_status_t status = fluvioc_check_open(producer, FLUVIOC_KIND_PRODUCER, "hurry", error);
  if (status != FLUVIO_OK)
    return status;
  pthread_mutex_lock(&producer->lock);
  producer->hurry = true;
  if (producer->wake_at != 0 && (producer->lingers || producer->fresh > 0))
    wake(producer);
  pthread_mutex_unlock(&producer->lock);
  return FLUVIO_OK;
}
