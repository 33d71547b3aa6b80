//go:build !windows

/*
 * fork_signal.c - what loading the library does to the process.
 *
 * Signals: the Go runtime starts its threads from a constructor, and they inherit the signal mask. A constructor that runs
 * before it blocks every asynchronous signal and one that runs after it restores the host's mask, so that the host's
 * handlers, which may lack SA_ONSTACK, never run on the small stack of a goroutine. SIGCHLD is the exception: the Go
 * runtime unblocks it in its threads whatever they inherit. The kernel prefers the main thread for it. SIGPROF is another.
 * The Go runtime also takes SIGPIPE, and with that nothing would end a host any more that writes to a closed pipe; its own
 * threads block the signal, so it does not need a handler. So the host's is put back as soon as the runtime's is there, which its
 * first thread does before anything else; until then this waits, so that nothing that the host sets later is overwritten.
 *
 * Fork: only the forking thread lives on in a child, so no goroutine answers there. The child is marked, and every
 * function asks for the mark first.
 */
#include "internal.h"

#include <signal.h>
#include <time.h>

#define RUNTIME_WAIT_NS 2000000000 /* it takes a millisecond; without it the host's SIGPIPE stays the runtime's */

volatile int fluvioc_forked;

static sigset_t host_mask;
static struct sigaction host_pipe;

__attribute__((constructor(101))) static void mask_signals(void)
{
  sigset_t asynchronous;
  sigfillset(&asynchronous);
  sigdelset(&asynchronous, SIGSEGV);
  sigdelset(&asynchronous, SIGBUS);
  sigdelset(&asynchronous, SIGFPE);
  sigdelset(&asynchronous, SIGILL);
  sigdelset(&asynchronous, SIGTRAP);
  sigdelset(&asynchronous, SIGABRT);
  sigdelset(&asynchronous, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &asynchronous, &host_mask);
  sigaction(SIGPIPE, NULL, &host_pipe);
}

static void keep_pipe(void)
{
  struct timespec pause = { 0, 50000 };
  struct sigaction now;
  int64_t end = fluvioc_now() + RUNTIME_WAIT_NS;
  while (sigaction(SIGPIPE, NULL, &now) == 0 && fluvioc_now() < end) {
    if (now.sa_sigaction != host_pipe.sa_sigaction) {
      sigaction(SIGPIPE, &host_pipe, NULL);
      return;
    }
    nanosleep(&pause, NULL);
  }
}

static void mark_child(void)
{
  fluvioc_forked = 1;
}

__attribute__((constructor)) static void unmask_signals(void)
{
  keep_pipe();
  pthread_sigmask(SIG_SETMASK, &host_mask, NULL);
  pthread_atfork(NULL, NULL, mark_child);
}

int32_t fluvio_forked(void)
{
  return fluvioc_forked;
}
