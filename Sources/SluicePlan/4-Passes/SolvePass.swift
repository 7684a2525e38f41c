internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceSolvers
package import SluiceStages

/// Solves for the weights of linear layers, one layer in each lane, and keeps them as F32 in a file that
/// from then on stands in the place of the models'.
package struct SolvePass: TensorPass {
  private let method: MethodParameters
  private let settings: TensorSettings
  private let layers: SolvePlan

  init(_ inputs: PassInputs) {
    method = inputs.recipe.method
    settings = inputs.settings
    layers = inputs.solve
  }

  package var name: String { "solve" }
  package var reason: String {
    "layers are solved for; the solutions are read in the place of the models' weights"
  }
  package var cost: PassCost { .unknown }
  package var roles: Set<TensorRole> { [.linear] }
  /// One for each solution.
  package func tensorCount(_ plan: TensorPlan) -> Int { layers.jobs.count }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([PassGraph.Node(.solver, count: plan.memory.lanes, stages: ["read", "solve"])])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    layers.jobs.reduce(0) { $0 + bytesRead($1) }
  }

  /// The bytes of weights that a solution reads.
  private func bytesRead(_ job: SolveJob) -> Int {
    let elements = job.task.elementCount
    func bytes(_ source: TensorSource?) -> Int {
      source?.byteCount(ofElements: elements) ?? 0
    }
    let base = bytes(job.task.base)
    // Deltas of each model take the base along, and so does what is added to it in the end.
    guard let model = job.model else {
      let bands = method.solvesOwn ? OwnGrams.bandCount(job.task.columnCount) : 0
      return job.task.fineTuned.reduce(base) {
        $0 + (base + bytes($1)) * (1 + ($1 == nil ? 0 : bands))
      }
    }
    return bytes(job.task.fineTuned[model]) + (method.solveTarget == .delta ? 2 * base : 0)
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int { layers.byteCount }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    SolvePlan.laneByteCount(sizes.tasks, solvesOwn: method.solvesOwn) + PassUnits.pieceBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let slot = MemoryLayout<StripRecords.Slot>.stride
    return sizes.tasks(in: roles).reduce(0) { sum, task in
      let pieces = task.elementCount * 4 / PassUnits.pieceBytes + 1
      return sum + sizes.modelCount * (PassUnits.byteCount + pieces * slot)
    }
  }

  /// How many elements of a layer are read at once.
  static func readElements(_ columnCount: Int) -> Int { max(1 << 21, columnCount) }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    try LibraryCalls.checkAddresses(threads: plan.memory.lanes)
    let units = try executor.units(.solved)
    let solved = units.ownFile
    try solved.truncate(to: layers.byteCount + 8 * layers.jobs.count)
    // Of a share its own. The largest first, so that lanes end together.
    let own = Set(plan.tasks.map(\.ordinal))
    let jobs = layers.jobs.filter { own.contains($0.task.ordinal) }.sorted {
      ($0.task.elementCount, $1.offset) > ($1.task.elementCount, $0.offset)
    }
    let columns = jobs.map(\.task.columnCount).max() ?? 0
    let scratch = executor.path("solve")
    try executor.work(self, .solver, on: jobs, units, byteCount: { $0.byteCount }) {
      [method, settings, layers, kernels = executor.kernels] worker in
      let reader = plan.rowReader(elementCount: SolvePass.readElements(columns), kernels: kernels)
      let solver = LayerSolver(
        layers: layers, settings: settings, method: method, kernels: kernels, reader: reader,
        solved: solved,
        scratch: ScratchSpace("\(scratch)-\(worker.lane)") { [lane = worker.lane] name in
          try ScratchFile.open(
            in: Directory.parent(of: scratch), name: "solve-\(lane)-\(name)")
        }, worker: worker)
      return { job in
        do {
          try solver.solve(job)
          return try units.body(ofBytesIn: job.offset..<job.offset + job.byteCount)
        } catch let error as SolverError where error.failure.subject.tensor == nil {
          throw error.about(tensor: job.task.name)
        }
      }
    }
    findings.solved = try layers.counts(of: jobs, in: solved)
    executor.didSpill(layers.byteCount, in: self)
    executor.addInput(try InputFile.open(solved.path))
  }
}

/// How many numbers of a model's solutions are not zero: what pruning by solving leaves.
package struct SolvedCount: Sendable, Hashable {
  package var layers = 0
  package var elements = 0
  package var kept = 0

  package init(layers: Int = 0, elements: Int = 0, kept: Int = 0) {
    (self.layers, self.elements, self.kept) = (layers, elements, kept)
  }

  /// Adds what was counted elsewhere.
  package static func + (a: SolvedCount, b: SolvedCount) -> SolvedCount {
    SolvedCount(
      layers: a.layers.addingUpToLimit(b.layers), elements: a.elements.addingUpToLimit(b.elements),
      kept: a.kept.addingUpToLimit(b.kept))
  }
}

extension SolvePlan {
  /// What was counted, by model; nothing of solutions that are one for all.
  fileprivate func counts(of jobs: [SolveJob], in file: WorkFile) throws -> [Int: SolvedCount] {
    var counts: [Int: SolvedCount] = [:]
    for job in jobs {
      guard let model = job.model else { continue }
      var kept: UInt64 = 0
      try unsafe withUnsafeMutableBytes(of: &kept) {
        try unsafe file.read(into: $0, at: countOffset(job))
      }
      counts[model, default: SolvedCount()].layers += 1
      counts[model, default: SolvedCount()].elements += job.task.elementCount
      // A file that was written to by others has no more than there are.
      counts[model, default: SolvedCount()].kept +=
        min(Int(clamping: UInt64(littleEndian: kept)), job.task.elementCount)
    }
    return counts
  }
}

/// Solves for layers in one lane.
private struct LayerSolver {
  let layers: SolvePlan
  let settings: TensorSettings
  let method: MethodParameters
  let kernels: Kernels
  let reader: RowReader
  /// Where solved weights go: F32, at the places that the plan gives them, in any order.
  let solved: WorkFile
  let scratch: ScratchSpace
  let worker: PassWorker

  func solve(_ job: SolveJob) throws {
    let task = job.task
    let grams = layers.grams.map { GramReader($0, kernels: kernels) }
    let readDeltas = { (model: Int, rows: Range<Int>, target: UnsafeMutablePointer<Double>) in
      try worker.check()
      worker.countRead(try reader.readDeltas(of: task, model: model, elements(rows, task)))
      unsafe widen(reader.deltas, rows.count * task.columnCount, into: target)
    }
    guard let model = job.model else {
      guard !method.solvesOwn else {
        return try unsafe OwnSolver(
          task: task, method: method,
          weights: task.fineTuned.indices.map { Double(settings.factor(of: task, model: $0)) },
          scratch: scratch, kernels: kernels
        ).solve(
          readDeltas: unsafe readDeltas, emit: { _ = try unsafe emit($1, $0, job, isDelta: true) })
      }
      let solver = RegMean(
        offDiagonal: method.offDiagonal, scratch: scratch,
        panelRows: SolvePlan.panelRows(task.columnCount))
      // SAFETY: the solver's buffers hold the rows that it asks for.
      try unsafe solver.solve(
        rowCount: task.rowCount, columnCount: task.columnCount, modelCount: grams.count,
        readGram: { try unsafe grams[$0].read(task, $1, into: $2) }, readDeltas: unsafe readDeltas,
        emit: { _ = try unsafe emit($2, $1, job, isDelta: true) })
      return
    }
    var kept = 0
    let isDelta = method.solveTarget == .delta
    let solver = SparseSolver(
      rate: settings.pruningRate(of: task, model: model).value,
      dampening: method.dampening, scratch: scratch)
    // SAFETY: as above.
    try unsafe solver.solve(
      rowCount: task.rowCount, columnCount: task.columnCount,
      readGram: { try unsafe grams[model].read(task, $0, into: $1) },
      readWeights: { rows, target in
        if isDelta { return try unsafe readDeltas(model, rows, target) }
        worker.countRead(try reader.readTuned(of: task, model: model, elements(rows, task)))
        unsafe widen(reader.deltas, rows.count * task.columnCount, into: target)
      },
      emit: { kept += try unsafe emit($1, $0, job, isDelta: isDelta) })
    let count = (0..<8).map { UInt8(truncatingIfNeeded: kept >> (8 * $0)) }
    try solved.write(count, at: layers.countOffset(job))
  }

  private func elements(_ rows: Range<Int>, _ task: TensorTask) -> Range<Int> {
    (rows.lowerBound * task.columnCount)..<(rows.upperBound * task.columnCount)
  }

  private func widen(
    _ values: AlignedBuffer<Float>, _ count: Int, into target: UnsafeMutablePointer<Double>
  ) {
    // SAFETY: both hold `count` numbers.
    for index in 0..<count { unsafe target[index] = Double(values.pointer[index]) }
  }

  /// Keeps rows: deltas are added to the base, and everything is rounded to F32 once.
  ///
  /// - Returns: How many of the solution's numbers are not zero.
  private func emit(
    _ values: UnsafePointer<Double>, _ rows: Range<Int>, _ job: SolveJob, isDelta: Bool
  ) throws -> Int {
    let range = elements(rows, job.task)
    if isDelta { worker.countRead(try reader.readBase(of: job.task, range)) }
    var count = 0
    // SAFETY: the reader's buffers hold as many elements as it reads at once.
    for index in 0..<range.count {
      if unsafe values[index] != 0 { count += 1 }
      let base = unsafe isDelta ? Double(reader.base.pointer[index]) : 0
      unsafe reader.deltas.pointer[index] = Float(base + values[index])
    }
    try unsafe solved.write(
      UnsafeRawBufferPointer(start: reader.deltas.pointer, count: range.count * 4),
      at: job.offset + range.lowerBound * 4)
    worker.advance(by: range.count * 4)
    return count
  }
}

extension NodeKind {
  /// Solves for layers.
  static let solver = NodeKind("solve", bytes: .input)
}
