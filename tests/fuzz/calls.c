/*
 * calls.c - takes bytes for a program of calls of fluvio.h, for libFuzzer: any function, in any order, with handles that are open,
 * closed, of another kind, no handles at all or NULL, with texts and settings that may be anything, and lengths that lie where a lie
 * can be told. What is wrong then is found by the sanitizers, or is a status that must not be.
 *
 * FLUVIO_FUZZ_ENDPOINT is a dev cluster; without it nothing answers. Compiled with -DREPLAY it runs the files that it is given.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "fluvio.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A test that fails ends the process, which libFuzzer takes for a finding. */
#define MUST(condition)                                                         \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
      abort();                                                                  \
    }                                                                           \
  } while (0)

/* ------------------------------------------------------------------- input */

static const uint8_t *at, *end;

static unsigned byte(void) { return at < end ? *at++ : 0; }

static uint64_t number(void)
{
  static const uint64_t edges[] = { 0, 1, 2, 3, 7, 16, 255, 4096, 65535, INT32_MAX, UINT32_MAX, (uint64_t)1 << 32, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 1, UINT64_MAX };
  unsigned b = byte();
  if (b < 128)
    return b % 16;
  return b < 192 ? edges[b % 16] : (uint64_t)byte() << 24 | (uint64_t)byte() << 16 | byte() << 8 | byte();
}

/* Never for ever, and mostly not at all. */
static int64_t timeout(void)
{
  static const int64_t some[] = { 0, 0, 0, 1, 1, 5, 20, 200 };
  return some[byte() % 8];
}

/* Memory that is given back after each call, in pieces of just the size, so that whoever reads too much of it, or later, is seen. */
static void *lent[256];
static size_t lent_count;

static void *lend(size_t size)
{
  MUST(lent_count < sizeof lent / sizeof lent[0]);
  lent[lent_count] = calloc(1, size > 0 ? size : 1);
  MUST(lent[lent_count] != NULL);
  return lent[lent_count++];
}

static void *bytes(size_t size)
{
  uint8_t *b = lend(size);
  size_t i, n = (size_t)(end - at) < size ? (size_t)(end - at) : size;
  memcpy(b, at, n);
  at += n;
  for (i = n; i < size; i++)
    b[i] = (uint8_t)i;
  return b;
}

static const char *const keys[] = {
  "endpoint", "profile", "profile_path", "client_id", "connection_timeout_ms", "handshake_timeout_ms", "request_timeout_ms",
  "write_stall_timeout_ms", "idle_connection_timeout_ms", "validate_on_connect", "max_retries", "breaker_failures", "breaker_reset_ms",
  "share_connections", "retry_backoff_ms", "retry_backoff_max_ms", "use_spu_local_address", "tls", "tls_domain", "tls_ca",
  "tls_certificate", "tls_key", "tls_insecure", "auth_principal", "auth_scopes", "log_level", "statistics_interval_ms", "batch_size",
  "linger_ms", "max_request_size", "compression", "compression_level", "buffer_memory", "buffer_full", "delivery", "delivery_timeout_ms",
  "isolation", "server_timeout_ms", "partitioner", "partition", "smartmodules", "transforms_path", "topics", "partitions", "group_size",
  "group_member", "start", "stop_at", "offset_reset", "corrupt_batches", "max_bytes", "prefetch_bytes", "consumer_id", "offset_store",
  "offset_strategy", "offset_flush_ms", "replication", "ignore_rack", "assignment", "mirror", "retention_seconds", "segment_size",
  "max_partition_size", "deduplication", "system", "dry_run", "id", "force", "names", "topic", "kind", "public_endpoint",
  "private_endpoint", "wasm", "package", "params", "columns", "replicas", "operation", "setting", "hint", "smartmodule", "\xff",
};
static const char *const values[] = {
  "0", "1", "2", "7", "-1", "16384", "99999999999999999999", "1e3", "true", "false", "", " ", "fuzz", "none", "any", "gzip", "snappy", "lz4",
  "zstd", "500ms", "1h30m", "16KiB", "2GB", "0,1", "fuzz,other", "beginning", "end", "end-1", "beginning+1", "time:now", "time:-1h",
  "time:2020-01-01T00:00:00Z", "read_committed", "at_most_once", "fail", "sticky", "fixed", "manual", "auto", "memory", "verified",
  "anonymous", "disabled", "debug", "off", "skip", "earliest", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
  "127.0.0.1:1", "localhost", "[::1]:9", ":", "host:99999", "\xc3", "\n", "^f.*", "^(",
};
static const char *const names[] = { "fuzz", "fuzz", "fuzz", "other", "", "missing", "consumer-offset", "^fuzz", "^(", "Fuzz", "a.b", "../x", "\xff", "fuzz-0", "g/m@1.0.0" };
static const char *const kinds[] = { "topic", "partition", "spu", "custom_spu", "spu_group", "smartmodule", "table_format", "mirror", "", "nothing" };
static const char *const paths[] = { "", "0", "0.name", "0.replicas.0.spus.0", "#0", "0.#2", "#99", "0.#", ".", "..", "0..", "-1", "99999999999999999999", "verdict", "spus.0.id", "event" };
static const char *const objects[] = {
  "{}", "{\"partitions\":2}", "{\"topics\":[\"fuzz\"],\"start\":\"beginning\"}", "{\"start\":\"beginning\",\"stop_at\":\"end\"}",
  "{\"start\":0,\"max_bytes\":\"1KiB\",\"prefetch_bytes\":1}", "{\"smartmodules\":[{\"name\":\"m\",\"params\":{\"a\":\"b\"}}]}",
  "{\"smartmodules\":[{\"wasm\":{\"base64\":\"AGFzbQEAAAA=\"},\"lookback\":{\"last\":1}}]}", "{\"consumer_id\":\"c\",\"offset_strategy\":\"auto\",\"start\":\"beginning\"}",
  "{\"consumer_id\":\"c\",\"offset_strategy\":\"manual\"}", "{\"offset_store\":\"memory\",\"consumer_id\":\"m\",\"offset_strategy\":\"manual\"}",
  "{\"batch_size\":1,\"linger_ms\":5,\"compression\":\"zstd\"}", "{\"buffer_memory\":1,\"delivery_timeout_ms\":1}", "{\"partition\":1}",
  "{\"assignment\":[[5001]]}", "{\"deduplication\":{\"smartmodule\":\"d\",\"count\":1,\"age_ms\":1,\"params\":{}}}",
  "{\"mirror\":{\"kind\":\"home\",\"partitions\":[{\"remote_cluster\":\"r\",\"remote_replica\":\"x-0\"}]}}", "{\"replicas\":1,\"min_id\":9}",
  "{\"wasm\":{\"base64\":\"AGFzbQEAAAA=\"}}", "{\"package\":{\"name\":\"m\",\"group\":\"g\",\"version\":\"1.0.0\"},\"wasm\":{\"base64\":\"AGFzbQEAAAA=\"}}",
  "{\"columns\":[{\"key_path\":\"a\",\"header_label\":\"A\"}]}", "{\"id\":77,\"public_endpoint\":\"127.0.0.1:7\",\"private_endpoint\":\"127.0.0.1:8\"}",
  "{\"kind\":\"remote\",\"remote_id\":\"r\"}", "{\"names\":[\"fu\"]}", "{\"wasm\":true}", "{\"system\":true}", "{\"dry_run\":true}",
  "{\"statistics_interval_ms\":1,\"log_level\":\"debug\"}", "{\"validate_on_connect\":false,\"connection_timeout_ms\":50}", "{\"share_connections\":true}",
  "{\"tls\":\"anonymous\",\"tls_insecure\":true}", "{", "[]", "null", "{\"a\":{\"a\":{\"a\":{\"a\":[[[[1]]]]}}}}", "{\"start\":\"\\u0000\"}",
};

/* One of a table; or NULL; or whatever comes. */
static const char *one_of(const char *const *table, size_t count)
{
  unsigned b = byte();
  size_t n;
  char *text;
  if (b == 255)
    return NULL;
  n = b < 240 ? strlen(table[b % count]) : byte();
  if (b < 240)
    return strcpy(lend(n + 1), table[b % count]);
  text = bytes(n + 1);
  text[n] = '\0';
  return text;
}
#define ONE_OF(table) one_of(table, sizeof table / sizeof table[0])

/* ----------------------------------------------------------------- handles */

enum kind { CONFIG, CLIENT, PRODUCER, CONSUMER, QUEUE, OP, EVENT, BATCH, RECORDS, VALUE, WATCH, TEXT, TOPICS, OFFSETS, POSITIONS, ERROR, KINDS };
#define EACH 3
static void *handles[KINDS][EACH];

static void drop(enum kind kind, void *h)
{
  switch (kind) {
  case CONFIG: fluvio_config_free(h); break;
  case CLIENT: fluvio_client_free(h); break;
  case PRODUCER: fluvio_producer_free(h); break;
  case CONSUMER: fluvio_consumer_free(h); break;
  case QUEUE: fluvio_queue_free(h); break;
  case OP: fluvio_op_free(h); break;
  case EVENT: fluvio_event_free(h); break;
  case BATCH: fluvio_batch_release(h); break;
  case RECORDS: fluvio_record_list_free(h); break;
  case VALUE: fluvio_value_free(h); break;
  case WATCH: fluvio_watch_free(h); break;
  case TEXT: fluvio_text_free(h); break;
  case TOPICS: fluvio_topic_list_free(h); break;
  case OFFSETS: fluvio_consumer_offset_list_free(h); break;
  case POSITIONS: fluvio_position_list_free(h); break;
  case ERROR: fluvio_error_free(h); break;
  default: MUST(!"a kind");
  }
}

/* Keeps a handle, in place of an older one when there is no room. */
static void keep(enum kind kind, void *h)
{
  int i;
  if (h == NULL)
    return;
  for (i = 0; i < EACH - 1 && handles[kind][i] != NULL; i++)
    ;
  if (handles[kind][i] != NULL)
    drop(kind, handles[kind][i]);
  handles[kind][i] = h;
}

/* A handle of that kind; now and then NULL, one of another kind, or memory that is none. */
static void *pick(enum kind kind)
{
  unsigned b = byte();
  int i;
  if (b >= 250)
    return NULL;
  if (b >= 245)
    return handles[b % KINDS][byte() % EACH];
  if (b >= 240)
    return bytes(512);
  for (i = 0; i < EACH; i++)
    if (handles[kind][(b + i) % EACH] != NULL)
      return handles[kind][(b + i) % EACH];
  return NULL;
}

/* The same, of those that are really of that kind: where the caller's promise cannot be checked. */
static void *own(enum kind kind)
{
  unsigned b = byte();
  return b == 255 ? NULL : handles[kind][b % EACH];
}

static volatile unsigned sink;

static void touch(const void *p, size_t n)
{
  size_t i;
  for (i = 0; i < n; i++)
    sink += ((const volatile uint8_t *)p)[i];
}

static void look(const char *text)
{
  if (text != NULL)
    touch(text, strlen(text) + 1);
}

static void look_at_error(const fluvio_error_t *e)
{
  const char *key, *value;
  size_t i;
  MUST(fluvio_error_status(e) <= 0 && fluvio_error_status(e) >= FLUVIO_ERR_SMARTMODULE);
  if (fluvio_error_status(e) == FLUVIO_ERR_INTERNAL)
    fprintf(stderr, "%s\n", fluvio_error_message(e));
  MUST(fluvio_error_status(e) != FLUVIO_ERR_INTERNAL && fluvio_error_status(e) != FLUVIO_ERR_FORKED);
  look(fluvio_error_message(e));
  for (i = 0; fluvio_error_detail_at(e, i, &key, &value) == 0; i++) {
    look(key);
    MUST(strcmp(fluvio_error_detail(e, key), value) == 0 || i > 0);
  }
  sink += fluvio_error_server_code(e) + fluvio_error_is_retriable(e) + fluvio_error_is_fatal(e) + fluvio_error_maybe_written(e) + fluvio_error_end_reason(e);
}

/* Where a call's error goes. */
static fluvio_error_t *failure, **error;

static void ended(fluvio_status_t status)
{
  MUST(status <= 0 && status >= FLUVIO_ERR_SMARTMODULE && strcmp(fluvio_status_name(status), "FLUVIO_ERR_UNKNOWN") != 0);
  MUST(failure == NULL || (status != FLUVIO_OK && fluvio_error_status(failure) == status));
  look_at_error(failure);
  MUST(status != FLUVIO_ERR_INTERNAL && status != FLUVIO_ERR_FORKED && status != FLUVIO_ERR_VERSION);
  keep(ERROR, failure);
  failure = NULL;
}

/* A call that may give a handle. */
#define GIVES(kind, type, call)      \
  do {                               \
    type *out = NULL;                \
    fluvio_status_t status = (call); \
    ended(status);                   \
    if (status == FLUVIO_OK)         \
      keep(kind, out);               \
  } while (0)

/* A struct with a struct_size that may be too small, in memory of just that size; the first field says how large. */
static void *room(size_t size)
{
  uint32_t n = byte() < 200 ? (uint32_t)size : (uint32_t)(byte() % (size + 1));
  void *p = lend(n > sizeof n ? n : sizeof n);
  memcpy(p, &n, sizeof n);
  return byte() == 255 ? NULL : p;
}
#define ROOM(type) ((type *)room(sizeof(type)))
#define WHOLE(p) ((p) != NULL && (p)->struct_size == sizeof *(p))

/* --------------------------------------------------------------- callbacks */

/* What callbacks know: what to answer, and how often they were let go, which is once. */
struct ctx {
  int32_t answer;
  void *self;
};

static void *new_ctx(void *self)
{
  struct ctx *c = malloc(sizeof *c);
  MUST(c != NULL);
  c->answer = (int32_t)byte() % 3;
  c->self = self;
  return c;
}

static void free_ctx(void *ctx) { free(ctx); }

static void on_event(fluvio_event_t *event, void *ctx)
{
  touch(ctx, sizeof(struct ctx));
  sink += (unsigned)fluvio_event_type(event);
  if (fluvio_event_type(event) == FLUVIO_EVENT_OFFSETS && ((struct ctx *)ctx)->answer == 0)
    fluvio_event_offsets_reply(event, NULL, 0, NULL, NULL);
  MUST(fluvio_queue_poll(((struct ctx *)ctx)->self, 1000) == NULL);
}

static int32_t on_batch(fluvio_batch_t *batch, const fluvio_error_t *e, void *ctx)
{
  look_at_error(e);
  sink += (unsigned)fluvio_batch_count(batch);
  return ((struct ctx *)ctx)->answer;
}

static int32_t on_record(const fluvio_record_t *r, const fluvio_error_t *e, void *ctx)
{
  look_at_error(e);
  if (r != NULL) {
    touch(r->value, r->value_len);
    touch(r->key, r->key_len);
  }
  return ((struct ctx *)ctx)->answer;
}

static int32_t choose(const void *key, size_t key_len, const void *value, size_t value_len, int32_t partitions, const int32_t *available, size_t count, void *ctx)
{
  touch(key, key != NULL ? key_len : 0);
  touch(value, value_len);
  touch(available, count * sizeof *available);
  return ((struct ctx *)ctx)->answer * (partitions - 1) / 2;
}

static int32_t judge(const char *name, const uint8_t *const *certificates, const size_t *lengths, size_t count, char *message, size_t size, void *ctx)
{
  size_t i;
  look(name);
  for (i = 0; i < count; i++)
    touch(certificates[i], lengths[i]);
  memset(message, 'x', size);
  return ((struct ctx *)ctx)->answer;
}

/* A callback and what it knows, for a function that takes both; undone when the function refuses them. */
#define STARTS(call)                            \
  do {                                          \
    void *ctx = new_ctx(h);                     \
    fluvio_status_t status = (call);            \
    ended(status);                              \
    if (status != FLUVIO_OK)                    \
      free_ctx(ctx);                            \
  } while (0)

#include "calls.h"

/* --------------------------------------------------------------------- run */

static const char *endpoint;

/* Configs of a client and of a consumer, a queue, a client, and a record to read, so that most programs get somewhere. */
static void begin(void)
{
  fluvio_error_t *e = NULL;
  fluvio_config_t *config = fluvio_config_new(), *reading = fluvio_config_new();
  fluvio_client_t *client = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_status_t status;
  MUST(config != NULL && reading != NULL);
  keep(CONFIG, config);
  keep(CONFIG, reading);
  MUST(fluvio_config_set(reading, "start", "beginning", NULL) == FLUVIO_OK);
  keep(QUEUE, fluvio_queue_new());
  MUST(fluvio_config_set(config, "endpoint", endpoint != NULL ? endpoint : "127.0.0.1:1", NULL) == FLUVIO_OK);
  MUST(fluvio_config_set(config, "log_level", "off", NULL) == FLUVIO_OK);
  if (endpoint == NULL)
    MUST(fluvio_config_set(config, "validate_on_connect", "false", NULL) == FLUVIO_OK);
  status = fluvio_client_connect(config, 30000, &client, &e);
  if (status != FLUVIO_OK)
    fprintf(stderr, "%s: %s\n", fluvio_status_name(status), fluvio_error_message(e));
  MUST(status == FLUVIO_OK);
  keep(CLIENT, client);
  if (endpoint == NULL)
    return;
  status = fluvio_topic_create(client, "fuzz", NULL, 30000, NULL);
  if (status != FLUVIO_OK) {
    MUST(status == FLUVIO_ERR_ALREADY_EXISTS);
    return;
  }
  MUST(fluvio_producer_open(client, "fuzz", NULL, NULL, 30000, &producer, NULL) == FLUVIO_OK);
  MUST(fluvio_producer_send(producer, "k", 1, "a value", 7, 0, 30000, NULL) == FLUVIO_OK);
  fluvio_producer_close(producer, 30000, NULL);
  fluvio_producer_free(producer);
}

/* What a program has left in the cluster goes, so that the next one finds little. */
static void tidy(void)
{
  static const char *const made[] = { "topic", "spu_group", "smartmodule", "table_format", "mirror" };
  fluvio_client_t *client = NULL;
  fluvio_config_t *config = fluvio_config_new();
  size_t k, i;
  fluvio_config_set(config, "endpoint", endpoint, NULL);
  fluvio_config_set(config, "log_level", "off", NULL);
  MUST(fluvio_client_connect(config, 30000, &client, NULL) == FLUVIO_OK);
  for (k = 0; k < sizeof made / sizeof made[0]; k++) {
    fluvio_value_t *list = NULL;
    fluvio_object_list(client, made[k], NULL, 30000, &list, NULL);
    for (i = 0; i < fluvio_value_count(list, NULL); i++) {
      char path[32];
      snprintf(path, sizeof path, "%zu.name", i);
      fluvio_object_delete(client, made[k], fluvio_value_text(list, path), NULL, 30000, NULL);
    }
    fluvio_value_free(list);
  }
  fluvio_config_free(config);
  fluvio_client_close(client, 1000, NULL);
  fluvio_client_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static int runs;
  int kind, i, calls;
  endpoint = getenv("FLUVIO_FUZZ_ENDPOINT");
  if (endpoint != NULL && ++runs % 256 == 0)
    tidy();
  begin();
  at = data;
  end = data + size;
  for (calls = 0; at < end && calls < 64; calls++) {
    unsigned b = byte();
    error = b & 128 ? NULL : &failure;
    call(b & 127);
    while (lent_count > 0)
      free(lent[--lent_count]);
  }
  at = end = NULL;
  for (kind = KINDS - 1; kind >= 0; kind--)
    for (i = 0; i < EACH; i++)
      if (handles[kind][i] != NULL) {
        if (kind == CONSUMER)
          fluvio_consumer_close(handles[kind][i], 100, NULL);
        if (kind == PRODUCER)
          fluvio_producer_close(handles[kind][i], 100, NULL);
        if (kind == CLIENT)
          fluvio_client_close(handles[kind][i], 100, NULL);
        drop((enum kind)kind, handles[kind][i]);
        handles[kind][i] = NULL;
      }
  return 0;
}

#ifdef REPLAY
static void replay(const char *path)
{
  struct stat s;
  FILE *f;
  uint8_t *data;
  size_t n;
  MUST(stat(path, &s) == 0);
  if (S_ISDIR(s.st_mode)) {
    DIR *dir = opendir(path);
    struct dirent *entry;
    MUST(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
      char file[4096];
      snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
      if (entry->d_name[0] != '.')
        replay(file);
    }
    closedir(dir);
    return;
  }
  data = malloc((size_t)s.st_size + 1);
  f = fopen(path, "rb");
  MUST(data != NULL && f != NULL);
  n = fread(data, 1, (size_t)s.st_size, f);
  fclose(f);
  printf("%s\n", path);
  fflush(stdout);
  LLVMFuzzerTestOneInput(data, n);
  free(data);
}

int main(int argc, char **argv)
{
  int i;
  for (i = 1; i < argc; i++)
    replay(argv[i]);
  return 0;
}
#endif
