/* What the library or the cluster refuses: the rows of a file, one a line, with fields between tabs (tests/refusals_test.go). */
#include "check.h"

static fluvio_status_t call(fluvio_client_t *client, const char *todo, const char *kind, const char *name, const char *settings, fluvio_error_t **error)
{
  fluvio_error_t *unset = NULL;
  fluvio_status_t status;
  fluvio_config_t *config;
  if (strcmp(todo, "delete") == 0)
    return fluvio_object_delete(client, kind, name, NULL, LONG, error);
  if (strcmp(todo, "add_partitions") == 0)
    return fluvio_topic_add_partitions(client, name, 1, LONG, error);
  if (strcmp(todo, "add_mirror") == 0)
    return fluvio_topic_add_mirror(client, name, settings, LONG, error);
  CHECK(strcmp(todo, "create") == 0);
  config = fluvio_config_new();
  CHECK(fluvio_config_set_json(config, settings, &unset) == FLUVIO_OK);
  status = fluvio_object_create(client, kind, name, config, LONG, NULL, error);
  fluvio_config_free(config);
  return status;
}

/* Whether part is in text; where not, says so. */
static int has(const char *text, const char *part)
{
  if (text != NULL && strstr(text, part) != NULL)
    return 1;
  fprintf(stderr, "%s is not in: %s\n", part, text != NULL ? text : "(null)");
  return 0;
}

enum { DO, KIND, NAME, SETTINGS, CODE, SERVER, SETTING, SAYS, HINT, FIELDS };

static void row(fluvio_client_t *client, char *line)
{
  char *field[FIELDS];
  const char *setting;
  fluvio_error_t *error = NULL;
  fluvio_status_t status;
  int i;
  line[strcspn(line, "\n")] = '\0';
  for (i = 0; i < FIELDS; i++) {
    field[i] = line;
    line += strcspn(line, "\t");
    if (*line != '\0')
      *line++ = '\0';
  }
  printf("%s %s %s %s\n", field[DO], field[KIND], field[NAME], field[SETTINGS]);
  status = call(client, field[DO], field[KIND], field[NAME], field[SETTINGS], &error);
  if (strcmp(fluvio_status_name(status), strcmp(field[CODE], "OK") == 0 ? fluvio_status_name(FLUVIO_OK) : field[CODE]) != 0) {
    fprintf(stderr, "%s, not %s: %s\n", fluvio_status_name(status), field[CODE], fluvio_error_message(error));
    exit(1);
  }
  if (status != FLUVIO_OK) {
    CHECK(fluvio_error_server_code(error) == atoi(field[SERVER]));
    setting = fluvio_error_detail(error, "setting");
    CHECK(strcmp(setting != NULL ? setting : "", field[SETTING]) == 0);
    CHECK(has(fluvio_error_message(error), field[SAYS]) && has(fluvio_error_detail(error, "hint"), field[HINT]));
  }
  fluvio_error_free(error);
}

int main(int argc, char **argv)
{
  static char line[4096];
  fluvio_error_t *error = NULL;
  fluvio_client_t *client;
  FILE *rows;
  int n = 0;
  CHECK(argc == 4);
  rows = fopen(argv[1], "r");
  CHECK(rows != NULL);
  client = connect_to(argv[2]);
  for (; fgets(line, sizeof line, rows) != NULL; n++)
    row(client, line);
  CHECK(n > 0);
  fclose(rows);
  OK(fluvio_client_close(client, LONG, &error));
  fluvio_client_free(client);
  return 0;
}
