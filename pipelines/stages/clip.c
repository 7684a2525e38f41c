// A stage for sluice: clips every delta to a fixed limit. Build it with
//
//   cc -O2 -o clip pipelines/stages/clip.c
//
// and name it in a recipe:
//
//   - exec: {command: [./clip, "0.001"], scope: all}
//
// The protocol is described in docs/reference/exec-protocol.md. A request is one line of JSON with
// members in no fixed order; this program looks for the few that it needs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// The integer after a member of the outermost object, or -1. Texts cannot be mistaken for members:
// inside a text, quotation marks stand after a backslash.
static long member(const char *line, const char *name) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\":", name);
  const char *found = strstr(line, key);
  if (!found) return -1;
  found += strlen(key);
  while (*found == ' ' || *found == '[') found++;
  return strtol(found, NULL, 10);
}

int main(int count, char **arguments) {
  float limit = count > 1 ? strtof(arguments[1], NULL) : 0.001f;
  char *line = NULL;
  size_t capacity = 0;
  if (getline(&line, &capacity, stdin) < 0 || member(line, "version") != 1) return 1;
  char *shared = mmap(NULL, (size_t)member(line, "bytes"), PROT_READ | PROT_WRITE, MAP_SHARED,
                      (int)member(line, "descriptor"), 0);
  if (shared == MAP_FAILED) return 1;
  printf("{\"protocol\":\"sluice-exec\",\"version\":1}\n");
  fflush(stdout);
  while (getline(&line, &capacity, stdin) >= 0) {
    long elements = member(line, "count");
    const float *deltas = (const float *)(shared + member(line, "inputs"));
    float *result = (float *)(shared + member(line, "output"));
    for (long i = 0; i < elements; i++) {
      float delta = deltas[i];
      result[i] = delta > limit ? limit : delta < -limit ? -limit : delta;
    }
    printf("{\"chunk\":%ld,\"count\":%ld}\n", member(line, "chunk"), elements);
    fflush(stdout);
  }
  return 0;
}
