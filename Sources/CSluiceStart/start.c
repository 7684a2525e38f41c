#include "sluice_start.h"

#include "sluice_system.h"

#ifdef __linux__
// Functions that are named here are called before those of shared libraries.
__attribute__((section(".preinit_array"), used)) static void (*const begin)(void) =
    sluice_narrow_processors;
#endif
