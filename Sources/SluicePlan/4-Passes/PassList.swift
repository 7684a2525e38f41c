package import SluiceKernels
internal import SluiceMethods
package import SluiceRecipe
package import SluiceStages

/// The passes of a merge, made once: the plan prints them, and the run executes them.
enum PassList {
  /// A place in the order of passes.
  private enum Step: Sendable {
    /// A pass that the method may ask for, with the looks into bins that may follow it.
    case method(PassKind, @Sendable (PassInputs) -> [any TensorPass])
    /// The passes for stages of the recipe's own that stand in a place.
    case statistics(TransformPlace)
  }

  /// The order in which passes run, whichever of them there are.
  ///
  /// A new kind of pass has a line here.
  private static let order: [Step] = [
    .method(.solve) { [SolvePass($0)] },
    .statistics(.delta),
    .method(.survey) { SurveyPass($0).withRefinements },
    .method(.rowCuts) { [RowCutsPass($0)] },
    .method(.rowBands) { [RowBandsPass($0)] },
    .method(.bands) { BandPass($0).withRefinements },
    .method(.ranks) { [RankPass($0)] },
    .method(.maskSums) { [MaskSumsPass($0)] },
    .method(.sketch) { [SketchPass($0)] },
    .method(.directions) { [DirectionsPass($0)] },
    .method(.energies) { [EnergiesPass($0)] },
    .method(.jointRows) { [JointRowsPass($0)] },
    .method(.jointCuts) { [JointCutsPass($0)] },
    .method(.rowNorms) { [RowNormsPass($0)] },
    .method(.corrections) { [CorrectionsPass($0)] },
    .statistics(.mask), .statistics(.amplify),
    .method(.trim) { TrimPass($0).withRefinements },
    .method(.stepRows) { StepRowsPass.passes($0) },
    .method(.selection) { SelectionPass.passes($0) },
    .method(.sums) { StepSumsPass.passes($0) },
    .method(.majority) { [MajorityPass($0)] },
  ]

  /// The passes that a merge of tensors takes.
  static func passes(_ inputs: PassInputs, _ tasks: [TensorTask]) -> [any TensorPass] {
    let asked = inputs.recipe.steps?.passes ?? inputs.recipe.method.passes
    let passes = order.flatMap { step -> [any TensorPass] in
      switch step {
      case .method(let kind, let make): asked.contains(kind) ? make(inputs) : []
      case .statistics(let place):
        StatisticsPass.passes(after: place, inputs).flatMap(\.withRefinements)
      }
    }
    // There may be no linear layer, or nothing that is counted in bins.
    return passes.filter { !$0.tasks(among: tasks).isEmpty } + [MergePass(inputs)]
  }
}

/// What the passes of a merge are made from.
package struct PassInputs: Sendable {
  package let recipe: MergeRecipe
  /// The numbers that may differ from tensor to tensor.
  let settings: TensorSettings
  /// What each tensor's deltas are multiplied by, if the method reads that from a file.
  let coefficients: CoefficientTable?
  /// What stages know of a merge that rounds at each step.
  let steps: StepSetup?
  /// The norms of inputs, one file for each model, if the method reads them.
  let activations: [VectorFile]
  /// The layers that are solved for before the merge.
  let solve: SolvePlan
  /// The number of deltas of a model.
  let deltaCount: Int
  /// Whether later passes read the models again or what the first one kept of them.
  package var spill: SpillPlan
  /// The models that come from stores.
  package let stored: StoredModels

  /// What is known of the chain before the first pass.
  var chainInputs: ChainInputs {
    var inputs = ChainInputs(
      rates: settings, partitionCount: settings.partitionCount,
      amplification: recipe.models.map(\.amplification), weights: settings,
      cuts: CutTable(partitionCount: settings.partitionCount))
    inputs.coefficients = coefficients
    inputs.fusesMask =
      recipe.stages.transforms(after: .mask).isEmpty && !recipe.method.makesUpForRows
    inputs.customOperator = recipe.stages.merging?.stage
    inputs.steps = steps
    inputs.seed = recipe.method.seed
    return inputs
  }

  /// How many directions are looked for.
  var sketchSize: SketchSize {
    SketchSize(
      rank: Int(clamping: recipe.method.usedSketchRank.mostDirections),
      share: recipe.method.usedSketchRank.share, isJoint: recipe.method.blends,
      modelCount: recipe.models.count,
      compensatesBlends: recipe.method.compensatesBlends)
  }

  /// The chain with stand-ins for what passes find: for the names of stages.
  var standIns: PassFindings { .standIns(self) }

  /// The names of the stages up to a place.
  func stageNames(through place: TransformPlace, before position: Int? = nil) -> [String] {
    standIns.transforms(through: place, before: position).transforms.map(\.name)
  }

  /// How rates follow from significance: the method's rule, or one of the recipe's own.
  var rateRule: any RateRule { recipe.rateRule(deltaCount: deltaCount) }
}

extension MergeRecipe {
  /// The roles of the tensors whose deltas are merged by the recipe's operator.
  var electedRoles: Set<TensorRole> {
    method.nonLinear == .merge ? [.linear, .dense] : [.linear]
  }
}

extension HistogramMode {
  /// How tensors are counted.
  package static func all(of tasks: [TensorTask], hasTransforms: Bool) -> Set<HistogramMode> {
    var modes: Set<HistogramMode> = []
    var last: TensorTask?
    for task in tasks {
      // Of ten thousands of tensors most are as the one before.
      if let last, last.hasTypes(of: task) { continue }
      modes.formUnion(task.histogramModes)
      last = task
    }
    // Where a model has no tensor, what stages make of zeros is counted in bins.
    if hasTransforms { modes.insert(.binned) }
    return modes
  }
}
