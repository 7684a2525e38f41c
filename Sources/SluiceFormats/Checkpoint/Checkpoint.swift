package import SluiceCore

/// A tensor of a checkpoint, and where it is.
package struct CheckpointTensor: Sendable, Hashable {
  /// What its file's header says about it.
  package let entry: TensorEntry
  /// The file that holds it, as a position in the checkpoint's `files`.
  package let fileOrdinal: Int

  /// The name.
  package var name: String { entry.name }

  /// Describes a tensor.
  package init(entry: TensorEntry, fileOrdinal: Int) {
    self.entry = entry
    self.fileOrdinal = fileOrdinal
  }

  /// The same tensor under another name, in the file of another position.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - fileOrdinal: The position of its file; its own if nil.
  /// - Returns: The tensor.
  package func renamed(_ name: String, inFile fileOrdinal: Int? = nil) -> CheckpointTensor {
    let file = fileOrdinal ?? self.fileOrdinal
    if let packed = entry.packed {
      return CheckpointTensor(
        entry: TensorEntry(
          name: name, dtype: entry.dtype, shape: entry.shape, byteRange: entry.byteRange,
          packed: packed), fileOrdinal: file)
    }
    return CheckpointTensor(
      entry: TensorEntry(
        name: name, dtype: entry.dtype, shape: entry.shape, byteRange: entry.byteRange,
        view: entry.view), fileOrdinal: file)
  }
}

/// A model on disk: a directory as Hugging Face lays it out, or one file of weights.
///
/// Opening checks the index and every header against the rules, and each against the others; no
/// tensor is read. All files stay open, so that a later change of a name or link does no harm.
package struct Checkpoint: Sendable {
  /// The path as it was given.
  package let path: String
  /// The directory, or nil where the path is one file.
  package let directory: String?
  /// The files, in natural order of their names.
  package let files: [WeightFile]
  /// All tensors: file after file, each in the order of its bytes.
  package let tensors: [CheckpointTensor]
  /// The content of the directory's `config.json`, if there is one.
  package let config: [UInt8]?
  /// What lies in the directory and could be taken for the model, and is not read.
  package private(set) var warnings: [Warning] = []

  /// The place of each tensor among them, by name.
  package let positions: [String: Int]
  /// Whether its tensors are those of its files, under their names.
  private let isWhole: Bool

  /// The longest `config.json` that is read.
  package static let maximumConfigByteCount = 16 << 20
  /// The most tensors that a checkpoint may have: some three times as many as the largest known, and
  /// few enough to be kept in a fraction of any memory budget.
  package static let maximumTensorCount = 1 << 18
  /// The name of the file of a safetensors checkpoint that is not sharded.
  package static let singleFileName = "model.safetensors"

  /// Opens a checkpoint.
  ///
  /// - Parameters:
  ///   - path: A directory with an index or one file of weights, in safetensors or, failing that, in
  ///     PyTorch's format; or the path of one file.
  ///   - known: A checkpoint whose files may have the very same headers: then both share what was read.
  /// - Returns: The open checkpoint.
  /// - Throws: If there is none at the path, or a rule of its formats is broken.
  package static func open(
    _ path: String, like known: Checkpoint? = nil
  ) throws(FormatError) -> Checkpoint {
    guard let status = try FileStatus.of(path) else {
      throw .malformed("no such file or directory", file: path, remedy: "check the path")
    }
    guard status.kind == .directory else { return try openFile(path, like: known) }
    let configPath = "\(path)/config.json"
    let config =
      try FileStatus.of(configPath) == nil
      ? nil : try InputFile.contents(of: configPath, byteLimit: maximumConfigByteCount)
    if let choice = try CheckpointChoice.find(in: path) {
      guard let indexPath = choice.indexPath else {
        let file = try WeightFile.open(
          choice.filePath ?? path, as: choice.format, like: known?.files.first)
        var checkpoint = try Checkpoint(
          path: path, directory: path, files: [file], config: config, like: known)
        checkpoint.warnings = choice.warnings(in: path)
        return checkpoint
      }
      let index = try CheckpointIndex.read(indexPath)
      var files: [WeightFile] = []
      for name in index.fileNames {
        let peer = known.flatMap { files.count < $0.files.count ? $0.files[files.count] : nil }
        files.append(try openShard(name, of: path, as: choice.format, indexPath, like: peer))
      }
      let checkpoint = try Checkpoint(
        path: path, directory: path, files: files, config: config, like: known)
      try checkpoint.check(against: index, at: indexPath)
      return checkpoint
    }
    throw CheckpointAdvice.error(for: try Directory.list(path), in: path)
  }

  /// The name of the file of a checkpoint that is not sharded.
  static func fileName(of format: WeightFile.Format) -> String {
    switch format {
    case .safetensors: singleFileName
    case .pyTorch: "pytorch_model.bin"
    }
  }

  /// The tensor of a name, if there is one.
  package subscript(name: String) -> CheckpointTensor? {
    positions[name].map { tensors[$0] }
  }

  /// Puts files together.
  ///
  /// - Parameters:
  ///   - path: The path as it was given.
  ///   - directory: The directory, or nil where the path is one file.
  ///   - files: The files, in natural order of their names.
  ///   - config: The content of the directory's `config.json`, if there is one.
  ///   - known: A checkpoint whose files may have been found to have the very same tensors.
  /// - Throws: If a tensor is in several files, or there are too many.
  package init(
    path: String, directory: String?, files: [WeightFile], config: [UInt8]?,
    like known: Checkpoint? = nil
  ) throws(FormatError) {
    self.path = path
    self.directory = directory
    self.files = files
    self.config = config
    isWhole = true
    if let known, known.isWhole, known.files.count == files.count,
      zip(files, known.files).allSatisfy({ $0.tensors.hasStorage(of: $1.tensors) })
    {
      (tensors, positions) = (known.tensors, known.positions)
      return
    }
    var tensors: [CheckpointTensor] = []
    var positions: [String: Int] = [:]
    let count = files.reduce(0) { $0 + $1.tensors.count }
    guard count <= Checkpoint.maximumTensorCount else { throw Checkpoint.tooManyTensors(in: path) }
    tensors.reserveCapacity(count)
    positions.reserveCapacity(count)
    for (ordinal, file) in files.enumerated() {
      for entry in file.tensors {
        if let other = positions.updateValue(tensors.count, forKey: entry.name) {
          throw .malformed(
            "the tensor is also in \(files[tensors[other].fileOrdinal].path)", file: file.path,
            tensor: entry.name)
        }
        tensors.append(CheckpointTensor(entry: entry, fileOrdinal: ordinal))
      }
    }
    self.tensors = tensors
    self.positions = positions
  }

  /// Puts tensors of open files together under names of one's own.
  ///
  /// - Parameters:
  ///   - path: The path to name in messages.
  ///   - directory: The directory of the model's tokenizer, or nil.
  ///   - files: The files.
  ///   - tensors: The tensors, in the order in which they are to be written; several may be the same
  ///     bytes.
  ///   - config: The config.
  /// - Throws: If two tensors have one name, or there are too many.
  package init(
    path: String, directory: String?, files: [WeightFile], tensors: [CheckpointTensor],
    config: [UInt8]?
  ) throws(FormatError) {
    guard tensors.count <= Checkpoint.maximumTensorCount else {
      throw Checkpoint.tooManyTensors(in: path)
    }
    var positions: [String: Int] = [:]
    positions.reserveCapacity(tensors.count)
    for (position, tensor) in tensors.enumerated() {
      if positions.updateValue(position, forKey: tensor.name) != nil {
        throw .malformed("two tensors have this name", file: path, tensor: tensor.name)
      }
    }
    self.path = path
    self.directory = directory
    self.files = files
    self.tensors = tensors
    self.positions = positions
    self.config = config
    isWhole = false
  }

  private static func openFile(
    _ path: String, like known: Checkpoint?
  ) throws(FormatError) -> Checkpoint {
    if let error = CheckpointAdvice.error(forFile: path) { throw error }
    let format: WeightFile.Format = CheckpointAdvice.isPickled(path) ? .pyTorch : .safetensors
    let file = try WeightFile.open(path, as: format, like: known?.files.first)
    return try Checkpoint(path: path, directory: nil, files: [file], config: nil, like: known)
  }

  private static func openShard(
    _ name: String, of directory: String, as format: WeightFile.Format, _ indexPath: String,
    like known: WeightFile?
  ) throws(FormatError) -> WeightFile {
    let path = "\(directory)/\(name)"
    guard try FileStatus.of(path) != nil else {
      throw .malformed(
        "the index names the file \(name.printable), which does not exist", file: indexPath,
        remedy: "download the missing file")
    }
    return try WeightFile.open(path, as: format, like: known)
  }

  static func tooManyTensors(in path: String) -> FormatError {
    .malformed(
      "more than \(maximumTensorCount) tensors", file: path, remedy: "is this a checkpoint?")
  }

  /// Checks that index and headers name the same tensors in the same files.
  private func check(against index: CheckpointIndex, at indexPath: String) throws(FormatError) {
    for tensor in tensors {
      guard let ordinal = index.fileOrdinals[tensor.name] else {
        throw .malformed(
          "the tensor is in \(files[tensor.fileOrdinal].path) but not in the index",
          file: indexPath, tensor: tensor.name)
      }
      guard ordinal == tensor.fileOrdinal else { throw misplaced(tensor.name, ordinal, indexPath) }
    }
    guard index.fileOrdinals.count > tensors.count else { return }
    for (name, ordinal) in index.fileOrdinals.sorted(by: { $0.key < $1.key })
    where positions[name] == nil { throw misplaced(name, ordinal, indexPath) }
  }

  private func misplaced(_ name: String, _ ordinal: Int, _ indexPath: String) -> FormatError {
    .malformed(
      "the index names the file \(index(ordinal)), which does not hold the tensor",
      file: indexPath, tensor: name)
  }

  private func index(_ ordinal: Int) -> String { Directory.name(of: files[ordinal].path).printable }
}
