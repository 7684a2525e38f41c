internal import SluiceRecipe
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceSolvers
internal import SluiceStages
internal import Synchronization

/// A pass that solves for the weights of linear layers, one layer in each lane, and keeps them as F32
/// in a file that then stands in the place of the models'.
struct SolvePass {
  let context: RunContext
  let kernels: Kernels
  /// Where solved weights go: F32, at the places that the plan gives them, in any order.
  let solved: WorkFile

  private var plan: MergePlan { context.plan }
  private var method: MethodParameters { plan.recipe.method }

  /// How many elements of a layer are read at once.
  static func readElements(_ columnCount: Int) -> Int { max(1 << 21, columnCount) }

  func run() throws -> PassMetrics {
    // The largest first, so that lanes end together.
    let jobs = plan.solve.jobs.sorted {
      ($0.task.elementCount, $1.offset) > ($1.task.elementCount, $0.offset)
    }
    let columns = jobs.map(\.task.columnCount).max() ?? 0
    let next = Atomic<Int>(0)
    let graph = Graph(cancellation: context.cancellation)
    for lane in 1...plan.memory.lanes {
      graph.add("solve \(lane)", .source) { [plan, context, kernels] node in
        let lease = try context.budget.acquire(plan.memory.tableBytes)
        defer { lease.release() }
        let reader = RowReader(
          elementCount: SolvePass.readElements(columns), files: plan.files,
          modelNames: plan.recipe.models.map(\.name), kernels: kernels, source: plan.deltas)
        while true {
          let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < jobs.count else { return }
          try node.cancellation.check()
          do {
            try solve(jobs[index], reader, context.work.path("solve-\(lane)"), node)
          } catch let error as SolverError where error.failure.subject.tensor == nil {
            throw error.about(tensor: jobs[index].task.name)
          }
        }
      }
    }
    return PassMetrics(name: "solve", tensorCount: jobs.count, run: try graph.run())
  }

  private func solve(
    _ job: SolveJob, _ reader: RowReader, _ scratchPath: String, _ node: NodeContext
  ) throws {
    let task = job.task
    let grams = plan.solve.grams.map { GramReader($0, kernels: kernels) }
    let readDeltas = { (model: Int, rows: Range<Int>, target: UnsafeMutablePointer<Double>) in
      try node.cancellation.check()
      count(try reader.readDeltas(of: task, model: model, elements(rows, task)), node)
      unsafe widen(reader.deltas, rows.count * task.columnCount, into: target)
    }
    guard let model = job.model else {
      let solver = RegMean(
        offDiagonal: method.offDiagonal, scratchPath: scratchPath + "-gram",
        panelRows: SolvePlan.panelRows(task.columnCount))
      // SAFETY: the solver's buffers hold the rows that it asks for.
      try unsafe solver.solve(
        rowCount: task.rowCount, columnCount: task.columnCount, modelCount: grams.count,
        readGram: { try unsafe grams[$0].read(task, $1, into: $2) }, readDeltas: unsafe readDeltas,
        emit: { try unsafe emit($1, $0, job, reader, isDelta: true) })
      return
    }
    let isDelta = method.solveTarget == .delta
    let solver = SparseSolver(
      rate: plan.settings.pruningRate(of: task, model: model).value,
      dampening: method.dampening, scratchPath: scratchPath)
    // SAFETY: as above.
    try unsafe solver.solve(
      rowCount: task.rowCount, columnCount: task.columnCount,
      readGram: { try unsafe grams[model].read(task, $0, into: $1) },
      readWeights: { rows, target in
        if isDelta { return try unsafe readDeltas(model, rows, target) }
        count(try reader.readTuned(of: task, model: model, elements(rows, task)), node)
        unsafe widen(reader.deltas, rows.count * task.columnCount, into: target)
      },
      emit: { try unsafe emit($1, $0, job, reader, isDelta: isDelta) })
  }

  private func count(_ byteCount: Int, _ node: NodeContext) {
    node.count(bytes: byteCount)
    context.work.meter.countRead(byteCount)
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
  private func emit(
    _ values: UnsafePointer<Double>, _ rows: Range<Int>, _ job: SolveJob, _ reader: RowReader,
    isDelta: Bool
  ) throws {
    let range = elements(rows, job.task)
    if isDelta { _ = try reader.readBase(of: job.task, range) }
    // SAFETY: the reader's buffers hold as many elements as it reads at once.
    for index in 0..<range.count {
      let base = unsafe isDelta ? Double(reader.base.pointer[index]) : 0
      unsafe reader.deltas.pointer[index] = Float(base + values[index])
    }
    try unsafe solved.write(
      UnsafeRawBufferPointer(start: reader.deltas.pointer, count: range.count * 4),
      at: job.offset + range.lowerBound * 4)
    context.progress.advance(by: range.count * 4)
  }
}

/// Reads rows of a model's Gram matrices as Doubles.
final class GramReader {
  private let file: VectorFile
  private let kernels: Kernels
  private var raw: [UInt8] = []
  private var narrow: [Float] = []

  init(_ file: VectorFile, kernels: Kernels) {
    self.file = file
    self.kernels = kernels
  }

  func read(
    _ task: TensorTask, _ rows: Range<Int>, into target: UnsafeMutablePointer<Double>
  ) throws {
    guard let entry = file.entry(task.name), let width = entry.dtype.byteCount else { return }
    for row in rows {
      let start = entry.byteRange.lowerBound + row * task.columnCount * width
      raw = try file.file.input.bytes(in: start..<(start + task.columnCount * width))
      // SAFETY: the caller has room for the rows, and a row has `columnCount` elements.
      try unsafe widen(
        entry.dtype, task, into: target + (row - rows.lowerBound) * task.columnCount)
    }
  }

  private func widen(
    _ dtype: DType, _ task: TensorTask, into target: UnsafeMutablePointer<Double>
  ) throws {
    let count = task.columnCount
    unsafe raw.withUnsafeBytes { bytes in
      if dtype == .f64 {
        for index in 0..<count {
          unsafe target[index] = bytes.loadUnaligned(fromByteOffset: index * 8, as: Double.self)
        }
      } else if let source = bytes.baseAddress {
        if narrow.count < count { narrow = Array(repeating: 0, count: count) }
        unsafe narrow.withUnsafeMutableBufferPointer { values in
          guard let start = values.baseAddress else { return }
          _ = unsafe kernels.widen(source, dtype, into: start, count: count)
        }
        for index in 0..<count { unsafe target[index] = Double(narrow[index]) }
      }
    }
    for index in 0..<count where unsafe !target[index].isFinite {
      throw PipelineError(
        Failure(
          .badInput, subject: Subject(file: file.file.path, tensor: task.name),
          message: "the Gram matrix has an element that is not finite"))
    }
  }
}
