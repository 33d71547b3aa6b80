/*
 * tls.c - connects with settings, writes and reads a record, and says what happened. Arguments: settings as JSON, and the name of a
 * topic to create; then, if servers are to be judged here, the reason to refuse them, or "" to accept them. Prints the status, or
 * "OK", and the error's message, which has no private key in it.
 */
#include "check.h"

#include <pthread.h>

/* What the judge saw; it runs while connecting, and once more for the SPU. */
struct judge {
  const char *reason;
  int running, asked, freed;
  pthread_t caller;
  char names[256];
};

static int32_t verify(const char *server_name, const uint8_t *const *certificates, const size_t *lengths, size_t count, char *message, size_t message_size, void *ctx)
{
  struct judge *j = ctx;
  CHECK(j->running++ == 0 && j->freed == 0);
  CHECK(!pthread_equal(pthread_self(), j->caller));
  CHECK(count >= 1 && message_size == FLUVIO_TLS_VERIFY_MESSAGE);
  for (size_t i = 0; i < count; i++) /* DER: a sequence, with two bytes of length, up to the end */
    CHECK(certificates[i][0] == 0x30 && certificates[i][1] == 0x82 &&
          (size_t)(certificates[i][2] << 8 | certificates[i][3]) + 4 == lengths[i]);
  for (size_t i = 0; i < message_size; i++)
    CHECK(message[i] == 0);
  CHECK(strlen(j->names) + strlen(server_name) + 2 < sizeof j->names);
  strcat(strcat(j->names, " "), server_name);
  j->asked++;
  j->running--;
  if (*j->reason == '\0')
    return 0;
  if (strcmp(j->reason, "end the thread") == 0)
    pthread_exit(NULL);
  if (strcmp(j->reason, "too long") == 0)
    memset(message, 'x', message_size);
  else if (strcmp(j->reason, "none") != 0)
    strcpy(message, j->reason);
  return -7;
}

static void free_judge(void *ctx) { ((struct judge *)ctx)->freed++; }

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new(), *all = fluvio_config_new();
  fluvio_client_t *client = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_record_t r;
  fluvio_status_t status;
  struct judge judge = { argc > 3 ? argv[3] : "", 0, 0, 0, pthread_self(), "" }, unused = judge;
  CHECK(argc == 3 || argc == 4);
  if (argc > 3) {
    CHECK(fluvio_config_set_tls_verify(NULL, verify, &judge, free_judge, NULL) == FLUVIO_ERR_INVALID_ARGUMENT && judge.freed == 0);
    OK(fluvio_config_set_tls_verify(config, verify, &unused, free_judge, &error));
    OK(fluvio_config_set_tls_verify(config, verify, &judge, free_judge, &error));
    CHECK(unused.freed == 1 && unused.asked == 0);
  }
  OK(fluvio_config_set_json(config, argv[1], &error));
  status = fluvio_client_connect(config, 20000, &client, &error);
  if (status == FLUVIO_OK)
    status = fluvio_topic_create(client, argv[2], NULL, 20000, &error);
  if (status != FLUVIO_OK) {
    CHECK((client == NULL) == (status != FLUVIO_ERR_PERMISSION));
    CHECK(strstr(fluvio_error_message(error), "PRIVATE KEY") == NULL);
    printf("%s %s\n", fluvio_status_name(status), fluvio_error_message(error));
    fluvio_error_free(error);
    error = NULL;
  } else {
    OK(fluvio_producer_open(client, argv[2], NULL, NULL, 20000, &producer, &error));
    OK(fluvio_producer_send(producer, NULL, 0, "secret", 6, 0, -1, &error));
    OK(fluvio_producer_flush(producer, 20000, &error));
    OK(fluvio_config_set(all, "start", "beginning", &error));
    OK(fluvio_consumer_open(client, argv[2], all, 20000, &consumer, &error));
    OK(fluvio_consumer_poll(consumer, 20000, &batch, &error));
    r.struct_size = sizeof r;
    CHECK(fluvio_batch_get(batch, 0, &r) == FLUVIO_OK && r.value_len == 6 && memcmp(r.value, "secret", 6) == 0);
    fluvio_batch_release(batch);
    fluvio_consumer_free(consumer);
    fluvio_producer_free(producer);
    printf("OK\n");
  }
  if (client != NULL) {
    OK(fluvio_client_close(client, 5000, &error));
    fluvio_client_free(client);
  }
  CHECK(judge.freed == 0);
  fluvio_config_free(config);
  CHECK(judge.freed == (argc > 3) && judge.running == 0);
  if (argc > 3)
    printf("asked %d:%s\n", judge.asked, judge.names);
  fluvio_config_free(all);
  return 0;
}
