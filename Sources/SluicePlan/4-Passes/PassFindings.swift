package import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// What passes have found so far: what the chain of the merge must know, and what reports show.
package struct PassFindings: Sendable {
  /// What the chain must know.
  package var inputs: ChainInputs
  /// The statistics of linear layers; empty if the method does not look at them.
  package var statistics: LayerStatistics
  /// The cuts of linear layers; empty if the method does not look at them.
  package var cuts = CutTable(partitionCount: 0)
  /// What solving left of each model, by position.
  package var solved: [Int: SolvedCount] = [:]
  /// The sums of rows in which directions are looked for.
  var sketches: SketchStore?
  /// How much of each model's deltas its directions hold, by position, layer by layer.
  package var sketched: [Int: [SketchedLayer]] = [:]
  private let recipe: MergeRecipe
  /// The recipe's own transforms that have their statistics, by their position among all.
  private var ready: [Int: any DeltaTransform] = [:]

  /// What is known before the first pass.
  package init(_ inputs: PassInputs) {
    recipe = inputs.recipe
    self.inputs = inputs.chainInputs
    statistics = LayerStatistics(tasks: [], layers: recipe.models.map { _ in [] })
  }

  /// What is known after the last pass, with stand-ins for all that passes find: for the names of stages.
  static func standIns(_ inputs: PassInputs) -> PassFindings {
    var findings = PassFindings(inputs)
    findings.inputs.rowCuts = inputs.recipe.method.passes.contains(.rowCuts) ? NoRowCuts() : nil
    findings.inputs.rowBands = NoRows()
    findings.inputs.rowFactors = NoRows()
    findings.inputs.corrections = NoRows()
    findings.inputs.directions = NoRows()
    findings.inputs.rescales = OneFactor(1)
    findings.inputs.trims = findings.inputs.cuts
    findings.inputs.majority = 1
    findings.inputs.bands = findings.inputs.cuts
    findings.inputs.keepBits = NoKeepBits()
    return findings
  }

  private var method: MethodParameters { recipe.method }

  /// The chain up to a place, as far as it is known.
  ///
  /// - Parameters:
  ///   - place: The place, with the recipe's own transforms behind it.
  ///   - position: The position of the first of the recipe's own transforms that is left out; none is if
  ///     nil.
  /// - Returns: The transforms.
  package func transforms(
    through place: TransformPlace, before position: Int? = nil
  ) -> TransformChain {
    let inputs = inputs(before: position)
    if let steps = recipe.steps {
      return TransformChain(
        steps.transforms(inputs, through: place), partitionCount: 1, form: steps.form)
    }
    return TransformChain(
      method.transforms(inputs, through: place), partitionCount: inputs.partitionCount)
  }

  /// The mask alone, with tiles as long as those that the stages before it take.
  package var mask: TransformChain {
    if let steps = recipe.steps {
      return TransformChain(
        steps.sparsity(inputs(before: nil)), partitionCount: 1, form: steps.form)
    }
    return TransformChain(
      method.maskTransforms(inputs(before: nil)), partitionCount: inputs.partitionCount,
      usesGrains: transforms(through: .delta).usesGrains)
  }

  /// The whole chain.
  package var chain: MergeChain {
    let inputs = inputs(before: nil)
    return recipe.steps?.chain(inputs) ?? method.chain(inputs)
  }

  /// Takes a transform that has its statistics now.
  package mutating func setReady(_ transform: any DeltaTransform, at position: Int) {
    ready[position] = transform
  }

  private func inputs(before position: Int?) -> ChainInputs {
    var inputs = inputs
    for (index, placed) in recipe.stages.placed.enumerated() where index < position ?? .max {
      inputs.customTransforms[placed.place, default: []].append(
        ready[index] ?? placed.transform.stage)
    }
    return inputs
  }
}

/// Stands for the choice of deltas where only stages' names count.
private struct NoKeepBits: KeepBitSource {
  func read(
    _ elements: Range<Int>, of task: TensorTask, model: Int,
    into words: UnsafeMutableRawBufferPointer
  ) throws -> Bool { false }
}

/// Stands for what passes find of rows where only stages' names count.
private struct NoRows: RowBandSource, RowNumberSource, DirectionSource {
  func rowBands(of strip: Strip, model: Int) -> RowBands {
    RowBands(columnCount: 1, firstRow: 0, partitionCount: 0, cuts: [], tiesBefore: [])
  }

  func rowNumbers(of strip: Strip, model: Int) -> RowNumbers { .none }
  func directions(of task: TensorTask, model: Int) -> Directions { .none }
}

/// Stands for the cuts of rows where only stages' names count.
private struct NoRowCuts: RowCutSource {
  func rowCuts(of strip: Strip, model: Int) -> RowCuts {
    RowCuts(norms: [], firstRow: 0, cuts: [])
  }
}
