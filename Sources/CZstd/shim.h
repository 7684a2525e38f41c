#pragma once
#include <zstd.h>

/// Whether literals are coded by their frequency: 1 always. Its own name is hidden from programs that link dynamically, for it
/// may change; versions 1.4 to 1.5 have it.
static const ZSTD_cParameter ZSTD_c_codesLiterals = ZSTD_c_experimentalParam5;
