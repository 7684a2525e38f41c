internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// A pass over whole rows of all inputs: finds of each row, or of each column, what a method must know that merges
/// them by themselves.
package struct StepRowsPass: FilePass {
  /// How many elements are read at once, unless a row has more.
  private static let groupElements = 1 << 16

  private struct Job: Sendable {
    let task: TensorTask
    let rows: Range<Int>
    /// Whether it is about the columns of all these rows.
    let isByColumns: Bool
    /// How many numbers are found.
    var numbers: Range<Int> { isByColumns ? 0..<task.columnCount : rows }
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
    jobs(tasks(plan)).reduce(0) { $0 + byteCount($1) }
  }

  private func byteCount(_ job: Job) -> Int {
    let once = byteCount(job.task, job.rows.count * job.task.columnCount)
    return job.isByColumns ? ColumnCosineRule.roundCount * once : once
  }

  private func byteCount(_ task: TensorTask, _ count: Int) -> Int {
    let base = task.base.byteCount(ofElements: count)
    return task.fineTuned.reduce(base) { sum, source in
      sum + (subtracts ? base : 0) + (source?.byteCount(ofElements: count) ?? 0)
    }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    jobs(tasks(plan)).reduce(0) { $0 + 4 * $1.numbers.count }
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = sizes.tasks(in: roles)
    let columns = tasks.map(\.columnCount).max() ?? 0
    let byColumns = tasks.filter { rows.isByColumns(setup, $0) }.map(\.columnCount).max() ?? 0
    // What the reader holds, and what lies beside: base and models as Float32.
    return max(StepRowsPass.groupElements, columns) * (8 + 4 + 4 + 4 * (sizes.modelCount + 1))
      + StepArithmetic.byteCount(rows: StepRowPass.roomRows)
      + ColumnCosineRule.byteCount(columnCount: byColumns)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    jobs(tasks(among: sizes.tasks)).count
      * (PassUnits.byteCount + MemoryLayout<StripRecords.Slot>.stride)
  }

  private func jobs(_ tasks: [TensorTask]) -> [Job] {
    tasks.flatMap { task in
      rows.isByColumns(setup, task)
        ? [Job(task: task, rows: 0..<task.rowCount, isByColumns: true)]
        : StepRowsPass.groups(of: 0..<task.rowCount, columnCount: task.columnCount).map {
          Job(task: task, rows: $0, isByColumns: false)
        }
    }
  }

  /// Rows that are read at once.
  private static func groups(of rows: Range<Int>, columnCount: Int) -> [Range<Int>] {
    let step = max(1, groupElements / max(columnCount, 1))
    return stride(from: rows.lowerBound, to: rows.upperBound, by: step).map {
      $0..<min($0 + step, rows.upperBound)
    }
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    let jobs = jobs(tasks)
    let store = StepRowStore(file, jobs.map { ($0.task, $0.numbers.count) })
    let columns = tasks.map(\.columnCount).max() ?? 0
    let room = max(StepRowsPass.groupElements, columns)
    let byColumns = jobs.filter(\.isByColumns).map(\.task.columnCount).max() ?? 0
    let byteCount = { @Sendable [self] (job: Job) in self.byteCount(job) }
    try executor.work(self, .stepRows, on: jobs, units, byteCount: byteCount) {
      [rows, setup, subtracts, kernels = executor.kernels] worker in
      let reader = plan.rowReader(elementCount: room, kernels: kernels)
      let buffers = StepRowBuffers(
        elementCount: room, modelCount: plan.modelCount, setup,
        subtracts: subtracts)
      let steps = StepArithmetic(rows: StepRowPass.roomRows, kernels: kernels)
      let rule = rows.makeRule(setup)
      let columnRule = ColumnCosineRule(setup, columnCount: byColumns)
      // Reads some rows, and gives each in pieces.
      func forEachRow(_ rows: Range<Int>, of task: TensorTask, _ body: ([StepTile]) -> Void) throws
      {
        let columns = task.columnCount
        let elements = (rows.lowerBound * columns)..<(rows.upperBound * columns)
        let byteCount = try buffers.read(elements, of: task, reader, kernels: kernels)
        worker.countRead(byteCount)
        for first in stride(from: 0, to: elements.count, by: columns) {
          body(buffers.pieces(of: first..<first + columns, firstElement: elements.lowerBound))
        }
        worker.advance(by: byteCount)
      }
      return { job in
        steps.dtype = setup.working.dtype(of: job.task)
        var numbers: [Float] = []
        if job.isByColumns {
          columnRule.begin()
          for round in 0..<ColumnCosineRule.roundCount {
            for group in StepRowsPass.groups(of: job.rows, columnCount: job.task.columnCount) {
              try forEachRow(group, of: job.task) { pieces in
                var column = 0
                for piece in pieces {
                  columnRule.add(piece, column: column, round: round, steps)
                  column += piece.count
                }
              }
            }
            if round == 0 { columnRule.findLengths(job.task.columnCount, steps) }
          }
          numbers = columnRule.cosines(job.task.columnCount)
        } else {
          try forEachRow(job.rows, of: job.task) {
            numbers.append(rule.number(of: $0, job.task, steps))
          }
        }
        try store.put(numbers, task: job.task, firstRow: job.numbers.lowerBound)
        return try units.body(ofBytesIn: store.range(job.numbers, of: job.task))
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

/// A number for each row, or for each column, of tensors, in a file.
final class StepRowStore: StepRowNumbers, Sendable {
  private let file: WorkFile
  private let firstRows: [Int: Int]
  let byteCount: Int

  init(_ file: WorkFile, _ counts: [(task: TensorTask, count: Int)]) {
    self.file = file
    var firstRows: [Int: Int] = [:]
    var rowCount = 0
    for (task, count) in counts {
      if firstRows[task.ordinal] == nil { firstRows[task.ordinal] = rowCount }
      rowCount += count
    }
    self.firstRows = firstRows
    byteCount = 4 * rowCount
  }

  func put(_ numbers: [Float], task: TensorTask, firstRow: Int) throws {
    try RowStore.put(numbers, in: file, at: position(task, firstRow))
  }

  func numbers(of task: TensorTask, rows: Range<Int>) throws -> [Float] {
    try RowStore.values(in: range(rows, of: task), of: file, zero: Float(0))
  }

  /// Where the numbers of rows lie.
  func range(_ rows: Range<Int>, of task: TensorTask) -> Range<Int> {
    position(task, rows.lowerBound)..<position(task, rows.upperBound)
  }

  private func position(_ task: TensorTask, _ row: Int) -> Int {
    ((firstRows[task.ordinal] ?? 0) + row) * 4
  }
}
