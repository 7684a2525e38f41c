// A library for LD_PRELOAD that throws away what a program writes in large pieces, without changing the program.
//
// A merge writes its output in pieces of a mebibyte or so with pwrite; such calls end at once as if all were
// written. Smaller ones, of which journals and reports are made, go on to the kernel.

#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { LARGE = 256 << 10 };

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) {
  if (count >= LARGE) return (ssize_t)count;
  return syscall(SYS_pwrite64, file, bytes, count, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return pwrite64(file, bytes, count, offset);
}
