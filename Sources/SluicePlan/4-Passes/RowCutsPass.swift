internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// A pass over whole rows of linear layers, which the strips of the other passes may cut in two: finds
/// where each row is cut.
package struct RowCutsPass: FilePass {
  private let settings: TensorSettings
  private let activations: [VectorFile]

  init(_ inputs: PassInputs) {
    settings = inputs.settings
    activations = inputs.activations
  }

  package var fileKind: UnitKind { .rowCuts }
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
    jobs(tasks(plan), plan.modelCount).reduce(0) { $0 + $1.byteCount }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    RowStore.byteCount(
      tasks(plan), modelCount: plan.modelCount, rowBytes: RowCutStore.rowBytes)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let columns = sizes.tasks(in: roles).map(\.columnCount).max() ?? 0
    return RowReader.byteCount(elementCount: ModelRows.roomElements(columns))
      + RowSelection.byteCount(columnCount: columns)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    jobs(tasks(among: sizes.tasks), sizes.modelCount).count
      * (PassUnits.byteCount + MemoryLayout<StripRecords.Slot>.stride)
  }

  /// All models, also those that do not change a layer.
  private func jobs(_ tasks: [TensorTask], _ modelCount: Int) -> [ModelRows] {
    tasks.flatMap { task in
      (0..<modelCount).flatMap {
        ModelRows.all(of: task, model: $0, step: ModelRows.step(task))
      }
    }
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
    let file = units.ownFile
    let store = RowCutStore(file, tasks: linear, activations: activations)
    let columns = linear.map(\.columnCount).max() ?? 0
    try executor.work(
      self, .rows, on: jobs(linear, plan.modelCount), units, byteCount: { $0.byteCount }
    ) {
      [settings, kernels = executor.kernels] worker in
      let reader = plan.rowReader(elementCount: ModelRows.roomElements(columns), kernels: kernels)
      let selection = RowSelection(columnCount: columns, kernels: kernels)
      return { job in
        let columns = job.task.columnCount
        let norms = try store.norms(of: job.task, model: job.model)
        let byteCount = try reader.readPresentDeltas(of: job.task, model: job.model, job.elements)
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
