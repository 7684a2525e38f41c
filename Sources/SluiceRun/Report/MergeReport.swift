package import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
package import SluicePlan
internal import SluiceRecipe
package import SluiceStages

/// What a run did: the content of `sluice-report.json` and of the summary on screen.
public struct MergeReport: Sendable {
  /// The version of the file's format.
  package static let version = 1

  /// What the run cost.
  public struct Totals: Sendable, Hashable {
    /// The time of all attempts, each from its first look at the output directory to its end, as
    /// far as it was recorded.
    public var seconds = 0.0
    /// The bytes of weights read, over all passes and attempts.
    public var bytesRead = 0
    /// The bytes of the merged model's weights and index, written in all attempts.
    public var bytesWritten = 0
    /// The bytes written to intermediate files.
    package var bytesSpilled = 0
    /// The most memory that the process had, as the system counts it.
    public var peakMemory = 0
    /// The most bytes of the budget that were in use at once.
    package var peakLeased = 0
    /// How often the run was begun or gone on with.
    package var attempts = 1
  }

  /// What was done with one fine-tuned model.
  public struct Model: Sendable {
    /// The name.
    public let name: String
    /// The directory or file.
    package let path: String
    /// The factor of each partition, most severe first.
    package let factors: [Float]
    /// The rate that was asked for: the mean over its layers, weighted by their elements, where it
    /// differs from layer to layer.
    package let requestedRate: Double
    /// The linear layers, in byte order of their names.
    package let layers: Layers
    /// What solving left of them, where the model's layers were pruned in this way.
    package let solved: SolvedCount?
    /// What a user should know of the layers.
    let layerWarnings: LayerWarnings
    /// How much of its deltas lies along their directions, where these were looked for.
    package let sketched: SketchShare?

    /// How many linear layers were counted.
    package var layerCount: Int { solved?.layers ?? layers.count }
    /// The elements of all linear layers.
    public let elementCount: Int
    /// The deltas of linear layers that were kept; the weights, where weights were removed.
    public let keptCount: Int
    /// The share of linear layers' deltas that was set to zero or was zero; nil without such layers.
    public var achievedRate: Double? {
      elementCount > 0 ? 1 - Double(keptCount) / Double(elementCount) : nil
    }
    /// The mean of the layers' rates, weighted by their elements; nil without such layers.
    package let assignedRate: Double?

    init(
      name: String, path: String, factors: [Float], requestedRate: Double, layers: Layers,
      solved: SolvedCount?, sketched: SketchShare?
    ) {
      (self.name, self.path, self.factors, self.layers) = (name, path, factors, layers)
      (self.requestedRate, self.solved, self.sketched) = (requestedRate, solved, sketched)
      // Once, since there may be ten thousands of layers.
      var (elements, kept, rates) = (solved?.elements ?? 0, solved?.kept ?? 0, 0.0)
      var warnings = LayerWarnings()
      layers.look(at: layers.indices) { index, statistics, unclampedRates, cuts in
        warnings.look(at: statistics, unclampedRates, cuts, index)
        elements += statistics.elementCount
        kept += LayerCuts.kept(cuts)
        rates += LayerCuts.lastRate(unclampedRates) * Double(statistics.elementCount)
      }
      (elementCount, keptCount, layerWarnings) = (elements, kept, warnings)
      assignedRate = layers.isEmpty || elements == 0 ? nil : rates / Double(elements)
    }
  }

  /// The plan that was run.
  package let plan: MergePlan
  /// The fine-tuned models, in order.
  public let models: [Model]
  /// Everything that was skipped, clamped, converted or guessed.
  package internal(set) var warnings: [Warning]
  /// What each pass did.
  package let passes: [PassMetrics]
  /// How tensors were changed.
  package var figures: ChangeFigures?
  /// What the run cost.
  public var totals = Totals()
  /// The small files copied from the base.
  package var copiedFiles: [String] = []
  /// What was planned, with what happened in its place.
  package var explanation: PlanExplanation?
  /// The identity of the run's manifest: equal for equal inputs and recipes.
  var identity = Hash128(high: 0, low: 0)
  /// The integrity sums of the merged tensors.
  let sums: OutputSums
  /// What the adapters of each model changed; nil for models without.
  package let adapters: [AdapterReport?]

  init(
    plan: MergePlan, statistics: LayerStatistics, cuts: CutTable,
    solved: [Int: SolvedCount] = [:], sketched: [Int: [SketchedLayer]] = [:], sums: OutputSums,
    norms: DeltaNorms? = nil,
    passes: [PassMetrics]
  ) throws {
    self.plan = plan
    self.sums = sums
    self.passes = passes
    let method = plan.recipe.method
    let models = plan.recipe.models
    self.models = try Graph.map(
      Array(models.indices), "report", threads: min(plan.memory.lanes, models.count)
    ) { ordinal in
      let model = models[ordinal]
      return Model(
        name: model.name, path: model.path, factors: method.ringFactors(model.amplification),
        requestedRate: plan.requestedRate(model: ordinal),
        layers: Layers(statistics, cuts, model: ordinal), solved: solved[ordinal],
        sketched: sketched[ordinal].flatMap { layers in
          SketchShare(layers, asked: method.usedSketchRank.share) { plan.tasks[$0].name }
        })
    }
    adapters = models.indices.map { AdapterReport(plan, model: $0, norms) }
    warnings =
      plan.warnings + self.models.flatMap { $0.layerWarnings.warnings($0) }
      + zip(self.models, adapters).flatMap { $1?.warnings(model: $0.name) ?? [] }
  }

  /// Puts what happened in the place of what was planned.
  mutating func fillExplanation() {
    guard var explanation else { return }
    explanation.fill(from: self)
    self.explanation = explanation
  }
}
