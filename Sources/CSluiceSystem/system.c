#define _GNU_SOURCE
#include "sluice_system.h"

#include <errno.h>
#include <fcntl.h>

int32_t sluice_direct_open_flag(void) {
#ifdef O_DIRECT
  return O_DIRECT;
#else
  return 0;
#endif
}

#ifdef __linux__

int32_t sluice_allocate(int32_t descriptor, int64_t byte_count) {
  if (byte_count == 0) return 0;
  int result;
  do {
    result = fallocate(descriptor, 0, 0, byte_count);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

int32_t sluice_unnamed_file_flag(void) { return O_TMPFILE; }

static int32_t sync_range(int32_t descriptor, int64_t offset, int64_t byte_count, unsigned flags) {
  int result;
  do {
    result = sync_file_range(descriptor, offset, byte_count, flags);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

int32_t sluice_start_writeback(int32_t descriptor, int64_t offset, int64_t byte_count) {
  return sync_range(descriptor, offset, byte_count, SYNC_FILE_RANGE_WRITE);
}

int32_t sluice_finish_writeback(int32_t descriptor, int64_t offset, int64_t byte_count) {
  return sync_range(
      descriptor, offset, byte_count,
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

#else

int32_t sluice_unnamed_file_flag(void) { return 0; }

int32_t sluice_allocate(int32_t descriptor, int64_t byte_count) {
  (void)descriptor, (void)byte_count;
  return EOPNOTSUPP;
}

int32_t sluice_start_writeback(int32_t descriptor, int64_t offset, int64_t byte_count) {
  (void)descriptor, (void)offset, (void)byte_count;
  return EOPNOTSUPP;
}

int32_t sluice_finish_writeback(int32_t descriptor, int64_t offset, int64_t byte_count) {
  (void)descriptor, (void)offset, (void)byte_count;
  return EOPNOTSUPP;
}

#endif
