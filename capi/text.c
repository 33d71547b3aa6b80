/*
 * text.c - texts that are results of operations.
 */
#include "internal.h"

struct fluvio_text {
  fluvioc_object_t object;
  char text[];
};

fluvio_text_t *fluvioc_text_new(const char *bytes, size_t len)
{
  fluvio_text_t *text = malloc(sizeof *text + len + 1);
  if (text == NULL)
    return NULL;
  fluvioc_object_init(&text->object, FLUVIOC_KIND_TEXT, 0);
  memcpy(text->text, bytes, len);
  text->text[len] = '\0';
  return text;
}

const char *fluvio_text_get(const fluvio_text_t *text)
{
  return fluvioc_is(text, FLUVIOC_KIND_TEXT) ? text->text : "";
}

void fluvio_text_free(fluvio_text_t *text)
{
  if (fluvioc_is(text, FLUVIOC_KIND_TEXT))
    fluvioc_unref(text);
}
