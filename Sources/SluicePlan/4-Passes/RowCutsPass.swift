internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// A pass over whole rows of linear layers, which the strips of the other passes may cut in two: finds
/// where each row is cut.
package struct RowCutsPass: TensorPass {
  /// How many elements are read at once, unless a row has more.
  private static let groupElements = 1 << 18

  private let settings: TensorSettings
  private let activations: [VectorFile]

  init(_ inputs: PassInputs) {
    settings = inputs.settings
    activations = inputs.activations
  }

  package var name: String { "rows" }
  package var reason: String {
    "each output row is cut by the products of its deltas and their inputs' norms"
  }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(.rows, count: plan.memory.lanes, stages: ["read", "delta", "select"])
    ])
  }

  /// Each model is looked at by itself, so the base is read once for each.
  package func bytesRead(_ plan: TensorPlan) -> Int {
    tasks(plan).reduce(0) { sum, task in
      let base = task.base.byteCount(ofElements: task.elementCount)
      return task.fineTuned.reduce(sum) {
        $0 + base + ($1?.byteCount(ofElements: task.elementCount) ?? 0)
      }
    }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    tasks(plan).reduce(0) {
      $0 + $1.rowCount * plan.modelCount * MemoryLayout<RowCut>.size
    }
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let columns = sizes.tasks(in: roles).map(\.columnCount).max() ?? 0
    // Base and tuned weights as they lie in the file (8 bytes at most), and both as Float32.
    return max(RowCutsPass.groupElements, columns) * (8 + 4 + 4)
      + RowSelection.byteCount(columnCount: columns)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let body = PassUnits.byteCount + MemoryLayout<StripRecords.Slot>.stride
    return sizes.tasks(in: roles).reduce(0) { sum, task in
      let step = RowCutsPass.rowStep(task)
      return sum + sizes.modelCount * (task.rowCount / step + 1) * body
    }
  }

  /// How many rows of a layer are read at once.
  private static func rowStep(_ task: TensorTask) -> Int {
    max(1, groupElements / max(task.columnCount, 1))
  }

  /// What a lane of a later pass holds: the cuts of the rows of a strip.
  static func stripBytes(_ sizes: PassSizes) -> Int {
    let linear = sizes.tasks(in: [.linear]).filter { $0.columnCount > 0 }
    let columns = linear.map(\.columnCount).max() ?? 0
    let cuts = linear.map { min($0.rowCount, sizes.stripElements / $0.columnCount + 2) * 24 }
    return sizes.modelCount * ((cuts.max() ?? 0) + columns * 8)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let linear = tasks(plan)
    let units = try executor.units(.rowCuts)
    guard let file = units.file else { preconditionFailure("units of a file have one") }
    let store = RowCutStore(file, tasks: linear, activations: activations)
    let jobs = linear.flatMap { task in
      (0..<plan.modelCount).flatMap { model in
        ModelRows.all(of: task, model: model, step: RowCutsPass.rowStep(task))
      }
    }
    let columns = linear.map(\.columnCount).max() ?? 0
    try executor.work(self, .rows, on: jobs, units, byteCount: { $0.byteCount }) {
      [settings, kernels = executor.kernels] worker in
      let reader = RowReader(
        elementCount: max(RowCutsPass.groupElements, columns), files: plan.files,
        modelNames: plan.modelNames, kernels: kernels, source: plan.deltas)
      let selection = RowSelection(columnCount: columns, kernels: kernels)
      return { job in
        let columns = job.task.columnCount
        let norms = try store.norms(of: job.task, model: job.model)
        let byteCount = try reader.readDeltas(of: job.task, model: job.model, job.elements)
        worker.countRead(byteCount)
        let rate = settings.pruningRate(of: job.task, model: job.model).value
        let cuts = job.rows.indices.map { row in
          // SAFETY: the reader's buffer holds all rows of the job.
          unsafe selection.cut(
            reader.deltas.pointer + (row - job.rows.lowerBound) * columns, norms: norms, rate: rate)
        }
        try store.put(cuts, task: job.task, model: job.model, firstRow: job.rows.lowerBound)
        worker.advance(by: byteCount)
        return try units.body(
          ofBytesIn: store.range(task: job.task, model: job.model, rows: job.rows))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    findings.inputs.rowCuts = store
  }
}

extension NodeKind {
  /// Reads rows of a layer and finds their cuts.
  package static let rows = NodeKind("rows", bytes: .input)
}
