/* macros.h - checks that need nothing of the library, for programs that are not linked with it, too. */
#ifndef MACROS_H
#define MACROS_H

#include <stdio.h>
#include <stdlib.h>

/* Long enough for a slow machine under valgrind; a healthy test never waits so long. */
#define LONG 60000

#define CHECK(condition)                                                                      \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                 \
      exit(1);                                                                                \
    }                                                                                         \
  } while (0)

#define PART(name) (printf("%s\n", name), fflush(stdout))

#endif
