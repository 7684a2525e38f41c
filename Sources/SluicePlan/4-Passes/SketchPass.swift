internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// A pass over whole rows of linear layers that adds them up into a few rows, with signs: enough to see along which
/// directions of inputs the deltas lie.
///
/// Formula, for a layer of n rows and m sums: row i is added to sum (i + o) modulo m with a sign. The sign is + where
/// the number drawn for position i of a tensor of this name, as for the first model of `dare`, is at least 2^23;
/// o is the number drawn for the first row of its group, i - i modulo m, modulo 2^23 and m. If n is m or less, rows
/// are their own sums.
/// Source: counting sketches (Clarkson and Woodruff, arXiv 1207.6365), with sums of equally many rows.
/// Accuracy: Float32, over the rows of a block in order, and over blocks in order.
package struct SketchPass: FilePass {
  private let size: SketchSize
  private let seed: UInt64

  init(_ inputs: PassInputs) {
    self.init(inputs.sketchSize, seed: inputs.recipe.method.seed)
  }

  init(_ size: SketchSize, seed: UInt64) { (self.size, self.seed) = (size, seed) }

  package var fileKind: UnitKind { .rowSums }
  package var name: String { "sketch" }
  package var reason: String {
    "rows are added up into a few, to see along which directions of inputs deltas lie"
  }
  package var cost: PassCost { .unknown }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(.sketch, count: plan.memory.lanes, stages: ["read", "delta", "add up"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    SketchBlock.bytesRead(of: tasks(plan), modelCount: plan.modelCount)
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    BlockPlaces.byteCount(tasks(plan), blockBytes: size.blockBytes)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    return RowReader.byteCount(elementCount: ModelRows.roomElements(columns))
      + (tasks.map(size.blockBytes).max() ?? 0) + PassUnits.pieceBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let blocks = SketchBlock.all(of: tasks, modelCount: sizes.modelCount)
    return blocks.reduce(0) { sum, block in
      let pieces = size.blockBytes(block.task) / PassUnits.pieceBytes + 1
      return sum + PassUnits.byteCount + pieces * MemoryLayout<StripRecords.Slot>.stride
    }
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    findings.sketches = try sums(executor)
  }

  /// Adds the rows of all models up.
  func sums(_ executor: any PassExecutor) throws -> SketchStore {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    let store = SketchStore(file, tasks: tasks, modelCount: plan.modelCount, size: size)
    let blocks = SketchBlock.all(of: tasks, modelCount: plan.modelCount)
    try executor.work(self, .sketch, on: blocks, units, byteCount: { $0.byteCount }) {
      [size, seed, kernels = executor.kernels] worker in
      let sketch = BlockSketch(
        tasks, plan, size: size, seed: seed, kernels: kernels, worker: worker)
      return { block in
        let energy = try sketch.addUp(block)
        try unsafe store.put(sketch.sums.pointer, energy: energy, block)
        return try units.body(ofBytesIn: store.range(block))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    return store
  }
}

/// Adds up the rows of a block, in one lane.
@safe private final class BlockSketch {
  private let reader: RowReader
  private let size: SketchSize
  private let seed: UInt64
  private let kernels: Kernels
  private let worker: PassWorker
  let sums: AlignedBuffer<Float>
  private let squares: SquareSum

  init(
    _ tasks: [TensorTask], _ plan: TensorPlan, size: SketchSize, seed: UInt64, kernels: Kernels,
    worker: PassWorker
  ) {
    self.size = size
    self.seed = seed
    self.kernels = kernels
    self.worker = worker
    squares = SquareSum(kernels)
    reader = plan.rowReader(
      elementCount: ModelRows.roomElements(tasks.map(\.columnCount).max() ?? 0), kernels: kernels)
    sums = AlignedBuffer(
      count: tasks.map { size.sumCount($0) * $0.columnCount }.max() ?? 0, fill: 0)
  }

  /// Adds a block up, and returns the sum of squares.
  func addUp(_ block: SketchBlock) throws -> Double {
    let (task, columns, rows) = (block.task, block.task.columnCount, block.rows.rows)
    let count = size.sumCount(task)
    let signs = RowSigns(seed: seed, tensor: task.name, kernels: kernels)
    sums.fill(0)
    var energy = 0.0
    var offset = 0
    let step = ModelRows.step(task)
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let some = first..<min(first + step, rows.upperBound)
      try worker.readPresentDeltas(
        reader, of: task, model: block.model,
        some.lowerBound * columns..<some.upperBound * columns)
      for row in some {
        let isWhole = count == task.baseRowCount
        if row == rows.lowerBound || row % count == 0 {
          offset = isWhole ? 0 : signs.offset(ofGroupAt: row - row % count, count: count)
        }
        // SAFETY: the reader's buffer holds all rows, and the sums as many as any layer has.
        let deltas = unsafe reader.deltas.pointer + (row - some.lowerBound) * columns
        let sum = unsafe sums.pointer + (row + offset) % count * columns
        unsafe kernels.take(
          isWhole || signs.isPositive(row) ? .add : .subtract, sum, deltas, into: sum,
          count: columns, roundedTo: .f32)
        energy += unsafe squares.of(deltas, count: columns)
      }
    }
    return energy
  }
}

/// Signs that are drawn for a layer.
@safe struct RowSigns {
  private let start: UInt64
  private let kernels: Kernels
  private let number = AlignedBuffer<UInt32>(count: 1, fill: 0)

  init(seed: UInt64, tensor: String, kernels: Kernels) {
    start = DrawStart.start(seed: seed, model: 0, tensor: tensor)
    self.kernels = kernels
  }

  private func draw(_ position: Int) -> UInt32 {
    // SAFETY: there is room for one number.
    unsafe kernels.draw(into: number.pointer, count: 1, start: start, first: position)
    return unsafe number.pointer[0]
  }

  /// Whether the sign at a position is +.
  func isPositive(_ position: Int) -> Bool { draw(position) >= 1 << 23 }

  /// By how much the rows of a group are shifted among so many sums.
  func offset(ofGroupAt row: Int, count: Int) -> Int { Int(draw(row) % (1 << 23)) % count }
}

extension NodeKind {
  /// Reads rows of a layer and adds them up.
  static let sketch = NodeKind("sketch", bytes: .input)
}
