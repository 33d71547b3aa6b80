/*
 * verify.c - the application as a judge of servers. Go asks on a thread of its own, which waits for one that is made for the
 * question: the application may do to its thread what it likes, even end it.
 */
#include "internal.h"

#include <stdio.h>

struct fluvioc_verifier {
  fluvioc_object_t object;
  fluvio_tls_verify_cb callback;
  void *ctx;
  void (*ctx_free)(void *);
};

fluvio_status_t fluvio_config_set_tls_verify(fluvio_config_t *config, fluvio_tls_verify_cb callback, void *ctx, void (*ctx_free)(void *), fluvio_error_t **error)
{
  fluvio_status_t status = fluvioc_check(config, FLUVIOC_KIND_CONFIG, "set config", error);
  if (status != FLUVIO_OK)
    return status;
  fluvioc_verifier_t *verifier = NULL;
  if (callback != NULL) {
    verifier = malloc(sizeof *verifier);
    if (verifier == NULL)
      return fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, "set config", "no memory for tls_verify");
    fluvioc_object_init(&verifier->object, FLUVIOC_KIND_VERIFIER, 0);
    verifier->callback = callback;
    verifier->ctx = ctx;
    verifier->ctx_free = ctx_free;
  }
  fluvioc_config_set_verifier(config, verifier);
  return FLUVIO_OK;
}

void fluvioc_verifier_destroy(fluvioc_verifier_t *verifier)
{
  if (verifier->ctx_free != NULL && !fluvioc_forked)
    verifier->ctx_free(verifier->ctx);
  free(verifier);
}

fluvioc_verifier_t *fluvioc_verifier_keep(fluvioc_verifier_t *verifier)
{
  return fluvioc_ref(verifier);
}

/* A question on its way; the asker's. */
struct question {
  fluvioc_verifier_t *verifier;
  const char *server_name;
  const uint8_t *const *certificates;
  const size_t *lengths;
  size_t count;
  char *message;
  size_t message_size;
  int32_t answer;
  pthread_mutex_t lock;
  pthread_cond_t answered;
  bool done; /* guarded by lock */
};

static void finish(void *arg)
{
  struct question *q = arg;
  pthread_mutex_lock(&q->lock);
  q->done = true;
  pthread_cond_signal(&q->answered);
  pthread_mutex_unlock(&q->lock);
}

static void *put(void *arg)
{
  struct question *q = arg;
  fluvioc_verifier_t *v = q->verifier;
  pthread_cleanup_push(finish, q);
  q->answer = v->callback(q->server_name, q->certificates, q->lengths, q->count, q->message, q->message_size, v->ctx);
  pthread_cleanup_pop(1);
  return NULL;
}

int32_t fluvioc_verifier_ask(fluvioc_verifier_t *verifier, const char *server_name, const uint8_t *bytes, const size_t *lengths, size_t count, char *message, size_t message_size)
{
  const uint8_t **certificates = malloc((count + 1) * sizeof *certificates);
  if (certificates == NULL) {
    snprintf(message, message_size, "no memory to ask tls_verify");
    return -1;
  }
  for (size_t i = 0; i < count; i++) {
    certificates[i] = bytes;
    bytes += lengths[i];
  }
  struct question q = {
    .verifier = verifier,
    .server_name = server_name,
    .certificates = certificates,
    .lengths = lengths,
    .count = count,
    .message = message,
    .message_size = message_size,
    .answer = -1,
  };
  pthread_mutex_init(&q.lock, NULL);
  fluvioc_cond_init(&q.answered);
  if (fluvioc_thread_start(put, &q) == 0) {
    pthread_mutex_lock(&q.lock);
    while (!q.done)
      fluvioc_cond_wait(&q.answered, &q.lock, FLUVIOC_FOREVER);
    pthread_mutex_unlock(&q.lock);
  } else {
    snprintf(message, message_size, "a thread to ask tls_verify on could not be started");
  }
  message[message_size - 1] = '\0';
  pthread_cond_destroy(&q.answered);
  pthread_mutex_destroy(&q.lock);
  free(certificates);
  return q.answer;
}
