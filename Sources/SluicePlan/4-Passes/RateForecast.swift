internal import SluiceDataflow
internal import SluiceKernels
internal import SluiceRecipe
package import SluiceStages

/// Foresees the rates of linear layers from a sample of each, before any is counted: what a survey packs need not reach
/// below them.
///
/// The rule is asked about the sampled significances, and about how its answer changes where a layer is more significant than its
/// sample says. Whoever uses what was kept asks whether it was enough, so that a wrong forecast costs time and nothing else.
package struct RateForecast: Sendable {
  /// Standard errors of a layer's significance that its rate allows for.
  private static let errors = 3.0
  /// What it allows for besides: the errors of the other layers.
  private static let margin = 0.005
  /// In so many groups layers are made more significant, so that their mean stays about the same.
  private static let groups = 16
  /// Short reads wait for the disk, which serves several at a time.
  private static let threadCount = 8
  /// Of more layers than these a sample takes too long.
  private static let layerLimit = 4096

  private typealias Sample = (value: LinearStatistics, error: Double)

  /// The bytes that samples took.
  package let readByteCount: Int
  /// For each layer by its ordinal, what each model's lowest rate will be at least.
  private let lowestRates: [Int: [Double?]]

  /// Looks at samples; nil if there is nothing to foresee.
  ///
  /// - Parameters:
  ///   - linear: The linear layers, as rules get them.
  ///   - plan: The plan.
  ///   - cutting: What makes rates of significances.
  ///   - question: What makes a layer significant.
  ///   - kernels: The kernels to compute with.
  /// - Throws: `FormatError` if a file cannot be read.
  init?(
    of linear: [TensorTask], _ plan: TensorPlan, _ cutting: LayerCutting,
    _ question: SignificanceQuestion, kernels: Kernels
  ) throws {
    guard cutting.looksAcross, question.blockMultiple == .none, !linear.isEmpty,
      linear.count <= Self.layerLimit
    else { return nil }
    let statistic = question.statistic(multiple: question.multiple)
    let models = (0..<plan.modelCount).filter { !plan.stored.isStored($0) }
    let found = Monitor(
      (samples: [[Sample?]](repeating: [], count: linear.count), readByteCount: 0))
    try Graph.workThrough(
      Array(linear.indices), "sample", threads: min(Self.threadCount, linear.count)
    ) { list, _ in
      let sampler = LayerSampler(of: linear, plan, statistic, kernels: kernels)
      while let position = try list.next() {
        let own = try sampler.samples(of: linear[position], models)
        found.withLock { $0.samples[position] = own }
      }
      found.withLock { $0.readByteCount += sampler.readByteCount }
    }
    let (samples, readByteCount) = found.withLock { $0 }
    self.readByteCount = readByteCount
    var lowest = Array(
      repeating: [Double?](repeating: nil, count: plan.modelCount), count: linear.count)
    for (place, model) in models.enumerated() {
      let own = samples.compactMap { $0[place] }
      // A rule looks at all layers of a model.
      guard own.count == linear.count else { continue }
      let rates = Self.lowestRates(linear, own, of: model, plan, cutting)
      for (position, rate) in rates.enumerated() { lowest[position][model] = rate }
    }
    lowestRates = Dictionary(uniqueKeysWithValues: zip(linear.map(\.ordinal), lowest))
  }

  /// The rate that a layer of a model will have at least; nil if that is not foreseen.
  package func lowestRate(of task: TensorTask, model: Int) -> Double? {
    lowestRates[task.ordinal]?[model]
  }

  private static func lowestRates(
    _ linear: [TensorTask], _ samples: [Sample], of model: Int,
    _ plan: TensorPlan, _ cutting: LayerCutting
  ) -> [Double] {
    // What other models have plays no part.
    let nothing = linear.map {
      LinearStatistics(
        name: $0.name, elementCount: $0.elementCount, zeroCount: 0, mean: 0, significance: 0)
    }
    func rates(_ group: Int?) -> [Double] {
      let layers = zip(nothing, samples).enumerated().map { position, layer in
        let (named, sample) = layer
        let more = position % groups == group ? errors * sample.error : 0
        return LinearStatistics(
          name: named.name, elementCount: named.elementCount, zeroCount: 0,
          mean: sample.value.mean, significance: sample.value.significance + more,
          block: named.block)
      }
      let all = (0..<plan.modelCount).map { $0 == model ? layers : nothing }
      let rates = cutting.rates(of: LayerStatistics(tasks: linear, layers: all))
      return linear.map { rates[$0.ordinal, model].last ?? 0 }
    }
    var lowest = rates(nil)
    for group in 0..<min(groups, linear.count) {
      let changed = rates(group)
      for position in stride(from: group, to: linear.count, by: groups) {
        lowest[position] = min(lowest[position], changed[position])
      }
    }
    // What a rule says that is no number foresees nothing.
    return lowest.map { $0.isFinite ? min(max(0, $0 - margin), 1) : 0 }
  }
}
