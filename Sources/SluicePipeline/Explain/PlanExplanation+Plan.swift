internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

extension PlanExplanation {
  /// Explains a plan; reads a little of the inputs to see how fast the disk is, and writes nothing.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - output: The directory of the merged model.
  ///   - measuresDisk: Whether to measure how fast the inputs can be read.
  public init(_ plan: MergePlan, output: String, measuresDisk: Bool = true) {
    self.init()
    let recipe = plan.recipe
    fingerprint = recipe.fingerprint.hexadecimal
    modelNames = ["base"] + recipe.models.map(\.name)
    modelPaths = [recipe.base] + recipe.models.map(\.path)
    stages = recipe.resolvedStages.map { Stage(name: $0.name, settings: $0.arguments) }
    passes = PassList(plan).passes
    let memory = plan.memory
    self.memory = [
      MemoryPart(name: "chunks of a lane", count: memory.lanes, byteCount: memory.laneBytes),
      MemoryPart(name: "tables of a lane", count: memory.lanes, byteCount: memory.tableBytes),
      MemoryPart(
        name: "output buffers", count: memory.outputBuffers, byteCount: memory.outputBufferBytes),
      MemoryPart(name: "lists of tensors", count: 1, byteCount: memory.catalogueBytes),
    ]
    memoryLimit = plan.options.memory.bytes
    smallestMemory =
      MemoryPlan.smallest(
        plan.tasks, recipe: recipe, partitionCount: plan.settings.partitionCount,
        options: plan.options
      ).bytes
    self.output = output
    fileCount = plan.layout.shards.count
    bytesNeeded = plan.layout.byteCount + (passes.map(\.bytesSpilled).max() ?? 0)
    bytesFree = PlanExplanation.freeBytes(at: output)
    if measuresDisk { estimate(plan) }
  }

  /// The bytes free where a directory will be: at its nearest ancestor that exists.
  private static func freeBytes(at path: String) -> Int {
    var path = path
    while true {
      if let free = try? FileSystem.freeByteCount(at: path) { return free }
      let parent = Directory.parent(of: path)
      if parent == path { return -1 }
      path = parent
    }
  }

  /// Estimates the time of each pass: reading and writing take turns on one disk, and computing goes
  /// on beside them at a rate that a lane of a common machine reaches.
  private mutating func estimate(_ plan: MergePlan) {
    readRate = DiskProbe.readRate(of: plan.files)
    guard readRate > 0 else { return }
    let computeRate = 1.2e9 * Double(plan.memory.lanes)
    var isFirst = true
    for index in passes.indices where !passes[index].isConditional {
      let pass = passes[index]
      let isCached = !isFirst && !plan.inputsExceedCache
      let disk = Double((isCached ? 0 : pass.bytesRead) + pass.bytesWritten) / readRate
      passes[index].seconds = max(disk, Double(pass.bytesRead) / computeRate)
      isFirst = false
    }
    seconds = passes.reduce(0) { $0 + $1.seconds }
  }
}

/// The passes that a plan needs, with the reason of each.
private struct PassList {
  private(set) var passes: [PlanExplanation.Pass] = []
  private let plan: MergePlan

  init(_ plan: MergePlan) {
    self.plan = plan
    let own = plan.recipe.stages
    let early = own.transforms(behind: .delta)
    statisticsPasses(early, before: [])
    surveyPasses(early.map(\.name))
    let chain = plan.chain(
      cuts: CutTable(partitionCount: plan.settings.partitionCount, layers: [:]))
    let names = chain.transforms.map(\.name)
    let behindMask = (names.lastIndex(of: "mask") ?? -1) + 1
    let weights = names.firstIndex(of: "weight") ?? names.count
    var before = early.map(\.name) + names[..<behindMask]
    statisticsPasses(own.transforms(behind: .mask), before: before)
    before += own.transforms(behind: .mask).map(\.name) + names[behindMask..<weights]
    statisticsPasses(own.transforms(behind: .amplify), before: before)
    before += own.transforms(behind: .amplify).map(\.name) + names[weights...]
    let rule = own.merging?.stage.name ?? chain.linear.rule.name
    let rest = PlanExplanation.Segment(
      node: "write", count: LanePass.writerCount, stages: ["write"], channel: nil, actual: nil)
    passes.append(
      pass(
        "merge", "the merged weights are made and written", plan.tasks,
        ["delta"] + before + ["merge (\(rule))"], written: plan.layout.byteCount, rest: rest))
  }

  private mutating func statisticsPasses(_ transforms: [any DeltaTransform], before: [String]) {
    var before = before
    for transform in transforms {
      let needed = transform.needs.statistics
      if !needed.isEmpty {
        let tasks = plan.tasks(in: transform.scope)
        let list = needed.map(\.name).joined(separator: ", ")
        passes.append(
          pass(
            "survey for \(transform.name)", "\(transform.name) asks for \(list) of each tensor",
            tasks, ["delta"] + before + ["count"], spilled: spectraBytes(tasks)))
        refine("refine for \(transform.name)", tasks, ["delta"] + before, isAlways: !before.isEmpty)
      }
      before.append(transform.name)
    }
  }

  private mutating func surveyPasses(_ early: [String]) {
    let linear = plan.linearTasks
    guard !linear.isEmpty else { return }
    passes.append(
      pass(
        "survey", "a layer's rates depend on the significance of all layers", linear,
        ["delta"] + early + ["significance"], spilled: spectraBytes(linear)))
    for name in ["refine significance", "refine cuts"] {
      refine(name, linear, ["delta"] + early, isAlways: !early.isEmpty)
    }
  }

  /// F32 weights, and what stages make of others, are counted in bins; those in which a bound falls
  /// are counted again.
  private mutating func refine(
    _ name: String, _ tasks: [TensorTask], _ stages: [String], isAlways: Bool
  ) {
    let binned = tasks.filter { task in
      isAlways
        || task.fineTuned.contains { source in
          source.map { SpectrumMode(base: task.base.dtype, fineTuned: $0.dtype) == .binned }
            ?? false
        }
    }
    guard !binned.isEmpty else { return }
    var pass = pass(
      name, "where a bound falls into a bin of an F32 spectrum, the bin is counted value by value",
      binned, stages + ["count"], spilled: 0)
    pass.isConditional = true
    passes.append(pass)
  }

  private func spectraBytes(_ tasks: [TensorTask]) -> Int {
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
    let read = PlanExplanation.Segment(
      node: "read", count: memory.lanes, stages: ["read"],
      channel: PlanExplanation.Channel(
        name: "chunks", capacity: 1, count: memory.lanes, elementByteCount: memory.chunkBytes),
      actual: nil)
    let work = PlanExplanation.Segment(
      node: "work", count: memory.lanes, stages: stages, channel: merged, actual: nil)
    return PlanExplanation.Pass(
      name: name, reason: reason, isConditional: false, tensorCount: tasks.count,
      bytesRead: MergePlan.inputByteCount(tasks), bytesSpilled: spilled, bytesWritten: written,
      segments: [read, work] + (rest.map { [$0] } ?? []), seconds: 0)
  }
}
