/*
 * offsets.c - stored consumer offsets: committing, listing, deleting.
 */
#include "internal.h"

/* ---------------------------------------------------------------- committing */

static fluvioc_request_t commit_request(fluvio_consumer_t *consumer, int64_t timeout_ms)
{
  return (fluvioc_request_t){
    .command = FLUVIOC_COMMIT,
    .name = "commit",
    .target = consumer,
    .kind = FLUVIOC_KIND_CONSUMER,
    .timeout_ms = timeout_ms,
  };
}

static fluvioc_request_t commit_offset_request(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t offset, int64_t timeout_ms)
{
  fluvioc_request_t request = commit_request(consumer, timeout_ms);
  request.command = FLUVIOC_COMMIT_OFFSET;
  request.topic = topic;
  request.has_topic = request.topic_optional = true;
  request.partition = partition;
  request.offset = offset;
  return request;
}

static fluvio_op_t *start(fluvioc_request_t request, fluvio_queue_t *queue, uint64_t opaque)
{
  request.queue = queue;
  request.opaque = opaque;
  return fluvioc_op_start(&request);
}

fluvio_status_t fluvio_consumer_commit(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = commit_request(consumer, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_commit_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return start(commit_request(consumer, timeout_ms), queue, opaque);
}

fluvio_status_t fluvio_consumer_commit_offset(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t offset, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = commit_offset_request(consumer, topic, partition, offset, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_commit_offset_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t offset, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return start(commit_offset_request(consumer, topic, partition, offset, timeout_ms), queue, opaque);
}

/* ------------------------------------------------------------------- listing */

struct fluvio_consumer_offset_list {
  fluvioc_object_t object;
  size_t count;
  fluvio_consumer_offset_t offsets[]; /* then the texts */
};

fluvio_consumer_offset_list_t *fluvioc_consumer_offset_list_new(size_t count, const char *texts, size_t len, const int64_t *numbers)
{
  fluvio_consumer_offset_list_t *list = malloc(sizeof *list + count * sizeof *list->offsets + len + 1);
  if (list == NULL)
    return NULL;
  fluvioc_object_init(&list->object, FLUVIOC_KIND_CONSUMER_OFFSET_LIST, 0);
  list->count = count;
  char *text = (char *)&list->offsets[count];
  if (len > 0)
    memcpy(text, texts, len);
  text[len] = '\0';
  for (size_t i = 0; i < count; i++) {
    const char *consumer_id = text, *topic = consumer_id + strlen(consumer_id) + 1;
    text = (char *)topic + strlen(topic) + 1;
    const int64_t *n = numbers + 3 * i;
    list->offsets[i] = (fluvio_consumer_offset_t){
      .struct_size = sizeof(fluvio_consumer_offset_t),
      .partition = (int32_t)n[0],
      .consumer_id = consumer_id,
      .topic = topic,
      .offset = n[1],
      .modified = n[2],
    };
  }
  return list;
}

size_t fluvio_consumer_offset_list_count(const fluvio_consumer_offset_list_t *list)
{
  return fluvioc_is(list, FLUVIOC_KIND_CONSUMER_OFFSET_LIST) ? list->count : 0;
}

const fluvio_consumer_offset_t *fluvioc_consumer_offset_list_rows(const fluvio_consumer_offset_list_t *list)
{
  return list != NULL ? list->offsets : NULL;
}

fluvio_status_t fluvio_consumer_offset_list_get(const fluvio_consumer_offset_list_t *list, size_t i, fluvio_consumer_offset_t *out)
{
  if (!fluvioc_is(list, FLUVIOC_KIND_CONSUMER_OFFSET_LIST) || i >= list->count || out == NULL || out->struct_size < sizeof out->struct_size)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  uint32_t size = out->struct_size;
  memcpy(out, &list->offsets[i], size < sizeof *out ? size : sizeof *out);
  out->struct_size = size;
  return FLUVIO_OK;
}

void fluvio_consumer_offset_list_free(fluvio_consumer_offset_list_t *list)
{
  if (fluvioc_is(list, FLUVIOC_KIND_CONSUMER_OFFSET_LIST))
    fluvioc_unref(list);
}

static fluvioc_request_t list_request(fluvio_client_t *client, int64_t timeout_ms)
{
  return (fluvioc_request_t){
    .command = FLUVIOC_LIST_OFFSETS,
    .name = "list consumer offsets",
    .target = client,
    .kind = FLUVIOC_KIND_CLIENT,
    .timeout_ms = timeout_ms,
  };
}

fluvio_status_t fluvio_consumer_offsets_list(fluvio_client_t *client, int64_t timeout_ms, fluvio_consumer_offset_list_t **list, fluvio_error_t **error)
{
  if (list == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, "list consumer offsets", "list is NULL: there is no place for the result");
  fluvioc_request_t request = list_request(client, timeout_ms);
  void *result = NULL;
  fluvio_status_t status = fluvioc_op_run(&request, &result, error);
  *list = result;
  return status;
}

fluvio_op_t *fluvio_consumer_offsets_list_async(fluvio_client_t *client, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return start(list_request(client, timeout_ms), queue, opaque);
}

/* ------------------------------------------------------------------ deleting */

static fluvioc_request_t delete_request(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms)
{
  return (fluvioc_request_t){
    .command = FLUVIOC_DELETE_OFFSET,
    .name = "delete consumer offset",
    .target = client,
    .kind = FLUVIOC_KIND_CLIENT,
    .topic = topic,
    .has_topic = true,
    .consumer_id = consumer_id,
    .has_consumer_id = true,
    .partition = partition,
    .timeout_ms = timeout_ms,
  };
}

fluvio_status_t fluvio_consumer_offset_delete(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = delete_request(client, consumer_id, topic, partition, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_offset_delete_async(fluvio_client_t *client, const char *consumer_id, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return start(delete_request(client, consumer_id, topic, partition, timeout_ms), queue, opaque);
}
