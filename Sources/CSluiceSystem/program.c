#define _GNU_SOURCE
#include "sluice_program.h"
#include "sluice_program_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program_guard.h"

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

// Between making an end and marking it another lane could start a program, which would inherit it and
// keep it open: the mark comes with the making.
static int lift_ends(int ends[2]) {
  for (int i = 0; i < 2; i++) {
    ends[i] = lifted(ends[i]);
    if (ends[i] < 0) return -1;
  }
  return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static int make_pipe(int ends[2]) {
  return pipe2(ends, O_CLOEXEC) != 0 ? -1 : lift_ends(ends);
}

static int make_sockets(int ends[2]) {
  // A socket, unlike a pipe, can be written without a signal when nobody reads.
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ? -1 : lift_ends(ends);
}

// What happens between vfork and exec: in the memory of the parent, whose thread waits. Only calls to
// the system are made, and no handler of the parent's can run.
static void become(const char *const *arguments, const char *directory, const int child[4],
                   pid_t parent, volatile int *error) {
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0) continue;
    int is_ended_by_us = number == SIGPIPE || number == SIGINT || number == SIGTERM;
    if (action.sa_handler == SIG_DFL || (action.sa_handler == SIG_IGN && !is_ended_by_us)) continue;
    action = (struct sigaction){0};
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, NULL);
  }
  // A group of its own: a key on the terminal stops this process, and this process the program.
  setpgid(0, 0);
#ifdef __linux__
  // It ends with the thread that works with it, however that ends.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
#endif
  for (int i = 0; i < 4; i++) {
    if (dup2(child[i], i) < 0) {
      *error = errno;
      _exit(127);
    }
  }
  if (directory && chdir(directory) != 0) {
    *error = errno;
    _exit(127);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execvp(arguments[0], (char *const *)arguments);
  *error = errno;
  _exit(127);
}

static int32_t spawn(const char *const *arguments, const char *directory, const int child[4],
                     pid_t *process) {
  volatile int error = 0;
  pid_t parent = getpid();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t started = vfork();
  if (started == 0) become(arguments, directory, child, parent, &error);
  int number = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started < 0) return number;
  if (error != 0) {
    while (waitpid(started, NULL, 0) < 0 && errno == EINTR) continue;
    return error;
  }
  *process = started;
  return 0;
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
  sluice_guard_group(process);
  program->process = process;
  program->input = input[0];
  program->output = output[0];
  program->errors = errors[0];
  return 0;
}

int32_t sluice_program_send(const sluice_program *program, const void *bytes, size_t byte_count,
                            size_t *sent_count) {
  *sent_count = 0;
  while (*sent_count < byte_count) {
    ssize_t sent = send(program->input, (const char *)bytes + *sent_count, byte_count - *sent_count,
                        MSG_NOSIGNAL);
    if (sent > 0) {
      *sent_count += (size_t)sent;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return 0;
    } else if (errno != EINTR) {
      return errno == ECONNRESET ? EPIPE : errno;
    }
  }
  return 0;
}

int32_t sluice_program_wait(const sluice_program *program, int32_t is_sending, int32_t milliseconds,
                            int32_t *ready) {
  struct pollfd wait[3] = {
      {program->output, POLLIN, 0}, {program->errors, POLLIN, 0}, {program->input, POLLOUT, 0}};
  int result = poll(wait, is_sending ? 3 : 2, milliseconds);
  *ready = 0;
  if (result < 0) return errno == EINTR ? 0 : errno;
  for (int i = 0; i < 3; i++) {
    if (wait[i].revents != 0) *ready |= 1 << i;
  }
  return 0;
}

void sluice_program_stop(sluice_program *program, int32_t is_polite, int32_t *status) {
  *status = 0;
  if (program->process <= 0) return;
  // The end of its input tells a program that nothing more comes.
  close(program->input);
  int64_t end = now_milliseconds() + (is_polite ? 1000 : 50);
  // Its number is kept until the group is gone: nobody else gets it in between.
  while (!sluice_program_has_ended(program) && now_milliseconds() < end) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
  }
  // The group, for what the program may have started.
  kill(-program->process, SIGKILL);
  sluice_unguard_group(program->process);
  int state = 0;
  pid_t ended;
  do {
    ended = waitpid(program->process, &state, 0);
  } while (ended < 0 && errno == EINTR);
  if (ended > 0) *status = WIFSIGNALED(state) ? 256 + WTERMSIG(state) : WEXITSTATUS(state);
  close(program->output);
  close(program->errors);
  program->process = 0;
}
