/*
 * arrow.c - batches in the form of the Arrow C Data Interface (arrow.apache.org/docs/format/CDataInterface.html). Offsets and
 * timestamps are the batch's own columns, and keys and values of the form binary_view point into its data, so a reference is
 * held until the consumer of the array releases it. Every column holds its own: the interface lets columns be moved out of
 * the array and released apart.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>

enum { COLUMNS = 5 };

/* Flags of struct ArrowSchema. */
#define NULLABLE 2

static const char *const names[COLUMNS] = {"offset", "timestamp", "partition", "key", "value"};

/* ----------------------------------------------------------------- schema */

static void schema_release(struct ArrowSchema *schema)
{
  for (int64_t i = 0; i < schema->n_children; i++)
    if (schema->children[i]->release != NULL)
      schema->children[i]->release(schema->children[i]);
  free(schema->private_data);
  schema->release = NULL;
}

static bool schema_fill(struct ArrowSchema *out, int32_t form)
{
  struct block {
    struct ArrowSchema *pointers[COLUMNS];
    struct ArrowSchema children[COLUMNS];
  } *block = malloc(sizeof *block);
  if (block == NULL)
    return false;
  const char *bytes = form == FLUVIO_ARROW_BINARY ? "z" : "vz";
  const char *const formats[COLUMNS] = {"l", "tsm:UTC", "i", bytes, bytes};
  for (int i = 0; i < COLUMNS; i++) {
    bool nullable = i == 1 || i == 3; /* timestamp and key */
    block->pointers[i] = &block->children[i];
    block->children[i] = (struct ArrowSchema){.format = formats[i], .name = names[i], .flags = nullable ? NULLABLE : 0, .release = schema_release};
  }
  *out = (struct ArrowSchema){
    .format = "+s", .name = "", .n_children = COLUMNS, .children = block->pointers, .release = schema_release, .private_data = block};
  return true;
}

/* ---------------------------------------------------------------- columns */

/* What a column owns besides its reference to the batch; the buffers that were made for it follow. */
typedef struct column {
  fluvio_batch_t *batch;
  const void *buffers[4]; /* validity, then those of its type */
  int64_t sizes[1];       /* of a view's data buffers */
} column_t;

static void column_release(struct ArrowArray *array)
{
  column_t *column = array->private_data;
  fluvio_batch_release(column->batch);
  free(column);
  array->release = NULL;
}

/* Makes a column with room for made bytes; validity is room for the bitmap, which is in front. NULL when memory is short. */
static uint8_t *column_new(struct ArrowArray *out, fluvio_batch_t *batch, int64_t count, int64_t buffers, size_t made)
{
  column_t *column = malloc(sizeof *column + made);
  if (column == NULL)
    return NULL;
  memset(column, 0, sizeof *column);
  column->batch = fluvio_batch_retain(batch);
  *out = (struct ArrowArray){.length = count, .n_buffers = buffers, .buffers = column->buffers, .release = column_release, .private_data = column};
  return (uint8_t *)(column + 1);
}

/* Fills a bitmap with what is valid and returns how many are not. */
static int64_t validity(uint8_t *bitmap, size_t count, const int64_t *timestamp, const uint32_t *key_len)
{
  int64_t nulls = 0;
  memset(bitmap, 0, (count + 7) / 8);
  for (size_t i = 0; i < count; i++) {
    bool valid = timestamp != NULL ? timestamp[i] != -1 : key_len[i] != FLUVIO_NO_KEY;
    if (valid)
      bitmap[i / 8] |= (uint8_t)(1u << (i % 8));
    else
      nulls++;
  }
  return nulls;
}

static bool numbers(struct ArrowArray *out, fluvio_batch_t *batch, const fluvio_batch_view_t *v, bool timestamps)
{
  size_t count = (size_t)v->count;
  uint8_t *bitmap = column_new(out, batch, (int64_t)count, 2, timestamps ? (count + 7) / 8 : 0);
  if (bitmap == NULL)
    return false;
  if (timestamps && (out->null_count = validity(bitmap, count, v->timestamp, NULL)) > 0)
    out->buffers[0] = bitmap;
  out->buffers[1] = timestamps ? v->timestamp : v->offset;
  return true;
}

static bool partitions(struct ArrowArray *out, fluvio_batch_t *batch, const fluvio_batch_view_t *v)
{
  int32_t *partition = (int32_t *)(void *)column_new(out, batch, (int64_t)v->count, 2, (size_t)v->count * sizeof *partition);
  if (partition == NULL)
    return false;
  for (size_t i = 0; i < v->count; i++)
    partition[i] = v->partition;
  out->buffers[1] = partition;
  return true;
}

/* An element of a binary_view column: up to 12 bytes in it, or the place of more and their first four. */
typedef struct view {
  int32_t length;
  uint8_t inside[4];
  int32_t buffer, offset; /* or eight more bytes */
} view_t;

static view_t view_of(const uint8_t *data, uint32_t position, uint32_t length)
{
  view_t view = {.length = (int32_t)length, .offset = (int32_t)position};
  if (length <= sizeof view - sizeof view.length) {
    view.offset = 0;
    memcpy((uint8_t *)&view + sizeof view.length, data + position, length);
  } else {
    memcpy(view.inside, data + position, sizeof view.inside);
  }
  return view;
}

static bool views(struct ArrowArray *out, fluvio_batch_t *batch, const fluvio_batch_view_t *v, const uint32_t *pos, const uint32_t *len)
{
  size_t count = (size_t)v->count;
  view_t *view = (view_t *)(void *)column_new(out, batch, (int64_t)count, 4, count * sizeof *view + (count + 7) / 8);
  if (view == NULL)
    return false;
  for (size_t i = 0; i < count; i++)
    view[i] = len[i] == FLUVIO_NO_KEY ? (view_t){0} : view_of(v->data, pos[i], len[i]);
  column_t *column = out->private_data;
  if ((out->null_count = validity((uint8_t *)(view + count), count, NULL, len)) > 0)
    out->buffers[0] = view + count;
  out->buffers[1] = view;
  out->buffers[2] = v->data;
  column->sizes[0] = (int64_t)v->data_len;
  out->buffers[3] = column->sizes;
  return true;
}

/* The form for consumers that do not know views: bytes one after the other, copied. */
static bool binary(struct ArrowArray *out, fluvio_batch_t *batch, const fluvio_batch_view_t *v, const uint32_t *pos, const uint32_t *len)
{
  size_t count = (size_t)v->count, total = 0;
  for (size_t i = 0; i < count; i++)
    total += len[i] == FLUVIO_NO_KEY ? 0 : len[i];
  int32_t *start = (int32_t *)(void *)column_new(out, batch, (int64_t)count, 3, (count + 1) * sizeof *start + (count + 7) / 8 + total);
  if (start == NULL)
    return false;
  uint8_t *bitmap = (uint8_t *)(start + count + 1), *data = bitmap + (count + 7) / 8;
  start[0] = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t n = len[i] == FLUVIO_NO_KEY ? 0 : len[i];
    memcpy(data + start[i], v->data + pos[i], n);
    start[i + 1] = start[i] + (int32_t)n;
  }
  if ((out->null_count = validity(bitmap, count, NULL, len)) > 0)
    out->buffers[0] = bitmap;
  out->buffers[1] = start;
  out->buffers[2] = data;
  return true;
}

/* ------------------------------------------------------------------ array */

typedef struct block {
  const void *buffers[1]; /* no validity: every record is there */
  struct ArrowArray *pointers[COLUMNS];
  struct ArrowArray children[COLUMNS];
} block_t;

static void array_release(struct ArrowArray *array)
{
  for (int64_t i = 0; i < array->n_children; i++)
    if (array->children[i]->release != NULL)
      array->children[i]->release(array->children[i]);
  free(array->private_data);
  array->release = NULL;
}

static bool array_fill(struct ArrowArray *out, fluvio_batch_t *batch, const fluvio_batch_view_t *v, int32_t form)
{
  block_t *block = calloc(1, sizeof *block);
  if (block == NULL)
    return false;
  for (int i = 0; i < COLUMNS; i++)
    block->pointers[i] = &block->children[i];
  *out = (struct ArrowArray){.length = (int64_t)v->count, .n_buffers = 1, .buffers = block->buffers, .n_children = COLUMNS,
                             .children = block->pointers, .release = array_release, .private_data = block};
  bool (*bytes)(struct ArrowArray *, fluvio_batch_t *, const fluvio_batch_view_t *, const uint32_t *, const uint32_t *) =
    form == FLUVIO_ARROW_BINARY ? binary : views;
  if (numbers(&block->children[0], batch, v, false) && numbers(&block->children[1], batch, v, true) && partitions(&block->children[2], batch, v) &&
      bytes(&block->children[3], batch, v, v->key_pos, v->key_len) && bytes(&block->children[4], batch, v, v->value_pos, v->value_len))
    return true;
  array_release(out);
  return false;
}

fluvio_status_t fluvio_batch_export_arrow(fluvio_batch_t *batch, int32_t form, struct ArrowArray *array, struct ArrowSchema *schema, fluvio_error_t **error)
{
  static const char op[] = "export to Arrow";
  bool only_schema = batch == NULL && array == NULL && !fluvioc_forked;
  fluvio_status_t status = only_schema ? FLUVIO_OK : fluvioc_check(batch, FLUVIOC_KIND_BATCH, op, error);
  if (status != FLUVIO_OK)
    return status;
  fluvio_batch_view_t v = {.struct_size = sizeof v};
  fluvio_batch_view(batch, &v);
  if (form != FLUVIO_ARROW_VIEW && form != FLUVIO_ARROW_BINARY)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "form is %ld: FLUVIO_ARROW_VIEW or FLUVIO_ARROW_BINARY", (long)form);
  if (v.data_len > INT32_MAX)
    return fluvioc_fail(error, FLUVIO_ERR_TOO_LARGE, op, "the batch has %llu bytes, Arrow's positions end at %ld", (unsigned long long)v.data_len, (long)INT32_MAX);
  if (array != NULL && !array_fill(array, batch, &v, form))
    return fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, op, "memory is short");
  if (schema != NULL && !schema_fill(schema, form)) {
    if (array != NULL)
      array->release(array);
    return fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, op, "memory is short");
  }
  return FLUVIO_OK;
}

/* ----------------------------------------------------------------- stream */

typedef struct stream {
  fluvio_consumer_t *consumer;
  int32_t form;
  fluvio_error_t *error; /* the latest one */
} stream_t;

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
  stream_t *s = stream->private_data;
  return schema_fill(out, s->form) ? 0 : ENOMEM;
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
  stream_t *s = stream->private_data;
  fluvio_batch_t *batch = NULL;
  fluvio_error_free(s->error);
  s->error = NULL;
  fluvio_status_t status = fluvio_consumer_poll(s->consumer, -1, &batch, &s->error);
  if (status == FLUVIO_OK) {
    status = fluvio_batch_export_arrow(batch, s->form, out, NULL, &s->error);
    fluvio_batch_release(batch);
  } else if (status == FLUVIO_ERR_END) {
    out->release = NULL; /* the interface's sign for the end */
    return 0;
  }
  if (status == FLUVIO_OK)
    return 0;
  return status == FLUVIO_ERR_OUT_OF_MEMORY ? ENOMEM : status == FLUVIO_ERR_INTERRUPTED ? EINTR : EIO;
}

static const char *stream_error(struct ArrowArrayStream *stream)
{
  stream_t *s = stream->private_data;
  return s->error != NULL ? fluvio_error_message(s->error) : NULL;
}

static void stream_release(struct ArrowArrayStream *stream)
{
  stream_t *s = stream->private_data;
  fluvio_error_free(s->error);
  fluvioc_unref(s->consumer);
  free(s);
  stream->release = NULL;
}

fluvio_status_t fluvio_consumer_export_arrow(fluvio_consumer_t *consumer, int32_t form, struct ArrowArrayStream *stream, fluvio_error_t **error)
{
  static const char op[] = "export to Arrow";
  fluvio_status_t status = fluvioc_check_open(consumer, FLUVIOC_KIND_CONSUMER, op, error);
  if (status != FLUVIO_OK)
    return status;
  if (stream == NULL || (form != FLUVIO_ARROW_VIEW && form != FLUVIO_ARROW_BINARY))
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "stream is NULL, or form is not FLUVIO_ARROW_VIEW or FLUVIO_ARROW_BINARY");
  stream_t *s = malloc(sizeof *s);
  if (s == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, op, "memory is short");
  *s = (stream_t){.consumer = fluvioc_ref(consumer), .form = form};
  *stream = (struct ArrowArrayStream){
    .get_schema = stream_schema, .get_next = stream_next, .get_last_error = stream_error, .release = stream_release, .private_data = s};
  return FLUVIO_OK;
}
