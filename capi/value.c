/*
 * value.c - trees of values: what was read of the cluster's objects. Go lays out the nodes, children of a node side by side.
 */
#include "internal.h"

struct fluvio_value {
  fluvioc_object_t object;
  size_t count;
  const char *texts; /* behind the nodes */
  const char *json;
  fluvioc_node_t nodes[];
};

fluvio_value_t *fluvioc_value_new(const fluvioc_node_t *nodes, size_t count, const char *texts, size_t len, size_t json)
{
  fluvio_value_t *value = malloc(sizeof *value + count * sizeof *nodes + len + 1);
  if (value == NULL)
    return NULL;
  fluvioc_object_init(&value->object, FLUVIOC_KIND_VALUE, 0);
  value->count = count;
  memcpy(value->nodes, nodes, count * sizeof *nodes);
  char *own = (char *)&value->nodes[count];
  memcpy(own, texts, len);
  own[len] = '\0';
  value->texts = own;
  value->json = own + json;
  return value;
}

/* The number at the beginning of a step, up to its end; SIZE_MAX for none. */
static size_t index_of(const char *step, const char *end)
{
  size_t n = 0;
  if (step == end)
    return SIZE_MAX;
  for (; step < end; step++) {
    if (*step < '0' || *step > '9' || n > UINT32_MAX)
      return SIZE_MAX;
    n = 10 * n + (size_t)(*step - '0');
  }
  return n;
}

/* The child that a step of a path names, or NULL. */
static const fluvioc_node_t *child(const fluvio_value_t *value, const fluvioc_node_t *node, const char *step, const char *end)
{
  const fluvioc_node_t *children = &value->nodes[node->first];
  size_t i = SIZE_MAX;
  if (node->type == FLUVIO_VALUE_LIST)
    i = index_of(step, end);
  else if (node->type == FLUVIO_VALUE_MAP && step < end && *step == '#')
    i = index_of(step + 1, end);
  else if (node->type == FLUVIO_VALUE_MAP)
    for (i = 0; i < node->count; i++) {
      const char *key = value->texts + children[i].key;
      if (strncmp(key, step, (size_t)(end - step)) == 0 && key[end - step] == '\0')
        break;
    }
  return i < node->count ? &children[i] : NULL;
}

/* The node at a path, or NULL. */
static const fluvioc_node_t *find(const fluvio_value_t *value, const char *path)
{
  if (!fluvioc_is(value, FLUVIOC_KIND_VALUE))
    return NULL;
  const fluvioc_node_t *node = &value->nodes[0];
  if (path != NULL && *path == '\0')
    return node;
  while (node != NULL && path != NULL) {
    const char *end = strchr(path, '.');
    node = child(value, node, path, end != NULL ? end : path + strlen(path));
    path = end != NULL ? end + 1 : NULL;
  }
  return node;
}

int32_t fluvio_value_type(const fluvio_value_t *value, const char *path)
{
  const fluvioc_node_t *node = find(value, path);
  return node != NULL ? node->type : FLUVIO_VALUE_NONE;
}

const char *fluvio_value_text(const fluvio_value_t *value, const char *path)
{
  const fluvioc_node_t *node = find(value, path);
  return node != NULL && node->type == FLUVIO_VALUE_TEXT ? value->texts + node->text : NULL;
}

int64_t fluvio_value_number(const fluvio_value_t *value, const char *path, int64_t otherwise)
{
  const fluvioc_node_t *node = find(value, path);
  return node != NULL && (node->type == FLUVIO_VALUE_NUMBER || node->type == FLUVIO_VALUE_BOOL) ? node->number : otherwise;
}

const uint8_t *fluvio_value_bytes(const fluvio_value_t *value, const char *path, size_t *len)
{
  const fluvioc_node_t *node = find(value, path);
  if (node == NULL || node->type != FLUVIO_VALUE_BYTES)
    return NULL;
  if (len != NULL)
    *len = (size_t)node->number;
  return (const uint8_t *)value->texts + node->text;
}

size_t fluvio_value_count(const fluvio_value_t *value, const char *path)
{
  const fluvioc_node_t *node = find(value, path);
  return node != NULL ? node->count : 0;
}

const char *fluvio_value_key(const fluvio_value_t *value, const char *path, size_t i)
{
  const fluvioc_node_t *node = find(value, path);
  if (node == NULL || node->type != FLUVIO_VALUE_MAP || i >= node->count)
    return NULL;
  return value->texts + value->nodes[node->first + i].key;
}

const char *fluvio_value_json(const fluvio_value_t *value)
{
  return fluvioc_is(value, FLUVIOC_KIND_VALUE) ? value->json : "";
}

void fluvio_value_free(fluvio_value_t *value)
{
  if (fluvioc_is(value, FLUVIOC_KIND_VALUE))
    fluvioc_unref(value);
}
