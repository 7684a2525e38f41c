internal import SluiceCore

/// Which of the files of a directory are the model: those that transformers would load.
///
/// The order: `model.safetensors`; else the shards that its index names; else `pytorch_model.bin`;
/// else the shards of that index. What else lies there and could be taken for weights is left over
/// from somewhere, and is said.
struct CheckpointChoice {
  /// The format of the files.
  let format: WeightFile.Format
  /// The index that names them; nil for one file.
  let indexPath: String?
  /// The one file; nil where an index names them.
  let filePath: String?
  /// What lies beside it and is not read, and why.
  let leftovers: [String]

  /// Looks at what is there; nil if there is neither file nor index.
  static func find(in path: String) throws(FormatError) -> CheckpointChoice? {
    var found: [(format: WeightFile.Format, path: String, isIndex: Bool)] = []
    for format in [WeightFile.Format.safetensors, .pyTorch] {
      let names = [
        (Checkpoint.fileName(of: format), false), (CheckpointIndex.fileName(of: format), true),
      ]
      for (name, isIndex) in names where try FileStatus.of("\(path)/\(name)") != nil {
        found.append((format, "\(path)/\(name)", isIndex))
      }
    }
    guard let first = found.first else { return nil }
    let rest = found.dropFirst().filter { $0.format == first.format }
    // An index that names nothing but the single file says the same.
    let leftovers = rest.filter { other in
      guard other.isIndex, !first.isIndex,
        let index = try? CheckpointIndex.read(other.path)
      else { return true }
      return index.fileNames != [Directory.name(of: first.path)]
    }
    return CheckpointChoice(
      format: first.format, indexPath: first.isIndex ? first.path : nil,
      filePath: first.isIndex ? nil : first.path,
      leftovers: leftovers.map { Directory.name(of: $0.path) })
  }

  /// What to say of what is not read.
  func warnings(in path: String) -> [Warning] {
    guard let filePath, !leftovers.isEmpty else { return [] }
    let names = leftovers.map(\.printable).joined(separator: ", ")
    return [
      Warning(
        .oddInput, subject: Subject(file: path),
        message:
          "\(Directory.name(of: filePath)) is read, as transformers does; \(names) beside it "
          + "is left over from another save, and nothing that it names is read")
    ]
  }
}
