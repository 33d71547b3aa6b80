/* FLUVIO_LOG in the environment decides which lines a queue gets, whatever log_level says: the caller of this program sets it. */
#include "check.h"

static int lines[FLUVIO_LOG_DEBUG + 1]; /* by level */
static int complaints;                  /* about the variable itself */

static void count(fluvio_event_t *event)
{
  fluvio_log_t line;
  uint64_t i;
  line.struct_size = sizeof line;
  CHECK(fluvio_event_log(event, &line) == FLUVIO_OK);
  CHECK(line.level >= FLUVIO_LOG_ERROR && line.level <= FLUVIO_LOG_DEBUG);
  lines[line.level]++;
  for (i = 0; i < line.field_count; i++)
    if (strcmp(line.fields[i].key, "variable") == 0 && strcmp(line.fields[i].value, "FLUVIO_LOG") == 0)
      complaints++;
}

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = NULL;
  fluvio_event_t *event;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_config_t *config = fluvio_config_new();
  const char *variable = getenv("FLUVIO_LOG");
  CHECK(argc > 1);
  PART(variable != NULL ? variable : "no variable");
  OK(fluvio_config_set(config, "endpoint", argv[1], &error));
  OK(fluvio_config_set(config, "log_level", "info", &error));
  OK(fluvio_config_set_log(config, queue, 0, &error));
  OK(fluvio_client_connect(config, LONG, &client, &error));
  OK(fluvio_client_close(client, LONG, &error)); /* after which nothing is logged any more */
  fluvio_client_free(client);
  fluvio_config_free(config);
  while ((event = fluvio_queue_poll(queue, 0)) != NULL) {
    count(event);
    fluvio_event_free(event);
  }
  fluvio_queue_free(queue);
  if (variable == NULL || strcmp(variable, "loud") == 0) /* log_level counts */
    CHECK(lines[FLUVIO_LOG_INFO] > 0 && lines[FLUVIO_LOG_DEBUG] == 0 && complaints == (variable != NULL));
  else if (strcmp(variable, "debug") == 0)
    CHECK(lines[FLUVIO_LOG_INFO] > 0 && lines[FLUVIO_LOG_DEBUG] > 0 && complaints == 0);
  else
    CHECK(lines[FLUVIO_LOG_INFO] == 0 && lines[FLUVIO_LOG_DEBUG] == 0 && complaints == 0);
  return 0;
}
