internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// A pass over whole rows of all inputs: finds of each row what a method must know that merges rows by themselves.
package struct StepRowsPass: FilePass {
  /// How many elements are read at once, unless a row has more.
  private static let groupElements = 1 << 16

  private struct Job: Sendable {
    let task: TensorTask
    let rows: Range<Int>
  }

  private let rows: StepRowPass
  private let setup: StepSetup
  private let method: String

  /// The pass of a merge; none where whole tensors are looked at.
  static func passes(_ inputs: PassInputs) -> [any TensorPass] {
    guard let setup = inputs.steps, let steps = inputs.recipe.steps, let rows = steps.method.rows
    else { return [] }
    return [StepRowsPass(rows: rows, setup: setup, method: steps.method.name)]
  }

  package var fileKind: UnitKind { .rowNumbers }
  package var name: String { rows.what }
  package var reason: String { "\(method) merges rows by themselves" }
  package var roles: Set<TensorRole> { [.linear, .dense] }

  package func tasks(among tasks: [TensorTask]) -> [TensorTask] {
    tasks.filter { roles.contains($0.role) && $0.elementCount > 0 && rows.isByRows(setup, $0) }
  }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(.stepRows, count: plan.memory.lanes, stages: ["read", "weights", "sum"])
    ])
  }

  private var subtracts: Bool { setup.hasBase && rows.subtracts }

  /// The base is read again for each model that it is taken off.
  package func bytesRead(_ plan: TensorPlan) -> Int {
    tasks(plan).reduce(0) { $0 + byteCount($1, $1.elementCount) }
  }

  private func byteCount(_ task: TensorTask, _ count: Int) -> Int {
    let base = task.base.byteCount(ofElements: count)
    return task.fineTuned.reduce(base) { sum, source in
      sum + (subtracts ? base : 0) + (source?.byteCount(ofElements: count) ?? 0)
    }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    tasks(plan).reduce(0) { $0 + 4 * $1.rowCount }
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let columns = sizes.tasks(in: roles).map(\.columnCount).max() ?? 0
    // What the reader holds, and what lies beside: base and models as Float32.
    return max(StepRowsPass.groupElements, columns) * (8 + 4 + 4 + 4 * (sizes.modelCount + 1))
      + StepArithmetic.byteCount(rows: StepRowPass.roomRows)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    jobs(tasks(among: sizes.tasks)).count
      * (PassUnits.byteCount + MemoryLayout<StripRecords.Slot>.stride)
  }

  private func jobs(_ tasks: [TensorTask]) -> [Job] {
    tasks.flatMap { task in
      let step = max(1, StepRowsPass.groupElements / max(task.columnCount, 1))
      return stride(from: 0, to: task.rowCount, by: step).map {
        Job(task: task, rows: $0..<min($0 + step, task.rowCount))
      }
    }
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    guard let file = units.file else { preconditionFailure("units of a file have one") }
    let store = StepRowStore(file, tasks: tasks)
    let jobs = jobs(tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    let room = max(StepRowsPass.groupElements, columns)
    let byteCount = { @Sendable [self] (job: Job) in
      self.byteCount(job.task, job.rows.count * job.task.columnCount)
    }
    try executor.work(self, .stepRows, on: jobs, units, byteCount: byteCount) {
      [rows, setup, subtracts, kernels = executor.kernels] worker in
      let reader = RowReader(
        elementCount: room, files: plan.files, modelNames: plan.modelNames, kernels: kernels,
        source: plan.deltas)
      let buffers = StepRowBuffers(
        elementCount: room, modelCount: plan.modelCount, setup,
        subtracts: subtracts)
      let steps = StepArithmetic(rows: StepRowPass.roomRows, kernels: kernels)
      let rule = rows.makeRule(setup)
      return { job in
        let columns = job.task.columnCount
        let elements = (job.rows.lowerBound * columns)..<(job.rows.upperBound * columns)
        steps.dtype = setup.working.dtype(of: job.task)
        let byteCount = try buffers.read(elements, of: job.task, reader, kernels: kernels)
        worker.countRead(byteCount)
        let numbers = job.rows.map { row in
          let first = (row - job.rows.lowerBound) * columns
          return rule.number(
            of: buffers.pieces(
              of: first..<first + columns, firstElement: elements.lowerBound), job.task, steps)
        }
        try store.put(numbers, task: job.task, firstRow: job.rows.lowerBound)
        worker.advance(by: byteCount)
        return try units.body(ofBytesIn: store.range(job.rows, of: job.task))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    findings.inputs.rowNumbers = store
  }
}

extension NodeKind {
  /// Reads rows of all inputs.
  static let stepRows = NodeKind("rows of all", bytes: .input)
}

/// A number for each row of tensors, in a file.
final class StepRowStore: StepRowNumbers, Sendable {
  private let file: WorkFile
  private let firstRows: [Int: Int]
  let byteCount: Int

  init(_ file: WorkFile, tasks: [TensorTask]) {
    self.file = file
    var firstRows: [Int: Int] = [:]
    var rowCount = 0
    for task in tasks {
      firstRows[task.ordinal] = rowCount
      rowCount += task.rowCount
    }
    self.firstRows = firstRows
    byteCount = 4 * rowCount
  }

  func put(_ numbers: [Float], task: TensorTask, firstRow: Int) throws {
    // SAFETY: the numbers are used inside the closure only.
    try unsafe numbers.withUnsafeBytes { try unsafe file.write($0, at: position(task, firstRow)) }
  }

  func numbers(of task: TensorTask, rows: Range<Int>) throws -> [Float] {
    var numbers = [Float](repeating: 0, count: rows.count)
    // SAFETY: as above.
    try unsafe numbers.withUnsafeMutableBytes {
      try unsafe file.read(into: $0, at: position(task, rows.lowerBound))
    }
    return numbers
  }

  /// Where the numbers of rows lie.
  func range(_ rows: Range<Int>, of task: TensorTask) -> Range<Int> {
    position(task, rows.lowerBound)..<position(task, rows.upperBound)
  }

  private func position(_ task: TensorTask, _ row: Int) -> Int {
    ((firstRows[task.ordinal] ?? 0) + row) * 4
  }
}
