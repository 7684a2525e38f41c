#define _GNU_SOURCE
#include "sluice_system.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef F_OFD_SETLK

static struct flock whole_file(void) {
  return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
}

static int32_t plain(int number) {
  switch (number) {
    case EACCES: return EAGAIN;
    case ENOSYS: case ENOLCK: case EINVAL: return EOPNOTSUPP;
    default: return number;
  }
}

int32_t sluice_lock_file(int32_t descriptor) {
  struct flock lock = whole_file();
  int result;
  do {
    result = fcntl(descriptor, F_OFD_SETLK, &lock);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : plain(errno);
}

int32_t sluice_query_lock(int32_t descriptor) {
  struct flock lock = whole_file();
  int result;
  do {
    result = fcntl(descriptor, F_OFD_GETLK, &lock);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return plain(errno);
  return lock.l_type == F_UNLCK ? 0 : EAGAIN;
}

#else

int32_t sluice_lock_file(int32_t descriptor) {
  (void)descriptor;
  return EOPNOTSUPP;
}

int32_t sluice_query_lock(int32_t descriptor) {
  (void)descriptor;
  return EOPNOTSUPP;
}

#endif
