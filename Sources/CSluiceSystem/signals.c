#define _GNU_SOURCE
#include "sluice_system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int passed_to = -1;

static void pass_on(int number) {
  int before = errno;
  unsigned char byte = (unsigned char)number;
  // A pipe that is full holds more of them than anybody waits for.
  ssize_t ignored = write(passed_to, &byte, 1);
  (void)ignored;
  errno = before;
}

int32_t sluice_catch_signals(const int32_t *numbers, int32_t count, int32_t *descriptor) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  if (fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) return errno;
  *descriptor = ends[0];
  passed_to = ends[1];
  struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  for (int32_t index = 0; index < count; index++) {
    if (sigaction(numbers[index], &action, NULL) != 0) return errno;
  }
  return 0;
}

int32_t sluice_next_signal(int32_t descriptor) {
  unsigned char number;
  ssize_t count;
  do count = read(descriptor, &number, 1);
  while (count < 0 && errno == EINTR);
  return count == 1 ? number : 0;
}
