/* Callers that lie: text that is not text, lengths that cannot be, concurrent misuse, callbacks that do not return. */
#include "check.h"

#include <semaphore.h>
#include <stdint.h>

static void texts(fluvio_client_t *client)
{
  static const char *const bad[] = {
    "\xff\xfe", "\xc3", "a\xed\xa0\x80z", "\xf8\x88\x80\x80\x80", "", " ", "a/b", "..", "\n", "\x01\x7f",
  };
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer = NULL;
  char *lengthy = (char *)malloc(1 << 20);
  size_t i;
  PART("texts");
  CHECK(lengthy != NULL);
  memset(lengthy, 'x', (1 << 20) - 1);
  lengthy[(1 << 20) - 1] = '\0';
  for (i = 0; i <= sizeof bad / sizeof bad[0]; i++) {
    const char *text = i < sizeof bad / sizeof bad[0] ? bad[i] : lengthy;
    CHECK(fluvio_topic_create(client, text, NULL, LONG, &error) != FLUVIO_OK);
    CHECK(error != NULL && strlen(fluvio_error_message(error)) > 0);
    fluvio_error_free(error);
    CHECK(fluvio_topic_delete(client, text, LONG, NULL) != FLUVIO_OK);
    CHECK(fluvio_producer_open(client, text, NULL, NULL, LONG, &producer, NULL) != FLUVIO_OK && producer == NULL);
    CHECK(fluvio_consumer_open(client, text, NULL, LONG, &consumer, NULL) != FLUVIO_OK && consumer == NULL);
    CHECK(fluvio_config_set(config, text, "x", NULL) == FLUVIO_ERR_INVALID_ARGUMENT || text[0] != '\0');
    CHECK(fluvio_config_set_json(config, text, NULL) == FLUVIO_ERR_INVALID_ARGUMENT || text[0] == '\0' || text[0] == ' ' || text[0] == '\n');
    error = NULL;
  }
  free(lengthy);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_config_set(config, NULL, "x", &error));
  fluvio_config_free(config);
}

/* JSON that is cut, too deep, of other types, or with embedded zeros. */
static void json(fluvio_client_t *client)
{
  static const char *const bad[] = {
    "{", "[]", "5", "{\"start\":", "{\"start\":{}}", "{\"partitions\":\"x\"}", "{\"start\":\"\\u0000\"}", "{\"\\u0000\":1}", "{\"start\":1e400}",
    "{\"prefetch_bytes\":-1}", "{\"prefetch_bytes\":99999999999999999999}", "{\"topics\":[[[[]]]]}", "{\"consumer_id\":\"\xff\"}x",
  };
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = NULL;
  size_t i;
  PART("JSON");
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    fluvio_config_t *config = fluvio_config_new();
    fluvio_status_t status = fluvio_config_set_json(config, bad[i], &error);
    if (status == FLUVIO_OK)
      status = fluvio_consumer_open(client, "c-hostile", config, LONG, &consumer, &error);
    if (status != FLUVIO_ERR_INVALID_ARGUMENT)
      fprintf(stderr, "%s: %s\n", bad[i], fluvio_status_name(status));
    CHECK(status == FLUVIO_ERR_INVALID_ARGUMENT && consumer == NULL);
    CHECK(strlen(fluvio_error_message(error)) > 0);
    fluvio_error_free(error);
    error = NULL;
    fluvio_config_free(config);
  }
}

static void lengths(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer;
  fluvio_batch_t *batch = NULL;
  fluvio_record_t r;
  static const size_t endless[3] = { SIZE_MAX, 0, 0 }, none = 0;
  const void *blocks[2] = { &none, NULL };
  size_t sent = 9;
  PART("lengths");
  OK(fluvio_producer_open(client, "c-hostile", NULL, NULL, LONG, &producer, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send(producer, NULL, 5, "x", 1, 0, LONG, &error));
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send(producer, NULL, 0, NULL, 1, 0, LONG, &error));
  STATUS(FLUVIO_ERR_TOO_LARGE, fluvio_producer_send(producer, NULL, 0, "x", SIZE_MAX, 0, LONG, &error));
  STATUS(FLUVIO_ERR_TOO_LARGE, fluvio_producer_send(producer, "k", SIZE_MAX, "x", SIZE_MAX, 0, LONG, &error));
  STATUS(FLUVIO_ERR_TOO_LARGE, fluvio_producer_send(producer, "k", SIZE_MAX - 2, "xyz", 3, 0, LONG, &error));
  STATUS(FLUVIO_ERR_TOO_LARGE, fluvio_producer_send(producer, NULL, 0, "x", (size_t)1 << 32, 0, LONG, &error));
  CHECK(fluvio_producer_try_send(producer, NULL, 1, "x", 1, 0) != FLUVIO_OK);
  CHECK(fluvio_producer_try_send(producer, NULL, 0, "x", UINT32_MAX, 0) != FLUVIO_OK);
  OK(fluvio_producer_send(producer, "\0k", 2, "a\0b", 3, 0, LONG, &error)); /* bytes are bytes */
  OK(fluvio_producer_send(producer, NULL, 0, NULL, 0, 0, LONG, &error));
  OK(fluvio_producer_flush(producer, LONG, &error));
  CHECK(fluvio_producer_try_send_block(producer, NULL, &endless[2], 0) == FLUVIO_ERR_TOO_LARGE);
  CHECK(fluvio_producer_try_send_block(producer, &endless[2], &endless[2], 0) == FLUVIO_ERR_TOO_LARGE);
  blocks[1] = endless;
  STATUS(FLUVIO_ERR_TOO_LARGE, fluvio_producer_send_blocks(producer, blocks, 0, 0, 2, 0, LONG, &sent, &error));
  CHECK(sent == 1); /* the first one, whose "bytes" are its length, which is 0 */
  blocks[1] = NULL;
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_blocks(producer, blocks, 0, 0, 2, 0, LONG, &sent, &error));
  CHECK(sent == 1);
  STATUS(FLUVIO_ERR_INVALID_ARGUMENT, fluvio_producer_send_blocks(producer, NULL, 0, 0, 1, 0, LONG, NULL, &error));
  OK(fluvio_producer_send_blocks(producer, NULL, 0, 0, 0, 0, LONG, &sent, &error));
  CHECK(sent == 0);
  fluvio_producer_free(producer);
  consumer = read_from_start(client, "c-hostile", NULL);
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
  r.struct_size = sizeof r;
  CHECK(fluvio_batch_get(batch, 0, &r) == FLUVIO_OK && r.key_len == 2 && memcmp(r.key, "\0k", 2) == 0);
  CHECK(r.value_len == 3 && memcmp(r.value, "a\0b", 3) == 0);
  CHECK(fluvio_batch_get(batch, fluvio_batch_count(batch), &r) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(fluvio_batch_get(batch, SIZE_MAX, &r) == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(fluvio_batch_get(batch, 0, NULL) == FLUVIO_ERR_INVALID_ARGUMENT);
  fluvio_batch_release(batch);
  fluvio_consumer_free(consumer);
}

/* Many threads close, use and look at the same handles at once; each is freed once, at the end. */
struct shared {
  fluvio_client_t *client;
  fluvio_producer_t *producer;
  fluvio_consumer_t *consumer;
};

static void *meddle(void *arg)
{
  struct shared *s = (struct shared *)arg;
  fluvio_batch_t *batch;
  int i;
  for (i = 0; i < 200; i++) {
    fluvio_producer_send(s->producer, NULL, 0, "x", 1, 0, 0, NULL);
    batch = NULL;
    if (fluvio_consumer_poll(s->consumer, 0, &batch, NULL) == FLUVIO_OK)
      fluvio_batch_release(batch);
    fluvio_consumer_wakeup(s->consumer);
    fluvio_op_free(fluvio_producer_flush_async(s->producer, LONG, NULL, 0)); /* nobody waits for it */
    if (i == 150) {
      fluvio_producer_close(s->producer, LONG, NULL);
      fluvio_consumer_close(s->consumer, LONG, NULL);
      fluvio_client_close(s->client, LONG, NULL);
    }
  }
  return NULL;
}

static void concurrent(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  struct shared s = { NULL, NULL, NULL };
  pthread_t threads[8];
  size_t i;
  PART("concurrent");
  s.client = connect_to(endpoint);
  OK(fluvio_producer_open(s.client, "c-hostile", NULL, NULL, LONG, &s.producer, &error));
  s.consumer = read_from_start(s.client, "c-hostile", NULL);
  for (i = 0; i < sizeof threads / sizeof threads[0]; i++)
    CHECK(pthread_create(&threads[i], NULL, meddle, &s) == 0);
  for (i = 0; i < sizeof threads / sizeof threads[0]; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  STATUS(FLUVIO_ERR_CLOSED, fluvio_producer_send(s.producer, NULL, 0, "x", 1, 0, LONG, &error));
  fluvio_client_free(s.client);
  fluvio_producer_free(s.producer);
  fluvio_consumer_free(s.consumer);
}

static sem_t entered, leave;

static int32_t stay(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx)
{
  (void)ctx;
  if (batch == NULL || error != NULL)
    return FLUVIO_CONTINUE;
  sem_post(&entered);
  while (sem_wait(&leave) != 0) {
  }
  return FLUVIO_STOP;
}

/* A callback that does not return holds nobody longer than the timeout, and no other consumer of the client at all. */
static void stuck(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = connect_to(endpoint);
  fluvio_consumer_t *held, *other;
  fluvio_batch_t *batch = NULL;
  PART("callback that does not return");
  CHECK(sem_init(&entered, 0, 0) == 0 && sem_init(&leave, 0, 0) == 0);
  held = read_from_start(client, "c-hostile", NULL);
  OK(fluvio_consumer_start(held, stay, NULL, NULL, &error));
  while (sem_wait(&entered) != 0) {
  }
  other = read_from_start(client, "c-hostile", NULL);
  OK(fluvio_consumer_poll(other, LONG, &batch, &error));
  fluvio_batch_release(batch);
  STATUS(FLUVIO_ERR_TIMEOUT, fluvio_consumer_close(held, 50, &error));
  OK(fluvio_consumer_close(other, LONG, &error));
  fluvio_consumer_free(other);
  CHECK(sem_post(&leave) == 0);
  OK(fluvio_consumer_close(held, LONG, &error));
  fluvio_consumer_free(held);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  CHECK(argc >= 2);
  client = connect_to(argv[1]);
  make_topic(client, "c-hostile", "1");
  texts(client);
  json(client);
  lengths(client);
  concurrent(argv[1]);
  stuck(argv[1]);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
