import ModelFamilies
import Platform

/// What a method allocates for more of the same: the difference between two merges, divided by what the larger
/// one has more.
///
/// Whatever a run allocates once cancels out, so this is the steady state.
public struct Growth: Hashable, Sendable {
  /// Its name, such as `growth of dppa-ties`.
  public let name: String
  /// The scenario whose options it merges with.
  public let scenario: Scenario
  /// The smaller family.
  public let small: Family
  /// The family with more chunks in its largest tensor.
  public let moreChunks: Family
  /// The family with more layers.
  public let moreLayers: Family

  private init(of scenario: Scenario) {
    name = "growth of \(scenario.name)"
    self.scenario = scenario
    small = Family(shape: "tiny", largestTensorBytes: 8 << 20)
    moreChunks = Family(shape: "tiny", largestTensorBytes: 56 << 20)
    moreLayers = Family(shape: "tiny", layers: 42, largestTensorBytes: 8 << 20)
  }

  /// The scenarios of which growth is counted: one for each kind of pass.
  public static let all: [Growth] = Scenario.all.filter {
    ["dppa-ties", "dare-ties", "average", "original-ties", "spill-rice"].contains($0.name)
  }.map(Growth.init(of:))

  /// Memory that makes chunks small, so that a small family has many.
  static let options = ["--threads", "1", "--memory", "48MiB"]

  /// How many chunks the family with more of them has more.
  /// - Parameter chunkElements: the most elements in a chunk.
  /// - Returns: their number.
  /// - Throws: `BenchFailure` when a family cannot be laid out.
  func furtherChunks(of chunkElements: Int) throws -> Double {
    func chunks(_ family: Family) throws -> Int {
      try family.layout(runShape: "").shards.flatMap(\.tensors).reduce(0) {
        $0 + ($1.tensor.elementCount + chunkElements - 1) / chunkElements
      }
    }
    return Double(try chunks(moreChunks) - chunks(small))
  }

  /// How many tensors the family with more layers has more.
  /// - Returns: their number.
  /// - Throws: `BenchFailure` when a family cannot be laid out.
  func furtherTensors() throws -> Double {
    func tensors(_ family: Family) throws -> Int {
      try family.layout(runShape: "").shards.reduce(0) { $0 + $1.tensors.count }
    }
    return Double(try tensors(moreLayers) - tensors(small))
  }

  /// The quotients.
  /// - Parameters:
  ///   - small: counts of the smaller family.
  ///   - moreChunks: counts of the one with more chunks.
  ///   - moreLayers: counts of the one with more layers.
  ///   - chunks: how many chunks the second has more, in one pass.
  ///   - tensors: how many tensors the third has more.
  /// - Returns: the counts per chunk and per tensor.
  public static func counts(
    small: Counts, moreChunks: Counts, moreLayers: Counts, chunks: Double, tensors: Double
  ) -> Counts {
    func quotient(_ quantity: Counts.Quantity, _ more: Counts, _ number: Double) -> Double {
      ((more.values[quantity] ?? 0) - (small.values[quantity] ?? 0)) / number
    }
    return Counts(values: [
      .allocationsPerChunk: quotient(.allocations, moreChunks, chunks),
      .mappingsPerChunk: quotient(.mappings, moreChunks, chunks),
      .allocationsPerTensor: quotient(.allocations, moreLayers, tensors),
    ])
  }
}
