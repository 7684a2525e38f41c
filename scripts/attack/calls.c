// Stands between sluice and the C library: kills the process at its n-th file call, makes that call
// fail, or records what reaches the disk. `scripts/attacks` builds it and preloads it.
//
//   ATTACK        count | kill | half | fail | short | record | stop; and what a broken program would do:
//                 drop (a write is only said to be done), flip (a bit of it is another), tear (a name is given to
//                 half a file, and the process killed), remake (from the call on, files opened for writing are emptied)
//   ATTACK_UNDER  directories, parted by colons: calls on paths elsewhere go through
//   ATTACK_KINDS  kinds of calls, parted by commas; all if not set
//   ATTACK_AT     the number of the call, counted from 1; of `count` the bytes of a chunk: what came before the first
//                 read of so many is noted, too
//   ATTACK_ERRNO  the number of the error that `fail` gives
//   ATTACK_ROOM   if it is set, disks have room for anything, and what is reserved takes none: for files that stay sparse
//   ATTACK_LASTS  whether all later calls of these kinds fail, too
//   ATTACK_LOG    where `count` puts a line for each kind, one for the bytes that were read, and one for the
//                 kilobytes that the process had at most, `fail` and `short` a note that they
//                 struck, and `record` its record
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record.h"

enum kind {
  k_open, k_create, k_read, k_write, k_sync, k_rename, k_unlink, k_mkdir, k_allocate, k_truncate,
  k_mmap, k_stat, k_lock, k_writeback, k_list, kind_count
};
static const char *const names[kind_count] = {
  "open", "create", "read", "write", "sync", "rename", "unlink", "mkdir", "allocate", "truncate",
  "mmap", "stat", "lock", "writeback", "list"
};

static enum { off, counting, killing, halving, failing, shortening, recording, stopping, dropping, flipping,
              tearing, remaking } mode;
static const char *under, *log_path;
static unsigned wanted;
static long at;
static int error_number, lasts, has_room;
static atomic_long seen[kind_count], matched, bytes_read;
static atomic_int has_chunk;
static int record_file = -1;
// Guards the record: calls are recorded in the order in which they happen.
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static void note(const char *text) {
  int file = (int)syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) return;
  syscall(SYS_write, file, text, strlen(text));
  syscall(SYS_close, file);
}

__attribute__((constructor)) static void begin(void) {
  // Evaluators and programs of stages are others' and are left alone.
  unsetenv("LD_PRELOAD");
  const char *text = getenv("ATTACK");
  under = getenv("ATTACK_UNDER");
  log_path = getenv("ATTACK_LOG");
  if (!text || !under || !log_path) return;
  wanted = 0;
  const char *kinds = getenv("ATTACK_KINDS");
  for (int kind = 0; kind < kind_count; kind++) {
    size_t length = strlen(names[kind]);
    const char *found = kinds;
    if (!kinds || !*kinds) { wanted |= 1u << kind; continue; }
    while ((found = strstr(found, names[kind]))) {
      if ((found == kinds || found[-1] == ',') && (!found[length] || found[length] == ',')) {
        wanted |= 1u << kind;
      }
      found += length;
    }
  }
  at = getenv("ATTACK_AT") ? atol(getenv("ATTACK_AT")) : 0;
  error_number = getenv("ATTACK_ERRNO") ? atoi(getenv("ATTACK_ERRNO")) : EIO;
  lasts = getenv("ATTACK_LASTS") && *getenv("ATTACK_LASTS") == '1';
  has_room = getenv("ATTACK_ROOM") != NULL;
  if (!strcmp(text, "record")) {
    record_file = (int)syscall(
        SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (record_file >= 0) mode = recording;
  }
  if (!strcmp(text, "count")) mode = counting;
  if (!strcmp(text, "kill")) mode = killing;
  if (!strcmp(text, "half")) mode = halving;
  if (!strcmp(text, "fail")) mode = failing;
  if (!strcmp(text, "short")) mode = shortening;
  if (!strcmp(text, "stop")) mode = stopping;
  if (!strcmp(text, "drop")) mode = dropping;
  if (!strcmp(text, "flip")) mode = flipping;
  if (!strcmp(text, "tear")) mode = tearing;
  if (!strcmp(text, "remake")) mode = remaking;
}

// Notes what was counted so far, each line with a word before it.
static void note_counts(const char *prefix) {
  char lines[2048], *next = lines;
  for (int kind = 0; kind < kind_count; kind++) {
    next += sprintf(next, "%s%s %ld\n", prefix, names[kind], atomic_load(&seen[kind]));
  }
  sprintf(next, "%sbytes %ld\n", prefix, atomic_load(&bytes_read));
  note(lines);
}

// Counts what was read; before the first chunk, what came until then is noted.
static void counts_read(size_t asked, ssize_t done) {
  if (mode != counting) return;
  int none = 0;
  if (at > 0 && asked >= (size_t)at && atomic_compare_exchange_strong(&has_chunk, &none, 1)) {
    note_counts("first-");
  }
  if (done > 0) atomic_fetch_add(&bytes_read, done);
}

__attribute__((destructor)) static void end(void) {
  if (mode != counting) return;
  note_counts("");
  char text[4096];
  int file = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
  long count = file < 0 ? 0 : syscall(SYS_read, file, text, sizeof text - 1);
  if (file >= 0) syscall(SYS_close, file);
  text[count > 0 ? count : 0] = 0;
  const char *peak = strstr(text, "VmHWM:");
  if (!peak) return;
  char line[64];
  snprintf(line, sizeof line, "resident %ld\n", atol(peak + 6));
  note(line);
}

static int is_under(const char *path) {
  for (const char *next = under; *next;) {
    const char *colon = strchrnul(next, ':');
    size_t length = (size_t)(colon - next);
    if (!strncmp(path, next, length) && (!path[length] || path[length] == '/')) return 1;
    next = *colon ? colon + 1 : colon;
  }
  return 0;
}

// The path of a descriptor, as far as the kernel knows one.
static int path_of(int descriptor, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  long count = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  if (count <= 0) return 0;
  path[count] = 0;
  return 1;
}

// A path from the root on; links in it are left alone.
static int absolute(int directory, const char *name, char path[PATH_MAX]) {
  if (!name) return 0;
  if (*name == '/') return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
  char parent[PATH_MAX];
  if (directory == AT_FDCWD) {
    if (syscall(SYS_getcwd, parent, sizeof parent) <= 0) return 0;
  } else if (!path_of(directory, parent)) {
    return 0;
  }
  while (!strncmp(name, "./", 2)) name += 2;
  if (!*name || !strcmp(name, ".")) return snprintf(path, PATH_MAX, "%s", parent) < PATH_MAX;
  return snprintf(path, PATH_MAX, "%s/%s", parent, name) < PATH_MAX;
}

// What becomes of a call: 0 goes through, -1 fails with the number in errno, 1 is cut short.
static int verdict(enum kind kind, const char *path) {
  if (mode == off || mode == recording || !is_under(path)) return 0;
  if (mode == counting) {
    atomic_fetch_add(&seen[kind], 1);
    return 0;
  }
  if (!(wanted >> kind & 1)) return 0;
  long number = atomic_fetch_add(&matched, 1) + 1;
  if (number != at && !((lasts || mode == remaking) && number > at)) return 0;
  if (number == at) note(names[kind]);
  switch (mode) {
    case killing: break;
    case halving: if (kind == k_write) return 1; break;
    case failing: errno = error_number; return -1;
    case stopping: kill(getpid(), SIGSTOP); return 0;
    default: return 1;
  }
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int verdict_at(enum kind kind, int directory, const char *name) {
  char path[PATH_MAX];
  if (mode == off || !absolute(directory, name, path)) return 0;
  int saved = errno, result = verdict(kind, path);
  if (result != -1) errno = saved;
  return result;
}

static int verdict_of(enum kind kind, int descriptor) {
  char path[PATH_MAX];
  if (mode == off || !path_of(descriptor, path)) return 0;
  int saved = errno, result = verdict(kind, path);
  if (result != -1) errno = saved;
  return result;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// -- The record

static void put(const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    long done = syscall(SYS_write, record_file, next, count);
    if (done <= 0) _exit(99);
    next += done;
    count -= (size_t)done;
  }
}

static void record(uint32_t what, uint64_t file, int64_t offset, const char *path,
                   const char *other, const void *bytes, size_t count) {
  struct record_head head = {
    what, file, offset, path ? (uint32_t)strlen(path) : 0, other ? (uint32_t)strlen(other) : 0,
    count
  };
  put(&head, sizeof head);
  if (path) put(path, head.path_length);
  if (other) put(other, head.other_length);
  if (bytes) put(bytes, count);
}

static uint64_t number_of(int descriptor) {
  struct stat status;
  return syscall(SYS_fstat, descriptor, &status) == 0 ? status.st_ino : 0;
}

static uint64_t number_at(int directory, const char *name) {
  struct stat status;
  return syscall(SYS_newfstatat, directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0
      ? status.st_ino : 0;
}

static int records_of(int descriptor, char path[PATH_MAX]) {
  return mode == recording && path_of(descriptor, path) && is_under(path);
}

static int records_at(int directory, const char *name, char path[PATH_MAX]) {
  return mode == recording && absolute(directory, name, path) && is_under(path);
}

// -- Opening

// Makes a file anew as a program does that does not know that others write to it.
static void empties(int directory, const char *name) {
  struct stat status;
  int file = (int)syscall(SYS_openat, directory, name, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return;
  if (syscall(SYS_fstat, file, &status) == 0 && S_ISREG(status.st_mode)) {
    syscall(SYS_ftruncate, file, 0);
    syscall(SYS_ftruncate, file, status.st_size);
  }
  syscall(SYS_close, file);
}

static int open_any(int directory, const char *name, int flags, mode_t permissions) {
  char path[PATH_MAX];
  int makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
  int fate = verdict_at(makes ? k_create : k_open, directory, name);
  if (fate == -1) return -1;
  if (fate == 1 && mode == remaking && (flags & O_ACCMODE) != O_RDONLY) empties(directory, name);
  if (!records_at(directory, name, path) || !(makes || flags & O_TRUNC)) {
    return (int)syscall(SYS_openat, directory, name, flags, permissions);
  }
  pthread_mutex_lock(&order);
  uint64_t before = number_at(directory, name);
  int result = (int)syscall(SYS_openat, directory, name, flags, permissions);
  int saved = errno;
  if (result >= 0) {
    if ((flags & O_TMPFILE) == O_TMPFILE) {
      record(r_unnamed, number_of(result), 0, NULL, NULL, NULL, 0);
    } else if (!before) {
      record(r_create, number_of(result), 0, path, NULL, NULL, 0);
    } else if (flags & O_TRUNC) {
      record(r_truncate, number_of(result), 0, NULL, NULL, NULL, 0);
    }
  }
  pthread_mutex_unlock(&order);
  errno = saved;
  return result;
}

static mode_t permissions_of(int flags, va_list rest) {
  return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPENS(symbol) \
  int symbol(const char *name, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t permissions = permissions_of(flags, rest); \
    va_end(rest); \
    return open_any(AT_FDCWD, name, flags, permissions); \
  }
#define OPENS_AT(symbol) \
  int symbol(int directory, const char *name, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t permissions = permissions_of(flags, rest); \
    va_end(rest); \
    return open_any(directory, name, flags, permissions); \
  }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

DIR *opendir(const char *name) {
  REAL(opendir);
  return verdict_at(k_list, AT_FDCWD, name) == -1 ? NULL : real(name);
}

DIR *fdopendir(int descriptor) {
  REAL(fdopendir);
  return verdict_of(k_list, descriptor) == -1 ? NULL : real(descriptor);
}

// -- Bytes

// Whether a file is one of those whose calls are counted.
static int counted(int file) {
  char path[PATH_MAX];
  int saved = errno, result = path_of(file, path) && is_under(path);
  errno = saved;
  return result;
}

// Reads of several files at a time are not to be had, so that each comes by itself through what follows.
long syscall(long number, ...) {
  va_list all;
  va_start(all, number);
  long given[6];
  for (int i = 0; i < 6; i++) given[i] = va_arg(all, long);
  va_end(all);
  if (number == SYS_io_setup && mode != off) {
    errno = ENOSYS;
    return -1;
  }
  REAL(syscall);
  return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

ssize_t pread(int file, void *bytes, size_t count, off_t offset) {
  int fate = verdict_of(k_read, file);
  if (fate == -1) return -1;
  if (fate == 1 && count > 1) count /= 2;
  ssize_t done = syscall(SYS_pread64, file, bytes, count, offset);
  if (mode == counting && counted(file)) counts_read(count, done);
  return done;
}

ssize_t read(int file, void *bytes, size_t count) {
  int fate = verdict_of(k_read, file);
  if (fate == -1) return -1;
  if (fate == 1 && count > 1) count /= 2;
  ssize_t done = syscall(SYS_read, file, bytes, count);
  if (mode == counting && counted(file)) counts_read(count, done);
  return done;
}

static void dies_after_half(int fate) {
  if (fate != 1 || mode != halving) return;
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static ssize_t write_any(int file, const void *bytes, size_t count, int64_t offset) {
  int fate = verdict_of(k_write, file);
  if (fate == -1) return -1;
  if (fate == 1 && mode == dropping) return (ssize_t)count;
  // As direct writes want it: refused, they would come again through the page cache, and whole.
  _Alignas(4096) char flipped[1 << 16];
  if (fate == 1 && mode == flipping && count > 0) {
    size_t half = count > sizeof flipped ? sizeof flipped : count;
    memcpy(flipped, bytes, half);
    flipped[half / 2] ^= 4;
    // The rest of it comes with the next call.
    bytes = flipped;
    count = half;
    fate = 0;
  }
  if (fate == 1 && count > 1) count /= 2;
  char path[PATH_MAX];
  int records = records_of(file, path);
  if (records) pthread_mutex_lock(&order);
  int64_t place = offset >= 0 ? offset : records ? syscall(SYS_lseek, file, 0, SEEK_CUR) : 0;
  ssize_t result = offset >= 0 ? syscall(SYS_pwrite64, file, bytes, count, offset)
                               : syscall(SYS_write, file, bytes, count);
  int saved = errno;
  if (records) {
    if (result > 0) record(r_write, number_of(file), place, NULL, NULL, bytes, (size_t)result);
    pthread_mutex_unlock(&order);
  }
  dies_after_half(fate);
  errno = saved;
  return result;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return write_any(file, bytes, count, offset);
}

ssize_t write(int file, const void *bytes, size_t count) {
  return write_any(file, bytes, count, -1);
}

static int changes_length(enum kind kind, int file, int64_t count, int system_call) {
  if (verdict_of(kind, file) == -1) return -1;
  char path[PATH_MAX];
  int records = records_of(file, path);
  if (records) pthread_mutex_lock(&order);
  int result = (int)(kind == k_truncate ? syscall(system_call, file, count)
                                        : syscall(system_call, file, 0, 0, count));
  int saved = errno;
  if (records) {
    if (result == 0) {
      record(kind == k_truncate ? r_truncate : r_allocate, number_of(file), count, NULL, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&order);
  }
  errno = saved;
  return result;
}

int ftruncate(int file, off_t count) { return changes_length(k_truncate, file, count, SYS_ftruncate); }

int fallocate(int file, int how, off_t offset, off_t count) {
  (void)how;
  if (has_room) {
    struct stat status;
    if (syscall(SYS_fstat, file, &status) == 0 && status.st_size >= offset + count) return 0;
    return (int)syscall(SYS_ftruncate, file, offset + count);
  }
  return changes_length(k_allocate, file, offset + count, SYS_fallocate);
}

static int sync_any(int file, int system_call) {
  if (verdict_of(k_sync, file) == -1) return -1;
  char path[PATH_MAX];
  int records = records_of(file, path);
  if (records) pthread_mutex_lock(&order);
  int result = (int)syscall(system_call, file);
  int saved = errno;
  if (records) {
    // Of a directory its path is what counts.
    if (result == 0) record(r_sync, number_of(file), 0, path, NULL, NULL, 0);
    pthread_mutex_unlock(&order);
  }
  errno = saved;
  return result;
}

int fsync(int file) { return sync_any(file, SYS_fsync); }
int fdatasync(int file) { return sync_any(file, SYS_fdatasync); }

int sync_file_range(int file, off64_t offset, off64_t count, unsigned flags) {
  if (verdict_of(k_writeback, file) == -1) return -1;
  return (int)syscall(SYS_sync_file_range, file, offset, count, flags);
}

void *mmap(void *address, size_t count, int protection, int flags, int file, off_t offset) {
  if (file >= 0 && !(flags & MAP_ANONYMOUS) && verdict_of(k_mmap, file) == -1) return MAP_FAILED;
  return (void *)syscall(SYS_mmap, address, count, protection, flags, file, offset);
}

// -- Names

// Leaves half a file under its last name, as a program does that writes there at once, and ends.
static void tears(int from, const char *name, int to, const char *target) {
  char bytes[4096];
  struct stat status;
  int source = (int)syscall(SYS_openat, from, name, O_RDONLY | O_CLOEXEC, 0);
  int copy = (int)syscall(SYS_openat, to, target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (source >= 0 && copy >= 0 && syscall(SYS_fstat, source, &status) == 0) {
    for (long left = status.st_size / 2; left > 0;) {
      long count = syscall(SYS_read, source, bytes, left < 4096 ? left : 4096);
      if (count <= 0) break;
      syscall(SYS_write, copy, bytes, count);
      left -= count;
    }
  }
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int rename_any(int from, const char *name, int to, const char *target, unsigned flags) {
  int fate = verdict_at(k_rename, to, target);
  if (fate == -1) return -1;
  if (fate == 1 && mode == tearing) tears(from, name, to, target);
  char old[PATH_MAX], new[PATH_MAX];
  int records = records_at(to, target, new) && absolute(from, name, old);
  if (records) pthread_mutex_lock(&order);
  uint64_t number = records ? number_at(from, name) : 0;
  int result = (int)syscall(SYS_renameat2, from, name, to, target, flags);
  int saved = errno;
  if (records) {
    if (result == 0) record(r_rename, number, 0, old, new, NULL, 0);
    pthread_mutex_unlock(&order);
  }
  errno = saved;
  return result;
}

int rename(const char *name, const char *target) {
  return rename_any(AT_FDCWD, name, AT_FDCWD, target, 0);
}
int renameat(int from, const char *name, int to, const char *target) {
  return rename_any(from, name, to, target, 0);
}
int renameat2(int from, const char *name, int to, const char *target, unsigned flags) {
  return rename_any(from, name, to, target, flags);
}

// What changes one name.
static int changes_name(enum kind kind, uint32_t what, int directory, const char *name, int last) {
  if (verdict_at(kind, directory, name) == -1) return -1;
  char path[PATH_MAX];
  int records = records_at(directory, name, path);
  if (records) pthread_mutex_lock(&order);
  int result = (int)(kind == k_mkdir ? syscall(SYS_mkdirat, directory, name, last)
                                     : syscall(SYS_unlinkat, directory, name, last));
  int saved = errno;
  if (records) {
    if (result == 0) {
      record(what, what == r_mkdir ? number_at(directory, name) : 0, 0, path, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&order);
  }
  errno = saved;
  return result;
}

int unlink(const char *name) { return changes_name(k_unlink, r_unlink, AT_FDCWD, name, 0); }
int rmdir(const char *name) { return changes_name(k_unlink, r_unlink, AT_FDCWD, name, AT_REMOVEDIR); }
int unlinkat(int directory, const char *name, int flags) {
  return changes_name(k_unlink, r_unlink, directory, name, flags);
}
int mkdir(const char *name, mode_t mode) {
  return changes_name(k_mkdir, r_mkdir, AT_FDCWD, name, (int)mode);
}
int mkdirat(int directory, const char *name, mode_t mode) {
  return changes_name(k_mkdir, r_mkdir, directory, name, (int)mode);
}

// -- Questions

int stat(const char *name, struct stat *status) {
  REAL(stat);
  return verdict_at(k_stat, AT_FDCWD, name) == -1 ? -1 : real(name, status);
}

int lstat(const char *name, struct stat *status) {
  REAL(lstat);
  return verdict_at(k_stat, AT_FDCWD, name) == -1 ? -1 : real(name, status);
}

int fstat(int file, struct stat *status) {
  REAL(fstat);
  return verdict_of(k_stat, file) == -1 ? -1 : real(file, status);
}

int fstatat(int directory, const char *name, struct stat *status, int flags) {
  REAL(fstatat);
  return verdict_at(k_stat, directory, name) == -1 ? -1 : real(directory, name, status, flags);
}

// What is said of a disk that has room for anything.
static int roomy(int result, struct statvfs *status) {
  if (has_room && result == 0) status->f_bavail = status->f_bfree = (fsblkcnt_t)1 << 40;
  return result;
}

int statvfs(const char *name, struct statvfs *status) {
  REAL(statvfs);
  return verdict_at(k_stat, AT_FDCWD, name) == -1 ? -1 : roomy(real(name, status), status);
}

int fstatvfs(int file, struct statvfs *status) {
  REAL(fstatvfs);
  return verdict_of(k_stat, file) == -1 ? -1 : roomy(real(file, status), status);
}

int fcntl(int file, int what, ...) {
  va_list rest;
  va_start(rest, what);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  if ((what == F_OFD_SETLK || what == F_OFD_GETLK) && verdict_of(k_lock, file) == -1) return -1;
  return (int)syscall(SYS_fcntl, file, what, argument);
}
