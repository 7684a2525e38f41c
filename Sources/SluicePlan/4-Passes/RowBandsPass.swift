internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// A pass over whole rows of linear layers: finds where each partition's rate cuts each row by magnitude.
package struct RowBandsPass: FilePass {
  private let settings: TensorSettings
  private let tieBreak: TieBreak

  init(_ inputs: PassInputs) {
    settings = inputs.settings
    tieBreak = inputs.recipe.method.tieBreak
  }

  package var fileKind: UnitKind { .rowBands }
  package var name: String { "row cuts" }
  package var reason: String { "each output row is cut by the magnitudes of its deltas" }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(.rowBands, count: plan.memory.lanes, stages: ["read", "delta", "select"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    jobs(tasks(plan), plan.modelCount).reduce(0) { $0 + $1.byteCount }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    RowBandStore.byteCount(tasks(plan), plan, partitionCount: settings.partitionCount)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let columns = sizes.tasks(in: roles).map(\.columnCount).max() ?? 0
    let room = ModelRows.roomElements(columns)
    let rows = room / max(columns, 1) + 1
    return RowReader.byteCount(elementCount: room)
      + rows * settings.partitionCount * (12 + MemoryLayout<Cut>.stride)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let jobs = jobs(tasks(among: sizes.tasks), sizes.modelCount)
    return jobs.count * (PassUnits.byteCount + 2 * MemoryLayout<StripRecords.Slot>.stride)
  }

  /// What a lane of a later pass holds: the cuts of the rows of a strip.
  static func stripBytes(_ sizes: PassSizes, partitionCount: Int) -> Int {
    sizes.modelCount * sizes.mostRowsOfStrip
      * partitionCount * (12 + 2 * MemoryLayout<Cut>.stride)
  }

  private func jobs(_ tasks: [TensorTask], _ modelCount: Int) -> [ModelRows] {
    ModelRows.all(of: tasks, modelCount: modelCount)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    let store = RowBandStore(file, tasks: tasks, plan: plan, settings: settings)
    let columns = tasks.map(\.columnCount).max() ?? 0
    try executor.work(
      self, .rowBands, on: jobs(tasks, plan.modelCount), units, byteCount: { $0.byteCount }
    ) { [settings, tieBreak, kernels = executor.kernels] worker in
      let reader = plan.rowReader(elementCount: ModelRows.roomElements(columns), kernels: kernels)
      let selection = RowBandSelection(kernels: kernels)
      return { job in
        let (task, model, columns) = (job.task, job.model, job.task.columnCount)
        worker.countRead(try reader.readPresentDeltas(of: task, model: model, job.elements))
        let rates = settings.partitionRates(of: task, model: model).map(\.value)
        let cuts = job.rows.indices.map { row in
          // SAFETY: the reader's buffer holds all rows of the job.
          unsafe selection.cuts(
            reader.deltas.pointer + (row - job.rows.lowerBound) * columns, count: columns,
            rates: rates, tieBreak: tieBreak)
        }
        try store.put(cuts, task: task, model: model, firstRow: job.rows.lowerBound)
        // Strips that begin behind the first element of the rows.
        let size = plan.granularity.stripElements
        let first = job.elements.lowerBound / size + 1
        let strips = first..<max(first, (job.elements.upperBound - 1) / size + 1)
        for strip in strips {
          let (row, column) = (strip * size).quotientAndRemainder(dividingBy: columns)
          let position = row - job.rows.lowerBound
          let ties = cuts[position].map {
            // SAFETY: as above.
            unsafe $0.tiesBefore(column, of: reader.deltas.pointer + position * columns)
          }
          try store.put(tiesBefore: ties, strip: task.firstStrip + strip, model: model)
        }
        worker.advance(by: job.byteCount)
        return try units.body(
          ofBytesIn: store.range(task: task, model: model, rows: job.rows),
          store.tieRange(
            strips: task.firstStrip + strips.lowerBound..<task.firstStrip + strips.upperBound,
            model: model))
      }
    }
    executor.didSpill(bytesSpilled(plan), in: self)
    findings.inputs.rowBands = store
  }
}

extension Cut {
  /// How many of the first elements of a row lie at the threshold.
  fileprivate func tiesBefore(_ column: Int, of row: UnsafePointer<Float>) -> Int {
    // SAFETY: the caller guarantees that the row has the columns.
    (0..<column).count { unsafe row[$0].magnitude.bitPattern == thresholdBits }
  }
}

extension NodeKind {
  /// Reads rows of a layer and finds where magnitudes are cut.
  static let rowBands = NodeKind("row cuts", bytes: .input)
}
