/*
 * platform_windows.c - clocks, condition variables, threads of the library, and pairs of sockets in the place of pipes, because
 * select and WSAPoll take nothing else. There is no fork, and there are no signals whose threads would matter.
 */
#include <winsock2.h> /* before windows.h */

#include "internal.h"

#include <ws2tcpip.h>

volatile int fluvioc_forked;

int32_t fluvio_forked(void)
{
  return fluvioc_forked;
}

int64_t fluvioc_now(void)
{
  static _Atomic int64_t frequency; /* the same for as long as the system runs */
  LARGE_INTEGER n;
  int64_t per_second = atomic_load_explicit(&frequency, memory_order_relaxed);
  if (per_second == 0) {
    QueryPerformanceFrequency(&n);
    per_second = n.QuadPart;
    atomic_store_explicit(&frequency, per_second, memory_order_relaxed);
  }
  QueryPerformanceCounter(&n);
  return n.QuadPart / per_second * 1000000000 + n.QuadPart % per_second * 1000000000 / per_second;
}

void fluvioc_cond_init(pthread_cond_t *cond)
{
  InitializeConditionVariable(cond);
}

bool fluvioc_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline)
{
  if (deadline == 0)
    return false;
  if (deadline == FLUVIOC_FOREVER)
    return SleepConditionVariableSRW(cond, lock, INFINITE, 0) != 0;
  int64_t left = (deadline - fluvioc_now() + 999999) / 1000000;
  if (left <= 0)
    return false;
  if (left >= INFINITE)
    left = INFINITE - 1;
  return SleepConditionVariableSRW(cond, lock, (DWORD)left, 0) != 0 || fluvioc_now() < deadline;
}

struct start {
  void *(*run)(void *);
  void *arg;
};

static DWORD WINAPI begin(void *arg)
{
  struct start start = *(struct start *)arg;
  free(arg);
  start.run(start.arg);
  return 0;
}

int fluvioc_thread_start(void *(*run)(void *), void *arg)
{
  struct start *start = malloc(sizeof *start);
  if (start == NULL)
    return ENOMEM;
  *start = (struct start){ run, arg };
  HANDLE thread = CreateThread(NULL, 0, begin, start, 0, NULL);
  if (thread == NULL) {
    free(start);
    return EAGAIN;
  }
  CloseHandle(thread);
  return 0;
}

static void start_sockets(void)
{
  WSADATA data;
  WSAStartup(MAKEWORD(2, 2), &data);
}

static SOCKET stream_socket(void)
{
  return WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

/* Connects two sockets with each other, through a listener that nobody else gets in by. */
static bool socket_pair(SOCKET pair[2])
{
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, own, peer;
  int len = sizeof at, own_len = sizeof own, peer_len = sizeof peer;
  pair[0] = pair[1] = INVALID_SOCKET;
  SOCKET listener = stream_socket();
  bool ok = listener != INVALID_SOCKET && bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0 &&
            getsockname(listener, (struct sockaddr *)&at, &len) == 0 && (pair[1] = stream_socket()) != INVALID_SOCKET &&
            connect(pair[1], (struct sockaddr *)&at, len) == 0 && getsockname(pair[1], (struct sockaddr *)&own, &own_len) == 0 &&
            (pair[0] = accept(listener, (struct sockaddr *)&peer, &peer_len)) != INVALID_SOCKET && own.sin_port == peer.sin_port &&
            own.sin_addr.s_addr == peer.sin_addr.s_addr;
  if (listener != INVALID_SOCKET)
    closesocket(listener);
  return ok;
}

bool fluvioc_pipe(int *read_fd, int *write_fd)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  SOCKET pair[2];
  u_long yes = 1;
  pthread_once(&once, start_sockets);
  if (!socket_pair(pair)) {
    for (int i = 0; i < 2; i++)
      if (pair[i] != INVALID_SOCKET)
        closesocket(pair[i]);
    return false;
  }
  for (int i = 0; i < 2; i++) {
    ioctlsocket(pair[i], FIONBIO, &yes);
    setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, (const char *)&(DWORD){ 1 }, sizeof(DWORD));
    SetHandleInformation((HANDLE)pair[i], HANDLE_FLAG_INHERIT, 0);
  }
  *read_fd = (int)pair[0]; /* handles have 32 bits that count */
  *write_fd = (int)pair[1];
  return true;
}

void fluvioc_pipe_fill(int fd)
{
  send((SOCKET)fd, "", 1, 0);
}

/* Right behind fill the byte may still be on its way: it then makes the descriptor readable once for nothing. */
void fluvioc_pipe_drain(int fd)
{
  char bytes[64];
  while (recv((SOCKET)fd, bytes, sizeof bytes, 0) == (int)sizeof bytes) {
  }
}

void fluvioc_pipe_close(int fd)
{
  closesocket((SOCKET)fd);
}
