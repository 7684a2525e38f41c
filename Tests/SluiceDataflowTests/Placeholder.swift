import Testing

@Suite("SluiceDataflow") struct SluiceDataflowTests {}
