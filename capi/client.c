/*
 * client.c - clients. A client is closed in the background when its handle was freed and no producer, consumer or watch of it
 * is left, so that all may be freed in any order.
 */
#include "internal.h"

struct fluvio_client {
  fluvioc_object_t object;
  _Atomic int32_t holders; /* the handle, each producer, consumer and watch */
  fluvio_queue_t *queues[3]; /* kept for Go; NULL: not wanted */
  char platform_version[];
};

fluvio_client_t *fluvioc_client_new(uint64_t id, const char *platform_version, fluvio_queue_t *events, fluvio_queue_t *log, fluvio_queue_t *hooks)
{
  size_t len = strlen(platform_version) + 1;
  fluvio_client_t *client = malloc(sizeof *client + len);
  if (client == NULL)
    return NULL;
  fluvioc_object_init(&client->object, FLUVIOC_KIND_CLIENT, id);
  atomic_init(&client->holders, 1);
  fluvio_queue_t *queues[] = { events, log, hooks };
  for (int i = 0; i < 3; i++)
    client->queues[i] = queues[i] != NULL ? fluvioc_ref(queues[i]) : NULL;
  memcpy(client->platform_version, platform_version, len);
  return fluvioc_ref(client);
}

void fluvioc_client_destroy(fluvio_client_t *client)
{
  for (int i = 0; i < 3; i++)
    fluvioc_unref(client->queues[i]);
  free(client);
}

void fluvioc_client_hold(fluvio_client_t *client)
{
  atomic_fetch_add(&client->holders, 1);
  fluvioc_ref(client);
}

static fluvioc_request_t request_of(fluvio_client_t *client, int32_t command, const char *name, int64_t timeout_ms)
{
  return fluvioc_request_on(client, FLUVIOC_KIND_CLIENT, command, name, timeout_ms);
}

static fluvioc_request_t close_request(fluvio_client_t *client, int64_t timeout_ms)
{
  return request_of(client, FLUVIOC_CLOSE_CLIENT, "close client", timeout_ms);
}

void fluvioc_client_unhold(fluvio_client_t *client)
{
  if (atomic_fetch_sub(&client->holders, 1) == 1 && atomic_load(&client->object.state) != FLUVIOC_CLOSED) {
    fluvioc_request_t request = close_request(client, FLUVIOC_CLOSE_LATER_MS);
    fluvioc_op_close_later(&request);
  }
  fluvioc_unref(client);
}

static fluvioc_request_t connect_request(const fluvio_config_t *config, int64_t timeout_ms)
{
  return (fluvioc_request_t){
    .command = FLUVIOC_CONNECT,
    .name = "connect",
    .config = config,
    .timeout_ms = timeout_ms,
  };
}

fluvio_status_t fluvio_client_connect(const fluvio_config_t *config, int64_t timeout_ms, fluvio_client_t **client, fluvio_error_t **error)
{
  return fluvioc_op_give(connect_request(config, timeout_ms), "client", client, error);
}

fluvio_op_t *fluvio_client_connect_async(const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, connect_request(config, timeout_ms));
}

fluvio_status_t fluvio_client_close(fluvio_client_t *client, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = close_request(client, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_client_close_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, close_request(client, timeout_ms));
}

void fluvio_client_free(fluvio_client_t *client)
{
  if (!fluvioc_forked && fluvioc_is(client, FLUVIOC_KIND_CLIENT))
    fluvioc_client_unhold(client);
}

const char *fluvio_client_platform_version(const fluvio_client_t *client)
{
  return !fluvioc_forked && fluvioc_is(client, FLUVIOC_KIND_CLIENT) ? client->platform_version : "";
}

fluvio_status_t fluvio_client_stats(fluvio_client_t *client, int64_t timeout_ms, fluvio_text_t **stats, fluvio_error_t **error)
{
  return fluvioc_op_give(request_of(client, FLUVIOC_CLIENT_STATS, "client stats", timeout_ms), "stats", stats, error);
}

fluvio_op_t *fluvio_client_stats_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(client, FLUVIOC_CLIENT_STATS, "client stats", timeout_ms));
}

fluvio_status_t fluvio_client_prometheus(fluvio_client_t *client, int64_t timeout_ms, fluvio_text_t **text, fluvio_error_t **error)
{
  return fluvioc_op_give(request_of(client, FLUVIOC_PROMETHEUS, "prometheus text", timeout_ms), "text", text, error);
}

fluvio_op_t *fluvio_client_prometheus_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(client, FLUVIOC_PROMETHEUS, "prometheus text", timeout_ms));
}

fluvio_status_t fluvio_client_health(fluvio_client_t *client, int64_t timeout_ms, fluvio_text_t **health, fluvio_error_t **error)
{
  return fluvioc_op_give(request_of(client, FLUVIOC_HEALTH, "health", timeout_ms), "health", health, error);
}

fluvio_op_t *fluvio_client_health_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(client, FLUVIOC_HEALTH, "health", timeout_ms));
}
