/* What the C programs of the benchmarks share: the command line, the clocks and the line of output. Whatever fails ends the
 * process with a message. */
#ifndef BENCH_H
#define BENCH_H

#include <fluvio.h>

enum { WAIT_MS = 120000 };

typedef struct {
  int argc;
  char **argv;
} options_t;

/* Latencies in nanoseconds. */
typedef struct {
  int64_t *ns;
  size_t count;
} latencies_t;

/* The clocks of what is measured. */
typedef struct {
  int64_t start_ns, end_ns;
  double start_cpu, end_cpu;
} clocks_t;

void die(const char *what, const fluvio_error_t *error);
/* Ends the program unless a call, which sets *error, was successful. */
void must(fluvio_status_t status, const char *what, fluvio_error_t **error);
void *need(void *p);
/* By the monotonic clock, which all processes share. */
int64_t now_ns(void);
void start_clocks(clocks_t *clocks);
void stop_clocks(clocks_t *clocks);
/* The value of an option, or NULL. */
const char *option(const options_t *o, const char *name);
const char *required(const options_t *o, const char *name);
size_t required_number(const options_t *o, const char *name);
fluvio_client_t *connect_to(const char *endpoint);
/* Prints the result; of what is read also how many records did not come, when missing is not NULL. */
void print_result(size_t records, size_t warmup, uint64_t bytes, const clocks_t *clocks, const uint64_t *missing, latencies_t *latencies);

/* Sends; reads. */
int produce(const options_t *o);
int consume(const options_t *o);

#endif
