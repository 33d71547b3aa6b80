/* The cluster's objects: every kind created, described, listed, deleted and watched; what values show of them. */
#include "check.h"

static void is_text(const fluvio_value_t *value, const char *path, const char *wanted)
{
  const char *text = fluvio_value_text(value, path);
  if (text == NULL || strcmp(text, wanted) != 0) {
    fprintf(stderr, "%s is %s, not %s, in %s\n", path, text != NULL ? text : "no text", wanted, fluvio_value_json(value));
    exit(1);
  }
}

static void is_number(const fluvio_value_t *value, const char *path, int64_t wanted)
{
  int64_t number = fluvio_value_number(value, path, wanted - 1);
  if (number != wanted) {
    fprintf(stderr, "%s is %" PRId64 ", not %" PRId64 ", in %s\n", path, number, wanted, fluvio_value_json(value));
    exit(1);
  }
}

static void create(fluvio_client_t *client, const char *kind, const char *name, const char *json, const char *stored)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_text_t *text = NULL;
  OK(fluvio_config_set_json(config, json, &error));
  OK(fluvio_object_create(client, kind, name, config, LONG, &text, &error));
  CHECK(strcmp(fluvio_text_get(text), stored) == 0);
  fluvio_text_free(text);
  fluvio_config_free(config);
}

static fluvio_value_t *describe(fluvio_client_t *client, const char *kind, const char *name)
{
  fluvio_error_t *error = NULL;
  fluvio_value_t *value = NULL;
  OK(fluvio_object_describe(client, kind, name, LONG, &value, &error));
  CHECK(fluvio_value_type(value, "") == FLUVIO_VALUE_MAP && fluvio_value_type(value, NULL) == FLUVIO_VALUE_MAP);
  return value;
}

static void drop(fluvio_client_t *client, const char *kind, const char *name)
{
  fluvio_error_t *error = NULL;
  OK(fluvio_object_delete(client, kind, name, NULL, LONG, &error));
  STATUS(FLUVIO_ERR_NOT_FOUND, fluvio_object_delete(client, kind, name, NULL, LONG, &error));
}

/* The WebAssembly of a module that does nothing is "\0asm" and the version. */
#define MODULE "{\"wasm\": {\"base64\": \"AGFzbQEAAAA=\"}, \"package\": {\"name\": \"m\", \"group\": \"g\", \"version\": \"0.1.0\", "           \
               "\"api_version\": \"0.2.0\", \"description\": \"d\", \"license\": \"l\", \"visibility\": \"public\", \"repository\": \"r\"}, " \
               "\"params\": [{\"name\": \"p\", \"description\": \"q\", \"optional\": true}]}"

static void topics(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_value_t *v, *list = NULL;
  fluvio_config_t *config = fluvio_config_new();
  PART("topics");
  create(client, "smartmodule", "x", MODULE, "m-g-0.1.0");
  create(client, "topic", "full",
         "{\"partitions\": 2, \"ignore_rack\": true, \"retention_seconds\": \"1h\", \"segment_size\": \"1MiB\", \"max_partition_size\": \"1GiB\", "
         "\"compression\": \"gzip\", \"system\": true, \"deduplication\": {\"smartmodule\": \"g/m@0.1.0\", \"count\": 7, \"age_ms\": \"5s\", \"params\": {\"a.b\": \"c\"}}}",
         "full");
  v = describe(client, "topic", "full");
  is_text(v, "name", "full");
  is_number(v, "partitions", 2);
  is_number(v, "replication", 1);
  is_number(v, "ignore_rack", 1);
  is_number(v, "retention_seconds", 3600);
  is_number(v, "segment_size", 1 << 20);
  is_number(v, "max_partition_size", 1 << 30);
  is_text(v, "compression", "gzip");
  is_number(v, "is_system", 1);
  is_text(v, "deduplication.smartmodule", "g/m@0.1.0");
  is_number(v, "deduplication.count", 7);
  is_number(v, "deduplication.age_ms", 5000);
  is_text(v, "deduplication.params.#0", "c");
  CHECK(strcmp(fluvio_value_key(v, "deduplication.params", 0), "a.b") == 0 && fluvio_value_key(v, "deduplication.params", 1) == NULL);
  is_text(v, "status", "provisioned");
  CHECK(fluvio_value_type(v, "mirror") == FLUVIO_VALUE_NULL && fluvio_value_type(v, "ignore_rack") == FLUVIO_VALUE_BOOL);
  CHECK(fluvio_value_count(v, "replicas") == 2 && fluvio_value_count(v, "replicas.1.spus") == 1 && fluvio_value_count(v, "name") == 0);
  CHECK(fluvio_value_number(v, "replicas.1.spus.0", -1) > 5000);
  CHECK(fluvio_value_type(v, "replicas.2") == FLUVIO_VALUE_NONE && fluvio_value_type(v, "nothing.at.all") == FLUVIO_VALUE_NONE);
  CHECK(fluvio_value_type(v, "replicas.x") == FLUVIO_VALUE_NONE && fluvio_value_type(v, "replicas.") == FLUVIO_VALUE_NONE);
  CHECK(fluvio_value_text(v, "partitions") == NULL && fluvio_value_bytes(v, "name", NULL) == NULL && fluvio_value_number(v, "name", 9) == 9);
  CHECK(strstr(fluvio_value_json(v), "\"params\":{\"a.b\":\"c\"}") != NULL);
  fluvio_value_free(v);
  STATUS(FLUVIO_ERR_PERMISSION, fluvio_object_delete(client, "topic", "full", NULL, LONG, &error));
  OK(fluvio_config_set(config, "force", "true", &error));
  OK(fluvio_object_delete(client, "topic", "full", config, LONG, &error));
  fluvio_config_free(config);
  drop(client, "smartmodule", "g/m@0.1.0");

  PART("partitions");
  create(client, "topic", "placed", "{\"assignment\": [[5001, 5002], [5002, 5001]]}", "placed");
  create(client, "topic", "grows", "{}", "grows");
  OK(fluvio_topic_add_partitions(client, "grows", 2, LONG, &error));
  OK(fluvio_topic_wait(client, "grows", LONG, &error));
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_topic_wait(client, "never", 10, &error));
  config = fluvio_config_new();
  OK(fluvio_config_set(config, "topic", "placed", &error));
  OK(fluvio_object_list(client, "partition", config, LONG, &list, &error));
  fluvio_config_free(config);
  CHECK(fluvio_value_type(list, NULL) == FLUVIO_VALUE_LIST && fluvio_value_count(list, NULL) == 2);
  is_text(list, "1.topic", "placed");
  is_number(list, "1.partition", 1);
  is_number(list, "1.leader", 5002);
  is_number(list, "1.replicas.1", 5001);
  is_text(list, "1.status", "online");
  is_number(list, "1.high_watermark", 0);
  is_number(list, "1.log_end_offset", 0);
  is_number(list, "1.start_offset", 0);
  fluvio_value_free(list);
  v = describe(client, "partition", "grows-2");
  is_number(v, "partition", 2);
  fluvio_value_free(v);
  drop(client, "topic", "placed");
  drop(client, "topic", "grows");
}

static void others(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_value_t *v;
  fluvio_config_t *config = fluvio_config_new();
  const uint8_t *bytes;
  size_t len = 0;
  PART("SPUs");
  v = describe(client, "spu", "custom-spu-5001");
  is_number(v, "id", 5001);
  is_text(v, "status", "online");
  CHECK(strncmp(fluvio_value_text(v, "address"), "127.0.0.1:", 10) == 0);
  fluvio_value_free(v);
  create(client, "custom_spu", "far", "{\"id\": 77, \"public_endpoint\": \"a:1\", \"private_endpoint\": \"b:2\", \"public_endpoint_local\": \"c:3\", \"rack\": \"r\", \"encryption\": \"ssl\"}", "far");
  v = describe(client, "custom_spu", "far");
  is_text(v, "public_endpoint.hosts.0.hostname", "a");
  is_number(v, "private_endpoint.port", 2);
  is_text(v, "public_endpoint_local.encryption", "ssl");
  is_text(v, "rack", "r");
  is_text(v, "type", "custom");
  is_text(v, "status", "init");
  fluvio_value_free(v);
  OK(fluvio_config_set(config, "id", "77", &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_delete(client, "custom_spu", "far", config, LONG, &error));
  OK(fluvio_object_delete(client, "custom_spu", NULL, config, LONG, &error));
  fluvio_config_free(config);
  create(client, "spu_group", "g", "{\"replicas\": 3, \"min_id\": 9, \"rack\": \"r\", \"in_sync_replica_min\": 2, \"storage_log_dir\": \"/l\", \"storage_size\": \"1Gi\", \"env\": {\"A\": \"1\"}, \"timeout_ms\": \"10s\"}", "g");
  v = describe(client, "spu_group", "g");
  is_number(v, "replicas", 3);
  is_number(v, "min_id", 9);
  is_number(v, "in_sync_replica_min", 2);
  is_text(v, "storage_log_dir", "/l");
  is_text(v, "storage_size", "1Gi");
  is_text(v, "env.A", "1");
  fluvio_value_free(v);
  drop(client, "spu_group", "g");

  PART("SmartModules, table formats, mirrors");
  create(client, "smartmodule", "x", MODULE, "m-g-0.1.0");
  v = describe(client, "smartmodule", "g/m");
  is_text(v, "name", "m-g-0.1.0");
  is_text(v, "full_name", "g/m@0.1.0");
  is_text(v, "package.visibility", "public");
  is_text(v, "params.0.description", "q");
  is_number(v, "params.0.optional", 1);
  bytes = fluvio_value_bytes(v, "wasm", &len);
  CHECK(len == 8 && memcmp(bytes, "\0asm\1\0\0\0", 8) == 0);
  fluvio_value_free(v);
  drop(client, "smartmodule", "g/m@0.1.0");
  create(client, "table_format", "t", "{\"input_format\": \"json\", \"smartmodule\": \"s\", \"columns\": [{\"key_path\": \"k\", \"display\": false, \"alignment\": \"right\"}]}", "t");
  v = describe(client, "table_format", "t");
  is_text(v, "columns.0.key_path", "k");
  is_text(v, "columns.0.alignment", "right");
  is_number(v, "columns.0.display", 0);
  CHECK(fluvio_value_type(v, "columns.0.primary_key") == FLUVIO_VALUE_NULL);
  fluvio_value_free(v);
  drop(client, "table_format", "t");
  create(client, "mirror", "edge", "{}", "edge");
  v = describe(client, "mirror", "edge");
  is_text(v, "kind", "remote");
  is_text(v, "pairing_sc.status", "waiting");
  CHECK(fluvio_value_type(v, "last_seen") == FLUVIO_VALUE_NULL);
  fluvio_value_free(v);
  create(client, "topic", "home", "{\"mirror\": {\"kind\": \"home\"}}", "home");
  OK(fluvio_topic_add_mirror(client, "home", "edge", LONG, &error));
  v = describe(client, "topic", "home");
  is_text(v, "mirror.partitions.0.remote_cluster", "edge");
  fluvio_value_free(v);
  drop(client, "topic", "home");
  drop(client, "mirror", "edge");
}

static void mistakes(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_value_t *v = NULL;
  fluvio_watch_t *w = NULL;
  PART("mistakes");
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_list(client, "topics", NULL, LONG, &v, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_list(client, NULL, NULL, LONG, &v, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_list(client, "topic", NULL, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_list(NULL, "topic", NULL, LONG, &v, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_describe(client, "topic", NULL, LONG, &v, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_describe(client, "partition", "nonumber", LONG, &v, &error));
  STATUS(FLUVIO_ERR_NOT_FOUND, fluvio_object_describe(client, "mirror", "nobody", LONG, &v, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_create(client, "partition", "x-0", NULL, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_object_delete(client, "spu", "x", NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_topic_add_mirror(client, "x", NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_watch_open(client, "mirror", LONG, &w, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_watch_next(NULL, LONG, &v, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_watch_close((fluvio_watch_t *)client, LONG, &error));
  CHECK(v == NULL && w == NULL);
  CHECK(fluvio_value_type(NULL, NULL) == FLUVIO_VALUE_NONE && strcmp(fluvio_value_json(NULL), "") == 0);
  fluvio_value_free(NULL);
  fluvio_watch_free(NULL);
}

/* Takes events until one of a kind, with a name where it has one. */
static void until(fluvio_watch_t *watch, const char *event, const char *name)
{
  fluvio_error_t *error = NULL;
  for (;;) {
    fluvio_value_t *events = NULL;
    char path[32];
    size_t i;
    int found = 0;
    OK(fluvio_watch_next(watch, LONG, &events, &error));
    CHECK(fluvio_value_count(events, NULL) > 0);
    for (i = 0; i < fluvio_value_count(events, NULL); i++) {
      snprintf(path, sizeof path, "%d.event", (int)i);
      if (strcmp(fluvio_value_text(events, path), event) != 0)
        continue;
      snprintf(path, sizeof path, "%d.object.name", (int)i);
      found = name == NULL ? fluvio_value_type(events, path) == FLUVIO_VALUE_NONE : strcmp(fluvio_value_text(events, path), name) == 0;
    }
    fluvio_value_free(events);
    if (found)
      return;
  }
}

static void *wait_next(void *watch)
{
  fluvio_error_t *error = NULL;
  fluvio_value_t *events = NULL;
  STATUS(FLUVIO_ERR_CLOSED, fluvio_watch_next((fluvio_watch_t *)watch, -1, &events, &error));
  return NULL;
}

static void watches(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_watch_t *watch = NULL, *left = NULL;
  fluvio_value_t *events = NULL;
  pthread_t thread;
  PART("watches");
  OK(fluvio_watch_open(client, "topic", LONG, &watch, &error));
  until(watch, "synced", NULL);
  create(client, "topic", "seen", "{}", "seen");
  until(watch, "added", "seen");
  drop(client, "topic", "seen");
  until(watch, "deleted", "seen");
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_watch_next(watch, 0, &events, &error));
  CHECK(pthread_create(&thread, NULL, wait_next, watch) == 0);
  OK(fluvio_watch_close(watch, LONG, &error));
  pthread_join(thread, NULL);
  STATUS(FLUVIO_ERR_CLOSED, fluvio_watch_next(watch, LONG, &events, &error));
  OK(fluvio_watch_close(watch, LONG, &error));
  fluvio_watch_free(watch);

  /* A watch ends with its client. */
  OK(fluvio_watch_open(client, "spu", LONG, &watch, &error));
  OK(fluvio_watch_open(client, "partition", LONG, &left, &error));
  OK(fluvio_client_close(client, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_watch_next(watch, LONG, &events, &error));
  fluvio_client_free(client);
  fluvio_watch_free(watch);
  fluvio_watch_free(left);
}

/* A watch keeps its client alive; both are then closed in the background, long before this program ends. */
static void freed(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_watch_t *watch = NULL;
  PART("freed");
  OK(fluvio_watch_open(client, "spu", LONG, &watch, &error));
  fluvio_client_free(client);
  until(watch, "synced", NULL);
  fluvio_watch_free(watch);
}

/* The same by operations, one of them freed before anybody took its result. */
static void operations(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_text_t *text;
  fluvio_value_t *value;
  fluvio_op_t *op = fluvio_object_list_async(client, "spu", NULL, LONG, NULL, 0);
  fluvio_value_t *v;
  fluvio_watch_t *watch;
  PART("operations");
  OK(fluvio_op_wait(op, LONG, &error));
  v = fluvio_op_take_value(op);
  CHECK(fluvio_value_count(v, "") == 2 && fluvio_op_take_value(op) == NULL && fluvio_op_take_watch(op) == NULL);
  fluvio_op_free(op);
  fluvio_value_free(v);
  op = fluvio_object_list_async(client, "spu", NULL, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  op = fluvio_watch_open_async(client, "spu", LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  op = fluvio_watch_open_async(client, "spu", LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  watch = fluvio_op_take_watch(op);
  fluvio_op_free(op);
  op = fluvio_watch_next_async(watch, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  op = fluvio_watch_close_async(watch, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  fluvio_watch_free(watch);
  op = fluvio_object_create_async(client, "topic", "by-op", NULL, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  text = fluvio_op_take_text(op);
  CHECK(strcmp(fluvio_text_get(text), "by-op") == 0);
  fluvio_text_free(text);
  fluvio_op_free(op);
  done(fluvio_topic_wait_async(client, "by-op", LONG, NULL, 0), FLUVIO_OK);
  done(fluvio_topic_add_partitions_async(client, "by-op", 2, LONG, NULL, 0), FLUVIO_OK);
  op = fluvio_object_describe_async(client, "topic", "by-op", LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  value = fluvio_op_take_value(op);
  CHECK(fluvio_value_count(value, "replicas") == 3);
  fluvio_value_free(value);
  fluvio_op_free(op);
  done(fluvio_topic_add_mirror_async(client, "by-op", "nobody", LONG, NULL, 0), FLUVIO_ERR_NOT_FOUND);
  done(fluvio_object_delete_async(client, "topic", "by-op", NULL, LONG, NULL, 0), FLUVIO_OK);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc > 1);
  freed(argv[1]);
  client = connect_to(argv[1]);
  topics(client);
  others(client);
  mistakes(client);
  operations(client);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  watches(argv[1]);
  return 0;
}
