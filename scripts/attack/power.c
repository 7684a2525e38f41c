// Rebuilds what a disk holds after a loss of power, from a record of `calls.c`.
//
//   power count RECORD
//   power rebuild RECORD ROOT CALLS MODEL SEED
//
// ROOT is an empty directory, under which all was recorded; CALLS of the calls happened. What was
// synced is there: the bytes of a file once the file is, a name once its directory is. Of the rest
//   strict   nothing is there,
//   ordered  names are up to some call, as a journal of a file system keeps them, and any of the bytes,
//   any      each name and each write is there or not, and writes may be torn.
// A file may have grown by what is lost; such bytes are zeros or what lay on the disk before.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"

struct change {
  uint32_t what;
  int64_t offset;
  const char *bytes;
  uint64_t count;
  int is_safe;
};

struct node {
  uint64_t number;
  int is_directory;
  struct change *changes;
  size_t change_count, change_room;
};

// A name that comes (child >= 0) or goes. What a rename does is two of these with one group.
struct naming {
  int directory, child;
  const char *name;
  size_t group;
  int is_safe, is_there;
};

struct entry { int directory, child; const char *name; };

static struct node *nodes;
static int node_count, node_room;
static struct naming *namings;
static size_t naming_count, naming_room, group_count;
static struct entry *entries;
static size_t entry_count, entry_room;
static const char *root;

static void *grown(void *memory, size_t count, size_t *room, size_t size) {
  if (count < *room) return memory;
  *room = *room ? *room * 2 : 64;
  memory = realloc(memory, *room * size);
  if (!memory) exit(70);
  return memory;
}

static uint64_t draw_state;
static uint64_t draw(uint64_t below) {
  draw_state += 0x9E3779B97F4A7C15u;
  uint64_t z = draw_state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return below ? z % below : 0;
}

static int add_node(uint64_t number, int is_directory) {
  size_t room = (size_t)node_room;
  nodes = grown(nodes, (size_t)node_count, &room, sizeof *nodes);
  node_room = (int)room;
  nodes[node_count] = (struct node){number, is_directory, NULL, 0, 0};
  return node_count++;
}

// The youngest with a number: the kernel gives numbers again.
static int node_with(uint64_t number) {
  for (int i = node_count - 1; i >= 0; i--) {
    if (nodes[i].number == number) return i;
  }
  return -1;
}

static void set_entry(int directory, const char *name, int child) {
  for (size_t i = 0; i < entry_count; i++) {
    if (entries[i].directory != directory || strcmp(entries[i].name, name)) continue;
    if (child >= 0) entries[i].child = child;
    else entries[i] = entries[--entry_count];
    return;
  }
  if (child < 0) return;
  entries = grown(entries, entry_count, &entry_room, sizeof *entries);
  entries[entry_count++] = (struct entry){directory, child, name};
}

static int entry_of(int directory, const char *name) {
  for (size_t i = 0; i < entry_count; i++) {
    if (entries[i].directory == directory && !strcmp(entries[i].name, name)) return entries[i].child;
  }
  return -1;
}

// The directory of a path and its last part; the directory is -1 if it is not known.
static int place_of(const char *path, const char **name) {
  size_t length = strlen(root);
  if (strncmp(path, root, length) || path[length] != '/') return -1;
  char *copy = strdup(path + length + 1);
  int directory = 0;
  char *part = copy;
  for (char *slash; (slash = strchr(part, '/')); part = slash + 1) {
    *slash = 0;
    directory = entry_of(directory, part);
    if (directory < 0) return -1;
  }
  *name = part;
  return directory;
}

static void add_naming(const char *path, int child, size_t group) {
  const char *name;
  int directory = place_of(path, &name);
  if (directory < 0) return;
  namings = grown(namings, naming_count, &naming_room, sizeof *namings);
  namings[naming_count++] = (struct naming){directory, child, name, group, 0, 0};
  set_entry(directory, name, child);
}

static void add_change(const struct record_head *head, const char *bytes) {
  int index = node_with(head->file);
  if (index < 0) return;
  struct node *node = &nodes[index];
  node->changes = grown(node->changes, node->change_count, &node->change_room, sizeof *node->changes);
  node->changes[node->change_count++] =
      (struct change){head->what, head->offset, bytes, head->byte_count, 0};
}

static void sync_node(const struct record_head *head, const char *path) {
  int index = strcmp(path, root) ? node_with(head->file) : 0;
  if (index < 0) return;
  for (size_t i = 0; i < nodes[index].change_count; i++) nodes[index].changes[i].is_safe = 1;
  if (!nodes[index].is_directory) return;
  for (size_t i = 0; i < naming_count; i++) {
    if (namings[i].directory != index || namings[i].is_safe) continue;
    // Both halves of a rename become safe together.
    for (size_t j = 0; j < naming_count; j++) {
      if (namings[j].group == namings[i].group) namings[j].is_safe = 1;
    }
  }
}

static void happen(const struct record_head *head, const char *path, const char *other,
                   const char *bytes) {
  size_t group = ++group_count;
  switch (head->what) {
    case r_create: add_naming(path, add_node(head->file, 0), group); break;
    case r_mkdir: add_naming(path, add_node(head->file, 1), group); break;
    case r_unnamed: add_node(head->file, 0); break;
    case r_unlink: add_naming(path, -1, group); break;
    case r_rename: {
      const char *name;
      int directory = place_of(path, &name);
      int child = directory < 0 ? -1 : entry_of(directory, name);
      if (child < 0) child = node_with(head->file);
      add_naming(path, -1, group);
      if (child >= 0) add_naming(other, child, group);
      break;
    }
    case r_sync: sync_node(head, path); break;
    default: add_change(head, bytes);
  }
}

static void must(int result, const char *path) {
  if (result >= 0) return;
  fprintf(stderr, "power: %s: %s\n", path, strerror(errno));
  exit(74);
}

static void fill(int file, const struct node *node, int is_strict, const char *path) {
  int64_t length = 0;
  for (size_t i = 0; i < node->change_count; i++) {
    const struct change *change = &node->changes[i];
    int is_there = change->is_safe || (!is_strict && draw(2));
    uint64_t count = change->count;
    if (!change->is_safe && is_there && draw(4) == 0) count = draw(count / 512 + 1) * 512;
    if (change->what != r_write) {
      if (!is_there) continue;
      if (change->what == r_allocate && change->offset <= length) continue;
      must(ftruncate(file, change->offset), path);
      length = change->offset;
      continue;
    }
    int64_t end = change->offset + (int64_t)change->count;
    if (is_there) {
      for (uint64_t done = 0; done < count;) {
        ssize_t written = pwrite(file, change->bytes + done, count - done, change->offset + (int64_t)done);
        must(written > 0 ? 0 : -1, path);
        done += (uint64_t)written;
      }
      if (change->offset + (int64_t)count > length) length = change->offset + (int64_t)count;
    } else if (!is_strict && end > length && draw(4) == 0) {
      // The file grew, and its new bytes are what lay on the disk before.
      char old[512];
      memset(old, 0xA5, sizeof old);
      int64_t place = change->offset > length ? change->offset : length;
      while (place < end) {
        size_t piece = end - place < 512 ? (size_t)(end - place) : 512;
        must(pwrite(file, old, piece, place) > 0 ? 0 : -1, path);
        place += (int64_t)piece;
      }
      length = end;
    }
  }
}

static void build(int directory, const char *path, int is_strict) {
  for (size_t i = 0; i < entry_count; i++) {
    if (entries[i].directory != directory) continue;
    char *child;
    if (asprintf(&child, "%s/%s", path, entries[i].name) < 0) exit(70);
    const struct node *node = &nodes[entries[i].child];
    if (node->is_directory) {
      must(mkdir(child, 0777), child);
      build(entries[i].child, child, is_strict);
    } else {
      int file = open(child, O_RDWR | O_CREAT | O_EXCL, 0666);
      must(file, child);
      fill(file, node, is_strict, child);
      must(close(file), child);
    }
    free(child);
  }
}

int main(int count, char **arguments) {
  int rebuilds = count == 7 && !strcmp(arguments[1], "rebuild");
  if (!rebuilds && !(count == 3 && !strcmp(arguments[1], "count"))) return 64;
  int file = open(arguments[2], O_RDONLY);
  struct stat status;
  must(file, arguments[2]);
  must(fstat(file, &status), arguments[2]);
  char *bytes = status.st_size ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0) : "";
  if (bytes == MAP_FAILED) must(-1, arguments[2]);
  root = rebuilds ? arguments[3] : "";
  long limit = rebuilds ? atol(arguments[4]) : -1, calls = 0;
  add_node(0, 1);
  for (off_t place = 0; place + (off_t)sizeof(struct record_head) <= status.st_size; calls++) {
    if (rebuilds && calls == limit) break;
    struct record_head head;
    memcpy(&head, bytes + place, sizeof head);
    const char *text = bytes + place + sizeof head;
    if (rebuilds) {
      char *path = strndup(text, head.path_length);
      char *other = strndup(text + head.path_length, head.other_length);
      happen(&head, path, other, text + head.path_length + head.other_length);
    }
    place += (off_t)(sizeof head + head.path_length + head.other_length + head.byte_count);
  }
  if (!rebuilds) {
    printf("%ld\n", calls);
    return 0;
  }
  int is_strict = !strcmp(arguments[5], "strict"), is_any = !strcmp(arguments[5], "any");
  draw_state = (uint64_t)atoll(arguments[6]) * 1000003u + (uint64_t)limit;
  // What is there of the names: what is safe, and of the rest what the model says.
  size_t last = draw(group_count + 1);
  for (size_t i = 0; i < naming_count; i++) {
    struct naming *naming = &namings[i];
    naming->is_there = naming->is_safe;
    if (is_strict || naming->is_safe) continue;
    if (i > 0 && namings[i - 1].group == naming->group) naming->is_there = namings[i - 1].is_there;
    else naming->is_there = is_any ? draw(2) == 0 : naming->group <= last;
  }
  entry_count = 0;
  for (size_t i = 0; i < naming_count; i++) {
    if (namings[i].is_there) set_entry(namings[i].directory, namings[i].name, namings[i].child);
  }
  build(0, root, is_strict);
  return 0;
}
