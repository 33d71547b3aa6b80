#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void bad(json_t at) {
  fprintf(stderr, "interop: not the JSON of a job at: %.40s\n", at);
  exit(2);
}

static json_t space(json_t p) {
  return p + strspn(p, " \t\r\n");
}

static json_t expect(json_t p, char c) {
  p = space(p);
  if (*p != c) bad(p);
  return p + 1;
}

/* Behind a text. */
static json_t skip_text(json_t p) {
  p = expect(p, '"');
  p += strcspn(p, "\"\\");
  if (*p != '"') bad(p);
  return p + 1;
}

/* Behind a value. */
static json_t skip(json_t p) {
  p = space(p);
  if (*p == '"') return skip_text(p);
  if (*p == '{' || *p == '[') {
    int object = *p == '{';
    char end = object ? '}' : ']';
    for (p = space(p + 1); *p != end; p = space(p)) {
      if (object) p = expect(skip_text(p), ':');
      p = space(skip(p));
      if (*p == ',')
        p = space(p + 1);
      else if (*p != end)
        bad(p);
    }
    return p + 1;
  }
  {
    size_t length = strcspn(p, ",]} \t\r\n");
    if (!length) bad(p);
    return p + length;
  }
}

void json_check(json_t text) {
  json_t end = space(skip(text));
  if (*end) bad(end);
}

json_t json_member(json_t object, const char *name) {
  json_t p = expect(object, '{');
  size_t length = strlen(name);
  while (*(p = space(p)) == '"') {
    json_t key = p + 1, value = space(expect(skip_text(p), ':'));
    if (strncmp(key, name, length) == 0 && key[length] == '"') return strncmp(value, "null", 4) == 0 ? NULL : value;
    p = space(skip(value));
    if (*p == ',') p++;
  }
  return NULL;
}

json_t json_first(json_t list) {
  json_t p = space(expect(list, '['));
  return *p == ']' ? NULL : p;
}

json_t json_next(json_t element) {
  json_t p = space(skip(element));
  return *p == ',' ? space(p + 1) : NULL;
}

/* Room for length bytes and a zero. */
static void *room(size_t length) {
  void *p = calloc(length + 1, 1);
  if (!p) {
    fprintf(stderr, "interop: out of memory\n");
    exit(1);
  }
  return p;
}

char *json_text(json_t object, const char *name) {
  json_t value = json_member(object, name);
  size_t length;
  char *copy;
  if (!value) return NULL;
  length = (size_t)(skip_text(value) - value) - 2;
  copy = room(length);
  memcpy(copy, value + 1, length);
  return copy;
}

long long json_int(json_t object, const char *name, long long missing) {
  json_t value = json_member(object, name);
  return value ? strtoll(value, NULL, 10) : missing;
}

static unsigned digit(char c, json_t at) {
  if (c >= '0' && c <= '9') return (unsigned)(c - '0');
  if (c < 'a' || c > 'f') bad(at);
  return (unsigned)(c - 'a' + 10);
}

unsigned char *json_hex(json_t object, const char *name, size_t *length) {
  char *digits = json_text(object, name);
  size_t i;
  unsigned char *bytes;
  *length = 0;
  if (!digits) return NULL;
  *length = strlen(digits) / 2;
  bytes = room(*length);
  for (i = 0; i < *length; i++) bytes[i] = (unsigned char)(digit(digits[2 * i], digits) << 4 | digit(digits[2 * i + 1], digits));
  free(digits);
  return bytes;
}
