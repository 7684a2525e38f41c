internal import SluiceKernels
internal import SluiceStages

/// A pass over whole rows of linear layers, before and after the mask: finds some numbers of each.
protocol MaskedRowsPass: FilePass {
  /// The kind of its lanes.
  var node: NodeKind { get }
  /// The names of the stages of the mask.
  var maskStages: [String] { get }
  /// How many numbers a row has.
  var width: Int { get }
  /// The bytes that what finds the numbers of a row holds.
  func ruleBytes(_ tasks: [TensorTask]) -> Int
  /// Makes what finds the numbers of a row in one lane.
  func makeRule(
    _ tasks: [TensorTask], _ findings: PassFindings, kernels: Kernels
  ) -> any RowRule
  /// Takes over what was found.
  func take(_ store: RowNumberStore, _ findings: inout PassFindings)
}

/// Finds the numbers of rows.
protocol RowRule: AnyObject {
  /// Prepares for rows of a layer of a model.
  func begin(_ task: TensorTask, model: Int) throws
  /// The numbers of rows, which lie one behind the other.
  ///
  /// - Parameters:
  ///   - deltas: Their deltas.
  ///   - kept: What the mask keeps of them.
  ///   - rowCount: How many rows.
  ///   - count: How many elements of each.
  ///   - numbers: Receives as many numbers as the pass says for each row, zeros before.
  func find(
    _ deltas: UnsafePointer<Float>, _ kept: UnsafePointer<Float>, rowCount: Int, count: Int,
    into numbers: UnsafeMutablePointer<Double>)
}

extension MaskedRowsPass {
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(
        node, count: plan.memory.lanes, stages: ["read", "delta"] + maskStages + [name])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    jobs(plan).reduce(0) { $0 + $1.byteCount }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    RowStore.byteCount(tasks(plan), modelCount: plan.modelCount, rowBytes: 8 * width)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    // Numbers of the rows that are read at once.
    let rows = tasks.filter { $0.columnCount > 0 }.map { ModelRows.step($0) }.max() ?? 0
    return MaskedRows.byteCount(columnCount: columns) + rows * width * 8 + ruleBytes(tasks)
      + PassUnits.pieceBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let pieces = tasks.reduce(0) { $0 + $1.baseRowCount * width * 8 / PassUnits.pieceBytes }
    let strips = sizes.stripCount(in: roles)
    return sizes.modelCount
      * (strips * PassUnits.byteCount
        + (strips + pieces) * MemoryLayout<StripRecords.Slot>.stride)
  }

  private func jobs(_ plan: TensorPlan) -> [StripRows] {
    StripRows.all(of: tasks(plan), modelCount: plan.modelCount, granularity: plan.granularity)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    let store = RowNumberStore(file, tasks: tasks, modelCount: plan.modelCount, width: width)
    let columns = tasks.map(\.columnCount).max() ?? 0
    try executor.work(self, node, on: jobs(plan), units, byteCount: { $0.byteCount }) {
      [self, kernels = executor.kernels, findings, width] worker in
      let reader = MaskedRows(
        plan, columnCount: columns, mask: findings.mask, kernels: kernels, worker: worker)
      let rule = makeRule(tasks, findings, kernels: kernels)
      return { job in
        let columns = job.task.columnCount
        try rule.begin(job.task, model: job.model)
        try unsafe reader.forEach(job) { rows, deltas, kept in
          var numbers = [Double](repeating: 0, count: rows.count * width)
          unsafe numbers.withUnsafeMutableBufferPointer {
            guard let numbers = $0.baseAddress else { return }
            // SAFETY: the reader's buffers hold all rows.
            unsafe rule.find(
              deltas, kept, rowCount: rows.count, count: columns, into: numbers)
          }
          try store.put(numbers, task: job.task, model: job.model, firstRow: rows.lowerBound)
        }
        return try units.body(
          ofBytesIn: store.range(task: job.task, model: job.model, rows: job.rows))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    take(store, &findings)
  }
}
