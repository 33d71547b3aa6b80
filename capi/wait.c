/*
 * wait.c - deadlines, and descriptors to wait on. What the system has to do with it is in platform_*.c.
 */
#include "internal.h"

_Thread_local const void *fluvioc_current;

int64_t fluvioc_deadline(int64_t timeout_ms)
{
  if (timeout_ms == 0)
    return 0;
  int64_t now = fluvioc_now();
  if (timeout_ms < 0 || timeout_ms > (FLUVIOC_FOREVER - now) / 1000000)
    return FLUVIOC_FOREVER;
  return now + timeout_ms * 1000000;
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

void fluvioc_ready_set(fluvioc_ready_t *ready)
{
  if (ready->write_fd < 0 || ready->set)
    return;
  fluvioc_pipe_fill(ready->write_fd);
  ready->set = true;
}

void fluvioc_ready_clear(fluvioc_ready_t *ready)
{
  if (ready->read_fd < 0 || !ready->set)
    return;
  fluvioc_pipe_drain(ready->read_fd);
  ready->set = false;
}

void fluvioc_ready_close(fluvioc_ready_t *ready)
{
  if (ready->read_fd < 0)
    return;
  fluvioc_pipe_close(ready->read_fd);
  fluvioc_pipe_close(ready->write_fd);
  ready->read_fd = ready->write_fd = -1;
}
