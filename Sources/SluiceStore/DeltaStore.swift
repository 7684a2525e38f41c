internal import SluiceCore
package import SluiceFormats
internal import SluiceStages

/// The sparse delta store of a fine-tuned model: what merges from some rate on can need of it, to be
/// read in the model's place together with the base that it was made with.
///
/// A directory with `deltas.safetensors`, in which each tensor of the model has its frames and what is
/// known of it as two tensors of bytes, and the model's config.
package struct DeltaStore: Sendable {
  /// The name of the file that makes a directory a store.
  package static let fileName = "deltas.safetensors"
  /// The version of the format.
  package static let version = "1"
  package static let formatKey = "sluice-delta-store"
  package static let framesPrefix = "frames/"
  package static let knownPrefix = "known/"

  /// The path as it was given.
  package let path: String
  /// What the file says of itself: how it was made, and from what.
  package let facts: [String: String]
  package let file: InputFile
  package let config: [UInt8]?
  /// The names of the model's tensors that have frames.
  package let names: [String]
  private let places: [String: (frames: Range<Int>, known: Range<Int>)]

  /// The path of the store's file, if there is a store at a path.
  static func filePath(_ path: String) throws(FormatError) -> String? {
    let candidate =
      try FileStatus.of(path)?.kind == .directory ? "\(path)/\(fileName)" : path
    let isStore = candidate.hasSuffix("/" + fileName) || candidate == fileName
    guard isStore, try FileStatus.of(candidate) != nil else { return nil }
    return candidate
  }

  /// Opens the store at a path.
  package static func open(_ path: String) throws(FormatError) -> DeltaStore? {
    guard let filePath = try filePath(path) else { return nil }
    return try DeltaStore(path: path, SafetensorsFile.open(filePath))
  }

  private init(path: String, _ source: SafetensorsFile) throws(FormatError) {
    self.path = path
    file = source.input
    facts = source.header.metadata
    guard let version = facts[DeltaStore.formatKey] else {
      throw DeltaStore.problem("this file is no delta store", file.path)
    }
    guard version == DeltaStore.version else {
      throw DeltaStore.problem(
        "a delta store of format \(version.printable); this is \(DeltaStore.version)", file.path)
    }
    var frames: [String: Range<Int>] = [:]
    var known: [String: Range<Int>] = [:]
    for tensor in source.header.tensors {
      for (prefix, isKnown) in [(DeltaStore.framesPrefix, false), (DeltaStore.knownPrefix, true)]
      where tensor.name.hasPrefix(prefix) {
        let name = String(tensor.name.dropFirst(prefix.count))
        if isKnown { known[name] = tensor.byteRange } else { frames[name] = tensor.byteRange }
      }
    }
    var places: [String: (frames: Range<Int>, known: Range<Int>)] = [:]
    for (name, range) in known {
      guard let frames = frames[name] else {
        throw DeltaStore.problem("the frames of \(name.printable) are missing", file.path)
      }
      places[name] = (frames, range)
    }
    self.places = places
    names = places.keys.sorted { NaturalOrder.isOrderedBefore($0, $1) }
    let configPath = "\(path)/config.json"
    config =
      try FileStatus.of(configPath) == nil
      ? nil
      : try InputFile.contents(of: configPath, byteLimit: Checkpoint.maximumConfigByteCount)
  }

  /// What is known of a tensor.
  ///
  /// - Parameter name: The tensor's name.
  /// - Returns: What is known of it, with places of frames in the file; nil if the store has not got it.
  /// - Throws: If it cannot be read or is damaged.
  package func tensor(_ name: String) throws(FormatError) -> StoredTensor? {
    guard let place = places[name] else { return nil }
    let bytes = try file.bytes(in: place.known)
    guard var tensor = StoredTensor(encoded: bytes) else {
      throw FramePlace(file: file.path, byteRange: place.known, tensor: name)
        .problem("what the store knows of the tensor is damaged")
    }
    for strip in tensor.strips.indices {
      for index in tensor.strips[strip].table.frames.indices {
        let entry = tensor.strips[strip].table.frames[index]
        guard entry.offset + entry.byteCount <= place.frames.count else {
          throw FramePlace(file: file.path, byteRange: place.known, tensor: name)
            .problem("a frame lies outside of the tensor's frames")
        }
        tensor.strips[strip].table.frames[index].offset += place.frames.lowerBound
      }
    }
    return tensor
  }

  /// The bytes of what is known of a tensor.
  package func knownRange(_ name: String) -> Range<Int>? { places[name]?.known }

  /// The bytes of a tensor's frames in the file.
  package func framesRange(_ name: String) -> Range<Int> { places[name]?.frames ?? 0..<0 }

  /// What the hashes of a tensor's frames are seeded with.
  package static func owner(_ name: String) -> String { "\u{0}\(name)" }

  /// The store as a checkpoint of its model, for matching tensors.
  package func checkpoint() throws(FormatError) -> Checkpoint {
    var entries: [TensorEntry] = []
    for name in names {
      guard let tensor = try tensor(name) else { continue }
      entries.append(
        TensorEntry(
          name: name, dtype: tensor.dtype, shape: tensor.shape, byteRange: framesRange(name)))
    }
    return try Checkpoint(
      path: path, directory: nil,
      files: [WeightFile(input: file, format: nil, tensors: entries)], config: config)
  }

  private static func problem(_ message: String, _ file: String) -> FormatError {
    FormatError.badInput(
      message, file: file, remedy: "Make it with sluice prune, or give the model itself.")
  }
}
