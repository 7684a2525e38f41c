internal import SluiceArchitecture
package import SluiceCore
package import SluiceFormats
internal import SluiceMethods
public import SluiceRecipe
package import SluiceStages

/// A recipe with everything about its models looked up and checked: what is read, what is done with
/// each tensor, and where every byte goes, before the first is written.
public struct MergePlan: Sendable {
  /// What was asked for.
  package let recipe: MergeRecipe
  /// The tensors, the passes over them, and how memory and disk are spent.
  package let tensors: TensorPlan
  /// What was skipped, converted or guessed.
  package let warnings: [Warning]
  /// What the passes of the merge were made from.
  package let passInputs: PassInputs
  /// The base model's config, changed where the merged model differs; nil if there is none.
  package let config: [UInt8]?
  /// The small files beside the base's weights.
  package let companions: ModelCompanions

  /// Looks at the models of a recipe and plans the merge.
  ///
  /// Reads headers and writes nothing.
  ///
  /// - Parameters:
  ///   - recipe: What is asked for.
  ///   - options: How it is to be run.
  /// - Throws: `PipelineError` or `FormatError` if the models do not fit together or are broken.
  public init(_ recipe: MergeRecipe, options: RunOptions) throws {
    try RecipeCheck.check(recipe)
    let inputs = try RecipeInputs(recipe.resolvingHubNames())
    let recipe = inputs.recipe
    let sources = try TensorSources(recipe.tensorRequest, stripElements: options.stripElements)
    let solve = try SolvePlan(recipe, tasks: sources.tasks, solvedFile: sources.files.count)
    let tasks = solve.tasks
    let settings = TensorSettings(recipe, tasks: tasks)
    try RecipeCheck.check(recipe, partitionCount: settings.leastPartitionCount)
    let stored = sources.stored
    let spillInputs = SpillPlan.Inputs(
      recipe: recipe, settings: settings, tasks: tasks, options: options, stored: stored,
      inputsExceedCache: sources.inputsExceedCache, files: sources.files,
      directory: options.spillPlace.map(PlanExplanation.nearestDirectory(to:)))
    try stored.check(
      tasks, sources, wholeMatrices: recipe.wholeMatrixMethods,
      significance: recipe.method.passes.contains(.survey) ? recipe.significanceQuestion : nil,
      needed: SpillPlan.need(spillInputs))
    var passInputs = PassInputs(
      recipe: recipe, settings: settings, coefficients: inputs.coefficients,
      steps: try StepCheck.setup(recipe, tasks),
      activations: try recipe.activations(of: tasks), solve: solve,
      deltaCount: MergePlan.deltaCount(recipe, tasks, sources), spill: try SpillPlan(spillInputs),
      stored: stored)
    var needs = TensorPlan.LaneNeeds(
      partitionCount: settings.partitionCount,
      transforms: recipe.stages.transforms.map(\.transform.stage)
        + (recipe.steps == nil ? [] : passInputs.standIns.chain.transforms),
      merging: recipe.stages.merging?.stage
        ?? (recipe.steps == nil ? nil : passInputs.standIns.chain.linear.rule))
    needs.rows = recipe.steps == nil ? ChainBytes(passInputs) : nil
    tensors = try TensorPlan(
      sources, tasks: tasks, options: options, spill: passInputs.spill, needs: needs,
      requestedRate: { settings.pruningRate(of: $0, model: $1) },
      passes: { spill in
        passInputs.spill = spill
        return PassList.passes(passInputs, tasks)
      })
    passInputs.spill = tensors.spill
    self.passInputs = passInputs
    let rules = sources.request.rules
    config = MergedConfig.make(
      sources.base, rules: rules, untiesHead: sources.untiesHead, drafts: sources.drafts,
      tokenRows: sources.tokens?.rowCount)
    let vocabulary = try VocabularyCheck(sources)
    companions = try ModelCompanions.merged(
      recipe, sources, tokenizerSource: vocabulary.tokenizerSource,
      copiesTokenizer: options.copiesTokenizer)
    warnings =
      options.notes + sources.warnings + PrunedShare.warnings(recipe, tasks) + inputs.warnings
      + solve.warnings
      + vocabulary.warnings + companions.warnings
    self.recipe = recipe
  }

  /// A plan of a part of a merge that was planned before; what was to be said of it was said then.
  init(
    part recipe: MergeRecipe, tensors: TensorPlan, passInputs: PassInputs,
    companions: ModelCompanions
  ) {
    (self.recipe, self.tensors, self.passInputs) = (recipe, tensors, passInputs)
    (self.companions, config, warnings) = (companions, nil, [])
  }

  /// How it is to be run.
  package var options: RunOptions { tensors.options }
  /// The tensors of the merged model, in natural order of their names.
  package var tasks: [TensorTask] { tensors.tasks }
  /// The linear layers, in byte order of their names: the order of rates and reports.
  package var linearTasks: [TensorTask] { tensors.linearTasks }
  /// The files of the merged model.
  package var layout: ShardLayout { tensors.layout }
  /// How the byte budget is spent.
  package var memory: MemoryPlan { tensors.memory }
  /// Whether later passes read the models again or what the first one kept of them.
  package var spill: SpillPlan { tensors.spill }

  /// The number of deltas of a model: of all its tensors of weights.
  package var deltaCount: Int { passInputs.deltaCount }

  private static func deltaCount(
    _ recipe: MergeRecipe, _ tasks: [TensorTask], _ sources: TensorSources
  ) -> Int {
    let baseFileCount = sources.base.checkpoint.files.count
    return tasks.reduce(0) { sum, task in
      let isWeight =
        task.role != .copied
        || (recipe.method.nonLinear == .base && task.base.file < baseFileCount
          && task.base.dtype.isMergeable && task.part.kind != .rotary)
      return sum + (isWeight ? task.baseElementCount : 0)
    }
  }

  /// The passes over tensors, in order; F32 weights need further looks at some of them.
  package var passNames: [String] { tensors.passes.filter { !$0.isConditional }.map(\.name) }
}

extension MergeRecipe {
  /// The same with names of the hub replaced by where their models lie in its cache.
  package func resolvingHubNames() throws -> MergeRecipe {
    let request = try tensorRequest.resolvingHubNames()
    var recipe = self
    recipe.base = request.base
    recipe.baseLayers = request.baseLayers
    if let tokens = request.rules.tokens { recipe.steps?.vocabulary = tokens.vocabulary }
    for (index, model) in request.models.enumerated() {
      recipe.models[index].path = model.path
      recipe.models[index].adapters = model.adapters
      recipe.models[index].layers = model.layers
    }
    return recipe
  }

  /// The norms of inputs, one file for each model, if the method reads them.
  fileprivate func activations(of tasks: [TensorTask]) throws -> [VectorFile] {
    let files = try models.compactMap { model in
      try model.extraFiles[.activations].map { try VectorFile($0) }
    }
    for (model, file) in zip(models, files) {
      try file.checkVectors(of: tasks.filter { $0.role == .linear }, model: model.name)
    }
    return files
  }

  /// The methods' names if they look at whole matrices, which stores do not have.
  fileprivate var wholeMatrixMethods: String? {
    if let steps { return "merge_method \(steps.method.name)" }
    return method.passes.isDisjoint(with: PassKind.ofModels)
      ? nil : "\(method.pruning.row.name) and \(method.merging.row.name)"
  }
}
