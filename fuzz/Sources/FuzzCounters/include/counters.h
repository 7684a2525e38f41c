/// Nothing to call: the linker puts `counters.c` between the instrumented code and libFuzzer.
