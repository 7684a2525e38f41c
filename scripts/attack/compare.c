// Compares what a run left with what a run that was left alone gave: prints a line for each difference.
//
//   compare whole EXPECTED ROOM    the finished output in ROOM/out, and nothing beside it
//   compare early EXPECTED ROOM    files with a finished name that are not whole
//
// Of reports and results of searches what an interruption may change does not count: costs, and how the last
// attempt was run.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct text { char *bytes; size_t count; };

static struct text read_file(const char *path) {
  struct text text = {NULL, 0};
  int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat status;
  if (file < 0) return text;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    text.bytes = malloc((size_t)status.st_size + 1);
    while (text.count < (size_t)status.st_size) {
      ssize_t done = read(file, text.bytes + text.count, (size_t)status.st_size - text.count);
      if (done <= 0) break;
      text.count += (size_t)done;
    }
    text.bytes[text.count] = 0;
  }
  close(file);
  return text;
}

static int names_any(const char *line, const char *const members[]) {
  char quoted[64];
  for (; *members; members++) {
    snprintf(quoted, sizeof quoted, "\"%s\": ", *members);
    if (strstr(line, quoted)) return 1;
  }
  return 0;
}

// Takes the values of "seconds" out of a line.
static void drop_seconds(char *line) {
  char *found = strstr(line, "\"seconds\": ");
  if (!found) return;
  char *end = found + strlen("\"seconds\": ");
  end += strspn(end, "-0123456789.e");
  memmove(found, end, strlen(end) + 1);
}

static const char *const report_members[] = {
  "seconds", "bytesRead", "bytesWritten", "bytesSpilled", "peakMemory", "peakLeased", "attempts",
  "memory", "plannedMemory", "lanes", "chunkElements", "outputBuffers", "io", "vectorLevel",
  "passes", NULL
};
static const char *const search_members[] = {
  "evaluations", "otherEvaluations", "reusedEvaluations", "idleSeconds", NULL
};

// Rewrites a report or a result without what may differ.
static void make_plain(struct text *text, int is_report) {
  char *to = text->bytes, *next = text->bytes;
  int explains = 0;
  while (next && *next) {
    char *line = next;
    next = strchr(line, '\n');
    if (next) *next++ = 0;
    if (is_report) {
      if (!strncmp(line, " \"explanation\": {", 17)) explains = 1;
      int skips = explains;
      if (explains && !strncmp(line, " }", 2)) explains = 0;
      if (skips || names_any(line, report_members) || !strcmp(line, " ],")) continue;
      if (strstr(line, "\"kind\": \"damaged-work\"") || strstr(line, "\"kind\": \"unlocked-output\"")) continue;
      // What is only looked at for a warning, and could not be.
      if (strstr(line, "could not be compared")) continue;
      // Where such a warning is the last or the only one, brackets and commas around it change.
      size_t length = strlen(line);
      if (!strcmp(line, " \"warnings\": [],")) line[length - 2] = 0;
      if (length > 2 && !strcmp(line + length - 2, "},") && strstr(line, "\"message\": ")) line[length - 1] = 0;
    } else {
      drop_seconds(line);
      if (names_any(line, search_members)) continue;
    }
    size_t length = strlen(line);
    memmove(to, line, length);
    to += length;
    *to++ = '\n';
  }
  text->count = (size_t)(to - text->bytes);
}

static int is_same(const char *expected, const char *found) {
  const char *slash = strrchr(expected, '/'), *name = slash ? slash + 1 : expected;
  struct text a = read_file(expected), b = read_file(found);
  int same = a.bytes && b.bytes;
  if (same && strcmp(name, "search.journal") != 0) {
    int is_report = !strcmp(name, "sluice-report.json");
    if (is_report || !strcmp(name, "search.json")) {
      make_plain(&a, is_report);
      make_plain(&b, is_report);
    }
    same = a.count == b.count && !memcmp(a.bytes, b.bytes, a.count);
  }
  free(a.bytes);
  free(b.bytes);
  return same;
}

struct names { char **items; size_t count; };

// Adds the names of all files below a directory.
static void add_names(struct names *names, const char *directory, const char *prefix) {
  DIR *open = opendir(directory);
  if (!open) return;
  for (struct dirent *entry; (entry = readdir(open));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char path[PATH_MAX], name[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    snprintf(name, sizeof name, "%s%s", prefix, entry->d_name);
    struct stat status;
    if (lstat(path, &status) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      strcat(name, "/");
      add_names(names, path, name);
    } else {
      names->items = realloc(names->items, (names->count + 1) * sizeof *names->items);
      names->items[names->count++] = strdup(name);
    }
  }
  closedir(open);
}

static int has(const struct names *names, const char *name) {
  for (size_t index = 0; index < names->count; index++) {
    if (!strcmp(names->items[index], name)) return 1;
  }
  return 0;
}

static void compare_all(const struct names *expected, const struct names *found, const char *from, const char *to) {
  char a[2 * PATH_MAX], b[2 * PATH_MAX];
  for (size_t index = 0; index < expected->count; index++) {
    const char *name = expected->items[index];
    snprintf(a, sizeof a, "%s/%s", from, name);
    snprintf(b, sizeof b, "%s/%s", to, name);
    if (!has(found, name)) printf("%s is missing\n", name);
    else if (!is_same(a, b)) printf("%s is different\n", name);
  }
  for (size_t index = 0; index < found->count; index++) {
    if (!has(expected, found->items[index])) printf("%s is too much\n", found->items[index]);
  }
}

// What lies beside the output, or in the directory of a spill elsewhere.
static void find_left(const char *directory) {
  DIR *open = opendir(directory);
  if (!open) return;
  for (struct dirent *entry; (entry = readdir(open));) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") && strcmp(name, "..") && strcmp(name, "out") && strcmp(name, "elsewhere")) {
      printf("left behind: %s\n", name);
    }
  }
  closedir(open);
}

int main(int count, char **words) {
  if (count != 4) return 64;
  char output[PATH_MAX], elsewhere[PATH_MAX], a[2 * PATH_MAX], b[2 * PATH_MAX];
  snprintf(output, sizeof output, "%s/out", words[3]);
  snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", words[3]);
  struct names expected = {NULL, 0}, found = {NULL, 0};
  add_names(&expected, words[2], "");
  add_names(&found, output, "");
  if (expected.count == 0) { printf("nothing is expected\n"); return 0; }
  if (!strcmp(words[1], "whole")) {
    compare_all(&expected, &found, words[2], output);
    find_left(words[3]);
    find_left(elsewhere);
    return 0;
  }
  for (size_t index = 0; index < found.count; index++) {
    // What is in directories is work.
    const char *name = found.items[index];
    if (strchr(name, '/') || *name == '.') continue;
    snprintf(a, sizeof a, "%s/%s", words[2], name);
    snprintf(b, sizeof b, "%s/%s", output, name);
    if (!has(&expected, name) || !is_same(a, b)) printf("%s is not whole\n", name);
  }
  return 0;
}
