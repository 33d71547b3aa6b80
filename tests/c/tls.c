/*
 * tls.c - connects with settings, writes and reads a record, and says what happened. Arguments: settings as JSON, and the name of a
 * topic to create. Prints the status, or "OK", and the error's message, which has no private key in it.
 */
#include "check.h"

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
  CHECK(argc == 3);
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
  fluvio_config_free(config);
  fluvio_config_free(all);
  return 0;
}
