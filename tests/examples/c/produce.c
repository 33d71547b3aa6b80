/* Writes the lines of stdin to a topic, each as a record.
 *
 *   produce [-e ENDPOINT] [-k SEPARATOR] [-o SETTING=VALUE]... TOPIC < lines
 *
 * -e  the cluster, host:port of its SC; without it, the current profile of the official tools' file
 * -k  what stands before the first SEPARATOR of a line is the record's key
 * -o  a setting of the producer, for instance -o compression=zstd -o linger_ms=20
 *
 * Every record that could not be stored is told on stderr with the reason. The status is 0 if all were stored. */
#define _POSIX_C_SOURCE 200809L
#include <fluvio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  unsigned long long stored, failed; /* written on the queue's thread, read after it has ended */
} count_t;

static void die(const char *what, const fluvio_error_t *error) {
  fprintf(stderr, "produce: %s: %s\n", what, fluvio_error_message(error));
  exit(1);
}

/* Takes the reports of a batch. opaque is the number of the line. */
static void delivered(fluvio_event_t *event, void *ctx) {
  count_t *count = ctx;
  fluvio_delivery_t d;
  uint64_t i;
  memset(&d, 0, sizeof d);
  d.struct_size = sizeof d;
  if (fluvio_event_delivery(event, &d) != FLUVIO_OK) return;
  if (d.status == FLUVIO_OK) {
    count->stored += d.count;
    return;
  }
  count->failed += d.count;
  for (i = 0; i < d.count; i++)
    fprintf(stderr, "produce: line %llu%s: %s\n", (unsigned long long)d.opaque[i],
            d.persisted == FLUVIO_MAYBE_PERSISTED ? " (maybe stored)" : "", fluvio_error_message(d.error));
}

static void set(fluvio_config_t *config, char *assignment) {
  char *equal = strchr(assignment, '=');
  fluvio_error_t *error = NULL;
  if (!equal) {
    fprintf(stderr, "produce: -o %s: write SETTING=VALUE\n", assignment);
    exit(2);
  }
  *equal = 0;
  if (fluvio_config_set(config, assignment, equal + 1, &error)) die("-o", error);
}

/* Sends all lines and returns how many there were. */
static unsigned long long send_lines(fluvio_producer_t *producer, const char *separator) {
  fluvio_error_t *error = NULL;
  unsigned long long lines = 0;
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  while ((length = getline(&line, &room, stdin)) >= 0) {
    const char *value = line, *found = separator ? strstr(line, separator) : NULL;
    size_t value_len = (size_t)length;
    if (value_len && line[value_len - 1] == '\n') line[--value_len] = 0;
    if (found) {
      value = found + strlen(separator);
      value_len -= (size_t)(value - line);
    }
    /* waits, without limit, while buffer_memory is full: the cluster sets the pace */
    if (fluvio_producer_send(producer, found ? line : NULL, found ? (size_t)(found - line) : 0, value, value_len, ++lines, -1, &error)) {
      fprintf(stderr, "produce: line %llu: %s\n", lines, fluvio_error_message(error));
      fluvio_error_free(error);
      error = NULL;
    }
  }
  free(line);
  return lines;
}

int main(int argc, char **argv) {
  fluvio_config_t *cluster = fluvio_config_new(), *settings = fluvio_config_new();
  fluvio_queue_t *reports = fluvio_queue_new();
  fluvio_client_t *client = NULL;
  fluvio_producer_t *producer = NULL;
  fluvio_error_t *error = NULL;
  const char *separator = NULL;
  count_t count = {0, 0};
  unsigned long long lines;
  int option;
  while ((option = getopt(argc, argv, "e:k:o:")) != -1) {
    if (option == 'e') fluvio_config_set(cluster, "endpoint", optarg, NULL);
    else if (option == 'k') separator = optarg;
    else if (option == 'o') set(settings, optarg);
    else return 2;
  }
  if (optind != argc - 1 || (separator && !*separator)) {
    fprintf(stderr, "usage: produce [-e ENDPOINT] [-k SEPARATOR] [-o SETTING=VALUE]... TOPIC < lines\n");
    return 2;
  }
  if (fluvio_client_connect(cluster, 10000, &client, &error)) die("connect", error);
  if (fluvio_queue_start(reports, delivered, &count, NULL, &error)) die("take reports", error);
  if (fluvio_producer_open(client, argv[optind], settings, reports, 10000, &producer, &error)) die("open producer", error);
  fluvio_config_free(cluster);
  fluvio_config_free(settings);

  lines = send_lines(producer, separator);

  if (fluvio_producer_close(producer, 120000, &error)) {
    fprintf(stderr, "produce: %s\n", fluvio_error_message(error));
    fluvio_error_free(error);
  }
  fluvio_producer_free(producer);
  fluvio_queue_free(reports); /* after the last report was taken */
  fluvio_client_close(client, 1000, NULL);
  fluvio_client_free(client);
  fprintf(stderr, "produce: %llu lines, %llu stored, %llu failed\n", lines, count.stored, count.failed);
  return count.stored != lines;
}
