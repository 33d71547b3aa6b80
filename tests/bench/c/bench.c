/* libfluvio's C program of the benchmarks: tests/bench/README.md says what it takes and prints. */
#define _XOPEN_SOURCE 700

#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void die(const char *what, const fluvio_error_t *error) {
  fprintf(stderr, "bench-c: %s: %s\n", what, error ? fluvio_error_message(error) : "no");
  exit(1);
}

void must(fluvio_status_t status, const char *what, fluvio_error_t **error) {
  if (status) die(*error ? what : fluvio_status_name(status), *error);
}

void *need(void *p) {
  if (!p) die("out of memory", NULL);
  return p;
}

int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The largest resident memory of this process in KiB. That of getrusage begins with the parent's. */
static long max_rss_kb(void) {
  char line[128];
  long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && !kb && fgets(line, sizeof line, f)) sscanf(line, "VmHWM: %ld", &kb);
  if (f) fclose(f);
  return kb;
}

/* CPU seconds of this process so far. */
static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void start_clocks(clocks_t *clocks) {
  clocks->start_cpu = cpu_seconds();
  clocks->start_ns = now_ns();
}

void stop_clocks(clocks_t *clocks) {
  clocks->end_ns = now_ns();
  clocks->end_cpu = cpu_seconds();
}

const char *option(const options_t *o, const char *name) {
  int i;
  for (i = 1; i + 1 < o->argc; i += 2)
    if (strncmp(o->argv[i], "--", 2) == 0 && strcmp(o->argv[i] + 2, name) == 0) return o->argv[i + 1];
  return NULL;
}

const char *required(const options_t *o, const char *name) {
  const char *value = option(o, name);
  if (!value) {
    fprintf(stderr, "bench-c: --%s is missing\n", name);
    exit(1);
  }
  return value;
}

size_t required_number(const options_t *o, const char *name) {
  return (size_t)strtoull(required(o, name), NULL, 10);
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void print_latencies(latencies_t *l) {
  size_t n = l->count;
  if (!n) {
    printf("null");
    return;
  }
  qsort(l->ns, n, sizeof *l->ns, ascending);
  static const struct { const char *name; size_t per_mille; } points[] = {{"p10", 100}, {"p25", 250}, {"p50", 500}, {"p75", 750}, {"p90", 900}, {"p99", 990}, {"p999", 999}};
  printf("{\"samples\":%zu,", n);
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) printf("\"%s\":%.1f,", points[i].name, (double)l->ns[n * points[i].per_mille / 1000] / 1e3);
  printf("\"max\":%.1f}", (double)l->ns[n - 1] / 1e3);
}

void print_result(size_t records, size_t warmup, uint64_t bytes, const clocks_t *clocks, const uint64_t *missing, latencies_t *latencies) {
  printf("{\"records\":%zu,\"warmup\":%zu,\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"max_rss_kb\":%ld,", records,
         warmup, bytes, (double)(clocks->end_ns - clocks->start_ns) / 1e9, clocks->end_cpu - clocks->start_cpu, max_rss_kb());
  if (missing) printf("\"missing\":%" PRIu64 ",", *missing);
  printf("\"latency_us\":");
  print_latencies(latencies);
  printf("}\n");
}

fluvio_client_t *connect_to(const char *endpoint) {
  fluvio_config_t *config = need(fluvio_config_new());
  fluvio_client_t *client = NULL;
  fluvio_error_t *error = NULL;
  fluvio_config_set(config, "endpoint", endpoint, NULL);
  must(fluvio_client_connect(config, WAIT_MS, &client, &error), "connect", &error);
  fluvio_config_free(config);
  return client;
}

int main(int argc, char **argv) {
  options_t o;
  const char *mode;
  o.argc = argc;
  o.argv = argv;
  mode = required(&o, "mode");
  return strcmp(mode, "read") == 0 || strcmp(mode, "follow") == 0 ? consume(&o) : produce(&o);
}
