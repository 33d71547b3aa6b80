/* Descriptors for event loops, wake-ups, operations with a queue. */
#include "check.h"

static void consumer_fd(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_consumer_t *consumer;
  fluvio_status_t status;
  int fd;
  size_t got = 0;
  PART("consumer");
  make_topic(client, "c-ready", "1");
  consumer = read_from_start(client, "c-ready", NULL);
  fd = fluvio_consumer_fd(consumer);
  CHECK(fd >= 0 && fd == fluvio_consumer_fd(consumer));
  CHECK(!readable(fd, 0));
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll(consumer, 0, &batch, &error));
  fill(client, "c-ready", 10);
  while (got < 10) {
    CHECK(readable(fd, LONG));
    while ((status = fluvio_consumer_poll(consumer, 0, &batch, &error)) == FLUVIO_OK) {
      got += fluvio_batch_count(batch);
      fluvio_batch_release(batch);
    }
    STATUS(FLUVIO_ERR_TIMEOUT, status);
  }
  CHECK(got == 10 && !readable(fd, 0));

  fluvio_consumer_wakeup(consumer);
  CHECK(readable(fd, 0));
  STATUS(FLUVIO_ERR_INTERRUPTED, fluvio_consumer_poll(consumer, LONG, &batch, &error));
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_poll(consumer, 0, &batch, &error));
  CHECK(!readable(fd, 0));

  OK(fluvio_consumer_close(consumer, LONG, &error));
  CHECK(readable(fd, 0));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_consumer_poll(consumer, 0, &batch, &error));
  CHECK(readable(fd, 0));
  fluvio_consumer_free(consumer);
}

/* An event loop that reads the pipe itself, as Node's does, must get everything too. */
static void reading_loop(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_consumer_t *consumer;
  fluvio_status_t status = FLUVIO_OK;
  char bytes[16];
  size_t got = 0;
  int fd;
  PART("a loop that reads");
  consumer = read_from_start(client, "c-ready", "end");
  fd = fluvio_consumer_fd(consumer);
  while (status != FLUVIO_ERR_END) {
    CHECK(readable(fd, LONG));
    CHECK(read(fd, bytes, sizeof bytes) > 0);
    while ((status = fluvio_consumer_poll(consumer, 0, &batch, &error)) == FLUVIO_OK) {
      got += fluvio_batch_count(batch);
      fluvio_batch_release(batch);
    }
    CHECK(status == FLUVIO_ERR_TIMEOUT || status == FLUVIO_ERR_END);
    fluvio_error_free(error);
    error = NULL;
  }
  CHECK(got == 10);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
}

static void queue_fd(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_topic_list_t *list;
  fluvio_event_t *event;
  fluvio_op_t *op;
  int fd = fluvio_queue_fd(queue);
  PART("queue");
  CHECK(fd >= 0 && !readable(fd, 0) && fluvio_queue_poll(queue, 0) == NULL);
  op = fluvio_topic_list_async(client, LONG, queue, 42);
  CHECK(op != NULL && readable(fd, LONG));
  event = fluvio_queue_poll(queue, 0);
  CHECK(fluvio_event_type(event) == FLUVIO_EVENT_OP && fluvio_event_opaque(event) == 42);
  CHECK(fluvio_event_delivery(event, NULL) == FLUVIO_ERR_INVALID_ARGUMENT);
  fluvio_event_free(event);
  CHECK(fluvio_queue_poll(queue, 0) == NULL && !readable(fd, 0));
  OK(fluvio_op_wait(op, 0, &error));
  CHECK(fluvio_op_take_client(op) == NULL && fluvio_op_take_producer(op) == NULL && fluvio_op_take_consumer(op) == NULL);
  list = fluvio_op_take_topic_list(op);
  CHECK(fluvio_topic_list_count(list) >= 1);
  CHECK(fluvio_op_take_topic_list(op) == NULL);
  fluvio_topic_list_free(list);
  fluvio_op_free(op);

  fluvio_queue_wakeup(queue);
  CHECK(readable(fd, 0) && fluvio_queue_poll(queue, LONG) == NULL);
  CHECK(fluvio_queue_poll(queue, 0) == NULL && !readable(fd, 0));
  fluvio_queue_free(queue);
}

/* Every object by its asynchronous function; an untaken result is closed by the operation's free. */
static void async_all(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_op_t *op, *flush;
  fluvio_client_t *client;
  fluvio_producer_t *producer;
  fluvio_consumer_t *consumer;
  PART("async");
  OK(fluvio_config_set(config, "endpoint", endpoint, &error));
  op = fluvio_client_connect_async(config, LONG, NULL, 0);
  fluvio_config_free(config);
  OK(fluvio_op_wait(op, LONG, &error));
  client = fluvio_op_take_client(op);
  fluvio_op_free(op);
  op = fluvio_topic_create_async(client, "c-async", NULL, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  op = fluvio_producer_open_async(client, "c-async", NULL, NULL, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  producer = fluvio_op_take_producer(op);
  fluvio_op_free(op);
  OK(fluvio_producer_send(producer, NULL, 0, "x", 1, 0, 0, &error));
  flush = fluvio_producer_flush_async(producer, LONG, NULL, 0);
  op = fluvio_producer_close_async(producer, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  CHECK(fluvio_op_wait(flush, LONG, NULL) <= FLUVIO_OK); /* done, whichever was quicker */
  fluvio_op_free(flush);
  fluvio_producer_free(producer);
  op = fluvio_consumer_open_async(client, "c-async", NULL, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  consumer = fluvio_op_take_consumer(op);
  fluvio_op_free(op);
  op = fluvio_consumer_close_async(consumer, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  fluvio_consumer_free(consumer);
  op = fluvio_consumer_open_async(client, "c-async", NULL, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op); /* nobody took the consumer */
  fluvio_op_free(fluvio_consumer_open_async(client, "c-async", NULL, LONG, NULL, 0)); /* or waited for it */
  op = fluvio_topic_delete_async(client, "c-async", LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  op = fluvio_client_close_async(client, LONG, NULL, 0);
  OK(fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  fluvio_client_free(client);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc >= 2);
  client = connect_to(argv[1]);
  consumer_fd(client);
  reading_loop(client);
  queue_fd(client);
  async_all(argv[1]);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
