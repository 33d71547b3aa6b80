/*
 * bridge.h - what the Go half of the library sees of the C half.
 *
 * The traffic has two directions and one rule. C to Go: operations and signals lie in one list of the process; a
 * goroutine is woken through a pipe and takes them with fluvioc_next. Go to C: the short functions below, which lock, move
 * pointers and return. Rule: C never calls Go, so no thread of the host ever enters the Go runtime.
 */
#ifndef FLUVIOC_BRIDGE_H
#define FLUVIOC_BRIDGE_H

#include <stdbool.h>

#include "fluvio.h"

/* What an operation asks of Go. */
enum {
  FLUVIOC_CONNECT = 1,
  FLUVIOC_CLOSE_CLIENT,
  FLUVIOC_CREATE_TOPIC,
  FLUVIOC_DELETE_TOPIC,
  FLUVIOC_LIST_TOPICS,
  FLUVIOC_OPEN_PRODUCER,
  FLUVIOC_FLUSH,
  FLUVIOC_CLOSE_PRODUCER,
  FLUVIOC_OPEN_CONSUMER,
  FLUVIOC_COMMIT,
  FLUVIOC_COMMIT_OFFSET,
  FLUVIOC_CLOSE_CONSUMER,
  FLUVIOC_LIST_OFFSETS,
  FLUVIOC_DELETE_OFFSET,
  FLUVIOC_PRODUCER_STATS,
  FLUVIOC_RESET_OFFSET,
  FLUVIOC_SEEK,
  FLUVIOC_PAUSE,
  FLUVIOC_RESUME,
  FLUVIOC_DRAIN,
  FLUVIOC_OFFSETS_REPLY,
  FLUVIOC_POSITIONS,
  FLUVIOC_OFFSET_FOR,
  FLUVIOC_HEALTH,
  FLUVIOC_CLIENT_STATS,
  FLUVIOC_PROMETHEUS,
  FLUVIOC_CREATE_OBJECT,
  FLUVIOC_DELETE_OBJECT,
  FLUVIOC_DESCRIBE_OBJECT,
  FLUVIOC_LIST_OBJECTS,
  FLUVIOC_ADD_PARTITIONS,
  FLUVIOC_ADD_MIRROR,
  FLUVIOC_WAIT_TOPIC,
  FLUVIOC_OPEN_WATCH,
  FLUVIOC_WATCH_NEXT,
  FLUVIOC_CLOSE_WATCH
};

/* Signals to Go, or-ed; which fit depends on what sends them. */
enum {
  FLUVIOC_RUN = 1,       /* operation: begin */
  FLUVIOC_CANCEL = 2,    /* operation: end early */
  FLUVIOC_DATA = 4,      /* producer: the queue is no longer empty */
  FLUVIOC_ROOM = 8,      /* consumer: the ring has room */
  FLUVIOC_QUIET = 16     /* consumer: no callback will run any more */
};

/* A setting of a config. */
typedef struct fluvioc_setting {
  const char *key; /* NULL: value is the text of a JSON object */
  const char *value;
} fluvioc_setting_t;

/* How far the application had come in a place: the offset of a record, -1 before the first. */
typedef struct fluvioc_mark {
  int64_t offset;
  uint32_t era; /* the place's when that was noted; changes when marks are taken back */
} fluvioc_mark_t;

/* The application as a judge of servers. */
typedef struct fluvioc_verifier fluvioc_verifier_t;

/* What fluvioc_next hands out. Pointers live until the operation is completed. */
typedef struct fluvioc_signal {
  uint32_t signals;
  uint64_t id;       /* of the operation, or of the Go object that is signalled */
  fluvio_op_t *op;   /* FLUVIOC_RUN: what to do, described by the fields below; else NULL */
  int32_t command;   /* FLUVIOC_CONNECT ... */
  uint64_t target;   /* the Go object the operation is for */
  int64_t timeout_ms; /* what is left of it; negative: none */
  uint64_t sequence; /* flush, close: the number of records accepted before */
  const char *topic; /* or the name of another object; may be NULL */
  const char *what; /* the kind of object, or what the command needs besides; may be NULL */
  const fluvioc_setting_t *settings;
  size_t setting_count;
  fluvio_queue_t *deliveries; /* may be NULL */
  const char *consumer_id; /* may be NULL */
  const char *position; /* may be NULL */
  fluvio_queue_t *events; /* may be NULL */
  uint64_t events_opaque;
  fluvio_queue_t *store; /* may be NULL */
  uint64_t store_opaque;
  fluvio_queue_t *log; /* may be NULL */
  uint64_t log_opaque;
  fluvio_queue_t *hooks; /* may be NULL */
  uint64_t hooks_opaque;
  fluvioc_verifier_t *verifier; /* may be NULL */
  int32_t partition;
  int64_t offset;
  const fluvioc_mark_t *marks; /* commit: how far the application has come, by place */
  size_t mark_count;
} fluvioc_signal_t;

/* The descriptor that wakes the taker of signals; -1 when descriptors are short. */
int fluvioc_wake_fd(void);
/* For who has no such descriptor: returns 1 when there is a signal. */
int fluvioc_wait_signal(void);
/* Takes the next signal: 1, or 0 when there is none; then one byte comes through the descriptor with the next one. */
int fluvioc_next(fluvioc_signal_t *out);

/* Makes an error. texts: the message, then key and value of each detail, each ending with a zero. flags:
 * FLUVIOC_RETRIABLE ..., and FLUVIO_END_REACHED ... shifted by FLUVIOC_END_SHIFT. Never NULL. */
enum { FLUVIOC_RETRIABLE = 1, FLUVIOC_FATAL = 2, FLUVIOC_MAYBE_WRITTEN = 4, FLUVIOC_END_SHIFT = 8 };
fluvio_error_t *fluvioc_error_new(fluvio_status_t status, int32_t server_code, uint32_t flags, const char *texts, size_t len, size_t details);

/* Ends an operation. Takes over error (NULL: success) and the caller's reference to result. number: -1 when there is none. */
void fluvioc_op_complete(fluvio_op_t *op, fluvio_error_t *error, void *result, int64_t number);

/* The handles. _new gives two references: the user's, which goes into the operation's result, and Go's. NULL when memory
 * is short. handle: any of client, producer, consumer, watch. batch_room: what a batch has room for, in bytes of encoded records. pinned: by
 * its settings to one partition. spreads: with a partitioner for which one partition leaves no choice. */
fluvio_client_t *fluvioc_client_new(uint64_t id, const char *platform_version, fluvio_queue_t *events, fluvio_queue_t *log, fluvio_queue_t *hooks);
fluvio_producer_t *fluvioc_producer_new(uint64_t id, fluvio_client_t *client, fluvio_queue_t *deliveries, const char *topic, size_t topic_len, uint64_t queue_limit, uint64_t report_limit, uint64_t record_limit, uint32_t batch_room, bool by_segment, bool pinned, bool spreads, bool lingers);
fluvio_consumer_t *fluvioc_consumer_new(uint64_t id, fluvio_client_t *client, fluvio_queue_t *events, fluvio_queue_t *store);
/* From now on calls on the handle say CLOSED; wakes them. For a producer: the number of records accepted before. */
uint64_t fluvioc_closing(void *handle);
/* The handle is closed. */
void fluvioc_closed(void *handle);
/* The handle met a bug: calls on it give this error from now on. Takes it over. */
void fluvioc_poison(void *handle, fluvio_error_t *error);
/* Drops Go's reference. */
void fluvioc_drop(void *handle);

/* A piece of a producer's queue: records one after the other, either encoded, as in a batch whose first record is the first here,
 * or each behind a head. All encoded ones are for one partition, and all or none of them have timestamps. */
typedef struct fluvioc_chunk {
  struct fluvioc_chunk *next;
  uint32_t size;  /* room in bytes */
  uint32_t used;  /* bytes taken by records */
  uint64_t count; /* records */
  int64_t since;  /* ns by the monotonic clock: when the first record was accepted; how long ago that was, once taken */
  bool encoded;
  int32_t partition;       /* encoded: of all, or -1 */
  uint32_t payload;        /* encoded: bytes of keys and values */
  int64_t first_timestamp; /* encoded: of the first record; 0: they have none */
  int64_t max_timestamp;
  uint64_t *opaque;        /* encoded: of each record, in the chunk; NULL when nobody takes reports */
  uint8_t bytes[];
} fluvioc_chunk_t;
/* The head of a record that is not encoded; key and value follow, then zeros up to a multiple of 8. */
typedef struct fluvioc_record {
  uint32_t key_len; /* FLUVIO_NO_KEY: none */
  uint32_t value_len;
  int64_t timestamp;
  uint64_t opaque;
  int32_t partition;
  uint32_t reserved;
} fluvioc_record_t;
/* Tells which partitions there are, for the application's partitioner: their number, and those that are online. */
void fluvioc_producer_partitions(fluvio_producer_t *producer, int32_t count, const int32_t *available, size_t available_count);
/* The records accepted so far, and the bytes of their keys and values. */
void fluvioc_producer_totals(fluvio_producer_t *producer, uint64_t *records, uint64_t *bytes);
/* Takes what is queued, except for the chunk that is being filled if there are others, and nobody waits. hurry: what was queued
 * so far is not to linger. Neither: FLUVIOC_DATA comes with the next record or hurry. */
fluvioc_chunk_t *fluvioc_producer_take(fluvio_producer_t *producer, bool *hurry);
/* What is queued by now is told apart from what comes after, by when it was accepted. */
void fluvioc_producer_age(fluvio_producer_t *producer);
/* 1: FLUVIOC_DATA comes when that many bytes are queued, or somebody waits for what was sent or for room. 0: that is so now. */
int fluvioc_producer_gather(fluvio_producer_t *producer, uint64_t enough);
/* Gives a list of chunks back, which makes room. */
void fluvioc_producer_done(fluvio_producer_t *producer, fluvioc_chunk_t *chunks);
/* Reports count records of one partition. Takes over error. opaque is copied. */
void fluvioc_producer_report(fluvio_producer_t *producer, fluvio_error_t *error, int32_t persisted, int32_t partition, int64_t base_offset, int64_t latency_us, uint64_t count, const uint64_t *opaque);

/* The columns of a new batch, to be filled. */
typedef struct fluvioc_columns {
  int64_t *offset;
  int64_t *timestamp;
  uint32_t *key_pos;
  uint32_t *key_len;
  uint32_t *value_pos;
  uint32_t *value_len;
  uint8_t *data;
} fluvioc_columns_t;
/* An empty batch of count records over data_len bytes with one reference; NULL when memory is short. */
fluvio_batch_t *fluvioc_batch_new(const char *topic, size_t topic_len, int32_t partition, int64_t high_watermark, size_t count, size_t data_len, fluvioc_columns_t *out);
/* Leaves a batch with its first count records, before anybody else knows of it. */
void fluvioc_batch_shorten(fluvio_batch_t *batch, size_t count);
/* 1 when the consumer's ring is full: FLUVIOC_ROOM then comes when it has room. */
int fluvioc_consumer_full(fluvio_consumer_t *consumer);
/* Adds a batch or an error to the ring, never waits. Takes over both. place: the batch's partition, as Go numbers them from
 * 0 on; -1 for an error. */
void fluvioc_consumer_push(fluvio_consumer_t *consumer, fluvio_batch_t *batch, int32_t place, fluvio_error_t *error);
/* Makes room for places 0 to count-1. 0 when memory is short. */
int fluvioc_consumer_places(fluvio_consumer_t *consumer, size_t count);
/* Fills marks, one for each of count places: the offset of the last record that the application got, or, unless given, is done
 * with, having come for more; -1 for none. */
void fluvioc_consumer_read_marks(fluvio_consumer_t *consumer, bool given, int64_t *marks, size_t count);
/* Sets those of count marks to -1 that were taken back since they were noted. */
void fluvioc_consumer_refresh(fluvio_consumer_t *consumer, fluvioc_mark_t *marks, size_t count);
/* The topic of a place is gone: drops what waits in the ring of it, and what is still pushed. */
void fluvioc_consumer_retire(fluvio_consumer_t *consumer, int32_t place);
/* A retired place is another partition's from now on, of which the application has got nothing yet. */
void fluvioc_consumer_reuse(fluvio_consumer_t *consumer, int32_t place);
/* Drops what waits in the ring of a place, and gives the offset of the last record that the application got of it, -1 for
 * none. next: as if it had got none from there on; negative: no change. */
int64_t fluvioc_consumer_purge(fluvio_consumer_t *consumer, int32_t place, int64_t next);
/* Forgets the end of the stream, because more comes: 1, or 0 when a callback was told of it already. */
int fluvioc_consumer_reopen(fluvio_consumer_t *consumer);
/* Tells of something that happened to a partition. consumer tells the consumers of a queue apart. Takes over error, copies topic. */
void fluvioc_consumer_event(fluvio_queue_t *events, uint64_t consumer, uint64_t opaque, int32_t kind, const char *topic, size_t topic_len, int32_t partition, int64_t offset, int64_t next, int32_t attempt, int64_t delay_ms, fluvio_error_t *error);
/* Nothing comes any more; error says why and is given by every later poll. Takes it over. */
void fluvioc_consumer_end(fluvio_consumer_t *consumer, fluvio_error_t *error);
/* 1 while a callback may run; FLUVIOC_QUIET comes when that ends. */
int fluvioc_consumer_busy(fluvio_consumer_t *consumer);

/* Tells of something that happened to a client. what: without texts, which are copied: address and topic, each ending with a
 * zero, len bytes. client tells the clients of a queue apart. Takes over error. */
void fluvioc_client_event(fluvio_queue_t *events, uint64_t client, uint64_t opaque, const fluvio_client_event_t *what, const char *texts, size_t len, fluvio_error_t *error);

/* Adds a reference, for Go; fluvioc_drop. */
fluvioc_verifier_t *fluvioc_verifier_keep(fluvioc_verifier_t *verifier);
/* Asks the application, and waits for it: the one function here that does. bytes are the certificates one after the other. 0:
 * accepted; else message, of message_size zeros, may say why. */
int32_t fluvioc_verifier_ask(fluvioc_verifier_t *verifier, const char *server_name, const uint8_t *bytes, const size_t *lengths, size_t count, char *message, size_t message_size);

/* A text of that many bytes, none of them zero. NULL when memory is short. */
fluvio_text_t *fluvioc_text_new(const char *bytes, size_t len);

/* One value of a tree: its type, FLUVIO_VALUE_...; of lists and maps how many children there are, side by side from first on;
 * in maps the position of the name in the texts; the number, or the length of bytes; the position of the text. */
typedef struct fluvioc_node {
  int32_t type;
  uint32_t count, first, key;
  int64_t number;
  uint64_t text;
} fluvioc_node_t;
/* A tree of values, the first of which is the root. Texts in texts end with a zero; json is where that of all is. NULL when
 * memory is short. */
fluvio_value_t *fluvioc_value_new(const fluvioc_node_t *nodes, size_t count, const char *texts, size_t len, size_t json);
/* A watch; the caller gets one reference, Go keeps the other. */
fluvio_watch_t *fluvioc_watch_new(uint64_t id, fluvio_client_t *client);

/* A list of topics. texts: name, status, reason, compression of each topic, each ending with a zero. numbers: system,
 * partitions, replication, retention seconds, segment size, maximal partition size of each. NULL when memory is short. */
fluvio_topic_list_t *fluvioc_topic_list_new(size_t count, const char *texts, size_t len, const uint64_t *numbers);
/* A list of consumer offsets. texts: consumer id and topic of each. numbers: partition, offset, time of each. */
fluvio_consumer_offset_list_t *fluvioc_consumer_offset_list_new(size_t count, const char *texts, size_t len, const int64_t *numbers);
/* Asks the application as an offset store, by an event with Go's number for the answer. Takes over list (of what is to be
 * saved; NULL: load). 0 when memory is short. */
int fluvioc_queue_push_offsets(fluvio_queue_t *queue, uint64_t opaque, uint64_t id, const char *consumer_id, fluvio_consumer_offset_list_t *list);
/* Tells of something by an event of type FLUVIO_EVENT_LOG (code: the level), FLUVIO_EVENT_STATS, or FLUVIO_EVENT_SPAN_START and
 * _END (code: the kind). texts: the message, then keys and values of the fields in turn. Takes over error. Without memory, and
 * when too many such events wait, it is dropped. */
void fluvioc_queue_push_note(fluvio_queue_t *queue, int32_t type, uint64_t opaque, int32_t code, int64_t time_us, uint64_t id, uint64_t parent, const char *texts, size_t len, size_t fields, fluvio_error_t *error);

/* A list of positions. texts: the topic of each. numbers: partition, position, high watermark, log end offset, lag, committed,
 * skipped, paused of each. */
fluvio_position_list_t *fluvioc_position_list_new(size_t count, const char *texts, size_t len, const int64_t *numbers);

#endif
