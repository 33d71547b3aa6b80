/* Writes the records of a topic to stdout, each in a format of one's own.
 *
 *   consume [-e ENDPOINT] [-f FORMAT] [-s START] [-u STOP] [-n COUNT] [-o SETTING=VALUE]... TOPIC
 *
 * -e  the cluster, host:port of its SC; without it, the current profile of the official tools' file
 * -f  the format, "%v\n" by default: %t topic, %p partition, %o offset, %T timestamp (ms), %k key, %K its length (-1: none),
 *     %v value, %V its length, %%, \n, \t, \0, \\
 * -s  where to begin: beginning, end (default), beginning+N, end-N, an offset, time:...
 * -u  where to stop: end, an offset, time:...; without it, at the first Ctrl-C
 * -n  stop after COUNT records
 * -o  a setting of the consumer, for instance -o consumer_id=me -o offset_strategy=auto */
#define _POSIX_C_SOURCE 200809L
#include <fluvio.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

static void die(const char *what, const fluvio_error_t *error) {
  fprintf(stderr, "consume: %s: %s\n", what, fluvio_error_message(error));
  exit(1);
}

static void set(fluvio_config_t *config, char *assignment) {
  char *equal = strchr(assignment, '=');
  fluvio_error_t *error = NULL;
  if (!equal) {
    fprintf(stderr, "consume: -o %s: write SETTING=VALUE\n", assignment);
    exit(2);
  }
  *equal = 0;
  if (fluvio_config_set(config, assignment, equal + 1, &error)) die("-o", error);
}

static void print_escape(char c) {
  switch (c) {
    case 'n': putchar('\n'); break;
    case 't': putchar('\t'); break;
    case '0': putchar('\0'); break;
    default: putchar(c);
  }
}

static void print_field(char c, const char *topic, const fluvio_record_t *r) {
  switch (c) {
    case 't': fputs(topic, stdout); break;
    case 'p': printf("%" PRId32, r->partition); break;
    case 'o': printf("%" PRId64, r->offset); break;
    case 'T': printf("%" PRId64, r->timestamp); break;
    case 'k': fwrite(r->key, 1, r->key ? r->key_len : 0, stdout); break;
    case 'K': printf("%lld", r->key ? (long long)r->key_len : -1LL); break;
    case 'v': fwrite(r->value, 1, r->value_len, stdout); break;
    case 'V': printf("%zu", r->value_len); break;
    default: putchar(c);
  }
}

static void print(const char *format, const char *topic, const fluvio_record_t *r) {
  for (; *format; format++) {
    if (*format == '\\' && format[1]) print_escape(*++format);
    else if (*format == '%' && format[1]) print_field(*++format, topic, r);
    else putchar(*format);
  }
}

/* Prints until the stream ends, enough records came, or Ctrl-C. Returns 0 unless the stream failed. */
static int print_all(fluvio_consumer_t *consumer, const char *format, long long limit) {
  fluvio_batch_view_t view;
  fluvio_record_t record;
  fluvio_error_t *error = NULL;
  memset(&view, 0, sizeof view);
  memset(&record, 0, sizeof record);
  view.struct_size = sizeof view;
  record.struct_size = sizeof record;
  while (!stopped && limit != 0) {
    fluvio_batch_t *batch = NULL;
    fluvio_status_t status = fluvio_consumer_poll(consumer, 100, &batch, &error); /* so short for Ctrl-C's sake */
    size_t i;
    if (status == FLUVIO_ERR_TIMEOUT) {
      fflush(stdout);
      continue;
    }
    if (status != FLUVIO_OK) {
      if (status != FLUVIO_ERR_END) fprintf(stderr, "consume: %s\n", fluvio_error_message(error));
      if (status == FLUVIO_ERR_END || fluvio_error_is_fatal(error)) break;
      fluvio_error_free(error);
      error = NULL;
      continue;
    }
    fluvio_batch_view(batch, &view);
    for (i = 0; limit != 0 && fluvio_batch_get(batch, i, &record) == FLUVIO_OK; i++, limit -= limit > 0) print(format, view.topic, &record);
    fluvio_batch_release(batch);
  }
  fflush(stdout);
  if (error && fluvio_error_status(error) != FLUVIO_ERR_END) return fluvio_error_free(error), 1;
  fluvio_error_free(error);
  return ferror(stdout) != 0;
}

int main(int argc, char **argv) {
  fluvio_config_t *cluster = fluvio_config_new(), *settings = fluvio_config_new();
  fluvio_client_t *client = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_error_t *error = NULL;
  const char *format = "%v\\n";
  struct sigaction action;
  long long limit = -1;
  int option, failed;
  while ((option = getopt(argc, argv, "e:f:s:u:n:o:")) != -1) {
    if (option == 'e') fluvio_config_set(cluster, "endpoint", optarg, NULL);
    else if (option == 'f') format = optarg;
    else if (option == 's') fluvio_config_set(settings, "start", optarg, NULL);
    else if (option == 'u') fluvio_config_set(settings, "stop_at", optarg, NULL);
    else if (option == 'n') limit = atoll(optarg);
    else if (option == 'o') set(settings, optarg);
    else return 2;
  }
  if (optind != argc - 1) {
    fprintf(stderr, "usage: consume [-e ENDPOINT] [-f FORMAT] [-s START] [-u STOP] [-n COUNT] [-o SETTING=VALUE]... TOPIC\n");
    return 2;
  }
  memset(&action, 0, sizeof action);
  action.sa_handler = stop;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  if (fluvio_client_connect(cluster, 10000, &client, &error)) die("connect", error);
  if (fluvio_consumer_open(client, argv[optind], settings, 10000, &consumer, &error)) die("open consumer", error);
  fluvio_config_free(cluster);
  fluvio_config_free(settings);

  failed = print_all(consumer, format, limit);

  if (fluvio_consumer_close(consumer, 5000, &error)) { /* with offset_strategy auto, the offsets could not be stored */
    fprintf(stderr, "consume: %s\n", fluvio_error_message(error));
    fluvio_error_free(error);
    failed = 1;
  }
  fluvio_consumer_free(consumer);
  fluvio_client_close(client, 1000, NULL);
  fluvio_client_free(client);
  return failed;
}
