// The record of calls that change a disk: heads, each with its texts and bytes behind it.
#pragma once

#include <stdint.h>

enum {
  r_create = 1, r_unnamed, r_write, r_truncate, r_allocate, r_sync, r_rename, r_unlink, r_mkdir
};

struct record_head {
  uint32_t what;
  // The number of the file on its device, which the kernel gives again once the file is gone.
  uint64_t file;
  // Where bytes go; of r_truncate and r_allocate the length.
  int64_t offset;
  uint32_t path_length;
  uint32_t other_length;
  uint64_t byte_count;
};
