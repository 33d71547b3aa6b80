/*
 * list.c - lists of rows with texts, as operations give them. Each kind of row is filled where its functions are.
 */
#include "internal.h"

fluvioc_list_t *fluvioc_list_new(enum fluvioc_kind kind, size_t count, size_t row_size, const char *texts, size_t len)
{
  fluvioc_list_t *list = malloc(sizeof *list + count * row_size + len + 1);
  if (list == NULL)
    return NULL;
  fluvioc_object_init(&list->object, kind, 0);
  list->count = count;
  list->row_size = row_size;
  list->rows = list + 1;
  list->texts = (char *)list->rows + count * row_size;
  if (len > 0)
    memcpy(list->texts, texts, len);
  list->texts[len] = '\0';
  return list;
}

size_t fluvioc_list_count(const void *list, enum fluvioc_kind kind)
{
  return fluvioc_is(list, kind) ? ((const fluvioc_list_t *)list)->count : 0;
}

fluvio_status_t fluvioc_list_get(const void *pointer, enum fluvioc_kind kind, size_t i, void *out)
{
  const fluvioc_list_t *list = pointer;
  if (!fluvioc_is(list, kind) || i >= list->count)
    return FLUVIO_ERR_INVALID_ARGUMENT;
  return fluvioc_give(out, (const char *)list->rows + i * list->row_size, list->row_size);
}
