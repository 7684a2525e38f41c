#pragma once

#include <stdint.h>

#include "sluice_program.h"

#ifdef __cplusplus
extern "C" {
#endif

// Linux calls that Swift's Glibc module does not show. Each returns 0 or an errno value, so that
// no caller has to read errno after a call; EINTR is handled inside.

// The open(2) flag for transfers around the page cache, or 0 where there is none.
int32_t sluice_direct_open_flag(void);

// Reserves the bytes 0 ..< byte_count of a file and makes it that long. EOPNOTSUPP where the file
// system cannot: unlike posix_fallocate(3), zeros are never written instead.
int32_t sluice_allocate(int32_t descriptor, int64_t byte_count);

// Starts writing dirty pages of the range to disk and returns at once.
int32_t sluice_start_writeback(int32_t descriptor, int64_t offset, int64_t byte_count);

// Waits until the range is on its way no more: every page that was dirty has been written.
int32_t sluice_finish_writeback(int32_t descriptor, int64_t offset, int64_t byte_count);

#ifdef __cplusplus
}
#endif
