/*
 * fork_signal.c - what loading the library does to the process.
 *
 * Signals: the Go runtime starts its threads from a constructor, and they inherit the signal mask. A constructor that runs
 * before it blocks every asynchronous signal and one that runs after it restores the host's mask, so that the host's
 * handlers, which may lack SA_ONSTACK, never run on the small stack of a goroutine. SIGCHLD is the exception: the Go
 * runtime unblocks it in its threads whatever they inherit. The kernel prefers the main thread for it.
 *
 * Fork: only the forking thread lives on in a child, so no goroutine answers there. The child is marked, and every
 * function asks for the mark first.
 */
#include "internal.h"

#include <signal.h>

volatile int fluvioc_forked;

static sigset_t host_mask;

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
}

static void mark_child(void)
{
  fluvioc_forked = 1;
}

__attribute__((constructor)) static void unmask_signals(void)
{
  pthread_sigmask(SIG_SETMASK, &host_mask, NULL);
  pthread_atfork(NULL, NULL, mark_child);
}

int32_t fluvio_forked(void)
{
  return fluvioc_forked;
}
