#define _GNU_SOURCE
#include "sluice_system.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

// The table is fixed and lock-free, since a signal handler reads it. More mappings than slots are
// not an error: those beyond are simply not guarded.
enum { slot_count = 4096 };

enum { slot_free, slot_taken, slot_guarded };

static struct {
  atomic_int state;
  atomic_int has_failed;
  _Atomic uintptr_t start;
  _Atomic uintptr_t end;
} slots[slot_count];

static atomic_int installation;  // 0 not begun, 1 under way, 2 done
static struct sigaction previous;
static uintptr_t page_size;

// Replaces a page that cannot be read by one of zeros and remembers that. Faults elsewhere go to
// whoever handled them before.
static void handle(int number, siginfo_t *info, void *context) {
  (void)context;
  uintptr_t address = (uintptr_t)info->si_addr;
  for (int index = 0; index < slot_count; index++) {
    if (atomic_load(&slots[index].state) != slot_guarded) continue;
    if (address < atomic_load(&slots[index].start)) continue;
    if (address >= atomic_load(&slots[index].end)) continue;
    void *page = (void *)(address & ~(page_size - 1));
    int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
    if (mmap(page, page_size, PROT_READ, flags, -1, 0) == MAP_FAILED) break;
    atomic_store(&slots[index].has_failed, 1);
    return;
  }
  // The faulting access is repeated on return and then meets the previous handler.
  sigaction(number, &previous, NULL);
}

static void install(void) {
  int expected = 0;
  if (atomic_load(&installation) == 2) return;
  if (atomic_compare_exchange_strong(&installation, &expected, 1)) {
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {0};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
    atomic_store(&installation, 2);
  }
}

int32_t sluice_guard_mapping(uintptr_t address, uintptr_t byte_count) {
  static atomic_uint next;
  install();
  unsigned first = atomic_fetch_add(&next, 1);
  for (unsigned step = 0; step < slot_count; step++) {
    unsigned index = (first + step) % slot_count;
    int expected = slot_free;
    if (!atomic_compare_exchange_strong(&slots[index].state, &expected, slot_taken)) continue;
    atomic_store(&slots[index].has_failed, 0);
    atomic_store(&slots[index].start, address);
    atomic_store(&slots[index].end, address + byte_count);
    atomic_store(&slots[index].state, slot_guarded);
    return (int32_t)index;
  }
  return -1;
}

int32_t sluice_guard_failed(int32_t slot) {
  return slot < 0 ? 0 : atomic_load(&slots[slot].has_failed);
}

int32_t sluice_end_guard(int32_t slot) {
  if (slot < 0) return 0;
  int has_failed = atomic_load(&slots[slot].has_failed);
  atomic_store(&slots[slot].state, slot_free);
  return has_failed;
}
