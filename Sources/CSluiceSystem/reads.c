#define _GNU_SOURCE
#include "sluice_system.h"

#include <errno.h>

// Several reads of one thread at a time, through the kernel's asynchronous transfers (io_submit(2)): with a file
// that is open around the page cache they go to the disk together.

#ifdef __linux__

#include <linux/aio_abi.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { reads_at_once = 32 };

uint64_t sluice_begin_reads(void) {
  aio_context_t context = 0;
  return syscall(SYS_io_setup, reads_at_once, &context) == 0 ? context : 0;
}

void sluice_end_reads(uint64_t context) {
  if (context != 0) syscall(SYS_io_destroy, (aio_context_t)context);
}

static void read_some(aio_context_t context, struct sluice_read *reads, long count) {
  struct iocb blocks[reads_at_once];
  struct iocb *order[reads_at_once];
  memset(blocks, 0, sizeof blocks);
  for (long i = 0; i < count; i++) {
    blocks[i].aio_lio_opcode = IOCB_CMD_PREAD;
    blocks[i].aio_fildes = (uint32_t)reads[i].descriptor;
    blocks[i].aio_buf = (uintptr_t)reads[i].bytes;
    blocks[i].aio_nbytes = (uint64_t)reads[i].byte_count;
    blocks[i].aio_offset = reads[i].offset;
    blocks[i].aio_data = (uint64_t)i;
    order[i] = blocks + i;
  }
  // Fewer are taken where the system has no room for more, or refuses one: the rest is left undone.
  long taken = syscall(SYS_io_submit, context, count, order);
  struct io_event events[reads_at_once];
  while (taken > 0) {
    // The buffers belong to the disk until all have come back.
    long ended = syscall(SYS_io_getevents, context, taken, taken, events, NULL);
    for (long i = 0; i < ended; i++) reads[events[i].data].done = events[i].res;
    if (ended > 0) taken -= ended;
    if (ended < 0 && errno != EINTR) return;
  }
}

void sluice_read_together(uint64_t context, struct sluice_read *reads, int64_t count) {
  for (int64_t i = 0; i < count; i++) reads[i].done = -EAGAIN;
  if (context == 0) return;
  for (int64_t i = 0; i < count; i += reads_at_once) {
    read_some(context, reads + i, count - i < reads_at_once ? count - i : reads_at_once);
  }
}

#else

uint64_t sluice_begin_reads(void) { return 0; }

void sluice_end_reads(uint64_t context) { (void)context; }

void sluice_read_together(uint64_t context, struct sluice_read *reads, int64_t count) {
  (void)context;
  for (int64_t i = 0; i < count; i++) reads[i].done = -EAGAIN;
}

#endif
