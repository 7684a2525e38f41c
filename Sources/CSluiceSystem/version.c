#include "sluice_system.h"

#define TEXT(name) #name
#define TEXT_OF(name) TEXT(name)

const char *sluice_commit(void) {
#ifdef SLUICE_COMMIT
  return TEXT_OF(SLUICE_COMMIT);
#else
  return "";
#endif
}
