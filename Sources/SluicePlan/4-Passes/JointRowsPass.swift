internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceSolvers
package import SluiceStages

/// A pass over whole rows of linear layers of all models together: for each the weights of directions that its
/// merged deltas have beside their mean.
package struct JointRowsPass: FilePass {
  private let size: BlendSize
  private let share: Double
  private let removal: Removal
  private let weights: TensorSettings

  init(_ inputs: PassInputs) {
    size = inputs.blendSize
    share = inputs.recipe.method.gramShare
    removal = Removal(inputs.recipe.method)
    weights = inputs.settings
  }

  package var fileKind: UnitKind { .jointRows }
  package var name: String { "joint rows" }
  package var reason: String {
    "each row is solved for, so that models disturb each other least along their directions"
  }
  package var cost: PassCost { .unknown }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(
        .jointRows, count: plan.memory.lanes, stages: ["read", "delta", "project", "solve"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    jobs(tasks(plan)).reduce(0) { $0 + $1.byteCount }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    BlendStore.byteCount(tasks(plan), size)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    let rows = tasks.map { ModelRows.step($0) }.max() ?? 0
    return RowReader.byteCount(elementCount: ModelRows.roomElements(columns))
      + BlendStore.directionBytes(tasks, size) + OwnBlend.byteCount(width: size.directionCount)
      + (rows * size.width + JointSolver.rowCount * size.directionCount) * 8 + PassUnits.pieceBytes
      + columns * 4
      + RowBandSelection.byteCount(columnCount: columns)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    jobs(tasks(among: sizes.tasks)).count
      * (PassUnits.byteCount + 2 * MemoryLayout<StripRecords.Slot>.stride)
  }

  private func jobs(_ tasks: [TensorTask]) -> [JointRows] {
    tasks.flatMap { task in
      stride(from: 0, to: task.baseRowCount, by: ModelRows.step(task)).map {
        JointRows(task: task, rows: $0..<min($0 + ModelRows.step(task), task.baseRowCount))
      }
    }
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    guard let file = units.file else { preconditionFailure("units of a file have one") }
    guard let sketches = findings.inputs.directions as? SketchStore else {
      preconditionFailure("the directions are found before")
    }
    let store = BlendStore(file, tasks: tasks, size, sketches: sketches)
    let columns = tasks.map(\.columnCount).max() ?? 0
    try executor.work(self, .jointRows, on: jobs(tasks), units, byteCount: { $0.byteCount }) {
      [share, removal, weights, kernels = executor.kernels] worker in
      let reader = RowReader(
        elementCount: ModelRows.roomElements(columns), files: plan.files,
        modelNames: plan.modelNames, kernels: kernels, source: plan.deltas)
      let solver = JointSolver(
        store, reader, share: share, removal: removal, columnCount: columns, weights: weights,
        kernels: kernels, worker: worker)
      return { job in
        let numbers = try solver.numbers(job)
        try store.put(numbers, task: job.task, firstRow: job.rows.lowerBound)
        return try units.body(ofBytesIn: store.range(task: job.task, rows: job.rows))
      }
    }
    executor.didSpill(bytesSpilled(plan), in: self)
    findings.inputs.blend = store
  }
}

extension NodeKind {
  /// Reads rows of a layer of all models and solves for them.
  static let jointRows = NodeKind("joint rows", bytes: .input)
}
