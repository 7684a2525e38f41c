#pragma once

#include <stdint.h>

#include "sluice_program.h"
#include "sluice_program_watch.h"

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

// The open(2) flag for a file without a name, which nobody else can see and which is gone with its
// descriptor, or 0 where there is none. It is opened by the path of a directory.
int32_t sluice_unnamed_file_flag(void);

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

// Guards a read-only mapping of a file: a page of it that cannot be read, because the file was cut
// short or the disk failed, reads as zeros instead of ending the process with SIGBUS. Gives a slot,
// or -1 if there are too many guarded mappings; the mapping is then as it would be without. The
// first call installs a handler of SIGBUS that passes on what is not its own.
int32_t sluice_guard_mapping(uintptr_t address, uintptr_t byte_count);

// Says whether a page of a guarded mapping could not be read so far: 1 or 0.
int32_t sluice_guard_failed(int32_t slot);

// Ends a guard, before the mapping is removed. Gives 1 if a page could not be read, else 0.
int32_t sluice_end_guard(int32_t slot);

// Lets signals be read from a descriptor, whichever thread they come to: also threads that libraries
// started before main. To be called once.
int32_t sluice_catch_signals(const int32_t *numbers, int32_t count, int32_t *descriptor);

// Waits for the next of the signals and gives its number; 0 if there can be none.
int32_t sluice_next_signal(int32_t descriptor);

// Lets malloc give blocks of a mebibyte and more back to the system as soon as they are free. It
// keeps them for itself otherwise, once one of that size was freed. Of small blocks it keeps two mebibytes of each heap
// that are free at its end, and asks for half a mebibyte at once: threads that come and go ask for the same again.
void sluice_set_up_heaps(void);

// Leaves the process the processor that it runs on, until all are given back: libraries that begin meanwhile start no
// threads. May be called before the C library has begun. Nothing happens where the system does not allow it.
void sluice_narrow_processors(void);
void sluice_restore_processors(void);

// One of several reads: what is asked for, and how many bytes came, or a negative errno value.
struct sluice_read {
  int32_t descriptor;
  int64_t offset;
  void *bytes;
  int64_t byte_count;
  int64_t done;
};

// Makes what a thread needs for several reads at a time, and gives it back; 0 where the system has no such thing.
uint64_t sluice_begin_reads(void);
void sluice_end_reads(uint64_t context);

// Does all reads at the same time, and waits until they have ended. What the system does not take has -EAGAIN done.
void sluice_read_together(uint64_t context, struct sluice_read *reads, int64_t count);

// The commit that the program was built from; empty where that is not known, as without git.
const char *sluice_commit(void);

#ifdef __cplusplus
}
#endif
