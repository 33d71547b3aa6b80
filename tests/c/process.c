/* What the library does to the process: forked children, signals, exit. */
#include "check.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

/* In a forked child everything answers at once, with FORKED. */
static void in_child(fluvio_client_t *client, fluvio_producer_t *producer, fluvio_consumer_t *consumer, fluvio_queue_t *queue)
{
  fluvio_error_t *error = NULL;
  fluvio_batch_t *batch = NULL;
  fluvio_client_t *other = NULL;
  fluvio_topic_list_t *list = NULL;
  CHECK(fluvio_forked() == 1);
  STATUS(FLUVIO_ERR_FORKED, fluvio_consumer_poll(consumer, -1, &batch, &error));
  STATUS(FLUVIO_ERR_FORKED, fluvio_producer_send(producer, NULL, 0, "x", 1, 0, -1, &error));
  STATUS(FLUVIO_ERR_FORKED, fluvio_producer_flush(producer, -1, &error));
  STATUS(FLUVIO_ERR_FORKED, fluvio_client_connect(NULL, -1, &other, &error));
  STATUS(FLUVIO_ERR_FORKED, fluvio_topic_list(client, -1, &list, &error));
  STATUS(FLUVIO_ERR_FORKED, fluvio_consumer_close(consumer, -1, &error));
  STATUS(FLUVIO_ERR_FORKED, fluvio_client_close(client, -1, &error));
  CHECK(fluvio_queue_poll(queue, -1) == NULL && fluvio_queue_fd(queue) == -1 && fluvio_consumer_fd(consumer) == -1);
  CHECK(fluvio_topic_list_async(client, -1, NULL, 0) == NULL && fluvio_config_new() == NULL && fluvio_queue_new() == NULL);
  fluvio_consumer_free(consumer);
  fluvio_producer_free(producer);
  fluvio_queue_free(queue);
  fluvio_client_free(client);
  _exit(0);
}

static void forked(fluvio_client_t *client)
{
  fluvio_error_t *error = NULL;
  fluvio_queue_t *queue = fluvio_queue_new();
  fluvio_producer_t *producer = NULL;
  fluvio_consumer_t *consumer;
  fluvio_batch_t *batch = NULL;
  int status = -1;
  pid_t pid;
  PART("fork");
  make_topic(client, "c-fork", "1");
  OK(fluvio_producer_open(client, "c-fork", NULL, queue, LONG, &producer, &error));
  consumer = read_from_start(client, "c-fork", NULL);
  OK(fluvio_producer_send(producer, NULL, 0, "x", 1, 0, LONG, &error));
  OK(fluvio_producer_flush(producer, LONG, &error));
  CHECK(readable(fluvio_consumer_fd(consumer), LONG)); /* a batch waits: the child must not get it */
  CHECK(fluvio_forked() == 0);
  pid = fork();
  if (pid == 0)
    in_child(client, producer, consumer, queue);
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  OK(fluvio_consumer_poll(consumer, LONG, &batch, &error)); /* the parent goes on */
  fluvio_batch_release(batch);
  OK(fluvio_producer_close(producer, LONG, &error));
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_producer_free(producer);
  fluvio_consumer_free(consumer);
  fluvio_queue_free(queue);
}

/* The blocked signals of a thread, as /proc shows them. */
static uint64_t blocked(const char *task)
{
  char path[300], line[256];
  uint64_t mask = 0;
  int found = 0;
  FILE *f;
  snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
  f = fopen(path, "r");
  if (f == NULL)
    return UINT64_MAX; /* it has just ended */
  while (fgets(line, sizeof line, f) != NULL)
    found += sscanf(line, "SigBlk: %" SCNx64, &mask);
  fclose(f);
  CHECK(found == 1);
  return mask;
}

static int32_t ignore_batch(fluvio_batch_t *batch, const fluvio_error_t *error, void *ctx)
{
  (void)batch;
  (void)error;
  (void)ctx;
  return FLUVIO_CONTINUE;
}

/* The host's signals come to the host's threads only. SIGCHLD is not in the list: the Go runtime insists on taking it. */
static void masks(fluvio_client_t *client)
{
  static const int asynchronous[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGWINCH, SIGQUIT };
  fluvio_error_t *error = NULL;
  fluvio_consumer_t *consumer = read_from_start(client, "c-fork", NULL);
  char self[32];
  struct dirent *entry;
  int threads = 0;
  size_t i;
  DIR *dir;
  PART("signal masks");
  OK(fluvio_consumer_start(consumer, ignore_batch, NULL, NULL, &error));
  snprintf(self, sizeof self, "%d", (int)getpid());
  CHECK(blocked(self) == 0);
  dir = opendir("/proc/self/task");
  CHECK(dir != NULL);
  while ((entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] == '.' || strcmp(entry->d_name, self) == 0)
      continue;
    uint64_t mask = blocked(entry->d_name);
    threads++;
    for (i = 0; i < sizeof asynchronous / sizeof *asynchronous; i++) {
      if ((mask >> (asynchronous[i] - 1) & 1) == 0) {
        fprintf(stderr, "thread %s does not block signal %d\n", entry->d_name, asynchronous[i]);
        exit(1);
      }
    }
  }
  closedir(dir);
  printf("  %d threads of the library\n", threads);
  CHECK(threads >= 3);
  OK(fluvio_consumer_close(consumer, LONG, &error));
  fluvio_consumer_free(consumer);
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
  handled = number;
}

/* SIGINT and SIGTERM stay the host's, and SIGPIPE is not raised by the library. */
static void signals(void)
{
  struct sigaction a, old;
  PART("signals");
  CHECK(sigaction(SIGINT, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
  CHECK(sigaction(SIGTERM, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
  memset(&a, 0, sizeof a);
  a.sa_handler = on_signal;
  CHECK(sigaction(SIGINT, &a, &old) == 0);
  CHECK(kill(getpid(), SIGINT) == 0);
  CHECK(handled == SIGINT); /* only this thread can take it, so it is delivered before kill returns */
  CHECK(sigaction(SIGINT, &old, NULL) == 0);
}

static int open_descriptors(void)
{
  int n = 0;
  struct dirent *entry;
  DIR *dir = opendir("/proc/self/fd");
  CHECK(dir != NULL);
  while ((entry = readdir(dir)) != NULL)
    n += entry->d_name[0] != '.';
  closedir(dir);
  return n;
}

/* What is closed gives its descriptors back: pipes and connections. */
static void descriptors(const char *endpoint)
{
  int round, first = 0;
  PART("descriptors");
  for (round = 0; round < 6; round++) {
    fluvio_error_t *error = NULL;
    fluvio_client_t *client = connect_to(endpoint);
    fluvio_consumer_t *consumer = read_from_start(client, "c-fork", NULL);
    fluvio_batch_t *batch = NULL;
    CHECK(fluvio_consumer_fd(consumer) >= 0);
    fill(client, "c-fork", 10);
    OK(fluvio_consumer_poll(consumer, LONG, &batch, &error));
    fluvio_batch_release(batch);
    OK(fluvio_client_close(client, LONG, &error));
    fluvio_consumer_free(consumer);
    fluvio_client_free(client);
    if (round == 0)
      first = open_descriptors();
    CHECK(open_descriptors() == first);
  }
}

int main(int argc, char **argv)
{
  fluvio_client_t *client;
  fluvio_consumer_t *consumer;
  fluvio_error_t *error = NULL;
  CHECK(argc >= 2);
  client = connect_to(argv[1]);
  forked(client);
  masks(client);
  signals();
  descriptors(argv[1]);
  PART("exit with everything open");
  consumer = read_from_start(client, "c-fork", NULL);
  OK(fluvio_consumer_start(consumer, ignore_batch, NULL, NULL, &error));
  return 0;
}
