/*
 * admin.c - topics.
 */
#include "internal.h"

struct fluvio_topic_list_t {
  fluvioc_object_t object;
  size_t count;
  fluvio_topic_t topics[]; /* then the texts */
};

fluvio_topic_list_t *fluvioc_topic_list_new(size_t count, const char *texts, size_t len, const uint64_t *numbers)
{
  fluvio_topic_list_t *list = malloc(sizeof *list + count * sizeof *list->topics + len + 1);
  if (list == NULL)
    return NULL;
  fluvioc_object_init(&list->object, FLUVIOC_KIND_TOPIC_LIST, 0);
  list->count = count;
  char *text = (char *)&list->topics[count];
  memcpy(text, texts, len);
  text[len] = '\0';
  for (size_t i = 0; i < count; i++) {
    const char *part[4];
    for (size_t k = 0; k < 4; k++) {
      part[k] = text;
      text += strlen(text) + 1;
    }
    const uint64_t *n = numbers + 6 * i;
    list->topics[i] = (fluvio_topic_t){
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
  return list;
}

size_t fluvio_topic_list_count(const fluvio_topic_list_t *list)
{
  return fluvioc_is(list, FLUVIOC_KIND_TOPIC_LIST) ? list->count : 0;
}

fluvio_status_t fluvio_topic_list_get(const fluvio_topic_list_t *list, size_t i, fluvio_topic_t *out)
{
  if (!fluvioc_is(list, FLUVIOC_KIND_TOPIC_LIST) || i >= list->count)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  return fluvioc_give(out, &list->topics[i], sizeof *out);
}

void fluvio_topic_list_free(fluvio_topic_list_t *list)
{
  if (fluvioc_is(list, FLUVIOC_KIND_TOPIC_LIST))
    fluvioc_unref(list);
}

static fluvioc_request_t request_of(int32_t command, const char *name, fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms)
{
  return (fluvioc_request_t){
    .command = command,
    .name = name,
    .target = client,
    .kind = FLUVIOC_KIND_CLIENT,
    .topic = topic,
    .has_topic = command != FLUVIOC_LIST_TOPICS,
    .config = config,
    .timeout_ms = timeout_ms,
  };
}

static fluvio_op_t *start(fluvioc_request_t request, fluvio_queue_t *queue, uint64_t opaque)
{
  request.queue = queue;
  request.opaque = opaque;
  return fluvioc_op_start(&request);
}

fluvio_status_t fluvio_topic_create(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = request_of(FLUVIOC_CREATE_TOPIC, "create topic", client, topic, config, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_topic_create_async(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return start(request_of(FLUVIOC_CREATE_TOPIC, "create topic", client, topic, config, timeout_ms), queue, opaque);
}

fluvio_status_t fluvio_topic_delete(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = request_of(FLUVIOC_DELETE_TOPIC, "delete topic", client, topic, NULL, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_topic_delete_async(fluvio_client_t *client, const char *topic, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return start(request_of(FLUVIOC_DELETE_TOPIC, "delete topic", client, topic, NULL, timeout_ms), queue, opaque);
}

fluvio_status_t fluvio_topic_list(fluvio_client_t *client, int64_t timeout_ms, fluvio_topic_list_t **list, fluvio_error_t **error)
{
  if (list == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, "list topics", "list is NULL: there is no place for the result");
  fluvioc_request_t request = request_of(FLUVIOC_LIST_TOPICS, "list topics", client, NULL, NULL, timeout_ms);
  void *result = NULL;
  fluvio_status_t status = fluvioc_op_run(&request, &result, error);
  *list = result;
  return status;
}

fluvio_op_t *fluvio_topic_list_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return start(request_of(FLUVIOC_LIST_TOPICS, "list topics", client, NULL, NULL, timeout_ms), queue, opaque);
}
