// Nothing is called in this library: it is loaded before a program (LD_PRELOAD).
