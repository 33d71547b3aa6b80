/*
 * batch.c - batches of records: head, columns and data in one block, filled by Go once and never changed after.
 */
#include "internal.h"

struct fluvio_batch {
  fluvioc_object_t object;
  size_t size; /* of the memory */
  fluvio_batch_t *whole; /* a reference: this is the end of it, whose memory it uses; NULL: the memory is its own */
  fluvio_batch_view_t view;
  char topic[]; /* then the columns, widest first, then the data */
};

/* The memory of large batches is used again: given back, its pages would have to be had anew for the next batch. Slots are exchanged
 * and never locked, so that a batch can be released in a forked child. */
#define SPARE_LEAST ((size_t)64 << 10)
#define SPARE_MOST ((size_t)4 << 20)
#define SPARES 4
static _Atomic(fluvio_batch_t *) spares[SPARES];

static fluvio_batch_t *take_memory(size_t need)
{
  if (need >= SPARE_LEAST && need <= SPARE_MOST) {
    for (size_t i = 0; i < SPARES; i++) {
      fluvio_batch_t *batch = atomic_exchange(&spares[i], NULL), *nothing = NULL;
      if (batch == NULL)
        continue;
      if (batch->size >= need && batch->size / 2 <= need)
        return batch;
      if (!atomic_compare_exchange_strong(&spares[i], &nothing, batch))
        free(batch);
    }
    need = (need + need / 8 + 4095) & ~(size_t)4095; /* for the next one, too, which is about as large */
  }
  fluvio_batch_t *batch = malloc(need);
  if (batch != NULL)
    batch->size = need;
  return batch;
}

static void give_memory(fluvio_batch_t *batch)
{
  static atomic_uint oldest;
  if (batch->size >= SPARE_LEAST && batch->size <= SPARE_MOST) {
    for (size_t i = 0; i < SPARES; i++) {
      fluvio_batch_t *nothing = NULL;
      if (atomic_compare_exchange_strong(&spares[i], &nothing, batch))
        return;
    }
    batch = atomic_exchange(&spares[atomic_fetch_add(&oldest, 1) % SPARES], batch);
  }
  free(batch);
}

fluvio_batch_t *fluvioc_batch_new(const char *topic, size_t topic_len, int32_t partition, int64_t high_watermark, size_t count, size_t data_len, fluvioc_columns_t *out)
{
  size_t head = (sizeof(fluvio_batch_t) + topic_len + 1 + 7) & ~(size_t)7;
  size_t columns = count * (2 * sizeof(int64_t) + 4 * sizeof(uint32_t));
  fluvio_batch_t *batch = take_memory(head + columns + data_len);
  if (batch == NULL)
    return NULL;
  fluvioc_object_init(&batch->object, FLUVIOC_KIND_BATCH, 0);
  batch->whole = NULL;
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

void fluvioc_batch_shorten(fluvio_batch_t *batch, size_t count)
{
  batch->view.count = count;
}

fluvio_batch_t *fluvioc_batch_tail(fluvio_batch_t *batch, size_t from)
{
  fluvio_batch_t *tail = malloc(sizeof *tail);
  if (tail == NULL)
    return NULL;
  tail->size = sizeof *tail;
  fluvioc_object_init(&tail->object, FLUVIOC_KIND_BATCH, 0);
  tail->whole = fluvioc_ref(batch->whole != NULL ? batch->whole : batch);
  tail->view = batch->view;
  tail->view.count -= from;
  tail->view.offset += from;
  tail->view.timestamp += from;
  tail->view.key_pos += from;
  tail->view.key_len += from;
  tail->view.value_pos += from;
  tail->view.value_len += from;
  return tail;
}

void fluvioc_batch_destroy(fluvio_batch_t *batch)
{
  fluvioc_unref(batch->whole);
  give_memory(batch);
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
  return fluvioc_is(batch, FLUVIOC_KIND_BATCH) ? fluvioc_give(view, &batch->view, sizeof *view) : FLUVIO_ERR_INVALID_ARGUMENT;
}

/* The i-th record of a view. */
static fluvio_record_t record_of(const fluvio_batch_view_t *v, size_t i)
{
  bool has_key = v->key_len[i] != FLUVIO_NO_KEY;
  return (fluvio_record_t){
    .partition = v->partition,
    .offset = v->offset[i],
    .timestamp = v->timestamp[i],
    .key = has_key ? v->data + v->key_pos[i] : NULL,
    .key_len = has_key ? v->key_len[i] : 0,
    .value = v->data + v->value_pos[i],
    .value_len = v->value_len[i],
    .topic = v->topic,
  };
}

fluvio_status_t fluvio_batch_get(const fluvio_batch_t *batch, size_t i, fluvio_record_t *record)
{
  if (!fluvioc_is(batch, FLUVIOC_KIND_BATCH) || i >= batch->view.count)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  fluvio_record_t full = record_of(&batch->view, i);
  return fluvioc_give(record, &full, sizeof full);
}

/* ------------------------------------------------------------ lists of records */

struct fluvio_record_list {
  fluvioc_object_t object;
  size_t count, batch_count;
  fluvio_record_t *records;
  fluvio_batch_t **batches; /* references: the records lie in them */
};

fluvio_record_list_t *fluvioc_record_list_new(void)
{
  fluvio_record_list_t *list = calloc(1, sizeof *list);
  if (list != NULL)
    fluvioc_object_init(&list->object, FLUVIOC_KIND_RECORD_LIST, 0);
  return list;
}

bool fluvioc_record_list_add(fluvio_record_list_t *list, fluvio_batch_t *batch, size_t n)
{
  fluvio_batch_t **batches = realloc(list->batches, (list->batch_count + 1) * sizeof *batches);
  if (batches != NULL)
    list->batches = batches;
  fluvio_record_t *records = realloc(list->records, (list->count + n) * sizeof *records);
  if (records != NULL)
    list->records = records;
  if (batches == NULL || records == NULL)
    return false;
  batches[list->batch_count++] = fluvioc_ref(batch);
  for (size_t i = 0; i < n; i++)
    records[list->count++] = record_of(&batch->view, i);
  return true;
}

void fluvioc_record_list_destroy(fluvio_record_list_t *list)
{
  for (size_t i = 0; i < list->batch_count; i++)
    fluvioc_unref(list->batches[i]);
  free(list->batches);
  free(list->records);
  free(list);
}

size_t fluvio_record_list_count(const fluvio_record_list_t *list)
{
  return fluvioc_is(list, FLUVIOC_KIND_RECORD_LIST) ? list->count : 0;
}

fluvio_status_t fluvio_record_list_get(const fluvio_record_list_t *list, size_t i, fluvio_record_t *record)
{
  if (!fluvioc_is(list, FLUVIOC_KIND_RECORD_LIST) || i >= list->count)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  return fluvioc_give(record, &list->records[i], sizeof *record);
}

void fluvio_record_list_free(fluvio_record_list_t *list)
{
  if (fluvioc_is(list, FLUVIOC_KIND_RECORD_LIST))
    fluvioc_unref(list);
}
