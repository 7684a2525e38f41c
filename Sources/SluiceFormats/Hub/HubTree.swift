internal import SluiceCore

/// The list of files of a commit, as newer caches keep it: `{"files": {"config.json": {"size": 1}}}`.
enum HubTree {
  private static let byteLimit = 1 << 24
  /// How names of weights end.
  static let weights = [".safetensors", ".bin", ".index.json"]

  /// The files of a commit and their lengths.
  static func files(in path: String) throws(FormatError) -> [String: Int] {
    let text = try InputFile.contents(of: path, byteLimit: byteLimit)
    // Safety: the text outlives the scanner.
    let files = unsafe text.withUnsafeBytes { bytes in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(bytes, file: path, maximumDepth: 16)
        var files: [String: Int] = [:]
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
          guard scanner.text(key, equals: "files") else {
            try scanner.skipValue()
            continue
          }
          try scanner.beginObject()
          while let name = try scanner.nextKey() {
            files[scanner.string(of: name)] = try byteCount(&scanner)
          }
        }
        try scanner.end()
        return files
      }
    }
    return try files.get()
  }

  private static func byteCount(_ scanner: inout JSONScanner) throws(FormatError) -> Int? {
    var byteCount: Int?
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.text(key, equals: "size") || scanner.text(key, equals: "lfs_size"),
        case .integer(let size) = try scanner.scalar()
      {
        // The pointer of a large file has a size of its own.
        byteCount = max(byteCount ?? 0, size)
      } else if !(scanner.text(key, equals: "size") || scanner.text(key, equals: "lfs_size")) {
        try scanner.skipValue()
      }
    }
    return byteCount
  }

  /// The files without which the model cannot be loaded: its config, and the weights that count.
  static func needed(_ files: [String: Int]) -> [(String, Int)] {
    let single = files[Checkpoint.singleFileName] != nil
    let isSharded = files[CheckpointIndex.fileName] != nil
    return files.filter { name, _ in
      switch name {
      case "config.json", Checkpoint.singleFileName: true
      case CheckpointIndex.fileName: !single
      default:
        !single && isSharded && name.hasPrefix("model-") && name.hasSuffix(".safetensors")
      }
    }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
