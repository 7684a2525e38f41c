import Testing

@Suite("SluiceMethods") struct SluiceMethodsTests {}
