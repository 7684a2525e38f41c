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

// Takes the lock of a whole file for writing, without waiting: EAGAIN if another process has it.
// The lock belongs to the open file and goes with its last descriptor, so also when a process dies.
// EOPNOTSUPP where the file system has no locks.
int32_t sluice_lock_file(int32_t descriptor);

// Asks whether somebody has the lock, without taking it: 0 if nobody, EAGAIN if somebody.
int32_t sluice_query_lock(int32_t descriptor);

// Notes that the bytes of a file are mapped at an address, so that a fault there can name the file.
// The path must stay valid until the window is forgotten. Returns a number for that, or -1 if too
// many windows are mapped, which only makes the message of a fault poorer.
int32_t sluice_watch_window(
    const void *start, int64_t byte_count, const char *path, int64_t offset);

// Forgets a window; -1 is ignored. To be called before it is unmapped.
void sluice_forget_window(int32_t window);

// From now on a fault in a mapped file (it was cut short, or its disk failed) ends the process with
// a message that names the file, and the exit code given, instead of a signal.
int32_t sluice_report_mapping_faults(int32_t exit_code);

#ifdef __cplusplus
}
#endif
