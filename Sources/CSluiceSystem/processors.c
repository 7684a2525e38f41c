#define _GNU_SOURCE
#include "sluice_system.h"

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static cpu_set_t processors;
static long byte_count;

void sluice_narrow_processors(void) {
  unsigned own = 0;
  long known = syscall(SYS_sched_getaffinity, 0, sizeof processors, &processors);
  if (known <= 0 || syscall(SYS_getcpu, &own, 0, 0) != 0 || own >= CPU_SETSIZE) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(own, &one);
  if (syscall(SYS_sched_setaffinity, 0, sizeof one, &one) == 0) byte_count = known;
}

void sluice_restore_processors(void) {
  if (byte_count > 0) syscall(SYS_sched_setaffinity, 0, byte_count, &processors);
}
#else
void sluice_narrow_processors(void) {}
void sluice_restore_processors(void) {}
#endif
