/*
 * error.c - error objects: one block of memory each, immutable, reference-counted so that several waiters share one.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

struct fluvio_error {
  fluvioc_object_t object;
  fluvio_status_t status;
  int32_t server_code;
  uint32_t flags;
  const char *message;
  size_t details;
  const char *texts[]; /* key and value of each detail */
};

static const struct row {
  fluvio_status_t status;
  const char *name;
  uint32_t flags;
  const char *hint;
} rows[] = {
#define FLUVIOC_CODE(status, name, flags, hint) { status, name, flags, hint },
#include "codes.inc"
#undef FLUVIOC_CODE
};

static const struct row *row_of(fluvio_status_t status)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].status == status)
      return &rows[i];
  return NULL;
}

/* Given when there is no memory for an error; never freed. */
static fluvio_error_t out_of_memory;
static pthread_once_t out_of_memory_once = PTHREAD_ONCE_INIT;

static void out_of_memory_init(void)
{
  fluvioc_object_init(&out_of_memory.object, FLUVIOC_KIND_ERROR, 0);
  out_of_memory.status = FLUVIO_ERR_OUT_OF_MEMORY;
  out_of_memory.flags = FLUVIOC_RETRIABLE;
  out_of_memory.message = "memory could not be allocated, not even for the text of an error";
}

fluvio_error_t *fluvioc_error_new(fluvio_status_t status, int32_t server_code, uint32_t flags, const char *texts, size_t len, size_t details)
{
  fluvio_error_t *error = malloc(sizeof *error + 2 * details * sizeof *error->texts + len + 1);
  if (error == NULL) {
    pthread_once(&out_of_memory_once, out_of_memory_init);
    return &out_of_memory;
  }
  fluvioc_object_init(&error->object, FLUVIOC_KIND_ERROR, 0);
  error->status = status;
  error->server_code = server_code;
  error->flags = flags;
  error->details = details;
  char *text = (char *)&error->texts[2 * details];
  const char *end = text + len;
  memcpy(text, texts, len);
  text[len] = '\0'; /* ends the last text even when the caller's does not */
  error->message = text;
  for (size_t i = 0; i < 2 * details; i++) {
    text = text < end ? text + strlen(text) + 1 : text;
    error->texts[i] = text < end ? text : "";
  }
  return error;
}

fluvio_error_t *fluvioc_error_ref(fluvio_error_t *error)
{
  return error == NULL || error == &out_of_memory ? error : fluvioc_ref(error);
}

void fluvioc_error_destroy(fluvio_error_t *error)
{
  free(error);
}

/* The texts of an error, one after the other. */
struct texts {
  char bytes[1536];
  size_t len, details;
};

/* Adds a detail, if there is a value. */
static void add(struct texts *t, const char *key, const char *value)
{
  size_t room = sizeof t->bytes - t->len;
  size_t need = value != NULL ? strlen(key) + strlen(value) + 2 : 0;
  if (need == 0 || need > room)
    return;
  snprintf(t->bytes + t->len, room, "%s%c%s", key, 0, value);
  t->len += need;
  t->details++;
}

static fluvio_error_t *failed(fluvio_status_t status, const char *op, const char *topic, const char *setting, const char *format, va_list args)
{
  const struct row *row = row_of(status);
  char what[512];
  struct texts t = { .details = 0 };
  vsnprintf(what, sizeof what, format, args);
  size_t len = (size_t)snprintf(t.bytes, sizeof t.bytes, "%s%s%s: %s [hint: %s]", op, topic != NULL ? " " : "", topic != NULL ? topic : "", what, row->hint);
  t.len = len < sizeof t.bytes ? len + 1 : sizeof t.bytes;
  add(&t, "operation", op);
  add(&t, "topic", topic);
  add(&t, "setting", setting);
  add(&t, "hint", row->hint);
  return fluvioc_error_new(status, 0, row->flags, t.bytes, t.len, t.details);
}

fluvio_status_t fluvioc_fail(fluvio_error_t **out, fluvio_status_t status, const char *op, const char *format, ...)
{
  if (out == NULL)
    return status;
  va_list args;
  va_start(args, format);
  *out = failed(status, op, NULL, NULL, format, args);
  va_end(args);
  return status;
}

fluvio_status_t fluvioc_fail_at(fluvio_error_t **out, fluvio_status_t status, const char *op, const char *topic, const char *setting, const char *format, ...)
{
  if (out == NULL)
    return status;
  va_list args;
  va_start(args, format);
  *out = failed(status, op, topic, setting, format, args);
  va_end(args);
  return status;
}

const char *fluvio_status_name(fluvio_status_t status)
{
  if (status == FLUVIO_OK)
    return "FLUVIO_OK";
  const struct row *row = row_of(status);
  return row != NULL ? row->name : "FLUVIO_ERR_UNKNOWN";
}

fluvio_status_t fluvio_error_status(const fluvio_error_t *error)
{
  return fluvioc_is(error, FLUVIOC_KIND_ERROR) ? error->status : FLUVIO_OK;
}

const char *fluvio_error_message(const fluvio_error_t *error)
{
  return fluvioc_is(error, FLUVIOC_KIND_ERROR) ? error->message : "";
}

int32_t fluvio_error_server_code(const fluvio_error_t *error)
{
  return fluvioc_is(error, FLUVIOC_KIND_ERROR) ? error->server_code : 0;
}

static int32_t has_flag(const fluvio_error_t *error, uint32_t flag)
{
  return fluvioc_is(error, FLUVIOC_KIND_ERROR) && (error->flags & flag) != 0;
}

int32_t fluvio_error_is_retriable(const fluvio_error_t *error)
{
  return has_flag(error, FLUVIOC_RETRIABLE);
}

int32_t fluvio_error_is_fatal(const fluvio_error_t *error)
{
  return has_flag(error, FLUVIOC_FATAL);
}

int32_t fluvio_error_maybe_written(const fluvio_error_t *error)
{
  return has_flag(error, FLUVIOC_MAYBE_WRITTEN);
}

int32_t fluvio_error_end_reason(const fluvio_error_t *error)
{
  if (!fluvioc_is(error, FLUVIOC_KIND_ERROR))
    return FLUVIO_END_NONE;
  int32_t reason = (int32_t)(error->flags >> FLUVIOC_END_SHIFT);
  if (reason != FLUVIO_END_NONE || (error->flags & FLUVIOC_FATAL) == 0)
    return reason;
  return error->status == FLUVIO_ERR_CLOSED ? FLUVIO_END_CLOSED : FLUVIO_END_FAILED; /* made on this side */
}

const char *fluvio_error_detail(const fluvio_error_t *error, const char *key)
{
  if (!fluvioc_is(error, FLUVIOC_KIND_ERROR) || key == NULL)
    return NULL;
  for (size_t i = 0; i < error->details; i++)
    if (strcmp(error->texts[2 * i], key) == 0)
      return error->texts[2 * i + 1];
  return NULL;
}

int32_t fluvio_error_detail_at(const fluvio_error_t *error, size_t i, const char **key, const char **value)
{
  if (!fluvioc_is(error, FLUVIOC_KIND_ERROR) || i >= error->details)
    return -1;
  if (key != NULL)
    *key = error->texts[2 * i];
  if (value != NULL)
    *value = error->texts[2 * i + 1];
  return 0;
}

void fluvio_error_free(fluvio_error_t *error)
{
  if (fluvioc_is(error, FLUVIOC_KIND_ERROR) && error != &out_of_memory)
    fluvioc_unref(error);
}
