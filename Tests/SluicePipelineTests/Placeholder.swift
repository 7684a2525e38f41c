import Testing

@Suite("SluicePipeline") struct SluicePipelineTests {}
