/* A reader of JSON, as small as the jobs of tests/interop need it: text without escapes, numbers that are whole. */
#ifndef INTEROP_JSON_H
#define INTEROP_JSON_H

#include <stddef.h>

/* A place in the text: its first character. Text that ends early or has the wrong shape ends the program. */
typedef const char *json_t;

/* Checks that the text is one value with nothing behind it. */
void json_check(json_t text);
/* The value of an object's member, or NULL when it has none or it is null. */
json_t json_member(json_t object, const char *name);
/* The first element of a list, and the one after an element; NULL at the end. */
json_t json_first(json_t list);
json_t json_next(json_t element);
/* A copy of a member that is text, to be freed; NULL when there is none. */
char *json_text(json_t object, const char *name);
/* A member that is a whole number, or missing. */
long long json_int(json_t object, const char *name, long long missing);
/* The bytes of a member that is hexadecimal text, to be freed; NULL only when there is none, so empty text is not NULL. */
unsigned char *json_hex(json_t object, const char *name, size_t *length);

#endif
