import Testing

@Suite("SluiceFormats") struct SluiceFormatsTests {}
