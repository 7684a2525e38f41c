internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceSolvers
package import SluiceStages

/// A linear layer that is solved for before the merge.
struct SolveJob: Sendable {
  /// The layer as the models have it.
  let task: TensorTask
  /// The model whose weights are solved for; nil for one solution of all.
  let model: Int?
  /// Where the solved weights go in their file, as F32.
  let offset: Int
  /// The position among all.
  let number: Int

  /// The bytes of the solved weights.
  var byteCount: Int { task.elementCount * 4 }
}

/// Which layers are solved for beforehand, and the tasks with the solutions in the place of what the
/// models have.
struct SolvePlan: Sendable {
  private(set) var jobs: [SolveJob] = []
  private(set) var tasks: [TensorTask]
  private(set) var warnings: [Warning] = []
  /// The Gram matrices that are given; none if the deltas' own are made.
  let grams: [VectorFile]

  /// The bytes of the file of solutions.
  var byteCount: Int { jobs.reduce(0) { $0 + $1.byteCount } }

  /// Where the file of solutions says how many numbers of one are not zero, behind all of them.
  func countOffset(_ job: SolveJob) -> Int { byteCount + 8 * job.number }

  /// Plans the solutions; without any if the method needs none.
  init(_ recipe: MergeRecipe, tasks: [TensorTask], solvedFile: Int) throws {
    self.tasks = tasks
    grams = try recipe.models.compactMap { model in
      try model.extraFiles[.grams].map { try VectorFile($0) }
    }
    guard recipe.method.passes.contains(.solve) else { return }
    let mergesAll = recipe.method.merging.row.passes(recipe.method).contains(.solve)
    var offset = 0
    for (index, task) in tasks.enumerated() where task.role == .linear {
      if mergesAll {
        try solveAll(task, at: index, solvedFile, &offset, recipe)
      } else {
        try solveEach(task, at: index, solvedFile, &offset, recipe)
      }
    }
  }

  /// One solution for all models; layers without Gram matrices are averaged like other tensors.
  private mutating func solveAll(
    _ task: TensorTask, at index: Int, _ file: Int, _ offset: inout Int, _ recipe: MergeRecipe
  ) throws {
    if let warning = averaged(task, recipe) {
      warnings.append(warning)
      tasks[index] = task.with(role: .dense, fineTuned: task.fineTuned)
      return
    }
    for (model, gram) in zip(recipe.models, grams) {
      try gram.checkMatrix(of: task, model: model.name)
    }
    var sources = [TensorSource?](repeating: nil, count: recipe.models.count)
    sources[0] = TensorSource(
      file: file, dtype: .f32, byteRange: offset..<(offset + task.elementCount * 4))
    tasks[index] = task.with(role: .linear, fineTuned: sources)
    jobs.append(SolveJob(task: task, model: nil, offset: offset, number: jobs.count))
    offset += task.elementCount * 4
  }

  /// Why a layer is averaged; nil if it can be solved for.
  private func averaged(_ task: TensorTask, _ recipe: MergeRecipe) -> Warning? {
    if recipe.method.solvesOwn {
      guard task.baseRowCount != task.rowCount else { return nil }
      return Warning(
        .leftOut, subject: Subject(tensor: task.name),
        message: "the base does not have all rows of this layer; the models' weights are averaged")
    }
    return recipe.models.indices.first { grams[$0].entry(task.name) == nil }.map {
      Warning(
        .leftOut, subject: Subject(model: recipe.models[$0].name, tensor: task.name),
        message: "there is no Gram matrix for this layer; the models' weights are averaged")
    }
  }

  /// A solution for each model.
  private mutating func solveEach(
    _ task: TensorTask, at index: Int, _ file: Int, _ offset: inout Int, _ recipe: MergeRecipe
  ) throws {
    var sources = task.fineTuned
    for (model, source) in task.fineTuned.enumerated() where source != nil {
      try grams[model].checkMatrix(of: task, model: recipe.models[model].name)
      sources[model] = TensorSource(
        file: file, dtype: .f32, byteRange: offset..<(offset + task.elementCount * 4))
      jobs.append(SolveJob(task: task, model: model, offset: offset, number: jobs.count))
      offset += task.elementCount * 4
    }
    tasks[index] = task.with(role: .linear, fineTuned: sources)
  }

  /// How many rows of weights RegMean solves at once: about 16 MiB of them.
  static func panelRows(_ columnCount: Int) -> Int {
    max(1, min(256, (1 << 21) / max(columnCount, 1)))
  }

  /// The bytes that a lane holds while it solves.
  static func laneByteCount(_ tasks: [TensorTask], solvesOwn: Bool) -> Int {
    tasks.filter { $0.role == .linear && $0.columnCount > 0 }.map { task in
      let rows = panelRows(task.columnCount)
      let own =
        solvesOwn
        ? (
          rest: OwnSolver.restBytes(task.columnCount),
          grams: OwnGrams.byteCount(columnCount: task.columnCount, panelRows: rows)
        ) : (rest: 0, grams: 0)
      let solving = max(
        RegMean.byteCount(columnCount: task.columnCount, panelRows: rows) + own.rest, own.grams,
        SparseSolver.byteCount(rowCount: task.rowCount, columnCount: task.columnCount))
      // Rows as they lie in the file, and the base's and the model's as Float32.
      return solving + SolvePass.readElements(task.columnCount) * 24
    }.max() ?? 0
  }
}

extension TensorTask {
  /// The same tensor with other sources.
  package func with(role: TensorRole, fineTuned: [TensorSource?]) -> TensorTask {
    TensorTask(
      ordinal: ordinal, name: name, role: role, elementCount: elementCount, base: base,
      baseElementCount: baseElementCount, fineTuned: fineTuned,
      fineTunedElementCounts: fineTuned.map { $0 == nil ? 0 : elementCount },
      outputDType: outputDType, outputShard: outputShard, outputOffset: outputOffset,
      firstStrip: firstStrip, columnCount: columnCount, dimensions: dimensions, part: part,
      stack: stack)
  }
}

extension VectorFile {
  /// Checks that a layer has a square matrix with one row for each of its columns.
  func checkMatrix(of task: TensorTask, model: String) throws(PipelineError) {
    guard let entry = entry(task.name) else { throw problem("is missing", task, model) }
    let count = task.columnCount
    guard entry.shape.dimensions == [count, count], entry.dtype.isMergeable else {
      throw problem(
        "is \(entry.dtype) \(entry.shape); the layer has \(count) inputs", task, model)
    }
  }
}
