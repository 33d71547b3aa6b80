//go:build !windows

/*
 * platform_posix.c - clocks, condition variables on the monotonic one, threads of the library, and pipes.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

int64_t fluvioc_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
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

/* A full pipe is as readable as one with one byte more, so the result of write does not matter, EINTR excepted. */
void fluvioc_pipe_fill(int fd)
{
  while (write(fd, "", 1) < 0 && errno == EINTR) {
  }
}

void fluvioc_pipe_drain(int fd)
{
  char bytes[64];
  ssize_t n;
  do
    n = read(fd, bytes, sizeof bytes);
  while (n == (ssize_t)sizeof bytes || (n < 0 && errno == EINTR));
}

void fluvioc_pipe_close(int fd)
{
  close(fd);
}
