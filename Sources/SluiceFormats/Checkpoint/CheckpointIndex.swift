internal import SluiceCore

/// The index of a sharded checkpoint: which file holds which tensor.
struct CheckpointIndex {
  /// The name of the index of a safetensors checkpoint.
  static let fileName = "model.safetensors.index.json"
  /// The longest index that is read.
  static let maximumByteCount = 100_000_000

  /// Each tensor's file, as an ordinal into `fileNames`.
  private(set) var fileOrdinals: [String: Int] = [:]
  /// The files, in natural order of their names.
  private(set) var fileNames: [String] = []

  /// The name of index files.
  static func fileName(of format: WeightFile.Format) -> String {
    switch format {
    case .safetensors: fileName
    case .pyTorch: "pytorch_model.bin.index.json"
    }
  }

  /// Reads and checks an index: `weight_map` must map each name once, to a plain file name.
  static func read(_ path: String) throws(FormatError) -> CheckpointIndex {
    let text = try InputFile.contents(of: path, byteLimit: maximumByteCount)
    // Safety: the text outlives the scanner.
    let index = unsafe text.withUnsafeBytes { bytes in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(bytes, file: path)
        return try CheckpointIndex(reading: &scanner, path: path)
      }
    }
    return try index.get()
  }

  /// Reads an index from a scanner at its beginning.
  init(reading scanner: inout JSONScanner, path: String) throws(FormatError) {
    var hasMap = false
    var ordinals: [String: Int] = [:]
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      guard scanner.text(key, equals: "weight_map") else {
        try scanner.skipValue()
        continue
      }
      guard !hasMap else { throw .malformed("weight_map occurs twice", file: path) }
      hasMap = true
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        let tensor = scanner.string(of: key)
        guard fileOrdinals.count < Checkpoint.maximumTensorCount else {
          throw Checkpoint.tooManyTensors(in: path)
        }
        guard try scanner.kind() == .string else {
          throw .malformed("the value in weight_map is no file name", file: path, tensor: tensor)
        }
        let fileName = try scanner.string()
        let ordinal = ordinals[fileName] ?? ordinals.count
        if ordinal == ordinals.count {
          try CheckpointIndex.check(fileName, of: tensor, in: path)
          ordinals[fileName] = ordinal
        }
        guard fileOrdinals.updateValue(ordinal, forKey: tensor) == nil else {
          throw .malformed("the tensor occurs twice in weight_map", file: path, tensor: tensor)
        }
      }
    }
    try scanner.end()
    guard hasMap else { throw .malformed("no weight_map", file: path) }
    sortFiles(ordinals)
  }

  /// A file name may not lead out of the checkpoint's directory.
  private static func check(
    _ fileName: String, of tensor: String, in path: String
  ) throws(FormatError) {
    guard Directory.isPlainName(fileName) else {
      throw .malformed(
        "weight_map names the file \"\(fileName.printable)\"; only plain names in the same "
          + "directory are allowed", file: path, tensor: tensor)
    }
  }

  private mutating func sortFiles(_ ordinals: [String: Int]) {
    fileNames = ordinals.keys.sorted(by: NaturalOrder.isOrderedBefore)
    var ranks = [Int](repeating: 0, count: fileNames.count)
    for (rank, name) in fileNames.enumerated() { ranks[ordinals[name, default: 0]] = rank }
    fileOrdinals = fileOrdinals.mapValues { ranks[$0] }
  }
}
