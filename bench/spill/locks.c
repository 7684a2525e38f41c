// Counts calls that make threads meet, in a program that it is loaded before (LD_PRELOAD). LOCKS_OUT names the file that gets the counts.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long mutexes, waits, signals, broadcasts, futexes;

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int pthread_mutex_lock(pthread_mutex_t *mutex) {
  REAL(pthread_mutex_lock);
  atomic_fetch_add_explicit(&mutexes, 1, memory_order_relaxed);
  return real(mutex);
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  REAL(pthread_cond_wait);
  atomic_fetch_add_explicit(&waits, 1, memory_order_relaxed);
  return real(condition, mutex);
}

int pthread_cond_signal(pthread_cond_t *condition) {
  REAL(pthread_cond_signal);
  atomic_fetch_add_explicit(&signals, 1, memory_order_relaxed);
  return real(condition);
}

int pthread_cond_broadcast(pthread_cond_t *condition) {
  REAL(pthread_cond_broadcast);
  atomic_fetch_add_explicit(&broadcasts, 1, memory_order_relaxed);
  return real(condition);
}

// Swift's own locks take no call unless they have to wait: then they ask the kernel through this one.
long syscall(long number, ...) {
  REAL(syscall);
  if (number == SYS_futex) atomic_fetch_add_explicit(&futexes, 1, memory_order_relaxed);
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("LOCKS_OUT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "{\"mutexes\": %ld, \"waits\": %ld, \"signals\": %ld, \"broadcasts\": %ld, \"futexes\": %ld}\n",
          mutexes, waits, signals, broadcasts, futexes);
  fclose(file);
}
