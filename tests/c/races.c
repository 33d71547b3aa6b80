/* close wakes whoever is blocked, from another thread; close and free race with everything else. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

struct blocked {
  pthread_t thread;
  fluvio_client_t *client;
  fluvio_producer_t *producer;
  fluvio_consumer_t *consumer;
  fluvio_op_t *op;
  fluvio_status_t status;
  uint64_t count;
};

static void *poll_forever(void *arg)
{
  struct blocked *b = (struct blocked *)arg;
  fluvio_batch_t *batch = NULL;
  while ((b->status = fluvio_consumer_poll(b->consumer, -1, &batch, NULL)) == FLUVIO_OK) {
    b->count += fluvio_batch_count(batch);
    fluvio_batch_release(batch);
  }
  return NULL;
}

static void *send_forever(void *arg)
{
  struct blocked *b = (struct blocked *)arg;
  char *value = (char *)calloc(1, 10000);
  while ((b->status = fluvio_producer_send(b->producer, NULL, 0, value, 10000, 0, -1, NULL)) == FLUVIO_OK)
    b->count++;
  free(value);
  return NULL;
}

static void *wait_forever(void *arg)
{
  struct blocked *b = (struct blocked *)arg;
  b->status = fluvio_op_wait(b->op, -1, NULL);
  return NULL;
}

static void go(struct blocked *b, void *(*run)(void *))
{
  CHECK(pthread_create(&b->thread, NULL, run, b) == 0);
}

static void polls(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  struct blocked b[3];
  int i, round;
  PART("poll");
  make_topic(client, "c-races", "1");
  for (round = 0; round < 20; round++) {
    memset(b, 0, sizeof b);
    b[0].consumer = read_from_start(client, "c-races", NULL);
    for (i = 0; i < 3; i++) {
      b[i].consumer = b[0].consumer;
      go(&b[i], poll_forever);
    }
    if (round % 2 == 0)
      sched_yield();
    OK(fluvio_consumer_close(b[0].consumer, LONG, &error));
    for (i = 0; i < 3; i++) {
      pthread_join(b[i].thread, NULL);
      CHECK(b[i].status == FLUVIO_ERR_CLOSED);
    }
    fluvio_consumer_free(b[0].consumer);
  }
  memset(b, 0, sizeof b);
  b[0].consumer = read_from_start(client, "c-races", NULL);
  go(&b[0], poll_forever);
  OK(fluvio_client_close(client, LONG, &error)); /* the client's close does it too */
  pthread_join(b[0].thread, NULL);
  CHECK(b[0].status == FLUVIO_ERR_CLOSED);
  fluvio_consumer_free(b[0].consumer);
  fluvio_client_free(client);
}

/* Small buffers, so that the senders are blocked nearly always. */
static void sends(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_config_t *config = fluvio_config_new();
  struct blocked b[2];
  int i, round;
  PART("send");
  OK(fluvio_config_set(config, "buffer_memory", "131072", &error));
  OK(fluvio_config_set(config, "max_request_size", "65536", &error));
  for (round = 0; round < 10; round++) {
    memset(b, 0, sizeof b);
    OK(fluvio_producer_open(client, "c-races", config, NULL, LONG, &b[0].producer, &error));
    b[1].producer = b[0].producer;
    for (i = 0; i < 2; i++)
      go(&b[i], send_forever);
    OK(fluvio_producer_flush(b[0].producer, LONG, &error));
    OK(fluvio_producer_close(b[0].producer, LONG, &error));
    for (i = 0; i < 2; i++) {
      pthread_join(b[i].thread, NULL);
      CHECK(b[i].status == FLUVIO_ERR_CLOSED);
    }
    fluvio_producer_free(b[0].producer);
  }
  fluvio_config_free(config);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
}

/* Nobody takes the reports: send blocks, says why, and goes on when they are taken. */
static void reports_untaken(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_config_t *config = fluvio_config_new();
  fluvio_queue_t *queue = fluvio_queue_new();
  struct blocked b;
  fluvio_event_t *event;
  fluvio_delivery_t d;
  uint64_t reported = 0;
  PART("reports that nobody takes");
  memset(&b, 0, sizeof b);
  OK(fluvio_config_set(config, "buffer_memory", "65536", &error));
  OK(fluvio_config_set(config, "max_request_size", "32768", &error));
  OK(fluvio_producer_open(client, "c-races", config, queue, LONG, &b.producer, &error));
  while ((b.status = fluvio_producer_send(b.producer, NULL, 0, "x", 1, b.count, 1000, &error)) == FLUVIO_OK)
    b.count++;
  CHECK(b.status == FLUVIO_ERR_QUEUE_FULL && fluvio_error_is_retriable(error));
  printf("  after %llu records: %s\n", (unsigned long long)b.count, fluvio_error_message(error));
  CHECK(strstr(fluvio_error_message(error), "delivery reports") != NULL);
  fluvio_error_free(error);
  error = NULL;
  OK(fluvio_producer_flush(b.producer, LONG, &error)); /* never waits for the application */
  while ((event = fluvio_queue_poll(queue, 0)) != NULL) {
    d.struct_size = sizeof d;
    CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK && d.status == FLUVIO_OK);
    CHECK(d.opaque[0] == reported && d.opaque[d.count - 1] == reported + d.count - 1); /* in order */
    reported += d.count;
    fluvio_event_free(event);
  }
  CHECK(reported == b.count);
  go(&b, send_forever); /* until the reports are too many again */
  while (fluvio_producer_send(b.producer, NULL, 0, "x", 1, 0, 1000, NULL) == FLUVIO_OK)
    continue;
  OK(fluvio_producer_close(b.producer, LONG, &error));
  pthread_join(b.thread, NULL);
  CHECK(b.status == FLUVIO_ERR_CLOSED);
  fluvio_producer_free(b.producer);
  fluvio_queue_free(queue); /* with reports in it */
  fluvio_config_free(config);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
}

static void ops(void)
{
  struct sockaddr_in a;
  socklen_t len = sizeof a;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_event_t *event;
  struct blocked b[2];
  char silent[32];
  int fd, i;
  PART("op_wait");
  memset(&a, 0, sizeof a);
  memset(b, 0, sizeof b);
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 4) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
  snprintf(silent, sizeof silent, "127.0.0.1:%d", ntohs(a.sin_port));
  OK(fluvio_config_set(config, "endpoint", silent, &error));
  OK(fluvio_config_set(config, "connection_timeout_ms", "600000", &error));
  b[0].op = b[1].op = fluvio_client_connect_async(config, -1, queue, 9);
  for (i = 0; i < 2; i++)
    go(&b[i], wait_forever);
  fluvio_op_cancel(b[0].op);
  for (i = 0; i < 2; i++) {
    pthread_join(b[i].thread, NULL);
    CHECK(b[i].status == FLUVIO_ERR_CANCELLED);
  }
  event = fluvio_queue_poll(queue, LONG);
  CHECK(fluvio_event_type(event) == FLUVIO_EVENT_OP && fluvio_event_opaque(event) == 9);
  fluvio_event_free(event);
  fluvio_op_free(b[0].op);
  fluvio_queue_free(queue);
  fluvio_config_free(config);
  close(fd);
}

static void *queue_poll_forever(void *arg)
{
  CHECK(fluvio_queue_poll((fluvio_queue_t *)arg, -1) == NULL);
  return NULL;
}

static void queues(void)
{
  fluvio_queue_t *queue = fluvio_queue_new();
  pthread_t thread;
  PART("queue wake-up");
  CHECK(pthread_create(&thread, NULL, queue_poll_forever, queue) == 0);
  fluvio_queue_wakeup(queue);
  pthread_join(thread, NULL);
  fluvio_queue_free(queue);
}

static int32_t count_calls(const fluvio_record_t *record, const fluvio_error_t *error, void *ctx)
{
  int *freed = (int *)ctx;
  (void)error;
  CHECK(record == NULL || record->value_len > 0);
  CHECK(*freed == 0);
  return FLUVIO_CONTINUE;
}

static void set_freed(void *ctx)
{
  *(int *)ctx = 1;
}

/* close at any moment of a running delivery: ctx is freed exactly once, before close returns, and never used after. */
static void callbacks(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  int round;
  PART("callbacks");
  for (round = 0; round < 50; round++) {
    fluvio_consumer_t *consumer = read_from_start(client, "c-races", NULL);
    int *freed = (int *)calloc(1, sizeof *freed);
    OK(fluvio_consumer_start_records(consumer, count_calls, freed, set_freed, &error));
    if (round % 3 == 0)
      sched_yield();
    OK(fluvio_consumer_close(consumer, LONG, &error));
    CHECK(*freed == 1);
    free(freed);
    fluvio_consumer_free(consumer);
  }
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
}

int main(int argc, char **argv)
{
  CHECK(argc >= 2);
  polls(argv[1]);
  sends(argv[1]);
  reports_untaken(argv[1]);
  ops();
  queues();
  callbacks(argv[1]);
  return 0;
}
