import Testing

@Suite("SluiceKernels") struct SluiceKernelsTests {}
