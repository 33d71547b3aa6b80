/*
 * objects.c - the cluster's objects of every kind: created, described, listed, deleted, changed and watched.
 */
#include "internal.h"

static fluvioc_request_t request_of(int32_t command, const char *op, fluvio_client_t *client, const char *kind, int64_t timeout_ms)
{
  fluvioc_request_t request = fluvioc_request_on(client, FLUVIOC_KIND_CLIENT, command, op, timeout_ms);
  request.what = kind;
  request.what_name = "kind";
  return request;
}

static fluvioc_request_t named(fluvioc_request_t request, const char *name, const fluvio_config_t *config)
{
  request.topic = name;
  request.has_topic = true;
  request.config = config;
  return request;
}

static fluvioc_request_t create_request(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms)
{
  return named(request_of(FLUVIOC_CREATE_OBJECT, "create object", client, kind, timeout_ms), name, config);
}

fluvio_status_t fluvio_object_create(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms, fluvio_text_t **stored_name, fluvio_error_t **error)
{
  fluvio_text_t *result;
  fluvio_status_t status = fluvioc_op_give(create_request(client, kind, name, config, timeout_ms), "stored_name", &result, error);
  if (stored_name != NULL)
    *stored_name = result;
  else
    fluvio_text_free(result);
  return status;
}

fluvio_op_t *fluvio_object_create_async(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, create_request(client, kind, name, config, timeout_ms));
}

static fluvioc_request_t delete_request(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms)
{
  fluvioc_request_t request = named(request_of(FLUVIOC_DELETE_OBJECT, "delete object", client, kind, timeout_ms), name, config);
  request.topic_optional = true; /* where the config has the id */
  return request;
}

fluvio_status_t fluvio_object_delete(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = delete_request(client, kind, name, config, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_object_delete_async(fluvio_client_t *client, const char *kind, const char *name, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, delete_request(client, kind, name, config, timeout_ms));
}

static fluvioc_request_t describe_request(fluvio_client_t *client, const char *kind, const char *name, int64_t timeout_ms)
{
  return named(request_of(FLUVIOC_DESCRIBE_OBJECT, "describe object", client, kind, timeout_ms), name, NULL);
}

fluvio_status_t fluvio_object_describe(fluvio_client_t *client, const char *kind, const char *name, int64_t timeout_ms, fluvio_value_t **object, fluvio_error_t **error)
{
  return fluvioc_op_give(describe_request(client, kind, name, timeout_ms), "object", object, error);
}

fluvio_op_t *fluvio_object_describe_async(fluvio_client_t *client, const char *kind, const char *name, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, describe_request(client, kind, name, timeout_ms));
}

static fluvioc_request_t list_request(fluvio_client_t *client, const char *kind, const fluvio_config_t *config, int64_t timeout_ms)
{
  fluvioc_request_t request = request_of(FLUVIOC_LIST_OBJECTS, "list objects", client, kind, timeout_ms);
  request.config = config;
  return request;
}

fluvio_status_t fluvio_object_list(fluvio_client_t *client, const char *kind, const fluvio_config_t *config, int64_t timeout_ms, fluvio_value_t **list, fluvio_error_t **error)
{
  return fluvioc_op_give(list_request(client, kind, config, timeout_ms), "list", list, error);
}

fluvio_op_t *fluvio_object_list_async(fluvio_client_t *client, const char *kind, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, list_request(client, kind, config, timeout_ms));
}

/* -------------------------------------------------------------------- topics */

static fluvioc_request_t topic_request(int32_t command, const char *op, fluvio_client_t *client, const char *topic, int64_t timeout_ms)
{
  fluvioc_request_t request = named(request_of(command, op, client, NULL, timeout_ms), topic, NULL);
  request.what_name = NULL;
  return request;
}

static fluvioc_request_t add_partitions_request(fluvio_client_t *client, const char *topic, uint32_t count, int64_t timeout_ms)
{
  fluvioc_request_t request = topic_request(FLUVIOC_ADD_PARTITIONS, "add partitions", client, topic, timeout_ms);
  request.offset = count;
  return request;
}

fluvio_status_t fluvio_topic_add_partitions(fluvio_client_t *client, const char *topic, uint32_t count, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = add_partitions_request(client, topic, count, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_topic_add_partitions_async(fluvio_client_t *client, const char *topic, uint32_t count, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, add_partitions_request(client, topic, count, timeout_ms));
}

static fluvioc_request_t add_mirror_request(fluvio_client_t *client, const char *topic, const char *remote_cluster, int64_t timeout_ms)
{
  fluvioc_request_t request = topic_request(FLUVIOC_ADD_MIRROR, "add mirror", client, topic, timeout_ms);
  request.what = remote_cluster;
  request.what_name = "remote cluster";
  return request;
}

fluvio_status_t fluvio_topic_add_mirror(fluvio_client_t *client, const char *topic, const char *remote_cluster, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = add_mirror_request(client, topic, remote_cluster, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_topic_add_mirror_async(fluvio_client_t *client, const char *topic, const char *remote_cluster, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, add_mirror_request(client, topic, remote_cluster, timeout_ms));
}

fluvio_status_t fluvio_topic_wait(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = topic_request(FLUVIOC_WAIT_TOPIC, "wait for topic", client, topic, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_topic_wait_async(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, topic_request(FLUVIOC_WAIT_TOPIC, "wait for topic", client, topic, timeout_ms));
}

/* ------------------------------------------------------------------- watches */

struct fluvio_watch {
  fluvioc_object_t object;
  fluvio_client_t *client;
};

fluvio_watch_t *fluvioc_watch_new(uint64_t id, fluvio_client_t *client)
{
  fluvio_watch_t *watch = malloc(sizeof *watch);
  if (watch == NULL)
    return NULL;
  fluvioc_object_init(&watch->object, FLUVIOC_KIND_WATCH, id);
  watch->client = client;
  fluvioc_client_hold(client);
  return fluvioc_ref(watch);
}

void fluvioc_watch_destroy(fluvio_watch_t *watch)
{
  fluvioc_client_unhold(watch->client);
  free(watch);
}

fluvio_status_t fluvio_watch_open(fluvio_client_t *client, const char *kind, int64_t timeout_ms, fluvio_watch_t **watch, fluvio_error_t **error)
{
  return fluvioc_op_give(request_of(FLUVIOC_OPEN_WATCH, "open watch", client, kind, timeout_ms), "watch", watch, error);
}

fluvio_op_t *fluvio_watch_open_async(fluvio_client_t *client, const char *kind, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(FLUVIOC_OPEN_WATCH, "open watch", client, kind, timeout_ms));
}

static fluvioc_request_t watch_request(int32_t command, const char *op, fluvio_watch_t *watch, int64_t timeout_ms)
{
  return fluvioc_request_on(watch, FLUVIOC_KIND_WATCH, command, op, timeout_ms);
}

fluvio_status_t fluvio_watch_next(fluvio_watch_t *watch, int64_t timeout_ms, fluvio_value_t **events, fluvio_error_t **error)
{
  return fluvioc_op_give(watch_request(FLUVIOC_WATCH_NEXT, "watch", watch, timeout_ms), "events", events, error);
}

fluvio_op_t *fluvio_watch_next_async(fluvio_watch_t *watch, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, watch_request(FLUVIOC_WATCH_NEXT, "watch", watch, timeout_ms));
}

fluvio_status_t fluvio_watch_close(fluvio_watch_t *watch, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = watch_request(FLUVIOC_CLOSE_WATCH, "close watch", watch, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_watch_close_async(fluvio_watch_t *watch, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, watch_request(FLUVIOC_CLOSE_WATCH, "close watch", watch, timeout_ms));
}

void fluvio_watch_free(fluvio_watch_t *watch)
{
  if (fluvioc_forked || !fluvioc_is(watch, FLUVIOC_KIND_WATCH))
    return;
  if (atomic_load(&watch->object.state) != FLUVIOC_CLOSED) {
    fluvioc_request_t request = watch_request(FLUVIOC_CLOSE_WATCH, "close watch", watch, FLUVIOC_CLOSE_LATER_MS);
    fluvioc_op_close_later(&request);
  }
  fluvioc_unref(watch);
}
