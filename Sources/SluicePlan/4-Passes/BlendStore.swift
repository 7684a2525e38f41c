internal import SluiceFormats
internal import SluiceKernels
internal import SluiceSolvers
internal import SluiceStages

/// What models are blended by, in a file: for each row of each model its products with the directions of all, and
/// behind the rows, for each block of them and each model, the products of these with each other.
final class BlendStore: BlendSource, Sendable {
  private let file: WorkFile
  private let rows: RowStore
  private let directions: DirectionStore
  private let share: Double
  private let starts: [Int: Int]
  let byteCount: Int
  /// Where the rows of blended deltas are cut, if that is asked for.
  let cuts: RowNumberStore?

  init(
    _ file: WorkFile, tasks: [TensorTask], directions: DirectionStore, share: Double,
    cuts: RowNumberStore? = nil
  ) {
    self.file = file
    self.directions = directions
    self.share = share
    self.cuts = cuts
    let size = directions.size
    stride = size.mostDirections(tasks)
    rows = RowStore(
      file, tasks: tasks, modelCount: size.modelCount, rowBytes: BlendStore.rowBytes(tasks, size))
    var starts: [Int: Int] = [:]
    var end = rows.byteCount
    for task in tasks {
      starts[task.ordinal] = end
      end += RowBlock.count(task) * BlendStore.coreBytes(task, size)
    }
    self.starts = starts
    byteCount = end
  }

  /// The same, with cuts.
  init(_ other: BlendStore, cuts: RowNumberStore) {
    file = other.file
    rows = other.rows
    directions = other.directions
    share = other.share
    stride = other.stride
    starts = other.starts
    byteCount = other.byteCount
    self.cuts = cuts
  }

  private static func rowBytes(_ tasks: [TensorTask], _ size: SketchSize) -> Int {
    4 * size.mostDirections(tasks)
  }

  /// The numbers between a model's core and the next one's.
  private func coreCount(_ task: TensorTask) -> Int {
    directions.size.width(task) * directions.size.width(task)
  }

  private static func coreBytes(_ task: TensorTask, _ size: SketchSize) -> Int {
    8 * size.modelCount * size.width(task) * size.width(task)
  }

  /// The bytes of the file.
  static func byteCount(_ tasks: [TensorTask], _ size: SketchSize) -> Int {
    RowStore.byteCount(tasks, modelCount: size.modelCount, rowBytes: rowBytes(tasks, size))
      + tasks.reduce(0) { $0 + RowBlock.count($1) * coreBytes($1, size) }
  }

  /// What reading what a layer is blended by takes: directions, factors, and what they are made from.
  static func layerBytes(_ tasks: [TensorTask], _ size: SketchSize) -> Int {
    8 * size.mostPanelNumbers(tasks)
      + OwnBlend.byteCount(modelCount: size.modelCount, width: size.mostDirections(tasks))
      + 2 * (tasks.map { coreBytes($0, size) }.max() ?? 0)
      + (size.corrections > 0 ? strongestBytes(tasks, size) : 0)
  }

  /// What the directions take that rows are compensated along: as rows and in panels.
  private static func strongestBytes(_ tasks: [TensorTask], _ size: SketchSize) -> Int {
    8 * size.mostCorrectionNumbers(tasks)
      + OwnBlend.strongestByteCount(
        modelCount: size.modelCount, width: size.mostDirections(tasks), count: size.corrections)
  }

  /// What a lane of the merge holds.
  static func laneBytes(_ sizes: PassSizes, _ size: SketchSize) -> Int {
    let tasks = sizes.tasks(in: [.linear])
    let most = size.mostDirections(tasks)
    return layerBytes(tasks, size)
      + BlendLane.byteCount(modelCount: size.modelCount, width: most)
      + (2 + size.modelCount) * sizes.mostRowsOfStrip * 4 * most
      + size.modelCount * Granularity.grainElements * 4
      + (size.corrections > 0 ? correctionBytes(sizes, size) : 0)
  }

  /// What a lane holds to compensate rows: the weights as they are read and in Float32, and what is added to a tile.
  private static func correctionBytes(_ sizes: PassSizes, _ size: SketchSize) -> Int {
    RowNumberStore.stripBytes(sizes, width: BlendCut.width + size.corrections) * 3 / 2
      + 4 * Granularity.grainElements
  }

  /// Keeps rows of a model, each as many numbers as there are directions of the layer.
  func put(_ numbers: [Float], task: TensorTask, model: Int, firstRow: Int) throws {
    try rows.put(numbers, task: task, model: model, firstRow: firstRow)
  }

  /// Keeps the products with each other of all models' rows of a block.
  func put(_ cores: [Double], _ block: RowBlock) throws {
    try RowStore.put(cores, in: file, at: range(block).lowerBound)
  }

  /// Where the rows of a model lie.
  func range(task: TensorTask, model: Int, rows: Range<Int>) -> Range<Int> {
    self.rows.range(task: task, model: model, rows: rows)
  }

  /// Where the products of a block lie.
  func range(_ block: RowBlock) -> Range<Int> {
    let count = BlendStore.coreBytes(block.task, directions.size)
    let start = (starts[block.task.ordinal] ?? 0) + block.index * count
    return start..<start + count
  }

  /// The numbers of a row in the file.
  let stride: Int

  /// The products of all rows of a layer with each other, model after model.
  func cores(of task: TensorTask) throws -> [Double] {
    try RowBlock.totals(of: task) { try RowStore.values(in: range($0), of: file, zero: 0.0) }
  }

  /// How much of each model's deltas lies along the directions of a layer, and the sum of their squares.
  func energies(
    of task: TensorTask
  ) throws -> (width: Int, models: [(held: Double, energy: Double)]) {
    let found = try directions.directions(of: task, model: 0)
    let (cores, width) = (try cores(of: task), found.width)
    let models = found.energies.enumerated().map { model, energy in
      let first = model * coreCount(task)
      return ((0..<width).reduce(0) { $0 + cores[first + $1 * (width + 1)] }, energy)
    }
    return (width, models)
  }

  func layerBlend(of task: TensorTask, kernels: Kernels) throws -> LayerBlend {
    let found = try directions.directions(of: task, model: 0)
    guard found.width > 0 else {
      return LayerBlend(.none, factors: task.fineTuned.map { _ in nil })
    }
    let (cores, square, step) = (try cores(of: task), found.width * found.width, coreCount(task))
    let present = found.energies.indices.filter { found.energies[$0] > 0 }
    let parts = present.map {
      OwnBlend.Part(
        core: Array(cores[$0 * step..<$0 * step + square]), energy: found.energies[$0])
    }
    let factors = OwnBlend.factors(
      parts, width: found.width, columnCount: task.columnCount, share: share, kernels: kernels)
    var all = [[Double]?](repeating: nil, count: found.energies.count)
    for (model, factor) in zip(present, factors) { all[model] = factor }
    let count = directions.size.correctionCount(among: found.width)
    let strongest =
      count > 0
      ? OwnBlend.strongest(
        parts, width: found.width, columnCount: task.columnCount, count: count, kernels: kernels)
      : []
    return LayerBlend(found, factors: all, strongest: strongest)
  }

  func projections(ofRows rows: Range<Int>, task: TensorTask, model: Int) throws -> BlendRows {
    BlendRows(
      firstRow: rows.lowerBound, stride: stride,
      values: try self.rows.values(ofRows: rows, task: task, model: model, zero: Float(0)))
  }

  func rows(of strip: Strip) -> Range<Int> { strip.rows }

  func cuts(of strip: Strip, model: Int) throws -> RowNumbers {
    try cuts?.rowNumbers(of: strip, model: model) ?? .none
  }
}
