/*
 * position.c - where a consumer is in its partitions, how the application changes that, and what it commits.
 */
#include "internal.h"

/* ------------------------------------------------- seek, pause, resume, drain */

static fluvioc_request_t consumer_request(fluvio_consumer_t *consumer, int32_t command, const char *name, int64_t timeout_ms)
{
  return fluvioc_request_on(consumer, FLUVIOC_KIND_CONSUMER, command, name, timeout_ms);
}

static fluvioc_request_t partition_request(fluvio_consumer_t *consumer, int32_t command, const char *name, const char *topic, int32_t partition, int64_t timeout_ms)
{
  fluvioc_request_t request = consumer_request(consumer, command, name, timeout_ms);
  request.topic = topic;
  request.has_topic = request.topic_optional = true;
  request.partition = partition;
  return request;
}

static fluvioc_request_t at_request(fluvio_consumer_t *consumer, int32_t command, const char *name, const char *topic, int32_t partition, const char *position, int64_t timeout_ms)
{
  fluvioc_request_t request = partition_request(consumer, command, name, topic, partition, timeout_ms);
  request.position = position;
  request.has_position = true;
  return request;
}

static fluvioc_request_t seek_request(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms)
{
  return at_request(consumer, FLUVIOC_SEEK, "seek", topic, partition, position, timeout_ms);
}

static fluvioc_request_t offset_for_request(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms)
{
  return at_request(consumer, FLUVIOC_OFFSET_FOR, "find offset", topic, partition, position, timeout_ms);
}

static fluvioc_request_t pause_request(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t next, int64_t timeout_ms)
{
  fluvioc_request_t request = partition_request(consumer, FLUVIOC_PAUSE, "pause", topic, partition, timeout_ms);
  request.offset = next;
  return request;
}

fluvio_status_t fluvio_consumer_seek(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = seek_request(consumer, topic, partition, position, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_seek_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, seek_request(consumer, topic, partition, position, timeout_ms));
}

fluvio_status_t fluvio_consumer_offset_for(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, int64_t *offset, fluvio_error_t **error)
{
  if (offset == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, "find offset", "offset is NULL: there is no place for the result");
  fluvioc_request_t request = offset_for_request(consumer, topic, partition, position, timeout_ms);
  request.number = offset;
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_offset_for_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, const char *position, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, offset_for_request(consumer, topic, partition, position, timeout_ms));
}

fluvio_status_t fluvio_consumer_pause(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t next, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = pause_request(consumer, topic, partition, next, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_pause_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t next, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, pause_request(consumer, topic, partition, next, timeout_ms));
}

fluvio_status_t fluvio_consumer_resume(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = partition_request(consumer, FLUVIOC_RESUME, "resume", topic, partition, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_resume_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, partition_request(consumer, FLUVIOC_RESUME, "resume", topic, partition, timeout_ms));
}

fluvio_status_t fluvio_consumer_drain(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = consumer_request(consumer, FLUVIOC_DRAIN, "drain", timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_drain_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, consumer_request(consumer, FLUVIOC_DRAIN, "drain", timeout_ms));
}

/* ----------------------------------------------------------------- committing */

static fluvioc_request_t commit_offset_request(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t offset, int64_t timeout_ms)
{
  fluvioc_request_t request = partition_request(consumer, FLUVIOC_COMMIT_OFFSET, "commit", topic, partition, timeout_ms);
  request.offset = offset;
  return request;
}

fluvio_status_t fluvio_consumer_commit(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = consumer_request(consumer, FLUVIOC_COMMIT, "commit", timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_commit_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, consumer_request(consumer, FLUVIOC_COMMIT, "commit", timeout_ms));
}

fluvio_status_t fluvio_consumer_commit_offset(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t offset, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = commit_offset_request(consumer, topic, partition, offset, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_consumer_commit_offset_async(fluvio_consumer_t *consumer, const char *topic, int32_t partition, int64_t offset, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, commit_offset_request(consumer, topic, partition, offset, timeout_ms));
}

/* ------------------------------------------------------------------ positions */

#define NUMBERS 8 /* of each position */

fluvio_position_list_t *fluvioc_position_list_new(size_t count, const char *texts, size_t len, const int64_t *numbers)
{
  fluvioc_list_t *list = fluvioc_list_new(FLUVIOC_KIND_POSITION_LIST, count, sizeof(fluvio_position_t), texts, len);
  if (list == NULL)
    return NULL;
  fluvio_position_t *positions = list->rows;
  const char *text = list->texts;
  for (size_t i = 0; i < count; i++) {
    const int64_t *n = numbers + NUMBERS * i;
    positions[i] = (fluvio_position_t){
      .partition = (int32_t)n[0],
      .topic = text,
      .position = n[1],
      .high_watermark = n[2],
      .log_end_offset = n[3],
      .lag = n[4],
      .committed = n[5],
      .skipped = n[6],
      .paused = (int32_t)n[7],
    };
    text += strlen(text) + 1;
  }
  return (fluvio_position_list_t *)list;
}

size_t fluvio_position_list_count(const fluvio_position_list_t *list)
{
  return fluvioc_list_count(list, FLUVIOC_KIND_POSITION_LIST);
}

fluvio_status_t fluvio_position_list_get(const fluvio_position_list_t *list, size_t i, fluvio_position_t *out)
{
  return fluvioc_list_get(list, FLUVIOC_KIND_POSITION_LIST, i, out);
}

void fluvio_position_list_free(fluvio_position_list_t *list)
{
  if (fluvioc_is(list, FLUVIOC_KIND_POSITION_LIST))
    fluvioc_unref(list);
}

fluvio_status_t fluvio_consumer_positions(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_position_list_t **list, fluvio_error_t **error)
{
  return fluvioc_op_give(consumer_request(consumer, FLUVIOC_POSITIONS, "positions", timeout_ms), "list", list, error);
}

fluvio_op_t *fluvio_consumer_positions_async(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, consumer_request(consumer, FLUVIOC_POSITIONS, "positions", timeout_ms));
}
