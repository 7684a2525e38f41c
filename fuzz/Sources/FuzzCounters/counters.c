// Gives libFuzzer the coverage counters near those that the seeds reach, and not the whole program's.
//
// After each input libFuzzer clears and reads every counter it knows. A target links all of sluice, 140,000 counters,
// of which its reader has a few thousand: three quarters of the time went there. What the instrumented code announces
// (`--wrap`, see Package.swift) is therefore kept back until the target ran over the seeds; then the counters that it
// reached are announced, with NEAR at either side. They lie in the order of the source, so that what a reader could
// reach besides is near; inputs that were kept count as seeds, and bring their own neighbours the next time.
#include "counters.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uintptr_t address, flags;
} Edge;

void __real___sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);
void __real___sanitizer_cov_pcs_init(const Edge *start, const Edge *stop);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NEAR = 256 };

static uint8_t *counters, *countersEnd;
static const Edge *edges, *edgesEnd;

// Every object announces the one section of the program.
void __wrap___sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop) {
  counters = start;
  countersEnd = stop;
}

void __wrap___sanitizer_cov_pcs_init(const Edge *start, const Edge *stop) {
  edges = start;
  edgesEnd = stop;
}

static void runFile(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return;
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
  if (bytes && fread(bytes, 1, (size_t)size, file) == (size_t)size) {
    LLVMFuzzerTestOneInput(bytes, (size_t)size);
  }
  free(bytes);
  fclose(file);
}

static void runDirectory(const char *path) {
  DIR *directory = opendir(path);
  if (!directory) return;
  for (struct dirent *entry; (entry = readdir(directory));) {
    char name[4096];
    if (entry->d_type != DT_REG) continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    runFile(name);
  }
  closedir(directory);
}

static void announce(size_t from, size_t to) {
  __real___sanitizer_cov_8bit_counters_init(counters + from, counters + to);
  __real___sanitizer_cov_pcs_init(edges + from, edges + to);
}

// libFuzzer calls it before it counts what it knows.
int LLVMFuzzerInitialize(int *count, char ***arguments) {
  for (int i = 1; i < *count; i++) {
    if ((*arguments)[i][0] != '-') runDirectory((*arguments)[i]);
  }
  size_t all = (size_t)(countersEnd - counters), from = 0, to = 0;
  if ((size_t)(edgesEnd - edges) != all) abort();
  for (size_t i = 0; i < all; i++) {
    if (!counters[i]) continue;
    size_t low = i > NEAR ? i - NEAR : 0, high = i + NEAR < all ? i + NEAR : all;
    if (to && low > to) announce(from, to);
    if (!to || low > to) from = low;
    to = high;
  }
  if (to) announce(from, to);
  memset(counters, 0, all);
  return 0;
}
