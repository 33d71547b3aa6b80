/*
 * check.h - what the C tests share. Every program takes the endpoint of a dev cluster and that of its control port, prints the
 * names of its parts as it runs them, and exits with 1 at the first thing that is not as it should be.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "fluvio.h"
#include "macros.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Checks a status; on failure prints the error too. error is freed and set to NULL. */
#define STATUS(wanted, call)                                                                  \
  do {                                                                                        \
    fluvio_status_t got_ = (call);                                                            \
    if (got_ != (wanted)) {                                                                   \
      fprintf(stderr, "%s:%d: %s gives %s, not %s: %s\n", __FILE__, __LINE__, #call,          \
              fluvio_status_name(got_), fluvio_status_name(wanted), fluvio_error_message(error)); \
      exit(1);                                                                                \
    }                                                                                         \
    CHECK(error == NULL || fluvio_error_status(error) == got_);                               \
    fluvio_error_free(error);                                                                 \
    error = NULL;                                                                             \
  } while (0)

#define OK(call) STATUS(FLUVIO_OK, call)

/* Programs use a part of these. */
#if defined(__GNUC__)
#define MAYBE_UNUSED __attribute__((unused))
#else
#define MAYBE_UNUSED
#endif

MAYBE_UNUSED static fluvio_client_t *connect_to(const char *endpoint)
{
  fluvio_error_t *error = NULL;
  fluvio_client_t *client = NULL;
  fluvio_config_t *config = fluvio_config_new();
  CHECK(config != NULL);
  OK(fluvio_config_set(config, "endpoint", endpoint, &error));
  OK(fluvio_client_connect(config, LONG, &client, &error));
  CHECK(client != NULL);
  fluvio_config_free(config);
  return client;
}

/* A new topic. */
MAYBE_UNUSED static const char *make_topic(fluvio_client_t *client, const char *name, const char *partitions)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  OK(fluvio_config_set(config, "partitions", partitions, &error));
  OK(fluvio_topic_create(client, name, config, LONG, &error));
  fluvio_config_free(config);
  return name;
}

/* Puts n records "0" ... into a topic. */
MAYBE_UNUSED static void fill(fluvio_client_t *client, const char *topic, int n)
{
  fluvio_error_t *error = NULL;
  fluvio_producer_t *producer = NULL;
  char value[16];
  int i;
  OK(fluvio_producer_open(client, topic, NULL, NULL, LONG, &producer, &error));
  for (i = 0; i < n; i++) {
    snprintf(value, sizeof value, "%d", i);
    OK(fluvio_producer_send(producer, NULL, 0, value, strlen(value), 0, LONG, &error));
  }
  OK(fluvio_producer_close(producer, LONG, &error));
  fluvio_producer_free(producer);
}

/* Opens a consumer from the beginning; stop_at NULL: never. */
MAYBE_UNUSED static fluvio_consumer_t *read_from_start(fluvio_client_t *client, const char *topic, const char *stop_at)
{
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = NULL;
  fluvio_config_t *config = fluvio_config_new();
  OK(fluvio_config_set(config, "start", "beginning", &error));
  if (stop_at != NULL)
    OK(fluvio_config_set(config, "stop_at", stop_at, &error));
  OK(fluvio_consumer_open(client, topic, config, LONG, &consumer, &error));
  fluvio_config_free(config);
  return consumer;
}

/* Waits for an operation whose result does not matter. */
MAYBE_UNUSED static void done(fluvio_op_t *op, fluvio_status_t wanted)
{
  fluvio_error_t *error = NULL;
  STATUS(wanted, fluvio_op_wait(op, LONG, &error));
  fluvio_op_free(op);
}

MAYBE_UNUSED static int64_t now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for a descriptor. */
MAYBE_UNUSED static int readable(int fd, int timeout_ms)
{
  struct pollfd p;
  p.fd = fd;
  p.events = POLLIN;
  p.revents = 0;
  return poll(&p, 1, timeout_ms) == 1;
}

#endif
