/*
 * internal.h - what the C files of the library share.
 *
 * Locks: an object's own lock, then the lock of the signal list; the lock of a queue may be taken under none. A callback
 * runs under no lock. References: whoever stores a pointer to an object holds a reference; functions named _new return one.
 */
#ifndef FLUVIOC_INTERNAL_H
#define FLUVIOC_INTERNAL_H

#include "bridge.h"

#ifdef _WIN32
#include "win32.h"
#else
#include <pthread.h>
#endif
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- objects */

enum fluvioc_kind {
  FLUVIOC_KIND_CLIENT = 1,
  FLUVIOC_KIND_PRODUCER,
  FLUVIOC_KIND_CONSUMER,
  FLUVIOC_KIND_OP,
  FLUVIOC_KIND_QUEUE,
  FLUVIOC_KIND_EVENT,
  FLUVIOC_KIND_BATCH,
  FLUVIOC_KIND_CONFIG,
  FLUVIOC_KIND_ERROR,
  FLUVIOC_KIND_TOPIC_LIST,
  FLUVIOC_KIND_CONSUMER_OFFSET_LIST,
  FLUVIOC_KIND_POSITION_LIST,
  FLUVIOC_KIND_TEXT,
  FLUVIOC_KIND_RECORD_LIST,
  FLUVIOC_KIND_VALUE,
  FLUVIOC_KIND_WATCH,
  FLUVIOC_KIND_VERIFIER,
  FLUVIOC_KINDS /* behind the last one */
};

enum fluvioc_state { FLUVIOC_OPEN = 0, FLUVIOC_CLOSING, FLUVIOC_CLOSED, FLUVIOC_POISONED };

#define FLUVIOC_MAGIC 0xF10B10C5u /* a live object */
#define FLUVIOC_DEAD 0xDEADF10Bu  /* a freed one; found with luck only */

/* The head of every object behind a public pointer. */
typedef struct fluvioc_object {
  uint32_t magic;
  uint32_t kind;
  _Atomic int32_t refs;
  _Atomic int32_t state; /* enum fluvioc_state; changes under the object's lock */
  _Atomic(fluvio_error_t *) fault; /* why it is poisoned; set once, before the state */
  uint64_t id;           /* of the Go object, or of an operation */
  struct fluvioc_object *next_signal; /* these three are guarded by the lock of the signal list */
  uint32_t signals;
  bool queued;
} fluvioc_object_t;

void fluvioc_object_init(fluvioc_object_t *object, enum fluvioc_kind kind, uint64_t id);
void *fluvioc_ref(void *object);
void fluvioc_unref(void *object); /* NULL is fine */
bool fluvioc_is(const void *object, enum fluvioc_kind kind);
/* OK, FORKED, or INVALID_ARGUMENT for NULL, a wrong kind, no object at all. op completes the message. */
fluvio_status_t fluvioc_check(const void *object, enum fluvioc_kind kind, const char *op, fluvio_error_t **error);
/* The same, and CLOSED or INTERNAL when the object is not open. */
fluvio_status_t fluvioc_check_open(const void *object, enum fluvioc_kind kind, const char *op, fluvio_error_t **error);
/* Why an object is not open. */
fluvio_status_t fluvioc_not_open(const fluvioc_object_t *object, const char *op, fluvio_error_t **error);
/* Copies a row of a public struct, which begins with its struct_size, into the caller's, who may know fewer fields and has
 * said so in struct_size. INVALID_ARGUMENT for NULL, and without a struct_size. */
fluvio_status_t fluvioc_give(void *out, const void *row, size_t size);
/* Sends signals to Go. */
void fluvioc_signal(fluvioc_object_t *object, uint32_t signals);

/* What fluvioc_unref calls for the last reference. */
void fluvioc_client_destroy(fluvio_client_t *client);
void fluvioc_producer_destroy(fluvio_producer_t *producer);
void fluvioc_consumer_destroy(fluvio_consumer_t *consumer);
void fluvioc_op_destroy(fluvio_op_t *op);
void fluvioc_queue_destroy(fluvio_queue_t *queue);
void fluvioc_batch_destroy(fluvio_batch_t *batch);
void fluvioc_record_list_destroy(fluvio_record_list_t *list);
void fluvioc_config_destroy(fluvio_config_t *config);
void fluvioc_error_destroy(fluvio_error_t *error);
void fluvioc_watch_destroy(fluvio_watch_t *watch);
void fluvioc_verifier_destroy(fluvioc_verifier_t *verifier);

/* A client is closed in the background when neither its handle nor a producer, consumer or watch of it is left. */
void fluvioc_client_hold(fluvio_client_t *client);
void fluvioc_client_unhold(fluvio_client_t *client);

/* Changes the state, unless the object is closed: that is final. */
void fluvioc_set_state(fluvioc_object_t *object, enum fluvioc_state state);
/* Changes the state under the object's lock and wakes whoever waits. producer: returns the records accepted. */
uint64_t fluvioc_producer_set_state(fluvio_producer_t *producer, enum fluvioc_state state);
void fluvioc_consumer_set_state(fluvio_consumer_t *consumer, enum fluvioc_state state);
fluvio_client_t *fluvioc_consumer_client(const fluvio_consumer_t *consumer);
/* A copy of how far the application has come, one mark for each place, for free; *count may be 0. given: what it got, else
 * what it is done with. NULL when memory is short. */
fluvioc_mark_t *fluvioc_consumer_marks(fluvio_consumer_t *consumer, bool given, size_t *count);
uint64_t fluvioc_producer_accepted(fluvio_producer_t *producer);
/* Drops a report's weight from what the application has not taken yet. */
void fluvioc_producer_report_taken(fluvio_producer_t *producer, uint64_t weight);

/* ----------------------------------------------------------------- errors */

/* Makes an error in C, with flags and hint of the table; returns status. out NULL: nothing is made. */
fluvio_status_t fluvioc_fail(fluvio_error_t **out, fluvio_status_t status, const char *op, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same with a topic, and with the setting in question, or NULL. */
fluvio_status_t fluvioc_fail_at(fluvio_error_t **out, fluvio_status_t status, const char *op, const char *topic, const char *setting, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Adds a reference. */
fluvio_error_t *fluvioc_error_ref(fluvio_error_t *error);

/* ---------------------------------------------------------------- batches */

/* What follows the first from records of a batch, as a batch of its own that keeps the whole one. NULL when memory is short. */
fluvio_batch_t *fluvioc_batch_tail(fluvio_batch_t *batch, size_t from);
/* An empty list, and the first n records of a batch in it, which it keeps. NULL and false when memory is short. */
fluvio_record_list_t *fluvioc_record_list_new(void);
bool fluvioc_record_list_add(fluvio_record_list_t *list, fluvio_batch_t *batch, size_t n);

/* ------------------------------------------------------------------- lists */

/* Rows of a public struct, and the texts that they point to, in one block: what stands behind lists of topics, of stored
 * offsets and of positions. */
typedef struct fluvioc_list {
  fluvioc_object_t object;
  size_t count, row_size;
  void *rows;
  char *texts; /* one after the other, each ending with a zero */
} fluvioc_list_t;
/* A list whose rows are to be filled; copies len bytes of texts. NULL when memory is short. */
fluvioc_list_t *fluvioc_list_new(enum fluvioc_kind kind, size_t count, size_t row_size, const char *texts, size_t len);
/* What the public functions do, for a list of that kind; 0 and INVALID_ARGUMENT for what is none. */
size_t fluvioc_list_count(const void *list, enum fluvioc_kind kind);
fluvio_status_t fluvioc_list_get(const void *list, enum fluvioc_kind kind, size_t i, void *out);

/* ------------------------------------------------------------------ config */

size_t fluvioc_config_count(const fluvio_config_t *config);
/* The settings, for as long as the config lives and does not change. */
const fluvioc_setting_t *fluvioc_config_settings(const fluvio_config_t *config);
/* What queues of a config are for. */
enum fluvioc_purpose { FLUVIOC_EVENTS, FLUVIOC_STORE, FLUVIOC_LOG, FLUVIOC_HOOKS, FLUVIOC_PURPOSES };
/* Where that goes, or NULL, and the opaque value it has. */
fluvio_queue_t *fluvioc_config_queue(const fluvio_config_t *config, enum fluvioc_purpose purpose, uint64_t *opaque);
/* Who judges servers; NULL: nobody. set takes over the reference. */
fluvioc_verifier_t *fluvioc_config_verifier(const fluvio_config_t *config);
void fluvioc_config_set_verifier(fluvio_config_t *config, fluvioc_verifier_t *verifier);
/* A copy; NULL when memory is short. */
fluvio_config_t *fluvioc_config_copy(const fluvio_config_t *config);

/* -------------------------------------------------------------- operations */

/* What a control function wants done. */
typedef struct fluvioc_request {
  int32_t command;
  const char *name;   /* "create topic", for messages */
  const void *target; /* the handle it is called on, NULL for connect */
  enum fluvioc_kind kind;
  const char *topic;
  bool topic_optional;
  bool has_topic;
  const char *what;
  const char *what_name; /* what it is, where it must be there */
  const fluvio_config_t *config;
  fluvio_queue_t *deliveries;
  const char *consumer_id;
  bool has_consumer_id;
  const char *position;
  bool has_position;
  int32_t partition;
  int64_t offset;
  int64_t *number; /* where the operation's number goes, or NULL */
  int64_t timeout_ms;
  fluvio_queue_t *queue;
  uint64_t opaque;
} fluvioc_request_t;

/* What every request says. */
static inline fluvioc_request_t fluvioc_request_on(const void *target, enum fluvioc_kind kind, int32_t command, const char *name, int64_t timeout_ms)
{
  return (fluvioc_request_t){ .command = command, .name = name, .target = target, .kind = kind, .timeout_ms = timeout_ms };
}

/* Starts an operation, for the _async functions; NULL when memory is short or forked. */
fluvio_op_t *fluvioc_op_start_on(fluvio_queue_t *queue, uint64_t opaque, fluvioc_request_t request);
/* Starts it, waits, and gives the result (of that kind) to *result unless result is NULL, and a number to *request->number. */
fluvio_status_t fluvioc_op_run(const fluvioc_request_t *request, void **result, fluvio_error_t **error);
/* The same for a public function: the result, NULL for none, goes to what place points to, which is called name. */
fluvio_status_t fluvioc_op_give(fluvioc_request_t request, const char *name, void *place, fluvio_error_t **error);
/* Closes a handle nobody has any more. */
#define FLUVIOC_CLOSE_LATER_MS 10000
void fluvioc_op_close_later(const fluvioc_request_t *request);
/* Fills what fluvioc_next hands out of an operation. */
void fluvioc_op_describe(fluvio_op_t *op, fluvioc_signal_t *out);
/* Whether waiting for a close of target inside the running callback of this thread would wait for that callback. */
bool fluvioc_would_deadlock(int32_t command, const void *target);

/* ---------------------------------------------------- waiting and readiness */

#define FLUVIOC_FOREVER INT64_MAX
int64_t fluvioc_now(void); /* ns, monotonic */
/* The moment timeout_ms from now; 0 for 0, which spares asking the clock: fluvioc_cond_wait then does not wait. */
int64_t fluvioc_deadline(int64_t timeout_ms);
void fluvioc_cond_init(pthread_cond_t *cond);
/* Waits for cond; false when the deadline has passed. */
bool fluvioc_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline);
/* Starts a detached thread that takes none of the host's signals; 0 or an errno. */
int fluvioc_thread_start(void *(*run)(void *), void *arg);

/* A pipe that is readable while something waits. Made when first asked for; guarded by its owner's lock. */
typedef struct fluvioc_ready {
  int read_fd, write_fd; /* -1: not made */
  bool set;
} fluvioc_ready_t;
#define FLUVIOC_READY_INIT { -1, -1, false }
int fluvioc_ready_fd(fluvioc_ready_t *ready, bool now);
void fluvioc_ready_set(fluvioc_ready_t *ready);
void fluvioc_ready_clear(fluvioc_ready_t *ready);
void fluvioc_ready_close(fluvioc_ready_t *ready);
/* A pipe (on Windows a pair of sockets) whose ends do not block and do not survive exec; false when descriptors are short. */
bool fluvioc_pipe(int *read_fd, int *write_fd);
void fluvioc_pipe_fill(int fd);  /* with one byte, if there is room */
void fluvioc_pipe_drain(int fd);
void fluvioc_pipe_close(int fd);

/* The object whose callback runs on this thread, NULL outside of callbacks. */
extern _Thread_local const void *fluvioc_current;

/* ------------------------------------------------------------------ events */

/* An operation's end; an owner of the queue's reference calls it. */
void fluvioc_queue_push_op(fluvio_queue_t *queue, uint64_t opaque);
/* An event of a consumer; takes over error and copies topic. Without memory it is dropped. */
void fluvioc_queue_push_consumer_event(fluvio_queue_t *queue, uint64_t consumer, uint64_t opaque, const fluvio_consumer_event_t *what, fluvio_error_t *error);
const fluvio_consumer_offset_t *fluvioc_consumer_offset_list_rows(const fluvio_consumer_offset_list_t *list);
/* A delivery report; takes over error and a reference to producer. False when memory is short. */
bool fluvioc_queue_push_delivery(fluvio_queue_t *queue, const fluvio_delivery_t *delivery, fluvio_error_t *error, fluvio_producer_t *producer, uint64_t weight);

/* -------------------------------------------------------------------- fork */

extern volatile int fluvioc_forked; /* 1 in a forked child */

#endif
