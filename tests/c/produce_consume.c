/* Topics, records and their reports, batches and their views. */
#include "check.h"

static void topics(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_topic_list_t *list = NULL;
  fluvio_topic_t topic;
  size_t i;
  int found = 0;
  PART("topics");
  make_topic(client, "c-topics-b", "3");
  make_topic(client, "c-topics-a", "1");
  OK(fluvio_topic_list(client, LONG, &list, &error));
  for (i = 0; i < fluvio_topic_list_count(list); i++) {
    memset(&topic, 0, sizeof topic);
    topic.struct_size = sizeof topic;
    CHECK(fluvio_topic_list_get(list, i, &topic) == FLUVIO_OK);
    CHECK(!topic.is_system);
    if (strcmp(topic.name, "c-topics-a") == 0) {
      CHECK(topic.partitions == 1);
      found = 1;
    }
    if (strcmp(topic.name, "c-topics-b") == 0) {
      CHECK(found == 1); /* in the order of names */
      CHECK(topic.partitions == 3 && topic.replication == 1);
      CHECK(strcmp(topic.status, "provisioned") == 0 && strcmp(topic.reason, "") == 0 && strcmp(topic.compression, "any") == 0);
      found = 2;
    }
  }
  CHECK(found == 2);
  CHECK(fluvio_topic_list_get(list, i, &topic) == FLUVIO_ERR_INVALID_ARGUMENT);
  fluvio_topic_list_free(list);
  OK(fluvio_topic_delete(client, "c-topics-a", LONG, &error));
  STATUS(FLUVIO_ERR_NOT_FOUND, fluvio_topic_delete(client, "c-topics-a", LONG, &error));
  STATUS(FLUVIO_ERR_ALREADY_EXISTS, fluvio_topic_create(client, "c-topics-b", NULL, LONG, &error));
}

/* Takes the reports of n records, which lie in the queue since flush returned; returns the highest offset. */
static int64_t reports(fluvio_queue_t *queue, fluvio_producer_t *producer, uint64_t first_opaque, uint64_t n)
{
  uint64_t seen = 0, i;
  int64_t highest = -1;
  char *once = (char *)calloc(n, 1);
  while (seen < n) {
    fluvio_event_t *event = fluvio_queue_poll(queue, 0);
    fluvio_delivery_t d;
    CHECK(event != NULL && fluvio_event_type(event) == FLUVIO_EVENT_DELIVERY);
    d.struct_size = sizeof d;
    CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK);
    CHECK(d.status == FLUVIO_OK && d.error == NULL && d.persisted == FLUVIO_PERSISTED);
    CHECK(d.producer == producer && d.count > 0 && d.base_offset >= 0 && d.latency_us >= 0 && d.partition >= 0);
    for (i = 0; i < d.count; i++) {
      CHECK(d.opaque[i] >= first_opaque && d.opaque[i] < first_opaque + n);
      CHECK(!once[d.opaque[i] - first_opaque]);
      once[d.opaque[i] - first_opaque] = 1;
    }
    if (d.base_offset + (int64_t)d.count - 1 > highest)
      highest = d.base_offset + (int64_t)d.count - 1;
    seen += d.count;
    fluvio_event_free(event);
  }
  CHECK(seen == n);
  free(once);
  return highest;
}

/* A value as some languages keep it: its length, something else, its bytes. */
struct block {
  size_t length, other;
  char bytes[16];
};

static void send_each(fluvio_producer_t *producer)
{
  fluvio_error_t *error = NULL;
  fluvio_record_in_t records[2] = { FLUVIO_RECORD_INIT, FLUVIO_RECORD_INIT };
  uint32_t key_len[3] = { 2, FLUVIO_NO_KEY, 0 };
  uint32_t value_len[3] = { 1, 2, 0 };
  static const struct { size_t before; struct block block; } kept[3] = {
    { 77, { 10, 77, "in a block" } }, { 77, { 0, 77, "" } }, { 77, { 3, 77, "d\0e" } },
  };
  const void *blocks[2];
  size_t sent = 9;
  OK(fluvio_producer_send(producer, "k1", 2, "first", 5, 100, LONG, &error)); /* offset 0 */
  OK(fluvio_producer_send(producer, "", 0, "empty key", 9, 101, LONG, &error));
  OK(fluvio_producer_send(producer, NULL, 0, NULL, 0, 102, LONG, &error));
  records[0].value = "timed";
  records[0].value_len = 5;
  records[0].timestamp = 1700000000123;
  records[0].opaque = 103;
  records[1].key = "a\0b";
  records[1].key_len = 3;
  records[1].value = "c\0d";
  records[1].value_len = 3;
  records[1].opaque = 104;
  records[1].partition = 0;
  OK(fluvio_producer_send_batch(producer, records, 2, LONG, &sent, &error));
  CHECK(sent == 2);
  OK(fluvio_producer_send_columns(producer, "k2xyz", 5, key_len, value_len, 3, 105, LONG, &sent, &error));
  CHECK(sent == 3);
  blocks[0] = &kept[0];
  blocks[1] = &kept[1];
  OK(fluvio_producer_send_blocks(producer, blocks, sizeof kept[0].before, sizeof kept[0].before + offsetof(struct block, bytes), 2, 108, LONG, &sent, &error));
  CHECK(sent == 2);
  CHECK(fluvio_producer_try_send_block(producer, kept[2].block.bytes, kept[0].block.bytes, 110) == FLUVIO_OK);
  CHECK(fluvio_producer_try_send_block(producer, NULL, kept[2].block.bytes, 111) == FLUVIO_OK);
}

static void check_record(const fluvio_batch_t *batch, size_t i, int64_t offset, const char *key, size_t key_len, const char *value, size_t value_len)
{
  fluvio_record_t r;
  fluvio_batch_view_t v;
  memset(&r, 0xee, sizeof r);
  r.struct_size = sizeof r;
  v.struct_size = sizeof v;
  CHECK(fluvio_batch_get(batch, i, &r) == FLUVIO_OK);
  CHECK(r.offset == offset && r.partition == 0 && r.timestamp > 0);
  CHECK((key == NULL) == (r.key == NULL) && r.key_len == key_len);
  CHECK(key == NULL || memcmp(r.key, key, key_len) == 0);
  CHECK(r.value_len == value_len && memcmp(r.value, value, value_len) == 0);
  CHECK(fluvio_batch_view(batch, &v) == FLUVIO_OK);
  CHECK(i < v.count && v.offset[i] == offset && v.timestamp[i] == r.timestamp);
  CHECK(v.key_len[i] == (key == NULL ? FLUVIO_NO_KEY : key_len) && v.value_len[i] == value_len);
  CHECK(key == NULL || v.data + v.key_pos[i] == r.key);
  CHECK(v.data + v.value_pos[i] == r.value && (uint64_t)v.value_pos[i] + value_len <= v.data_len);
}

/* Reads all records of one partition into one array of batches. */
static void records(fluvio_client_t *client)
{
  static const struct { const char *key; size_t key_len; const char *value; size_t value_len; } wanted[] = {
    { "k1", 2, "first", 5 }, { "", 0, "empty key", 9 }, { NULL, 0, "", 0 },   { NULL, 0, "timed", 5 },
    { "a\0b", 3, "c\0d", 3 }, { "k2", 2, "x", 1 },       { NULL, 0, "yz", 2 }, { "", 0, "", 0 },
    { NULL, 0, "in a block", 10 }, { NULL, 0, "", 0 }, { "d\0e", 3, "in a block", 10 }, { NULL, 0, "d\0e", 3 },
  };
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer;
  fluvio_batch_t *batch = NULL;
  fluvio_batch_view_t view;
  int64_t next = 0;
  size_t i;
  PART("records");
  make_topic(client, "c-records", "1");
  OK(fluvio_producer_open(client, "c-records", NULL, queue, LONG, &producer, &error));
  send_each(producer);
  OK(fluvio_producer_flush(producer, LONG, &error));
  CHECK(reports(queue, producer, 100, 12) == 11);
  CHECK(fluvio_queue_poll(queue, 0) == NULL);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);

  consumer = read_from_start(client, "c-records", "end");
  while (next < 12) {
    OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
    view.struct_size = sizeof view;
    CHECK(fluvio_batch_view(batch, &view) == FLUVIO_OK);
    CHECK(strcmp(view.topic, "c-records") == 0 && view.partition == 0 && view.high_watermark == 12);
    CHECK(view.count == fluvio_batch_count(batch) && view.count > 0);
    for (i = 0; i < view.count; i++, next++)
      check_record(batch, i, next, wanted[next].key, wanted[next].key_len, wanted[next].value, wanted[next].value_len);
    if (next > 3 && next - (int64_t)view.count <= 3)
      CHECK(view.timestamp[3 - (next - (int64_t)view.count)] == 1700000000123);
    CHECK(fluvio_batch_get(batch, view.count, NULL) == FLUVIO_ERR_INVALID_ARGUMENT);
    fluvio_batch_release(batch);
  }
  STATUS(FLUVIO_ERR_END, fluvio_consumer_poll(consumer, LONG, &batch, &error));
  CHECK(batch == NULL);
  STATUS(FLUVIO_ERR_END, fluvio_consumer_poll(consumer, 0, &batch, &error)); /* and again */
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
}

/* Many records over several partitions, with batches that outlive everything. */
static void many(const char *endpoint)
{
  enum { N = 50000 };
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer;
  fluvio_batch_t **batches = NULL, *batch = NULL;
  fluvio_status_t status;
  size_t count = 0, i, k;
  uint64_t sum = 0;
  int64_t next[3] = { 0, 0, 0 };
  char text[32];
  PART("many");
  make_topic(client, "c-many", "3");
  OK(fluvio_producer_open(client, "c-many", NULL, queue, LONG, &producer, &error));
  for (i = 0; i < N; i++) {
    snprintf(text, sizeof text, "%u", (unsigned)i);
    OK(fluvio_producer_send(producer, text, strlen(text), text, strlen(text), i, LONG, &error));
  }
  OK(fluvio_producer_flush(producer, LONG, &error));
  reports(queue, producer, 0, N);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);
  consumer = read_from_start(client, "c-many", "end");
  while ((status = fluvio_consumer_poll(consumer, LONG, &batch, &error)) == FLUVIO_OK) {
    batches = (fluvio_batch_t **)realloc(batches, (count + 1) * sizeof *batches);
    batches[count++] = batch;
  }
  STATUS(FLUVIO_ERR_END, status);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  for (k = 0; k < count; k++) {
    fluvio_record_t r;
    r.struct_size = sizeof r;
    for (i = 0; i < fluvio_batch_count(batches[k]); i++) {
      CHECK(fluvio_batch_get(batches[k], i, &r) == FLUVIO_OK);
      CHECK(r.partition >= 0 && r.partition < 3 && r.offset == next[r.partition]++);
      CHECK(r.key_len == r.value_len && memcmp(r.key, r.value, r.key_len) == 0 && r.value_len < sizeof text);
      memcpy(text, r.value, r.value_len);
      text[r.value_len] = '\0';
      sum += strtoull(text, NULL, 10);
    }
    fluvio_batch_release(batches[k]);
  }
  CHECK(next[0] + next[1] + next[2] == N && next[0] > 0 && next[1] > 0 && next[2] > 0);
  CHECK(sum == (uint64_t)N * (N - 1) / 2);
  free(batches);
}

/* More than the library keeps in front of a consumer that does not take it: it must stop reading, and go on. */
static void slow_reader(fluvio_client_t *client)
{
  enum { N = 24000 };
  static char value[1000];
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer;
  fluvio_batch_t *batch = NULL;
  fluvio_record_t last;
  int64_t next = 0;
  int i;
  PART("slow reader");
  make_topic(client, "c-slow", "1");
  consumer = read_from_start(client, "c-slow", NULL);
  OK(fluvio_producer_open(client, "c-slow", NULL, NULL, LONG, &producer, &error));
  for (i = 0; i < N; i++)
    OK(fluvio_producer_send(producer, NULL, 0, value, sizeof value, 0, LONG, &error));
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  last.struct_size = sizeof last;
  while (next < N) {
    OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
    CHECK(fluvio_batch_get(batch, 0, &last) == FLUVIO_OK && last.offset == next);
    next += (int64_t)fluvio_batch_count(batch);
    fluvio_batch_release(batch);
  }
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc >= 2);
  CHECK(fluvio_check(FLUVIO_VERSION_HEX) == FLUVIO_OK);
  client = connect_to(argv[1]);
  CHECK(strlen(fluvio_client_platform_version(client)) > 0);
  topics(client);
  records(client);
  slow_reader(client);
  many(argv[1]);
  OK(fluvio_client_close(client, LONG, &error));
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
