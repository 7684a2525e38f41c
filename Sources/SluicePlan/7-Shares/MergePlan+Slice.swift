package import SluiceFormats
internal import SluiceMethods
package import SluiceRecipe
internal import SluiceStages

extension MergePlan {
  /// Plans a part of a merge that was planned before, with what was noted of it then; no model is looked at but
  /// the files of the part.
  ///
  /// - Parameters:
  ///   - slice: What was noted.
  ///   - recipe: The recipe, with the paths of this machine.
  ///   - options: How it is to be run; a spill is `off` or `on`, as it was decided for the whole merge.
  ///   - check: Looks at a file that was opened, and throws if it is not what it was.
  /// - Throws: `PipelineError` or `FormatError` if a file is missing or another one, or the budget is too small.
  package init(
    _ slice: PlanSlice, of recipe: MergeRecipe, options: RunOptions,
    check: (InputFile, PlanSlice.File) throws -> Void
  ) throws {
    let recipe = try recipe.resolvingHubNames()
    let request = recipe.tensorRequest
    let files = try slice.files.map { file in
      let root = request.path(ofModel: file.model)
      let opened = try InputFile.open(file.name.isEmpty ? root : "\(root)/\(file.name)")
      try check(opened, file)
      return opened
    }
    let settings = TensorSettings(recipe, tasks: [])
    let stored = StoredModels(stores: recipe.models.map { _ in nil })
    let inputsExceedCache = TensorSources.exceedCache(slice.inputByteCount)
    let spill = try SpillPlan(
      SpillPlan.Inputs(
        recipe: recipe, settings: settings, tasks: slice.tasks, options: options, stored: stored,
        inputsExceedCache: inputsExceedCache, files: files, directory: nil), isPart: true)
    let inputs = PassInputs(
      recipe: recipe, settings: settings, coefficients: nil, steps: nil, activations: [],
      solve: try SolvePlan(recipe, tasks: slice.tasks, solvedFile: files.count),
      deltaCount: slice.deltaCount, spill: spill, stored: stored)
    var needs = TensorPlan.LaneNeeds(partitionCount: settings.partitionCount)
    needs.rows = ChainBytes(inputs)
    let basis = TensorPlan.Basis(
      request: request, files: files,
      // Where each model's files begin.
      firstFiles: (0...slice.modelCount).map { model in
        slice.files.firstIndex { $0.model >= model } ?? files.count
      }, layout: ShardLayout(lengths: slice.shardByteCounts), stripCount: slice.stripCount,
      taskCount: slice.taskCount, stored: stored, adapters: recipe.models.map { _ in [] },
      isAdapterAlone: recipe.models.map { _ in false },
      inputsExceedCache: inputsExceedCache, computed: [])
    let tensors = try TensorPlan(
      basis, tasks: slice.tasks, options: options, spill: spill, needs: needs,
      requestedRate: { settings.pruningRate(of: $0, model: $1) },
      passes: { _ in PassList.passes(inputs, slice.tasks) })
    self.init(
      part: recipe, tensors: tensors.merging(slice.strips), passInputs: inputs,
      companions: try ModelCompanions(of: ""))
  }
}
