#define _GNU_SOURCE
#include "sluice_program_watch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int32_t sluice_program_has_ended(const sluice_program *program) {
  if (program->process <= 0) return 1;
  siginfo_t information;
  memset(&information, 0, sizeof information);
  int result = waitid(P_PID, (id_t)program->process, &information, WEXITED | WNOHANG | WNOWAIT);
  return result == 0 && information.si_pid != 0;
}

void sluice_program_signal(const sluice_program *program, int32_t number) {
  if (program->process > 0) kill(-program->process, number);
}

void sluice_program_end_input(const sluice_program *program) {
  shutdown(program->input, SHUT_WR);
}

uint64_t sluice_program_start_time(int32_t process) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", process);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  ssize_t count = read(descriptor, text, sizeof text - 1);
  close(descriptor);
  if (count <= 0) return 0;
  text[count] = 0;
  // The name of the program, in parentheses, may hold anything; the time is the 20th field after it.
  char *field = strrchr(text, ')');
  for (int i = 0; field && i < 20; i++) field = strchr(field + 1, ' ');
  return field ? strtoull(field, NULL, 10) : 0;
}

int32_t sluice_program_kill_leftover(int32_t process, uint64_t start_time) {
  if (process <= 1 || start_time == 0) return 0;
  if (sluice_program_start_time(process) != start_time) return 0;
  return kill(-process, SIGKILL) == 0;
}
