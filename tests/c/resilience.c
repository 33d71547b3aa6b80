/* How a client and its cluster are, what happened to them, and that nothing stays behind of clients that were closed. */
#include "control.h"

#include <dirent.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

/* The health as JSON; checks that it holds what must be there. */
static void check_health(fluvio_client_t *client, const char *verdict, const char *also)
{
  fluvio_error_t *error = NULL;
  fluvio_text_t *health = NULL;
  char wanted[64];
  OK(fluvio_client_health(client, LONG, &health, &error));
  snprintf(wanted, sizeof wanted, "\"verdict\":\"%s\"", verdict);
  if (strstr(fluvio_text_get(health), wanted) == NULL || strstr(fluvio_text_get(health), also) == NULL)
    fprintf(stderr, "%s\n", fluvio_text_get(health));
  CHECK(strstr(fluvio_text_get(health), wanted) != NULL);
  CHECK(strstr(fluvio_text_get(health), also) != NULL);
  fluvio_text_free(health);
}

/* Takes events until one of a kind comes. */
static void await_event(fluvio_queue_t *queue, int32_t kind, fluvio_client_event_t *out, int with_error)
{
  for (;;) {
    fluvio_event_t *event = fluvio_queue_poll(queue, LONG);
    fluvio_consumer_event_t other;
    int found;
    CHECK(event != NULL && fluvio_event_type(event) == FLUVIO_EVENT_CLIENT && fluvio_event_opaque(event) == 7);
    other.struct_size = sizeof other;
    CHECK(fluvio_event_consumer(event, &other) == FLUVIO_ERR_INVALID_ARGUMENT);
    out->struct_size = sizeof *out;
    CHECK(fluvio_event_client(event, out) == FLUVIO_OK);
    CHECK(out->address != NULL && out->topic != NULL);
    found = out->kind == kind;
    if (found)
      CHECK((out->error != NULL) == with_error);
    fluvio_event_free(event);
    if (found)
      return;
  }
}

static void health_and_events(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = NULL;
  fluvio_client_event_t e;
  fluvio_op_t *op;
  fluvio_text_t *health = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  PART("health and events");
  OK(fluvio_config_set_json(config, "{\"retry_backoff_ms\": 1, \"retry_backoff_max_ms\": 20, \"breaker_reset_ms\": 30}", &error));
  OK(fluvio_config_set(config, "endpoint", endpoint, &error));
  OK(fluvio_config_set_events(config, queue, 7, &error));
  OK(fluvio_client_connect(config, LONG, &client, &error));
  await_event(queue, FLUVIO_CLIENT_CONNECTED, &e, 0);
  check_health(client, "healthy", "\"reasons\":[]");
  control("/v1/sc/stop");
  await_event(queue, FLUVIO_CLIENT_LOST, &e, 1);
  await_event(queue, FLUVIO_CLIENT_RETRY, &e, 1);
  CHECK(e.attempt > 0);
  check_health(client, "degraded", "\"rtt_us\":null");
  await_event(queue, FLUVIO_BREAKER_OPENED, &e, 1);
  control("/v1/sc/start");
  await_event(queue, FLUVIO_BREAKER_CLOSED, &e, 0);
  await_event(queue, FLUVIO_CLIENT_RECOVERED, &e, 0);
  check_health(client, "healthy", "\"metadata_error\":null");
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_client_health(client, LONG, NULL, &error));
  op = fluvio_client_health_async(client, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  health = fluvio_op_take_text(op);
  CHECK(strstr(fluvio_text_get(health), "\"verdict\":\"healthy\"") != NULL);
  fluvio_text_free(health);
  health = NULL;
  fluvio_op_free(op);
  fluvio_queue_free(queue); /* the client still has it */
  fluvio_config_free(config);
  OK(fluvio_client_close(client, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_client_health(client, LONG, &health, &error));
  CHECK(health == NULL);
  fluvio_client_free(client);
}

/* A client that need not validate is there before its cluster, and says what it waits for. */
static void before_the_cluster(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = NULL;
  fluvio_config_t *config = fluvio_config_new();
  PART("a client before its cluster");
  control("/v1/sc/stop");
  OK(fluvio_config_set_json(config, "{\"validate_on_connect\": false, \"retry_backoff_ms\": 1, \"breaker_reset_ms\": 20}", &error));
  OK(fluvio_config_set(config, "endpoint", endpoint, &error));
  OK(fluvio_client_connect(config, LONG, &client, &error));
  check_health(client, "down", "\"metadata_error\":\"");
  control("/v1/sc/start");
  make_topic(client, "early", "1");
  check_health(client, "healthy", "\"metadata_error\":null");
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  fluvio_config_free(config);
}

/* The entries of a folder of /proc. */
static int entries(const char *path)
{
  DIR *dir = opendir(path);
  int n = 0;
  if (dir == NULL)
    return -1;
  while (readdir(dir) != NULL)
    n++;
  closedir(dir);
  return n;
}

/* Bytes that malloc has given out, as far as that can be known. */
static size_t allocated(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  return mallinfo2().uordblks;
#else
  return 0;
#endif
}

static void use_once(const char *endpoint, const char *topic)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_consumer_t *consumer = read_from_start(client, topic, "end");
  fill(client, topic, 1);
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
  fluvio_batch_release(batch);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_consumer_free(consumer);
  fluvio_client_free(client);
}

/* Two hundred clients in a row, on a topic of their own: the memory of large batches is kept, so that none may become large. */
static void use_often(const char *endpoint, int round)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  char topic[32];
  int i;
  snprintf(topic, sizeof topic, "round-%d", round);
  client = connect_to(endpoint);
  make_topic(client, topic, "1");
  fill(client, topic, 1);
  OK(fluvio_client_close(client, LONG, &error)); /* free alone would close while the program ends */
  fluvio_client_free(client);
  for (i = 0; i < 200; i++)
    use_once(endpoint, topic);
}

static void nothing_stays(const char *endpoint)
{
  int descriptors, round = 0;
  size_t bytes;
  PART("two hundred clients leave nothing");
  use_often(endpoint, 0); /* until the caches of malloc and of Go's threads are full */
  descriptors = entries("/proc/self/fd");
  do { /* what waits in the caches of another thread of Go's is no leak: that comes in every round */
    CHECK(round++ < 5);
    bytes = allocated();
    use_often(endpoint, round);
    printf("malloc: %zu bytes before, %zu after\n", bytes, allocated());
  } while (allocated() > bytes + 1024);
  CHECK(entries("/proc/self/fd") <= descriptors);
}

int main(int argc, char **argv)
{
  CHECK(argc == 3);
  control_address = argv[2];
  before_the_cluster(argv[1]);
  health_and_events(argv[1]);
  nothing_stays(argv[1]);
  return 0;
}
