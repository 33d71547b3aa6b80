/*
 * Records of every shape in every mixture: with and without keys, of all lengths around those where their encoding changes, with
 * timestamps that rise, fall and are left out, for chosen partitions and for any, in runs of every length. Each comes back as it was
 * sent, its report names the place where it lies, and what went to one partition lies in its order.
 */
#include "check.h"

enum { N = 30000, LONGEST = 20000 };

static unsigned char bytes[LONGEST + 256];

/* What record i is. */
typedef struct {
  const void *key; /* NULL: none */
  size_t key_len;
  const void *value;
  size_t value_len;
  int64_t timestamp;
  int32_t partition;
} shape_t;

static uint32_t mixed(uint64_t x)
{
  x = (x + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)(x >> 32);
}

/* Records come in runs of one kind; how long a run is depends on the part of the test. */
static shape_t shape(size_t i, int32_t partitions)
{
  static const size_t lengths[] = { 0, 1, 62, 63, 64, 65, 127, 128, 8191, 8192, 8193, LONGEST };
  static const size_t runs[] = { 1, 3, 20, 150, 700 };
  const size_t run = i / runs[i / (N / 5)];
  const uint32_t kind = mixed(run), each = mixed(i + 1000000007u);
  shape_t s;
  memset(&s, 0, sizeof s);
  s.partition = kind % 3 == 0 ? (int32_t)(kind / 3 % (uint32_t)partitions) : -1;
  if (kind / 16 % 3 == 0)
    s.timestamp = 1700000000000 + (kind / 64 % 2 == 0 ? (int64_t)(each % 100000) : (int64_t)(i % 1000));
  if (kind / 256 % 2 == 0) {
    s.key = bytes + each % 256;
    s.key_len = each / 256 % 5 == 0 ? lengths[each / 4096 % 8] : each / 256 % 40;
  }
  s.value = bytes + each / 7 % 256;
  s.value_len = each / 32 % 64 == 0 ? lengths[each / 2048 % 12] : each / 32 % 200;
  return s;
}

/* Where each record lies, as its report says. */
typedef struct {
  int32_t partition;
  int64_t offset;
} place_t;

static void take_reports(fluvio_queue_t *queue, place_t *places)
{
  size_t seen = 0;
  uint64_t i;
  while (seen < N) {
    fluvio_event_t *event = fluvio_queue_poll(queue, LONG);
    fluvio_delivery_t d;
    d.struct_size = sizeof d;
    CHECK(event != NULL && fluvio_event_delivery(event, &d) == FLUVIO_OK);
    CHECK(d.status == FLUVIO_OK && d.persisted == FLUVIO_PERSISTED);
    for (i = 0; i < d.count; i++) {
      CHECK(d.opaque[i] < N && places[d.opaque[i]].partition == -1);
      places[d.opaque[i]].partition = d.partition;
      places[d.opaque[i]].offset = d.base_offset + (int64_t)i;
    }
    seen += d.count;
    fluvio_event_free(event);
  }
}

/* Sends all records, some calls at a time in batches. */
static void send_all(fluvio_producer_t *producer, int32_t partitions)
{
  fluvio_error_t *error = NULL;
  fluvio_record_in_t records[100];
  size_t i = 0, n, k, sent;
  while (i < N) {
    n = mixed(i) % 100 + 1;
    for (k = 0; k < n && i + k < N; k++) {
      shape_t s = shape(i + k, partitions);
      memset(&records[k], 0, sizeof records[k]);
      records[k].key = s.key;
      records[k].key_len = s.key_len;
      records[k].value = s.value;
      records[k].value_len = s.value_len;
      records[k].timestamp = s.timestamp;
      records[k].partition = s.partition;
      records[k].opaque = i + k;
    }
    OK(fluvio_producer_send_batch(producer, records, k, LONG, &sent, &error));
    CHECK(sent == k);
    i += k;
    if (mixed(i) % 50 == 0)
      OK(fluvio_producer_flush(producer, LONG, &error));
  }
}

/* The index of the record that lies at a place. */
static size_t *by_place(const place_t *places, int32_t partitions)
{
  size_t *index = (size_t *)malloc((size_t)partitions * N * sizeof *index), i;
  CHECK(index != NULL);
  for (i = 0; i < (size_t)partitions * N; i++)
    index[i] = N;
  for (i = 0; i < N; i++) {
    CHECK(places[i].partition >= 0 && places[i].partition < partitions && places[i].offset >= 0 && places[i].offset < N);
    CHECK(index[(size_t)places[i].partition * N + (size_t)places[i].offset] == N);
    index[(size_t)places[i].partition * N + (size_t)places[i].offset] = i;
  }
  return index;
}

static void check_all(fluvio_client_t *client, const char *topic, const size_t *index, int32_t partitions)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, topic, "end");
  fluvio_batch_t *batch = NULL;
  size_t last[3] = { 0, 0, 0 }, seen = 0, i, k;
  int64_t sent_from = 1600000000000;
  while (seen < N) {
    OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
    for (i = 0; i < fluvio_batch_count(batch); i++, seen++) {
      fluvio_record_t r;
      shape_t s;
      r.struct_size = sizeof r;
      CHECK(fluvio_batch_get(batch, i, &r) == FLUVIO_OK && r.offset < N);
      k = index[(size_t)r.partition * N + (size_t)r.offset];
      CHECK(k < N);
      s = shape(k, partitions);
      CHECK((r.key == NULL) == (s.key == NULL) && r.key_len == s.key_len && (s.key_len == 0 || memcmp(r.key, s.key, s.key_len) == 0));
      CHECK(r.value_len == s.value_len && (s.value_len == 0 || memcmp(r.value, s.value, s.value_len) == 0));
      CHECK(s.timestamp != 0 ? r.timestamp == s.timestamp : r.timestamp > sent_from);
      CHECK(s.partition < 0 || s.partition == r.partition);
      CHECK(k >= last[r.partition]);
      last[r.partition] = k + 1;
    }
    fluvio_batch_release(batch);
  }
  STATUS(FLUVIO_ERR_END, fluvio_consumer_poll(consumer, LONG, &batch, &error));
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
}

static void shapes(fluvio_client_t *client, const char *topic, const char *partitions, const char *setting, const char *value)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  fluvio_config_t *config = fluvio_config_new();
  place_t *places = (place_t *)malloc(N * sizeof *places);
  size_t *index, i;
  CHECK(places != NULL);
  PART(topic);
  make_topic(client, topic, partitions);
  if (setting != NULL)
    OK(fluvio_config_set(config, setting, value, &error));
  OK(fluvio_producer_open(client, topic, config, queue, LONG, &producer, &error));
  fluvio_config_free(config);
  for (i = 0; i < N; i++)
    places[i].partition = -1;
  send_all(producer, atoi(partitions));
  OK(fluvio_producer_flush(producer, LONG, &error));
  take_reports(queue, places);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);
  index = by_place(places, atoi(partitions));
  check_all(client, topic, index, atoi(partitions));
  free(index);
  free(places);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  size_t i;
  CHECK(argc >= 2);
  for (i = 0; i < sizeof bytes; i++)
    bytes[i] = (unsigned char)mixed(i);
  client = connect_to(argv[1]);
  shapes(client, "c-shapes-1", "1", NULL, NULL);
  shapes(client, "c-shapes-3", "3", NULL, NULL);
  shapes(client, "c-shapes-small", "1", "batch_size", "4096");
  shapes(client, "c-shapes-linger", "1", "linger_ms", "3");
  shapes(client, "c-shapes-zstd", "1", "compression", "zstd");
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
