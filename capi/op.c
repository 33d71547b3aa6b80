/*
 * op.c - operations: control requests that Go carries out. The functions without _async start one, wait for it on a
 * condition variable and take its result, so that both forms behave the same.
 */
#include "internal.h"

/* Go ends an operation at its deadline with an error that says what was waited for. Only when even that fails, the
 * waiting function gives up by itself, so much later. */
#define GRACE_MS 1000

struct fluvio_op {
  fluvioc_object_t object;
  pthread_mutex_t lock;
  pthread_cond_t finished;
  int32_t command;
  fluvioc_object_t *target;
  char *topic;
  char *what;
  char *consumer_id;
  char *position;
  int32_t partition;
  int64_t offset;
  fluvioc_mark_t *marks; /* commit: how far the application had come when it was called */
  size_t mark_count;
  fluvio_config_t *config;
  fluvio_queue_t *deliveries;
  int64_t deadline;
  uint64_t sequence;
  fluvio_queue_t *queue; /* where the end is told, or NULL */
  uint64_t opaque;
  bool done; /* the rest is guarded by lock and fixed once done is set, result excepted */
  fluvio_error_t *error;
  fluvioc_object_t *result;
  int64_t number; /* the result of those whose result is one, else -1 */
};

static uint64_t next_id(void)
{
  static _Atomic uint64_t last;
  return atomic_fetch_add(&last, 1) + 1;
}

void fluvioc_op_destroy(fluvio_op_t *op)
{
  if (fluvioc_is(op->result, FLUVIOC_KIND_CLIENT))
    fluvio_client_free((fluvio_client_t *)op->result);
  else if (fluvioc_is(op->result, FLUVIOC_KIND_PRODUCER))
    fluvio_producer_free((fluvio_producer_t *)op->result);
  else if (fluvioc_is(op->result, FLUVIOC_KIND_CONSUMER))
    fluvio_consumer_free((fluvio_consumer_t *)op->result);
  else if (fluvioc_is(op->result, FLUVIOC_KIND_WATCH))
    fluvio_watch_free((fluvio_watch_t *)op->result);
  else
    fluvioc_unref(op->result);
  fluvio_error_free(op->error);
  fluvioc_unref(op->target);
  fluvioc_unref(op->deliveries);
  fluvioc_unref(op->queue);
  fluvio_config_free(op->config);
  free(op->topic);
  free(op->what);
  free(op->consumer_id);
  free(op->position);
  free(op->marks);
  pthread_mutex_destroy(&op->lock);
  pthread_cond_destroy(&op->finished);
  free(op);
}

/* Whether a command closes a handle. */
static bool is_close(int32_t command)
{
  return command == FLUVIOC_CLOSE_CLIENT || command == FLUVIOC_CLOSE_PRODUCER || command == FLUVIOC_CLOSE_CONSUMER || command == FLUVIOC_CLOSE_WATCH;
}

/* Checks what the caller gave; the message of a failure is the operation's result. */
static fluvio_status_t check(const fluvioc_request_t *r, fluvio_error_t **error)
{
  fluvio_status_t status = FLUVIO_OK;
  if (r->command != FLUVIOC_CONNECT)
    status = (is_close(r->command) ? fluvioc_check : fluvioc_check_open)(r->target, r->kind, r->name, error);
  if (status == FLUVIO_OK && r->queue != NULL)
    status = fluvioc_check(r->queue, FLUVIOC_KIND_QUEUE, r->name, error);
  if (status == FLUVIO_OK && r->deliveries != NULL)
    status = fluvioc_check(r->deliveries, FLUVIOC_KIND_QUEUE, r->name, error);
  if (status == FLUVIO_OK && r->config != NULL)
    status = fluvioc_check(r->config, FLUVIOC_KIND_CONFIG, r->name, error);
  if (status == FLUVIO_OK && r->has_topic && !r->topic_optional && r->topic == NULL)
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, r->name, "the %s is NULL", r->what != NULL ? "name" : "topic");
  if (status == FLUVIO_OK && r->what_name != NULL && r->what == NULL)
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, r->name, "the %s is NULL", r->what_name);
  if (status == FLUVIO_OK && r->has_consumer_id && r->consumer_id == NULL)
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, r->name, "the consumer's name is NULL");
  if (status == FLUVIO_OK && r->has_position && r->position == NULL)
    status = fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, r->name, "the position is NULL");
  return status;
}

/* Copies the inputs; false when memory is short. */
static bool copy(fluvio_op_t *op, const fluvioc_request_t *r)
{
  if (r->topic != NULL && (op->topic = strdup(r->topic)) == NULL)
    return false;
  if (r->what != NULL && (op->what = strdup(r->what)) == NULL)
    return false;
  if (r->consumer_id != NULL && (op->consumer_id = strdup(r->consumer_id)) == NULL)
    return false;
  if (r->position != NULL && (op->position = strdup(r->position)) == NULL)
    return false;
  if (r->command == FLUVIOC_COMMIT || r->command == FLUVIOC_COMMIT_OFFSET) {
    /* Whoever commits inside the consumer's callback is done with what it was called with, and may choose its offset
     * from any thread. */
    bool given = r->command != FLUVIOC_COMMIT || fluvioc_current == r->target;
    if ((op->marks = fluvioc_consumer_marks((fluvio_consumer_t *)r->target, given, &op->mark_count)) == NULL)
      return false;
  }
  op->partition = r->partition;
  op->offset = r->offset;
  if (r->config != NULL && (op->config = fluvioc_config_copy(r->config)) == NULL)
    return false;
  if (r->target != NULL)
    op->target = fluvioc_ref((void *)r->target);
  if (r->deliveries != NULL)
    op->deliveries = fluvioc_ref(r->deliveries);
  return true;
}

/* Hands a checked operation to Go. A close marks its handle here, so that it holds from this moment on. */
static void submit(fluvio_op_t *op)
{
  if (is_close(op->command)) {
    if (atomic_load(&op->target->state) == FLUVIOC_CLOSED) {
      fluvioc_op_complete(fluvioc_ref(op), NULL, NULL, -1);
      return;
    }
    op->sequence = fluvioc_closing(op->target);
  } else if (op->command == FLUVIOC_FLUSH) {
    op->sequence = fluvioc_producer_accepted((fluvio_producer_t *)op->target);
  }
  fluvioc_ref(op); /* fluvioc_op_complete drops it */
  fluvioc_signal(&op->object, FLUVIOC_RUN);
}

/* Starts an operation; NULL when memory is short or forked. */
static fluvio_op_t *start(const fluvioc_request_t *r)
{
  if (fluvioc_forked)
    return NULL;
  fluvio_op_t *op = calloc(1, sizeof *op);
  if (op == NULL)
    return NULL;
  fluvioc_object_init(&op->object, FLUVIOC_KIND_OP, next_id());
  pthread_mutex_init(&op->lock, NULL);
  fluvioc_cond_init(&op->finished);
  op->command = r->command;
  op->opaque = r->opaque;
  op->deadline = fluvioc_deadline(r->timeout_ms);
  op->number = -1;
  if (fluvioc_is(r->queue, FLUVIOC_KIND_QUEUE))
    op->queue = fluvioc_ref(r->queue);
  fluvio_error_t *error = NULL;
  if (check(r, &error) == FLUVIO_OK && !copy(op, r)) {
    fluvioc_unref(op);
    return NULL;
  }
  if (error != NULL)
    fluvioc_op_complete(fluvioc_ref(op), error, NULL, -1);
  else
    submit(op);
  return op;
}

fluvio_op_t *fluvioc_op_start_on(fluvio_queue_t *queue, uint64_t opaque, fluvioc_request_t request)
{
  request.queue = queue;
  request.opaque = opaque;
  return start(&request);
}

void fluvioc_op_describe(fluvio_op_t *op, fluvioc_signal_t *out)
{
  out->op = op;
  out->command = op->command;
  out->target = op->target != NULL ? op->target->id : 0;
  out->sequence = op->sequence;
  out->topic = op->topic;
  out->what = op->what;
  out->settings = fluvioc_config_settings(op->config);
  out->setting_count = fluvioc_config_count(op->config);
  out->deliveries = op->deliveries;
  out->consumer_id = op->consumer_id;
  out->position = op->position;
  out->events = fluvioc_config_queue(op->config, FLUVIOC_EVENTS, &out->events_opaque);
  out->store = fluvioc_config_queue(op->config, FLUVIOC_STORE, &out->store_opaque);
  out->log = fluvioc_config_queue(op->config, FLUVIOC_LOG, &out->log_opaque);
  out->hooks = fluvioc_config_queue(op->config, FLUVIOC_HOOKS, &out->hooks_opaque);
  out->verifier = fluvioc_config_verifier(op->config);
  out->partition = op->partition;
  out->offset = op->offset;
  out->marks = op->marks;
  out->mark_count = op->mark_count;
  out->timeout_ms = -1;
  if (op->deadline != FLUVIOC_FOREVER) {
    int64_t left = op->deadline - fluvioc_now();
    out->timeout_ms = left > 0 ? (left + 999999) / 1000000 : 0;
  }
}

void fluvioc_op_complete(fluvio_op_t *op, fluvio_error_t *error, void *result, int64_t number)
{
  fluvio_config_free(op->config); /* before anybody hears of the end, who may wait for the last use of what is in it */
  op->config = NULL;
  pthread_mutex_lock(&op->lock);
  op->error = error;
  op->result = result;
  op->number = number;
  op->done = true;
  pthread_cond_broadcast(&op->finished);
  pthread_mutex_unlock(&op->lock);
  if (op->queue != NULL)
    fluvioc_queue_push_op(op->queue, op->opaque);
  fluvioc_unref(op);
}

/* Waits; false when the operation is not done. */
static bool wait_done(fluvio_op_t *op, int64_t deadline)
{
  pthread_mutex_lock(&op->lock);
  while (!op->done && fluvioc_cond_wait(&op->finished, &op->lock, deadline)) {
  }
  bool done = op->done;
  pthread_mutex_unlock(&op->lock);
  return done;
}

/* The outcome of a finished operation. */
static fluvio_status_t outcome(fluvio_op_t *op, fluvio_error_t **error)
{
  if (op->error == NULL)
    return FLUVIO_OK;
  if (error != NULL)
    *error = fluvioc_error_ref(op->error);
  return fluvio_error_status(op->error);
}

bool fluvioc_would_deadlock(int32_t command, const void *target)
{
  if (target == NULL || fluvioc_current == NULL)
    return false;
  if (command == FLUVIOC_CLOSE_CONSUMER)
    return target == fluvioc_current;
  return command == FLUVIOC_CLOSE_CLIENT && fluvioc_is(fluvioc_current, FLUVIOC_KIND_CONSUMER) &&
         (const void *)fluvioc_consumer_client(fluvioc_current) == target;
}

static fluvio_status_t fail_deadlock(const char *name, fluvio_error_t **error)
{
  return fluvioc_fail(error, FLUVIO_ERR_WOULD_DEADLOCK, name, "called inside a callback that it would wait for");
}

fluvio_status_t fluvioc_op_run(const fluvioc_request_t *r, void **result, fluvio_error_t **error)
{
  if (fluvioc_forked)
    return fluvioc_fail(error, FLUVIO_ERR_FORKED, r->name, "the library was loaded before this process was forked");
  if (fluvioc_would_deadlock(r->command, r->target))
    return fail_deadlock(r->name, error);
  fluvio_op_t *op = start(r);
  if (op == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, r->name, "no memory for the request");
  bool forever = r->timeout_ms < 0 || r->timeout_ms > INT64_MAX - GRACE_MS;
  fluvio_status_t status;
  if (wait_done(op, fluvioc_deadline(forever ? -1 : r->timeout_ms + GRACE_MS))) {
    status = outcome(op, error);
    if (result != NULL) {
      *result = op->result;
      op->result = NULL;
    }
    if (r->number != NULL)
      *r->number = op->number;
  } else {
    status = fluvioc_fail(error, FLUVIO_ERR_TIMEOUT, r->name, "timed out after %lld ms, and the request did not end either",
                          (long long)r->timeout_ms);
  }
  fluvio_op_free(op);
  return status;
}

fluvio_status_t fluvioc_op_give(fluvioc_request_t request, const char *name, void *place, fluvio_error_t **error)
{
  if (place == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, request.name, "%s is NULL: there is no place for the result", name);
  void *result = NULL;
  fluvio_status_t status = fluvioc_op_run(&request, &result, error);
  memcpy(place, &result, sizeof result);
  return status;
}

void fluvioc_op_close_later(const fluvioc_request_t *r)
{
  fluvio_op_free(start(r));
}

fluvio_status_t fluvio_op_wait(fluvio_op_t *op, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvio_status_t status = fluvioc_check(op, FLUVIOC_KIND_OP, "wait", error);
  if (status != FLUVIO_OK)
    return status;
  if (timeout_ms != 0 && fluvioc_would_deadlock(op->command, op->target) && !wait_done(op, 0))
    return fail_deadlock("wait", error);
  fluvioc_ref(op);
  if (wait_done(op, fluvioc_deadline(timeout_ms))) {
    status = outcome(op, error);
  } else {
    if (error != NULL)
      *error = NULL;
    status = FLUVIO_ERR_TIMEOUT;
  }
  fluvioc_unref(op);
  return status;
}

void fluvio_op_cancel(fluvio_op_t *op)
{
  if (!fluvioc_forked && fluvioc_is(op, FLUVIOC_KIND_OP) && !wait_done(op, 0))
    fluvioc_signal(&op->object, FLUVIOC_CANCEL);
}

/* Takes the result if it is of that kind. */
static void *take(fluvio_op_t *op, enum fluvioc_kind kind)
{
  if (fluvioc_forked || !fluvioc_is(op, FLUVIOC_KIND_OP))
    return NULL;
  fluvioc_object_t *result = NULL;
  pthread_mutex_lock(&op->lock);
  if (op->done && fluvioc_is(op->result, kind)) {
    result = op->result;
    op->result = NULL;
  }
  pthread_mutex_unlock(&op->lock);
  return result;
}

fluvio_client_t *fluvio_op_take_client(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_CLIENT);
}

fluvio_producer_t *fluvio_op_take_producer(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_PRODUCER);
}

fluvio_consumer_t *fluvio_op_take_consumer(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_CONSUMER);
}

fluvio_topic_list_t *fluvio_op_take_topic_list(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_TOPIC_LIST);
}

fluvio_consumer_offset_list_t *fluvio_op_take_consumer_offset_list(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_CONSUMER_OFFSET_LIST);
}

fluvio_text_t *fluvio_op_take_text(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_TEXT);
}

fluvio_value_t *fluvio_op_take_value(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_VALUE);
}

fluvio_watch_t *fluvio_op_take_watch(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_WATCH);
}

fluvio_position_list_t *fluvio_op_take_position_list(fluvio_op_t *op)
{
  return take(op, FLUVIOC_KIND_POSITION_LIST);
}

int64_t fluvio_op_take_offset(fluvio_op_t *op)
{
  return !fluvioc_forked && fluvioc_is(op, FLUVIOC_KIND_OP) && wait_done(op, 0) ? op->number : -1;
}

void fluvio_op_free(fluvio_op_t *op)
{
  if (fluvioc_forked || !fluvioc_is(op, FLUVIOC_KIND_OP))
    return;
  if (!is_close(op->command) && op->command != FLUVIOC_OFFSETS_REPLY)
    fluvio_op_cancel(op);
  fluvioc_unref(op);
}
