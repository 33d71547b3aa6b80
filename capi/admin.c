/*
 * admin.c - topics.
 */
#include "internal.h"

fluvio_topic_list_t *fluvioc_topic_list_new(size_t count, const char *texts, size_t len, const uint64_t *numbers)
{
  fluvioc_list_t *list = fluvioc_list_new(FLUVIOC_KIND_TOPIC_LIST, count, sizeof(fluvio_topic_t), texts, len);
  if (list == NULL)
    return NULL;
  fluvio_topic_t *topics = list->rows;
  const char *text = list->texts;
  for (size_t i = 0; i < count; i++) {
    const char *part[4];
    for (size_t k = 0; k < 4; k++) {
      part[k] = text;
      text += strlen(text) + 1;
    }
    const uint64_t *n = numbers + 6 * i;
    topics[i] = (fluvio_topic_t){
      .is_system = (int32_t)n[0],
      .name = part[0],
      .status = part[1],
      .reason = part[2],
      .compression = part[3],
      .partitions = (uint32_t)n[1],
      .replication = (uint32_t)n[2],
      .retention_seconds = (uint32_t)n[3],
      .segment_size = (uint32_t)n[4],
      .max_partition_size = n[5],
    };
  }
  return (fluvio_topic_list_t *)list;
}

size_t fluvio_topic_list_count(const fluvio_topic_list_t *list)
{
  return fluvioc_list_count(list, FLUVIOC_KIND_TOPIC_LIST);
}

fluvio_status_t fluvio_topic_list_get(const fluvio_topic_list_t *list, size_t i, fluvio_topic_t *out)
{
  return fluvioc_list_get(list, FLUVIOC_KIND_TOPIC_LIST, i, out);
}

void fluvio_topic_list_free(fluvio_topic_list_t *list)
{
  if (fluvioc_is(list, FLUVIOC_KIND_TOPIC_LIST))
    fluvioc_unref(list);
}

static fluvioc_request_t request_of(int32_t command, const char *name, fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms)
{
  fluvioc_request_t request = fluvioc_request_on(client, FLUVIOC_KIND_CLIENT, command, name, timeout_ms);
  request.topic = topic;
  request.has_topic = command != FLUVIOC_LIST_TOPICS;
  request.config = config;
  return request;
}

fluvio_status_t fluvio_topic_create(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = request_of(FLUVIOC_CREATE_TOPIC, "create topic", client, topic, config, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_topic_create_async(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(FLUVIOC_CREATE_TOPIC, "create topic", client, topic, config, timeout_ms));
}

fluvio_status_t fluvio_topic_delete(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = request_of(FLUVIOC_DELETE_TOPIC, "delete topic", client, topic, NULL, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_topic_delete_async(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(FLUVIOC_DELETE_TOPIC, "delete topic", client, topic, NULL, timeout_ms));
}

fluvio_status_t fluvio_topic_list(fluvio_client_t *client, int64_t timeout_ms, fluvio_topic_list_t **list, fluvio_error_t **error)
{
  return fluvioc_op_give(request_of(FLUVIOC_LIST_TOPICS, "list topics", client, NULL, NULL, timeout_ms), "list", list, error);
}

fluvio_op_t *fluvio_topic_list_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(FLUVIOC_LIST_TOPICS, "list topics", client, NULL, NULL, timeout_ms));
}
