/* Batches and consumers in the form of the Arrow C Data Interface. What Arrow's own libraries make of them is in
 * tests/python/test_arrow.py. */
#include "check.h"

static const char long_value[] = "a value of more than twelve bytes";

static void send_three(fluvio_client_t *client, const char *topic)
{
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_config_t *config = fluvio_config_new();
  OK(fluvio_config_set(config, "linger_ms", "60000", &error)); /* one batch, which close sends */
  OK(fluvio_producer_open(client, topic, config, NULL, LONG, &producer, &error));
  OK(fluvio_producer_send(producer, NULL, 0, "short", 5, 0, LONG, &error));
  OK(fluvio_producer_send(producer, "k", 1, long_value, sizeof long_value - 1, 0, LONG, &error));
  OK(fluvio_producer_send(producer, "", 0, "", 0, 0, LONG, &error));
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_config_free(config);
}

/* An element of a binary_view column. */
static const char *element(const struct ArrowArray *column, int64_t i, int32_t *length)
{
  const char *view = (const char *)column->buffers[1] + 16 * i;
  int32_t place[2];
  memcpy(length, view, sizeof *length);
  if (*length <= 12)
    return view + 4;
  memcpy(place, view + 8, sizeof place);
  CHECK(memcmp(view + 4, (const char *)column->buffers[2 + place[0]] + place[1], 4) == 0);
  return (const char *)column->buffers[2 + place[0]] + place[1];
}

static void views(fluvio_batch_t *batch)
{
  fluvio_error_t *error = NULL;
  struct ArrowArray array, moved;
  struct ArrowSchema schema;
  fluvio_batch_view_t v;
  int32_t length;
  PART("views");
  v.struct_size = sizeof v;
  CHECK(fluvio_batch_view(batch, &v) == FLUVIO_OK && v.count == 3);
  OK(fluvio_batch_export_arrow(batch, FLUVIO_ARROW_VIEW, &array, &schema, &error));
  fluvio_batch_release(batch); /* the array has its own reference */
  CHECK(strcmp(schema.format, "+s") == 0 && schema.n_children == 5);
  CHECK(strcmp(schema.children[3]->name, "key") == 0 && strcmp(schema.children[3]->format, "vz") == 0 && schema.children[3]->flags == 2);
  CHECK(strcmp(schema.children[1]->format, "tsm:UTC") == 0);
  CHECK(array.length == 3 && array.n_children == 5 && array.null_count == 0);
  CHECK(array.children[0]->buffers[1] == (const void *)v.offset); /* not copied */
  CHECK(array.children[1]->buffers[1] == (const void *)v.timestamp && array.children[1]->null_count == 0);
  CHECK(((const int32_t *)array.children[2]->buffers[1])[2] == 0);
  CHECK(array.children[3]->null_count == 1 && ((const uint8_t *)array.children[3]->buffers[0])[0] == 6);
  CHECK(array.children[4]->null_count == 0 && array.children[4]->buffers[0] == NULL);
  CHECK(memcmp(element(array.children[4], 0, &length), "short", 5) == 0 && length == 5);
  CHECK(memcmp(element(array.children[4], 1, &length), long_value, sizeof long_value - 1) == 0 && length == sizeof long_value - 1);
  element(array.children[4], 2, &length);
  CHECK(length == 0);
  CHECK(*element(array.children[3], 1, &length) == 'k' && length == 1);
  moved = *array.children[4]; /* a column may outlive its array */
  array.children[4]->release = NULL;
  array.release(&array);
  CHECK(array.release == NULL);
  CHECK(memcmp(element(&moved, 1, &length), long_value, sizeof long_value - 1) == 0);
  moved.release(&moved);
  schema.release(&schema);
  CHECK(schema.release == NULL);
}

static void binary(fluvio_consumer_t *consumer)
{
  fluvio_error_t *error = NULL;
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  struct ArrowSchema schema;
  const int32_t *start;
  PART("a stream of binary");
  OK(fluvio_consumer_export_arrow(consumer, FLUVIO_ARROW_BINARY, &stream, &error));
  CHECK(stream.get_schema(&stream, &schema) == 0 && strcmp(schema.children[4]->format, "z") == 0);
  schema.release(&schema);
  CHECK(stream.get_next(&stream, &array) == 0 && array.release != NULL && array.length == 3);
  start = (const int32_t *)array.children[4]->buffers[1];
  CHECK(start[0] == 0 && start[1] == 5 && start[3] == (int32_t)sizeof long_value + 4);
  CHECK(memcmp((const char *)array.children[4]->buffers[2], "short", 5) == 0);
  CHECK(array.children[3]->null_count == 1);
  array.release(&array);
  CHECK(stream.get_next(&stream, &array) == 0 && array.release == NULL); /* the end */
  fluvio_consumer_wakeup(consumer);
  CHECK(stream.get_next(&stream, &array) == EINTR && stream.get_last_error(&stream) != NULL);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  CHECK(stream.get_next(&stream, &array) == EIO && strstr(stream.get_last_error(&stream), "closed") != NULL);
  fluvio_consumer_free(consumer);
  CHECK(stream.get_next(&stream, &array) == EIO); /* it keeps the memory */
  stream.release(&stream);
}

static void refused(fluvio_batch_t *batch, fluvio_consumer_t *consumer)
{
  fluvio_error_t *error = NULL;
  struct ArrowArray array;
  struct ArrowSchema schema;
  struct ArrowArrayStream stream;
  PART("refused");
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_batch_export_arrow(batch, 2, &array, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_batch_export_arrow(NULL, FLUVIO_ARROW_VIEW, &array, &schema, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_batch_export_arrow((fluvio_batch_t *)consumer, FLUVIO_ARROW_VIEW, NULL, &schema, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_export_arrow(consumer, FLUVIO_ARROW_VIEW, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_export_arrow((fluvio_consumer_t *)batch, FLUVIO_ARROW_VIEW, &stream, &error));
  OK(fluvio_batch_export_arrow(NULL, FLUVIO_ARROW_VIEW, NULL, &schema, &error)); /* the schema needs no batch */
  schema.release(&schema);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  fluvio_consumer_t *consumer;
  fluvio_batch_t *batch = NULL;
  const char *topic;
  CHECK(argc >= 2);
  client = connect_to(argv[1]);
  topic = make_topic(client, "c-arrow", "1");
  send_three(client, topic);
  consumer = read_from_start(client, topic, "end");
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
  refused(batch, consumer);
  views(batch);
  OK(fluvio_consumer_seek(consumer, NULL, 0, "beginning", LONG, &error));
  binary(consumer);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
