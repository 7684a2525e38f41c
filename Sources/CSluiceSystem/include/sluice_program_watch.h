#pragma once

#include <stdint.h>

#include "sluice_program.h"

#ifdef __cplusplus
extern "C" {
#endif

// Says whether a program has ended, without waiting and without collecting its status: 1 or 0. What
// it started may still be there.
int32_t sluice_program_has_ended(const sluice_program *program);

// Sends a signal to a program and to all that it started.
void sluice_program_signal(const sluice_program *program, int32_t number);

// Lets the program see the end of its input.
void sluice_program_end_input(const sluice_program *program);

// Kills a process group whose leader began at a time that an earlier run noted: 1 if it was there.
// The time is that of /proc/PID/stat, so that a process that got the number later is left alone.
int32_t sluice_program_kill_leftover(int32_t process, uint64_t start_time);

// When a process began, in the ticks of /proc/PID/stat; 0 where that is not known.
uint64_t sluice_program_start_time(int32_t process);

#ifdef __cplusplus
}
#endif
