import Testing

@Suite("SluiceCore") struct SluiceCoreTests {}
