/* Looks at a cluster's objects and changes them.
 *
 *   admin [-e ENDPOINT] [-o SETTING=VALUE]... list KIND | describe KIND NAME | create KIND NAME | delete KIND NAME | offsets | health
 *
 * -e  the cluster, host:port of its SC; without it, the current profile of the official tools' file
 * -o  a setting of what is created, listed or deleted, for instance -o partitions=3
 *
 * KIND is topic, partition, spu, custom_spu, spu_group, smartmodule, table_format or mirror. list writes a name and a status a line,
 * describe and health JSON, offsets what consumers have stored. The status is 0 if all went well, and for health if all is well. */
#define _POSIX_C_SOURCE 200809L
#include <fluvio.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 30000

static int fail(const char *what, fluvio_error_t *error) {
  fprintf(stderr, "admin: %s: %s\n", what, fluvio_error_message(error));
  fluvio_error_free(error);
  return 1;
}

static int set(fluvio_config_t *config, char *assignment) {
  char *equal = strchr(assignment, '=');
  fluvio_error_t *error = NULL;
  if (!equal) {
    fprintf(stderr, "admin: -o %s: write SETTING=VALUE\n", assignment);
    return 2;
  }
  *equal = 0;
  return fluvio_config_set(config, assignment, equal + 1, &error) ? fail("-o", error) : 0;
}

static int list(fluvio_client_t *client, const char *kind, const fluvio_config_t *settings) {
  fluvio_value_t *objects = NULL;
  fluvio_error_t *error = NULL;
  char path[64];
  size_t i;
  if (fluvio_object_list(client, kind, settings, TIMEOUT_MS, &objects, &error)) return fail("list", error);
  for (i = 0; i < fluvio_value_count(objects, NULL); i++) {
    const char *name, *status;
    int64_t partition;
    snprintf(path, sizeof path, "%zu.partition", i);
    partition = fluvio_value_number(objects, path, -1);
    snprintf(path, sizeof path, "%zu.%s", i, partition < 0 ? "name" : "topic");
    name = fluvio_value_text(objects, path);
    snprintf(path, sizeof path, "%zu.status", i);
    status = fluvio_value_text(objects, path);
    if (partition < 0) printf("%s", name);
    else printf("%s-%" PRId64, name, partition); /* as describe wants it */
    printf("%s%s\n", status ? " " : "", status ? status : "");
  }
  fluvio_value_free(objects);
  return 0;
}

static int describe(fluvio_client_t *client, const char *kind, const char *name) {
  fluvio_value_t *object = NULL;
  fluvio_error_t *error = NULL;
  if (fluvio_object_describe(client, kind, name, TIMEOUT_MS, &object, &error)) return fail("describe", error);
  puts(fluvio_value_json(object));
  fluvio_value_free(object);
  return 0;
}

static int create(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *settings) {
  fluvio_text_t *stored = NULL;
  fluvio_error_t *error = NULL;
  if (fluvio_object_create(client, kind, name, settings, TIMEOUT_MS, &stored, &error)) return fail("create", error);
  puts(fluvio_text_get(stored));
  fluvio_text_free(stored);
  return 0;
}

static int offsets(fluvio_client_t *client) {
  fluvio_consumer_offset_list_t *all = NULL;
  fluvio_error_t *error = NULL;
  fluvio_consumer_offset_t o;
  size_t i;
  if (fluvio_consumer_offsets_list(client, TIMEOUT_MS, &all, &error)) return fail("offsets", error);
  memset(&o, 0, sizeof o);
  o.struct_size = sizeof o;
  for (i = 0; fluvio_consumer_offset_list_get(all, i, &o) == FLUVIO_OK; i++)
    printf("%s %s-%" PRId32 " %" PRId64 "\n", o.consumer_id, o.topic, o.partition, o.offset);
  fluvio_consumer_offset_list_free(all);
  return 0;
}

static int health(fluvio_client_t *client) {
  fluvio_text_t *text = NULL;
  fluvio_error_t *error = NULL;
  int well;
  if (fluvio_client_health(client, TIMEOUT_MS, &text, &error)) return fail("health", error);
  puts(fluvio_text_get(text));
  well = strstr(fluvio_text_get(text), "\"verdict\":\"healthy\"") != NULL;
  fluvio_text_free(text);
  return !well;
}

static int run(fluvio_client_t *client, char **words, int count, const fluvio_config_t *settings) {
  fluvio_error_t *error = NULL;
  if (count == 1 && !strcmp(words[0], "offsets")) return offsets(client);
  if (count == 1 && !strcmp(words[0], "health")) return health(client);
  if (count == 2 && !strcmp(words[0], "list")) return list(client, words[1], settings);
  if (count == 3 && !strcmp(words[0], "describe")) return describe(client, words[1], words[2]);
  if (count == 3 && !strcmp(words[0], "create")) return create(client, words[1], words[2], settings);
  if (count == 3 && !strcmp(words[0], "delete"))
    return fluvio_object_delete(client, words[1], words[2], settings, TIMEOUT_MS, &error) ? fail("delete", error) : 0;
  fprintf(stderr, "usage: admin [-e ENDPOINT] [-o SETTING=VALUE]... list KIND | describe KIND NAME | create KIND NAME | delete KIND NAME | offsets | health\n");
  return 2;
}

int main(int argc, char **argv) {
  fluvio_config_t *cluster = fluvio_config_new(), *settings = fluvio_config_new();
  fluvio_client_t *client = NULL;
  fluvio_error_t *error = NULL;
  int option, result = 0;
  while (!result && (option = getopt(argc, argv, "e:o:")) != -1) {
    if (option == 'e') fluvio_config_set(cluster, "endpoint", optarg, NULL);
    else result = option == 'o' ? set(settings, optarg) : 2;
  }
  if (!result && fluvio_client_connect(cluster, 10000, &client, &error)) result = fail("connect", error);
  if (!result) result = run(client, argv + optind, argc - optind, settings);
  if (client) fluvio_client_close(client, 1000, NULL);
  fluvio_client_free(client);
  fluvio_config_free(cluster);
  fluvio_config_free(settings);
  return result;
}
