import Testing

@Suite("SluiceStages") struct SluiceStagesTests {}
