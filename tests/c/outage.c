/* A cluster whose SPUs go away: every call keeps its deadline, every record has one report, and all flows again after. */
#include "control.h"

static void spus(const char *verb)
{
  char path[64];
  int id;
  for (id = 5001; id <= 5002; id++) {
    snprintf(path, sizeof path, "/v1/spu/%d/%s", id, verb);
    control(path);
  }
}

static fluvio_producer_t *small_producer(fluvio_client_t *client, const char *topic, fluvio_queue_t *queue)
{
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_config_t *config = fluvio_config_new();
  OK(fluvio_config_set_json(config, "{\"buffer_memory\": 131072, \"max_request_size\": 65536, \"batch_size\": 4096}", &error));
  OK(fluvio_producer_open(client, topic, config, queue, LONG, &producer, &error));
  fluvio_config_free(config);
  return producer;
}

/* Sends until the buffer is full; the number of records accepted. */
static uint64_t fill_up(fluvio_producer_t *producer)
{
  fluvio_error_t *error = NULL;
  fluvio_status_t status;
  uint64_t n = 0;
  char value[1000];
  memset(value, 'x', sizeof value);
  while ((status = fluvio_producer_send(producer, NULL, 0, value, sizeof value, n, 300, &error)) == FLUVIO_OK)
    n++;
  CHECK(status == FLUVIO_ERR_QUEUE_FULL && strstr(fluvio_error_message(error), "buffer_memory") != NULL);
  fluvio_error_free(error);
  return n;
}

/* Takes all reports; each record must have exactly one. Returns how many were stored. */
static uint64_t take_reports(fluvio_queue_t *queue, uint64_t accepted)
{
  char *once = (char *)calloc(accepted, 1);
  uint64_t stored = 0, seen = 0, i;
  fluvio_event_t *event;
  fluvio_delivery_t d;
  while ((event = fluvio_queue_poll(queue, 0)) != NULL) {
    d.struct_size = sizeof d;
    CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK);
    CHECK((d.status == FLUVIO_OK) == (d.persisted == FLUVIO_PERSISTED) && (d.status == FLUVIO_OK) == (d.error == NULL));
    for (i = 0; i < d.count; i++) {
      CHECK(d.opaque[i] < accepted && !once[d.opaque[i]]);
      once[d.opaque[i]] = 1;
    }
    seen += d.count;
    stored += d.status == FLUVIO_OK ? d.count : 0;
    fluvio_event_free(event);
  }
  CHECK(seen == accepted);
  free(once);
  return stored;
}

/* A thread in a send without limit. */
struct sender {
  pthread_t thread;
  fluvio_producer_t *producer;
  fluvio_status_t status;
};

static void *send_without_limit(void *arg)
{
  static const char value[1000] = "";
  struct sender *s = (struct sender *)arg;
  s->status = fluvio_producer_send(s->producer, NULL, 0, value, sizeof value, 0, -1, NULL);
  return NULL;
}

static void outage(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint), *second = connect_to(endpoint);
  fluvio_queue_t *queue[4];
  fluvio_producer_t *producer[4];
  fluvio_consumer_t *consumer;
  fluvio_batch_t *batch = NULL;
  uint64_t accepted[4], got = 0, stored;
  static const char large[1000] = "";
  struct sender blocked;
  int i;
  make_topic(client, "c-outage", "1");
  consumer = read_from_start(client, "c-outage", NULL);
  for (i = 0; i < 4; i++) {
    queue[i] = fluvio_queue_new();
    producer[i] = small_producer(i == 2 ? second : client, "c-outage", queue[i]);
  }
  PART("away");
  spus("stop");
  for (i = 0; i < 4; i++) {
    accepted[i] = fill_up(producer[i]);
    CHECK(accepted[i] > 50);
  }
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll(consumer, 10, &batch, &error));
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_producer_flush(producer[0], 100, &error));
  STATUS(FLUVIO_ERR_QUEUE_FULL, fluvio_producer_send(producer[0], NULL, 0, large, sizeof large, 0, 0, &error));
  CHECK(fluvio_producer_try_send(producer[0], NULL, 0, large, sizeof large, 0) == FLUVIO_ERR_QUEUE_FULL);

  PART("closed while away");
  blocked.producer = producer[1];
  CHECK(pthread_create(&blocked.thread, NULL, send_without_limit, &blocked) == 0);
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_producer_close(producer[1], 200, &error));
  pthread_join(blocked.thread, NULL);
  CHECK(blocked.status == FLUVIO_ERR_CLOSED);
  CHECK(take_reports(queue[1], accepted[1]) == 0);
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_client_close(second, 200, &error)); /* the same by way of the client */
  CHECK(take_reports(queue[2], accepted[2]) == 0);
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_send(producer[2], NULL, 0, "x", 1, 0, LONG, &error));

  fluvio_op_free(fluvio_producer_close_async(producer[3], LONG, NULL, 0)); /* goes on without its operation */
  PART("back");
  spus("start");
  OK(fluvio_producer_close(producer[3], LONG, &error));
  CHECK(take_reports(queue[3], accepted[3]) == accepted[3]);
  OK(fluvio_producer_flush(producer[0], LONG, &error));
  stored = take_reports(queue[0], accepted[0]);
  CHECK(stored == accepted[0]);
  stored += accepted[3];
  while (got < stored) {
    fluvio_status_t status = fluvio_consumer_poll(consumer, LONG, &batch, &error);
    if (status != FLUVIO_OK) /* an error that is not fatal may come on the way */
      CHECK(status != FLUVIO_ERR_TIMEOUT && !fluvio_error_is_fatal(error));
    got += fluvio_batch_count(batch);
    fluvio_batch_release(batch);
    fluvio_error_free(error);
    error = NULL;
  }
  OK(fluvio_client_close(client, LONG, &error));
  for (i = 0; i < 4; i++) {
    fluvio_producer_free(producer[i]);
    fluvio_queue_free(queue[i]);
  }
  fluvio_consumer_free(consumer);
  fluvio_client_free(client);
  fluvio_client_free(second);
}

int main(int argc, char **argv)
{
  CHECK(argc == 3);
  control_address = argv[2];
  outage(argv[1]);
  return 0;
}
