/*
 * queue.c - queues of events of every type, from ends of operations to lines of the log, taken by polling or by a callback.
 */
#include "internal.h"

#include <stdio.h>

#define JOINED_RECORDS 16384 /* of a report that others are joined to, at most */

struct fluvio_event {
  fluvioc_object_t object;
  struct fluvio_event *next;
  int32_t type;
  bool borrowed; /* given to a callback, which must not free it */
  uint64_t opaque;
  fluvio_delivery_t delivery;
  fluvio_consumer_event_t consumer; /* its topic lies in opaques */
  fluvio_offsets_event_t question;  /* the consumer's name lies in opaques */
  fluvio_consumer_offset_list_t *offsets; /* of question */
  fluvio_client_event_t client;     /* its texts lie in opaques */
  uint64_t source;                  /* of client and consumer: the number of whose it is */
  _Atomic bool answered;
  fluvio_error_t *error;
  fluvio_producer_t *producer; /* a reference, for the report's weight */
  uint64_t weight;
  uint64_t *joined; /* the opaque values when other reports were joined to this one, with room for so many */
  size_t room;
  uint64_t opaques[];
};

/* How many events of a client, or of a consumer, wait in a queue, while some do or it has to be told that some were dropped. */
struct tally {
  struct tally *next;
  int32_t type; /* of the events */
  uint64_t source;
  uint32_t waiting;
  uint64_t dropped; /* since the last one that was not */
};

struct fluvio_queue {
  fluvioc_object_t object;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  fluvio_event_t *head, *tail;
  uint32_t waiters;
  uint32_t notes;   /* events among them that may be dropped */
  uint64_t dropped; /* that were, since the last one that was not */
  struct tally *tallies;
  bool woken;       /* fluvio_queue_wakeup was called and nobody has seen it */
  bool freed;       /* fluvio_queue_free was called */
  bool started;     /* a callback takes the events */
  bool running;     /* the callback's thread is alive */
  fluvioc_ready_t ready;
  fluvio_event_cb callback;
  void *ctx;
  void (*ctx_free)(void *);
};

fluvio_queue_t *fluvio_queue_new(void)
{
  if (fluvioc_forked)
    return NULL;
  fluvio_queue_t *queue = calloc(1, sizeof *queue);
  if (queue == NULL)
    return NULL;
  fluvioc_object_init(&queue->object, FLUVIOC_KIND_QUEUE, 0);
  pthread_mutex_init(&queue->lock, NULL);
  fluvioc_cond_init(&queue->changed);
  queue->ready = (fluvioc_ready_t)FLUVIOC_READY_INIT;
  return queue;
}

/* Sends an answer to Go, as an operation: one setting for each offset. */
static fluvio_status_t answer(fluvio_event_t *event, const fluvio_consumer_offset_t *offsets, size_t count, const char *failure, fluvio_error_t **error)
{
  static const char op[] = "answer for offsets";
  fluvio_status_t status = FLUVIO_OK;
  fluvio_config_t *config = fluvio_config_new();
  if (config == NULL)
    status = FLUVIO_ERR_OUT_OF_MEMORY;
  for (size_t i = 0; status == FLUVIO_OK && i < count; i++) {
    char numbers[48];
    snprintf(numbers, sizeof numbers, "%ld %lld", (long)offsets->partition, (long long)offsets->offset);
    if (offsets->struct_size < sizeof *offsets || offsets->topic == NULL || *offsets->topic == '\0')
      status = FLUVIO_ERR_INVALID_ARGUMENT;
    else
      status = fluvio_config_set(config, offsets->topic, numbers, NULL);
    offsets = (const fluvio_consumer_offset_t *)((const char *)offsets + offsets->struct_size);
  }
  if (failure != NULL && *failure == '\0')
    failure = "the offset store gave no reason";
  if (status == FLUVIO_OK && atomic_exchange(&event->answered, true))
    status = FLUVIO_ERR_INVALID_STATE;
  if (status == FLUVIO_OK) {
    fluvioc_request_t request = {
      .command = FLUVIOC_OFFSETS_REPLY,
      .name = op,
      .target = event,
      .kind = FLUVIOC_KIND_EVENT,
      .config = config,
      .consumer_id = failure,
      .timeout_ms = -1,
    };
    fluvioc_op_close_later(&request);
  }
  fluvio_config_free(config);
  if (status == FLUVIO_OK)
    return status;
  return fluvioc_fail(error, status, op, status == FLUVIO_ERR_INVALID_STATE ? "it was answered before" : "an offset has no struct_size or no topic, or memory is short");
}

static void event_destroy(fluvio_event_t *event)
{
  if (event->type == FLUVIO_EVENT_OFFSETS && !atomic_load(&event->answered))
    answer(event, NULL, 0, "the application has not answered", NULL);
  fluvio_consumer_offset_list_free(event->offsets);
  event->offsets = NULL;
  if (event->producer != NULL)
    fluvioc_producer_report_taken(event->producer, event->weight);
  fluvioc_unref(event->producer);
  fluvio_error_free(event->error);
  free(event->joined);
  fluvioc_unref(event);
}

void fluvioc_queue_destroy(fluvio_queue_t *queue)
{
  fluvioc_ready_close(&queue->ready);
  while (queue->tallies != NULL) {
    struct tally *next = queue->tallies->next;
    free(queue->tallies);
    queue->tallies = next;
  }
  pthread_mutex_destroy(&queue->lock);
  pthread_cond_destroy(&queue->changed);
  free(queue);
}

static fluvio_event_t *event_new(int32_t type, uint64_t opaque, uint64_t opaques)
{
  fluvio_event_t *event = malloc(sizeof *event + opaques * sizeof *event->opaques);
  if (event == NULL)
    return NULL;
  memset(event, 0, sizeof *event);
  fluvioc_object_init(&event->object, FLUVIOC_KIND_EVENT, 0);
  event->type = type;
  event->opaque = opaque;
  return event;
}

/* An event of a consumer that has a copy of a text in opaques. */
static fluvio_event_t *event_with_text(int32_t type, uint64_t opaque, const char *text)
{
  size_t size = strlen(text) + 1;
  fluvio_event_t *event = event_new(type, opaque, (size + sizeof *event->opaques - 1) / sizeof *event->opaques);
  if (event != NULL)
    memcpy(event->opaques, text, size);
  return event;
}

/* So many logs, statistics, starts and ends wait at most; and besides, of each client and of each consumer, events. */
#define MOST_NOTES 10000
#define MOST_EVENTS 10000

/* What such an event says; it lies in opaques, and the texts behind it. */
struct note {
  int32_t code;
  int64_t time_us;
  uint64_t id, parent, dropped;
  uint64_t count;
  const char *message;
  fluvio_field_t fields[];
};

static struct note *note_of(const fluvio_event_t *event)
{
  switch (event->type) {
  case FLUVIO_EVENT_LOG:
  case FLUVIO_EVENT_STATS:
  case FLUVIO_EVENT_SPAN_START:
  case FLUVIO_EVENT_SPAN_END:
    return (struct note *)event->opaques;
  default:
    return NULL;
  }
}

/* Whether a note finds no room; else it learns how many before it found none. The caller holds the lock. */
static bool drops(fluvio_queue_t *queue, struct note *note)
{
  if (queue->notes >= MOST_NOTES) {
    queue->dropped++;
    return true;
  }
  queue->notes++;
  note->dropped = queue->dropped;
  queue->dropped = 0;
  return false;
}

/* Where an event of a client or a consumer says how many were dropped before it; NULL: it may not be dropped. */
static uint64_t *dropped_before(fluvio_event_t *event)
{
  switch (event->type) {
  case FLUVIO_EVENT_CLIENT:
    return &event->client.dropped;
  case FLUVIO_EVENT_CONSUMER:
    return &event->consumer.dropped;
  default:
    return NULL;
  }
}

/* The place in the list of the tally that an event is counted in, or of the list's end. The caller holds the lock. */
static struct tally **tally_of(fluvio_queue_t *queue, const fluvio_event_t *event)
{
  struct tally **at = &queue->tallies;
  while (*at != NULL && ((*at)->source != event->source || (*at)->type != event->type))
    at = &(*at)->next;
  return at;
}

/* The same of an event of a client or a consumer as drops() of notes. Without memory to count it, it is dropped. */
static bool drops_event(fluvio_queue_t *queue, fluvio_event_t *event, uint64_t *dropped)
{
  struct tally **at = tally_of(queue, event);
  if (*at == NULL && (*at = calloc(1, sizeof **at)) == NULL)
    return true;
  struct tally *tally = *at;
  tally->type = event->type;
  tally->source = event->source;
  if (tally->waiting >= MOST_EVENTS) {
    tally->dropped += 1 + *dropped;
    return true;
  }
  tally->waiting++;
  *dropped += tally->dropped;
  tally->dropped = 0;
  return false;
}

/* An event of a client or a consumer was taken. The caller holds the lock. */
static void taken(fluvio_queue_t *queue, const fluvio_event_t *event)
{
  struct tally **at = tally_of(queue, event), *tally = *at;
  if (--tally->waiting > 0 || tally->dropped > 0)
    return;
  *at = tally->next;
  free(tally);
}

/* Appends an event; a freed queue drops it. */
static void push(fluvio_queue_t *queue, fluvio_event_t *event)
{
  struct note *note = note_of(event);
  uint64_t *dropped = dropped_before(event);
  pthread_mutex_lock(&queue->lock);
  bool drop = queue->freed || (note != NULL && drops(queue, note)) || (dropped != NULL && drops_event(queue, event, dropped));
  if (!drop) {
    if (queue->tail != NULL)
      queue->tail->next = event;
    else
      queue->head = event;
    queue->tail = event;
    fluvioc_ready_set(&queue->ready);
  }
  bool wakes = !drop && queue->waiters > 0;
  pthread_mutex_unlock(&queue->lock);
  if (wakes) /* without the lock: who wakes up asks for it first. The caller's reference keeps the queue. */
    pthread_cond_signal(&queue->changed);
  if (drop)
    event_destroy(event);
}

void fluvioc_queue_push_op(fluvio_queue_t *queue, uint64_t opaque)
{
  fluvio_event_t *event = event_new(FLUVIO_EVENT_OP, opaque, 0);
  if (event != NULL)
    push(queue, event);
}

/* Copies opaque values; says whether they are consecutive. */
static bool copy_opaques(uint64_t *to, const fluvio_delivery_t *from)
{
  bool consecutive = true;
  for (uint64_t i = 0; i < from->count; i++) {
    to[i] = from->opaque[i];
    consecutive &= to[i] == from->opaque[0] + i;
  }
  return consecutive;
}

/* Joins a report to the last event, if that is a report that nobody has taken, of records stored right in front of these: whoever
 * is behind with reports then has fewer to take. The caller holds the lock. */
static bool join(fluvio_event_t *last, const fluvio_delivery_t *delivery, const fluvio_producer_t *producer, uint64_t weight)
{
  fluvio_delivery_t *to = &last->delivery;
  if (last->type != FLUVIO_EVENT_DELIVERY || last->producer != producer || to->partition != delivery->partition ||
      to->status != FLUVIO_OK || delivery->status != FLUVIO_OK || to->persisted != delivery->persisted ||
      to->base_offset < 0 || to->base_offset + (int64_t)to->count != delivery->base_offset)
    return false;
  size_t count = to->count + delivery->count;
  if (count > JOINED_RECORDS)
    return false;
  if (count > last->room) {
    size_t room = 2 * count;
    uint64_t *joined = realloc(last->joined, room * sizeof *joined);
    if (joined == NULL)
      return false;
    if (last->joined == NULL)
      memcpy(joined, last->opaques, to->count * sizeof *joined);
    to->opaque = last->joined = joined;
    last->room = room;
  }
  to->consecutive &= copy_opaques(last->joined + to->count, delivery) && delivery->opaque[0] == to->opaque[0] + to->count;
  to->count = count;
  if (delivery->latency_us > to->latency_us)
    to->latency_us = delivery->latency_us;
  last->weight += weight;
  return true;
}

bool fluvioc_queue_push_delivery(fluvio_queue_t *queue, const fluvio_delivery_t *delivery, fluvio_error_t *error, fluvio_producer_t *producer, uint64_t weight)
{
  pthread_mutex_lock(&queue->lock);
  bool joined = queue->tail != NULL && !queue->freed && join(queue->tail, delivery, producer, weight);
  pthread_mutex_unlock(&queue->lock);
  if (joined) {
    fluvioc_unref(producer);
    return true;
  }
  fluvio_event_t *event = event_new(FLUVIO_EVENT_DELIVERY, 0, delivery->count);
  if (event == NULL)
    return false;
  event->delivery = *delivery;
  event->delivery.consecutive = copy_opaques(event->opaques, delivery);
  event->delivery.opaque = event->opaques;
  event->delivery.error = error;
  event->delivery.producer = producer;
  event->error = error;
  event->producer = producer;
  event->weight = weight;
  push(queue, event);
  return true;
}

void fluvioc_queue_push_consumer_event(fluvio_queue_t *queue, uint64_t consumer, uint64_t opaque, const fluvio_consumer_event_t *what, fluvio_error_t *error)
{
  fluvio_event_t *event = event_with_text(FLUVIO_EVENT_CONSUMER, opaque, what->topic);
  if (event == NULL) {
    fluvio_error_free(error);
    return;
  }
  event->consumer = *what;
  event->source = consumer;
  event->consumer.topic = (const char *)event->opaques;
  event->consumer.error = event->error = error;
  push(queue, event);
}

void fluvioc_client_event(fluvio_queue_t *events, uint64_t client, uint64_t opaque, const fluvio_client_event_t *what, const char *texts, size_t len, fluvio_error_t *error)
{
  fluvio_event_t *event = event_new(FLUVIO_EVENT_CLIENT, opaque, (len + 7) / 8);
  if (event == NULL) {
    fluvio_error_free(error);
    return;
  }
  memcpy(event->opaques, texts, len);
  event->client = *what;
  event->source = client;
  event->client.address = (const char *)event->opaques;
  event->client.topic = event->client.address + strlen(event->client.address) + 1;
  event->client.error = event->error = error;
  push(events, event);
}

int fluvioc_queue_push_offsets(fluvio_queue_t *queue, uint64_t opaque, uint64_t id, const char *consumer_id, fluvio_consumer_offset_list_t *list)
{
  fluvio_event_t *event = event_with_text(FLUVIO_EVENT_OFFSETS, opaque, consumer_id);
  if (event == NULL) {
    fluvio_consumer_offset_list_free(list);
    return 0;
  }
  event->object.id = id;
  event->offsets = list;
  event->question = (fluvio_offsets_event_t){
    .save = list != NULL,
    .consumer_id = (const char *)event->opaques,
    .count = fluvio_consumer_offset_list_count(list),
    .offsets = fluvioc_consumer_offset_list_rows(list),
  };
  push(queue, event);
  return 1;
}

void fluvioc_queue_push_note(fluvio_queue_t *queue, int32_t type, uint64_t opaque, int32_t code, int64_t time_us, uint64_t id, uint64_t parent, const char *texts, size_t len, size_t fields, fluvio_error_t *error)
{
  size_t head = sizeof(struct note) + fields * sizeof(fluvio_field_t);
  fluvio_event_t *event = event_new(type, opaque, (head + len + 7) / 8);
  if (event == NULL) {
    fluvio_error_free(error);
    return;
  }
  struct note *note = (struct note *)event->opaques;
  char *text = (char *)event->opaques + head;
  memcpy(text, texts, len);
  *note = (struct note){ .code = code, .time_us = time_us, .id = id, .parent = parent, .count = fields, .message = text };
  for (size_t i = 0; i < fields; i++) {
    text += strlen(text) + 1;
    note->fields[i].key = text;
    text += strlen(text) + 1;
    note->fields[i].value = text;
  }
  event->error = error;
  push(queue, event);
}

/* Takes the first event; the caller holds the lock. */
static fluvio_event_t *pop(fluvio_queue_t *queue)
{
  fluvio_event_t *event = queue->head;
  if (event == NULL)
    return NULL;
  queue->head = event->next;
  if (queue->head == NULL)
    queue->tail = NULL;
  event->next = NULL;
  if (note_of(event) != NULL)
    queue->notes--;
  else if (dropped_before(event) != NULL)
    taken(queue, event);
  return event;
}

fluvio_event_t *fluvio_queue_poll(fluvio_queue_t *queue, int64_t timeout_ms)
{
  if (fluvioc_forked || !fluvioc_is(queue, FLUVIOC_KIND_QUEUE))
    return NULL;
  fluvio_event_t *event = NULL;
  int64_t deadline = 0;
  bool in_time = true;
  fluvioc_ref(queue); /* a queue that is freed while this waits stays until this returns */
  pthread_mutex_lock(&queue->lock);
  while (!queue->freed && !queue->started && !queue->woken && (event = pop(queue)) == NULL && in_time) {
    fluvioc_ready_clear(&queue->ready);
    if (deadline == 0)
      deadline = fluvioc_deadline(timeout_ms);
    queue->waiters++;
    in_time = fluvioc_cond_wait(&queue->changed, &queue->lock, deadline);
    queue->waiters--;
  }
  queue->woken = false;
  pthread_mutex_unlock(&queue->lock);
  fluvioc_unref(queue);
  return event;
}

int32_t fluvio_queue_fd(fluvio_queue_t *queue)
{
  if (fluvioc_forked || !fluvioc_is(queue, FLUVIOC_KIND_QUEUE))
    return -1;
  pthread_mutex_lock(&queue->lock);
  int fd = fluvioc_ready_fd(&queue->ready, queue->head != NULL || queue->woken);
  pthread_mutex_unlock(&queue->lock);
  return fd;
}

void fluvio_queue_wakeup(fluvio_queue_t *queue)
{
  if (fluvioc_forked || !fluvioc_is(queue, FLUVIOC_KIND_QUEUE))
    return;
  pthread_mutex_lock(&queue->lock);
  if (!queue->started) {
    queue->woken = true;
    pthread_cond_signal(&queue->changed);
    fluvioc_ready_set(&queue->ready);
  }
  pthread_mutex_unlock(&queue->lock);
}

/* The thread of a queue with a callback. It owns a reference to the queue. */
static void *dispatch(void *arg)
{
  fluvio_queue_t *queue = arg;
  fluvioc_current = queue;
  pthread_mutex_lock(&queue->lock);
  for (;;) { /* after fluvio_queue_free, too, until what came before it is handed out */
    fluvio_event_t *event = pop(queue);
    if (event == NULL && queue->freed)
      break;
    if (event == NULL) {
      fluvioc_ready_clear(&queue->ready);
      queue->waiters++;
      fluvioc_cond_wait(&queue->changed, &queue->lock, FLUVIOC_FOREVER);
      queue->waiters--;
      continue;
    }
    pthread_mutex_unlock(&queue->lock);
    event->borrowed = true;
    queue->callback(event, queue->ctx);
    event_destroy(event);
    pthread_mutex_lock(&queue->lock);
  }
  pthread_mutex_unlock(&queue->lock);
  if (queue->ctx_free != NULL)
    queue->ctx_free(queue->ctx);
  pthread_mutex_lock(&queue->lock);
  queue->running = false;
  pthread_cond_broadcast(&queue->changed);
  pthread_mutex_unlock(&queue->lock);
  fluvioc_unref(queue);
  return NULL;
}

fluvio_status_t fluvio_queue_start(fluvio_queue_t *queue, fluvio_event_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error)
{
  static const char op[] = "start queue";
  fluvio_status_t status = fluvioc_check(queue, FLUVIOC_KIND_QUEUE, op, error);
  if (status != FLUVIO_OK)
    return status;
  if (callback == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the callback is NULL");
  pthread_mutex_lock(&queue->lock);
  if (queue->started) {
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_STATE, op, "the queue has a callback already");
  } else {
    queue->started = queue->running = true;
    queue->callback = callback;
    queue->ctx = ctx;
    queue->ctx_free = ctx_free;
    fluvioc_ref(queue);
    if (fluvioc_thread_start(dispatch, queue) != 0) {
      queue->started = queue->running = false;
      fluvioc_unref(queue);
      status = fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, op, "a thread could not be started");
    }
    pthread_cond_broadcast(&queue->changed); /* a poll that waits returns NULL */
  }
  pthread_mutex_unlock(&queue->lock);
  return status;
}

void fluvio_queue_free(fluvio_queue_t *queue)
{
  if (fluvioc_forked || !fluvioc_is(queue, FLUVIOC_KIND_QUEUE))
    return;
  pthread_mutex_lock(&queue->lock);
  queue->freed = true;
  pthread_cond_broadcast(&queue->changed);
  while (queue->running && fluvioc_current != queue)
    fluvioc_cond_wait(&queue->changed, &queue->lock, FLUVIOC_FOREVER);
  fluvio_event_t *event = NULL;
  if (!queue->running) {
    event = queue->head;
    queue->head = queue->tail = NULL;
  }
  pthread_mutex_unlock(&queue->lock);
  while (event != NULL) { /* now, not with the last reference: a report keeps its producer, which keeps the queue */
    fluvio_event_t *next = event->next;
    event_destroy(event);
    event = next;
  }
  fluvioc_unref(queue);
}

int32_t fluvio_event_type(const fluvio_event_t *event)
{
  return fluvioc_is(event, FLUVIOC_KIND_EVENT) ? event->type : 0;
}

uint64_t fluvio_event_opaque(const fluvio_event_t *event)
{
  return fluvioc_is(event, FLUVIOC_KIND_EVENT) ? event->opaque : 0;
}

/* Gives what an event of a type says, which lies at an offset in it. */
static fluvio_status_t give(const fluvio_event_t *event, int32_t type, void *out, size_t offset, size_t size)
{
  fluvio_status_t status = fluvioc_check(event, FLUVIOC_KIND_EVENT, "read event", NULL);
  if (status != FLUVIO_OK)
    return status;
  return event->type == type ? fluvioc_give(out, (const char *)event + offset, size) : FLUVIO_ERR_INVALID_ARGUMENT;
}

fluvio_status_t fluvio_event_delivery(const fluvio_event_t *event, fluvio_delivery_t *out)
{
  return give(event, FLUVIO_EVENT_DELIVERY, out, offsetof(fluvio_event_t, delivery), sizeof *out);
}

fluvio_status_t fluvio_event_consumer(const fluvio_event_t *event, fluvio_consumer_event_t *out)
{
  return give(event, FLUVIO_EVENT_CONSUMER, out, offsetof(fluvio_event_t, consumer), sizeof *out);
}

fluvio_status_t fluvio_event_client(const fluvio_event_t *event, fluvio_client_event_t *out)
{
  return give(event, FLUVIO_EVENT_CLIENT, out, offsetof(fluvio_event_t, client), sizeof *out);
}

fluvio_status_t fluvio_event_offsets(const fluvio_event_t *event, fluvio_offsets_event_t *out)
{
  return give(event, FLUVIO_EVENT_OFFSETS, out, offsetof(fluvio_event_t, question), sizeof *out);
}

fluvio_status_t fluvio_event_offsets_reply(fluvio_event_t *event, const fluvio_consumer_offset_t *offsets, size_t count, const char *failure, fluvio_error_t **error)
{
  static const char op[] = "answer for offsets";
  fluvio_status_t status = fluvioc_check(event, FLUVIOC_KIND_EVENT, op, error);
  if (status != FLUVIO_OK)
    return status;
  if (event->type != FLUVIO_EVENT_OFFSETS || (count > 0 && offsets == NULL))
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the event is no question for offsets, or offsets is NULL");
  return answer(event, offsets, count, failure, error);
}

fluvio_status_t fluvio_event_log(const fluvio_event_t *event, fluvio_log_t *out)
{
  fluvio_status_t status = fluvioc_check(event, FLUVIOC_KIND_EVENT, "read event", NULL);
  if (status != FLUVIO_OK)
    return status;
  if (event->type != FLUVIO_EVENT_LOG)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  const struct note *note = note_of(event);
  fluvio_log_t row = {
    .level = note->code,
    .time_us = note->time_us,
    .message = note->message,
    .fields = note->fields,
    .field_count = note->count,
    .dropped = note->dropped,
  };
  return fluvioc_give(out, &row, sizeof row);
}

fluvio_status_t fluvio_event_span(const fluvio_event_t *event, fluvio_span_t *out)
{
  fluvio_status_t status = fluvioc_check(event, FLUVIOC_KIND_EVENT, "read event", NULL);
  if (status != FLUVIO_OK)
    return status;
  if (event->type != FLUVIO_EVENT_SPAN_START && event->type != FLUVIO_EVENT_SPAN_END)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  const struct note *note = note_of(event);
  fluvio_span_t row = {
    .kind = note->code,
    .id = note->id,
    .parent = note->parent,
    .time_us = note->time_us,
    .name = note->message,
    .fields = note->fields,
    .field_count = note->count,
    .dropped = note->dropped,
    .error = event->error,
  };
  return fluvioc_give(out, &row, sizeof row);
}

const char *fluvio_event_stats(const fluvio_event_t *event)
{
  return fluvioc_is(event, FLUVIOC_KIND_EVENT) && event->type == FLUVIO_EVENT_STATS ? note_of(event)->message : "";
}

void fluvio_event_free(fluvio_event_t *event)
{
  if (!fluvioc_forked && fluvioc_is(event, FLUVIOC_KIND_EVENT) && !event->borrowed)
    event_destroy(event);
}
