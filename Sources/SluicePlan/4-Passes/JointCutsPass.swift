internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceSolvers
package import SluiceStages

/// A pass over whole rows of linear layers, each blended with the other models': where what comes of it is cut, so
/// that its largest elements stay.
package struct JointCutsPass: FilePass {
  private let size: SketchSize
  private let removal: Removal
  private var width: Int { BlendCut.width + size.corrections }

  init(_ inputs: PassInputs) {
    size = inputs.sketchSize
    removal = Removal(inputs.recipe.method)
  }

  package var fileKind: UnitKind { .jointCuts }
  package var name: String { "joint cuts" }
  package var reason: String { "the largest of each row of each model's blended deltas stay" }
  package var cost: PassCost { .unknown }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(
        .jointCuts, count: plan.memory.lanes, stages: ["read", "delta", "blend", "cut"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    ModelRows.all(of: tasks(plan), modelCount: plan.modelCount).reduce(0) { $0 + $1.byteCount }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    RowStore.byteCount(
      tasks(plan), modelCount: plan.modelCount, rowBytes: 8 * width)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    let rows = tasks.map { ModelRows.step($0) }.max() ?? 0
    let most = size.mostDirections(tasks)
    return RowReader.byteCount(elementCount: ModelRows.roomElements(columns))
      + BlendStore.layerBytes(tasks, size)
      + BlendLane.byteCount(modelCount: size.modelCount, width: most)
      + rows * (8 * most + 16 * width)
      + 4 * ModelRows.roomElements(columns) + PassUnits.pieceBytes
      + (size.corrections > 0 ? correctorBytes(tasks, columns) : 0)
  }

  /// What compensates rows: what is kept of some, and directions in Double.
  private func correctorBytes(_ tasks: [TensorTask], _ columns: Int) -> Int {
    RowCompensation.rowsAtOnce * 4 * columns
      + RowCompensation.byteCount(columnCount: columns, rank: size.corrections)
      + 8 * size.mostCorrectionNumbers(tasks)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    ModelRows.all(of: tasks(among: sizes.tasks), modelCount: sizes.modelCount).reduce(0) {
      let pieces = $1.rows.count * width * 8 / PassUnits.pieceBytes + 2
      return $0 + PassUnits.byteCount + pieces * MemoryLayout<StripRecords.Slot>.stride
    }
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    guard let blend = findings.inputs.blend as? BlendStore else {
      preconditionFailure("rows are projected before")
    }
    let store = RowNumberStore(
      file, tasks: tasks, modelCount: plan.modelCount, width: width)
    let jobs = ModelRows.all(of: tasks, modelCount: plan.modelCount)
    let columns = tasks.map(\.columnCount).max() ?? 0
    try executor.work(self, .jointCuts, on: jobs, units, byteCount: { $0.byteCount }) {
      [removal, size, kernels = executor.kernels] worker in
      let reader = plan.rowReader(elementCount: ModelRows.roomElements(columns), kernels: kernels)
      let cutter = JointCutter(
        blend, reader, removal: removal, columnCount: columns, size: size, kernels: kernels)
      return { job in
        try worker.readPresentDeltas(reader, of: job.task, model: job.model, job.elements)
        try store.put(
          cutter.numbers(job), task: job.task, model: job.model, firstRow: job.rows.lowerBound)
        return try units.body(
          ofBytesIn: store.range(task: job.task, model: job.model, rows: job.rows))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    findings.inputs.blend = BlendStore(blend, cuts: store)
  }
}

/// What is removed of each row of blended deltas.
struct Removal: Sendable {
  /// The rate; nothing is removed at 0.
  let rate: Double
  /// What the norms that are restored are multiplied by.
  let factor: Double
  /// What is added to the diagonal where rows are compensated, as a share of its mean.
  let ridge: Double

  init(_ method: MethodParameters) {
    rate = method.blendRate
    factor = method.blendFactor
    ridge = method.ridge
  }
}

extension NodeKind {
  /// Reads rows of a layer of a model, blends them and looks where they are cut.
  static let jointCuts = NodeKind("joint cuts", bytes: .input)
}
