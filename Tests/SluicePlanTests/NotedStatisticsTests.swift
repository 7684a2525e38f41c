import SluiceKernels
import SluiceStages
import Testing

@testable import SluicePlan

@Suite("Statistics that are noted") struct NotedStatisticsTests {
  private let granularity = Granularity(
    stripElements: Granularity.grainElements, chunkElements: Granularity.grainElements)

  private func noted(_ tasks: [TensorTask]) -> NotedStatistics {
    NotedStatistics(SignificantShare(multiple: 1), of: tasks, modelCount: 2)
  }

  private func task(_ ordinal: Int, elements: Int = 4) -> TensorTask {
    TensorTask(
      ordinal: ordinal, name: "layers.0.\(ordinal)", role: .linear, elementCount: elements,
      base: TensorSource(file: 0, dtype: .bf16, byteRange: 0..<2 * elements),
      baseElementCount: elements, fineTuned: [nil, nil], fineTunedElementCounts: [0, 0],
      outputDType: .bf16, outputShard: 0, outputOffset: 0, firstStrip: ordinal * 8)
  }

  /// Three elements of a magnitude, and a zero.
  private func histogram(_ magnitude: Float) -> MagnitudeHistogram {
    MagnitudeHistogram([.init(bits: 0, count: 1), .init(bits: magnitude.bitPattern, count: 3)])
  }

  private func note(
    _ task: TensorTask, strip: Int = 0, model: Int, _ found: MagnitudeHistogram,
    to noted: NotedStatistics
  ) {
    noted.note(Strip(task, index: strip, granularity: granularity), model, found)
  }

  private func asked(_ task: TensorTask, _ histogram: MagnitudeHistogram) -> LinearStatistics? {
    let survey = LayerSurvey(
      histogram, name: task.name, significance: SignificantShare(multiple: 1))
    guard case .known(let found) = survey else { return nil }
    return found
  }

  /// Whether it is asked for exactly these tensors.
  private func isMissing(_ tasks: [TensorTask], in noted: NotedStatistics) -> Bool {
    var missing: [TensorTask] = []
    _ = noted.layers { asked in
      missing = asked
      return [[], []]
    }
    return missing == tasks
  }

  @Test("are those that are asked for, in the order of the layers") func layers() throws {
    let tasks = (0..<3).map { task($0) }
    let noted = noted(tasks)
    for model in 0..<2 {
      note(tasks[2], model: model, histogram(Float(model + 1)), to: noted)
      note(tasks[0], model: model, histogram(Float(model + 3)), to: noted)
    }
    note(tasks[1], model: 0, histogram(9), to: noted)
    let layers = try noted.layers { missing in
      #expect(missing == [tasks[1]])
      return try (0..<2).map { [try #require(asked(tasks[1], histogram(Float($0 + 5))))] }
    }
    for model in 0..<2 {
      let magnitudes = [model + 3, model + 5, model + 1].map { histogram(Float($0)) }
      #expect(layers[model] == zip(tasks, magnitudes).map { asked($0, $1) })
    }
  }

  @Test("are none of a tensor of several strips") func severalStrips() {
    let long = task(0, elements: 2 * Granularity.grainElements)
    let noted = noted([long])
    for model in 0..<2 { note(long, strip: 1, model: model, histogram(1), to: noted) }
    #expect(isMissing([long], in: noted))
  }

  @Test("are none where a bin must be looked into") func unresolved() {
    let bins = MagnitudeHistogram([
      .init(bits: 0, span: MagnitudeHistogram.binWidth, count: 4, offsetSum: 8)
    ])
    let noted = noted([task(0)])
    for model in 0..<2 { note(task(0), model: model, bins, to: noted) }
    #expect(isMissing([task(0)], in: noted))
  }
}
