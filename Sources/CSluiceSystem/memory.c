#include "sluice_system.h"

#include <malloc.h>

void sluice_set_up_heaps(void) {
#ifdef M_MMAP_THRESHOLD
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 2 << 20);
  mallopt(M_TOP_PAD, 512 << 10);
#endif
}
