internal import SluiceCore

/// An open PyTorch checkpoint file (`torch.save` of a state dict, as a ZIP archive): its tensors,
/// each checked to lie inside a storage that lies inside the file.
struct TorchFile {
  /// The file.
  let input: InputFile
  /// The tensors, in the order of the file's dictionary.
  let tensors: [TensorEntry]

  /// Opens a file, reads its directory and pickle, and checks them; no storage is read.
  ///
  /// Memory: the pickle and what it describes, both limited, while this runs.
  ///
  /// - Parameter path: The path; links are followed.
  /// - Returns: The open file.
  /// - Throws: If it is anything but a dictionary of plain tensors.
  static func open(_ path: String) throws(FormatError) -> TorchFile {
    let input = try InputFile.open(path)
    let start = try input.bytes(in: 0..<min(input.byteCount, FileSignature.byteCount))
    guard start.starts(with: [0x50, 0x4b, 0x03, 0x04]) else {
      throw TorchAdvice.notAnArchive(start, file: path)
    }
    let archive = try TorchArchive(ZipArchive(input), input)
    let pickle = archive.pickle
    guard pickle.count <= PickleMachine.maximumByteCount else {
      throw .malformed(
        "a pickle of \(pickle.count) bytes; at most \(PickleMachine.maximumByteCount) are allowed",
        file: path, byteRange: pickle, remedy: TorchAdvice.conversion)
    }
    var machine = PickleMachine(
      try input.bytes(in: pickle), file: path, fileOffset: pickle.lowerBound)
    let value = try machine.run()
    return TorchFile(input: input, tensors: try entries(of: value, in: machine, archive))
  }

  private static func entries(
    of value: PickleValue, in machine: PickleMachine, _ archive: TorchArchive
  ) throws(FormatError) -> [TensorEntry] {
    let path = archive.path
    guard case .dictionary(let position) = value else {
      throw .malformed(
        "expected a dictionary of tensors, found \(value.kind)", file: path,
        remedy: TorchAdvice.conversion)
    }
    let items = machine.containers[position]
    guard items.count / 2 <= Checkpoint.maximumTensorCount else {
      throw Checkpoint.tooManyTensors(in: path)
    }
    var entries: [TensorEntry] = []
    var names = Set<String>(minimumCapacity: items.count / 2)
    entries.reserveCapacity(items.count / 2)
    for index in stride(from: 0, to: items.count, by: 2) {
      guard case .string(let name) = items[index] else {
        throw .malformed(
          "expected the name of a tensor, found \(items[index].kind)", file: path,
          remedy: TorchAdvice.conversion)
      }
      guard case .tensor(let tensor) = items[index + 1] else {
        throw .malformed(
          "expected a tensor, found \(items[index + 1].kind)", file: path, tensor: name,
          remedy: "save the model's state dict alone, without anything around it")
      }
      guard names.insert(name).inserted else {
        throw .malformed("the tensor's name occurs twice", file: path, tensor: name)
      }
      let view = machine.tensors[tensor]
      entries.append(
        try archive.entry(named: name, view, storage: machine.storages[view.storage]))
    }
    return entries
  }
}
