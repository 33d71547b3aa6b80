/* Abuse that can be detected: NULL, wrong kinds, closed handles, small structs. An error each time, never a crash. */
#include "check.h"

static void nulls(void)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_record_in_t record = FLUVIO_RECORD_INIT;
  fluvio_op_t *op;
  PART("NULL");
  fluvio_error_free(NULL);
  fluvio_config_free(NULL);
  fluvio_op_free(NULL);
  fluvio_queue_free(NULL);
  fluvio_event_free(NULL);
  fluvio_client_free(NULL);
  fluvio_producer_free(NULL);
  fluvio_consumer_free(NULL);
  fluvio_topic_list_free(NULL);
  fluvio_batch_release(NULL);
  fluvio_op_cancel(NULL);
  fluvio_queue_wakeup(NULL);
  fluvio_consumer_wakeup(NULL);
  CHECK(fluvio_error_status(NULL) == FLUVIO_OK && strcmp(fluvio_error_message(NULL), "") == 0);
  CHECK(fluvio_error_detail(NULL, "topic") == NULL && fluvio_error_detail_at(NULL, 0, NULL, NULL) == -1);
  CHECK(!fluvio_error_is_retriable(NULL) && !fluvio_error_is_fatal(NULL) && !fluvio_error_maybe_written(NULL) && fluvio_error_server_code(NULL) == 0);
  CHECK(fluvio_op_take_client(NULL) == NULL && fluvio_op_take_producer(NULL) == NULL);
  CHECK(fluvio_op_take_consumer(NULL) == NULL && fluvio_op_take_topic_list(NULL) == NULL);
  CHECK(fluvio_queue_poll(NULL, LONG) == NULL && fluvio_queue_fd(NULL) == -1 && fluvio_consumer_fd(NULL) == -1);
  CHECK(fluvio_event_type(NULL) == 0 && fluvio_event_opaque(NULL) == 0 && fluvio_event_delivery(NULL, NULL) < 0);
  CHECK(strcmp(fluvio_client_platform_version(NULL), "") == 0);
  CHECK(fluvio_topic_list_count(NULL) == 0 && fluvio_topic_list_get(NULL, 0, NULL) < 0);
  CHECK(fluvio_batch_retain(NULL) == NULL && fluvio_batch_count(NULL) == 0 && fluvio_batch_view(NULL, NULL) < 0 && fluvio_batch_get(NULL, 0, NULL) < 0);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set(NULL, "a", "b", &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set_json(NULL, "{}", &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_op_wait(NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_queue_start(NULL, NULL, NULL, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_client_connect(NULL, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_client_close(NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_topic_create(NULL, "t", NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_topic_delete(NULL, "t", LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_topic_list(NULL, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_open(NULL, "t", NULL, NULL, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send(NULL, NULL, 0, "x", 1, 0, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_batch(NULL, &record, 1, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_columns(NULL, "x", 1, NULL, NULL, 1, 0, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_blocks(NULL, NULL, 0, 0, 0, 0, LONG, NULL, &error));
  CHECK(fluvio_producer_try_send_block(NULL, NULL, NULL, 0) == FLUVIO_ERR_INVALID_ARGUMENT);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_flush(NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_close(NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_open(NULL, "t", NULL, LONG, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_poll(NULL, LONG, &batch, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_start(NULL, NULL, NULL, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_start_records(NULL, NULL, NULL, NULL, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_close(NULL, LONG, &error));
  op = fluvio_producer_flush_async(NULL, LONG, NULL, 0); /* what is wrong is the operation's result */
  CHECK(op != NULL);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_op_wait(op, 0, &error));
  fluvio_op_free(op);
}

static void wrong_kinds(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_op_t *op;
  uint64_t junk[16];
  PART("wrong kinds");
  memset(junk, 0x5a, sizeof junk);
  CHECK(fluvio_producer_send((fluvio_producer_t *)client, NULL, 0, "x", 1, 0, LONG, &error) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(strstr(fluvio_error_message(error), "client") && strstr(fluvio_error_message(error), "producer"));
  fluvio_error_free(error);
  error = NULL;
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_poll((fluvio_consumer_t *)client, LONG, &batch, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_consumer_poll((fluvio_consumer_t *)junk, LONG, &batch, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_client_close((fluvio_client_t *)queue, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_topic_create(client, "c-kinds", (fluvio_config_t *)client, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_topic_create(client, NULL, NULL, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_open(client, "c-kinds", NULL, (fluvio_queue_t *)client, LONG, &producer, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_op_wait((fluvio_op_t *)client, LONG, &error));
  CHECK(fluvio_queue_poll((fluvio_queue_t *)client, LONG) == NULL && fluvio_batch_count((fluvio_batch_t *)client) == 0);
  fluvio_producer_free((fluvio_producer_t *)client); /* does nothing */
  fluvio_batch_release((fluvio_batch_t *)client);
  fluvio_error_free((fluvio_error_t *)client);
  fluvio_event_free((fluvio_event_t *)client);
  op = fluvio_topic_list_async(client, LONG, (fluvio_queue_t *)client, 0);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
  fluvio_queue_free(queue);
}

static void closed(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_producer_t *producer = NULL, *late = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_topic_list_t *list = NULL;
  PART("closed");
  make_topic(client, "c-closed", "1");
  OK(fluvio_producer_open(client, "c-closed", NULL, NULL, LONG, &producer, &error));
  OK(fluvio_consumer_open(client, "c-closed", NULL, LONG, &consumer, &error));
  OK(fluvio_producer_close(producer, LONG, &error));
  OK(fluvio_producer_close(producer, 0, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_send(producer, NULL, 0, "x", 1, 0, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_flush(producer, LONG, &error));
  OK(fluvio_client_close(client, LONG, &error));
  OK(fluvio_client_close(client, 0, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_consumer_poll(consumer, LONG, &batch, &error)); /* closed with its client */
  OK(fluvio_consumer_close(consumer, LONG, &error));
  OK(fluvio_consumer_close(consumer, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_topic_create(client, "c-late", NULL, LONG, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_topic_list(client, LONG, &list, &error));
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_open(client, "c-closed", NULL, NULL, LONG, &late, &error));
  CHECK(late == NULL && list == NULL && strlen(fluvio_client_platform_version(client)) > 0);
  fluvio_client_free(client); /* in any order */
  fluvio_consumer_free(consumer);
  fluvio_producer_free(producer);
}

/* free without close, in any order; what was accepted before is still delivered, in the background. */
static void freed_open(fluvio_client_t *other, const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer, *reader;
  fluvio_batch_t *batch = NULL;
  PART("freed while open");
  make_topic(client, "c-freed", "1");
  reader = read_from_start(other, "c-freed", NULL);
  consumer = read_from_start(client, "c-freed", NULL);
  OK(fluvio_producer_open(client, "c-freed", NULL, NULL, LONG, &producer, &error));
  fluvio_client_free(client); /* stays for the others */
  OK(fluvio_producer_send(producer, NULL, 0, "x", 1, 0, LONG, &error));
  fluvio_producer_free(producer);
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
  fluvio_batch_release(batch);
  fluvio_consumer_free(consumer);
  OK(fluvio_consumer_poll(reader, LONG, &batch, &error));
  CHECK(fluvio_batch_count(batch) == 1);
  fluvio_batch_release(batch);
  OK(fluvio_consumer_close(reader, LONG, &error));
  fluvio_consumer_free(reader);
}

/* Structs of programs built with an older, smaller header. */
static void small_structs(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_topic_list_t *list = NULL;
  fluvio_topic_t topic;
  size_t small = offsetof(fluvio_topic_t, status);
  PART("small structs");
  OK(fluvio_topic_list(client, LONG, &list, &error));
  CHECK(fluvio_topic_list_count(list) > 0);
  memset(&topic, 0x77, sizeof topic);
  topic.struct_size = (uint32_t)small;
  CHECK(fluvio_topic_list_get(list, 0, &topic) == FLUVIO_OK);
  CHECK(strlen(topic.name) > 0 && topic.struct_size == small);
  CHECK(((unsigned char *)&topic)[small] == 0x77 && ((unsigned char *)&topic)[sizeof topic - 1] == 0x77);
  topic.struct_size = 0;
  CHECK(fluvio_topic_list_get(list, 0, &topic) == FLUVIO_ERR_INVALID_ARGUMENT);
  fluvio_topic_list_free(list);
}

static void names(void)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  const char *key = NULL, *value = NULL;
  PART("versions, names, details");
  CHECK(fluvio_version() == FLUVIO_VERSION_HEX && strcmp(fluvio_version_string(), "0.1.0") == 0);
  CHECK(fluvio_check(FLUVIO_VERSION_HEX) == FLUVIO_OK);
  CHECK(fluvio_check(FLUVIO_VERSION_HEX + 0x100) == FLUVIO_ERR_VERSION && fluvio_check(0x010000) == FLUVIO_ERR_VERSION);
  CHECK(strcmp(fluvio_status_name(FLUVIO_OK), "FLUVIO_OK") == 0 && strcmp(fluvio_status_name(-9999), "FLUVIO_ERR_UNKNOWN") == 0);
  CHECK(strcmp(fluvio_status_name(FLUVIO_ERR_SMARTMODULE), "FLUVIO_ERR_SMARTMODULE") == 0);
  CHECK(fluvio_config_set(config, "", "x", &error) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(strcmp(fluvio_error_detail(error, "operation"), "set config") == 0 && strlen(fluvio_error_detail(error, "hint")) > 0);
  CHECK(fluvio_error_detail(error, "nothing") == NULL && fluvio_error_detail(error, NULL) == NULL);
  CHECK(fluvio_error_detail_at(error, 0, &key, &value) == 0 && strcmp(key, "operation") == 0 && strcmp(value, "set config") == 0);
  CHECK(fluvio_error_detail_at(error, 1, &key, NULL) == 0 && strcmp(key, "hint") == 0);
  CHECK(fluvio_error_detail_at(error, 2, &key, &value) == -1);
  fluvio_error_free(error);
  fluvio_config_free(config);
}

static int32_t never_asked(const char *server_name, const uint8_t *const *certificates, const size_t *lengths, size_t count, char *message, size_t message_size, void *ctx)
{
  (void)server_name, (void)certificates, (void)lengths, (void)count, (void)message, (void)message_size, (void)ctx;
  CHECK(!"without TLS there is nothing to judge; tls.c has the rest");
  return 1;
}

static void count_free(void *ctx) { ++*(int *)ctx; }

/* The context of a judge of servers lives as long as whoever may ask it, and is freed once. */
static void judges(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_client_t *client = NULL;
  int first = 0, second = 0, third = 0;
  PART("judges");
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set_tls_verify(NULL, never_asked, &first, count_free, &error));
  OK(fluvio_config_set_tls_verify(config, never_asked, &first, count_free, &error));
  OK(fluvio_config_set_tls_verify(config, never_asked, &second, count_free, &error));
  CHECK(first == 1 && second == 0);
  OK(fluvio_config_set_tls_verify(config, NULL, NULL, NULL, &error));
  CHECK(first == 1 && second == 1);
  OK(fluvio_config_set_tls_verify(config, never_asked, &third, count_free, &error));
  OK(fluvio_config_set(config, "endpoint", endpoint, &error));
  OK(fluvio_client_connect(config, LONG, &client, &error));
  fluvio_config_free(config);
  CHECK(third == 0);
  OK(fluvio_client_close(client, LONG, &error));
  CHECK(first == 1 && second == 1 && third == 1);
  fluvio_client_free(client);
  CHECK(third == 1);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc >= 2);
  names();
  nulls();
  client = connect_to(argv[1]);
  wrong_kinds(client);
  closed(argv[1]);
  freed_open(client, argv[1]);
  small_structs(client);
  if (*argv[1] != '\0')
    judges(argv[1]);
  else
    printf("judges are left out: a profile leads to a cluster with TLS, where they are asked\n");
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
