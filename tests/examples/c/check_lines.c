/* Checks that a topic holds every line of a file exactly once, byte for byte, in order in every partition.
 *
 *   check_lines ENDPOINT TOPIC FILE
 *
 * The key of each record is the number of its line, counted from 0. The last line of the output is a JSON object for
 * programs; the status is 0 if everything is there. */
#define _POSIX_C_SOURCE 200809L
#include <fluvio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
  char *text;
  size_t *start; /* count + 1 positions; a line's newline is not part of it */
  size_t count;
} lines_t;

static void die(const char *what, const fluvio_error_t *error) {
  fprintf(stderr, "check_lines: %s: %s\n", what, fluvio_error_message(error));
  exit(1);
}

static void *need(void *p) {
  if (!p) {
    fprintf(stderr, "check_lines: out of memory\n");
    exit(1);
  }
  return p;
}

static lines_t read_lines(const char *path) {
  lines_t l = {0};
  FILE *f = fopen(path, "rb");
  size_t size, i, n = 0;
  if (!f || fseek(f, 0, SEEK_END)) {
    perror(path);
    exit(1);
  }
  size = (size_t)ftell(f);
  rewind(f);
  l.text = need(malloc(size + 1));
  if (fread(l.text, 1, size, f) != size) {
    perror(path);
    exit(1);
  }
  fclose(f);
  if (size && l.text[size - 1] != '\n') l.text[size++] = '\n';
  for (i = 0; i < size; i++) l.count += l.text[i] == '\n';
  l.start = need(malloc((l.count + 1) * sizeof *l.start));
  l.start[0] = 0;
  for (i = 0; i < size; i++)
    if (l.text[i] == '\n') l.start[++n] = i + 1;
  return l;
}

/* The number in a record's key, or -1. */
static long long line_number(const fluvio_record_t *r) {
  char digits[24];
  char *end;
  long long n;
  if (!r->key || r->key_len == 0 || r->key_len >= sizeof digits) return -1;
  memcpy(digits, r->key, r->key_len);
  digits[r->key_len] = 0;
  n = strtoll(digits, &end, 10);
  return *end ? -1 : n;
}

/* One record held against its line; 0 if it is right. */
static int check(const lines_t *l, const fluvio_record_t *r, unsigned char *seen, long long *last, size_t partitions) {
  long long n = line_number(r);
  size_t len;
  if (n < 0 || (size_t)n >= l->count || (size_t)r->partition >= partitions) {
    fprintf(stderr, "check_lines: the record at %d/%lld has no line number as key\n", (int)r->partition, (long long)r->offset);
    return 1;
  }
  len = l->start[n + 1] - l->start[n] - 1;
  if (len != r->value_len || (len && memcmp(l->text + l->start[n], r->value, len) != 0)) {
    fprintf(stderr, "check_lines: line %lld came back with other bytes\n", n);
    return 1;
  }
  if (seen[n]++) {
    fprintf(stderr, "check_lines: line %lld came back twice\n", n);
    return 1;
  }
  if (n <= last[r->partition]) {
    fprintf(stderr, "check_lines: line %lld came after line %lld in partition %d\n", n, last[r->partition], (int)r->partition);
    return 1;
  }
  last[r->partition] = n;
  return 0;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  enum { PARTITIONS = 1024 };
  static long long last[PARTITIONS];
  fluvio_config_t *config = fluvio_config_new();
  fluvio_client_t *client = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_error_t *error = NULL;
  fluvio_status_t status;
  unsigned char *seen;
  size_t got = 0, wrong = 0, i;
  double start;
  lines_t l;
  if (argc != 4) {
    fprintf(stderr, "usage: check_lines ENDPOINT TOPIC FILE\n");
    return 2;
  }
  l = read_lines(argv[3]);
  seen = need(calloc(l.count + 1, 1));
  for (i = 0; i < PARTITIONS; i++) last[i] = -1;

  start = seconds();
  fluvio_config_set(config, "endpoint", argv[1], NULL);
  if (fluvio_client_connect(config, 10000, &client, &error)) die("connect", error);
  fluvio_config_free(config);
  config = fluvio_config_new();
  fluvio_config_set(config, "start", "beginning", NULL);
  fluvio_config_set(config, "stop_at", "end", NULL);
  if (fluvio_consumer_open(client, argv[2], config, 10000, &consumer, &error)) die("open consumer", error);
  fluvio_config_free(config);

  for (;;) {
    fluvio_batch_t *batch = NULL;
    fluvio_record_t record;
    memset(&record, 0, sizeof record);
    record.struct_size = sizeof record;
    status = fluvio_consumer_poll(consumer, 30000, &batch, &error);
    if (status == FLUVIO_ERR_END) break;
    if (status != FLUVIO_OK) die("consume", error);
    for (i = 0; fluvio_batch_get(batch, i, &record) == FLUVIO_OK; i++, got++)
      wrong += (size_t)check(&l, &record, seen, last, PARTITIONS);
    fluvio_batch_release(batch);
  }
  fluvio_error_free(error);
  for (i = 0; i < l.count; i++)
    if (!seen[i] && ++wrong < 10) fprintf(stderr, "check_lines: line %zu is missing\n", i);

  fluvio_consumer_close(consumer, 1000, NULL);
  fluvio_consumer_free(consumer);
  fluvio_client_close(client, 1000, NULL);
  fluvio_client_free(client);
  printf("{\"lines\":%zu,\"records\":%zu,\"wrong\":%zu,\"seconds\":%.3f}\n", l.count, got, wrong, seconds() - start);
  free(l.start);
  free(l.text);
  free(seen);
  return wrong || got != l.count;
}
