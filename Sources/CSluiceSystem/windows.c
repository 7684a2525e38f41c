#define _GNU_SOURCE
#include "sluice_system.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

// The registry is read by a signal handler, which may take no lock: each entry is a state that says
// whether its other fields can be read. The thread that faults uses its window at that moment, so
// the entry it looks for does not change.

enum { free_entry, claimed_entry, watched_entry };

struct window {
  atomic_int state;
  const char *start;
  int64_t byte_count;
  const char *path;
  int64_t offset;
};

enum { window_count = 4096 };
static struct window windows[window_count];
static atomic_uint next_window;
static int32_t fault_exit_code;

int32_t sluice_watch_window(
    const void *start, int64_t byte_count, const char *path, int64_t offset) {
  for (int attempt = 0; attempt < window_count; attempt++) {
    unsigned index = atomic_fetch_add_explicit(&next_window, 1, memory_order_relaxed);
    struct window *window = &windows[index % window_count];
    int expected = free_entry;
    if (!atomic_compare_exchange_strong_explicit(
            &window->state, &expected, claimed_entry, memory_order_acquire, memory_order_relaxed))
      continue;
    window->start = start;
    window->byte_count = byte_count;
    window->path = path;
    window->offset = offset;
    atomic_store_explicit(&window->state, watched_entry, memory_order_release);
    return (int32_t)(index % window_count);
  }
  return -1;
}

void sluice_forget_window(int32_t window) {
  if (window < 0) return;
  atomic_store_explicit(&windows[window].state, free_entry, memory_order_release);
}

// Text for standard error, put together without the C library, which a handler may not use.
struct message {
  char text[4608];
  size_t length;
};

static void append(struct message *message, const char *text) {
  size_t length = strnlen(text, sizeof message->text);
  size_t room = sizeof message->text - message->length;
  if (length > room) length = room;
  memcpy(message->text + message->length, text, length);
  message->length += length;
}

static void append_number(struct message *message, int64_t number) {
  char digits[24];
  char *digit = digits + sizeof digits;
  *--digit = 0;
  do {
    *--digit = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  append(message, digit);
}

static const struct window *window_at(const char *address) {
  for (int index = 0; index < window_count; index++) {
    struct window *window = &windows[index];
    if (atomic_load_explicit(&window->state, memory_order_acquire) != watched_entry) continue;
    if (address >= window->start && address < window->start + window->byte_count) return window;
  }
  return NULL;
}

static void report_fault(int signal_number, siginfo_t *info, void *context) {
  (void)context;
  const struct window *window = window_at(info->si_addr);
  if (!window) {
    // Not a mapped input: a defect, to be seen as what it is when the instruction runs again.
    signal(signal_number, SIG_DFL);
    return;
  }
  struct message message = {.length = 0};
  if (isatty(STDERR_FILENO)) append(&message, "\n");
  append(&message, "error: ");
  append(&message, window->path);
  append(&message, ": byte ");
  append_number(&message, (const char *)info->si_addr - window->start + window->offset);
  append(&message,
      " cannot be read: the file was cut short while it was mapped, or its disk failed\n"
      "hint: See to it that nothing writes to the inputs, then run the same command again; "
      "--io pread suits network mounts.\n");
  size_t done = 0;
  while (done < message.length) {
    ssize_t count = write(STDERR_FILENO, message.text + done, message.length - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += (size_t)count;
  }
  _exit(fault_exit_code);
}

int32_t sluice_report_mapping_faults(int32_t exit_code) {
  fault_exit_code = exit_code;
  struct sigaction action = {.sa_sigaction = report_fault, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : errno;
}
