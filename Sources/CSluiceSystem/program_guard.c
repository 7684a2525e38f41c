#define _GNU_SOURCE
#include "program_guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

// More groups at a time are not guarded; each is still ended by the run that started it.
enum { group_limit = 1024 };

struct message {
  int32_t group;
  int32_t is_new;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
// The end that closes with this process.
static int messages = -1;
static pid_t owner, guard_process;

static void close_others(int kept) {
  for (int descriptor = 0; descriptor < 3; descriptor++) {
    if (descriptor != kept) close(descriptor);
  }
#ifdef __linux__
  if (kept > 3) close_range(3, (unsigned)kept - 1, 0);
  close_range((unsigned)(kept < 3 ? 3 : kept + 1), ~0u, 0);
#endif
}

// The life of the guard. It has the memory of its parent as it was, of which other threads may have
// held locks: nothing but calls to the system.
static void guard(int input) {
  static pid_t groups[group_limit];
  int count = 0;
  // Another session: what ends the parent's group does not end the guard. The parent's locks of files
  // and the ends of others' pipes are not kept either.
  setsid();
  const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT, SIGTSTP};
  for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  close_others(input);
#ifdef __linux__
  prctl(PR_SET_NAME, "sluice-guard");
#endif
  struct message message;
  ssize_t size;
  while ((size = read(input, &message, sizeof message)) != 0) {
    if (size < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (size != sizeof message) break;
    if (message.is_new) {
      if (count < group_limit) groups[count++] = message.group;
      continue;
    }
    for (int i = 0; i < count; i++) {
      if (groups[i] == message.group) groups[i--] = groups[--count];
    }
  }
  for (int i = 0; i < count; i++) kill(-groups[i], SIGKILL);
  _exit(0);
}

// Starts the guard; without one, groups are still ended by the run that started them.
static int start(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  pid_t process = fork();
  if (process == 0) guard(ends[0]);
  close(ends[0]);
  if (process < 0) {
    close(ends[1]);
    return -1;
  }
  owner = getpid();
  guard_process = process;
  return ends[1];
}

// At an end in good order nothing is left to guard: the guard is collected.
__attribute__((destructor)) static void stop(void) {
  if (messages < 0 || owner != getpid()) return;
  close(messages);
  messages = -1;
  while (waitpid(guard_process, NULL, 0) < 0 && errno == EINTR) continue;
}

static void tell(pid_t group, int is_new) {
  pthread_mutex_lock(&mutex);
  if (messages >= 0 && owner != getpid()) messages = -1;
  if (messages < 0 && is_new) messages = start();
  if (messages >= 0) {
    struct message message = {group, is_new};
    while (send(messages, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
  }
  pthread_mutex_unlock(&mutex);
}

void sluice_guard_group(pid_t group) { tell(group, 1); }

void sluice_unguard_group(pid_t group) { tell(group, 0); }
