/* What a platform must do that the other tests do not run on: topics, records, reports by callback, a descriptor to wait on, a
 * wake-up, an error, the end. In C99 without POSIX, so that it runs on Windows, too. Takes the endpoint of a cluster. */
#include "fluvio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <winsock2.h>
#else
#include <sys/select.h>
#endif

#define LONG 60000
#define RECORDS 10000

#define CHECK(condition)                                                                      \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      fprintf(stderr, "%s:%d: not so: %s: %s\n", __FILE__, __LINE__, #condition, fluvio_error_message(error)); \
      exit(1);                                                                                \
    }                                                                                         \
  } while (0)

static fluvio_error_t *error;

/* What the library's own thread was told of; read when no more comes. */
struct told {
  uint64_t stored;
  int freed;
};

static void on_event(fluvio_event_t *event, void *ctx)
{
  fluvio_delivery_t d;
  d.struct_size = sizeof d;
  CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK && d.status == FLUVIO_OK && d.persisted == FLUVIO_PERSISTED);
  ((struct told *)ctx)->stored += d.count;
}

static void on_free(void *ctx)
{
  ((struct told *)ctx)->freed++;
}

static int readable(int fd)
{
  struct timeval long_time = { LONG / 1000, 0 };
  fd_set set;
  FD_ZERO(&set);
#ifdef _WIN32
  FD_SET((SOCKET)fd, &set);
#else
  FD_SET(fd, &set);
#endif
  return select(fd + 1, &set, NULL, NULL, &long_time) == 1;
}

static void produce(fluvio_client_t *client)
{
  struct told told = { 0, 0 };
  fluvio_queue_t *reports = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  char value[16];
  int i;
  CHECK(reports != NULL && fluvio_queue_start(reports, on_event, &told, on_free, &error) == FLUVIO_OK);
  CHECK(fluvio_producer_open(client, "smoke", NULL, reports, LONG, &producer, &error) == FLUVIO_OK);
  for (i = 0; i < RECORDS; i++) {
    sprintf(value, "value %d", i);
    CHECK(fluvio_producer_send(producer, "key", 3, value, strlen(value), (uint64_t)i, LONG, &error) == FLUVIO_OK);
  }
  CHECK(fluvio_producer_close(producer, LONG, &error) == FLUVIO_OK);
  fluvio_producer_free(producer);
  fluvio_queue_free(reports);
  CHECK(told.stored == RECORDS && told.freed == 1);
  printf("%d records stored\n", RECORDS);
}

static void consume(fluvio_client_t *client)
{
  fluvio_config_t *config = fluvio_config_new();
  fluvio_consumer_t *consumer = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_record_t record;
  fluvio_status_t status;
  char value[16];
  size_t i;
  int seen = 0;
  record.struct_size = sizeof record;
  CHECK(config != NULL && fluvio_config_set(config, "start", "beginning", &error) == FLUVIO_OK);
  CHECK(fluvio_consumer_open(client, "smoke", config, LONG, &consumer, &error) == FLUVIO_OK);
  while (seen < RECORDS) {
    CHECK(readable((int)fluvio_consumer_fd(consumer)));
    while ((status = fluvio_consumer_poll(consumer, 0, &batch, &error)) == FLUVIO_OK) {
      for (i = 0; fluvio_batch_get(batch, i, &record) == FLUVIO_OK; i++, seen++) {
        sprintf(value, "value %d", seen);
        CHECK(record.offset == seen && record.value_len == strlen(value) && memcmp(record.value, value, record.value_len) == 0);
      }
      fluvio_batch_release(batch);
    }
    CHECK(status == FLUVIO_ERR_TIMEOUT);
  }
  CHECK(fluvio_consumer_poll(consumer, 30, &batch, &error) == FLUVIO_ERR_TIMEOUT && error == NULL); /* waits, and not for ever */
  fluvio_consumer_wakeup(consumer);
  CHECK(fluvio_consumer_poll(consumer, -1, &batch, &error) == FLUVIO_ERR_INTERRUPTED);
  fluvio_error_free(error);
  error = NULL;
  CHECK(fluvio_consumer_close(consumer, LONG, &error) == FLUVIO_OK);
  fluvio_consumer_free(consumer);
  fluvio_config_free(config);
  printf("%d records read\n", seen);
}

int main(int argc, char **argv)
{
  fluvio_config_t *config = fluvio_config_new();
  fluvio_client_t *client = NULL;
  fluvio_producer_t *none = NULL;
  CHECK(argc > 1 && config != NULL && fluvio_check(FLUVIO_VERSION_HEX) == FLUVIO_OK && fluvio_forked() == 0);
  CHECK(fluvio_config_set(config, "endpoint", argv[1], &error) == FLUVIO_OK);
  CHECK(fluvio_client_connect(config, LONG, &client, &error) == FLUVIO_OK);
  fluvio_config_free(config);
  CHECK(fluvio_topic_create(client, "smoke", NULL, LONG, &error) == FLUVIO_OK);
  produce(client);
  consume(client);
  CHECK(fluvio_producer_open(client, "nothing", NULL, NULL, LONG, &none, &error) == FLUVIO_ERR_NOT_FOUND);
  CHECK(strstr(fluvio_error_message(error), "nothing") != NULL);
  fluvio_error_free(error);
  error = NULL;
  CHECK(fluvio_topic_delete(client, "smoke", LONG, &error) == FLUVIO_OK);
  CHECK(fluvio_client_close(client, LONG, &error) == FLUVIO_OK);
  fluvio_client_free(client);
  printf("fluvio %s works\n", fluvio_version_string());
  return 0;
}
