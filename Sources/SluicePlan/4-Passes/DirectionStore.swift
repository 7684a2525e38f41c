internal import SluiceFormats
internal import SluiceStages

/// Directions of layers in a file: of each model, or of all together; before them the sum of squares of each
/// model's deltas.
final class DirectionStore: DirectionSource, Sendable {
  private let file: WorkFile
  let size: SketchSize
  private let places: ModelPlaces
  /// What says how many of the directions are taken; all are if nil.
  private let held: EnergyStore?
  var byteCount: Int { places.byteCount }

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, size: SketchSize) {
    self.file = file
    self.size = size
    held = nil
    places = ModelPlaces(tasks, modelCount: modelCount) {
      DirectionStore.byteCount($0, $1, size)
    }
  }

  /// The same, with as many directions as hold a share of deltas' squares.
  init(_ other: DirectionStore, energies: EnergyStore) {
    (file, size, places) = (other.file, other.size, other.places)
    held = energies
  }

  private static func byteCount(_ task: TensorTask, _ model: Int, _ size: SketchSize) -> Int {
    guard size.isJoint ? model == 0 : task.fineTuned[model] != nil else { return 0 }
    return 8 * size.sharing + 4 * size.panelCount(task)
  }

  /// The bytes of a file.
  static func byteCount(_ tasks: [TensorTask], modelCount: Int, size: SketchSize) -> Int {
    tasks.reduce(0) { sum, task in
      sum + (0..<modelCount).reduce(0) { $0 + byteCount(task, $1, size) }
    }
  }

  /// Where the directions of a model lie, or those of all, which are those of the first.
  func range(_ task: TensorTask, model: Int) -> Range<Int> {
    let start = places.start(of: task, model: model) ?? 0
    return start..<start + DirectionStore.byteCount(task, model, size)
  }

  /// Keeps directions, or zeros if there are none.
  func put(_ panels: [Float], energies: [Double], _ task: TensorTask, model: Int) throws {
    let start = range(task, model: model).lowerBound
    let missing = [Float](repeating: 0, count: size.panelCount(task) - panels.count)
    try RowStore.put(energies, in: file, at: start)
    try RowStore.put(panels + missing, in: file, at: start + 8 * energies.count)
  }

  /// Those of a layer of a model, or those of all models.
  func directions(of task: TensorTask, model: Int) throws -> Directions {
    let first = size.isJoint ? 0 : model
    let energies = try energies(of: task, model: first)
    guard energies.contains(where: { $0 > 0 }) else { return .none }
    let range = range(task, model: first)
    let all = Directions(
      width: size.width(task), columnCount: task.columnCount,
      panels: try RowStore.values(
        in: range.lowerBound + 8 * size.sharing..<range.upperBound, of: file, zero: Float(0)),
      energies: energies)
    return try held.map { all.first(try $0.count(task, first: first, energies: energies)) } ?? all
  }

  /// The sums of squares of the deltas that a layer's directions are of.
  private func energies(of task: TensorTask, model: Int) throws -> [Double] {
    let range = range(task, model: model)
    guard !range.isEmpty else { return [] }
    return try RowStore.values(
      in: range.lowerBound..<range.lowerBound + 8 * size.sharing, of: file, zero: 0.0)
  }

  /// How much of each model's deltas the directions that are taken hold, layer by layer.
  func held(_ tasks: [TensorTask], modelCount: Int) throws -> [Int: [SketchedLayer]] {
    var layers: [Int: [SketchedLayer]] = [:]
    guard let held else { return layers }
    for task in tasks {
      for model in 0..<modelCount where task.fineTuned[model] != nil {
        let first = size.isJoint ? 0 : model
        let energies = try energies(of: task, model: first)
        let count = try held.count(task, first: first, energies: energies)
        let sums = try held.held(task, model: model)
        layers[model, default: []].append(
          SketchedLayer(
            task: task.ordinal, held: sums.isEmpty ? 0 : sums[min(count, sums.count) - 1],
            energy: energies[model - first], directionCount: count))
      }
    }
    return layers
  }
}
