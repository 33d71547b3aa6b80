/*
 * batch.c - batches of records: head, columns and data in one block, filled by Go once and never changed after.
 */
#include "internal.h"

struct fluvio_batch {
  fluvioc_object_t object;
  fluvio_batch_view_t view;
  char topic[]; /* then the columns, widest first, then the data */
};

fluvio_batch_t *fluvioc_batch_new(const char *topic, size_t topic_len, int32_t partition, int64_t high_watermark, size_t count, size_t data_len, fluvioc_columns_t *out)
{
  size_t head = (sizeof(fluvio_batch_t) + topic_len + 1 + 7) & ~(size_t)7;
  size_t columns = count * (2 * sizeof(int64_t) + 4 * sizeof(uint32_t));
  fluvio_batch_t *batch = malloc(head + columns + data_len);
  if (batch == NULL)
    return NULL;
  fluvioc_object_init(&batch->object, FLUVIOC_KIND_BATCH, 0);
  memcpy(batch->topic, topic, topic_len);
  batch->topic[topic_len] = '\0';
  out->offset = (int64_t *)((char *)batch + head);
  out->timestamp = out->offset + count;
  out->key_pos = (uint32_t *)(out->timestamp + count);
  out->key_len = out->key_pos + count;
  out->value_pos = out->key_len + count;
  out->value_len = out->value_pos + count;
  out->data = (uint8_t *)(out->value_len + count);
  batch->view = (fluvio_batch_view_t){
    .struct_size = sizeof batch->view,
    .partition = partition,
    .count = count,
    .topic = batch->topic,
    .data = out->data,
    .data_len = data_len,
    .offset = out->offset,
    .timestamp = out->timestamp,
    .key_pos = out->key_pos,
    .key_len = out->key_len,
    .value_pos = out->value_pos,
    .value_len = out->value_len,
    .high_watermark = high_watermark,
  };
  return batch;
}

void fluvioc_batch_destroy(fluvio_batch_t *batch)
{
  free(batch);
}

fluvio_batch_t *fluvio_batch_retain(fluvio_batch_t *batch)
{
  return fluvioc_is(batch, FLUVIOC_KIND_BATCH) ? fluvioc_ref(batch) : NULL;
}

void fluvio_batch_release(fluvio_batch_t *batch)
{
  if (fluvioc_is(batch, FLUVIOC_KIND_BATCH))
    fluvioc_unref(batch);
}

size_t fluvio_batch_count(const fluvio_batch_t *batch)
{
  return fluvioc_is(batch, FLUVIOC_KIND_BATCH) ? batch->view.count : 0;
}

fluvio_status_t fluvio_batch_view(const fluvio_batch_t *batch, fluvio_batch_view_t *view)
{
  if (!fluvioc_is(batch, FLUVIOC_KIND_BATCH) || view == NULL || view->struct_size < sizeof view->struct_size)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  uint32_t size = view->struct_size;
  memcpy(view, &batch->view, size < sizeof batch->view ? size : sizeof batch->view);
  view->struct_size = size;
  return FLUVIO_OK;
}

fluvio_status_t fluvio_batch_get(const fluvio_batch_t *batch, size_t i, fluvio_record_t *record)
{
  if (!fluvioc_is(batch, FLUVIOC_KIND_BATCH) || record == NULL || record->struct_size < sizeof record->struct_size ||
      i >= batch->view.count)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  const fluvio_batch_view_t *v = &batch->view;
  bool has_key = v->key_len[i] != FLUVIO_NO_KEY;
  uint32_t size = record->struct_size;
  fluvio_record_t full = {
    .struct_size = size,
    .partition = v->partition,
    .offset = v->offset[i],
    .timestamp = v->timestamp[i],
    .key = has_key ? v->data + v->key_pos[i] : NULL,
    .key_len = has_key ? v->key_len[i] : 0,
    .value = v->data + v->value_pos[i],
    .value_len = v->value_len[i],
  };
  memcpy(record, &full, size < sizeof full ? size : sizeof full);
  return FLUVIO_OK;
}
