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
      tasks(plan), modelCount: plan.modelCount, rowBytes: 8 * BlendCut.width)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    let rows = tasks.map { ModelRows.step($0) }.max() ?? 0
    return RowReader.byteCount(elementCount: ModelRows.roomElements(columns))
      + BlendStore.layerBytes(tasks, size)
      + BlendLane.byteCount(modelCount: size.modelCount, width: size.mostDirections)
      + rows * (8 * size.mostDirections + 8 * BlendCut.width)
      + 4 * ModelRows.roomElements(columns) + PassUnits.pieceBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    ModelRows.all(of: tasks(among: sizes.tasks), modelCount: sizes.modelCount).count
      * (PassUnits.byteCount + 2 * MemoryLayout<StripRecords.Slot>.stride)
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
      file, tasks: tasks, modelCount: plan.modelCount, width: BlendCut.width)
    let jobs = ModelRows.all(of: tasks, modelCount: plan.modelCount)
    let columns = tasks.map(\.columnCount).max() ?? 0
    try executor.work(self, .jointCuts, on: jobs, units, byteCount: { $0.byteCount }) {
      [removal, kernels = executor.kernels] worker in
      let reader = plan.rowReader(elementCount: ModelRows.roomElements(columns), kernels: kernels)
      let cutter = JointCutter(
        blend, reader, removal: removal, columnCount: columns, modelCount: plan.modelCount,
        kernels: kernels)
      return { job in
        try worker.readPresentDeltas(reader, of: job.task, model: job.model, job.elements)
        try store.put(
          cutter.cuts(job), task: job.task, model: job.model, firstRow: job.rows.lowerBound)
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

  init(_ method: MethodParameters) {
    rate = method.blendRate
    factor = method.blendFactor
  }
}

/// Blends rows of a model and finds where they are cut, in one lane.
@safe private final class JointCutter {
  private let reader: RowReader
  private let removal: Removal
  private let kernels: Kernels
  private let lane: BlendLane
  private let selection: RowBandSelection
  private let rows: AlignedBuffer<Float>
  private let squares: SquareSum

  init(
    _ source: BlendStore, _ reader: RowReader, removal: Removal, columnCount: Int, modelCount: Int,
    kernels: Kernels
  ) {
    self.reader = reader
    self.removal = removal
    self.kernels = kernels
    lane = BlendLane(source, modelCount: modelCount, kernels: kernels)
    squares = SquareSum(kernels)
    selection = RowBandSelection(kernels: kernels)
    rows = AlignedBuffer(count: ModelRows.roomElements(columnCount), fill: 0)
  }

  /// The numbers of the cut of each row.
  func cuts(_ job: ModelRows) throws -> [Double] {
    let (task, columns) = (job.task, job.task.columnCount)
    try lane.begin(task)
    guard lane.isPresent(job.model) else {
      return [Double](repeating: 0, count: job.rows.count * BlendCut.width)
    }
    try lane.prepare(job.rows, of: task, model: job.model)
    // SAFETY: both buffers hold all rows.
    unsafe lane.blend(
      reader.deltas.pointer, model: job.model, elements: job.elements, into: rows.pointer)
    return (0..<job.rows.count).flatMap { row in
      unsafe cut(rows.pointer + row * columns, columns).numbers
    }
  }

  private func cut(_ row: UnsafeMutablePointer<Float>, _ columns: Int) -> BlendCut {
    let cutAt = unsafe selection.cuts(
      row, count: columns, rates: [removal.rate], tieBreak: .index)[0]
    var (column, left) = (0, cutAt.keptOfTied)
    while left > 0, column < columns {
      if unsafe row[column].magnitude.bitPattern == cutAt.thresholdBits { left -= 1 }
      column += 1
    }
    let whole = unsafe squares.of(row, count: columns)
    let unscaled = BlendCut(threshold: cutAt.threshold, firstDroppedColumn: column, factor: 1)
    unsafe unscaled.apply(to: row, count: columns, column: 0, kernels: kernels)
    let factor = RowScaleStage.factor(
      whole: whole, kept: unsafe squares.of(row, count: columns), times: removal.factor)
    return BlendCut(threshold: cutAt.threshold, firstDroppedColumn: column, factor: factor)
  }
}

extension NodeKind {
  /// Reads rows of a layer of a model, blends them and looks where they are cut.
  static let jointCuts = NodeKind("joint cuts", bytes: .input)
}
