/*
 * object.c - the head of every handle: kind, state, references, and the list of signals to Go.
 */
#include "internal.h"

static const char *const kind_names[] = {
  [FLUVIOC_KIND_CLIENT] = "client",     [FLUVIOC_KIND_PRODUCER] = "producer", [FLUVIOC_KIND_CONSUMER] = "consumer",
  [FLUVIOC_KIND_OP] = "operation",      [FLUVIOC_KIND_QUEUE] = "queue",       [FLUVIOC_KIND_EVENT] = "event",
  [FLUVIOC_KIND_BATCH] = "batch",       [FLUVIOC_KIND_CONFIG] = "config",     [FLUVIOC_KIND_ERROR] = "error",
  [FLUVIOC_KIND_TOPIC_LIST] = "topic list", [FLUVIOC_KIND_CONSUMER_OFFSET_LIST] = "consumer offset list",
  [FLUVIOC_KIND_TEXT] = "text",         [FLUVIOC_KIND_VALUE] = "value",       [FLUVIOC_KIND_WATCH] = "watch",
  [FLUVIOC_KIND_POSITION_LIST] = "position list", [FLUVIOC_KIND_RECORD_LIST] = "record list",
  [FLUVIOC_KIND_VERIFIER] = "judge of servers",
};

void fluvioc_object_init(fluvioc_object_t *object, enum fluvioc_kind kind, uint64_t id)
{
  object->magic = FLUVIOC_MAGIC;
  object->kind = kind;
  object->id = id;
  atomic_init(&object->refs, 1);
  atomic_init(&object->state, FLUVIOC_OPEN);
  atomic_init(&object->fault, NULL);
  object->next_signal = NULL;
  object->signals = 0;
  object->queued = false;
}

void *fluvioc_ref(void *pointer)
{
  fluvioc_object_t *object = pointer;
  atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);
  return object;
}

void fluvioc_unref(void *pointer)
{
  fluvioc_object_t *object = pointer;
  if (object == NULL || atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel) != 1)
    return;
  enum fluvioc_kind kind = object->kind;
  fluvio_error_free(atomic_load(&object->fault));
  object->magic = FLUVIOC_DEAD;
  switch (kind) {
  case FLUVIOC_KIND_CLIENT:
    fluvioc_client_destroy(pointer);
    break;
  case FLUVIOC_KIND_PRODUCER:
    fluvioc_producer_destroy(pointer);
    break;
  case FLUVIOC_KIND_CONSUMER:
    fluvioc_consumer_destroy(pointer);
    break;
  case FLUVIOC_KIND_OP:
    fluvioc_op_destroy(pointer);
    break;
  case FLUVIOC_KIND_QUEUE:
    fluvioc_queue_destroy(pointer);
    break;
  case FLUVIOC_KIND_BATCH:
    fluvioc_batch_destroy(pointer);
    break;
  case FLUVIOC_KIND_RECORD_LIST:
    fluvioc_record_list_destroy(pointer);
    break;
  case FLUVIOC_KIND_CONFIG:
    fluvioc_config_destroy(pointer);
    break;
  case FLUVIOC_KIND_ERROR:
    fluvioc_error_destroy(pointer);
    break;
  case FLUVIOC_KIND_WATCH:
    fluvioc_watch_destroy(pointer);
    break;
  case FLUVIOC_KIND_VERIFIER:
    fluvioc_verifier_destroy(pointer);
    break;
  case FLUVIOC_KIND_VALUE:
  case FLUVIOC_KIND_EVENT:
  case FLUVIOC_KIND_TOPIC_LIST:
  case FLUVIOC_KIND_CONSUMER_OFFSET_LIST:
  case FLUVIOC_KIND_TEXT:
  case FLUVIOC_KIND_POSITION_LIST:
    free(pointer);
    break;
  case FLUVIOC_KINDS:
    break;
  }
}

bool fluvioc_is(const void *pointer, enum fluvioc_kind kind)
{
  const fluvioc_object_t *object = pointer;
  return object != NULL && object->magic == FLUVIOC_MAGIC && object->kind == (uint32_t)kind;
}

fluvio_status_t fluvioc_give(void *out, const void *row, size_t size)
{
  uint32_t room;
  if (out == NULL)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  memcpy(&room, out, sizeof room);
  if (room < sizeof room)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  memcpy((char *)out + sizeof room, (const char *)row + sizeof room, (room < size ? room : size) - sizeof room);
  return FLUVIO_OK;
}

static const char *article(enum fluvioc_kind kind)
{
  return kind == FLUVIOC_KIND_OP || kind == FLUVIOC_KIND_EVENT || kind == FLUVIOC_KIND_ERROR ? "an" : "a";
}

fluvio_status_t fluvioc_check(const void *pointer, enum fluvioc_kind kind, const char *op, fluvio_error_t **error)
{
  if (fluvioc_forked)
    return fluvioc_fail(error, FLUVIO_ERR_FORKED, op, "the library was loaded before this process was forked");
  if (pointer == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the %s is NULL", kind_names[kind]);
  const fluvioc_object_t *object = pointer;
  if (object->magic != FLUVIOC_MAGIC || object->kind == 0 || object->kind >= FLUVIOC_KINDS)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the handle is not %s %s, or it was freed", article(kind), kind_names[kind]);
  if (object->kind != (uint32_t)kind)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the handle is %s %s, not %s %s",
                        article(object->kind), kind_names[object->kind], article(kind), kind_names[kind]);
  return FLUVIO_OK;
}

fluvio_status_t fluvioc_not_open(const fluvioc_object_t *object, const char *op, fluvio_error_t **error)
{
  switch (atomic_load_explicit(&object->state, memory_order_acquire)) {
  case FLUVIOC_OPEN:
    return FLUVIO_OK;
  case FLUVIOC_POISONED:
    if (error != NULL)
      *error = fluvioc_error_ref(atomic_load(&object->fault));
    return FLUVIO_ERR_INTERNAL;
  default:
    return fluvioc_fail(error, FLUVIO_ERR_CLOSED, op, "the %s is closed", kind_names[object->kind]);
  }
}

fluvio_status_t fluvioc_check_open(const void *pointer, enum fluvioc_kind kind, const char *op, fluvio_error_t **error)
{
  fluvio_status_t status = fluvioc_check(pointer, kind, op, error);
  if (status != FLUVIO_OK)
    return status;
  return fluvioc_not_open(pointer, op, error);
}

/* The list of signals. An object is in it at most once, with all its signals or-ed, and is kept alive by it. Go is woken
 * by one byte, and only when it said that it found the list empty; on Windows, whose pipes Go does not poll, by changed. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  fluvioc_object_t *head, *tail;
  bool waiting;
  int read_fd, write_fd;
} list = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, NULL, false, -1, -1 };

int fluvioc_wake_fd(void)
{
  pthread_mutex_lock(&list.lock);
  if (list.read_fd < 0 && !fluvioc_pipe(&list.read_fd, &list.write_fd))
    list.read_fd = list.write_fd = -1;
  int fd = list.read_fd;
  pthread_mutex_unlock(&list.lock);
  return fd;
}

int fluvioc_wait_signal(void)
{
  pthread_mutex_lock(&list.lock);
  while (list.head == NULL)
    fluvioc_cond_wait(&list.changed, &list.lock, FLUVIOC_FOREVER);
  pthread_mutex_unlock(&list.lock);
  return 1;
}

void fluvioc_signal(fluvioc_object_t *object, uint32_t signals)
{
  pthread_mutex_lock(&list.lock);
  object->signals |= signals;
  if (!object->queued) {
    fluvioc_ref(object);
    object->queued = true;
    object->next_signal = NULL;
    if (list.tail != NULL)
      list.tail->next_signal = object;
    else
      list.head = object;
    list.tail = object;
  }
  if (list.waiting && list.write_fd >= 0) {
    fluvioc_ready_t wake = { list.read_fd, list.write_fd, false };
    list.waiting = false;
    fluvioc_ready_set(&wake);
  } else if (list.waiting) {
    pthread_cond_signal(&list.changed);
  }
  pthread_mutex_unlock(&list.lock);
}

int fluvioc_next(fluvioc_signal_t *out)
{
  memset(out, 0, sizeof *out);
  pthread_mutex_lock(&list.lock);
  fluvioc_object_t *object = list.head;
  if (object == NULL) {
    list.waiting = true;
    pthread_mutex_unlock(&list.lock);
    return 0;
  }
  list.head = object->next_signal;
  if (list.head == NULL)
    list.tail = NULL;
  out->signals = object->signals;
  object->signals = 0;
  object->queued = false;
  pthread_mutex_unlock(&list.lock);
  out->id = object->id;
  if (object->kind == FLUVIOC_KIND_OP && (out->signals & FLUVIOC_RUN) != 0)
    fluvioc_op_describe((fluvio_op_t *)object, out);
  fluvioc_unref(object);
  return 1;
}

void fluvioc_set_state(fluvioc_object_t *object, enum fluvioc_state state)
{
  int32_t before = atomic_load(&object->state);
  while (before != FLUVIOC_CLOSED && !atomic_compare_exchange_weak(&object->state, &before, state)) {
  }
}

/* Changes the state in the way of the object's kind. */
static uint64_t change(void *handle, enum fluvioc_state state)
{
  if (fluvioc_is(handle, FLUVIOC_KIND_PRODUCER))
    return fluvioc_producer_set_state(handle, state);
  if (fluvioc_is(handle, FLUVIOC_KIND_CONSUMER))
    fluvioc_consumer_set_state(handle, state);
  else
    fluvioc_set_state(handle, state);
  return 0;
}

uint64_t fluvioc_closing(void *handle)
{
  return change(handle, FLUVIOC_CLOSING);
}

void fluvioc_closed(void *handle)
{
  change(handle, FLUVIOC_CLOSED);
}

void fluvioc_poison(void *handle, fluvio_error_t *error)
{
  fluvio_error_t *none = NULL;
  if (!atomic_compare_exchange_strong(&((fluvioc_object_t *)handle)->fault, &none, error))
    fluvio_error_free(error);
  change(handle, FLUVIOC_POISONED);
}

void fluvioc_drop(void *handle)
{
  fluvioc_unref(handle);
}
