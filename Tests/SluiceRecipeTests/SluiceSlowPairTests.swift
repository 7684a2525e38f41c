import Testing

/// What the fast tests show with each method once, with every pair of methods that goes together.
@Suite("Every pruning with every merging")
struct SluiceSlowPairTests {
  @Test("method form, chain form and flags give the same bytes", arguments: MethodPair.all)
  func bytes(pair: MethodPair) throws { try MethodBytesTests.expectSameBytes(pair) }

  @Test("the passes of plan and run are the same", arguments: MethodPair.all)
  func passes(pair: MethodPair) throws { try PassTests().expectSamePasses(pair) }
}

/// What the fast tests conclude from fingerprints, byte by byte.
@Suite("Every pipeline in every way")
struct SluiceSlowPipelineTests {
  @Test("each gives the bytes that it says", arguments: PipelineTests.withoutPrograms)
  func bytes(name: String) throws {
    try PipelineTests().expectAsSaid(name, mergesEqualOnes: true)
  }
}
