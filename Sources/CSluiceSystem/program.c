#define _GNU_SOURCE
#include "sluice_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now_milliseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Moves a descriptor out of the way of those that the program gets.
static int lifted(int descriptor) {
  if (descriptor < 0 || descriptor > 3) return descriptor;
  int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 4);
  close(descriptor);
  return moved;
}

static void close_all(const int *descriptors, int count) {
  for (int i = 0; i < count; i++) {
    if (descriptors[i] >= 0) close(descriptors[i]);
  }
}

int32_t sluice_shared_memory(int64_t byte_count, int32_t *descriptor) {
#ifdef __linux__
  int memory = lifted(memfd_create("sluice-exec", MFD_CLOEXEC));
#else
  char name[] = "/tmp/sluice-exec-XXXXXX";
  int memory = lifted(mkstemp(name));
  if (memory >= 0) {
    unlink(name);
    fcntl(memory, F_SETFD, FD_CLOEXEC);
  }
#endif
  if (memory < 0) return errno;
  if (ftruncate(memory, byte_count) != 0) {
    int number = errno;
    close(memory);
    return number;
  }
  *descriptor = memory;
  return 0;
}

static int make_pipe(int ends[2]) {
  if (pipe(ends) != 0) return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    ends[i] = lifted(ends[i]);
    if (ends[i] < 0) return -1;
  }
  return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static int make_sockets(int ends[2]) {
  // A socket, unlike a pipe, can be written without a signal when nobody reads.
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    ends[i] = lifted(ends[i]);
    if (ends[i] < 0) return -1;
  }
  return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static int32_t spawn(const char *const *arguments, const char *directory, const int child[4],
                     pid_t *process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  for (int i = 0; i < 4; i++) posix_spawn_file_actions_adddup2(&actions, child[i], i);
  if (directory) posix_spawn_file_actions_addchdir_np(&actions, directory);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  // A group of its own: a key on the terminal stops this process, and this process the program.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int result = posix_spawnp(process, arguments[0], &actions, &attributes,
                            (char *const *)arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return result;
}

int32_t sluice_program_start(const char *const *arguments, const char *directory, int32_t shared,
                             sluice_program *program) {
  int ends[6] = {-1, -1, -1, -1, -1, -1};
  int *input = ends, *output = ends + 2, *errors = ends + 4;
  if (make_sockets(input) != 0 || make_pipe(output) != 0 || make_pipe(errors) != 0) {
    int number = errno;
    close_all(ends, 6);
    return number;
  }
  int child[4] = {input[1], output[1], errors[1], shared};
  pid_t process;
  int32_t result = spawn(arguments, directory, child, &process);
  close(input[1]);
  close(output[1]);
  close(errors[1]);
  if (result != 0) {
    close(input[0]);
    close(output[0]);
    close(errors[0]);
    return result;
  }
  program->process = process;
  program->input = input[0];
  program->output = output[0];
  program->errors = errors[0];
  return 0;
}

int32_t sluice_program_send(const sluice_program *program, const void *bytes, size_t byte_count,
                            int32_t milliseconds) {
  int64_t end = now_milliseconds() + milliseconds;
  const char *next = bytes;
  while (byte_count > 0) {
    ssize_t sent = send(program->input, next, byte_count, MSG_NOSIGNAL);
    if (sent > 0) {
      next += sent;
      byte_count -= (size_t)sent;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return errno == ECONNRESET ? EPIPE : errno;
    int64_t left = end - now_milliseconds();
    if (left <= 0) return ETIMEDOUT;
    struct pollfd wait = {program->input, POLLOUT, 0};
    poll(&wait, 1, left > 1000 ? 1000 : (int)left);
  }
  return 0;
}

int32_t sluice_program_wait(const sluice_program *program, int32_t milliseconds, int32_t *ready) {
  struct pollfd wait[2] = {{program->output, POLLIN, 0}, {program->errors, POLLIN, 0}};
  int result = poll(wait, 2, milliseconds);
  *ready = 0;
  if (result < 0) return errno == EINTR ? 0 : errno;
  for (int i = 0; i < 2; i++) {
    if (wait[i].revents != 0) *ready |= 1 << i;
  }
  return 0;
}

void sluice_program_stop(sluice_program *program, int32_t is_polite, int32_t *status) {
  *status = 0;
  if (program->process <= 0) return;
  // The end of its input tells a program that nothing more comes.
  close(program->input);
  int state = 0;
  pid_t ended = 0;
  int64_t end = now_milliseconds() + (is_polite ? 1000 : 50);
  while ((ended = waitpid(program->process, &state, WNOHANG)) == 0 && now_milliseconds() < end) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
  }
  // The group, for what the program may have started.
  kill(-program->process, SIGKILL);
  if (ended == 0) {
    do {
      ended = waitpid(program->process, &state, 0);
    } while (ended < 0 && errno == EINTR);
  }
  if (ended > 0) *status = WIFSIGNALED(state) ? 256 + WTERMSIG(state) : WEXITSTATUS(state);
  close(program->output);
  close(program->errors);
  program->process = 0;
}
