internal import SluiceCore
internal import SluiceFormats

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
  }

  private static let reportByteLimit = 1 << 30

  private(set) var shards: [Shard] = []
  private(set) var version = 0
  private(set) var identity = ""

  /// Reads a report; everything that is not about files is skipped.
  init(_ path: String) throws {
    let bytes = try InputFile.contents(of: path, byteLimit: ReportedShards.reportByteLimit)
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
        while try scanner.nextElement() { shards.append(try ReportedShards.shard(&scanner)) }
      default: try scanner.skipValue()
      }
    }
    try scanner.end()
  }

  private static func shard(_ scanner: inout JSONScanner) throws(FormatError) -> Shard {
    var shard = Shard()
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "file": shard.file = try scanner.string()
      case "bytes": shard.byteCount = Int(try scanner.scalar().text) ?? -1
      case "hash": shard.hash = try scanner.string()
      case "tensors":
        try scanner.beginArray()
        while try scanner.nextElement() { shard.tensors.append(try tensor(&scanner)) }
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
      default: try scanner.skipValue()
      }
    }
    return tensor
  }
}
