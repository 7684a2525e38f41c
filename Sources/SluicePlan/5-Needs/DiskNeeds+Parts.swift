internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

extension DiskNeeds {
  /// What a merge writes.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - output: The output.
  ///   - spill: Where the spill goes, if it is not in the work directory.
  ///   - finished: What earlier attempts finished.
  package init(
    _ plan: MergePlan, output: String, spill: String? = nil,
    finished: FinishedStrips = FinishedStrips()
  ) {
    let work = "\(output)/\(RunFile.workDirectory)"
    let passes = plan.recipe.steps?.passes ?? plan.recipe.method.passes
    for shard in plan.layout.shards {
      parts.append(
        Part(
          name: shard.fileName,
          places: ["\(work)/\(shard.fileName)", "\(output)/\(shard.fileName)"],
          byteCount: shard.byteCount))
    }
    addSurvey(plan.tensors, in: work, finished)
    if passes.contains(.trim) {
      let elected = plan.tasks.filter { plan.recipe.electedRoles.contains($0.role) }
      addStatistics(plan.tensors, elected, in: "\(work)/\(UnitKind.trimStatistics.rawValue)") {
        finished.isFinished(.trimStatistics, $0.ordinal)
      }
    }
    addFiles(of: plan.tensors, in: work)
    for (number, stage) in plan.recipe.stages.asking.enumerated() {
      let kind = UnitKind.statistics(of: number)
      let counted = plan.tasks.filter { Set<TensorRole>(stage.scope).contains($0.role) }
      addStatistics(plan.tensors, counted, in: "\(work)/\(kind.rawValue)") {
        finished.isFinished(kind, $0.ordinal)
      }
    }
    add(UnitKind.solved.rawValue, plan.passInputs.solve.byteCount, in: work)
    // One matrix each, or three, or one more for each model, for as long as a lane solves for a layer.
    let own = plan.recipe.method.solvesOwn ? plan.recipe.models.count : 0
    let scratch = plan.passInputs.solve.jobs.map { job in
      let columns = job.task.columnCount
      return ((1 + own) * columns * columns + (job.model == nil ? 0 : 2 * job.task.elementCount))
        * 8
    }.max()
    if let scratch {
      parts.append(
        Part(
          name: "matrices",
          byteCount: scratch * min(plan.memory.lanes, plan.passInputs.solve.jobs.count)))
    }
    if plan.spill.isOn { addSpill(plan.tensors, in: work, or: spill, finished: finished) }
    let copied = plan.companions.files.reduce(0) {
      $0 + ((try? FileStatus.of($1.source))??.byteCount ?? 0)
    }
    addSmallFiles(plan.tensors, copied: copied, in: [work, output])
  }

  /// What making a store writes.
  package init(
    storing plan: TensorPlan, output: String, finished: FinishedStrips = FinishedStrips()
  ) {
    let work = "\(output)/\(RunFile.workDirectory)"
    addSurvey(plan, in: work, finished)
    if plan.spill.holdsDeltas {
      let kind = UnitKind.keptStatistics
      addStatistics(plan, plan.linearTasks, in: "\(work)/\(kind.rawValue)") {
        finished.isFinished(kind, $0.ordinal)
      }
    }
    addFiles(of: plan, in: work)
    let expected = plan.storeByteCount
    parts.append(
      DiskNeeds.spill(
        plan, plan.storedTasks, at: "\(work)/\(RunFile.spill)", expected, finished))
    parts.append(Part(name: "the store", byteCount: expected))
    addSmallFiles(plan, copied: 0, in: [work, output])
  }

  /// What passes leave in files of their own.
  private mutating func addFiles(of plan: TensorPlan, in work: String) {
    for case let pass as any FilePass in plan.passes {
      add(pass.fileKind.rawValue, pass.bytesSpilled(plan), in: work)
    }
  }

  private mutating func add(_ name: String, _ byteCount: Int, in work: String) {
    guard byteCount > 0 else { return }
    parts.append(Part(name: name, places: ["\(work)/\(name)"], byteCount: byteCount))
  }

  /// The histograms of the linear layers.
  private mutating func addSurvey(
    _ plan: TensorPlan, in work: String, _ finished: FinishedStrips
  ) {
    addStatistics(plan, plan.linearTasks, in: "\(work)/\(RunFile.statistics)") {
      finished.isCounted($0.ordinal)
    }
  }

  private mutating func addStatistics(
    _ plan: TensorPlan, _ tasks: [TensorTask], in path: String, isDone: (Strip) -> Bool
  ) {
    var (all, left) = (0, 0)
    for task in tasks {
      for strip in plan.strips(task) {
        let byteCount = plan.statisticsByteCount(of: strip)
        all += byteCount
        if !isDone(strip) { left += byteCount }
      }
    }
    guard all > 0 else { return }
    parts.append(
      Part(
        name: Directory.name(of: path), places: [path], byteCount: all, unfinishedByteCount: left))
  }

  private mutating func addSpill(
    _ plan: TensorPlan, in work: String, or elsewhere: String?, finished: FinishedStrips
  ) {
    let expected = min(plan.spill.expectedByteCount, plan.options.spillLimit?.bytes ?? .max)
    let path = elsewhere ?? "\(work)/\(RunFile.spill)"
    let part = DiskNeeds.spill(plan, plan.linearTasks, at: path, expected, finished)
    if let elsewhere {
      self.elsewhere = (Directory.parent(of: elsewhere), [part])
    } else {
      parts.append(part)
    }
  }

  /// The spill of tensors that is expected to take so many bytes.
  private static func spill(
    _ plan: TensorPlan, _ tasks: [TensorTask], at path: String, _ expected: Int,
    _ finished: FinishedStrips
  ) -> Part {
    let strips = tasks.flatMap { plan.strips($0) }
    let left = strips.count { !finished.isSpilled($0.ordinal) }
    // Strips are about as long as each other but for the last of each tensor.
    let unfinished = left == 0 ? 0 : expected / strips.count * left + (1 << 20)
    return Part(
      name: "spill", places: [path], byteCount: expected, unfinishedByteCount: unfinished)
  }

  /// The journal, the report and what is beside the weights: small, but a disk may be full to the last
  /// block.
  private mutating func addSmallFiles(
    _ plan: TensorPlan, copied: Int, in directories: [String]
  ) {
    let perStrip = 256 + 64 * plan.modelCount
    let perTensor = 512 + 512 * plan.modelCount
    parts.append(
      Part(
        name: "small files",
        byteCount: (256 << 10) + copied + plan.stripCount * perStrip + plan.tasks.count * perTensor,
        directories: directories))
  }
}

extension TensorPlan {
  /// About how much the histograms of a strip take on the disk; mostly they take less.
  fileprivate func statisticsByteCount(of strip: Strip) -> Int {
    min(strip.elements.count, 1 << 14) * 8 * modelCount
  }

  /// The tensors of which a store has something.
  fileprivate var storedTasks: [TensorTask] {
    tasks.filter { $0.role == .linear || $0.role == .dense }
  }

  /// About how long a store of its first model becomes.
  package var storeByteCount: Int {
    storedTasks.reduce(0) { sum, task in
      let lowest = task.role == .linear ? lowestRate(of: task, model: 0) : 0
      return sum
        + SpillPlan.expectedBytes(
          task, 0, lowestRate: lowest, spill.codec ?? .none,
          asDeltas: spill.holdsDeltas && task.role == .linear)
    }
  }
}
