#pragma once

#include <sys/types.h>

// Process groups that must not outlive this process.
//
// A process of its own, started with the first group, waits until this one has ended, in whatever way,
// and then kills the groups that are left. It ignores the signals of terminals and schedulers.
void sluice_guard_group(pid_t group);

// To be called when a group has been killed and before its leader's number is given up.
void sluice_unguard_group(pid_t group);
