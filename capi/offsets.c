/*
 * offsets.c - stored consumer offsets: listing, deleting, resetting.
 */
#include "internal.h"

/* ------------------------------------------------------------------- listing */

fluvio_consumer_offset_list_t *fluvioc_consumer_offset_list_new(size_t count, const char *texts, size_t len, const int64_t *numbers)
{
  fluvioc_list_t *list = fluvioc_list_new(FLUVIOC_KIND_CONSUMER_OFFSET_LIST, count, sizeof(fluvio_consumer_offset_t), texts, len);
  if (list == NULL)
    return NULL;
  fluvio_consumer_offset_t *offsets = list->rows;
  const char *text = list->texts;
  for (size_t i = 0; i < count; i++) {
    const char *consumer_id = text, *topic = consumer_id + strlen(consumer_id) + 1;
    text = topic + strlen(topic) + 1;
    const int64_t *n = numbers + 3 * i;
    offsets[i] = (fluvio_consumer_offset_t){
      .struct_size = sizeof(fluvio_consumer_offset_t),
      .partition = (int32_t)n[0],
      .consumer_id = consumer_id,
      .topic = topic,
      .offset = n[1],
      .modified = n[2],
    };
  }
  return (fluvio_consumer_offset_list_t *)list;
}

size_t fluvio_consumer_offset_list_count(const fluvio_consumer_offset_list_t *list)
{
  return fluvioc_list_count(list, FLUVIOC_KIND_CONSUMER_OFFSET_LIST);
}

const fluvio_consumer_offset_t *fluvioc_consumer_offset_list_rows(const fluvio_consumer_offset_list_t *list)
{
  return list != NULL ? ((const fluvioc_list_t *)list)->rows : NULL;
}

fluvio_status_t fluvio_consumer_offset_list_get(const fluvio_consumer_offset_list_t *list, size_t i, fluvio_consumer_offset_t *out)
{
  return fluvioc_list_get(list, FLUVIOC_KIND_CONSUMER_OFFSET_LIST, i, out);
}

void fluvio_consumer_offset_list_free(fluvio_consumer_offset_list_t *list)
{
  if (fluvioc_is(list, FLUVIOC_KIND_CONSUMER_OFFSET_LIST))
    fluvioc_unref(list);
}

static fluvioc_request_t list_request(fluvio_client_t *client, int64_t timeout_ms)
{
  return fluvioc_request_on(client, FLUVIOC_KIND_CLIENT, FLUVIOC_LIST_OFFSETS, "list consumer offsets", timeout_ms);
}

fluvio_status_t fluvio_consumer_offsets_list(fluvio_client_t *client, int64_t timeout_ms, fluvio_consumer_offset_list_t **list, fluvio_error_t **error)
{
  return fluvioc_op_give(list_request(client, timeout_ms), "list", list, error);
}

fluvio_op_t *fluvio_consumer_offsets_list_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, list_request(client, timeout_ms));
}

/* ------------------------------------------------------- deleting, resetting */

static fluvioc_request_t offset_request(fluvio_client_t *client, int32_t command, const char *name, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms)
{
  fluvioc_request_t request = fluvioc_request_on(client, FLUVIOC_KIND_CLIENT, command, name, timeout_ms);
  request.topic = topic;
  request.consumer_id = consumer_id;
  request.has_topic = request.has_consumer_id = true;
  request.partition = partition;
  return request;
}

static fluvioc_request_t delete_request(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms)
{
  return offset_request(client, FLUVIOC_DELETE_OFFSET, "delete consumer offset", consumer_id, topic, partition, timeout_ms);
}

static fluvioc_request_t reset_request(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, const char *position, int64_t timeout_ms)
{
  fluvioc_request_t request = offset_request(client, FLUVIOC_RESET_OFFSET, "reset consumer offset", consumer_id, topic, partition, timeout_ms);
  request.position = position;
  request.has_position = true;
  return request;
}

fluvio_status_t fluvio_consumer_offset_delete(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = delete_request(client, consumer_id, topic, partition, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_offset_delete_async(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, delete_request(client, consumer_id, topic, partition, timeout_ms));
}

fluvio_status_t fluvio_consumer_offset_reset(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = reset_request(client, consumer_id, topic, partition, position, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_offset_reset_async(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, reset_request(client, consumer_id, topic, partition, position, timeout_ms));
}
