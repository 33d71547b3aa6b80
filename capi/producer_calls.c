/*
 * producer_calls.c - the calls about a producer that Go answers: opening, flushing, counters, closing, freeing.
 */
#include "internal.h"

static fluvioc_request_t request_of(int32_t command, const char *name, fluvio_producer_t *producer, int64_t timeout_ms)
{
  return fluvioc_request_on(producer, FLUVIOC_KIND_PRODUCER, command, name, timeout_ms);
}

static fluvioc_request_t open_request(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, fluvio_queue_t *deliveries, int64_t timeout_ms)
{
  fluvioc_request_t request = fluvioc_request_on(client, FLUVIOC_KIND_CLIENT, FLUVIOC_OPEN_PRODUCER, "open producer", timeout_ms);
  request.topic = topic;
  request.has_topic = true;
  request.config = config;
  request.deliveries = deliveries;
  return request;
}

fluvio_status_t fluvio_producer_open(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, fluvio_queue_t *deliveries, int64_t timeout_ms, fluvio_producer_t **producer, fluvio_error_t **error)
{
  return fluvioc_op_give(open_request(client, topic, config, deliveries, timeout_ms), "producer", producer, error);
}

fluvio_op_t *fluvio_producer_open_async(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, fluvio_queue_t *deliveries, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, open_request(client, topic, config, deliveries, timeout_ms));
}

fluvio_status_t fluvio_producer_flush(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = request_of(FLUVIOC_FLUSH, "flush", producer, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_producer_flush_async(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(FLUVIOC_FLUSH, "flush", producer, timeout_ms));
}

fluvio_status_t fluvio_producer_stats(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_text_t **stats, fluvio_error_t **error)
{
  return fluvioc_op_give(request_of(FLUVIOC_PRODUCER_STATS, "producer stats", producer, timeout_ms), "stats", stats, error);
}

fluvio_op_t *fluvio_producer_stats_async(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(FLUVIOC_PRODUCER_STATS, "producer stats", producer, timeout_ms));
}

fluvio_status_t fluvio_producer_close(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_error_t **error)
{
  fluvioc_request_t request = request_of(FLUVIOC_CLOSE_PRODUCER, "close producer", producer, timeout_ms);
  return fluvioc_op_run(&request, NULL, error);
}

fluvio_op_t *fluvio_producer_close_async(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_queue_t *queue, uint64_t opaque)
{
  return fluvioc_op_start_on(queue, opaque, request_of(FLUVIOC_CLOSE_PRODUCER, "close producer", producer, timeout_ms));
}

void fluvio_producer_free(fluvio_producer_t *producer)
{
  if (fluvioc_forked || !fluvioc_is(producer, FLUVIOC_KIND_PRODUCER))
    return;
  if (atomic_load(&((fluvioc_object_t *)(void *)producer)->state) != FLUVIOC_CLOSED) {
    fluvioc_request_t request = request_of(FLUVIOC_CLOSE_PRODUCER, "close producer", producer, FLUVIOC_CLOSE_LATER_MS);
    fluvioc_op_close_later(&request);
  }
  fluvioc_unref(producer);
}
