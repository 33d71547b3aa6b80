/* Failures: a clear, typed error within the deadline. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* A server that accepts and answers with a fixed text, or with nothing. */
struct server {
  int fd;
  const char *answer;
  char endpoint[32];
  pthread_t thread;
};

static void *serve(void *arg)
{
  struct server *s = (struct server *)arg;
  int held[16], n = 0, i, fd;
  while (n < 16 && (fd = accept(s->fd, NULL, NULL)) >= 0) {
    held[n++] = fd;
    if (s->answer != NULL) {
      char request[4096];
      if (recv(fd, request, sizeof request, 0) > 0)
        (void)!send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
    }
  }
  for (i = 0; i < n; i++)
    close(held[i]);
  return NULL;
}

static void server_start(struct server *s, const char *answer)
{
  struct sockaddr_in a;
  socklen_t len = sizeof a;
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  s->answer = answer;
  s->fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(s->fd, 16) == 0);
  CHECK(getsockname(s->fd, (struct sockaddr *)&a, &len) == 0);
  snprintf(s->endpoint, sizeof s->endpoint, "127.0.0.1:%d", ntohs(a.sin_port));
  CHECK(pthread_create(&s->thread, NULL, serve, s) == 0);
}

static void server_stop(struct server *s)
{
  shutdown(s->fd, SHUT_RDWR);
  close(s->fd);
  pthread_join(s->thread, NULL);
}

/* Tries to connect and returns the error. */
static fluvio_error_t *fail_to_connect(const char *endpoint, const char *connection_timeout, int64_t timeout_ms)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = (fluvio_client_t *)1;
  fluvio_config_t *config = fluvio_config_new();
  CHECK(fluvio_config_set(config, "endpoint", endpoint, NULL) == FLUVIO_OK);
  if (connection_timeout != NULL)
    CHECK(fluvio_config_set(config, "connection_timeout_ms", connection_timeout, NULL) == FLUVIO_OK);
  CHECK(fluvio_client_connect(config, timeout_ms, &client, &error) < 0);
  CHECK(client == NULL && error != NULL);
  CHECK(strlen(fluvio_error_message(error)) > 0 && fluvio_error_detail(error, "hint") != NULL);
  printf("  %s\n", fluvio_error_message(error));
  fluvio_config_free(config);
  return error;
}

static void endpoints(void)
{
  struct server s;
  fluvio_error_t *error;
  char closed[32];
  PART("wrong endpoint");
  server_start(&s, NULL);
  strcpy(closed, s.endpoint);
  server_stop(&s);
  error = fail_to_connect(closed, NULL, LONG);
  CHECK(fluvio_error_status(error) == FLUVIO_ERR_CONNECTION && fluvio_error_is_retriable(error));
  CHECK(strcmp(fluvio_error_detail(error, "address"), closed) == 0 && strstr(fluvio_error_message(error), closed) != NULL);
  fluvio_error_free(error);

  PART("silent endpoint");
  server_start(&s, NULL);
  error = fail_to_connect(s.endpoint, "200", LONG);
  CHECK(fluvio_error_status(error) == FLUVIO_ERR_TIMEOUT && strstr(fluvio_error_message(error), s.endpoint) != NULL);
  fluvio_error_free(error);
  error = fail_to_connect(s.endpoint, NULL, 200); /* the caller's deadline is the nearer one */
  CHECK(fluvio_error_status(error) == FLUVIO_ERR_TIMEOUT);
  fluvio_error_free(error);
  server_stop(&s);

  PART("HTTP");
  server_start(&s, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  error = fail_to_connect(s.endpoint, NULL, LONG);
  CHECK(fluvio_error_status(error) == FLUVIO_ERR_PROTOCOL && strstr(fluvio_error_message(error), s.endpoint) != NULL);
  fluvio_error_free(error);
  server_stop(&s);
}

static void cancel(void)
{
  struct server s;
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_op_t *op;
  PART("cancel");
  server_start(&s, NULL);
  OK(fluvio_config_set(config, "endpoint", s.endpoint, &error));
  op = fluvio_client_connect_async(config, -1, NULL, 0);
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_op_wait(op, 0, &error));
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_op_wait(op, 20, &error));
  fluvio_op_cancel(op);
  STATUS(FLUVIO_ERR_CANCELLED, fluvio_op_wait(op, LONG, &error));
  STATUS(FLUVIO_ERR_CANCELLED, fluvio_op_wait(op, LONG, &error)); /* again */
  CHECK(fluvio_op_take_client(op) == NULL);
  fluvio_op_cancel(op);
  fluvio_op_free(op);
  op = fluvio_client_connect_async(config, -1, NULL, 0);
  fluvio_op_free(op); /* cancels */
  fluvio_config_free(config);
  server_stop(&s);
}

static void settings(fluvio_client_t *client, const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_client_t *other = NULL;
  PART("settings");
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set(config, "", "1", &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set(config, NULL, "1", &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set(config, "linger_ms", NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set_json(config, "[1]", &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set_json(config, NULL, &error));
  OK(fluvio_config_set(config, "linger_mss", "1", &error));
  OK(fluvio_config_set(config, "batch_size", "lots", &error));
  CHECK(fluvio_producer_open(client, "c-errors", config, NULL, LONG, &producer, &error) == FLUVIO_ERR_INVALID_ARGUMENT);
  printf("  %s\n", fluvio_error_message(error));
  CHECK(strstr(fluvio_error_message(error), "linger_mss") && strstr(fluvio_error_message(error), "linger_ms?"));
  CHECK(strstr(fluvio_error_message(error), "batch_size") && producer == NULL && !fluvio_error_is_retriable(error));
  fluvio_error_free(error);
  error = NULL;
  fluvio_config_free(config);

  config = fluvio_config_new();
  OK(fluvio_config_set_json(config, "{\"topics\": [\"a\"], \"max_byte\": 5, \"group_member\": 2}", &error));
  CHECK(fluvio_consumer_open(client, "c-errors", config, LONG, &consumer, &error) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(strstr(fluvio_error_message(error), "topics is given both as an argument and in the config; max_byte: there is no such setting, "
                                            "did you mean max_bytes?; group_size: is needed with group_member") != NULL);
  fluvio_error_free(error);
  error = NULL;
  fluvio_config_free(config);

  config = fluvio_config_new();
  OK(fluvio_config_set_json(config, " {\"start\": \"beginning\", } ", &error)); /* checked when used */
  CHECK(fluvio_consumer_open(client, "c-errors", config, LONG, &consumer, &error) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(strstr(fluvio_error_message(error), "JSON") != NULL);
  fluvio_error_free(error);
  error = NULL;
  fluvio_config_free(config);

  config = fluvio_config_new();
  OK(fluvio_config_set(config, "endpoint", "nowhere:1", &error));
  OK(fluvio_config_set_json(config, "{\"client_id\": \"c\", \"connection_timeout_ms\": 5000}", &error));
  OK(fluvio_config_set(config, "endpoint", endpoint, &error)); /* the later one counts */
  OK(fluvio_client_connect(config, LONG, &other, &error));
  OK(fluvio_client_close(other, LONG, &error));
  fluvio_client_free(other);
  fluvio_config_free(config);

  config = fluvio_config_new();
  OK(fluvio_config_set(config, "topics", "c-errors", &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_open(client, "c-errors", config, LONG, &consumer, &error)); /* twice */
  OK(fluvio_consumer_open(client, NULL, config, LONG, &consumer, &error));
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
  fluvio_config_free(config);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_open(client, NULL, NULL, LONG, &consumer, &error));
}

static void names(fluvio_client_t *client)
{
  static const char *const bad[] = { "", "Upper", "-front", "back-", "under_score",
                                     "a234567890123456789012345678901234567890123456789012345678901234" };
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer = NULL;
  size_t i;
  PART("topic names");
  CHECK(strlen(bad[5]) == 64);
  for (i = 0; i < sizeof bad / sizeof *bad; i++)
    STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_topic_create(client, bad[i], NULL, LONG, &error));
  PART("unknown topic");
  CHECK(fluvio_producer_open(client, "c-nowhere", NULL, NULL, LONG, &producer, &error) == FLUVIO_ERR_NOT_FOUND);
  printf("  %s\n", fluvio_error_message(error));
  CHECK(strcmp(fluvio_error_detail(error, "topic"), "c-nowhere") == 0 && producer == NULL);
  fluvio_error_free(error);
  error = NULL;
  STATUS(FLUVIO_ERR_NOT_FOUND, fluvio_consumer_open(client, "c-nowhere", NULL, LONG, &consumer, &error));
}

static void records(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_producer_t *producer = NULL;
  fluvio_record_in_t r[2] = { FLUVIO_RECORD_INIT, FLUVIO_RECORD_INIT };
  uint32_t lens[2] = { 1, 1 };
  char *large = (char *)calloc(1, 70000);
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_event_t *event;
  fluvio_delivery_t d;
  size_t sent = 9, limit;
  PART("records");
  OK(fluvio_config_set(config, "max_request_size", "65536", &error));
  OK(fluvio_producer_open(client, "c-errors", config, queue, LONG, &producer, &error));
  CHECK(fluvio_producer_send(producer, NULL, 0, large, 70000, 0, LONG, &error) == FLUVIO_ERR_TOO_LARGE);
  printf("  %s\n", fluvio_error_message(error));
  CHECK(strstr(fluvio_error_message(error), "70000") && strstr(fluvio_error_message(error), "room for "));
  limit = strtoull(strstr(fluvio_error_message(error), "room for ") + 9, NULL, 10);
  CHECK(limit > 65000 && limit < 65536);
  fluvio_error_free(error);
  error = NULL;
  STATUS(FLUVIO_ERR_TOO_LARGE, fluvio_producer_send(producer, large, 1, large, limit, 0, LONG, &error));
  OK(fluvio_producer_send(producer, large, 0, large, limit, 8, LONG, &error)); /* what is let through is stored */
  event = fluvio_queue_poll(queue, LONG);
  d.struct_size = sizeof d;
  CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK && d.status == FLUVIO_OK && d.opaque[0] == 8);
  fluvio_event_free(event);
  r[0].value = "x";
  r[0].value_len = 1;
  r[1].value_len = 1; /* but no value */
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_batch(producer, r, 2, LONG, &sent, &error));
  CHECK(sent == 1);
  r[0].partition = -2;
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_batch(producer, r, 1, LONG, &sent, &error));
  r[0].partition = -1;
  r[0].reserved = 1;
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_batch(producer, r, 1, LONG, &sent, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_columns(producer, "abc", 3, NULL, lens, 2, 0, LONG, &sent, &error));
  OK(fluvio_producer_send_columns(producer, "ab", 2, NULL, lens, 2, 0, LONG, &sent, &error));
  lens[0] = lens[1] = 0; /* empty values need no data */
  OK(fluvio_producer_send_columns(producer, NULL, 0, lens, lens, 2, 0, LONG, &sent, &error));
  CHECK(sent == 2);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);
  fluvio_config_free(config);
  free(large);
}

/* A record that only the core can refuse was accepted, so it gets its report. */
static void refused_late(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  fluvio_record_in_t r = FLUVIO_RECORD_INIT;
  fluvio_event_t *event;
  fluvio_delivery_t d;
  PART("a partition that is not there");
  OK(fluvio_producer_open(client, "c-errors", NULL, queue, LONG, &producer, &error));
  r.partition = 99;
  r.opaque = 5;
  r.value = "x";
  r.value_len = 1;
  OK(fluvio_producer_send_batch(producer, &r, 1, LONG, NULL, &error));
  event = fluvio_queue_poll(queue, LONG);
  d.struct_size = sizeof d;
  CHECK(fluvio_event_delivery(event, &d) == FLUVIO_OK);
  printf("  %s\n", fluvio_error_message(d.error));
  CHECK(d.status < 0 && d.count == 1 && d.opaque[0] == 5 && d.base_offset == -1 && d.persisted == FLUVIO_NOT_PERSISTED);
  CHECK(fluvio_error_status(d.error) == d.status);
  fluvio_event_free(event);
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);
}

/* Without a queue for reports, flush tells of it. */
static void refused_untold(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_record_in_t r[2] = { FLUVIO_RECORD_INIT, FLUVIO_RECORD_INIT };
  PART("a partition that is not there, and nobody who takes reports");
  OK(fluvio_producer_open(client, "c-errors", NULL, NULL, LONG, &producer, &error));
  r[0].partition = r[1].partition = 99;
  OK(fluvio_producer_send_batch(producer, r, 2, LONG, NULL, &error));
  CHECK(fluvio_producer_flush(producer, LONG, &error) == FLUVIO_ERR_INVALID_ARGUMENT);
  printf("  %s\n", fluvio_error_message(error));
  CHECK(strcmp(fluvio_error_detail(error, "failed_records"), "2") == 0);
  fluvio_error_free(error);
  error = NULL;
  OK(fluvio_producer_flush(producer, LONG, &error));
  OK(fluvio_producer_send_batch(producer, r, 1, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc >= 2);
  endpoints();
  cancel();
  client = connect_to(argv[1]);
  make_topic(client, "c-errors", "1");
  settings(client, argv[1]);
  names(client);
  records(client);
  refused_late(client);
  refused_untold(client);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
