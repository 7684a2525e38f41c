internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// The passes that a plan needs, with the reason of each.
struct PassList {
  private(set) var passes: [PlanExplanation.Pass] = []
  private let plan: MergePlan
  /// Whether the survey is over, and with it what is kept for later passes.
  private var knowsSpill = false

  init(_ plan: MergePlan) {
    self.plan = plan
    let own = plan.recipe.stages
    let method = plan.recipe.method
    let needs = method.needs
    var inputs = plan.chainInputs
    // Stand-ins for what the passes find: only the stages' names count here.
    inputs.rowCuts = needs.contains(.rowCuts) ? NoRowCuts() : nil
    inputs.rescales = OneFactor(1)
    inputs.trims = inputs.cuts
    inputs.majority = 1
    if needs.contains(.solve) { solvePass() }
    statisticsPasses(.delta, &inputs)
    if needs.contains(.survey) { surveyPasses(names(inputs, .delta)) }
    if needs.contains(.rowCuts) { rowPass() }
    if needs.contains(.maskSums) {
      passes.append(
        pass(
          "mask sums", "the rescale of a tensor makes up for what the mask removes of its sum",
          plan.maskSummedTasks,
          ["delta"] + names(inputs, .delta) + method.maskTransforms(inputs).map(\.name) + ["sum"]))
    }
    for place in [TransformPlace.mask, .amplify] { statisticsPasses(place, &inputs) }
    let pruned = names(inputs, .amplify)
    if needs.contains(.trim) {
      let tasks = plan.electedTasks
      passes.append(
        pass(
          "trim", "TIES keeps the largest of what the pruning left", tasks,
          ["delta"] + pruned + ["count"], spilled: histogramBytes(tasks)))
      refine("refine trim", tasks, ["delta"] + pruned, isAlways: !pruned.isEmpty)
    }
    let chain = method.chain(inputs)
    let transforms = chain.transforms.map(\.name)
    if needs.contains(.majority) {
      passes.append(
        pass(
          "majority", "where deltas add up to zero, TIES elects the sign of the majority",
          plan.electedTasks, ["delta"] + transforms + ["count signs"]))
    }
    let rest = PlanExplanation.Segment(
      node: "write", count: LanePass.writerCount, stages: ["write"], channel: nil, actual: nil)
    passes.append(
      pass(
        "merge", "the merged weights are made and written", plan.tasks,
        ["delta"] + transforms + ["merge (\(own.merging?.stage.name ?? chain.linear.rule.name))"],
        written: plan.layout.byteCount, rest: rest))
  }

  /// The names of the transforms through a place.
  private func names(_ inputs: ChainInputs, _ place: TransformPlace) -> [String] {
    plan.recipe.method.transforms(inputs, through: place).map(\.name)
  }

  private mutating func statisticsPasses(_ place: TransformPlace, _ inputs: inout ChainInputs) {
    for transform in plan.recipe.stages.transforms(after: place) {
      let needed = transform.needs.statistics
      if !needed.isEmpty {
        let before = names(inputs, place)
        let tasks = plan.tasks(in: transform.scope)
        let list = needed.map(\.name).joined(separator: ", ")
        passes.append(
          pass(
            "survey for \(transform.name)", "\(transform.name) asks for \(list) of each tensor",
            tasks, ["delta"] + before + ["count"], spilled: histogramBytes(tasks)))
        refine("refine for \(transform.name)", tasks, ["delta"] + before, isAlways: !before.isEmpty)
      }
      inputs.customTransforms[place, default: []].append(transform)
    }
  }

  private mutating func rowPass() {
    let tasks = plan.linearTasks
    let models = plan.recipe.models.count
    var rows = pass(
      "rows", "each output row is cut by the products of its deltas and their inputs' norms", tasks,
      [], spilled: tasks.reduce(0) { $0 + $1.rowCount * models * MemoryLayout<RowCut>.size })
    rows.bytesRead = RowPass.inputByteCount(tasks)
    rows.segments = [
      PlanExplanation.Segment(
        node: "rows", count: plan.memory.lanes, stages: ["read", "delta", "select"], channel: nil,
        actual: nil)
    ]
    passes.append(rows)
  }

  private mutating func solvePass() {
    let jobs = plan.solve.jobs
    var solve = pass(
      "solve", "layers are solved for; the solutions are read in the place of the models' weights",
      [], [], spilled: plan.solve.byteCount)
    solve.tensorCount = jobs.count
    solve.bytesRead = jobs.reduce(0) { sum, job in
      let sources = job.model.map { [job.task.fineTuned[$0]] } ?? job.task.fineTuned
      return ([job.task.base] + sources.compactMap(\.self)).reduce(sum) {
        $0 + $1.byteRange.count
      }
    }
    solve.segments = [
      PlanExplanation.Segment(
        node: "solve", count: plan.memory.lanes, stages: ["read", "solve"], channel: nil,
        actual: nil)
    ]
    passes.append(solve)
  }

  private mutating func surveyPasses(_ early: [String]) {
    let linear = plan.linearTasks
    guard !linear.isEmpty else { return }
    var survey = pass(
      "survey", "a layer's rates depend on the significance of all layers", linear,
      ["delta"] + early + ["significance"], spilled: histogramBytes(linear))
    let isKnown = plan.stored.stores.allSatisfy { $0 != nil }
    survey.bytesRead = isKnown ? 0 : plan.readByteCount(linear, knowsSpill: false)
    if isKnown { survey.reason += "; the stores know it" }
    if plan.spill.isOn {
      survey.bytesSpilled += plan.spill.expectedByteCount
      survey.reason += "; what they can keep is packed in a second look"
      survey.segments[0].stages += ["pack"]
      survey.segments[0].channel = PlanExplanation.Channel(
        name: "frames", capacity: plan.memory.frameBuffers, count: 1,
        elementByteCount: FrameOutput.bufferByteCount)
      survey.segments.append(
        PlanExplanation.Segment(
          node: "write frames", count: 1, stages: ["spill"], channel: nil, actual: nil))
    }
    passes.append(survey)
    knowsSpill = true
    var refined = ["refine significance", "refine cuts"]
    if plan.rateRule.blockMultiple != .none { refined.insert("refine block significance", at: 1) }
    for name in refined { refine(name, linear, ["delta"] + early, isAlways: !early.isEmpty) }
  }

  /// F32 weights, and what stages make of others, are counted in bins; those in which a bound falls
  /// are counted again.
  private mutating func refine(
    _ name: String, _ tasks: [TensorTask], _ stages: [String], isAlways: Bool
  ) {
    let binned = tasks.filter { task in
      isAlways
        || task.fineTuned.contains { source in
          source.map { HistogramMode(base: task.base.dtype, fineTuned: $0.deltaDType) == .binned }
            ?? false
        }
    }
    guard !binned.isEmpty else { return }
    var pass = pass(
      name, "where a bound falls into a bin of an F32 histogram, the bin is counted value by value",
      binned, stages + ["count"], spilled: 0)
    pass.isConditional = true
    passes.append(pass)
  }

  private func histogramBytes(_ tasks: [TensorTask]) -> Int {
    let models = plan.recipe.models.count
    // Of one strip and model at most 40,000 magnitudes or bins, of 16 bytes at most.
    return tasks.reduce(0) { sum, task in
      let strips = plan.granularity.stripCount(of: task.elementCount)
      return sum + strips * models * 16 * min(task.elementCount / strips + 1, 40_000)
    }
  }

  private func pass(
    _ name: String, _ reason: String, _ tasks: [TensorTask], _ stages: [String], spilled: Int = 0,
    written: Int = 0, rest: PlanExplanation.Segment? = nil
  ) -> PlanExplanation.Pass {
    let memory = plan.memory
    let merged = rest.map { _ in
      PlanExplanation.Channel(
        name: "merged", capacity: memory.outputBuffers, count: 1,
        elementByteCount: memory.outputBufferBytes)
    }
    let lane = PlanExplanation.Segment(
      node: "lane", count: memory.lanes, stages: ["read"] + stages, channel: merged, actual: nil)
    return PlanExplanation.Pass(
      name: name, reason: reason, isConditional: false, tensorCount: tasks.count,
      bytesRead: plan.readByteCount(tasks, knowsSpill: knowsSpill || !plan.stored.isEmpty),
      bytesSpilled: spilled, bytesWritten: written,
      segments: [lane] + (rest.map { [$0] } ?? []), seconds: 0)
  }
}

/// Stands for the cuts of rows where only stages' names count.
private struct NoRowCuts: RowCutSource {
  func rowCuts(of strip: Strip, model: Int) -> RowCuts {
    RowCuts(norms: [], firstRow: 0, cuts: [])
  }
}
