internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// A pass over whole rows of linear layers: the norm of each before and after the mask, and so what makes up
/// for what the mask removes of it.
package struct RowNormsPass: FilePass {
  private let stages: [String]
  private let factor: Double

  init(_ inputs: PassInputs) {
    stages = inputs.standIns.mask.transforms.map(\.name)
    factor = inputs.recipe.method.rowFactor
  }

  package var fileKind: UnitKind { .rowNorms }
  package var name: String { "row norms" }
  package var reason: String { "each row gets the norm back that the mask takes from it" }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(
        .rowNorms, count: plan.memory.lanes, stages: ["read", "delta"] + stages + ["norms"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    jobs(plan).reduce(0) { $0 + $1.byteCount }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    RowStore.byteCount(tasks(plan), modelCount: plan.modelCount, rowBytes: 8)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let columns = sizes.tasks(in: roles).map(\.columnCount).max() ?? 0
    return MaskedRows.byteCount(columnCount: columns) + sizes.mostRowsOfStrip * 8
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    sizes.unitBytes(
      in: roles, modelBytes: PassUnits.byteCount + MemoryLayout<StripRecords.Slot>.stride)
  }

  private func jobs(_ plan: TensorPlan) -> [StripRows] {
    StripRows.all(of: tasks(plan), modelCount: plan.modelCount, granularity: plan.granularity)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    guard let file = units.file else { preconditionFailure("units of a file have one") }
    let store = RowNumberStore(file, tasks: tasks, modelCount: plan.modelCount, width: 1)
    let columns = tasks.map(\.columnCount).max() ?? 0
    try executor.work(self, .rowNorms, on: jobs(plan), units, byteCount: { $0.byteCount }) {
      [factor, kernels = executor.kernels, mask = findings.mask] worker in
      let reader = MaskedRows(
        plan, columnCount: columns, mask: mask, kernels: kernels, worker: worker)
      let sums = AlignedBuffer<Double>(count: Kernels.squareSumCount, fill: 0)
      func squares(_ row: UnsafePointer<Float>, _ count: Int) -> Double {
        sums.fill(0)
        unsafe kernels.addSquares(row, count: count, to: sums.pointer)
        return unsafe Kernels.total(of: sums.pointer)
      }
      return { job in
        let columns = job.task.columnCount
        try unsafe reader.forEach(job) { rows, deltas, kept in
          let factors = rows.indices.map { row in
            let first = (row - rows.lowerBound) * columns
            // SAFETY: the reader's buffers hold all rows.
            return unsafe Double(
              RowScaleStage.factor(
                whole: squares(deltas + first, columns), kept: squares(kept + first, columns),
                times: factor))
          }
          try store.put(factors, task: job.task, model: job.model, firstRow: rows.lowerBound)
        }
        return try units.body(
          ofBytesIn: store.range(task: job.task, model: job.model, rows: job.rows))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    findings.inputs.rowFactors = store
  }
}

extension NodeKind {
  /// Reads rows of a layer and adds up squares.
  static let rowNorms = NodeKind("row norms", bytes: .input)
}
