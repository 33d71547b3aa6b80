/*
 * win32.h - the few functions of POSIX threads that the C files use, on Windows.
 */
#ifndef FLUVIOC_WIN32_H
#define FLUVIOC_WIN32_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <errno.h>
#include <windows.h>

typedef SRWLOCK pthread_mutex_t;
typedef CONDITION_VARIABLE pthread_cond_t;
typedef INIT_ONCE pthread_once_t;

#define PTHREAD_MUTEX_INITIALIZER SRWLOCK_INIT
#define PTHREAD_COND_INITIALIZER CONDITION_VARIABLE_INIT
#define PTHREAD_ONCE_INIT INIT_ONCE_STATIC_INIT

#define pthread_mutex_init(mutex, attributes) InitializeSRWLock(mutex)
#define pthread_mutex_lock(mutex) AcquireSRWLockExclusive(mutex)
#define pthread_mutex_unlock(mutex) ReleaseSRWLockExclusive(mutex)
#define pthread_mutex_destroy(mutex) ((void)(mutex))
#define pthread_cond_signal(cond) WakeConditionVariable(cond)
#define pthread_cond_broadcast(cond) WakeAllConditionVariable(cond)
#define pthread_cond_destroy(cond) ((void)(cond))

static inline BOOL CALLBACK fluvioc_run_once(PINIT_ONCE once, PVOID run, PVOID *context)
{
  (void)once;
  (void)context;
  ((void (*)(void))run)();
  return TRUE;
}

/* A thread that ends itself here, by ExitThread, does not clean up: there is nothing to hang that on. */
#define pthread_cleanup_push(run, arg) \
  { \
    void (*fluvioc_cleanup)(void *) = (run); \
    void *fluvioc_cleanup_arg = (arg);
#define pthread_cleanup_pop(execute) \
    if (execute) \
      fluvioc_cleanup(fluvioc_cleanup_arg); \
  }

#define pthread_once(once, run) InitOnceExecuteOnce(once, fluvioc_run_once, (PVOID)(run), NULL)

#endif
