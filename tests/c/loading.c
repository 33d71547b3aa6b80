/* What loading the library does to a process that loads it while it runs: handlers of signals, set before and after, stay the
 * host's; copies of the library and another library written in Go do not disturb each other. Takes the endpoint of a cluster,
 * the paths of the library and of two copies of it with other names, and that of the other library. It is not linked with any. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fluvio.h"
#include "macros.h"

/* ------------------------------------------------------------- a loaded library */

#define FUNCTIONS(one)                                                                        \
  one(config_new) one(config_set) one(config_free) one(client_connect) one(client_close)      \
  one(client_free) one(error_message) one(topic_create) one(producer_open) one(producer_send) \
  one(producer_close) one(producer_free) one(consumer_open) one(consumer_poll)                \
  one(consumer_close) one(consumer_free) one(batch_count) one(batch_release) one(status_name) \
  one(forked)

struct library {
  void *handle;
#define FIELD(name) __typeof__(&fluvio_##name) name;
  FUNCTIONS(FIELD)
};

static void *symbol(void *handle, const char *name)
{
  void *found = dlsym(handle, name);
  if (found == NULL)
    fprintf(stderr, "%s\n", dlerror());
  CHECK(found != NULL);
  return found;
}

static struct library load(const char *path, int flags)
{
  struct library lib;
  void *found;
  lib.handle = dlopen(path, RTLD_NOW | flags);
  if (lib.handle == NULL)
    fprintf(stderr, "%s\n", dlerror());
  CHECK(lib.handle != NULL);
#define TAKE(name)                               \
  found = symbol(lib.handle, "fluvio_" #name); \
  memcpy(&lib.name, &found, sizeof found);
  FUNCTIONS(TAKE)
  return lib;
}

static fluvio_client_t *connect_to(const struct library *lib, const char *endpoint)
{
  fluvio_config_t *config = lib->config_new();
  fluvio_client_t *client = NULL;
  CHECK(lib->config_set(config, "endpoint", endpoint, NULL) == FLUVIO_OK);
  CHECK(lib->client_connect(config, LONG, &client, NULL) == FLUVIO_OK);
  lib->config_free(config);
  return client;
}

static void send_one(const struct library *lib, fluvio_client_t *client, const char *topic)
{
  fluvio_producer_t *producer = NULL;
  CHECK(lib->producer_open(client, topic, NULL, NULL, LONG, &producer, NULL) == FLUVIO_OK);
  CHECK(lib->producer_send(producer, NULL, 0, "value", 5, 0, LONG, NULL) == FLUVIO_OK);
  CHECK(lib->producer_close(producer, LONG, NULL) == FLUVIO_OK);
  lib->producer_free(producer);
}

/* One library writes and the other one reads, at a time and both with clients of their own. */
static void together(const struct library *writer, const struct library *reader, const char *endpoint, const char *topic)
{
  fluvio_client_t *to = connect_to(writer, endpoint), *from = connect_to(reader, endpoint);
  fluvio_config_t *config = reader->config_new();
  fluvio_consumer_t *consumer = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_error_t *error = NULL;
  CHECK(writer->topic_create(to, topic, NULL, LONG, NULL) == FLUVIO_OK);
  CHECK(reader->config_set(config, "start", "beginning", NULL) == FLUVIO_OK);
  CHECK(reader->consumer_open(from, topic, config, LONG, &consumer, NULL) == FLUVIO_OK);
  reader->config_free(config);
  send_one(writer, to, topic);
  CHECK(reader->consumer_poll(consumer, LONG, &batch, &error) == FLUVIO_OK && reader->batch_count(batch) == 1);
  reader->batch_release(batch);
  CHECK(reader->consumer_close(consumer, LONG, NULL) == FLUVIO_OK);
  reader->consumer_free(consumer);
  CHECK(writer->client_close(to, LONG, NULL) == FLUVIO_OK && reader->client_close(from, LONG, NULL) == FLUVIO_OK);
  writer->client_free(to);
  reader->client_free(from);
}

/* ------------------------------------------------------------------- signals */

static const int numbers[] = { SIGINT, SIGCHLD, SIGPROF, SIGPIPE };
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static volatile sig_atomic_t before[NSIG], after[NSIG];

static void on_before(int number)
{
  before[number] = 1;
}

static void on_after(int number)
{
  after[number] = 1;
}

static void set(int number, void (*handler)(int))
{
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_handler = handler;
  a.sa_flags = SA_RESTART | SA_ONSTACK; /* SIGCHLD and SIGPROF may come to a thread of Go's */
  CHECK(sigaction(number, &a, NULL) == 0);
}

static void (*handler_of(int number))(int)
{
  struct sigaction a;
  CHECK(sigaction(number, NULL, &a) == 0);
  return a.sa_handler;
}

static void wait_for(volatile sig_atomic_t *flag)
{
  while (!*flag) /* uses processor time, for SIGPROF */
    continue;
}

static void write_to_closed_pipe(void)
{
  int fd[2];
  CHECK(pipe(fd) == 0 && close(fd[0]) == 0);
  CHECK(write(fd[1], "x", 1) == -1 && errno == EPIPE);
  close(fd[1]);
}

/* Raises each as it is raised in life, and waits until its handler has run. */
static void raise_all(volatile sig_atomic_t *handled)
{
  static const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
  pid_t child;
  int i;
  for (i = 0; i < NUMBERS; i++)
    handled[numbers[i]] = 0;
  CHECK(kill(getpid(), SIGINT) == 0);
  wait_for(&handled[SIGINT]);
  child = fork();
  if (child == 0)
    _exit(0);
  wait_for(&handled[SIGCHLD]);
  CHECK(waitpid(child, NULL, 0) == child);
  CHECK(setitimer(ITIMER_PROF, &often, NULL) == 0);
  wait_for(&handled[SIGPROF]);
  CHECK(setitimer(ITIMER_PROF, &never, NULL) == 0);
  write_to_closed_pipe();
  CHECK(handled[SIGPIPE] == 1);
}

/* A child that writes to a closed pipe ends as it would have without the library. */
static void child_dies_of_pipe(void)
{
  int status = 0;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    write_to_closed_pipe();
    _exit(0);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

/* Forked before the library was loaded: it loads it for itself and uses it, beside its parent. */
static pid_t early_child(char **argv)
{
  struct library lib;
  pid_t child;
  int status = -1;
  fflush(stdout);
  child = fork();
  CHECK(child >= 0);
  if (child > 0)
    return child;
  lib = load(argv[2], RTLD_LOCAL);
  CHECK(lib.forked() == 0);
  together(&lib, &lib, argv[1], "c-child");
  if (fork() == 0)
    _exit(lib.forked() == 1 ? 0 : 1);
  CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  _exit(0);
}

int main(int argc, char **argv)
{
  struct library first, second, third;
  pid_t child;
  int (*answer)(void);
  void *other, *found;
  int i, status = -1;
  CHECK(argc == 6);
  PART("a child from before loading");
  child = early_child(argv);
  PART("signals, before and after loading");
  for (i = 0; i < NUMBERS - 1; i++)
    set(numbers[i], on_before);
  child_dies_of_pipe();
  first = load(argv[2], RTLD_GLOBAL); /* as if the program were linked with it */
  for (i = 0; i < NUMBERS - 1; i++)
    CHECK(handler_of(numbers[i]) == on_before);
  CHECK(handler_of(SIGPIPE) == SIG_DFL);
  child_dies_of_pipe();
  set(SIGPIPE, on_before);
  raise_all(before);
  together(&first, &first, argv[1], "c-alone");
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  raise_all(before);
  for (i = 0; i < NUMBERS; i++)
    set(numbers[i], on_after);
  raise_all(after);

  PART("copies of the library");
  second = load(argv[3], RTLD_LOCAL);
  third = load(argv[4], RTLD_LOCAL);
  CHECK(second.client_connect != first.client_connect && third.client_connect != second.client_connect);
  CHECK(handler_of(SIGPIPE) == on_after);
  together(&first, &second, argv[1], "c-first-second");
  together(&second, &third, argv[1], "c-second-third");
  together(&third, &first, argv[1], "c-third-first");
  raise_all(after);

  PART("another library in Go");
  other = dlopen(argv[5], RTLD_NOW | RTLD_LOCAL);
  CHECK(other != NULL);
  found = symbol(other, "Answer");
  memcpy(&answer, &found, sizeof found);
  CHECK(answer() == 42);
  together(&first, &second, argv[1], "c-beside");
  CHECK(answer() == 42);
  set(SIGPIPE, SIG_DFL);
  child_dies_of_pipe();
  set(SIGPIPE, SIG_IGN);
  write_to_closed_pipe();
  together(&third, &first, argv[1], "c-ignored");
  CHECK(handler_of(SIGPIPE) == SIG_IGN);
  printf("done\n");
  return 0;
}
