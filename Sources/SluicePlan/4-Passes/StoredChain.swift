internal import SluiceCore
internal import SluiceMethods
package import SluiceRecipe
package import SluiceStages

/// What a store of compensated deltas is made with: the passes of a merge of the model alone up to the last, in
/// whose place a survey counts what the stages leave of linear layers, and packs it.
///
/// Its frames hold deltas that nothing is left to be done to, so that a merge that prunes nothing makes of them what
/// the same stages make of the model, with any weight.
package struct StoredChain: Sendable {
  /// What the passes are made from.
  package let inputs: PassInputs
  /// The survey of what the stages leave.
  package let survey: SurveyPass
  /// What lanes hold beside chunks and tables.
  package let needs: TensorPlan.LaneNeeds

  /// Plans the passes.
  ///
  /// - Parameters:
  ///   - recipe: A merge of the model alone: what is done before its deltas are stored.
  ///   - sources: The opened models.
  /// - Throws: `PipelineError` if a store cannot be made so.
  package init(_ recipe: MergeRecipe, _ sources: TensorSources) throws {
    try StoredChain.check(recipe, sources)
    let settings = TensorSettings(recipe, tasks: sources.tasks)
    inputs = PassInputs(
      recipe: recipe, settings: settings, coefficients: nil, steps: nil, activations: [],
      solve: try SolvePlan(recipe, tasks: sources.tasks, solvedFile: sources.files.count),
      deltaCount: sources.tasks.reduce(0) { $0 + $1.baseElementCount },
      spill: .off("only the last pass packs"), stored: sources.stored)
    let question = SignificanceQuestion(multiple: MethodParameters().significanceMultiple)
    survey = SurveyPass(
      asking: question, after: inputs.stageNames(through: .amplify), packs: true, named: "keep",
      in: .keptStatistics)
    var needs = TensorPlan.LaneNeeds(partitionCount: settings.partitionCount)
    needs.rows = ChainBytes(inputs)
    self.needs = needs
  }

  /// The passes before the deltas are packed.
  package func passesBefore(_ tasks: [TensorTask]) -> [any TensorPass] {
    PassList.passes(inputs, tasks).dropLast()
  }

  /// All passes.
  package func passes(_ tasks: [TensorTask]) -> [any TensorPass] {
    passesBefore(tasks) + survey.withRefinements
  }

  /// Refuses what a store cannot keep, or what a merge would not do alike.
  private static func check(_ recipe: MergeRecipe, _ sources: TensorSources) throws {
    let (method, row) = (recipe.method, recipe.method.pruning.row)
    guard row.files.needed.isEmpty else {
      throw PipelineError.usage(
        "--prune \(row.name) reads files, which prune does not take",
        remedy: "Choose dppa, dp, magnitude or owl, or give merges the model itself.")
    }
    try RecipeCheck.check(recipe)
    guard method.compensates else {
      throw PipelineError.usage(
        "--prune \(row.name) has no mask that a compensation could follow",
        remedy: "Choose dppa, dp, magnitude or owl.")
    }
    guard !row.drawsMasks else {
      throw PipelineError.usage(
        "--prune \(row.name) draws by the model's place in a merge, which a store does not know",
        remedy: "Choose dppa, dp, magnitude or owl, or give merges the model itself.")
    }
    for task in sources.tasks where task.role == .linear && task.fineTuned[0] != nil {
      guard task.fineTunedElementCounts[0] == task.baseElementCount else {
        throw PipelineError.badInput(
          "rows that only the base or only the model has cannot be compensated",
          model: "model", tensor: task.name, remedy: "Leave the tensor out: --linear-exclude.")
      }
    }
  }
}
