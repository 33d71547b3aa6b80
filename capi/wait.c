/*
 * wait.c - time, condition variables on the monotonic clock, threads of the library, and descriptors to wait on.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

_Thread_local const void *fluvioc_current;

int64_t fluvioc_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t fluvioc_now_roughly(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
#else
  return fluvioc_now();
#endif
}

int64_t fluvioc_deadline(int64_t timeout_ms)
{
  if (timeout_ms == 0)
    return 0;
  int64_t now = fluvioc_now();
  if (timeout_ms < 0 || timeout_ms > (FLUVIOC_FOREVER - now) / 1000000)
    return FLUVIOC_FOREVER;
  return now + timeout_ms * 1000000;
}

void fluvioc_cond_init(pthread_cond_t *cond)
{
#ifdef __APPLE__
  pthread_cond_init(cond, NULL);
#else
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(cond, &attr);
  pthread_condattr_destroy(&attr);
#endif
}

bool fluvioc_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline)
{
  if (deadline == 0)
    return false;
  if (deadline == FLUVIOC_FOREVER) {
    pthread_cond_wait(cond, lock);
    return true;
  }
#ifdef __APPLE__
  int64_t left = deadline - fluvioc_now();
  if (left <= 0)
    return false;
  struct timespec t = { left / 1000000000, left % 1000000000 };
  return pthread_cond_timedwait_relative_np(cond, lock, &t) == 0;
#else
  struct timespec t = { deadline / 1000000000, deadline % 1000000000 };
  return pthread_cond_timedwait(cond, lock, &t) == 0;
#endif
}

int fluvioc_thread_start(void *(*run)(void *), void *arg)
{
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGSEGV);
  sigdelset(&all, SIGBUS);
  sigdelset(&all, SIGFPE);
  sigdelset(&all, SIGILL);
  sigdelset(&all, SIGTRAP);
  pthread_attr_t attr;
  int rc = pthread_attr_init(&attr);
  if (rc != 0)
    return rc;
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  rc = pthread_create(&thread, &attr, run, arg);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  return rc;
}

bool fluvioc_pipe(int *read_fd, int *write_fd)
{
  int fd[2];
#ifdef __linux__
  if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0)
    return false;
#else
  if (pipe(fd) != 0)
    return false;
  for (int i = 0; i < 2; i++) {
    fcntl(fd[i], F_SETFD, FD_CLOEXEC);
    fcntl(fd[i], F_SETFL, O_NONBLOCK);
  }
#endif
  *read_fd = fd[0];
  *write_fd = fd[1];
  return true;
}

int fluvioc_ready_fd(fluvioc_ready_t *ready, bool now)
{
  if (ready->read_fd < 0) {
    if (!fluvioc_pipe(&ready->read_fd, &ready->write_fd))
      return -1;
    ready->set = false;
    if (now)
      fluvioc_ready_set(ready);
  }
  return ready->read_fd;
}

/* A full pipe is as readable as one with one byte more, so the result of write does not matter, EINTR excepted. */
void fluvioc_ready_set(fluvioc_ready_t *ready)
{
  if (ready->write_fd < 0 || ready->set)
    return;
  while (write(ready->write_fd, "", 1) < 0 && errno == EINTR) {
  }
  ready->set = true;
}

void fluvioc_ready_clear(fluvioc_ready_t *ready)
{
  char bytes[64];
  if (ready->read_fd < 0 || !ready->set)
    return;
  ssize_t n;
  do
    n = read(ready->read_fd, bytes, sizeof bytes);
  while (n == (ssize_t)sizeof bytes || (n < 0 && errno == EINTR));
  ready->set = false;
}

void fluvioc_ready_close(fluvioc_ready_t *ready)
{
  if (ready->read_fd < 0)
    return;
  close(ready->read_fd);
  close(ready->write_fd);
  ready->read_fd = ready->write_fd = -1;
}
