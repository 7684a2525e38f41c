internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels

/// The states behind finished layers in a directory, so that an evaluation that was stopped goes on from
/// there.
///
///     DIR/evaluation.json    what is evaluated, and how many layers of each model are finished
///     DIR/states-M-L         the states of model M behind its layer L
final class EvaluationState {
  private static let name = "evaluation.json"
  private static let prefix = "states-"
  /// What is written at once.
  private static let pieceBytes = 8 << 20

  /// How many layers of each model are finished; nil if nothing is, not even the embedding.
  private(set) var finished: [Int?]

  private let directory: String
  private let identity: Hash128
  private let interval: Double
  private let lock: FileLock?
  private var lastSave = MonotonicTime.now

  /// Looks at what an earlier evaluation left.
  ///
  /// - Parameters:
  ///   - directory: The directory; it is made if it is missing.
  ///   - identity: What the evaluation is.
  ///   - modelCount: How many models it has.
  ///   - interval: The least seconds between two notes.
  /// - Throws: `EvaluationError` if another evaluation is there, or at work there.
  init(
    _ directory: String, identity: Hash128, modelCount: Int, interval: Double = 10
  ) throws {
    (self.directory, self.identity, self.interval) = (directory, identity, interval)
    finished = Array(repeating: nil, count: modelCount)
    try Directory.create(directory)
    switch try FileLock.take("\(directory)/lock", note: "sluice evaluate") {
    case .taken(let taken): lock = taken
    case .unsupported: lock = nil
    case .busy:
      throw EvaluationError(
        Failure(
          .stopped, subject: Subject(file: directory),
          message: "another evaluation is at work in this directory",
          remedy: "Wait for it, or choose another --state."))
    }
    try read()
  }

  private var path: String { "\(directory)/\(EvaluationState.name)" }

  private func statesPath(_ model: Int, _ layers: Int) -> String {
    "\(directory)/\(EvaluationState.prefix)\(model)-\(layers)"
  }

  /// What the evaluation is that a directory keeps; nil if there is none.
  static func identity(in directory: String) throws -> String? {
    let path = "\(directory)/\(name)"
    guard try FileStatus.of(path) != nil else { return nil }
    return try JSONTree.read(path, byteLimit: 1 << 20)["identity"]?.text ?? ""
  }

  private func read() throws {
    guard try FileStatus.of(path) != nil else {
      let others = try Directory.list(directory).map(\.name).filter { $0 != "lock" }
      guard others.allSatisfy({ $0.hasPrefix(EvaluationState.prefix) || $0.hasPrefix(".") }) else {
        throw EvaluationError.usage(
          "the directory holds \(others[0].printable), and no evaluation", file: directory,
          remedy: "Choose another --state: files of others are not touched.")
      }
      return
    }
    let tree = try JSONTree.read(path, byteLimit: 1 << 20)
    guard tree["identity"]?.text == identity.hexadecimal else {
      throw EvaluationError.usage(
        "the directory keeps another evaluation: of other models, tasks, or files that have changed",
        file: directory, remedy: "Choose another --state, or remove it.")
    }
    for (model, count) in (tree["layers"]?.numbers ?? []).enumerated()
    where finished.indices.contains(model) {
      finished[model] = count.flatMap { $0 >= 0 ? Int($0) : nil }
    }
  }

  /// Reads the states behind the finished layers of a model.
  ///
  /// - Returns: How many layers are finished; nil if there is nothing to go on from.
  func restore(_ model: Int, into states: Activations) throws -> Int? {
    guard let layers = finished[model] else { return nil }
    let file = try InputFile.open(statesPath(model, layers))
    let byteCount = states.rowCount * states.columnCount * 4
    guard file.byteCount == byteCount else {
      throw EvaluationError.badInput(
        "it has \(file.byteCount) bytes in the place of \(byteCount)", file: file.path,
        remedy: "Remove the directory, and start over.")
    }
    // SAFETY: the states are as many bytes in a row.
    try unsafe file.read(
      into: UnsafeMutableRawBufferPointer(start: states.row(0), count: byteCount), at: 0)
    states.release(0..<states.rowCount)
    return layers
  }

  /// Notes that layers of a model are finished, unless something was noted a moment ago.
  ///
  /// The states are on the disk before the note is, and those of the note before stay until then.
  func save(_ model: Int, layers: Int, _ states: Activations) throws {
    guard MonotonicTime.now.seconds(since: lastSave) >= interval else { return }
    let file = try AtomicFile(to: statesPath(model, layers))
    let count = states.rowCount * states.columnCount * 4
    for start in stride(from: 0, to: count, by: EvaluationState.pieceBytes) {
      let size = min(EvaluationState.pieceBytes, count - start)
      // SAFETY: the piece lies inside of the states.
      let bytes = unsafe UnsafeRawBufferPointer(
        start: UnsafeRawPointer(states.row(0)) + start, count: size)
      try file.append(unsafe Array(bytes))
    }
    try file.publish()
    let before = finished[model]
    finished[model] = layers
    try AtomicFile.write(json, to: path)
    if let before { try Directory.removeFile(statesPath(model, before)) }
    lastSave = .now
  }

  private var json: [UInt8] {
    JSONWriter.bytes { json in
      json.beginObject()
      json.member("identity", identity.hexadecimal)
      json.key("layers")
      json.beginArray(isOnOneLine: true)
      for count in finished { json.value(.integer(count ?? -1)) }
      json.endArray()
      json.endObject()
    }
  }

  /// Removes what was kept: the evaluation has ended.
  func finish() throws {
    try Directory.removeFile(path)
    for entry in try Directory.list(directory) where entry.name.hasPrefix(EvaluationState.prefix) {
      try Directory.removeFile("\(directory)/\(entry.name)")
    }
    try Directory.removeFile("\(directory)/lock")
    if try Directory.list(directory).isEmpty { try Directory.remove(directory) }
  }
}
