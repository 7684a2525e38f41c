internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// What a report says about the files of a merged model.
struct ReportedShards: Sendable, Hashable {
  /// A file of the model.
  struct Shard: Sendable, Hashable {
    var file = ""
    var byteCount = 0
    var hash = ""
    var tensors: [Tensor] = []
  }

  /// A tensor in a file.
  struct Tensor: Sendable, Hashable {
    var name = ""
    var hash = ""
    /// In how many parts of equal length it was hashed.
    var parts = 1
    /// How those parts lie, where none is a piece of the tensor.
    var layout: MatrixLayout?
  }

  /// Longer files are no reports.
  static let byteLimit = 1 << 29
  /// How many tensors, and files, a report may list: as many as a checkpoint may have.
  private static let countLimit = Checkpoint.maximumTensorCount

  private(set) var shards: [Shard] = []
  private(set) var version = 0
  private(set) var identity = ""
  private var tensorCount = 0
  private var names: Set<String> = []

  /// Reads a report; everything that is not about files is skipped.
  init(_ path: String) throws {
    let bytes = try InputFile.contents(of: path, byteLimit: ReportedShards.byteLimit)
    // Safety: the text outlives the scanner.
    self = try unsafe bytes.withUnsafeBytes { text in
      var scanner = unsafe JSONScanner(text, file: path)
      return try ReportedShards(&scanner)
    }
  }

  /// The identity of the run that wrote a report.
  static func identity(of path: String) throws -> String { try ReportedShards(path).identity }

  private init(_ scanner: inout JSONScanner) throws(FormatError) {
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "version": version = Int(try scanner.scalar().text) ?? 0
      case "identity": identity = try scanner.string()
      case "shards":
        try scanner.beginArray()
        while try scanner.nextElement() { try add(try shard(&scanner), at: scanner) }
      default: try scanner.skipValue()
      }
    }
    try scanner.end()
  }

  private mutating func add(_ shard: Shard, at scanner: JSONScanner) throws(FormatError) {
    guard shards.count < ReportedShards.countLimit else {
      throw scanner.foreign("a report of more than \(ReportedShards.countLimit) files")
    }
    guard names.insert(shard.file).inserted else {
      throw scanner.foreign("a report that lists the file \(shard.file.printable) twice")
    }
    shards.append(shard)
  }

  private mutating func shard(_ scanner: inout JSONScanner) throws(FormatError) -> Shard {
    var shard = Shard()
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "file": shard.file = try scanner.string()
      case "bytes": shard.byteCount = Int(try scanner.scalar().text) ?? -1
      case "hash": shard.hash = try scanner.string()
      case "tensors":
        try scanner.beginArray()
        while try scanner.nextElement() {
          guard tensorCount < ReportedShards.countLimit else {
            throw scanner.foreign("a report of more than \(ReportedShards.countLimit) tensors")
          }
          tensorCount += 1
          shard.tensors.append(try ReportedShards.tensor(&scanner))
        }
      default: try scanner.skipValue()
      }
    }
    return shard
  }

  private static func tensor(_ scanner: inout JSONScanner) throws(FormatError) -> Tensor {
    var tensor = Tensor()
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "name": tensor.name = try scanner.string()
      case "hash": tensor.hash = try scanner.string()
      case "layout":
        let name = try scanner.string()
        guard let layout = MatrixLayout(rawValue: name) else {
          throw scanner.foreign("a tensor of the layout \(name.printable)")
        }
        tensor.layout = layout
      case "parts": tensor.parts = Int(try scanner.scalar().text) ?? 0
      default: try scanner.skipValue()
      }
    }
    guard (1...countLimit).contains(tensor.parts) else {
      throw scanner.foreign("a tensor hashed in \(tensor.parts) parts")
    }
    return tensor
  }
}
