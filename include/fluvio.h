/*
 * fluvio.h - the C API of libfluvio, a client for Fluvio.
 *
 * Conventions that hold for every function, unless its comment says otherwise:
 *
 * Status     Functions that can fail return fluvio_status_t: FLUVIO_OK (0) or a negative FLUVIO_ERR_*. New codes may be
 *            added; treat an unknown negative number as an error.
 * Statuses   Any function may give INVALID_ARGUMENT (NULL, another kind of handle, a text or setting that is refused), CLOSED,
 *            FORKED, OUT_OF_MEMORY and INTERNAL; one with timeout_ms TIMEOUT; one that asks the cluster CONNECTION, TLS,
 *            PROTOCOL, PERMISSION, UNSUPPORTED, SERVER, and NOT_FOUND or ALREADY_EXISTS about what a name stands for.
 *            Comments tell what is special, and leave FLUVIO_ERR_ away.
 * Errors     The last parameter fluvio_error_t **error may be NULL. On failure it receives an error object, which the
 *            caller frees with fluvio_error_free; on success it is left alone. Nothing is kept per thread.
 * Handles    Opaque pointers. _close talks to the network, may block up to its timeout, is idempotent and wakes every
 *            blocked call on the handle with FLUVIO_ERR_CLOSED. _free never blocks, releases the memory, must be the last
 *            call on the handle, and closes it in the background if it still is open. NULL is fine in every _free.
 *            A closed handle, a handle of another kind and NULL give an error, never a crash.
 * Threads    Every function may be called from any thread at any time, on shared handles too, except _free.
 * Timeouts   timeout_ms: milliseconds; 0 does not wait; negative is no limit but those of the settings, such as
 *            connection_timeout_ms: what waits for records, events or room then waits for ever. A function
 *            returns by its deadline.
 * Blocking   Only functions with timeout_ms wait. An _async one never does: its timeout_ms is the operation's.
 * Strings    UTF-8, zero-terminated. Data has a pointer and a length and may hold any bytes.
 * Parameters Values, handles and pointers to const go in; through other pointers results come out, which after a failure mean
 *            nothing, if not said otherwise. A name with _len after that of a pointer is its length in bytes.
 * Memory     Inputs are copied before the function returns. Who frees an output is said at the function.
 * Callbacks  Run on a thread of the library, never two at once for one object, with no lock held. Inside one, blocking
 *            functions on the same object do not wait: in a consumer's, its poll and its or its client's close give
 *            FLUVIO_ERR_WOULD_DEADLOCK; in a queue's, fluvio_queue_poll returns NULL. They must not throw or longjmp. After
 *            _close has returned, no callback runs, and ctx_free has been called, once (if _close timed out while a callback
 *            ran: when that returns). A _start that fails does not call ctx_free.
 * Go         Every function here is plain C. None enters the Go runtime on the caller's thread.
 * Fork       In a forked child every function returns FLUVIO_ERR_FORKED (or NULL, 0, -1), and _free does nothing; what only
 *            reads memory (errors, batches, lists) works on. A child that wants Fluvio must exec, or be started by
 *            spawn: the Go runtime does not live on in it. One that was forked before the library was loaded has its own.
 * Compatibility  What is here stays: a program built with this header runs with every later libfluvio.so.1. Structs with a
 *            struct_size get fields at their end, and the library writes no more than struct_size says; others, and those
 *            that arrays are made of, never change.
 *            New functions, codes, kinds of events and settings come with a new version ("Since").
 * Signals    Handlers of the host stay, before and after loading, save for those of SIGSEGV, SIGBUS, SIGFPE and SIGURG, which the Go
 *            runtime takes and hands on. SIGPIPE does what it did. Go's threads block all others but SIGCHLD and SIGPROF: let
 *            their handlers have SA_ONSTACK, as they may run on one of those threads.
 * Loading    Other libraries that are written in Go may be in the same process, and this one more than once, from files of
 *            different names: each then has its own runtime, threads and handles, which must not be given to another.
 * Unloading  dlclose does not unload the library.
 * Windows    A descriptor is a SOCKET for select and WSAPoll, and nothing is forked.
 */
#ifndef FLUVIO_H
#define FLUVIO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) && defined(FLUVIO_BUILDING)
#define FLUVIO_API __declspec(dllexport)
#elif defined(_WIN32)
#define FLUVIO_API __declspec(dllimport)
#elif defined(__GNUC__)
#define FLUVIO_API __attribute__((visibility("default")))
#else
#define FLUVIO_API
#endif

/* ---------------------------------------------------------------- version */

/* Version of this header: 0xMMmmpp. */
#define FLUVIO_VERSION_HEX 0x000100

/* Version of the loaded library, in the form of FLUVIO_VERSION_HEX. Since 0.1. */
FLUVIO_API uint32_t fluvio_version(void);
/* The same as text, "0.1.0". Static; never free it. Since 0.1. */
FLUVIO_API const char *fluvio_version_string(void);
/* FLUVIO_OK if the loaded library serves a program built with header_version (pass FLUVIO_VERSION_HEX), else
 * FLUVIO_ERR_VERSION. Since 0.1. */
FLUVIO_API int32_t fluvio_check(uint32_t header_version);

/* ----------------------------------------------------------------- status */

typedef int32_t fluvio_status_t;

#define FLUVIO_OK 0
#define FLUVIO_ERR_TIMEOUT (-1)           /* the deadline passed; the message says what was waited for */
#define FLUVIO_ERR_CLOSED (-2)            /* the handle was closed */
#define FLUVIO_ERR_INTERRUPTED (-3)       /* woken on purpose */
#define FLUVIO_ERR_CANCELLED (-4)         /* cancelled by the caller */
#define FLUVIO_ERR_INVALID_ARGUMENT (-5)  /* the message names the argument or setting and the accepted range */
#define FLUVIO_ERR_INVALID_STATE (-6)     /* the call does not fit the state of the object */
#define FLUVIO_ERR_QUEUE_FULL (-7)        /* buffer_memory is used up */
#define FLUVIO_ERR_NOT_FOUND (-8)         /* topic, partition, profile ... does not exist */
#define FLUVIO_ERR_ALREADY_EXISTS (-9)    /* an object of that name exists */
#define FLUVIO_ERR_PERMISSION (-10)       /* the cluster refuses this identity */
#define FLUVIO_ERR_TLS (-11)              /* TLS could not be established */
#define FLUVIO_ERR_CONNECTION (-12)       /* no connection, or lost */
#define FLUVIO_ERR_PROTOCOL (-13)         /* the peer does not speak Fluvio's protocol */
#define FLUVIO_ERR_SERVER (-14)           /* the server refused; see fluvio_error_server_code */
#define FLUVIO_ERR_OFFSET_EVICTED (-15)   /* the offset is not stored (any more) */
#define FLUVIO_ERR_TOO_LARGE (-16)        /* a record is above a limit; the message gives both numbers */
#define FLUVIO_ERR_UNSUPPORTED (-17)      /* this server lacks the feature */
#define FLUVIO_ERR_VERSION (-18)          /* header and library do not fit */
#define FLUVIO_ERR_FORKED (-19)           /* used in a forked child */
#define FLUVIO_ERR_WOULD_DEADLOCK (-20)   /* blocking call inside a callback */
#define FLUVIO_ERR_OUT_OF_MEMORY (-21)    /* memory could not be allocated */
#define FLUVIO_ERR_INTERNAL (-22)         /* a bug in libfluvio; the handle is unusable */
#define FLUVIO_ERR_END (-23)              /* the stream reached its end */
#define FLUVIO_ERR_CORRUPT (-24)          /* stored data is damaged */
#define FLUVIO_ERR_SMARTMODULE (-25)      /* a SmartModule failed */

/* "FLUVIO_ERR_TIMEOUT" and so on, "FLUVIO_OK", "FLUVIO_ERR_UNKNOWN". Static. Since 0.1. */
FLUVIO_API const char *fluvio_status_name(fluvio_status_t status);

/* ------------------------------------------------------------------ error */

/* Why a call failed. Immutable; texts live as long as the object. The accessors accept NULL. */
typedef struct fluvio_error fluvio_error_t;

/* The status the failing function returned; FLUVIO_OK for NULL. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_error_status(const fluvio_error_t *error);
/* One line: operation, place, what went wrong, and a hint what to do. Lives as long as the error. "" for NULL. Since 0.1. */
FLUVIO_API const char *fluvio_error_message(const fluvio_error_t *error);
/* The Fluvio server's own error code, 0 if the error is not the server's. Since 0.1. */
FLUVIO_API int32_t fluvio_error_server_code(const fluvio_error_t *error);
/* 1 if the same call may succeed later, else 0. Since 0.1. */
FLUVIO_API int32_t fluvio_error_is_retriable(const fluvio_error_t *error);
/* 1 if the handle can no longer be used, else 0. Since 0.1. */
FLUVIO_API int32_t fluvio_error_is_fatal(const fluvio_error_t *error);
/* 1 if the failed request may have taken effect, else 0. Since 0.1. */
FLUVIO_API int32_t fluvio_error_maybe_written(const fluvio_error_t *error);
/* A detail by key: "operation", "topic", "partition", "offset", "address", "setting", "hint", "waited_ms", and keys of
 * single errors such as "next_available". Of errors of SmartModules: "smartmodule" (the chain), "smartmodule_hint" (what the
 * module said), "smartmodule_kind", and of the record it refused "offset", for a producer "record" (its place in its batch), and in
 * base64 "record_key", if it has one, and "record_value". Lives as long as the error; NULL if
 * there is none. Since 0.1. */
FLUVIO_API const char *fluvio_error_detail(const fluvio_error_t *error, const char *key);
/* The i-th detail; 0 while there is one, -1 behind the last. *key and *value live as long as the error. Since 0.1. */
FLUVIO_API int32_t fluvio_error_detail_at(const fluvio_error_t *error, size_t i, const char **key, const char **value);
/* Why the stream has ended, asked of an error that a consumer's poll gave or its callback got; FLUVIO_END_NONE: it goes on, as
 * for NULL. More may be added. Since 0.1. */
FLUVIO_API int32_t fluvio_error_end_reason(const fluvio_error_t *error);
#define FLUVIO_END_NONE 0          /* it goes on */
#define FLUVIO_END_REACHED 1       /* every partition was read to stop_at */
#define FLUVIO_END_DRAINED 2       /* fluvio_consumer_drain was called, and everything was taken */
#define FLUVIO_END_CLOSED 3        /* the consumer, or its client, was closed */
#define FLUVIO_END_TOPIC_DELETED 4 /* no partition is left: the last one's topic was deleted */
#define FLUVIO_END_GAVE_UP 5       /* no partition is left: the last one used up max_retries */
#define FLUVIO_END_FAILED 6        /* no partition is left: the last one met an error that retrying does not mend; or a bug */
#define FLUVIO_END_SILENT 7        /* as REACHED; but through SmartModules nothing came of the rest for request_timeout_ms */
/* Frees an error. Since 0.1. */
FLUVIO_API void fluvio_error_free(fluvio_error_t *error);

/* ----------------------------------------------------------------- config */

/* Settings by name, the same names in every language. They are checked, all at once, by the function that takes the
 * config: unknown names, bad values and contradictions are one FLUVIO_ERR_INVALID_ARGUMENT that lists them all. A config is
 * copied by the functions that take it and may be freed or reused at once. Not thread-safe while it is being filled. */
typedef struct fluvio_config fluvio_config_t;

/* An empty config; every setting has a default. NULL when memory is short. Free with fluvio_config_free. Since 0.1. */
FLUVIO_API fluvio_config_t *fluvio_config_new(void);
/* Sets one value by text: numbers and booleans as "16384" and "true", lists as "a,b". Times and sizes take units, too: "500ms",
 * "1h30m", "7d"; "16KiB", "512MiB", "2GB". A later value replaces an earlier one. INVALID_ARGUMENT for NULL or an empty key.
 * Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_config_set(fluvio_config_t *config, const char *key, const char *value, fluvio_error_t **error);
/* Sets every member of a JSON object, with JSON's own types. INVALID_ARGUMENT when json is not an object. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_config_set_json(fluvio_config_t *config, const char *json, fluvio_error_t **error);
/* Frees a config. Since 0.1. */
FLUVIO_API void fluvio_config_free(fluvio_config_t *config);

/* ---------------------------------------------------- operations and queues */

typedef struct fluvio_op fluvio_op_t;             /* a control request on its way */
typedef struct fluvio_queue fluvio_queue_t;       /* events waiting for the application */
typedef struct fluvio_event fluvio_event_t;       /* one of them */
typedef struct fluvio_client fluvio_client_t;     /* the connection to a cluster */
typedef struct fluvio_producer fluvio_producer_t; /* writes records to a topic */
typedef struct fluvio_consumer fluvio_consumer_t; /* reads records of topics */
typedef struct fluvio_batch fluvio_batch_t;       /* records that were read */
typedef struct fluvio_topic_list_t fluvio_topic_list_t; /* not fluvio_topic_list, which is a function */
typedef struct fluvio_consumer_offset_list fluvio_consumer_offset_list_t;
typedef struct fluvio_text fluvio_text_t;         /* a text that the library made */
typedef struct fluvio_position_list fluvio_position_list_t;
typedef struct fluvio_value fluvio_value_t;       /* an object of the cluster, or a list of them */
typedef struct fluvio_watch fluvio_watch_t;       /* tells of changes of the cluster's objects */
typedef struct fluvio_record_list fluvio_record_list_t; /* records that were read, of any partitions */

/* An _async function returns an operation at once (NULL only when memory is short or in a forked child; every other
 * problem is the operation's result). Its results are those of the function without _async. With a queue, an event of
 * type FLUVIO_EVENT_OP with the given opaque value arrives there when it is done; the queue must outlive the operation. */

/* Waits until the operation is done and returns its status. FLUVIO_ERR_TIMEOUT with a NULL error object while it is not
 * done. May be called again, and from several threads. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_op_wait(fluvio_op_t *op, int64_t timeout_ms, fluvio_error_t **error);
/* Asks the operation to end early; it then is done with FLUVIO_ERR_CANCELLED unless it was quicker. Does not wait. Since 0.1. */
FLUVIO_API void fluvio_op_cancel(fluvio_op_t *op);
/* Takes the result out of a finished operation; the caller owns it. NULL if the operation failed, has another kind of
 * result, is not done, or the result was taken before. Since 0.1. */
FLUVIO_API fluvio_client_t *fluvio_op_take_client(fluvio_op_t *op);
FLUVIO_API fluvio_producer_t *fluvio_op_take_producer(fluvio_op_t *op);
FLUVIO_API fluvio_consumer_t *fluvio_op_take_consumer(fluvio_op_t *op);
FLUVIO_API fluvio_topic_list_t *fluvio_op_take_topic_list(fluvio_op_t *op);
FLUVIO_API fluvio_consumer_offset_list_t *fluvio_op_take_consumer_offset_list(fluvio_op_t *op);
FLUVIO_API fluvio_text_t *fluvio_op_take_text(fluvio_op_t *op);
FLUVIO_API fluvio_position_list_t *fluvio_op_take_position_list(fluvio_op_t *op);
FLUVIO_API fluvio_value_t *fluvio_op_take_value(fluvio_op_t *op);
FLUVIO_API fluvio_watch_t *fluvio_op_take_watch(fluvio_op_t *op);
/* The result of fluvio_consumer_offset_for_async; -1 as above. Since 0.1. */
FLUVIO_API int64_t fluvio_op_take_offset(fluvio_op_t *op);
/* Frees an operation; one that still runs is cancelled, a close excepted, which goes on, and a result nobody took is closed
 * and freed. Since 0.1. */
FLUVIO_API void fluvio_op_free(fluvio_op_t *op);

/* What a text says; lives until it is freed. "" for NULL. Since 0.1. */
FLUVIO_API const char *fluvio_text_get(const fluvio_text_t *text);
/* Frees a text. Since 0.1. */
FLUVIO_API void fluvio_text_free(fluvio_text_t *text);

/* A queue of events, for any number of clients, producers, consumers and operations. NULL when memory is short. Free with
 * fluvio_queue_free. Since 0.1. */
FLUVIO_API fluvio_queue_t *fluvio_queue_new(void);
/* The next event, or NULL when none came by the deadline, the queue was woken, or it has a callback. The caller frees the
 * event. Since 0.1. */
FLUVIO_API fluvio_event_t *fluvio_queue_poll(fluvio_queue_t *queue, int64_t timeout_ms);
/* A descriptor for event loops: readable while events wait. After a wake-up, poll with timeout 0 until NULL. Do not read
 * from it (an event loop that must may: it is a pipe) and do not close it. -1 when descriptors are short. Since 0.1. */
FLUVIO_API int32_t fluvio_queue_fd(fluvio_queue_t *queue);
/* Makes one blocked fluvio_queue_poll, or the next one, return NULL. Since 0.1. */
FLUVIO_API void fluvio_queue_wakeup(fluvio_queue_t *queue);
/* A function that takes events. It must not free the event. */
typedef void (*fluvio_event_cb)(fluvio_event_t *event, void *ctx);
/* Hands every event to callback on a thread of this queue's own, from now on; fluvio_queue_poll then returns NULL.
 * INVALID_STATE if it already has one. ctx_free (may be NULL) is called with ctx by fluvio_queue_free. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_queue_start(fluvio_queue_t *queue, fluvio_event_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error);
/* Frees the queue and the events nobody took. With a callback, every event that came before is handed to it first, and the call
 * blocks until it has returned from the last; from inside the callback that happens after the call. Free the producers and
 * operations that use the queue first: until then the memory stays. Since 0.1. */
FLUVIO_API void fluvio_queue_free(fluvio_queue_t *queue);

/* Sends the events of what is opened with this config to a queue, with this opaque value, from the opening on: of consumers,
 * FLUVIO_EVENT_CONSUMER; of clients, FLUVIO_EVENT_CLIENT, and FLUVIO_EVENT_STATS every statistics_interval_ms. The queue must
 * outlive consumers; of a client's, what comes after fluvio_queue_free is dropped. NULL: nobody is told. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_config_set_events(fluvio_config_t *config, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error);

/* Sends the logs of clients that are connected with this config to a queue, with this opaque value, as events of type
 * FLUVIO_EVENT_LOG. Which levels: the setting log_level (off, error, warn, info, debug; warn), or FLUVIO_LOG in the environment
 * instead. To have them by callback, on a thread of the library that holds no lock, use fluvio_queue_start; after
 * fluvio_queue_free none runs any more. The queue may be freed at any time, what comes later is dropped. Neither secrets nor
 * anything of records is logged. NULL: to the standard error. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_config_set_log(fluvio_config_t *config, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error);

/* Tells a queue, with this opaque value, when clients that are connected with this config begin something and when it ends:
 * events of type FLUVIO_EVENT_SPAN_START and FLUVIO_EVENT_SPAN_END, out of which an application makes spans of its own tracing.
 * The times of events are when it happened, whenever they are taken. The queue may be freed at any time. NULL: nobody is
 * told. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_config_set_hooks(fluvio_config_t *config, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error);

/* Judges a server: 0 accepts it, anything else refuses it, for a reason that may be written into message, as a text of at most
 * message_size bytes with its zero. server_name is the name that the server must have (tls_domain, of SPUs <spu>.<tls_domain>; with
 * tls_insecure it may be empty). certificates are count pointers to what it showed, in DER, its own first, and lengths their sizes in
 * bytes. All of it is valid during the call only. */
#define FLUVIO_TLS_VERIFY_MESSAGE 512 /* message_size */
typedef int32_t (*fluvio_tls_verify_cb)(const char *server_name, const uint8_t *const *certificates, const size_t *lengths, size_t count, char *message, size_t message_size, void *ctx);
/* Has callback judge every server that clients connected with this config reach by TLS, on each new connection and after all
 * other checks; with tls_insecure there are no others. What it refuses is FLUVIO_ERR_TLS, with its message, and not tried again. It
 * runs on threads of the library, never two at once for one client; the connection stands still meanwhile, so it should return
 * soon, and it must not call functions of that client. callback NULL: nobody is asked, as by default. ctx_free (may be NULL) is
 * called with ctx when the config has been freed, or has another callback, and every client connected with it is closed. Not together
 * with share_connections. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_config_set_tls_verify(fluvio_config_t *config, fluvio_tls_verify_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error);

/* Makes the application keep the offsets of consumers that are opened with this config, which need consumer_id: it is asked
 * through events of type FLUVIO_EVENT_OFFSETS, with this opaque value, and answers by fluvio_event_offsets_reply. Opening,
 * committing and closing wait for the answers: another thread must take the events, for instance the queue's own
 * (fluvio_queue_start). The queue must outlive the consumers. NULL: what the setting offset_store says. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_config_set_offset_store(fluvio_config_t *config, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error);

#define FLUVIO_EVENT_OP 1       /* an operation is done */
#define FLUVIO_EVENT_DELIVERY 2 /* records were delivered, or failed */
#define FLUVIO_EVENT_LOG 3      /* a client logs something */
#define FLUVIO_EVENT_CONSUMER 4 /* something happened to a partition that a consumer reads */
#define FLUVIO_EVENT_OFFSETS 5  /* a consumer asks its offset store, which is the application */
#define FLUVIO_EVENT_STATS 6    /* a client's counters */
#define FLUVIO_EVENT_SPAN_START 7 /* a client begins something */
#define FLUVIO_EVENT_SPAN_END 8 /* something that a client began has ended */
#define FLUVIO_EVENT_CLIENT 9   /* something happened to a client's connections or metadata */

/* The type of an event; 0 for NULL. Since 0.1. */
FLUVIO_API int32_t fluvio_event_type(const fluvio_event_t *event);
/* FLUVIO_EVENT_OP: the opaque value given to the _async function. Other events but deliveries: that of fluvio_config_set_events,
 * _set_offset_store, _set_log or _set_hooks. Since 0.1. */
FLUVIO_API uint64_t fluvio_event_opaque(const fluvio_event_t *event);

/* What became of records: of one producer, one partition, one batch; or of several batches that were stored behind each other
 * before anybody took the report. struct_size is set by the caller. */
#define FLUVIO_PERSISTED 1     /* acknowledged */
#define FLUVIO_NOT_PERSISTED 0 /* certainly not stored */
#define FLUVIO_MAYBE_PERSISTED 2 /* no answer came in time: stored or not; or, with an offset, stored but not replicated */
typedef struct fluvio_delivery {
  uint32_t struct_size;
  fluvio_status_t status;      /* FLUVIO_OK or why all of them failed */
  int32_t persisted;           /* FLUVIO_PERSISTED, FLUVIO_NOT_PERSISTED, FLUVIO_MAYBE_PERSISTED */
  int32_t partition;           /* -1 when none was chosen */
  int64_t base_offset;         /* the i-th record has offset base_offset + i; -1 when failed, except for the
                                * server's RequestTimedOut (7: stored but not replicated; MAYBE_PERSISTED): valid then.
                                * -1 too when the records went through SmartModules: what was stored of them, and where,
                                * the server does not tell */
  int64_t latency_us;          /* from the send of a batch's first record to its report; of several batches the longest */
  uint64_t count;              /* records */
  const uint64_t *opaque;      /* count values given to send, in offset order; lives as long as the event */
  const fluvio_error_t *error; /* NULL when status is FLUVIO_OK; lives as long as the event */
  const fluvio_producer_t *producer; /* only to compare; may be freed already */
  int32_t consecutive;         /* 1: opaque[i] is opaque[0] + i for all of them, so that they need not be looked at; else 0 */
  int32_t reserved;
} fluvio_delivery_t;
/* FLUVIO_EVENT_DELIVERY: fills out. INVALID_ARGUMENT for another type. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_event_delivery(const fluvio_event_t *event, fluvio_delivery_t *out);
/* What happened to a partition. struct_size is set by the caller. */
#define FLUVIO_PARTITION_ASSIGNED 1 /* reading begins at offset */
#define FLUVIO_PARTITION_LOST 2     /* the topic of a pattern was deleted; its partition ends without an error */
#define FLUVIO_PARTITION_RETRY 3    /* reading was disturbed by error; attempt comes after delay_ms, or sooner */
#define FLUVIO_PARTITION_RESUMED 4  /* reading goes on at offset after attempt retries */
#define FLUVIO_OFFSET_RESET 5       /* the position offset is not stored; reading goes on at next; error is the server's, if any */
#define FLUVIO_BATCH_SKIPPED 6      /* the stored batch at offset cannot be read because of error; reading goes on at next */
typedef struct fluvio_consumer_event {
  uint32_t struct_size;
  int32_t kind;                /* FLUVIO_PARTITION_ASSIGNED ...; more may be added */
  int32_t partition;
  int32_t attempt;
  const char *topic;           /* lives as long as the event, as does error */
  int64_t offset;
  int64_t next;
  int64_t delay_ms;
  const fluvio_error_t *error; /* NULL: none */
  uint64_t dropped;            /* events of this consumer that were dropped before this one */
} fluvio_consumer_event_t;
/* FLUVIO_EVENT_CONSUMER: fills out. INVALID_ARGUMENT for another type. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_event_consumer(const fluvio_event_t *event, fluvio_consumer_event_t *out);
/* What happened to a client. struct_size is set by the caller. */
#define FLUVIO_CLIENT_CONNECTED 1    /* a connection to address was made */
#define FLUVIO_CLIENT_LOST 2         /* one ended because of error */
#define FLUVIO_CLIENT_RETRY 3        /* the metadata may be old because of error; attempt to reach the SC comes after delay_ms */
#define FLUVIO_CLIENT_RECOVERED 4    /* the SC is back, the metadata is up to date again */
#define FLUVIO_CLIENT_GAVE_UP 5      /* error does not go away by itself: the SC is tried again when it is asked for something */
#define FLUVIO_LEADER_MOVED 6        /* a partition is led by spu, no longer by from_spu */
#define FLUVIO_BREAKER_OPENED 7      /* address is not tried for a while; error is how the last attempt failed */
#define FLUVIO_BREAKER_HALF_OPEN 8   /* one attempt decides about address */
#define FLUVIO_BREAKER_CLOSED 9      /* address is tried as usual */
typedef struct fluvio_client_event {
  uint32_t struct_size;
  int32_t kind;                /* FLUVIO_CLIENT_CONNECTED ...; more may be added */
  const char *address;         /* host:port of the peer, "" for none; lives as long as the event, as do topic and error */
  const char *topic;           /* "" for none */
  int32_t partition;
  int32_t spu;
  int32_t from_spu;
  int32_t attempt;
  int64_t delay_ms;
  const fluvio_error_t *error; /* NULL: none */
  uint64_t dropped;            /* events of this client that were dropped before this one */
} fluvio_client_event_t;
/* FLUVIO_EVENT_CLIENT: fills out. INVALID_ARGUMENT for another type. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_event_client(const fluvio_event_t *event, fluvio_client_event_t *out);
/* Logs, statistics, starts and ends may be dropped: when 10,000 of them wait in a queue, further ones are, the newest that is. So
 * are FLUVIO_EVENT_CLIENT when 10,000 of the same client wait, and FLUVIO_EVENT_CONSUMER when 10,000 of the same consumer do; its
 * statistics count resets and skipped batches all the same. Nothing else is dropped. */

/* A key and a value, which live as long as the event. */
typedef struct fluvio_field {
  const char *key;
  const char *value;
} fluvio_field_t;

#define FLUVIO_LOG_ERROR 1 /* something is lost or given up */
#define FLUVIO_LOG_WARN 2  /* something is wrong that may mend itself */
#define FLUVIO_LOG_INFO 3  /* connections, retries, leaders that move */
#define FLUVIO_LOG_DEBUG 4 /* requests */
/* A line of the log. struct_size is set by the caller. Texts live as long as the event. */
typedef struct fluvio_log {
  uint32_t struct_size;
  int32_t level;                /* FLUVIO_LOG_ERROR ... */
  int64_t time_us;              /* since the epoch */
  const char *message;          /* one of a fixed set; what differs is in the fields */
  const fluvio_field_t *fields; /* client, addr, role, kind, api, spu, topic, partition, offset, attempt, delay, error, code ... */
  uint64_t field_count;
  uint64_t dropped;             /* events like this that were dropped before this one */
} fluvio_log_t;
/* FLUVIO_EVENT_LOG: fills out. INVALID_ARGUMENT for another type. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_event_log(const fluvio_event_t *event, fluvio_log_t *out);

#define FLUVIO_SPAN_CONNECT 1       /* a dial, with handshakes */
#define FLUVIO_SPAN_REQUEST 2       /* a request and its answer; streams are none */
#define FLUVIO_SPAN_PRODUCE_BATCH 3 /* from the first send of a batch to its report */
#define FLUVIO_SPAN_FETCH_BATCH 4   /* from the arrival of records until the library takes them on for the application */
#define FLUVIO_SPAN_COMMIT 5        /* the storing of an offset */
/* The start or the end of something. struct_size is set by the caller. Texts and the error live as long as the event. */
typedef struct fluvio_span {
  uint32_t struct_size;
  int32_t kind;                 /* FLUVIO_SPAN_CONNECT ...; more may be added */
  uint64_t id;                  /* the same at start and end, never again in this process */
  uint64_t parent;              /* the id of what it happens in; 0: nothing */
  int64_t time_us;              /* since the epoch: when it began, or ended */
  const char *name;             /* "connect", "produce batch", "fetch batch", "commit"; of a request, its API */
  const fluvio_field_t *fields; /* addr, role, kind, topic, partition, records, bytes, offset ...; more at the end */
  uint64_t field_count;
  uint64_t dropped;             /* events like this that were dropped before this one: an end may come without its start */
  const fluvio_error_t *error;  /* at the end: NULL when it went well */
} fluvio_span_t;
/* FLUVIO_EVENT_SPAN_START and FLUVIO_EVENT_SPAN_END: fills out. INVALID_ARGUMENT for another type. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_event_span(const fluvio_event_t *event, fluvio_span_t *out);
/* FLUVIO_EVENT_STATS: the counters as fluvio_client_stats gives them; live as long as the event. "" for another type. Since 0.1. */
FLUVIO_API const char *fluvio_event_stats(const fluvio_event_t *event);
/* Frees an event. Since 0.1. */
FLUVIO_API void fluvio_event_free(fluvio_event_t *event);

/* ----------------------------------------------------------------- client */

/* Connects to a cluster: reaches the SC, agrees on versions, loads the metadata. Settings: endpoint, or profile and
 * profile_path (default: the current profile of the official tools' file), client_id, connection_timeout_ms,
 * request_timeout_ms, use_spu_local_address, log_level, statistics_interval_ms, ... (docs/configuration.md). With validate_on_connect false it
 * does not wait for the SC, which is reached in the background; the first calls wait for it. config NULL: all defaults. *client is
 * the caller's. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_client_connect(const fluvio_config_t *config, int64_t timeout_ms, fluvio_client_t **client, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_client_connect_async(const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Closes the client and every producer, consumer and watch of it; producers are drained up to the timeout, and TIMEOUT says that
 * some records had to be failed. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_client_close(fluvio_client_t *client, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_client_close_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Frees a client. One that is open is closed in the background, in at most 10 seconds, once all its producers, consumers and
 * watches are freed. Since 0.1. */
FLUVIO_API void fluvio_client_free(fluvio_client_t *client);
/* The cluster's platform version, for instance "0.18.1". Lives as long as the client. "" for a bad handle, and when the SC was
 * not reached by fluvio_client_connect: fluvio_client_health tells it later. Since 0.1. */
FLUVIO_API const char *fluvio_client_platform_version(const fluvio_client_t *client);
/* How the client and its cluster are: asks the SC and every SPU for a sign of life, all at once. Who has not answered by the
 * deadline, or for connection_timeout_ms when there is none, is not reachable; that is no error of this function. *health is a
 * JSON object, the caller's to free with fluvio_text_free:
 *   "verdict"          "healthy"; "degraded": some of it works; "down": no SPU answers, so no record can be written or read
 *   "reasons"          a list of texts: why it is not healthy
 *   "sc", "spus"       an object, and a list of such, by id: "id" (the SC: 0), "name", "address", "online" (what the SC says of
 *                      an SPU), "reachable", "rtt_us" (null: no answer), "breaker" ("closed", "open", "half-open"), "error" (null: none)
 *   "metadata_age_ms"  since the SC last told something; null: never
 *   "metadata_error"   why changes are not heard of now; null: they are
 *   "client_version", "platform_version"
 * More members may be added. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_client_health(fluvio_client_t *client, int64_t timeout_ms, fluvio_text_t **health, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_client_health_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* The client's counters since it was connected, as a JSON object; *stats is the caller's, to free. Whole numbers:
 *   time_ms, client                            when they were read; client_id and the number of the client in this process
 *   bytes_sent, bytes_received
 *   connections  [{role, kind, open, opened, failed, lost}]        role: SC, SPU; kind: control, watch, produce, fetch
 *   requests     [{role, api, count, in_flight, errors, latency}]
 *   errors       [{operation, code, count}]    those that a retry mended included
 *   retries      [{operation, count}]
 *   breakers     [{endpoint, state}]           state: closed, open, half-open
 *   producers    [{topic, id, latency, and what fluvio_producer_stats gives}]
 *   consumers    [{id, consumer_id, records, batches, bytes, frames_received, bytes_received, frames_queued, bytes_queued, retries,
 *                  resets, skipped, commits, commits_failed, lag, waits, and partitions: [{topic, partition, position,
 *                  high_watermark, log_end_offset, lag, committed, skipped, paused}]}]
 * latency and waits are {count, sum_us, p50_us, p90_us, p99_us, max_us, buckets: [{up_to_us, count}]}, exact to a sixteenth; the
 * counts of buckets are cumulative. What is in the ring of a consumer counts as taken. It asks nobody. Fields may be added.
 * Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_client_stats(fluvio_client_t *client, int64_t timeout_ms, fluvio_text_t **stats, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_client_stats_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* The same in Prometheus's text format, version 0.0.4 (text/plain; version=0.0.4). *text is the caller's. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_client_prometheus(fluvio_client_t *client, int64_t timeout_ms, fluvio_text_t **text, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_client_prometheus_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* ------------------------------------------------------------------ admin */

/* Creates a topic and returns when every partition has a leader that is online. Settings: partitions (1), replication (1),
 * ignore_rack (false), or assignment; mirror; retention_seconds, segment_size, max_partition_size, compression, deduplication,
 * system (false), dry_run (false); see fluvio_object_create. Names have 1 to 63 of a-z, 0-9 and -, not - first or last.
 * After 110 s, and after a timeout, the topic may exist all the same. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_topic_create(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_topic_create_async(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Deletes a topic with all its records. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_topic_delete(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_topic_delete_async(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Lists the topics, system topics excepted, in the order of their names. *list is the caller's. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_topic_list(fluvio_client_t *client, int64_t timeout_ms, fluvio_topic_list_t **list, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_topic_list_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* A topic. struct_size is set by the caller. Texts live as long as the list. */
typedef struct fluvio_topic {
  uint32_t struct_size;
  int32_t is_system;
  const char *name;
  const char *status;      /* init, pending, insufficient-resources, invalid-config, provisioned, deleting */
  const char *reason;      /* why the status is so, "" for none */
  const char *compression; /* the topic's policy: any, none, gzip, snappy, lz4, zstd */
  uint32_t partitions;
  uint32_t replication;    /* 0 when the replicas were assigned by hand */
  uint32_t retention_seconds;  /* 0: the cluster's default */
  uint32_t segment_size;       /* bytes; 0: the cluster's default */
  uint64_t max_partition_size; /* bytes; 0: the cluster's default */
} fluvio_topic_t;
/* The number of topics in a list. Since 0.1. */
FLUVIO_API size_t fluvio_topic_list_count(const fluvio_topic_list_t *list);
/* Fills out with the i-th topic. INVALID_ARGUMENT when i is too large. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_topic_list_get(const fluvio_topic_list_t *list, size_t i, fluvio_topic_t *out);
/* Frees a list. Since 0.1. */
FLUVIO_API void fluvio_topic_list_free(fluvio_topic_list_t *list);

/* Values: what was read of the cluster's objects. A value is immutable, usable on any thread, and lives until it is freed; texts
 * and bytes live as long. path says where in it: names of members and numbers of elements, from 0, with points between, as in
 * "0.replicas.1.spus.0"; #2 is the third member of a map, whatever its name; NULL or "" is all of it. Members may be added. */
#define FLUVIO_VALUE_NONE 0   /* there is nothing at that path */
#define FLUVIO_VALUE_NULL 1   /* not given */
#define FLUVIO_VALUE_BOOL 2   /* fluvio_value_number: 1 or 0 */
#define FLUVIO_VALUE_NUMBER 3
#define FLUVIO_VALUE_TEXT 4
#define FLUVIO_VALUE_BYTES 5
#define FLUVIO_VALUE_LIST 6
#define FLUVIO_VALUE_MAP 7
/* The type of the value at path, FLUVIO_VALUE_NONE when there is none. Since 0.1. */
FLUVIO_API int32_t fluvio_value_type(const fluvio_value_t *value, const char *path);
/* The text at path, which lives as long as value; NULL when it is none. Since 0.1. */
FLUVIO_API const char *fluvio_value_text(const fluvio_value_t *value, const char *path);
/* The number or truth value at path; otherwise when it is neither. Numbers above INT64_MAX are INT64_MAX. Since 0.1. */
FLUVIO_API int64_t fluvio_value_number(const fluvio_value_t *value, const char *path, int64_t otherwise);
/* The bytes at path, which live as long as value, and their number in *len (may be NULL); NULL when it is none. Since 0.1. */
FLUVIO_API const uint8_t *fluvio_value_bytes(const fluvio_value_t *value, const char *path, size_t *len);
/* The number of elements of the list, or of members of the map, at path; 0 for all else. Since 0.1. */
FLUVIO_API size_t fluvio_value_count(const fluvio_value_t *value, const char *path);
/* The name of the i-th member of the map at path, which lives as long as value; NULL when there is none. Since 0.1. */
FLUVIO_API const char *fluvio_value_key(const fluvio_value_t *value, const char *path, size_t i);
/* All of it as JSON; bytes are {"base64": "..."}. It lives as long as value. "" for NULL. Since 0.1. */
FLUVIO_API const char *fluvio_value_json(const fluvio_value_t *value);
/* Frees a value. Since 0.1. */
FLUVIO_API void fluvio_value_free(fluvio_value_t *value);

/* The cluster's objects. kind is "topic", "partition", "spu", "custom_spu", "spu_group", "smartmodule", "table_format" or
 * "mirror". Times are milliseconds, sizes bytes; as settings they take units in texts, too: "1h", "512MiB".
 *
 * Creates an object: all kinds but partition and spu. Settings, which structured ones of by fluvio_config_set_json:
 *   topic         partitions, replication, ignore_rack, assignment [[5001, 5002], ...], retention_seconds, segment_size,
 *                 max_partition_size, compression, deduplication {smartmodule, count, age_ms, params}, system, dry_run,
 *                 mirror {kind: home, partitions [{remote_cluster, remote_replica, source}], source} or
 *                 {kind: remote, home_cluster, home_spus [{id, key, endpoint}], target}
 *   custom_spu    id, public_endpoint, private_endpoint, public_endpoint_local (host:port), rack, encryption, dry_run
 *   spu_group     replicas, min_id, rack, in_sync_replica_min, storage_log_dir, storage_size, env {}, timeout_ms
 *   smartmodule   path or wasm {base64}; package {name, group, version, api_version, description, license, visibility,
 *                 repository}, params [{name, description, optional}]. One of that name is replaced
 *   table_format  input_format, smartmodule, columns [{key_path, header_label, width, alignment, format, display, primary_key,
 *                 header_text_color, header_bg_color}]
 *   mirror        kind (remote, home), id, remote_id, public_endpoint, tls {domain, ca, certificate, key}
 * *stored_name (may be NULL) is what the object is called, which for SmartModules with a package is not name; it is
 * the caller's. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_object_create(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms, fluvio_text_t **stored_name, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_object_create_async(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Deletes an object of that kind. config may be NULL; its settings: force (for topics of the system), id (of a custom SPU, whose
 * name then may be NULL). SmartModules are named group/name@version, too. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_object_delete(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_object_delete_async(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Describes one object of that kind, in full; partitions are called topic-number. *object is the caller's: a map. NOT_FOUND:
 * there is none. Members are those that the object was created with, and
 *   topic         name, is_system, status (init, pending, insufficient-resources, invalid-config, provisioned, deleting),
 *                 reason, replicas [{partition, spus [the leader first], mirror}]; replication is 0 and assignment not
 *                 empty when placed by hand, mirror and deduplication null for none
 *   partition     topic, partition, leader, replicas [SPUs], status (offline, online, leader-offline, election,
 *                 out-of-storage), high_watermark, log_end_offset, start_offset, size (-1 unknown), in_sync,
 *                 followers [{spu, high_watermark, log_end_offset}], is_being_deleted, and the topic's settings
 *   spu, custom_spu  name, id, type (managed, custom), status (online, offline, init), address, public_endpoint,
 *                 private_endpoint, public_endpoint_local {hosts [{hostname, ip}], port, encryption}, rack
 *   spu_group     name, status (init, invalid, reserved), reason
 *   smartmodule   name, full_name, package, params, format, size (bytes stored, packed), wasm (bytes)
 *   table_format  name, status (init, invalid, running, pending, failed), reason
 *   mirror        name, status (online, offline), pairing_sc, pairing_spu {status, reason}, last_seen (ms since 1970, or null)
 * Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_object_describe(fluvio_client_t *client, const char *kind, const char *name, int64_t timeout_ms, fluvio_value_t **object, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_object_describe_async(fluvio_client_t *client, const char *kind, const char *name, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Lists objects of that kind, in the order of their names. config may be NULL; its settings: names (parts of names, any of them; of
 * SmartModules whole names), system (topics and partitions of the system, and no others), topic (partitions of one topic), wasm
 * (SmartModules with their WebAssembly, which is null otherwise). *list is the caller's: a list of what
 * fluvio_object_describe gives. Clusters give nothing to those who have no right to read. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_object_list(fluvio_client_t *client, const char *kind, const fluvio_config_t *config, int64_t timeout_ms, fluvio_value_t **list, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_object_list_async(fluvio_client_t *client, const char *kind, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* Adds count partitions to a topic, and returns when they have leaders that are online. After a timeout they may have been
 * added all the same. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_topic_add_partitions(fluvio_client_t *client, const char *topic, uint32_t count, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_topic_add_partitions_async(fluvio_client_t *client, const char *topic, uint32_t count, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Adds remote_cluster, the name of its mirror, to a mirror topic of the kind home. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_topic_add_mirror(fluvio_client_t *client, const char *topic, const char *remote_cluster, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_topic_add_mirror_async(fluvio_client_t *client, const char *topic, const char *remote_cluster, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Returns when a topic is there and every partition has a leader that is online. TIMEOUT, after 110 s without a limit: the
 * message says what is missing. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_topic_wait(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_topic_wait_async(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* Watches all objects of a kind; "custom_spu" and "mirror" cannot be watched. It survives lost connections. *watch is
 * the caller's and keeps the client alive. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_watch_open(fluvio_client_t *client, const char *kind, int64_t timeout_ms, fluvio_watch_t **watch, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_watch_open_async(fluvio_client_t *client, const char *kind, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Waits for changes. *events is the caller's: a list of one or more {event, object, error}. event is added, changed or deleted,
 * with the object (of deleted ones as it last was); synced: what was told so far is all there is; or lost: the cluster cannot
 * be reached, for the reason error, and what changes meanwhile comes afterwards, before the next synced. The first events are
 * added, for all there are. Slow takers get the latest state, not all between. TIMEOUT: nothing changed. CLOSED: the watch, or
 * its client, was closed. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_watch_next(fluvio_watch_t *watch, int64_t timeout_ms, fluvio_value_t **events, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_watch_next_async(fluvio_watch_t *watch, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Ends a watch, and every fluvio_watch_next. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_watch_close(fluvio_watch_t *watch, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_watch_close_async(fluvio_watch_t *watch, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Frees a watch; one that is open is closed in the background. Since 0.1. */
FLUVIO_API void fluvio_watch_free(fluvio_watch_t *watch);

/* Lists the stored offsets of all consumers, in the order of consumer, topic and partition. *list is the caller's. It waits,
 * at most for request_timeout_ms, while a cluster that has just started has no place for offsets yet. UNSUPPORTED: the
 * cluster's platform keeps none. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_offsets_list(fluvio_client_t *client, int64_t timeout_ms, fluvio_consumer_offset_list_t **list, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_offsets_list_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Forgets what the consumer consumer_id stored for a partition of topic; OK also when there is nothing. A consumer that runs may
 * store it again. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_offset_delete(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_offset_delete_async(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* Makes a consumer consumer_id that is opened later go on at a position in a partition of topic, as the setting start has it,
 * whatever was stored for it. One that runs does not notice, and may store its own offset afterwards. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_offset_reset(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_offset_reset_async(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* How far a named consumer has come in a partition. struct_size is set by the caller. Texts live as long as the list, or the
 * event. */
typedef struct fluvio_consumer_offset {
  uint32_t struct_size;
  int32_t partition;
  const char *consumer_id;
  const char *topic;
  int64_t offset;   /* of the last record processed: reading goes on with the next one */
  int64_t modified; /* ms since the epoch, by the clock of the SPU, which counts seconds */
} fluvio_consumer_offset_t;
/* The number of offsets in a list. Since 0.1. */
FLUVIO_API size_t fluvio_consumer_offset_list_count(const fluvio_consumer_offset_list_t *list);
/* Fills out with the i-th offset. INVALID_ARGUMENT when i is too large. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_offset_list_get(const fluvio_consumer_offset_list_t *list, size_t i, fluvio_consumer_offset_t *out);
/* Frees a list. Since 0.1. */
FLUVIO_API void fluvio_consumer_offset_list_free(fluvio_consumer_offset_list_t *list);

/* What a consumer asks its offset store. struct_size is set by the caller. Everything lives as long as the event. */
typedef struct fluvio_offsets_event {
  uint32_t struct_size;
  int32_t save;            /* 1: store offsets; 0: load what is stored for consumer_id */
  const char *consumer_id;
  uint64_t count;          /* of offsets; 0 when loading */
  const fluvio_consumer_offset_t *offsets;
} fluvio_offsets_event_t;
/* FLUVIO_EVENT_OFFSETS: fills out. INVALID_ARGUMENT for another type. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_event_offsets(const fluvio_event_t *event, fluvio_offsets_event_t *out);
/* Answers, once, before the event is freed; an event that is freed without an answer counts as failed. failure NULL: what was
 * asked for is done; else why not. When loading, count offsets, of which topic, partition and offset count; struct_size of each
 * must be set. INVALID_STATE: it was answered. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_event_offsets_reply(fluvio_event_t *event, const fluvio_consumer_offset_t *offsets, size_t count, const char *failure, fluvio_error_t **error);

/* --------------------------------------------------------------- producer */

/* Opens a producer of a topic. Settings: batch_size, linger_ms, max_request_size, compression, buffer_memory, delivery,
 * delivery_timeout_ms, isolation, partitioner (siphash; round_robin, sticky, fixed), partition, smartmodules ... (docs/configuration.md);
 * buffer_full has no effect, send has a timeout instead. smartmodules is a list of objects, by fluvio_config_set_json;
 * transforms_path names a transformation file of the official tools with such a list.
 * deliveries: where delivery reports go, or NULL when nobody wants them, which costs nothing. Every accepted record gets
 * exactly one report, and reports that the application does not take count: 8 bytes per record and 160 per report, up to
 * buffer_memory, then send waits for them to be taken. The queue must outlive the producer. *producer is the caller's and
 * keeps the client alive. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_open(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, fluvio_queue_t *deliveries, int64_t timeout_ms, fluvio_producer_t **producer, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_producer_open_async(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, fluvio_queue_t *deliveries, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Chooses the partition of a record, key NULL for one without a key: a number from 0 to partitions - 1. Any other makes send
 * refuse the record with INVALID_ARGUMENT. available: those that are online, ascending; none while that is not known. */
typedef int32_t (*fluvio_partitioner_cb)(const void *key, size_t key_len, const void *value, size_t value_len, int32_t partitions, const int32_t *available, size_t available_count, void *ctx);
/* Has the application choose the partitions of records that are sent without one, in place of the setting partitioner. The
 * function runs on the thread that sends, before the record is queued, with no lock held: several at once when several threads
 * send, and never outside of a call of a send function; one that runs while the producer is closed is not waited for.
 * INVALID_STATE: the producer has one already, is set to one partition, or a record was accepted. ctx_free (may be NULL) is
 * called with ctx once, when the producer is freed and its last event is too. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_set_partitioner(fluvio_producer_t *producer, fluvio_partitioner_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error);
/* Hands a record over: value, and key. It is copied; the call waits, up to the timeout, only for room in buffer_memory, never
 * for the network. key NULL: no key (an empty key is a non-NULL pointer with length 0). opaque comes back in the delivery
 * report. FLUVIO_OK means accepted, not stored. QUEUE_FULL: no room by the deadline, or too many reports wait to be taken.
 * TOO_LARGE: more than max_request_size has room for, both numbers are in the message. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_send(fluvio_producer_t *producer, const void *key, size_t key_len, const void *value, size_t value_len, uint64_t opaque, int64_t timeout_ms, fluvio_error_t **error);
/* fluvio_producer_send for languages whose calls into C cost by the argument and its size: it does not wait, tells no reason,
 * and the lengths of key and value and opaque have 32 bits. It takes well below a microsecond, so that an interpreter's lock
 * can be kept; beside another thread that hands over many, some hundred. Unless FLUVIO_OK nothing was accepted, and
 * fluvio_producer_send with the same record waits, or says why. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_try_send(fluvio_producer_t *producer, const void *key, uint32_t key_len, const void *value, uint32_t value_len, uint32_t opaque);
/* The same for a key (NULL: none) and a value (NULL: empty) that lie where CPython keeps bytes: the length of each is a size_t
 * that lies two of these before its first byte. Lengths may have more than 32 bits. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_try_send_block(fluvio_producer_t *producer, const void *key, const void *value, uint32_t opaque);

/* A record to send. Start from FLUVIO_RECORD_INIT. */
typedef struct fluvio_record_in {
  const void *key; /* NULL: no key */
  size_t key_len;
  const void *value;
  size_t value_len;
  int64_t timestamp; /* ms since the epoch; 0: now */
  uint64_t opaque;
  int32_t partition; /* -1: the partitioner chooses */
  int32_t reserved;  /* 0 */
} fluvio_record_in_t;
#define FLUVIO_RECORD_INIT { NULL, 0, NULL, 0, 0, 0, -1, 0 }
/* Hands n records over, in order; *sent (may be NULL) tells how many were accepted, also on failure: records[*sent] is the
 * one that was not. The timeout is for all of them together. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_send_batch(fluvio_producer_t *producer, const fluvio_record_in_t *records, size_t n, int64_t timeout_ms, size_t *sent, fluvio_error_t **error);
/* The same for n records given as columns: data holds key and value of each record one after the other, value_len their
 * lengths; key_len may be NULL (no record has a key) and holds FLUVIO_NO_KEY for a record without one; sent as above; the i-th
 * record gets opaque first_opaque + i. Made for languages that pack bytes faster than structs. INVALID_ARGUMENT when the
 * lengths do not add up to data_len. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_send_columns(fluvio_producer_t *producer, const void *data, size_t data_len, const uint32_t *key_len, const uint32_t *value_len, size_t n, uint64_t first_opaque, int64_t timeout_ms, size_t *sent, fluvio_error_t **error);
/* The same for n records without keys whose values lie where a language keeps its byte strings: blocks[i] points to one, a
 * size_t at blocks[i] + length_at is its length, its bytes begin at blocks[i] + bytes_at; first_opaque and sent as above. Made
 * for languages that know the form of their strings: these are neither measured nor collected before. INVALID_ARGUMENT when a
 * pointer is NULL. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_send_blocks(fluvio_producer_t *producer, const void *const *blocks, size_t length_at, size_t bytes_at, size_t n, uint64_t first_opaque, int64_t timeout_ms, size_t *sent, fluvio_error_t **error);
/* Makes what was accepted before the call leave now, whatever linger_ms says: for programs that go on to wait for its reports
 * by themselves. It does not wait, and costs little when nothing is held back. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_hurry(fluvio_producer_t *producer, fluvio_error_t **error);
/* Waits until every record accepted before the call is delivered or has failed: its reports are in the queue. OK also when
 * some failed: the reports tell. Without a deliveries queue it returns the first failure since the last flush, with the detail
 * "failed_records". Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_flush(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_producer_flush_async(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* The producer's counters since it was opened, as a JSON object; *stats is the caller's, to free. Whole numbers, bytes being
 * those of keys and values:
 *   records_accepted, bytes_accepted           taken by send
 *   records_acknowledged, bytes_acknowledged   stored
 *   records_failed, bytes_failed               certainly not stored
 *   records_maybe, bytes_maybe                 maybe stored
 *   records_queued, bytes_queued, batches_queued           to be sent, or to be sent again
 *   records_in_flight, bytes_in_flight, batches_in_flight  sent and not answered
 *   requests, requests_in_flight               sent; of these, without an answer
 *   batches, retries                           sent, each counted once; sent again
 *   latency_p50_us, latency_p90_us, latency_p99_us, latency_max_us  from the first record of a batch to its outcome
 * Averages over what was sent, 0 before: batch_fill (bytes of a batch in parts of batch_size), records_per_batch,
 * batches_per_request, records_per_request, compression_ratio (1 without compression). Fields may be added. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_stats(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_text_t **stats, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_producer_stats_async(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Drains up to the timeout, then fails what is left; every record has its report when it returns. TIMEOUT if some had to
 * be failed. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_producer_close(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_producer_close_async(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Frees a producer. One that is open is drained and closed in the background, in at most 10 seconds. Since 0.1. */
FLUVIO_API void fluvio_producer_free(fluvio_producer_t *producer);

/* --------------------------------------------------------------- consumer */

/* Opens a consumer of a topic (or of several: topic NULL and the setting topics; or of all that match a pattern, a regular
 * expression that begins with ^). Settings: partitions (all), group_size and group_member (a static group), start (end;
 * beginning, end, beginning+N, end-N, an absolute offset, or time:T), stop_at (never; end, an offset, or time:T), offset_reset,
 * corrupt_batches, max_retries, max_bytes, prefetch_bytes, isolation ... (docs/configuration.md). *consumer is the caller's and keeps the
 * client alive.
 * smartmodules, by fluvio_config_set_json, is a list of objects {"name" or "path" or "wasm": {"base64"}, "params": {},
 * "accumulator", "lookback": {"last", "age_ms"}}, and transforms_path a transformation file of the official tools: the chain of
 * SmartModules that SPUs run records through. What comes out has no timestamps, and offsets that are exact only for the last
 * record of what was read together (docs/limits.md).
 * consumer_id names the consumer: unless start is an absolute offset, reading goes on behind the offset that is stored
 * under this name, with end too. offset_strategy says who stores offsets: none, manual (fluvio_consumer_commit) or auto
 * (also every offset_flush_ms, and close). Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_open(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_consumer_t **consumer, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_open_async(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* The next batch. OK: *batch is the caller's, to release. TIMEOUT (with a NULL error object): nothing yet. END: the stream
 * reached stop_at, or was drained (fluvio_error_end_reason says). INTERRUPTED: fluvio_consumer_wakeup. Else the stream's error;
 * one that is not fatal may be followed by more batches. A few nanoseconds when nothing waits and timeout_ms is 0. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_poll(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_batch_t **batch, fluvio_error_t **error);
/* As fluvio_queue_fd: readable while fluvio_consumer_poll would not say TIMEOUT, so for good after the end or close; it may
 * once be readable for nothing. It lives until fluvio_consumer_free. Since 0.1. */
FLUVIO_API int32_t fluvio_consumer_fd(fluvio_consumer_t *consumer);
/* Makes one blocked fluvio_consumer_poll, or the next one, return INTERRUPTED. Since 0.1. */
FLUVIO_API void fluvio_consumer_wakeup(fluvio_consumer_t *consumer);

/* What a consumer callback returns. */
#define FLUVIO_CONTINUE 0 /* go on */
#define FLUVIO_STOP 1     /* no further call; the consumer can be closed */
/* Takes a batch (owned by the library: retain it to keep it), or, as the last call, NULL and the error that ended the
 * stream (FLUVIO_ERR_END for its proper end). Errors that do not end it come with NULL too, and more calls follow. */
typedef int32_t (*fluvio_batch_cb)(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx);
/* Delivers by callback, on a thread of this consumer's own, instead of poll, which then says INVALID_STATE. INVALID_STATE if
 * started before. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_start(fluvio_consumer_t *consumer, fluvio_batch_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error);

/* A record that was read. Key and value live as long as the batch, or the list, that it comes from. */
typedef struct fluvio_record {
  uint32_t struct_size;  /* set by the caller, once */
  int32_t partition;
  int64_t offset;
  int64_t timestamp;     /* ms since the epoch, -1 unknown */
  const uint8_t *key;    /* NULL: no key */
  size_t key_len;
  const uint8_t *value;
  size_t value_len;
  const char *topic;     /* lives as long as key and value */
} fluvio_record_t;
/* Takes one record, valid during the call; NULL record as in fluvio_batch_cb. */
typedef int32_t (*fluvio_record_cb)(const fluvio_record_t *record, const fluvio_error_t *error, void *ctx);
/* As fluvio_consumer_start, one call per record. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_start_records(fluvio_consumer_t *consumer, fluvio_record_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error);

/* Records of all partitions, as many as come within the limits: max_records, and max_bytes of keys and values (one record comes
 * whatever its size), 0 for none, and timeout_ms to collect; 0 takes what is there. It returns as soon as a limit is reached. OK:
 * *list is the caller's. TIMEOUT (with a NULL error object): nothing came. Else as fluvio_consumer_poll, which says what errors
 * mean: one behind records that were collected comes with the next call. What of a batch is over the limits stays for that, too.
 * INVALID_ARGUMENT: no limit at all. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_poll_many(fluvio_consumer_t *consumer, size_t max_records, uint64_t max_bytes, int64_t timeout_ms, fluvio_record_list_t **list, fluvio_error_t **error);
/* The number of records in a list; 0 for NULL. Since 0.1. */
FLUVIO_API size_t fluvio_record_list_count(const fluvio_record_list_t *list);
/* Fills record with the i-th record. Its texts and bytes live as long as the list. INVALID_ARGUMENT when i is too large.
 * Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_record_list_get(const fluvio_record_list_t *list, size_t i, fluvio_record_t *record);
/* Frees a list. Since 0.1. */
FLUVIO_API void fluvio_record_list_free(fluvio_record_list_t *list);

/* Stores, for every partition, the offset of the last record the application is done with, and returns when the cluster has
 * confirmed all of them; nothing is sent for partitions that have not moved. Done with are the batches that poll gave, or
 * that a callback has returned from (of fluvio_consumer_start_records: the records); inside the consumer's own callback also
 * what that was called with. What comes after the call does not count, also for _async. INVALID_STATE: offset_strategy is
 * none. Other errors name the topic and partition; other partitions may be stored all the same. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_commit(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_commit_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Stores a chosen offset of one partition, that of the last record processed, also a lower one than what is stored. topic
 * NULL: the consumer's, if it reads one only. INVALID_ARGUMENT: no record of that offset or a higher one was given to the
 * application yet. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_commit_offset(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t offset, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_commit_offset_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t offset, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* Makes a partition go on at a position: an offset, or whatever the setting start takes; also one that has ended, unless a
 * callback takes the batches and the stream has ended. What was received of it is dropped, and nothing counts as given any
 * more. topic NULL: the consumer's, if it reads one only. Batches that poll gave before stay valid. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_seek(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_seek_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Asks the cluster for the offset that a position stands for now in a partition that the consumer reads, the position being what
 * the setting start takes: "time:T", or a number from either end. beginning is the first offset kept, end the one behind the
 * last committed record. topic as for seek. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_offset_for(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, int64_t *offset, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_offset_for_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Gives no records of a partition until fluvio_consumer_resume; the others go on, and have all of prefetch_bytes. Nothing is
 * missed. next, unless negative, is where the application goes on after resume: it gives back what poll gave from there on,
 * and that does not count as given. topic as for seek. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_pause(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t next, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_pause_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t next, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Undoes fluvio_consumer_pause for a partition; topic as for seek. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_resume(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_resume_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Stops reading from the cluster. What was received is still to be taken; then comes END. Paused partitions are resumed for
 * that. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_drain(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_drain_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);

/* How far a consumer has come in a partition. struct_size is set by the caller. The topic lives as long as the list. */
typedef struct fluvio_position {
  uint32_t struct_size;
  int32_t partition;
  const char *topic;
  int64_t position;       /* of the next record that the application gets */
  int64_t high_watermark; /* behind the last committed record */
  int64_t log_end_offset; /* behind the last record */
  int64_t lag;            /* records that the application can still get */
  int64_t committed;      /* the offset stored last; -1: unknown, or none */
  int64_t skipped;        /* offsets passed over because they were not stored any more, or not readable */
  int32_t paused;         /* 1 or 0 */
} fluvio_position_t;
/* Lists the positions of all partitions. It asks nobody: watermarks are at most a second old. *list is the caller's. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_positions(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_position_list_t **list, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_positions_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* The number of positions in a list. Since 0.1. */
FLUVIO_API size_t fluvio_position_list_count(const fluvio_position_list_t *list);
/* Fills out with the i-th position. INVALID_ARGUMENT when i is too large. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_position_list_get(const fluvio_position_list_t *list, size_t i, fluvio_position_t *out);
/* Frees a list. Since 0.1. */
FLUVIO_API void fluvio_position_list_free(fluvio_position_list_t *list);

/* Ends the streams. Batches not taken yet are dropped. Waits for a running callback; TIMEOUT when that does not return, and
 * no other callback runs then either. With offset_strategy auto it stores what was taken before the latest poll, or what
 * callbacks have returned from; the error says what could not be stored. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_close(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_error_t **error);
FLUVIO_API fluvio_op_t *fluvio_consumer_close_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque);
/* Frees a consumer. One that is open is closed in the background, in at most 10 seconds. Since 0.1. */
FLUVIO_API void fluvio_consumer_free(fluvio_consumer_t *consumer);

/* ------------------------------------------------------------------ batch */

/* Records of one partition, in the order of their offsets. Immutable, reference-counted, usable on any thread, and valid
 * until released, also after the consumer and the client are gone. */

#define FLUVIO_NO_KEY UINT32_MAX /* in key_len: the record has no key */
typedef struct fluvio_batch_view_t { /* not fluvio_batch_view, which is a function */
  uint32_t struct_size;  /* set by the caller */
  int32_t partition;
  uint64_t count;        /* records; the length of each column */
  const char *topic;
  const uint8_t *data;   /* keys and values lie in here */
  uint64_t data_len;
  const int64_t *offset;
  const int64_t *timestamp;  /* ms since the epoch, -1 unknown */
  const uint32_t *key_pos;   /* positions in data */
  const uint32_t *key_len;   /* FLUVIO_NO_KEY: no key */
  const uint32_t *value_pos;
  const uint32_t *value_len;
  int64_t high_watermark;    /* of the partition when the batch was read */
} fluvio_batch_view_t;
/* Adds a reference and returns batch. Since 0.1. */
FLUVIO_API fluvio_batch_t *fluvio_batch_retain(fluvio_batch_t *batch);
/* Drops a reference; the last one frees. Since 0.1. */
FLUVIO_API void fluvio_batch_release(fluvio_batch_t *batch);
/* The number of records; 0 for NULL. Since 0.1. */
FLUVIO_API size_t fluvio_batch_count(const fluvio_batch_t *batch);
/* Fills view; its pointers live as long as the batch. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_batch_view(const fluvio_batch_t *batch, fluvio_batch_view_t *view);
/* Fills record with the i-th record. INVALID_ARGUMENT when i is too large. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_batch_get(const fluvio_batch_t *batch, size_t i, fluvio_record_t *record);

/* ------------------------------------------------------------------ Arrow */

/* The structs of the Arrow C Data Interface, as its page gives them. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
struct ArrowSchema {
  const char *format, *name, *metadata;
  int64_t flags, n_children;
  struct ArrowSchema **children, *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};
struct ArrowArray {
  int64_t length, null_count, offset, n_buffers, n_children;
  const void **buffers;
  struct ArrowArray **children, *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};
#endif

#define FLUVIO_ARROW_VIEW 0   /* keys and values as binary_view (Arrow 14 and later): nothing is copied */
#define FLUVIO_ARROW_BINARY 1 /* keys and values as binary: copied */
/* Exports a batch, form being one of these, as a struct array with the columns offset (int64), timestamp (timestamp[ms, UTC],
 * null: unknown), partition (int32), key (null: none) and value. array or schema may be NULL, without array batch too; each is
 * the caller's to release, in any order and on any thread, and array holds a reference to the batch until then. TOO_LARGE: a
 * batch of 2 GiB or more. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_batch_export_arrow(fluvio_batch_t *batch, int32_t form, struct ArrowArray *array, struct ArrowSchema *schema, fluvio_error_t **error);
/* Exports what a consumer reads as a stream of such arrays, form as there, one per batch, that ends at stop_at. get_next is a
 * fluvio_consumer_poll without a timeout: fluvio_consumer_wakeup makes it return EINTR, any error EIO with the message in
 * get_last_error. The stream keeps the consumer's memory; closing or freeing the consumer makes get_next fail. Since 0.1. */
FLUVIO_API fluvio_status_t fluvio_consumer_export_arrow(fluvio_consumer_t *consumer, int32_t form, struct ArrowArrayStream *stream, fluvio_error_t **error);

/* ---------------------------------------------------------------- process */

/* 1 in a child that was forked after the library was loaded, else 0. Since 0.1. */
FLUVIO_API int32_t fluvio_forked(void);

#ifdef __cplusplus
}
#endif
#endif /* FLUVIO_H */
