#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A program that works for this process, with memory that both share. Each call returns 0 or an
// errno value.

typedef struct {
  int32_t process;
  // What the program reads from its standard input is sent here.
  int32_t input;
  // What it writes to its standard output and its standard error is read here.
  int32_t output;
  int32_t errors;
} sluice_program;

// Memory of its own that can be given to a program; it begins as zeros.
int32_t sluice_shared_memory(int64_t byte_count, int32_t *descriptor);

// Starts a program, found on the path, in a directory, with the shared memory as descriptor 3 and in
// a process group of its own. The arguments end with a null pointer. The program ends with the thread
// that starts it, and its group with this process, whatever ends them.
int32_t sluice_program_start(const char *const *arguments, const char *directory, int32_t shared,
                             sluice_program *program);

// Sends as many bytes as can be sent without waiting. EPIPE if the program reads no more.
int32_t sluice_program_send(const sluice_program *program, const void *bytes, size_t byte_count,
                            size_t *sent_count);

// Waits until there is something to read, or room to send if that is asked for: bit 0 for the output,
// bit 1 for the errors, bit 2 for the input; 0 when the time is over. An end of file counts as
// something to read.
int32_t sluice_program_wait(const sluice_program *program, int32_t is_sending, int32_t milliseconds,
                            int32_t *ready);

// Ends the program if it has not ended, with all that it started, and closes everything. The status
// is the exit code, or 256 plus the signal that ended it; it is asked to end first and given some
// time if it is polite, and killed otherwise.
void sluice_program_stop(sluice_program *program, int32_t is_polite, int32_t *status);

#ifdef __cplusplus
}
#endif
