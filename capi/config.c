/*
 * config.c - settings by name. C keeps the list, Go merges and checks it: there is one place that knows the settings.
 */
#include "internal.h"

struct fluvio_config {
  fluvioc_object_t object;
  fluvioc_setting_t *settings;
  size_t count, room;
  struct {
    fluvio_queue_t *queue;
    uint64_t opaque;
  } to[FLUVIOC_PURPOSES];
  fluvioc_verifier_t *verifier;
};

fluvio_config_t *fluvio_config_new(void)
{
  if (fluvioc_forked)
    return NULL;
  fluvio_config_t *config = calloc(1, sizeof *config);
  if (config != NULL)
    fluvioc_object_init(&config->object, FLUVIOC_KIND_CONFIG, 0);
  return config;
}

/* Appends a copy; false when memory is short. */
static bool append(fluvio_config_t *config, const char *key, const char *value)
{
  if (config->count == config->room) {
    size_t room = config->room == 0 ? 8 : 2 * config->room;
    fluvioc_setting_t *settings = realloc(config->settings, room * sizeof *settings);
    if (settings == NULL)
      return false;
    config->settings = settings;
    config->room = room;
  }
  char *own_key = key != NULL ? strdup(key) : NULL;
  char *own_value = strdup(value);
  if ((key != NULL && own_key == NULL) || own_value == NULL) {
    free(own_key);
    free(own_value);
    return false;
  }
  config->settings[config->count++] = (fluvioc_setting_t){ own_key, own_value };
  return true;
}

fluvio_status_t fluvio_config_set(fluvio_config_t *config, const char *key, const char *value, fluvio_error_t **error)
{
  static const char op[] = "set config";
  fluvio_status_t status = fluvioc_check(config, FLUVIOC_KIND_CONFIG, op, error);
  if (status != FLUVIO_OK)
    return status;
  if (key == NULL || *key == '\0')
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the key is %s", key == NULL ? "NULL" : "empty");
  if (value == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the value of %.100s is NULL", key);
  if (!append(config, key, value))
    return fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, op, "no memory for %.100s", key);
  return FLUVIO_OK;
}

static bool is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

fluvio_status_t fluvio_config_set_json(fluvio_config_t *config, const char *json, fluvio_error_t **error)
{
  static const char op[] = "set config";
  fluvio_status_t status = fluvioc_check(config, FLUVIOC_KIND_CONFIG, op, error);
  if (status != FLUVIO_OK)
    return status;
  if (json == NULL)
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the JSON text is NULL");
  const char *first = json, *last = json + strlen(json);
  while (is_space(*first))
    first++;
  while (last > first && is_space(last[-1]))
    last--;
  if (last - first < 2 || *first != '{' || last[-1] != '}')
    return fluvioc_fail(error, FLUVIO_ERR_INVALID_ARGUMENT, op, "the JSON text is not an object: %.100s", json);
  if (!append(config, NULL, json))
    return fluvioc_fail(error, FLUVIO_ERR_OUT_OF_MEMORY, op, "no memory for the JSON text");
  return FLUVIO_OK;
}

/* Keeps a queue for a purpose. */
static fluvio_status_t set_queue(fluvio_config_t *config, enum fluvioc_purpose purpose, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error)
{
  static const char op[] = "set config";
  fluvio_status_t status = fluvioc_check(config, FLUVIOC_KIND_CONFIG, op, error);
  if (status == FLUVIO_OK && queue != NULL)
    status = fluvioc_check(queue, FLUVIOC_KIND_QUEUE, op, error);
  if (status != FLUVIO_OK)
    return status;
  fluvioc_unref(config->to[purpose].queue);
  config->to[purpose].queue = queue != NULL ? fluvioc_ref(queue) : NULL;
  config->to[purpose].opaque = opaque;
  return FLUVIO_OK;
}

fluvio_status_t fluvio_config_set_events(fluvio_config_t *config, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error)
{
  return set_queue(config, FLUVIOC_EVENTS, queue, opaque, error);
}

fluvio_status_t fluvio_config_set_offset_store(fluvio_config_t *config, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error)
{
  return set_queue(config, FLUVIOC_STORE, queue, opaque, error);
}

fluvio_status_t fluvio_config_set_log(fluvio_config_t *config, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error)
{
  return set_queue(config, FLUVIOC_LOG, queue, opaque, error);
}

fluvio_status_t fluvio_config_set_hooks(fluvio_config_t *config, fluvio_queue_t *queue, uint64_t opaque, fluvio_error_t **error)
{
  return set_queue(config, FLUVIOC_HOOKS, queue, opaque, error);
}

fluvio_queue_t *fluvioc_config_queue(const fluvio_config_t *config, enum fluvioc_purpose purpose, uint64_t *opaque)
{
  *opaque = config != NULL ? config->to[purpose].opaque : 0;
  return config != NULL ? config->to[purpose].queue : NULL;
}

fluvioc_verifier_t *fluvioc_config_verifier(const fluvio_config_t *config)
{
  return config != NULL ? config->verifier : NULL;
}

void fluvioc_config_set_verifier(fluvio_config_t *config, fluvioc_verifier_t *verifier)
{
  fluvioc_unref(config->verifier);
  config->verifier = verifier;
}

void fluvio_config_free(fluvio_config_t *config)
{
  if (fluvioc_is(config, FLUVIOC_KIND_CONFIG))
    fluvioc_unref(config);
}

void fluvioc_config_destroy(fluvio_config_t *config)
{
  for (size_t i = 0; i < config->count; i++) {
    free((char *)config->settings[i].key);
    free((char *)config->settings[i].value);
  }
  for (int i = 0; i < FLUVIOC_PURPOSES; i++)
    fluvioc_unref(config->to[i].queue);
  fluvioc_unref(config->verifier);
  free(config->settings);
  free(config);
}

size_t fluvioc_config_count(const fluvio_config_t *config)
{
  return config != NULL ? config->count : 0;
}

const fluvioc_setting_t *fluvioc_config_settings(const fluvio_config_t *config)
{
  return config != NULL ? config->settings : NULL;
}

fluvio_config_t *fluvioc_config_copy(const fluvio_config_t *config)
{
  fluvio_config_t *copy = fluvio_config_new();
  for (int i = 0; copy != NULL && i < FLUVIOC_PURPOSES; i++)
    set_queue(copy, i, config->to[i].queue, config->to[i].opaque, NULL);
  if (copy != NULL && config->verifier != NULL)
    copy->verifier = fluvioc_ref(config->verifier);
  for (size_t i = 0; copy != NULL && i < config->count; i++) {
    if (!append(copy, config->settings[i].key, config->settings[i].value)) {
      fluvio_config_free(copy);
      return NULL;
    }
  }
  return copy;
}
