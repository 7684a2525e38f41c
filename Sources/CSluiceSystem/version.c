#include "sluice_system.h"

// The module SluiceCommit defines it, which the product `sluice` links and tests do not.
__attribute__((weak)) const char *sluice_built_from(void);

const char *sluice_commit(void) { return sluice_built_from ? sluice_built_from() : ""; }
